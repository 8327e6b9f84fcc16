package demo

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

// hook is an output on which something happens at a text.
type hook struct {
	bytes.Buffer
	at   string
	then func() error
}

func (h *hook) Write(b []byte) (int, error) {
	if strings.Contains(string(b), h.at) {
		if err := h.then(); err != nil {
			return 0, err
		}
	}
	return h.Buffer.Write(b)
}

// empty fails the test when the demo has left something in the temporary folder.
func empty(t *testing.T, folder string) {
	t.Helper()
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%d are left in the temporary folder, %v", len(left), err)
	}
}

func TestDemo(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	var out bytes.Buffer
	if err := Run(t.Context(), Options{Out: &out, Orders: 20, Seed: 1}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "Every order is in the ERP's hands exactly once") {
		t.Error(out.String())
	}
	empty(t, temporary)
}

// An interrupted demo knows nothing about what would have come, and claims nothing.
func TestInterruptedDemoClaimsNoLoss(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	for _, at := range []string{"A hub is up", "is connected", "copies", "delivered"} {
		ctx, interrupt := context.WithCancel(t.Context())
		out := &hook{at: at, then: func() error { interrupt(); return nil }}
		err := Run(ctx, Options{Out: out, Orders: 200, Seed: 1})
		if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "interrupted") || strings.Contains(err.Error()+out.String(), "lost") {
			t.Errorf("at %q: %v\n%s", at, err, out)
		}
	}
	empty(t, temporary)
}

// What cannot be printed is an error wherever it happens, the last line included.
func TestDemoReturnsWriteErrors(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	away := errors.New("nobody reads")
	for _, at := range []string{"A hub is up", "copies", "delivered", "exactly once"} {
		out := &hook{at: at, then: func() error { return away }}
		if err := Run(t.Context(), Options{Out: out, Orders: 10, Seed: 1}); !errors.Is(err, away) {
			t.Errorf("at %q: %v", at, err)
		}
		if at != "exactly once" && strings.Contains(out.String(), "lost") {
			t.Errorf("at %q: it went on to the end", at)
		}
	}
	empty(t, temporary)
}
