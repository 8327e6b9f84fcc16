package intake

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"hub"
)

// Whatever the order of arrival: what is parked of an order is closed once a version as new as it or newer is stored, and
// stays open while none is.
func TestClosedByNewer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		const histories, seed = 80, 3
		random := rand.New(rand.NewPCG(seed, seed))
		d := r.drainer("s1")
		r.run(d)
		newest, parked := map[hub.ExternalID]int{}, 0
		for n := range histories {
			for range 6 {
				id, version := hub.ExternalID(fmt.Sprint(n/4*4+random.IntN(4))), 1+random.IntN(9)
				kind := "order"
				if random.IntN(2) == 0 {
					kind = "bad"
					parked++
				} else {
					newest[id] = max(newest[id], version)
				}
				r.deliver("a", fmt.Sprint(n, random.Uint64()), fmt.Sprintf("shop-a %s %s %d x", kind, id, version))
				if random.IntN(3) == 0 {
					r.drained(d)
				}
			}
		}
		r.drained(d)
		open, closed := 0, 0
		for _, p := range r.parked("s1") {
			version := int(p.Gist.SourceUpdatedAt.Unix() - 1_700_000_000)
			if (p.State == ParkedClosed) != (version < newest[p.Gist.ExternalID]) || (p.State == ParkedOpen) != (p.Sealed != nil) || (p.ClosedBy > 0) != (p.State == ParkedClosed) {
				t.Errorf("version %d of %s is %s, closed by %d, with %d bytes; stored is %d", version, p.Gist.ExternalID, p.State, p.ClosedBy, len(p.Sealed), newest[p.Gist.ExternalID])
			}
			if p.State == ParkedOpen {
				open++
			} else {
				closed++
			}
		}
		if open == 0 || closed == 0 || open+closed != parked {
			t.Errorf("%d open and %d closed of %d", open, closed, parked)
		}
		t.Logf("%d deliveries, seed %d: %d parked, %d closed, %d open", 6*histories, seed, parked, closed, open)
	})
}

// A version and a deletion of its order in one batch: the version closes, whatever comes after it.
func TestClosedBesideADeletion(t *testing.T) {
	withParked(t, "bad", func(t *testing.T, r *rig, _ *Parking, _ hub.ParkedID) {
		r.script.cured.Store(true)
		var items []*item
		for _, body := range []string{"shop-a order 1 2 x", "shop-a delete 1 1 x"} {
			it := &item{head: Head{Platform: hub.Shopify, Tenant: "ten_a", Connection: "con_a", ReceivedAt: now()}}
			it.delivery.Body, it.delivery.ReceivedAt = []byte(body), now()
			items = append(items, it)
		}
		if failed, err := r.pipeline.prepare(t.Context(), items); err != nil || len(failed) > 0 {
			t.Fatal(failed, err)
		}
		if err := r.pipeline.commit(t.Context(), "s1", items); err != nil {
			t.Fatal(err)
		}
		if p := r.parked("s1")[0]; p.State != ParkedClosed {
			t.Errorf("%+v", p)
		}
	})
}

// A deletion is no version: what is parked of the order stays.
func TestDeletionClosesNothing(t *testing.T) {
	withParked(t, "bad", func(t *testing.T, r *rig, _ *Parking, _ hub.ParkedID) {
		r.deliver("a", "2", "shop-a delete 1 1 x")
		r.drained(r.running["s1"])
		if p := r.parked("s1")[0]; p.State != ParkedOpen {
			t.Errorf("%+v", p)
		}
	})
}

// The gist of a parked delivery is what its driver can skim; a driver that panics has nothing to say.
func TestGist(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.store.set(nil, func(id hub.ExternalID) error {
			if id == "2" {
				return hub.Invalid(hub.CodeMoneyOverflow, "totals")
			}
			return nil
		})
		d := r.drainer("s1")
		r.run(d)
		r.deliver("a", "1", "shop-a bad 1 7 x")
		r.deliver("a", "2", "shop-a order 2 8 x") // refused by its transaction
		r.drained(d)
		for i, p := range r.parked("s1") {
			want := time.Unix(1_700_000_007+int64(i), 0)
			if p.Gist.ExternalID != hub.ExternalID(fmt.Sprint(1+i)) || !p.Gist.SourceUpdatedAt.Equal(want) || p.Gist.Total == nil || p.Gist.Total.Minor != int64(7+i) {
				t.Errorf("gist %+v", p.Gist)
			}
		}
		it := item{head: Head{Platform: hub.Shopify}}
		it.delivery.Body = []byte("shop-a panic 1 1 x")
		it.park(hub.Invalid(hub.CodeMissing, "id"))
		if err := it.read(r.pipeline.Platforms); err != nil || it.parked.Gist.ExternalID != "" {
			t.Errorf("%+v, %v", it.parked.Gist, err)
		}
	})
}
