package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hub/internal/config"
)

func TestExitCodes(t *testing.T) {
	t.Chdir(t.TempDir())
	const leaked = "hub_live_01j9z3k6m8q0r2t4v6x8z0b2d4_canary"
	for line, want := range map[string]int{
		"--help": exitOK, "version": exitOK, "key create --help": exitOK,
		"": exitUsage, "bogus": exitUsage, "serve --surprise": exitUsage, "tenant create": exitUsage, "tenant create --name x --order-retention long": exitUsage,
		"tenant create --name x --order-retention 0": exitUsage, "tenant create --name x --order-retention=-1": exitUsage, "parked replay --tenant ten_1": exitUsage,
		"key forget --approve x": exitUsage, "key forget --approve=-1": exitUsage, "instance remove": exitUsage, "instance list --help": exitOK, "version -o xml": exitUsage,
		"normalize --platform amazon": exitUsage, "demo --orders 0": exitUsage, "demo --orders -1": exitUsage,
		"serve --log-level loud": exitUsage, "serve --listen foo": exitUsage, "tenant list --url foo": exitUsage, "key revoke " + leaked: exitUsage,
		"app add --platform shopify --name A":    exitUsage,
		"normalize --platform shopify none.json": exitFailed, "tenant list": exitFailed, "tenant list --config none.yaml": exitFailed,
	} {
		var out, errs bytes.Buffer
		if got := run(t.Context(), strings.Fields(line), strings.NewReader(""), &out, &errs, nil); got != want {
			t.Errorf("hub %s: exit %d, want %d\n%s", line, got, want, &errs)
		}
		if strings.Contains(errs.String(), "canary") {
			t.Errorf("hub %s shows the key: %s", line, &errs)
		}
		if (errs.Len() == 0) != (want == exitOK) || (out.Len() == 0) != (want != exitOK) {
			t.Errorf("hub %s: exit %d with %d bytes out and %d on standard error", line, want, out.Len(), errs.Len())
		}
	}
}

// A wrong setting of the environment is no mistake on the command line.
func TestWrongSettingsFailByTheirSource(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		args, environ string
		want          int
	}{
		{"serve", "HUB_LOG_LEVEL=loud", exitFailed},
		{"serve --log-level loud", "HUB_LOG_LEVEL=info", exitUsage},
		{"serve --max-body huge", "HUB_LISTEN=nowhere", exitUsage}, // both are named
	} {
		var errs bytes.Buffer
		got := run(t.Context(), strings.Fields(c.args), strings.NewReader(""), io.Discard, &errs, []string{c.environ})
		if got != c.want || !strings.Contains(errs.String(), "setting HUB_") {
			t.Errorf("hub %s with %s: exit %d, want %d\n%s", c.args, c.environ, got, c.want, &errs)
		}
	}
}

// What an error quotes cannot steer the terminal.
func TestErrorsArePrintable(t *testing.T) {
	for _, err := range []error{errors.New("opening \x1b[2J\x00\u202e\nnext"), usageError{"opening \x1b[2J\x00\u202e\nnext"}} {
		var errs bytes.Buffer
		(&process{stderr: &errs}).fail(err)
		if !strings.HasPrefix(errs.String(), "hub: opening ?[2J??\nhub: next\n") {
			t.Errorf("%q", errs.String())
		}
	}
}

// A stop that is asked for while the hub opens is a regular end, whenever it comes.
func TestStopWhileOpening(t *testing.T) {
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	endings := map[int]int{}
	for _, after := range []time.Duration{-1, 0, 5 * time.Millisecond, 30 * time.Millisecond, 80 * time.Millisecond} {
		ctx := stopped
		if after >= 0 {
			var end context.CancelFunc
			ctx, end = context.WithCancel(t.Context())
			time.AfterFunc(after, end)
		}
		var errs bytes.Buffer
		code := run(ctx, []string{"serve", "--data", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"},
			strings.NewReader(""), io.Discard, &errs, nil)
		endings[code]++
		if code != exitOK {
			t.Errorf("stopped after %v: exit %d\n%s", after, code, &errs)
		}
	}
	t.Logf("exit codes %v", endings)
	held := errors.New("folder_held")
	if err := (&process{ctx: t.Context()}).opened(held, slog.New(slog.DiscardHandler)); err != held {
		t.Errorf("without a stop: %v", err)
	}
}

func TestAnnounce(t *testing.T) {
	for _, c := range []struct{ public, url, want string }{
		{"", "http://127.0.0.1:8080", "The hub listens on http://127.0.0.1:8080\nThe operator key is in F\n"},
		{"", "http://[::]:8080", "The hub listens on http://[::]:8080\nPlatforms reach it at http://127.0.0.1:8080\nThe operator key is in F\n"},
		{"https://h.example", "http://127.0.0.1:8080", "The hub listens on http://127.0.0.1:8080\nPlatforms reach it at https://h.example\nThe operator key is in F\n"},
	} {
		var out bytes.Buffer
		announce(&out, config.Config{PublicURL: c.public}, c.url, "F")
		if out.String() != c.want {
			t.Errorf("%q: %s", c.public, &out)
		}
	}
}

// full is a disk with no room left.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestDemoThatCannotPrintFails(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	var errs bytes.Buffer
	if code := run(t.Context(), []string{"demo", "--orders", "3"}, strings.NewReader(""), full{}, &errs, nil); code != exitFailed || !strings.Contains(errs.String(), "no space left") {
		t.Errorf("exit %d: %s", code, &errs)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("%d are left in the temporary folder, %v", len(left), err)
	}
}
