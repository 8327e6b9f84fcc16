package bus

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"hub"
)

// Consumer says how a durable consumer works. Zero values take the defaults.
type Consumer struct {
	Name    string // durable: the same name goes on where it was, in any process; letters, digits, - and _
	Subject string // filter; default hub.*.orders.>
	// Handlers is how many events are handled at once; default 1.
	Handlers int
	// Ordered hands the events of a line to the handler one after another, as they stand in the stream: an event that
	// fails is tried again in place, and what follows it in its line waits; other lines go on, as long as not more than
	// 16,000 events or 64 MiB wait. Without it a failing event comes again later and its line goes on at once. Order is
	// promised from the start of one Consume to its end, but for what is on its way when a connection breaks;
	// and while it alone uses the name: what was in hand at its end comes again to the next, and the server may put it
	// behind newer events. A handler that cannot have that compares Event.Sequence.
	Ordered    bool
	MaxDeliver int           // attempts before an event is a dead letter; default 8
	Backoff    time.Duration // wait after the first failure, doubled with each, at most 1 minute; default 1 s
	AckWait    time.Duration // how long a handler may take: its context ends then; default 30 s
}

const (
	maxBackoff    = time.Minute
	inHand        = 256      // events that a consumer holds at once, beside those that wait behind one that fails
	inHandMost    = 16 << 10 // with these: when a line that fails has more to wait, all wait, until the event is a dead letter
	inHandBytes   = 64 << 20 // of documents, from which on no more are taken for that
	widenEvery    = 500 * time.Millisecond
	consumerPause = time.Second
)

// withDefaults fills in what is zero.
func (c Consumer) withDefaults() Consumer {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&c.Backoff, time.Second)
	set(&c.AckWait, 30*time.Second)
	if c.Subject == "" {
		c.Subject = subjectsOrders
	}
	if c.MaxDeliver <= 0 {
		c.MaxDeliver = 8
	}
	c.Handlers = max(c.Handlers, 1)
	return c
}

// Consume hands events to the handler until ctx ends, then waits for the handlers under way and returns nil. An event is
// acknowledged after the handler returned nil, so it is handled at least once. A KindThrottled or KindUnavailable
// error's RetryAfter is kept to. A KindPermanent error, or MaxDeliver attempts, make the event a dead letter in
// StreamDead; where that cannot be stored, the event stays. A broker that is away is waited for.
func (b *Bus) Consume(ctx context.Context, c Consumer, handle func(context.Context, Event) error) error {
	c = c.withDefaults()
	if !token(c.Name) {
		return hub.Errorf(hub.KindInvalid, "consuming", "a consumer's name is letters, digits, - and _")
	}
	d := newDispatcher(b, c, handle)
	kept, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go d.keep(kept)
	defer d.group.Wait()
	for ctx.Err() == nil {
		err := d.session(ctx)
		if ctx.Err() != nil {
			break
		}
		b.config.Log.Warn("consumer waits for the broker", "consumer", c.Name, "error", err)
		pause(ctx, consumerPause)
	}
	return nil
}

// durable returns the consumer in the broker, which is made where it is missing and corrected where it differs. most is
// how many events the broker gives out before it has answers.
func (b *Bus) durable(ctx context.Context, c Consumer, most int) (jetstream.Consumer, error) {
	if err := b.connected("consuming"); err != nil {
		return nil, err
	}
	config := jetstream.ConsumerConfig{
		Durable: c.Name, FilterSubject: c.Subject, AckPolicy: jetstream.AckExplicitPolicy, AckWait: c.AckWait,
		DeliverPolicy: jetstream.DeliverAllPolicy, MaxAckPending: most,
		MaxDeliver: -1, // we count: a server that stopped giving an event out would lose it
	}
	durable, err := b.js.CreateOrUpdateConsumer(ctx, StreamOrders, config)
	if missing(err) {
		if err = b.ensure(ctx); err == nil {
			durable, err = b.js.CreateOrUpdateConsumer(ctx, StreamOrders, config)
		}
	}
	if err != nil {
		return nil, unavailable("consuming", c.Name, err)
	}
	return durable, nil
}

// gone says whether the consumer was deleted, with its stream or alone, which a silent broker may be about.
func (b *Bus) gone(ctx context.Context, durable jetstream.Consumer) bool {
	ctx, cancel := b.deadline(ctx)
	defer cancel()
	_, err := durable.Info(ctx)
	return err != nil
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// backoff is the wait after the nth failure.
func (c Consumer) backoff(n int, err error) time.Duration {
	d := maxBackoff
	if n < 16 { // shifted further it might wrap
		d = min(c.Backoff<<(n-1), maxBackoff)
	}
	return max(d, hub.RetryAfterOf(err))
}
