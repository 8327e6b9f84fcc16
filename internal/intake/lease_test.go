package intake

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/gdpr"
	"hub/internal/wal"
	"hub/internal/wal/waltest"
)

// drop drops the intake keys that nothing needs and returns how many are left.
func (r *rig) drop() int {
	r.t.Helper()
	left, err := r.key.Drop(r.t.Context(), func() uint64 { return uint64(r.log.Assigned()) }, uint64(r.log.Consumed()))
	if err != nil {
		r.t.Fatal(err)
	}
	return left
}

func (r *rig) rotate() {
	r.t.Helper()
	if err := r.key.Rotate(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// slowDisk is a disk on which flushing waits while gate is closed.
type slowDisk struct {
	wal.FS
	gate *chan struct{}
}

func (s slowDisk) Create(name string) (wal.File, error) {
	f, err := s.FS.Create(name)
	return slowFile{f, s.gate}, err
}

func (s slowDisk) Open(name string) (wal.File, error) {
	f, err := s.FS.Open(name)
	return slowFile{f, s.gate}, err
}

type slowFile struct {
	wal.File
	gate *chan struct{}
}

func (f slowFile) Sync() error {
	if gate := *f.gate; gate != nil {
		<-gate
	}
	return f.File.Sync()
}

// The door may give up before the log knows the outcome. The lease is over then, and the record comes all the same: its index
// was given out before, so the mark of its key covers it, and the key waits for the drain.
func TestKeyOutlivesUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gate chan struct{}
		r := newRig(t, newMemory("s1", "s2"), slowDisk{waltest.New(1), &gate})
		defer r.close()
		d := r.drainer("s1")
		r.drainer("s2")
		gate = make(chan struct{})
		if err := r.door.Accept(t.Context(), request("a", "1", "shop-a order 1 1 x")); hub.KindOf(err) != hub.KindUnavailable {
			t.Fatalf("while the disk hangs: %v", err)
		}
		r.rotate()
		if left := r.drop(); left != 2 || r.log.Synced() != 0 || r.log.Assigned() != 1 {
			t.Fatalf("%d keys left, synced to %d, assigned to %d", left, r.log.Synced(), r.log.Assigned())
		}
		close(gate)
		synctest.Wait()
		if left := r.drop(); left != 2 || r.log.Synced() != 1 {
			t.Fatalf("%d keys left, synced to %d", left, r.log.Synced())
		}
		r.run(d)
		r.run(r.drainer("s2"))
		r.drained(d)
		r.once("s1", 1)
		pass(2 * saveEvery)
		if left := r.drop(); left != 1 {
			t.Errorf("%d keys left when everything is drained", left)
		}
	})
}

// hasty is a log under whose appends the keys change and everything else is drained.
type hasty struct {
	paper
	key  *gdpr.IntakeKeys
	lost int
}

func (h *hasty) Append(ctx context.Context, payload []byte) (wal.Index, error) {
	record := bytes.Clone(payload)
	if err := h.key.Rotate(ctx); err != nil {
		return 0, err
	}
	if _, err := h.key.Drop(ctx, func() uint64 { return 0 }, 1<<40); err != nil {
		return 0, err
	}
	if new(item).open(h.key, record) != nil {
		h.lost++
	}
	return h.paper.Append(ctx, payload)
}

// The lease lasts until the append is over.
func TestKeyLastsThroughAppend(t *testing.T) {
	d, _ := newDoor(t)
	key := d.Key.(*gdpr.IntakeKeys)
	log := &hasty{key: key}
	d.Log = log
	for range 3 {
		if err := d.Accept(t.Context(), request("a", "1", "shop-a order 1 1 x")); err != nil || log.lost > 0 {
			t.Fatalf("%d keys died under an append, %v", log.lost, err)
		}
	}
	if left, err := key.Drop(t.Context(), func() uint64 { return 0 }, 0); err != nil || left != 1 {
		t.Errorf("%d keys left: a lease was not given back, %v", left, err)
	}
}

// What fails at the door gives its lease back, too.
func TestRefusedDeliveryKeepsNoKey(t *testing.T) {
	d, log := newDoor(t)
	log.err = errDisk
	if err := d.Accept(t.Context(), request("a", "1", "shop-a order 1 1 x")); err == nil {
		t.Fatal("accepted")
	}
	key := d.Key.(*gdpr.IntakeKeys)
	if err := key.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := key.Drop(t.Context(), func() uint64 { return 0 }, 0); err != nil || left != 1 {
		t.Errorf("%d keys left, %v", left, err)
	}
}

// A delivery that goes to the end of the log goes there under the newest key: its old one dies when the drain has passed the
// old place.
func TestMovedDeliveryIsSealedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d := r.drainer("s1")
		r.drainer("s2")
		r.deliver("a", "s1", "shop-a error sick 1")
		r.rotate()
		r.drop() // notes the mark
		r.run(d)
		r.run(r.drainer("s2"))
		r.orders("a", 0, moveBehind)
		pass(time.Minute)
		if low := d.Status().LowWater; low < moveBehind {
			t.Fatalf("it was not moved: low water %d", low)
		}
		if left := r.drop(); left != 1 {
			t.Fatalf("%d keys left", left)
		}
		r.script.cured.Store(true)
		r.drained(d)
		r.once("s1", moveBehind+1)
	})
}

// What cannot be sealed again stays as it is: a record whose key is away goes on as it is, damage and foreign formats do not
// move.
func TestResealed(t *testing.T) {
	d, log := newDoor(t)
	if err := d.Accept(t.Context(), request("a", "1", "shop-a order 1 1 x")); err != nil {
		t.Fatal(err)
	}
	key, record := d.Key.(*gdpr.IntakeKeys), log.records[0]
	lease := key.Use()
	again, err := resealed(key, lease, record)
	if err != nil || bytes.Equal(again, record) {
		t.Fatalf("sealed again: %v", err)
	}
	for _, b := range [][]byte{record, again} {
		var it item
		if err := it.open(key, b); err != nil || string(it.delivery.Body) != "shop-a order 1 1 x" || it.head.Tenant != "ten_a" {
			t.Errorf("%+v, %v", it.head, err)
		}
	}
	other, _ := newDoor(t)
	if same, err := resealed(other.Key, lease, record); err != nil || !bytes.Equal(same, record) {
		t.Errorf("a record whose key is away: %v", err)
	}
	damaged := bytes.Clone(record)
	damaged[len(damaged)-1] ^= 1
	for _, b := range [][]byte{damaged, {recordFormat + 1, 2, 3}, {}} {
		if moved, err := resealed(key, lease, b); err == nil {
			t.Errorf("%d bytes that nobody can read became %d", len(b), len(moved))
		}
	}
}
