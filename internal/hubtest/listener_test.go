package hubtest_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hub/internal/bus"
	"hub/internal/demo"
	"hub/internal/hubtest"
)

// heard is one event as it came from the stream.
type heard struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Subject string `json:"subject"`
	Data    struct {
		TenantID string `json:"tenant_id"`
		Sequence int64  `json:"sequence"`
		OrderID  string `json:"order_id"`
		Revision int64  `json:"revision"`
	} `json:"data"`
}

// listener is somebody who listens to the stream of orders with nothing but a NATS client, through every loss of it.
type listener struct {
	mu       sync.Mutex
	all      []heard
	sessions int // how often it began anew
	foreign  int // messages that are no events
}

// listen hears until ctx ends. After every interruption it begins at the first message there is.
func listen(ctx context.Context, url string) (*listener, *sync.WaitGroup) {
	l := &listener{}
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			l.session(ctx, url)
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	return l, &done
}

// inside hears a hub in this process, whose broker has no port, until ctx ends. A new name begins at the first message.
func (l *listener) inside(ctx context.Context, t *testing.T, h *hubtest.Hub, name string) *sync.WaitGroup {
	var done sync.WaitGroup
	l.sessions++
	done.Go(func() {
		err := h.Consume(ctx, bus.Consumer{Name: name, Ordered: true}, func(_ context.Context, e bus.Event) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			one := heard{ID: string(e.ID), Type: string(e.Type), Subject: string(e.OrderID)}
			one.Data.TenantID, one.Data.Sequence, one.Data.OrderID, one.Data.Revision = string(e.Tenant), e.Sequence, string(e.OrderID), e.Revision
			l.all = append(l.all, one)
			return nil
		})
		if err != nil {
			t.Error("listening: ", err)
		}
	})
	return &done
}

// session ends when the stream is gone, or has been silent for a while: a consumer does not always notice.
func (l *listener) session(ctx context.Context, url string) {
	nc, err := nats.Connect(url, nats.MaxReconnects(0))
	if err != nil {
		return
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return
	}
	asking, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	consumer, err := js.OrderedConsumer(asking, "HUB_ORDERS", jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverAllPolicy, MaxResetAttempts: 1, // without a bound it tries for ever, on a closed connection too
	})
	if err != nil {
		return
	}
	l.mu.Lock()
	l.sessions++
	l.mu.Unlock()
	for silent := 0; silent < 3 && ctx.Err() == nil && nc.IsConnected(); {
		batch, err := consumer.Fetch(500, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			return
		}
		n := 0
		for m := range batch.Messages() {
			l.hear(m.Data())
			n++
		}
		if batch.Error() != nil {
			return
		}
		if silent++; n > 0 {
			silent = 0
		}
	}
}

func (l *listener) hear(b []byte) {
	var e heard
	err := json.Unmarshal(b, &e)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil || e.ID == "" || !strings.HasPrefix(e.Type, "order.") {
		l.foreign++
		return
	}
	l.all = append(l.all, e)
}

// first are the events without repetitions, in the order in which they were first heard.
func (l *listener) first() (once []heard, repeated int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[string]bool{}
	for _, e := range l.all {
		if seen[e.ID] {
			repeated++
			continue
		}
		seen[e.ID] = true
		once = append(once, e)
	}
	return once, repeated
}

// told counts what a listener must never find.
type told struct {
	missing  int // changes of the feed that were never heard
	strange  int // events that are not in the feed as they were heard
	disorder int // an event of a tenant before an older one of the same tenant, or of an order before an older revision
	foreign  int // messages that are no events
}

func (v told) sum() int { return v.missing + v.strange + v.disorder + v.foreign }

// compare holds what was heard against the feeds of the merchants.
func (l *listener) compare(t *testing.T, merchants []*merchant) (v told, changes, repeated int) {
	t.Helper()
	once, repeated := l.first()
	v.foreign = l.foreign
	by := map[string]heard{}
	last, revision := map[string]int64{}, map[string]int64{}
	for _, e := range once {
		by[e.ID] = e
		if e.Data.Sequence < last[e.Data.TenantID] || e.Data.Revision < revision[e.Data.OrderID] {
			v.disorder++
		}
		last[e.Data.TenantID], revision[e.Data.OrderID] = e.Data.Sequence, e.Data.Revision
	}
	for _, m := range merchants {
		for _, c := range wholeFeed(t, m.ERP) {
			changes++
			e, ok := by[c.ID]
			if !ok {
				v.missing++
				continue
			}
			if e.Data.TenantID != m.Shop.Tenant || e.Data.Sequence != c.Sequence || e.Type != c.Type || e.Data.OrderID != c.Order.ID {
				v.strange++
			}
			delete(by, c.ID)
		}
	}
	v.strange += len(by)
	return v, changes, repeated
}

// complete waits until everything in the feeds was heard, or for a generous time.
func (l *listener) complete(t *testing.T, merchants []*merchant) {
	t.Helper()
	heads := map[string]int64{}
	for _, m := range merchants {
		heads[m.Shop.Tenant] = head(t, m.ERP)
	}
	for until := time.Now().Add(90 * time.Second); time.Now().Before(until); <-time.After(100 * time.Millisecond) {
		reached := map[string]int64{}
		l.mu.Lock()
		for _, e := range l.all {
			reached[e.Data.TenantID] = max(reached[e.Data.TenantID], e.Data.Sequence)
		}
		l.mu.Unlock()
		behind := 0
		for tenant, sequence := range heads {
			if reached[tenant] < sequence {
				behind++
			}
		}
		if behind == 0 {
			return
		}
	}
}

// head is the number of the newest change.
func head(t *testing.T, c demo.Client) int64 {
	all := wholeFeed(t, c)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].Sequence
}
