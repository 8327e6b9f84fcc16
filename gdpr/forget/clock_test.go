package forget_test

import (
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/gdpr/forget"
)

// TestClockAhead: a clock that is weeks ahead of what the vault has heard of expires nothing until somebody says that it is
// right; one that goes on is believed for ever.
func TestClockAhead(t *testing.T) { synctest.Test(t, bodyClockAhead) }

func bodyClockAhead(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	n := w.hubs[0]
	start := w.now
	n.loop.Trust(start)
	for range 20 { // weeks, a week at a time
		w.now = w.now.Add(7 * 24 * time.Hour)
		if err := n.loop.Tick(ctx); hub.CodeOf(err) == forget.CodeClockDoubtful {
			t.Fatalf("doubted after a week: %v", err)
		}
		w.forget(n, 0)
	}
	keys := len(w.vault.All())
	w.now = w.now.Add(2 * 365 * 24 * time.Hour)
	before, err := w.vault.Current(ctx)
	must(t, err)
	for range 3 {
		w.now = w.now.Add(time.Hour)
		if err := n.loop.Tick(ctx); hub.CodeOf(err) != forget.CodeClockDoubtful {
			t.Fatalf("two years ahead: %v", err)
		}
	}
	if after, err := w.vault.Current(ctx); err != nil || after.Number != before.Number || len(w.vault.All()) != keys {
		t.Fatalf("cycle %d of %d keys, was %d of %d, %v", after.Number, len(w.vault.All()), before.Number, keys, err)
	}
	n.loop.Trust(w.now)
	must(t, n.loop.Tick(ctx))
	if after, err := w.vault.Current(ctx); err != nil || after.Number == before.Number {
		t.Fatalf("nothing expired although the clock is right: %+v, %v", after, err)
	}
}
