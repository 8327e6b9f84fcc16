package intake

import (
	"fmt"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/internal/wal"
)

// damaged appends copies of a good record with one thing wrong in each, and returns how many.
func (r *rig) damaged() int {
	r.t.Helper()
	log, was := &paper{}, r.door.Log
	door := r.door
	door.Log = log
	defer func() { door.Log = was }()
	for i := range 5 {
		if err := door.Accept(r.t.Context(), request("a", fmt.Sprint(i), "shop-a order 1 1 "+canary)); err != nil {
			r.t.Fatal(err)
		}
	}
	other, _, _, _ := splitRecord(log.records[1])
	_, encoded, _, _ := splitRecord(log.records[0])
	flipped, cut := append([]byte{}, log.records[2]...), log.records[3]
	flipped[len(flipped)-1]++
	tampered := append([]byte{}, log.records[4]...)
	tampered[len(encoded)+20]++
	bad := [][]byte{
		append(other.encode(), log.records[0][len(encoded):]...), // head swapped
		flipped, cut[:len(cut)-7], tampered,
		append([]byte{recordFormat}, "not a record"...), {recordFormat, 3}, {},
	}
	for _, record := range bad {
		if _, err := r.log.Append(r.t.Context(), record); err != nil {
			r.t.Fatal(err)
		}
	}
	return len(bad)
}

// Each record that does not open is parked as unreadable, one by one, again after a crash too; the rest goes on.
func TestUnreadable(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.orders("a", 0, 5)
		n := r.damaged()
		r.orders("a", 5, 5)
		d := r.drainer("s1")
		stop := r.run(d)
		r.drained(d)
		stop()
		again := r.drainer("s1")
		again.Cursor = &zeroCursor{}
		r.run(again)
		r.drained(again)
		r.once("s1", 10)
		parked := r.parked("s1")
		for _, p := range parked {
			if p.Code != hub.CodeUnreadable || p.Sealed != nil || p.Tenant != "ten_a" && p.Tenant != hub.Operator {
				t.Errorf("parked %+v", p)
			}
		}
		if len(parked) != n {
			t.Errorf("%d parked, want %d", len(parked), n)
		}
		parking := &Parking{Pipeline: r.pipeline, Reader: r.store, Directory: connections()}
		result, err := parking.Replay(t.Context(), parked[0].Tenant, parked[0].ID, false)
		if err != nil || result.State != ParkedOpen || result.Code != hub.CodeUnreadable || r.parked("s1")[0].Attempts != 1 {
			t.Errorf("replaying what has no bytes: %+v, %v", result, err)
		}
	})
}

// zeroCursor has lost everything.
type zeroCursor struct{}

func (zeroCursor) At() wal.Index           { return 0 }
func (zeroCursor) Advance(wal.Index) error { return nil }

// Records under another intake key are kept for the key to come back, not parked.
func TestOtherIntakeKey(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.orders("a", 0, 5)
		other, err := gdpr.OpenIntakeKeys(t.Context(), t.TempDir(), []gdpr.Root{gdpr.NewRoot(1, [32]byte{9})})
		if err != nil {
			t.Fatal(err)
		}
		d := r.drainer("s1")
		d.Key = other
		stop := r.run(d)
		pass(time.Minute)
		if s := d.Status(); s.Retrying != 5 || s.Trouble == "" || s.LowWater != 0 || len(r.parked("s1")) != 0 {
			t.Fatalf("status %+v, %d parked", s, len(r.parked("s1")))
		}
		stop()
		right := r.drainer("s1")
		r.run(right)
		r.drained(right)
		r.once("s1", 5)
	})
}
