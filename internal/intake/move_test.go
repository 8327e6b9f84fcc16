package intake

import (
	"testing"
	"time"

	"hub"
	"hub/internal/wal"
)

// A delivery that will not go in does not keep everything behind it in the log: it goes to the end, again and again, and is
// applied once it is cured.
func TestStuckDeliveryMovesToTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d := r.drainer("s1")
		r.deliver("a", "s1", "shop-a error sick 1")
		r.run(d)
		pass(2 * time.Minute)
		if low := d.Status().LowWater; low != 0 || r.log.Synced() != 1 {
			t.Fatalf("moved with nothing behind it: low water %d, log %d", low, r.log.Synced())
		}
		r.orders("a", 0, moveBehind)
		pass(5 * time.Minute)
		if low := d.Status().LowWater; low < moveBehind {
			t.Fatalf("the low-water mark is held back at %d", low)
		}
		if records := r.log.Synced(); records > moveBehind+3 {
			t.Fatalf("%d records: it moves more often than it helps", records)
		}
		r.script.cured.Store(true)
		r.drained(d)
		r.once("s1", moveBehind+1)
		if n := len(r.parked("s1")); n != 0 {
			t.Errorf("%d parked", n)
		}
	})
}

// A wall clock that is set back by an hour holds up neither the cursor nor the next try.
func TestClockSetBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var back time.Duration
		d := r.drainer("s1")
		d.Clock = func() time.Time { return now().Add(-back) }
		r.orders("a", 0, 5)
		r.deliver("a", "s1", "shop-a error sick 1")
		r.run(d)
		pass(time.Minute)
		back = time.Hour
		r.script.cured.Store(true)
		r.orders("a", 5, 5)
		pass(time.Minute)
		r.once("s1", 11)
		if at := d.Cursor.At(); at != r.log.Synced() {
			t.Errorf("the cursor stays at %d of %d", at, r.log.Synced())
		}
	})
}

// What another version of the program wrote is kept and tried again; it is not damage.
func TestForeignFormatIsKept(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var last wal.Index
		for _, record := range [][]byte{{recordFormat + 1, 1, 2, 3}} {
			var err error
			if last, err = r.log.Append(t.Context(), record); err != nil {
				t.Fatal(err)
			}
		}
		d := r.drainer(r.store.Of(hub.Operator))
		r.run(d)
		pass(time.Minute)
		if s := d.Status(); s.Retrying != 1 || s.LowWater >= last || len(r.parked(d.Shard)) != 0 {
			t.Errorf("status %+v, %d parked", s, len(r.parked(d.Shard)))
		}
	})
}
