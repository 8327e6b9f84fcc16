package forget_test

import (
	"context"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hub/gdpr"
	"hub/gdpr/forget"
)

// TestCost counts the rows that erasures make a cycle rewrite, among many persons with two tags each, and compares that with
// what follows from 65,536 buckets: as many slots as there were keys and tags, each with its share of everything.
func TestCost(t *testing.T) { synctest.Test(t, bodyCost) }

func bodyCost(t *testing.T) {
	persons, erased := 1_500, 100
	if drill() {
		persons = 20_000
	}
	w := newWorld(t, 1)
	w.acting = nil
	ids := w.ids
	w.ids = func() [16]byte {
		id := ids()
		id[14], id[15] = byte(w.rand.IntN(256)), byte(w.rand.IntN(256))
		return id
	}
	w.hubs[0].restart()
	who := w.crowd(persons)
	_, err := w.hubs[0].f.Kill(ctx, "ten_a", who[:erased], "erasure")
	must(t, err)
	all := w.forget(w.hubs[0], int64(erased))
	if len(all) != 1 {
		t.Fatalf("%d cycles", len(all))
	}
	c := all[0]
	share := 3 * float64(persons) / 65536 // a key and two tags each
	want := float64(c.Slots) * share
	if c.Slots > int64(3*erased) || c.Slots < int64(3*erased-20) {
		t.Errorf("%d slots for %d keys and tags", c.Slots, 3*erased)
	}
	if off := math.Abs(float64(c.Rows) - want); off > 5*math.Sqrt(want)+3 {
		t.Errorf("%d rows rewritten, expected about %.0f", c.Rows, want)
	}
	w.hubs[0].restart()
	w.now = w.now.Add(time.Second) // who was erased is somebody new from now on
	if again := w.crowd(persons); !slices.Equal(again[erased:], who[erased:]) {
		t.Error("survivors are not found by their tags any more")
	}
	big := float64(c.Rows) / float64(erased) * 10e6 / float64(persons)
	t.Logf("%d erasures among %d persons: %d slots, %d rows (expected %.0f); for one among 10 million with two tags that is %.0f, with three tags %.0f",
		erased, persons, c.Slots, c.Rows, want, big, big*16/9)
}

// counter notes what is rewritten, and in which pieces.
type counter struct {
	forget.Cycles
	slots []gdpr.Slot
	calls []int // slots
	most  int   // rows in one call of more than one slot
}

func (c *counter) Rewrite(ctx context.Context, epoch int64, slots []gdpr.Slot, f func([]forget.Slotful) ([]forget.Slotful, error)) error {
	c.slots, c.calls = append(c.slots, slots...), append(c.calls, len(slots))
	return c.Cycles.Rewrite(ctx, epoch, slots, func(full []forget.Slotful) ([]forget.Slotful, error) {
		rows := 0
		for _, s := range full {
			rows += len(s.Keys) + len(s.Tags)
		}
		if len(full) > 1 {
			c.most = max(c.most, rows)
		}
		return f(full)
	})
}

// TestRewritesInPieces: a cycle rewrites each dirty slot once, more of them at a time as long as they hold few rows, and
// fewer when they hold many.
func TestRewritesInPieces(t *testing.T) { synctest.Test(t, bodyRewritesInPieces) }

func bodyRewritesInPieces(t *testing.T) {
	for what, c := range map[string]struct {
		persons, erased int
		id              func(n int) [2]byte // the slot of person n's key
		least, most     int                 // slots in the largest piece
	}{
		"a few rows each":   {600, 200, func(n int) [2]byte { return [2]byte{byte(n >> 8), byte(n)} }, 64, 600},
		"many rows in some": {6000, 60, func(n int) [2]byte { return [2]byte{7, byte(n % 30)} }, 2, 120},
	} {
		w := newWorld(t, 1)
		w.acting = nil
		n := 0
		ids := w.ids
		w.ids = func() [16]byte {
			id := ids()
			slot := c.id(n)
			id[14], id[15] = slot[0], slot[1]
			n++
			return id
		}
		w.hubs[0].restart()
		who := w.crowd(c.persons)
		_, err := w.hubs[0].f.Kill(ctx, "ten_a", who[:c.erased], "erasure")
		must(t, err)
		pending, err := w.vault.Pending(ctx)
		must(t, err)
		count := &counter{Cycles: w.vault}
		w.hubs[0].runner.Cycles = count
		all := w.forget(w.hubs[0], int64(c.erased))
		if len(all) != 1 || !slices.Equal(count.slots, pending.Dirty) {
			t.Errorf("%s: %d cycles rewrote %d slots of %d that were dirty, or in another order", what, len(all), len(count.slots), len(pending.Dirty))
		}
		if largest := slices.Max(count.calls); count.calls[0] != 1 || largest < c.least || largest > c.most || count.most > 5_000 {
			t.Errorf("%s: pieces of %v slots, up to %d rows", what, count.calls, count.most)
		}
		w.hubs[0].restart()
		w.now = w.now.Add(time.Second)
		if again := w.crowd(c.persons); !slices.Equal(again[c.erased:], who[c.erased:]) {
			t.Errorf("%s: survivors are not found any more", what)
		}
		t.Logf("%s: %d slots in pieces of %v, at most %d rows", what, len(count.slots), count.calls, count.most)
	}
}
