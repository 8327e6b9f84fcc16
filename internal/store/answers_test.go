package store

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hub"
	"hub/internal/erp"
)

// Whatever lies in a reach is below the node at which the reach is filed.
func TestNodesAreAboveTheirReach(t *testing.T) {
	checked := 0
	check := func(first, n, last uint64) bool {
		checked++
		l := nodes{known: map[int64]bool{}}
		l.above(n)
		return slices.Contains(l.next, nodeOf(first, last))
	}
	const some = 40
	for first := range uint64(some) {
		for last := first; last < some; last++ {
			for n := first; n <= last; n++ {
				if !check(first, n, last) {
					t.Fatalf("%d to %d is not above %d", first, last, n)
				}
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Uint64Max(1<<63 - 1)
		three := []uint64{number.Draw(t, "a"), number.Draw(t, "b"), number.Draw(t, "c")}
		slices.Sort(three)
		if !check(three[0], three[1], three[2]) {
			t.Fatal(three)
		}
	})
	t.Logf("%d reaches", checked)
}

// A feed that was read from its beginning to its end once, in pages of one size, has few answers above any of its changes.
func TestFewAnswersAreAboveAChange(t *testing.T) {
	const changes = 1 << 20
	for _, page := range []uint64{2, 100, 250} {
		filed := map[int64]int{}
		for first := uint64(1); first <= changes; first += page {
			filed[nodeOf(first, first+page-1)]++
		}
		most, sum, asked := 0, 0, 0
		for n := uint64(1); n <= changes; n += 997 {
			l, found := nodes{known: map[int64]bool{}}, 0
			l.above(n)
			for _, node := range l.next {
				found += filed[node]
			}
			most, sum, asked = max(most, found), sum+found, asked+1
		}
		if most > 24 {
			t.Errorf("pages of %d: %d answers above one change", page, most)
		}
		t.Logf("%d changes in pages of %d: at most %d answers above a change, %.1f on average", changes, page, most, float64(sum)/float64(asked))
	}
}

// What was packed is found, and nothing else is; foreign bytes are refused or hold nothing.
func FuzzPackedOrders(f *testing.F) {
	id := hub.OrderID("ord_01j9z3k6m8q0r2t4v6x8z0b2d4")
	f.Add(packOrders([]erp.Disclosure{{Order: id, Revision: 3, Fields: 1<<63 | 5}, {Order: "ord_1"}}))
	f.Add([]byte("\x01\x05ord_1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, ok, bad := findPacked(b, id)
		if ok && bad {
			t.Error("found in damaged bytes")
		}
		if bad {
			return
		}
		raw, _ := hub.RawID(hub.OrderPrefix, string(id))
		more := append(append(append(slices.Clone(b), 0), raw[:]...), 3, 5)
		revision, fields, again, bad := findPacked(more, id)
		if !ok && !bad && (!again || revision != 3 || fields != 5) {
			t.Errorf("%d, %v, %v", revision, fields, again)
		}
	})
}
