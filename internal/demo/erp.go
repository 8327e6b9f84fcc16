package demo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Books is an ERP that follows a feed, books every order once, and notices when the hub makes that impossible.
type Books struct {
	Client Client

	mu           sync.Mutex
	orders       map[string]Order  // by external id: the newest revision
	booked       map[string]string // order id → our reference
	acknowledged int
	seen         map[string]bool // change ids
	feed         []Change        // as it came
	twice        int             // changes that came again, and orders that came again under another id
	holes        int
	disorder     int             // revisions out of step, a first one that is no creation, an older version later
	times        []time.Duration // from a change to the books
}

// atOnce is how many acknowledgements are under way at once.
const atOnce = 32

// Follow pulls until ctx ends, books every change as it comes and acknowledges new orders beside that. Trouble of the
// connection ends it with an error.
func (b *Books) Follow(ctx context.Context) error {
	parts, working := errgroup.WithContext(ctx)
	parts.SetLimit(atOnce + 1)
	parts.Go(func() error {
		for next := int64(0); ; {
			page, err := b.Client.Feed(working, next, 250, time.Second)
			if err != nil {
				return err
			}
			for _, c := range page.Data {
				if reference, isNew := b.book(c); isNew {
					parts.Go(func() error { return b.acknowledge(working, c.Order.ID, reference) })
				}
			}
			next = page.Next
		}
	})
	if err := parts.Wait(); ctx.Err() == nil {
		return err
	}
	return nil
}

// acknowledge tells the hub about one order.
func (b *Books) acknowledge(ctx context.Context, order, reference string) error {
	if err := b.Client.Acknowledge(ctx, order, reference); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acknowledged++
	return nil
}

// book enters one change.
func (b *Books) book(c Change) (reference string, isNew bool) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen == nil {
		b.orders, b.booked, b.seen = map[string]Order{}, map[string]string{}, map[string]bool{}
	}
	known := b.orders[c.Order.ExternalID]
	same := c.Order.SourceUpdatedAt.Equal(known.SourceUpdatedAt) && c.Order.DeletedAt.Equal(known.DeletedAt)
	if b.seen[c.ID] || known.ID != "" && (same || known.ID != c.Order.ID) {
		b.twice++
	}
	if c.Sequence != int64(len(b.feed))+1 {
		b.holes++
	}
	if c.Order.Revision != known.Revision+1 || (c.Order.Revision == 1) != (c.Type == "order.created") || c.Order.SourceUpdatedAt.Before(known.SourceUpdatedAt) {
		b.disorder++
	}
	b.seen[c.ID] = true
	b.feed = append(b.feed, c)
	b.orders[c.Order.ExternalID] = c.Order
	b.times = append(b.times, now.Sub(c.Time))
	if reference, isNew = b.booked[c.Order.ID], b.booked[c.Order.ID] == ""; isNew {
		reference = fmt.Sprintf("ERP-%d", len(b.booked)+1)
		b.booked[c.Order.ID] = reference
	}
	return reference, isNew
}

// Order returns what the books hold of an order.
func (b *Books) Order(external string) (Order, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.orders[external]
	return o, ok
}

// Count returns how many orders and changes the books hold, and how many orders were acknowledged to the hub.
func (b *Books) Count() (orders, changes, acknowledged int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.orders), len(b.feed), b.acknowledged
}

// Feed returns the changes as they came.
func (b *Books) Feed() []Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.feed)
}

// Faults counts what must not happen: something seen twice, a hole in the numbers, a revision out of step.
func (b *Books) Faults() (twice, holes, disorder int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.twice, b.holes, b.disorder
}
