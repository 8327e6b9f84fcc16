package hubtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"hub/internal/app"
	"hub/internal/config"
	"hub/internal/demo"
)

// childEnv carries a spec to the process that becomes the hub.
const childEnv = "HUBTEST_CHILD"

// programEnv names the program of hubs in processes of their own: the same test binary, built without the race detector, which
// takes most of the time and tells nothing of a process that is killed. Unset, the test binary itself is the hub.
const programEnv = "HUB_TEST_PROGRAM"

// spec is what the process of a hub needs.
type spec struct {
	Flags  map[string]string
	Probe  string
	Habits Habits
}

// Main runs the tests of a package whose test binary also serves as the hub's own process, and as its keepers'; call it from
// TestMain.
func Main(run func() int) {
	if len(os.Args) > 1 && os.Args[1] == keeperArgument {
		if err := app.Keep(os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, "keeper:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if text := os.Getenv(childEnv); text != "" {
		if err := serveChild(text); err != nil {
			fmt.Fprintln(os.Stderr, "hub:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(run())
}

// serveChild is a hub like that of `hub serve`, with a probe. It prints its address once it serves.
func serveChild(text string) error {
	var s spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return fmt.Errorf("reading spec: %w", err)
	}
	probe, err := OpenProbe(s.Probe)
	if err != nil {
		return err
	}
	cfg, _, err := config.Load(config.Input{Flags: s.Flags})
	if err != nil {
		return err
	}
	commands := make(chan command)
	go obey(commands)
	probe.Begin()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	o, err := s.options()
	if err != nil {
		return err
	}
	o.Logger, o.Observe = log, probe.Observe
	h, err := app.Open(ctx, cfg, o)
	if err != nil {
		return err
	}
	if err := h.Listen(); err != nil {
		return err
	}
	probe.Serving()
	fmt.Println(h.URL())
	go answer(ctx, h, commands)
	return h.Run(ctx)
}

// keeperArgument begins the arguments of a keeper; the data folder of its hub follows, so that it can be told from others.
const keeperArgument = "keep-token"

// options are those of the hub, by its habits.
func (s spec) options() (app.Options, error) {
	o := app.Options{LogSegment: 4 << 20, PollEvery: s.Habits.PollEvery}
	if ahead := s.Habits.Ahead; ahead != 0 {
		o.Clock = func() time.Time { return app.SystemClock().Add(ahead) }
	}
	if !s.Habits.Keepers {
		return o, nil
	}
	program, err := os.Executable()
	o.Keeper = []string{program, keeperArgument, s.Flags["data"]}
	return o, err
}

// Process is a hub in a process of its own.
type Process struct {
	URL string

	cmd   *exec.Cmd
	in    io.WriteCloser // closed by the end of the test binary, at the latest
	out   *bufio.Reader
	probe *Probe
	log   *strings.Builder // its log, complete once it has ended
}

// program is what Spawn starts.
func program() string {
	if program := os.Getenv(programEnv); program != "" {
		return program
	}
	return os.Args[0]
}

// Spawn starts the test binary again as a hub, or the one of programEnv, and returns at once: it may be killed before it
// serves. Await waits until it serves. The process dies with the test binary.
func Spawn(t testing.TB, s Size, data string, probe string) *Process {
	t.Helper()
	text, err := json.Marshal(spec{s.Flags(data), probe, s.Habits})
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{cmd: exec.Command(program()), log: &strings.Builder{}}
	if p.probe, err = OpenProbe(probe); err != nil {
		t.Fatal(err)
	}
	p.cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	p.cmd.Stderr = p.log
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // of a test that failed; after Kill or Terminate it is nothing
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
	})
	return p
}

// Await returns when the hub serves, or the error with which it ended.
func (p *Process) Await() error {
	line, err := p.out.ReadString('\n')
	if err != nil {
		return errors.Join(fmt.Errorf("the hub ended before it served: %w", err), p.cmd.Wait(), errors.New(p.log.String()))
	}
	p.URL = strings.TrimSpace(line)
	return nil
}

// PID is the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Operator is a client with the operator's key.
func (p *Process) Operator() demo.Client { return Operator(p.URL) }

// LingerAt makes the hub stay longer in a phase, so that a kill aimed at it falls into it.
func (p *Process) LingerAt(phase app.Phase) { p.probe.LingerAt(phase) }

// aimEvery is how often Aim looks: often enough for a phase in which the hub lingers, and no load on a machine on which the
// hub has to get there.
const aimEvery = 200 * time.Microsecond

// Aim returns as soon as the hub is where the kill shall fall, or after a while all the same.
func (p *Process) Aim(at func(Fell) bool, within time.Duration) {
	tick := time.NewTicker(aimEvery)
	defer tick.Stop()
	for until := time.Now().Add(within); !at(p.probe.Now()) && time.Now().Before(until); {
		<-tick.C
	}
}

// Now says what the hub is doing at this moment.
func (p *Process) Now() Fell { return p.probe.Now() }

// Kill ends the process at once, as SIGKILL does, and says where that fell.
func (p *Process) Kill(t testing.TB) Fell {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal("killing hub: ", err, p.log.String())
	}
	_ = p.cmd.Wait() // "signal: killed"
	fell := p.probe.Now()
	p.probe.clear()
	if err := p.probe.Close(); err != nil {
		t.Fatal(err)
	}
	return fell
}

// Terminate ends the process as an operator does; it must exit with 0.
func (p *Process) Terminate(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal("ending hub: ", err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the hub did not end well: %v\n%s", err, p.log)
	}
	if err := p.probe.Close(); err != nil {
		t.Error(err)
	}
}
