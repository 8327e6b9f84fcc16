package intake

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"hub/internal/wal"
)

// slow is a log that lets everybody else run before it reads what it was given, as a real one does while it syncs.
type slow struct {
	mu      sync.Mutex
	records [][]byte
}

func (s *slow) Append(_ context.Context, payload []byte) (wal.Index, error) {
	for range 20 {
		runtime.Gosched()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, bytes.Clone(payload))
	return wal.Index(len(s.records)), nil
}

// Buffers go from delivery to delivery, and never serve two at once: each record opens to the body of one delivery.
func TestBuffersServeOneDelivery(t *testing.T) {
	d, _ := newDoor(t)
	log := &slow{}
	d.Log = log
	const workers, each = 16, 50
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d-%d", w, i)
				body := "shop-a order 1 1 " + id + string(bytes.Repeat([]byte{'x'}, (w*i)%700))
				if err := d.Accept(t.Context(), request("a", id, body)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for _, record := range log.records {
		h, encoded, sealed, err := splitRecord(record)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := d.Key.Open(h.place(encoded), sealed)
		if err != nil {
			t.Fatal(err)
		}
		delivery, err := decodeDelivery(plain)
		if err != nil || !bytes.Contains(delivery.Body, []byte(" "+delivery.DeliveryID)) {
			t.Fatalf("delivery %s holds %q: %v", delivery.DeliveryID, delivery.Body, err)
		}
		seen[delivery.DeliveryID] = true
	}
	if len(seen) != workers*each {
		t.Fatalf("%d different deliveries of %d", len(seen), workers*each)
	}
	t.Logf("%d deliveries by %d workers", len(seen), workers)
}
