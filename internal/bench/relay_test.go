package bench

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hub"
	"hub/internal/app"
	"hub/internal/bench/baseline"
	"hub/internal/bus"
	"hub/internal/intake"
	"hub/internal/relay"
)

// tell starts an embedded broker and a relay in a folder of their own; stop ends both.
func (r *rig) tell(tb testing.TB) (_ *bus.Bus, stop func()) {
	tb.Helper()
	return r.tellInto(tb, filepath.Join(folder(tb), "jetstream"))
}

func (r *rig) tellInto(tb testing.TB, dir string) (_ *bus.Bus, stop func()) {
	tb.Helper()
	const window = 7 * 24 * time.Hour
	ctx, cancel := context.WithCancel(context.Background())
	broker := got(bus.Open(ctx, bus.Config{
		URL: bus.Embedded, Dir: dir, Window: window, Log: logger(), Clock: app.SystemClock,
	}))(tb)
	teller := &relay.Relay{
		Shard: r.store.Map().Shards()[0], Holder: instance, Outbox: r.store.Relay(), Broker: broker,
		Clock: app.SystemClock, Logger: logger(), Window: window, Alone: true,
	}
	r.relay.Store(teller)
	var ended sync.WaitGroup
	ended.Go(func() { must(tb, teller.Run(ctx)) })
	return broker, func() {
		cancel()
		ended.Wait()
		r.relay.Store(nil)
		broker.Close()
	}
}

// telling is a shard full of changes that nobody was told, kept over all turns.
type telling struct {
	*library
	messages []*nats.Msg // that the product has told
}

// ours starts a relay beside a broker that has nothing: it tells all there is.
func (l *telling) ours(tb testing.TB) rate {
	ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	dir := filepath.Join(folder(tb), "jetstream")
	clock := start()
	_, stop := l.rig.tellInto(tb, dir)
	for l.rig.relay.Load().Status().Told < int64(l.orders) {
		select {
		case <-ctx.Done():
			tb.Fatalf("%+v", l.rig.relay.Load().Status())
		case <-time.After(time.Millisecond):
		}
	}
	measured := clock.rate(int64(l.orders))
	stop()
	if l.messages == nil {
		l.messages = stored(tb, dir, l.orders)
	}
	return measured
}

// stored reads the messages that the product has told out of its broker's folder, without the headers of their batches.
func stored(tb testing.TB, dir string, n int) (list []*nats.Msg) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	stream := got(baseline.OpenStream(ctx, dir))(tb)
	defer stream.Close()
	consumer := got(stream.JS.OrderedConsumer(ctx, bus.StreamOrders, jetstream.OrderedConsumerConfig{}))(tb)
	for len(list) < n {
		batch := got(consumer.Fetch(min(n-len(list), 1000)))(tb)
		for m := range batch.Messages() {
			header := nats.Header{}
			for _, name := range []string{jetstream.MsgIDHeader, bus.HeaderSequence, bus.HeaderTrace} {
				header.Set(name, m.Headers().Get(name))
			}
			list = append(list, &nats.Msg{
				Subject: baseline.StreamSubject + strings.TrimPrefix(m.Subject(), "hub"), Data: m.Data(), Header: header,
			})
		}
		must(tb, batch.Error())
	}
	return list
}

// bare publishes the same bytes as atomic batches of a thousand.
func (l *telling) bare(tb testing.TB) rate {
	stream := got(baseline.OpenStream(context.Background(), folder(tb)))(tb)
	defer stream.Close()
	clock := start()
	for batch := range slices.Chunk(l.messages, 1000) {
		must(tb, baseline.PublishBare(stream.JS.Conn(), batch))
	}
	return clock.rate(int64(len(l.messages)))
}

func relayComparisons(tb testing.TB, orders int) (list []comparison) {
	for name, s := range sizes() {
		l := &telling{library: newLibrary(tb, s, orders)}
		list = append(list, comparison{
			name: "relay, " + name, unit: "changes/s", against: "bare atomic batches of the same bytes", demanded: 0.60,
			ours: l.ours, baseline: l.bare, done: func() { l.rig.close(tb) },
		})
	}
	return list
}

// hearing says how long after their commits changes were heard.
type hearing struct {
	half, p99 time.Duration
	rate      float64 // orders a second that came in
}

// hear lets orders come in at half the rate of the drain, and a consumer listen.
func hear(tb testing.TB, s size, orders int, d time.Duration) hearing {
	tb.Helper()
	full := newRig(tb, s)
	few := natural(200)
	full.accept(tb, many(few, 0, orders))
	half := full.drainAll(tb, orders).perSecond() / 2
	full.close(tb)

	r := newRig(tb, s)
	defer r.close(tb)
	broker, silence := r.tell(tb)
	defer silence()
	stop := r.drain(tb)
	defer stop()
	n := int(half * d.Seconds())
	list := many(few, 0, n)
	var mu sync.Mutex
	var waits []time.Duration
	ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	var listening sync.WaitGroup
	listening.Go(func() {
		must(tb, broker.Consume(ctx, bus.Consumer{Name: "bench"}, func(_ context.Context, e bus.Event) error {
			mu.Lock()
			defer mu.Unlock()
			if waits = append(waits, time.Since(e.Time)); len(waits) == n {
				cancel()
			}
			return nil
		}))
	})
	began := time.Now()
	var sending sync.WaitGroup
	for i, delivery := range list {
		if ahead := time.Duration(float64(i)/half*float64(time.Second)) - time.Since(began); ahead > 0 {
			<-time.After(ahead)
		}
		sending.Go(func() {
			must(tb, r.door.Accept(context.Background(), intake.Request{
				Platform: hub.Shopify, Token: r.connection.Endpoint, Header: delivery.Header, Body: delivery.Body,
			}))
		})
	}
	sending.Wait()
	took := time.Since(began)
	listening.Wait()
	if len(waits) != n {
		tb.Fatalf("%d of %d heard", len(waits), n)
	}
	slices.Sort(waits)
	return hearing{half: waits[n/2], p99: waits[n*99/100], rate: float64(n) / took.Seconds()}
}
