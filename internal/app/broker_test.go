package app

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"hub"
	"hub/internal/bus"
	"hub/internal/relay"
)

// TestBrokerIsOpenedAgain: one that does not start is tried until it does, and one that is opened anew goes on where the
// one before it was.
func TestBrokerIsOpenedAgain(t *testing.T) {
	config := bus.Config{
		URL: bus.Embedded, Dir: t.TempDir(), Window: time.Hour, Log: slog.New(slog.DiscardHandler), Clock: SystemClock,
	}
	tries := 0
	b, err := openBroker(t.Context(), config.Log, func(ctx context.Context) (*bus.Bus, error) {
		if tries++; tries == 1 {
			return nil, errors.New("disk full")
		}
		return bus.Open(ctx, config)
	})
	if err == nil {
		t.Fatal("no error of the first try")
	}
	ids := NewIDs()
	l := relay.Line{Tenant: hub.TenantID(ids.New(hub.TenantPrefix)), Stream: hub.StreamOrders}
	run := []relay.Run{{Line: l, Changes: []hub.Change{{
		ID: hub.ChangeID(ids.New(hub.ChangePrefix)), Tenant: l.Tenant, Stream: l.Stream, Sequence: 1, Type: hub.OrderCreated, Time: SystemClock(),
		OrderID: hub.OrderID(ids.New(hub.OrderPrefix)), Revision: 1, Doc: []byte(`{"platform":"shopify"}`),
	}}}}
	if told := b.Publish(t.Context(), run); hub.KindOf(told[0].Err) != hub.KindUnavailable {
		t.Errorf("told without a broker: %+v", told)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.keep(ctx) }()
	for until := time.Now().Add(60 * time.Second); b.Publish(t.Context(), run)[0].Err != nil; <-time.After(50 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the broker never came")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := b.reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m, err := b.Last(t.Context(), l); err != nil || m.Sequence != 1 {
		t.Errorf("after it was opened anew: %+v, %v", m, err)
	}
	b.close()
	if _, err := b.Created(t.Context()); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("a closed broker: %v", err)
	}
}
