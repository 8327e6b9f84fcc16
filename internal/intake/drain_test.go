package intake

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/internal/wal"
	"hub/internal/wal/waltest"
)

// orders delivers n orders for one tenant, each its own.
func (r *rig) orders(name string, from, n int) {
	r.t.Helper()
	for i := from; i < from+n; i++ {
		r.deliver(name, fmt.Sprint("id-", i), fmt.Sprintf("shop-%s order %d 1", name, i))
	}
}

func TestDrain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d := r.drainer("s1")
		stop := r.run(d)
		r.orders("a", 0, 30)
		r.orders("c", 100, 30)
		r.orders("b", 200, 5) // another shard's
		r.deliver("a", "h1", "shop-a hint 7 0")
		r.deliver("a", "i1", "shop-a ignore 7 0")
		r.deliver("a", "p1", "shop-a bad new 0")
		r.drained(d)
		r.once("s1", 60)
		parked := r.parked("s1")
		if len(parked) != 1 || parked[0].Code != hub.CodeMoneyInvalid || parked[0].Path != "total_price" ||
			parked[0].Connection != "con_a" || parked[0].State != ParkedOpen || parked[0].Topic != "orders/create" {
			t.Errorf("parked %+v", parked)
		}
		if notes := r.store.of("s1").notes; len(notes) != 1 {
			t.Errorf("notes %v", notes)
		}
		if s := d.Status(); s.LowWater != r.log.Synced() || s.Queued+s.Retrying != 0 || s.Trouble != "" {
			t.Errorf("status %+v", s)
		}
		stop()
		if at := r.cursor("s1").At(); at != r.log.Synced() {
			t.Errorf("the cursor is at %d of %d after a graceful end", at, r.log.Synced())
		}
	})
}

// An error that nobody knows is retried until it is cured, alone: nothing is parked and nothing else waits. It may come
// from the driver, as an error or as a panic, or from the transaction.
func TestUnknownErrorIsRetried(t *testing.T) {
	for _, kind := range []string{"error", "panic", "refused"} {
		t.Run(kind, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.store.set(nil, func(id hub.ExternalID) error {
					if id == "sick" && !r.script.cured.Load() {
						return errSurprise
					}
					return nil
				})
				d := r.drainer("s1")
				r.orders("a", 0, 20)
				r.deliver("a", "s1", "shop-a "+kind+" sick 1")
				r.orders("a", 20, 20)
				r.run(d)
				pass(time.Minute)
				r.orders("c", 100, 20)
				pass(time.Minute)
				r.once("s1", 60)
				if s := d.Status(); s.Retrying != 1 || s.Trouble == "" || s.Waiting || s.LowWater != 20 || len(r.parked("s1")) != 0 {
					t.Fatalf("status %+v, %d parked", s, len(r.parked("s1")))
				}
				r.script.cured.Store(true)
				r.drained(d)
				r.once("s1", 61)
				pass(time.Second)
				if s := d.Status(); s.Retrying != 0 || s.Trouble != "" {
					t.Fatalf("status %+v", s)
				}
			})
		})
	}
}

// A delivery that the transaction refuses for good is found by halving and parked; the others of its batch are applied.
func TestRefusedIsParked(t *testing.T) {
	const others = 64
	inBubble(t, func(t *testing.T, r *rig) {
		r.store.set(nil, func(id hub.ExternalID) error {
			if id == "sick" {
				return hub.Invalid(hub.CodeMoneyOverflow, "totals")
			}
			return nil
		})
		r.orders("a", 0, others/2)
		r.deliver("a", "s1", "shop-a order sick 1")
		r.deliver("a", "s1", "shop-a order sick 1") // a copy is known by the same identity
		r.orders("a", others/2, others/2)
		d := r.drainer("s1")
		r.run(d)
		r.drained(d)
		r.once("s1", others)
		parked := r.parked("s1")
		if len(parked) != 1 || parked[0].Code != hub.CodeMoneyOverflow || parked[0].Path != "totals" {
			t.Fatalf("parked %+v", parked)
		}
		if d.Status().Trouble != "" {
			t.Errorf("status %+v", d.Status())
		}
		// Each of two copies: 7 halvings with 2 transactions each, and one to park.
		if calls := r.store.done(); calls > 32 {
			t.Errorf("%d transactions for %d deliveries with one culprit", calls, others+2)
		} else {
			t.Logf("%d transactions for %d deliveries, 1 parked", calls, others+2)
		}
	})
}

