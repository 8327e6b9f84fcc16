package fetch

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"hub"
	"hub/adapters/driver"
)

// Options are bounds; all are required.
type Options struct {
	Every   time.Duration // from the end of one poll to the next
	Overlap time.Duration // how far before the last poll the next one looks: clocks that differ, lists that lag
	Chunk   time.Duration // longest window that is listed at once, so that progress is kept on the way
	Pages   int           // most pages of one list; one that grows faster than it is read would have no end
	Turn    time.Duration // after which a backfill or a poll gives its place to others; well below what an attempt may take
}

// Defaults are what `hub serve` uses. A webhook that was lost is made good within Every plus the time of one poll.
func Defaults() Options {
	return Options{Every: 2 * time.Minute, Overlap: 15 * time.Minute, Chunk: 6 * time.Hour, Pages: 5000, Turn: 30 * time.Second}
}

// Service reads. It is safe for concurrent use; that one shop is not polled by two hubs at a time is for the queue to see
// to, and harmless when it happens.
type Service struct {
	Shops    Shops
	Log      Log
	Store    Store
	Schedule Schedule
	Clock    hub.Clock
	Logger   *slog.Logger
	Options

	had had
}

// Order reads the order that a notification was about. One that the platform does not show is settled: it is older than
// the shop lets us see, or another's, and package reconcile names it if it should be there.
func (s *Service) Order(ctx context.Context, n Name, id hub.ExternalID) (err error) {
	defer hub.Wrap(&err, "fetching order of", string(n.Connection))
	shop, err := s.Shops.Shop(n)
	if err != nil {
		return err
	}
	return s.take(ctx, n, shop.Client, shop.Fresh, []hub.ExternalID{id}, "")
}

// Related reads the orders that a parcel, a payment or a claim belongs to.
func (s *Service) Related(ctx context.Context, n Name, kind string, id hub.ExternalID) (err error) {
	defer hub.Wrap(&err, "fetching orders of "+kind+" of", string(n.Connection))
	shop, err := s.Shops.Shop(n)
	if err != nil {
		return err
	}
	resolver, ok := shop.Client.(driver.Resolver)
	if !ok {
		return &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeTopicUnknown, Op: "resolving " + kind}
	}
	ids, err := resolver.Orders(ctx, shop.Fresh, kind, id)
	if hub.KindOf(err) == hub.KindNotFound && err != nil {
		return nil
	}
	if err != nil {
		return err
	}
	return s.take(ctx, n, shop.Client, shop.Fresh, ids, "")
}

// Again reads orders whether they changed or not, as news that have this cause: what is stored of them may be gone. It
// returns those that the platform does not show.
func (s *Service) Again(ctx context.Context, n Name, ids []hub.ExternalID, cause string) (missing []hub.ExternalID, err error) {
	defer hub.Wrap(&err, "fetching orders again of", string(n.Connection))
	shop, err := s.Shops.Shop(n)
	if err != nil {
		return nil, err
	}
	return s.read(ctx, n, shop.Client, shop.Slow, ids, cause)
}

func (s *Service) take(ctx context.Context, n Name, client driver.Client, c driver.Caller, ids []hub.ExternalID, cause string) error {
	_, err := s.read(ctx, n, client, c, ids, cause)
	return err
}

// read fetches orders in calls as large as the platform takes, and makes each answer durable before the next call. It is
// KindTooLarge when all but what is over the log's bound was taken.
func (s *Service) read(ctx context.Context, n Name, client driver.Client, c driver.Caller, ids []hub.ExternalID, cause string) (missing []hub.ExternalID, err error) {
	var over error
	for part := range slices.Chunk(ids, max(1, client.Limits().FetchAtOnce)) {
		fetched, err := client.Fetch(ctx, c, part)
		if err != nil {
			return nil, err
		}
		missing = append(missing, fetched.Missing...)
		if err := s.keep(ctx, n, fetched.Documents, cause); s.tooLarge(ctx, n, err) {
			over = err
		} else if err != nil {
			return nil, err
		}
	}
	return missing, over
}

func (s *Service) keep(ctx context.Context, n Name, bodies [][]byte, cause string) error {
	if len(bodies) == 0 {
		return nil
	}
	documents := make([]Document, len(bodies))
	for i, b := range bodies {
		documents[i] = Document{b, cause}
	}
	return s.Log.Take(ctx, n, documents)
}

// tooLarge says that something will never fit into the log. What came with it is taken, and must not wait for it.
func (s *Service) tooLarge(ctx context.Context, n Name, err error) bool {
	if err == nil || hub.KindOf(err) != hub.KindTooLarge {
		return false
	}
	s.Logger.ErrorContext(ctx, "an order is too large for the log and was not taken", "connection", n.Connection)
	return true
}
