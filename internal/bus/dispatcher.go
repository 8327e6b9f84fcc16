package bus

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"hub"
)

// dispatcher runs the handlers of one consumer. An ordered consumer has one queue for each line that has events in
// hand, and a goroutine that works on it; all share the slots of Handlers. A queue that waits holds no slot.
type dispatcher struct {
	bus    *Bus
	c      Consumer
	handle func(context.Context, Event) error
	slots  chan struct{}
	group  sync.WaitGroup

	mu     sync.Mutex
	queues map[hub.TenantID][]delivery // a key is there while its goroutine runs
	hand   map[jetstream.Msg]struct{}  // what is not answered yet
}

// delivery is a message in hand, decoded or not.
type delivery struct {
	jetstream.Msg
	event Event
	err   error // of decoding
}

func newDispatcher(b *Bus, c Consumer, handle func(context.Context, Event) error) *dispatcher {
	return &dispatcher{
		bus: b, c: c, handle: handle, slots: make(chan struct{}, c.Handlers),
		queues: map[hub.TenantID][]delivery{}, hand: map[jetstream.Msg]struct{}{},
	}
}

// finish waits for the handlers and gives back what was fetched and not begun, so that whoever consumes next has it at
// once. It takes no more from the server before that.
func (d *dispatcher) finish(messages jetstream.MessagesContext) {
	messages.Drain()
	d.group.Wait()
	for {
		m, err := messages.Next()
		if err != nil {
			return
		}
		_ = m.Nak() // where it is lost, the event comes again after AckWait
	}
}

// add takes a message in hand. The server gives out no more than inHand before they are answered, which bounds queues.
func (d *dispatcher) add(ctx context.Context, m jetstream.Msg) {
	in := delivery{Msg: m}
	in.event, in.err = decode(m.Data(), m.Headers())
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hand[m] = struct{}{}
	if !d.c.Ordered || in.err != nil {
		d.group.Go(func() { d.later(ctx, in) })
		return
	}
	line := in.event.Tenant
	queue, running := d.queues[line]
	d.queues[line] = append(queue, in)
	if !running {
		d.group.Go(func() { d.work(ctx, line) })
	}
}

// work empties the queue of a line. When ctx ends, the rest goes back.
func (d *dispatcher) work(ctx context.Context, line hub.TenantID) {
	for {
		d.mu.Lock()
		queue := d.queues[line]
		if len(queue) == 0 {
			delete(d.queues, line)
			d.mu.Unlock()
			return
		}
		in := queue[0]
		d.queues[line] = queue[1:]
		d.mu.Unlock()
		d.inPlace(ctx, in)
	}
}

// inPlace tries an event until it is handled or dead.
func (d *dispatcher) inPlace(ctx context.Context, in delivery) {
	for attempt := delivered(in); ; attempt++ {
		err := d.try(ctx, in)
		switch {
		case err != nil && ctx.Err() != nil:
			d.answered(in, in.Nak())
			return
		case d.settle(ctx, in, attempt, err):
			return
		}
		pause(ctx, d.c.backoff(attempt, err))
	}
}

// later tries an event once and leaves another attempt to the server.
func (d *dispatcher) later(ctx context.Context, in delivery) {
	err := in.err
	if err == nil {
		err = d.try(ctx, in)
	}
	attempt := delivered(in)
	switch {
	case err != nil && ctx.Err() != nil:
		d.answered(in, in.Nak())
	case !d.settle(ctx, in, attempt, err):
		d.answered(in, in.NakWithDelay(d.c.backoff(attempt, err)))
	}
}

// try runs the handler when a slot is free, for AckWait at most.
func (d *dispatcher) try(ctx context.Context, in delivery) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, d.c.AckWait)
	defer cancel()
	return d.handle(ctx, in.event)
}

// settle acknowledges what was handled and buries what never will be; false means that it is to be tried again.
func (d *dispatcher) settle(ctx context.Context, in delivery, attempt int, err error) bool {
	if err == nil {
		d.answered(in, in.Ack())
		return true
	}
	if attempt < d.c.MaxDeliver && hub.KindOf(err) != hub.KindPermanent {
		return false
	}
	if buried := d.bus.bury(ctx, d.c.Name, in, attempt, err); buried != nil {
		d.bus.config.Log.Warn("dead letter is not stored", "consumer", d.c.Name, "error", buried)
		return false
	}
	d.answered(in, in.Term())
	return true
}

// keep tells the server until ctx ends that what waits here is in hand, so that it is not given out again.
func (d *dispatcher) keep(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, d.c.AckWait/3)
		d.mu.Lock()
		hand := slices.Collect(maps.Keys(d.hand))
		d.mu.Unlock()
		for _, m := range hand {
			_ = m.InProgress() // one that was answered meanwhile, or a connection that is lost, needs nothing
		}
	}
}

// answered takes a message out of the hand. An answer that could not be sent makes the event come again, which
// consumers have to bear anyway.
func (d *dispatcher) answered(in delivery, err error) {
	d.mu.Lock()
	delete(d.hand, in.Msg)
	d.mu.Unlock()
	if err != nil {
		d.bus.config.Log.Debug("answer to broker is lost", "consumer", d.c.Name, "error", err)
	}
}

// delivered counts the deliveries of a message, this one included.
func delivered(m jetstream.Msg) int {
	meta, err := m.Metadata()
	if err != nil {
		return 1
	}
	return int(meta.NumDelivered)
}
