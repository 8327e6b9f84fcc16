package demo

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Books is an ERP that follows a feed, books every order once, and notices when the hub makes that impossible.
type Books struct {
	Client Client

	mu       sync.Mutex
	orders   map[string]Order  // by external id: the newest revision
	booked   map[string]string // order id → our reference
	seen     map[string]bool   // change ids
	next     int64
	changes  int
	twice    int
	holes    int
	disorder int // revisions of an order out of step, or a first one that is not a creation
}

// Follow pulls and acknowledges until done says so or ctx ends. Trouble of the connection is tried again.
func (b *Books) Follow(ctx context.Context, done func() bool) error {
	b.mu.Lock()
	b.orders, b.booked, b.seen = map[string]Order{}, map[string]string{}, map[string]bool{}
	b.mu.Unlock()
	for ctx.Err() == nil && !done() {
		page, err := b.Client.Feed(ctx, b.next, 250, time.Second)
		if err != nil {
			return err
		}
		for _, c := range page.Data {
			if err := b.take(ctx, c); err != nil {
				return err
			}
		}
		b.next = page.Next
	}
	return ctx.Err()
}

// take books one change.
func (b *Books) take(ctx context.Context, c Change) error {
	b.mu.Lock()
	known := b.orders[c.Order.ExternalID]
	if b.seen[c.ID] {
		b.twice++
	}
	if c.Sequence != int64(b.changes)+1 {
		b.holes++
	}
	if c.Order.Revision != known.Revision+1 || (c.Order.Revision == 1) != (c.Type == "order.created") {
		b.disorder++
	}
	b.seen[c.ID] = true
	b.changes++
	b.orders[c.Order.ExternalID] = c.Order
	reference, booked := b.booked[c.Order.ID]
	if !booked {
		reference = fmt.Sprintf("ERP-%d", len(b.booked)+1)
		b.booked[c.Order.ID] = reference
	}
	b.mu.Unlock()
	if booked {
		return nil
	}
	return b.Client.Acknowledge(ctx, c.Order.ID, reference)
}

// Order returns what the books hold of an order.
func (b *Books) Order(external string) (Order, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.orders[external]
	return o, ok
}

// Count returns how many orders and changes the books hold.
func (b *Books) Count() (orders, changes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.orders), b.changes
}

// Faults counts what must not happen: a change seen twice, a hole in the numbers, a revision out of step.
func (b *Books) Faults() (twice, holes, disorder int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.twice, b.holes, b.disorder
}
