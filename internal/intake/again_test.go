package intake

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"hub"
	"hub/internal/orders"
)

// news returns the notes that are in after and were not in before, by how long they wait.
func news(before, after map[Note]int) (waits []time.Duration) {
	for n, count := range after {
		for range count - before[n] {
			waits = append(waits, n.After)
		}
	}
	slices.Sort(waits)
	return waits
}

// An order that was read without all of its parts is fetched again, with growing pauses, until it is whole or three days
// old; by the hub's own clock, whatever the platform's says. Each time is counted once, also when the transaction runs twice.
func TestLackingIsFetchedAgain(t *testing.T) {
	for name, version := range map[string]int{"like ours": 1, "far ahead": 1_000_000_000, "far behind": -1_600_000_000} {
		inBubble(t, func(t *testing.T, r *rig) {
			counted := 0
			r.pipeline.Lacking = func(orders int) { counted += orders }
			r.store.set(func(_ hub.ShardID, call int) fault { return []fault{fine, twice}[call%2] }, nil)
			d := r.drainer("s1")
			r.run(d)
			fetches := 0
			fetch := func(text string) []time.Duration {
				before := maps.Clone(r.store.of("s1").notes)
				fetches++
				body := fmt.Appendf(nil, "shop-a order 7 %d %s read=%d %s", version, canary, fetches, text)
				if err := r.door.Take(t.Context(), connections().endpoints["token-a"], []Fetched{{Document: body}}); err != nil {
					t.Fatal(err)
				}
				r.drained(d)
				return news(before, r.store.of("s1").notes)
			}
			var pauses []time.Duration
			begin := time.Now()
			for waits := fetch("lacks=buyer_fees"); len(waits) > 0; waits = fetch("lacks=buyer_fees") {
				if len(waits) != 1 || waits[0] <= 0 || fetches > 50 {
					t.Fatalf("%s: fetch %d leaves %v", name, fetches, waits)
				}
				pauses = append(pauses, waits[0])
				pass(waits[0])
			}
			if took := time.Since(begin); len(pauses) < 8 || len(pauses) > 15 || took < pauseUntil || took > pauseUntil+pauseMost+time.Hour {
				t.Fatalf("%s: %d pauses %v in %v", name, len(pauses), pauses, took)
			}
			if pauses[0] != time.Minute || !slices.IsSorted(pauses) || slices.Max(pauses) != pauseMost {
				t.Errorf("%s: pauses %v", name, pauses)
			}
			if counted != len(pauses) {
				t.Errorf("%s: %d of %d are counted", name, counted, len(pauses))
			}
			// A part that is told makes another state, of the same time, and pauses from the beginning; what lacks more or
			// otherwise is a rival that is not fetched at once, either.
			for _, lacks := range []string{"lacks=fees note=found", "lacks=fees note=found", "lacks=buyer_fees", "lacks=buyer note=other", "lacks=fees note=found"} {
				if waits := fetch(lacks); len(waits) != 1 || waits[0] < pauseFirst || waits[0] > 2*pauseFirst {
					t.Errorf("%s: %s leaves %v", name, lacks, waits)
				}
			}
			if fetch("enriched=1700000000 note=whole"); r.store.of("s1").orders[orders.Key{Tenant: "ten_a", Connection: "con_a", External: "7"}].Version.Lacking() {
				t.Errorf("%s: the whole order did not win", name)
			}
			pass(time.Minute)
			if waits := fetch("enriched=1700000001 note=whole"); len(waits) != 0 {
				t.Errorf("%s: a whole order leaves %v", name, waits)
			}
			if waits := fetch("lacks=fees note=whole"); len(waits) != 0 {
				t.Errorf("%s: a poorer copy leaves %v", name, waits)
			}
			// The order may have changed within the second of the whole one, so a rival is looked into, with pauses and an end.
			for range 3 {
				if waits := fetch("lacks=fees note=rival"); len(waits) != 1 || waits[0] < pauseFirst {
					t.Errorf("%s: a poorer rival leaves %v", name, waits)
				}
			}
			pass(pauseUntil)
			if waits := fetch("lacks=fees note=rival"); len(waits) != 0 {
				t.Errorf("%s: after %v a poorer rival leaves %v", name, pauseUntil, waits)
			}
			t.Logf("%s: %d fetches in %v: %v", name, len(pauses), pauseUntil, pauses)
		})
	}
}

// The pause of an order is never negative or beyond a day, whatever clocks do.
func TestPauses(t *testing.T) {
	for stored, want := range map[time.Duration]time.Duration{
		-time.Hour: time.Minute, 0: time.Minute, 30 * time.Second: time.Minute, time.Minute: 2 * time.Minute, time.Hour: 2 * time.Hour,
		12 * time.Hour: 24 * time.Hour, 71 * time.Hour: 24 * time.Hour, 72 * time.Hour: 0, 1e6 * time.Hour: 0,
	} {
		if got := pauseFor(stored); got != want {
			t.Errorf("after %v: %v, want %v", stored, got, want)
		}
	}
}

// Of several hints for one resource the one that waits least counts.
func TestMergeWaits(t *testing.T) {
	a, b := Note{Kind: "order", ExternalID: "1"}, Note{Kind: "order", ExternalID: "2"}
	slow, slower := a, a
	slow.After, slower.After = time.Minute, time.Hour
	if got := merge([]Note{slower, b, slow}); !slices.Equal(got, []Note{b, slow}) {
		t.Errorf("%+v", got)
	}
	if got := merge([]Note{slow, b, a}); !slices.Equal(got, []Note{b, a}) {
		t.Errorf("%+v", got)
	}
}
