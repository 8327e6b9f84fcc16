package bus

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"hub"
)

// dispatcher runs the handlers of one consumer, for as long as Consume lasts: it outlives connections, so that an event
// which fails keeps nobody waiting when one is made anew. An ordered consumer has one queue for each line that has events
// in hand, and a goroutine that works on it; all share the slots of Handlers. A queue that waits holds no slot.
type dispatcher struct {
	bus    *Bus
	c      Consumer
	handle func(context.Context, Event) error
	slots  chan struct{}
	group  sync.WaitGroup

	mu     sync.Mutex
	queues map[hub.TenantID][]delivery // a key is there while its goroutine runs
	hand   map[message]delivery        // what is not answered yet
	bytes  int                         // of these
	fails  map[hub.TenantID]bool       // lines whose first event failed and waits
	later  []time.Time                 // until when the server keeps what it was told to give out later
}

// message is one of the stream's, however often it is delivered. A stream that was put back gives positions anew.
type message struct {
	position uint64
	id       string // of the message; may be empty
}

// delivery is a message in hand, decoded or not.
type delivery struct {
	jetstream.Msg
	message
	event Event
	err   error // of decoding
}

func newDispatcher(b *Bus, c Consumer, handle func(context.Context, Event) error) *dispatcher {
	return &dispatcher{
		bus: b, c: c, handle: handle, slots: make(chan struct{}, c.Handlers),
		queues: map[hub.TenantID][]delivery{}, hand: map[message]delivery{}, fails: map[hub.TenantID]bool{},
	}
}

// session takes events in hand until ctx ends or the broker fails it.
func (d *dispatcher) session(ctx context.Context) error {
	durable, err := d.bus.durable(ctx, d.c, inHand)
	if err != nil {
		return err
	}
	messages, err := durable.Messages(jetstream.PullMaxMessages(inHand), jetstream.PullHeartbeat(pingInterval))
	if err != nil {
		return unavailable("consuming", d.c.Name, err)
	}
	life, end := context.WithCancel(ctx)
	go d.widen(life)
	defer d.finish(ctx, messages)
	defer end()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		switch {
		case err == nil:
			d.add(ctx, m)
		case errors.Is(err, jetstream.ErrNoHeartbeat) && d.bus.nc.IsConnected() && !d.bus.gone(ctx, durable):
		default:
			return err
		}
	}
}

// finish takes no more from the server. What was fetched by then is taken in hand, so that nothing of a line is behind
// what the next session brings; at the end of all it is given back, so that whoever consumes next has it at once.
func (d *dispatcher) finish(ctx context.Context, messages jetstream.MessagesContext) {
	messages.Drain()
	if ctx.Err() != nil {
		d.group.Wait()
	}
	for {
		m, err := messages.Next()
		switch {
		case err != nil:
			return
		case ctx.Err() != nil:
			_ = m.Nak() // where it is lost, the event comes again after AckWait
		default:
			d.add(ctx, m)
		}
	}
}

// widen has the server give out more while what it gave out waits for events that fail, so that those keep nobody else from
// being heard. It returns when ctx ends.
func (d *dispatcher) widen(ctx context.Context) {
	for have := inHand; ctx.Err() == nil; {
		pause(ctx, widenEvery)
		if want := d.wanted(have); want != have && ctx.Err() == nil {
			if _, err := d.bus.durable(ctx, d.c, want); err == nil {
				have = want
			}
		}
	}
}

// wanted is how much the server should give out at once.
func (d *dispatcher) wanted(have int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.bus.config.Clock()
	d.later = slices.DeleteFunc(d.later, func(until time.Time) bool { return !now.Before(until) })
	stuck := len(d.later)
	for line := range d.fails {
		stuck += 1 + len(d.queues[line])
	}
	switch {
	case stuck == 0:
		return inHand
	case have-stuck >= inHand/2 || d.bytes > inHandBytes:
		return have
	}
	return min(inHand+2*stuck, inHandMost)
}

// add takes a message in hand, unless it is there: it comes again when the broker was away for longer than AckWait. What the
// server gives out before it is answered is bounded, and so are the queues.
func (d *dispatcher) add(ctx context.Context, m jetstream.Msg) {
	in := delivery{Msg: m, message: message{id: m.Headers().Get(jetstream.MsgIDHeader)}}
	if meta, err := m.Metadata(); err == nil {
		in.position = meta.Sequence.Stream
	}
	in.event, in.err = decode(m.Data(), m.Headers())
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, there := d.hand[in.message]; there {
		return // its answer speaks for every delivery
	}
	d.hand[in.message] = in
	d.bytes += len(in.Data())
	if !d.c.Ordered || in.err != nil {
		d.group.Go(func() { d.once(ctx, in) })
		return
	}
	line := in.event.Tenant
	queue, running := d.queues[line]
	at := len(queue)
	for at > 0 && queue[at-1].position > in.position { // what was lost on its way comes behind what was not
		at--
	}
	d.queues[line] = slices.Insert(queue, at, in)
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
			d.failing(in, false)
			return
		}
		d.failing(in, true)
		pause(ctx, d.c.backoff(attempt, err))
	}
}

func (d *dispatcher) failing(in delivery, now bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if delete(d.fails, in.event.Tenant); now {
		d.fails[in.event.Tenant] = true
	}
}

// once tries an event and leaves another attempt to the server.
func (d *dispatcher) once(ctx context.Context, in delivery) {
	err := in.err
	if err == nil {
		err = d.try(ctx, in)
	}
	attempt := delivered(in)
	switch {
	case err != nil && ctx.Err() != nil:
		d.answered(in, in.Nak())
	case !d.settle(ctx, in, attempt, err):
		wait := d.c.backoff(attempt, err)
		d.answered(in, in.NakWithDelay(wait))
		d.mu.Lock()
		d.later = append(d.later, d.bus.config.Clock().Add(wait))
		d.mu.Unlock()
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
		hand := slices.Collect(maps.Values(d.hand))
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
	if _, there := d.hand[in.message]; there {
		delete(d.hand, in.message)
		d.bytes -= len(in.Data())
	}
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
