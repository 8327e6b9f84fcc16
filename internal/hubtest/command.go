package hubtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"

	"hub"
	"hub/gdpr"
	"hub/internal/app"
)

// command is what a test orders a hub in another process to do, for which there is no route yet: a line of JSON on its
// standard input, answered by one on its standard output.
type command struct {
	Do         string              `json:"do"` // find, fence, kill, visit or look
	Tenant     hub.TenantID        `json:"tenant"`
	Subjects   []gdpr.SubjectID    `json:"subjects,omitempty"`
	Identifier gdpr.IdentifierKind `json:"identifier,omitempty"`
	Value      string              `json:"value,omitempty"`
	Connection []hub.ConnectionID  `json:"connection,omitempty"`
}

type reply struct {
	Subjects []gdpr.SubjectID `json:"subjects,omitempty"`
	Error    string           `json:"error,omitempty"`
}

// obey passes commands on, and ends this process when the test's end of its standard input closes.
func obey(commands chan<- command) {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c command
		if json.Unmarshal(lines.Bytes(), &c) == nil {
			commands <- c
		}
	}
	os.Exit(3)
}

// answer carries commands out, one after another.
func answer(ctx context.Context, h *app.Hub, commands <-chan command) {
	for c := range commands {
		r, err := c.carryOut(ctx, h)
		if err != nil {
			r.Error = err.Error()
		}
		text, _ := json.Marshal(r)
		fmt.Println(string(text))
	}
}

func (c command) carryOut(ctx context.Context, h *app.Hub) (r reply, err error) {
	f := h.Forgetter()
	switch c.Do {
	case "find":
		id, err := gdpr.NewIdentifier(c.Identifier, c.Value)
		if err != nil {
			return r, err
		}
		r.Subjects, err = f.Find(ctx, c.Tenant, []gdpr.Identifier{id})
		return r, err
	case "fence":
		_, err = f.Fence(ctx, c.Tenant, c.Subjects, "erasure")
	case "kill":
		_, err = f.Kill(ctx, c.Tenant, c.Subjects, "erasure")
	case "visit":
		id, err := gdpr.NewIdentifier(gdpr.IdentifierEmail, c.Value)
		if err != nil {
			return r, err
		}
		for _, place := range gdpr.Locations() {
			if _, err = f.Visit(ctx, c.Tenant, place, c.Subjects, []gdpr.Identifier{id}); err != nil {
				return r, err
			}
		}
	case "look":
		err = look(ctx, h, c.Connection)
	default:
		err = errors.New("unknown command")
	}
	return r, err
}

// look checks connections, all at once.
func look(ctx context.Context, h *app.Hub, list []hub.ConnectionID) error {
	errs := make([]error, len(list))
	var group sync.WaitGroup
	for i, id := range list {
		group.Go(func() { errs[i] = h.Look(ctx, id) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// order makes the hub do something and waits for it. A hub that is killed meanwhile is an error.
func (p *Process) order(c command) (r reply, err error) {
	text, err := json.Marshal(c)
	if err != nil {
		return r, err
	}
	if _, err := p.in.Write(append(text, '\n')); err != nil {
		return r, err
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, err
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}

// Find returns the persons whom an identifier leads to.
func (p *Process) Find(t hub.TenantID, kind gdpr.IdentifierKind, value string) ([]gdpr.SubjectID, error) {
	r, err := p.order(command{Do: "find", Tenant: t, Identifier: kind, Value: value})
	return r.Subjects, err
}

// Fence begins an erasure: nobody reads or writes the persons any more.
func (p *Process) Fence(t hub.TenantID, subjects []gdpr.SubjectID) error {
	_, err := p.order(command{Do: "fence", Tenant: t, Subjects: subjects})
	return err
}

// KillKeys ends the keys of persons.
func (p *Process) KillKeys(t hub.TenantID, subjects []gdpr.SubjectID) error {
	_, err := p.order(command{Do: "kill", Tenant: t, Subjects: subjects})
	return err
}

// Visit empties what is left of them; the e-mail address is searched for in what could not be parsed.
func (p *Process) Visit(t hub.TenantID, subjects []gdpr.SubjectID, email string) error {
	_, err := p.order(command{Do: "visit", Tenant: t, Subjects: subjects, Value: email})
	return err
}

// Look has the hub ask the platforms of connections with their tokens, all at once.
func (p *Process) Look(list []hub.ConnectionID) error {
	_, err := p.order(command{Do: "look", Connection: list})
	return err
}

// Pause stops the process as it stands, and Resume lets it go on: what a machine does that is suspended or swaps.
func (p *Process) Pause(t testing.TB) { p.signal(t, syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (p *Process) Resume(t testing.TB) { p.signal(t, syscall.SIGCONT) }

func (p *Process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal("signalling hub: ", err)
	}
}
