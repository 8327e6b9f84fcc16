package audit_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/internal/audit"
	"hub/internal/wal"
	"hub/internal/wal/waltest"
)

// running starts a drainer in the bubble of a test.
func running(t *testing.T, log *wal.Log, o audit.Outbox) (d *audit.Drainer, end func() error) {
	t.Helper()
	d, err := audit.NewDrainer(log, o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- d.Run(ctx) }()
	synctest.Wait()
	return d, func() error { cancel(); return <-result }
}

func TestRunIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox("a")
		d, end := running(t, openedLog(t, waltest.New(1)), o)
		began := time.Now()
		o.commit("a", 3)
		d.Ring()
		synctest.Wait()
		if n := o.waiting(); n > 0 || time.Since(began) > 0 {
			t.Errorf("%d rows wait after the bell and %v", n, time.Since(began))
		}
		o.commit("a", 3) // nobody rings
		<-time.After(999 * time.Millisecond)
		synctest.Wait()
		if n := o.waiting(); n != 3 {
			t.Errorf("%d rows wait before the second is over: somebody polls all the time", n)
		}
		<-time.After(2 * time.Millisecond)
		synctest.Wait()
		if n := o.waiting(); n > 0 {
			t.Errorf("%d rows wait after a second", n)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

// hanging has one database that answers nothing until it is let go.
type hanging struct {
	*outbox
	name string
	free chan struct{}
}

func (h *hanging) Read(ctx context.Context, source string, limit int) ([]audit.Entry, error) {
	if source == h.name {
		select {
		case <-h.free:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return h.outbox.Read(ctx, source, limit)
}

// TestOneDatabaseHoldsBackNoOther has one that is down, one that hangs, and one that appears later.
func TestOneDatabaseHoldsBackNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox("a", "b", "c")
		down := true
		o.fault = func(source string) fault {
			if source == "b" && down {
				return fails
			}
			return works
		}
		h := &hanging{outbox: o, name: "c", free: make(chan struct{})}
		log := openedLog(t, waltest.New(2))
		d, end := running(t, log, h)
		for _, name := range []string{"a", "b", "c", "d"} {
			o.commit(name, 10)
		}
		d.Ring()
		synctest.Wait()
		if got := inLog(t, log); len(got["a"]) != 10 || len(got) != 1 {
			t.Errorf("in the log: %v", got)
		}
		o.mu.Lock()
		o.names, down = append(o.names, "d"), false
		o.mu.Unlock()
		<-time.After(1100 * time.Millisecond)
		synctest.Wait()
		if got := inLog(t, log); len(got["b"]) != 10 || len(got["d"]) != 10 || len(got["c"]) != 0 {
			t.Errorf("in the log: %v", got)
		}
		close(h.free)
		synctest.Wait()
		if got := inLog(t, log); len(got["c"]) != 10 {
			t.Errorf("in the log: %v", got)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestRunEndsWithItsLog(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			fs, o := waltest.New(3), newOutbox("a")
			log := openedLog(t, fs)
			d, err := audit.NewDrainer(log, o, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			result := make(chan error, 1)
			go func() { result <- d.Run(context.Background()) }()
			if stopped {
				fs.Plan(func(s waltest.Step) waltest.Fault {
					if s.Kind == waltest.Sync {
						return waltest.Failed
					}
					return waltest.None
				})
			} else if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			o.commit("a", 1)
			d.Ring()
			if err := <-result; (err != nil) != stopped {
				t.Errorf("stopped %v: %v", stopped, err)
			}
		})
	}
}

// TestUnreadableLogIsRefused: a record that is not understood may be one whose rows are still there.
func TestUnreadableLogIsRefused(t *testing.T) {
	log := openedLog(t, waltest.New(4))
	if _, err := log.Append(t.Context(), []byte(`{"format":2,"source":"a","entries":[{"id":"aud_1"}]}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.NewDrainer(log, newOutbox("a"), slog.New(slog.DiscardHandler)); hub.KindOf(err) != hub.KindPermanent {
		t.Errorf("a record of a later format: %v", err)
	}
	for _, err := range audit.Entries(log) {
		if hub.CodeOf(err) != hub.CodeUnreadable {
			t.Errorf("reading it: %v", err)
		}
	}
}

// TestRestoredRowsAreNotDoubled brings rows back that are in the log already, as restoring an old copy of a database does;
// a restore takes the cursor away.
func TestRestoredRowsAreNotDoubled(t *testing.T) {
	fs, o := waltest.New(5), newOutbox("a", "b")
	o.commit("a", 20)
	o.commit("b", 20)
	old := append([]audit.Entry(nil), o.rows["a"]...)
	for range 2 {
		log := openedLog(t, fs)
		d, err := audit.NewDrainer(log, o, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := inLog(t, log); len(got["a"]) != 20 || len(got["b"]) != 20 {
			t.Errorf("in the log: %v", got)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if err := fs.Remove("/audit/" + audit.CursorName + ".cursor"); err != nil {
			t.Fatal(err)
		}
		o.rows["a"] = old
	}
}
