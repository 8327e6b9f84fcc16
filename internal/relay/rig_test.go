package relay_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/internal/relay"
	"hub/internal/relay/relaytest"
)

const window = time.Hour

// bench is one shard and one stream, in a bubble where time passes when everybody waits.
type bench struct {
	*testing.T
	outbox *relaytest.Outbox
	broker *relaytest.Broker
	lines  []relay.Line
	next   map[relay.Line]int64
}

// inBubble runs a test with its own time.
func inBubble(t *testing.T, tenants int, f func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, outbox: relaytest.NewOutbox(time.Now), broker: &relaytest.Broker{Clock: time.Now, Window: window}, next: map[relay.Line]int64{}}
		for range tenants {
			b.lines = append(b.lines, relaytest.NewLine())
		}
		f(b)
	})
}

// commit appends n changes to a line.
func (b *bench) commit(l relay.Line, n int) {
	first := b.next[l] + 1
	b.next[l] += int64(n)
	b.outbox.Commit(relaytest.Changes(l, first, b.next[l])...)
}

// hubRelay is a relay that runs in a hub of its own.
type hubRelay struct {
	*relay.Relay
	*process
	stop func() // in the regular way
}

// start runs a relay until the end of the test.
func (b *bench) start(name string, change ...func(*relay.Relay)) *hubRelay {
	p := &process{}
	r := &relay.Relay{Shard: "s0", Holder: name, Outbox: theirOutbox{b.outbox, p}, Broker: theirBroker{b.broker, p}, Clock: time.Now, Window: b.broker.Window}
	for _, f := range change {
		f(r)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.Run(ctx); err != nil {
			b.Error(err)
		}
	})
	h := &hubRelay{Relay: r, process: p, stop: func() { cancel(); running.Wait() }}
	b.Cleanup(h.stop)
	return h
}

// wait lets time pass.
func wait(d time.Duration) { <-time.After(d) }

// toldAll requires that the stream holds the whole feed, each change once and in order.
func (b *bench) toldAll(when string) {
	b.Helper()
	got := map[relay.Line][]hub.ChangeID{}
	for _, e := range b.broker.Live() {
		got[e.Line] = append(got[e.Line], e.Change)
	}
	for l, feed := range b.outbox.Feed() {
		want := make([]hub.ChangeID, len(feed))
		for i, c := range feed {
			want[i] = c.ID
		}
		if fmt.Sprint(got[l]) != fmt.Sprint(want) {
			b.Errorf("%s: line %s: the stream has %d messages, the feed %d changes, or others", when, l.Tenant, len(got[l]), len(want))
		}
	}
}

// eventually waits until it is so, at most a while.
func (b *bench) eventually(what string, within time.Duration, so func() bool) {
	b.Helper()
	for end := time.Now().Add(within); !so(); wait(50 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("%s: not within %v", what, within)
		}
	}
}

// count is how many messages the stream holds.
func (b *bench) count() int { return len(b.broker.Live()) }

// process is what can happen to a hub as a whole.
type process struct {
	mu     sync.Mutex
	paused chan struct{} // closed when it goes on; nil while it runs
	dead   bool
}

// pause stops the hub between any two of its calls until goOn.
func (p *process) pause() (goOn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := make(chan struct{})
	p.paused = c
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.paused == c {
			p.paused = nil
		}
		close(c)
	}
}

// kill makes the hub's calls reach nobody any more.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
}

// step waits while the hub is paused. What it does afterwards does not know of the time that has passed.
func (p *process) step() (alive bool) {
	for {
		p.mu.Lock()
		c, dead := p.paused, p.dead
		p.mu.Unlock()
		if c == nil || dead {
			return !dead
		}
		<-c
	}
}

func gone() error { return hub.Errorf(hub.KindUnavailable, "calling", "the hub is dead") }

// theirBroker is the broker as one hub reaches it.
type theirBroker struct {
	b relay.Broker
	p *process
}

// Publish waits in between, as a packet does that is on its way while its sender sleeps.
func (x theirBroker) Publish(ctx context.Context, runs []relay.Run) []relay.Told {
	late := ctx.Err() == nil
	if !x.p.step() {
		told := make([]relay.Told, len(runs))
		for i := range told {
			told[i].Err = gone()
		}
		return told
	}
	if late {
		ctx = context.WithoutCancel(ctx)
	}
	told := x.b.Publish(ctx, runs)
	x.p.step()
	return told
}

func (x theirBroker) Last(ctx context.Context, l relay.Line) (relay.Message, error) {
	if !x.p.step() {
		return relay.Message{}, gone()
	}
	defer x.p.step()
	return x.b.Last(ctx, l)
}

func (x theirBroker) Created(ctx context.Context) (time.Time, error) {
	if !x.p.step() {
		return time.Time{}, gone()
	}
	return x.b.Created(ctx)
}

func (x theirBroker) Holds(ctx context.Context, m relay.Mark) (bool, error) {
	if !x.p.step() {
		return false, gone()
	}
	defer x.p.step()
	return x.b.Holds(ctx, m)
}

// theirOutbox is the shard as one hub reaches it.
type theirOutbox struct {
	o relay.Outbox
	p *process
}

func (x theirOutbox) Lead(ctx context.Context, s hub.ShardID, holder string, d time.Duration) (int64, error) {
	if !x.p.step() {
		return 0, gone()
	}
	return x.o.Lead(ctx, s, holder, d)
}

func (x theirOutbox) Resign(ctx context.Context, s hub.ShardID, holder string) error {
	if !x.p.step() {
		return gone()
	}
	return x.o.Resign(ctx, s, holder)
}

func (x theirOutbox) Behind(ctx context.Context, s hub.ShardID, after relay.Line, limit int) ([]relay.Place, error) {
	if !x.p.step() {
		return nil, gone()
	}
	return x.o.Behind(ctx, s, after, limit)
}

func (x theirOutbox) Changes(ctx context.Context, s hub.ShardID, wants []relay.Want, maxBytes int) ([]relay.Page, error) {
	if !x.p.step() {
		return nil, gone()
	}
	return x.o.Changes(ctx, s, wants, maxBytes)
}

func (x theirOutbox) Tell(ctx context.Context, s hub.ShardID, epoch int64, places []relay.Place, m relay.Mark) error {
	if !x.p.step() {
		return gone()
	}
	return x.o.Tell(context.WithoutCancel(ctx), s, epoch, places, m)
}

func (x theirOutbox) Marked(ctx context.Context, s hub.ShardID) (relay.Mark, error) {
	if !x.p.step() {
		return relay.Mark{}, gone()
	}
	return x.o.Marked(ctx, s)
}

func (x theirOutbox) Rewind(ctx context.Context, s hub.ShardID, epoch int64, since time.Time) error {
	if !x.p.step() {
		return gone()
	}
	return x.o.Rewind(context.WithoutCancel(ctx), s, epoch, since)
}
