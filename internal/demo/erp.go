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

	mu     sync.Mutex
	orders map[place]Order   // the newest revision
	booked map[string]string // order id → our reference
	shops  map[string]*Shelf // by connection
	seen   map[string]bool   // change ids
	feed   []Change          // as it came
	holes  int
	times  []time.Duration // from a change to the books
}

// place is an order as its platform names it.
type place struct{ connection, external string }

// Shelf is what the books hold of one shop, counted.
type Shelf struct {
	Orders, Acknowledged int
	Changes              int
	Twice                int // changes that came again, and orders that came again under another id
	Disorder             int // revisions out of step, a first one that is no creation, an older version later
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
					parts.Go(func() error { return b.acknowledge(working, c.Order, reference) })
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
func (b *Books) acknowledge(ctx context.Context, o Order, reference string) error {
	if err := b.Client.Acknowledge(ctx, o.ID, reference); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shelf(o.ConnectionID).Acknowledged++
	return nil
}

// shelf is the one of a connection. The caller holds the lock.
func (b *Books) shelf(connection string) *Shelf {
	if b.shops == nil {
		b.orders, b.booked, b.shops, b.seen = map[place]Order{}, map[string]string{}, map[string]*Shelf{}, map[string]bool{}
	}
	if b.shops[connection] == nil {
		b.shops[connection] = &Shelf{}
	}
	return b.shops[connection]
}

// book enters one change.
func (b *Books) book(c Change) (reference string, isNew bool) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	shelf := b.shelf(c.Order.ConnectionID)
	shelf.Changes++
	at := place{c.Order.ConnectionID, c.Order.ExternalID}
	known, old := b.orders[at]
	if b.seen[c.ID] || old && (c.Order.again(known) || known.ID != c.Order.ID) {
		shelf.Twice++
	}
	if c.Sequence != int64(len(b.feed))+1 {
		b.holes++
	}
	if c.Order.Revision != known.Revision+1 || (c.Order.Revision == 1) != (c.Type == "order.created") || c.Order.SourceUpdatedAt.Before(known.SourceUpdatedAt) {
		shelf.Disorder++
	}
	if !old {
		shelf.Orders++
	}
	b.seen[c.ID] = true
	b.feed = append(b.feed, c)
	b.orders[at] = c.Order
	b.times = append(b.times, now.Sub(c.Time))
	if reference, isNew = b.booked[c.Order.ID], b.booked[c.Order.ID] == ""; isNew {
		reference = fmt.Sprintf("ERP-%d", len(b.booked)+1)
		b.booked[c.Order.ID] = reference
	}
	return reference, isNew
}

// again reports whether an order says nothing that the older one does not. A platform may tell more of a version that it
// has told, as fees that it did not know: that is no repetition.
func (o Order) again(older Order) bool {
	return o.SourceUpdatedAt.Equal(older.SourceUpdatedAt) && o.DeletedAt.Equal(older.DeletedAt) && o.Content == older.Content
}

// Order returns what the books hold of an order.
func (b *Books) Order(connection, external string) (Order, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.orders[place{connection, external}]
	return o, ok
}

// Shop returns what the books hold of a shop.
func (b *Books) Shop(connection string) Shelf {
	b.mu.Lock()
	defer b.mu.Unlock()
	return *b.shelf(connection)
}

// Feed returns the changes as they came, and how many holes are in their numbers.
func (b *Books) Feed() (feed []Change, holes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.feed), b.holes
}

// Times returns how long each change took to the books.
func (b *Books) Times() []time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.times)
}