// An identifier that no table holds parks its delivery instead of stopping the drain.
func TestLongIdentifier(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d := r.drainer("s1")
		r.run(d)
		r.deliver("a", "l1", fmt.Sprintf("shop-a order %0200d 1", 7))
		r.drained(d)
		if parked := r.parked("s1"); len(parked) != 1 || parked[0].Code != hub.CodeTooLong {
			t.Fatalf("parked %+v", parked)
		}
	})
}

// A shard that is down waits; the others go on, and nothing is lost.
func TestShardDown(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.store.set(func(s hub.ShardID, _ int) fault {
			if s == "s1" {
				return down
			}
			return fine
		}, nil)
		one, two := r.drainer("s1"), r.drainer("s2")
		r.run(one)
		r.run(two)
		r.orders("a", 0, 50)
		r.orders("b", 100, 50)
		r.drained(two)
		r.once("s2", 50)
		pass(time.Minute)
		r.orders("b", 200, 50)
		r.drained(two)
		r.once("s2", 100)
		if s := one.Status(); !s.Waiting || s.Trouble == "" || s.LowWater != 0 {
			t.Fatalf("status %+v", s)
		}
		r.store.set(nil, nil)
		r.drained(one)
		r.once("s1", 50)
		pass(time.Second)
		if s := one.Status(); s.Waiting || s.Trouble != "" {
			t.Fatalf("status %+v", s)
		}
	})
}

// While the vault is away the drain waits and parks nothing.
func TestVaultAway(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.vault.away.Store(true)
		d := r.drainer("s1")
		r.run(d)
		r.orders("a", 0, 30)
		pass(time.Minute)
		if s := d.Status(); !s.Waiting || s.Trouble == "" || r.store.done() != 0 {
			t.Fatalf("status %+v after %d transactions", s, r.store.done())
		}
		r.vault.away.Store(false)
		r.drained(d)
		r.once("s1", 30)
		if len(r.parked("s1")) != 0 {
			t.Error("something was parked")
		}
	})
}

// A commit whose outcome is not known is tried again, and has one effect whether it happened or not.
func TestUnknownOutcome(t *testing.T) {
	for _, what := range []fault{lost, kept, twice} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.store.set(func(_ hub.ShardID, call int) fault {
				if call%2 == 1 {
					return what
				}
				return fine
			}, nil)
			d := r.drainer("s1")
			r.run(d)
			for i := range 10 {
				r.orders("a", 20*i, 20)
				r.deliver("a", fmt.Sprint("bad-", i), fmt.Sprintf("shop-a bad bad-%d 1", i))
				r.drained(d)
			}
			r.once("s1", 200)
			if n := len(r.parked("s1")); n != 10 {
				t.Errorf("%d parked, want 10", n)
			}
		})
	}
}

// A payload is kept for each revision and for nothing else; two states of one time ask for a fetch.
func TestPayloadsAndTies(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d := r.drainer("s1")
		r.run(d)
		for i, version := range []int{2, 1, 2, 3} {
			r.deliver("a", fmt.Sprint(i), fmt.Sprintf("shop-a order 1 %d", version))
		}
		r.drained(d)
		rows := r.store.of("s1")
		if len(rows.changes) != 2 || len(rows.raws) != 2 || len(rows.notes) != 0 {
			t.Errorf("%d changes, %d payloads, %d notes", len(rows.changes), len(rows.raws), len(rows.notes))
		}
		if err := r.door.Accept(t.Context(), request("a", "tie", "shop-a order 1 3 other")); err != nil {
			t.Fatal(err)
		}
		r.deliver("a", "gone", "shop-a delete 1 0")
		r.drained(d)
		rows = r.store.of("s1")
		if rows.notes[Note{Tenant: "ten_a", Connection: "con_a", Kind: "order", ExternalID: "1"}] != 1 || len(rows.notes) != 1 {
			t.Errorf("notes %v", rows.notes)
		}
		if last := rows.changes[len(rows.changes)-1]; last.Type != hub.OrderDeleted || len(rows.raws) > 3 {
			t.Errorf("last change %s, %d payloads", last.Type, len(rows.raws))
		}
	})
}

