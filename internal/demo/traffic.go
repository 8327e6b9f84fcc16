package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"hub/adapters/sandbox/shopify"
)

// plan is what the shop will send, and what must be in the books in the end.
type plan struct {
	deliveries []shopify.Delivery
	newest     map[int64]*shopify.Order // by id, as it stands in the end
	copies     int                      // deliveries that are copies
	moved      int                      // deliveries that come before an older one of their order
}

// makePlan lets a shop live through n orders and then shuffles what it has to tell: one delivery in five is sent twice,
// and deliveries change places with others near them.
func makePlan(shop *shopify.Shop, n int, seed uint64) plan {
	random := rand.New(rand.NewPCG(seed, 2))
	p := plan{newest: map[int64]*shopify.Order{}}
	tell := func(topic string, o *shopify.Order) {
		d := shop.Deliver(topic, o)
		p.deliveries = append(p.deliveries, d)
		if random.IntN(5) == 0 {
			p.deliveries = append(p.deliveries, d)
			p.copies++
		}
	}
	for range n {
		o := shop.Place()
		p.newest[o.ID] = o
		tell("orders/create", o)
		if random.IntN(12) == 0 {
			o.Cancel()
			tell("orders/cancelled", o)
			continue
		}
		o.Pay()
		tell("orders/paid", o)
		if random.IntN(2) == 0 {
			o.Ship()
			tell("orders/fulfilled", o)
		}
		if random.IntN(6) == 0 && o.Refund() {
			tell("orders/updated", o)
		}
	}
	const near = 12
	for i := range p.deliveries {
		j := i + random.IntN(min(near, len(p.deliveries)-i))
		p.deliveries[i], p.deliveries[j] = p.deliveries[j], p.deliveries[i]
	}
	p.moved = countMoved(p.deliveries)
	return p
}

func countMoved(deliveries []shopify.Delivery) (moved int) {
	latest := map[int64]time.Time{}
	for _, d := range slices.Backward(deliveries) {
		if t, ok := latest[d.OrderID]; ok && d.Updated.After(t) {
			moved++
		}
		if t, ok := latest[d.OrderID]; !ok || d.Updated.Before(t) {
			latest[d.OrderID] = d.Updated
		}
	}
	return moved
}

// sender posts deliveries as the platform does and measures how long each answer takes.
type sender struct {
	client *http.Client
	url    string

	mu    sync.Mutex
	times []time.Duration
}

// send posts all deliveries over some connections at once. Like the platform it tries a refused delivery again, but not
// for ever.
func (s *sender) send(ctx context.Context, deliveries []shopify.Delivery, connections int) error {
	queue := make(chan shopify.Delivery)
	failed := make(chan error, connections)
	var workers sync.WaitGroup
	for range connections {
		workers.Go(func() {
			for d := range queue {
				if err := s.post(ctx, d); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	var err error
feeding:
	for _, d := range deliveries {
		select {
		case queue <- d:
		case err = <-failed:
			break feeding
		}
	}
	close(queue)
	workers.Wait()
	select {
	case err = <-failed:
	default:
	}
	return err
}

// post sends one delivery, up to the platform's eight retries.
func (s *sender) post(ctx context.Context, d shopify.Delivery) (err error) {
	const tries = 9
	for range tries {
		if err = s.once(ctx, d); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (s *sender) once(ctx context.Context, d shopify.Delivery) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(d.Body))
	if err != nil {
		return fmt.Errorf("sending a delivery: %w", err)
	}
	request.Header = d.Header.Clone()
	start := time.Now()
	answer, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("sending a delivery: %w", err)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	if err != nil || answer.StatusCode/100 != 2 {
		return fmt.Errorf("sending a delivery: answered %d", answer.StatusCode)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times = append(s.times, time.Since(start))
	return nil
}

// quantile returns the time below which a share of the answers came.
func (s *sender) quantile(permille int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.times) == 0 {
		return 0
	}
	slices.Sort(s.times)
	return s.times[min(len(s.times)-1, len(s.times)*permille/1000)]
}
