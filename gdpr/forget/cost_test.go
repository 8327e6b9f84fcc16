package forget_test

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
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
