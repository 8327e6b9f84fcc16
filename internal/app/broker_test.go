package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/internal/bus"
	"hub/internal/relay"
)

// testBus is the configuration of an embedded broker on a folder of its own.
func testBus(t *testing.T) bus.Config {
	return bus.Config{
		URL: bus.Embedded, Dir: t.TempDir(), Window: time.Hour, MaxStore: 64 << 20, Log: slog.New(slog.DiscardHandler), Clock: SystemClock,
	}
}

// oneChange is a run of one line with its first change.
func oneChange() relay.Run {
	ids := NewIDs()
	l := relay.Line{Tenant: hub.TenantID(ids.New(hub.TenantPrefix)), Stream: hub.StreamOrders}
	return relay.Run{Line: l, Changes: []hub.Change{{
		ID: hub.ChangeID(ids.New(hub.ChangePrefix)), Tenant: l.Tenant, Stream: l.Stream, Sequence: 1, Type: hub.OrderCreated, Time: SystemClock(),
		OrderID: hub.OrderID(ids.New(hub.OrderPrefix)), Revision: 1, Doc: []byte(`{"platform":"shopify"}`),
	}}}
}

// toldSoon publishes until it is told.
func toldSoon(t *testing.T, b *broker, run relay.Run) {
	t.Helper()
	for until := time.Now().Add(60 * time.Second); b.Publish(t.Context(), []relay.Run{run})[0].Err != nil; <-time.After(50 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the broker never came")
		}
	}
}

// TestBrokerIsOpenedAgain: one that does not start is tried until it does, and one that is opened anew goes on where the
// one before it was.
func TestBrokerIsOpenedAgain(t *testing.T) {
	config, tries := testBus(t), 0
	b, err := openBroker(t.Context(), config.Log, func(ctx context.Context) (*bus.Bus, error) {
		if tries++; tries == 1 {
			return nil, errors.New("disk full")
		}
		return bus.Open(ctx, config)
	})
	if err == nil {
		t.Fatal("no error of the first try")
	}
	run := oneChange()
	if told := b.Publish(t.Context(), []relay.Run{run}); hub.KindOf(told[0].Err) != hub.KindUnavailable {
		t.Errorf("told without a broker: %+v", told)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.keep(ctx) }()
	toldSoon(t, b, run)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	_, life, end, err := b.await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	<-b.begin()
	<-life.Done() // who listened to the one before begins anew
	if m, err := b.Last(t.Context(), run.Line); err != nil || m.Sequence != 1 {
		t.Errorf("after it was opened anew: %+v, %v", m, err)
	}
	b.close()
	b.close()
	if _, err := b.Created(t.Context()); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("a closed broker: %v", err)
	}
	if _, _, _, err := b.await(t.Context()); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("waiting for a closed broker: %v", err)
	}
}

// TestBrokerThatTakesLong: a store that takes long to open holds up nothing: not the start, not who asks, not the stop. It
// serves when it is open, and one that is ready only after the end is closed.
func TestBrokerThatTakesLong(t *testing.T) {
	config, goOn, opened := testBus(t), make(chan struct{}), make(chan *bus.Bus, 1)
	open := func(ctx context.Context) (*bus.Bus, error) {
		<-goOn
		now, err := bus.Open(ctx, config)
		opened <- now
		return now, err
	}
	quick := func(what string, most time.Duration, do func()) {
		t.Helper()
		begin := time.Now()
		if do(); time.Since(begin) > most {
			t.Errorf("%s took %v", what, time.Since(begin))
		}
	}
	var b *broker
	start := func() {
		quick("the start", headStart+2*time.Second, func() {
			var err error
			if b, err = openBroker(t.Context(), config.Log, open); !errors.Is(err, errOpening) {
				t.Errorf("while it is being opened: %v", err)
			}
		})
	}
	stop := func(keeping <-chan error, cancel context.CancelFunc) {
		quick("the stop", giveUpOpen+2*time.Second, func() {
			cancel()
			if err := <-keeping; err != nil {
				t.Error(err)
			}
			b.close()
		})
	}
	keep := func() (<-chan error, context.CancelFunc) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.keep(ctx) }()
		return done, cancel
	}
	start()
	run := oneChange()
	quick("an answer", time.Second, func() {
		told := b.Publish(t.Context(), []relay.Run{run})[0]
		if hub.KindOf(told.Err) != hub.KindUnavailable || !strings.Contains(told.Err.Error(), errOpening.Error()) {
			t.Errorf("told %+v", told)
		}
	})
	heard, listening := make(chan int64, 1), make(chan error, 1)
	ctx, deaf := context.WithCancel(t.Context())
	go func() {
		h := &Hub{broker: b}
		listening <- h.Consume(ctx, bus.Consumer{Name: "early"}, func(_ context.Context, e bus.Event) error { heard <- e.Sequence; return nil })
	}()
	keeping, cancel := keep()
	close(goOn)
	toldSoon(t, b, run)
	if n := <-heard; n != 1 {
		t.Errorf("heard %d", n)
	}
	deaf()
	if err := <-listening; err != nil {
		t.Error(err)
	}
	stop(keeping, cancel)
	<-opened

	goOn = make(chan struct{})
	start()
	keeping, cancel = keep()
	stop(keeping, cancel)
	close(goOn)
	late := <-opened
	for until := time.Now().Add(30 * time.Second); late.Health(t.Context()) == nil; <-time.After(20 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("what was opened after the end is not closed")
		}
	}
}

// TestStreamRoom: the bound of the embedded store is a share of its disk.
func TestStreamRoom(t *testing.T) {
	known, first := streamRoom(t.TempDir()), streamRoom("/no/such/folder", t.TempDir())
	if known <= 0 || known != first || streamRoom("/no/such/folder") != roomUnknown {
		t.Errorf("%d, %d", known, first)
	}
}
