package app

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"hub"
	"hub/internal/config"
	"hub/internal/connect"
	"hub/internal/store"
)

// keeper makes refresh calls in processes of their own, which outlive the hub's (decision 15).
type keeper struct {
	command []string // the program and its arguments; nothing secret
	control string   // the control database as package store names it; a secret
	instead connect.Sender
	logger  *slog.Logger
}

// order is what a keeper reads from its standard input. It holds secrets, and is nowhere else.
type order struct {
	Control string         `json:"control"`
	Errand  connect.Errand `json:"errand"`
}

// Send implements connect.Sender: it returns when the keeper has ended, or when ctx has, and then the keeper goes on. Where
// no process can be begun, the hub makes the call itself: a token that is never refreshed dies, too.
func (k keeper) Send(ctx context.Context, e connect.Errand) error {
	const op = "beginning a keeper"
	text, err := json.Marshal(order{k.control, e})
	if err != nil {
		return hub.Errorf(hub.KindInternal, op, "not printable")
	}
	cmd := exec.Command(k.command[0], k.command[1:]...)
	cmd.Env, cmd.Dir = withoutSecrets(os.Environ()), "/"
	detach(cmd)
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		k.logger.Warn("no process can be begun: the hub refreshes tokens itself", "error", err)
		return k.instead.Send(ctx, e)
	}
	ended := make(chan error, 1)
	go func() {
		// A keeper that reads half of its order does nothing. Who writes and who waits may both go on after ctx.
		_, _ = in.Write(text)
		_ = in.Close()
		ended <- cmd.Wait()
	}()
	select {
	case err := <-ended:
		if err != nil {
			return hub.Errorf(hub.KindUnknown, op, "the keeper ended with %w", err)
		}
		return nil
	case <-ctx.Done():
		return hub.Errorf(hub.KindUnavailable, op, "%w", ctx.Err())
	}
}

// withoutSecrets leaves out the hub's own settings.
func withoutSecrets(environ []string) (kept []string) {
	for _, e := range environ {
		if !strings.HasPrefix(e, "HUB_") {
			kept = append(kept, e)
		}
	}
	return kept
}

// maxOrder bounds what a keeper reads, keepTrying how long it holds an answer that the database does not take.
const (
	maxOrder   = 1 << 20
	keepTrying = 24 * time.Hour
)

// Keep is a keeper's whole life: it reads one order, makes its call, and stores the answer. Signals that end a hub do not end
// it, since it may hold the only copy of a pair of tokens.
func Keep(in io.Reader) error {
	const op = "keeping a token"
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	begun := time.Now()
	text, err := io.ReadAll(io.LimitReader(in, maxOrder))
	var o order
	if err != nil || json.Unmarshal(text, &o) != nil {
		return hub.Errorf(hub.KindInvalid, op, "the order is not whole")
	}
	db, err := store.OpenKeeper(o.Control, func() time.Time { return o.Errand.At.Add(time.Since(begun)).UTC() })
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), keepTrying)
	defer cancel()
	defer db.Close(context.WithoutCancel(ctx))
	direct := connect.Send{Transport: transport, Errands: db}
	return direct.Send(ctx, o.Errand)
}

// controlOf names the control database for a process with another working directory.
func controlOf(c config.Config) string {
	name := storeConfig(c).Control
	kind, path, _ := strings.Cut(name, ":")
	if kind != "sqlite" {
		return name
	}
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	return kind + ":" + path
}