// Copies have one effect: in one batch, far apart, and through two hubs at a time. A copy differs in nothing, and what
// differs in anything is none.
func TestCopies(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		other := newRig(t, r.store, nil)
		defer other.close()
		r.pipeline = other.pipeline // one vault, and ids that are never equal
		one, two := r.drainer("s1"), other.drainer("s1")
		for range 3 {
			r.orders("a", 0, 20)
			other.orders("a", 0, 20)
			other.deliver("a", "b", "shop-a bad 1 1")
			r.deliver("a", "b", "shop-a bad 1 1")
		}
		r.run(one)
		other.run(two)
		r.drained(one)
		other.drained(two)
		r.orders("a", 1000, 100)
		r.orders("a", 0, 20) // far apart
		r.drained(one)
		r.once("s1", 120)
		if n := len(r.parked("s1")); n != 1 {
			t.Errorf("%d parked, want 1", n)
		}
		r.deliver("a", "b2", "shop-a bad 1 1")
		r.deliver("a", "b", "shop-a bad 1 1 ")
		r.deliver("c", "b", "shop-a bad 1 1")
		r.drained(one)
		if n := len(r.parked("s1")); n != 4 {
			t.Errorf("%d parked, want 4: other id, other body, other connection", n)
		}
	})
}

// Retries that never succeed do not keep fresh deliveries waiting, however many they are.
func TestRetriesDoNotStarveOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.store.set(func(hub.ShardID, int) fault {
			<-time.After(100 * time.Millisecond) // a slow shard: the retries alone would take all its time
			return fine
		}, func(id hub.ExternalID) error {
			if id >= "sick" {
				return errSurprise
			}
			return nil
		})
		d := r.drainer("s1")
		r.run(d)
		for i := range 100 {
			r.deliver("a", fmt.Sprint("s-", i), fmt.Sprintf("shop-a order sick-%d 1", i))
		}
		pass(2 * time.Minute)
		r.orders("c", 0, 10)
		pass(2 * time.Second)
		r.once("s1", 10)
		if s := d.Status(); s.Retrying < 99 {
			t.Errorf("status %+v", s)
		}
	})
}

// The keys of one tenant that do not open hold back that tenant only.
func TestDamagedTenantKey(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		if _, err := r.pipeline.Keys.Tenant(t.Context(), "ten_a"); err != nil {
			t.Fatal(err)
		}
		for _, k := range r.vault.All() {
			k.Wrapped[len(k.Wrapped)-1]++
			r.vault.Replace(k)
		}
		fresh := newRig(t, r.store, nil) // with nothing in its cache
		defer fresh.close()
		fresh.vault.Memory = r.vault.Memory
		d := fresh.drainer("s1")
		fresh.run(d)
		for i := range 10 {
			fresh.orders("a", i, 1)
			fresh.orders("c", 100+i, 1)
		}
		pass(time.Minute)
		fresh.once("s1", 10)
		if s := d.Status(); s.Retrying != 10 || s.Waiting {
			t.Errorf("status %+v", s)
		}
	})
}

// Run ends when the log is closed, also with work at hand, and while it waits for a shard.
func TestEnds(t *testing.T) {
	for _, what := range []string{"log closed", "stopped while waiting"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, newMemory("s1", "s2"), waltest.New(1)) // in memory: more than two batches
			defer r.close()
			r.store.set(func(hub.ShardID, int) fault { return down }, nil)
			d := r.drainer("s1")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- d.Run(ctx) }()
			r.orders("a", 0, 1100)
			pass(time.Minute)
			if what == "log closed" {
				if err := r.log.Close(); err != nil {
					t.Fatal(err)
				}
				r.store.set(nil, nil) // and the shard comes back
			} else {
				cancel()
			}
			start := time.Now()
			if err := <-ended; err != nil || time.Since(start) > 10*time.Second {
				t.Errorf("%s: %v after %v", what, err, time.Since(start))
			}
			if what == "log closed" {
				r.open()
			}
			if at := r.cursor("s1").At(); at != 0 {
				t.Errorf("%s: the cursor is at %d of what was not applied", what, at)
			}
			r.store.set(nil, nil)
			again := r.drainer("s1")
			r.run(again)
			r.drained(again)
			r.once("s1", 1100)
		})
	}
}

// A cursor that lags is saved about once a second, not for each record.
func TestCursorIsSavedSeldom(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d := r.drainer("s1")
		counted := &countedCursor{Cursor: d.Cursor}
		d.Cursor = counted
		stop := r.run(d)
		for i := range 100 {
			r.orders("b", i, 1) // another shard's: idle all the time
			pass(10 * time.Millisecond)
		}
		pass(2 * time.Second)
		if counted.n < 2 || counted.n > 5 || counted.At() != r.log.Synced() {
			t.Errorf("saved %d times in four seconds, at %d of %d", counted.n, counted.At(), r.log.Synced())
		}
		stop()
	})
}

type countedCursor struct {
	Cursor
	n int
}

func (c *countedCursor) Advance(to wal.Index) error {
	c.n++
	return c.Cursor.Advance(to)
}
