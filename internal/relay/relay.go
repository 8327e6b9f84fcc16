package relay

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"hub"
)

// Times of a relay.
const (
	leaseFor    = 5 * time.Second // of the leadership
	renewEvery  = 1500 * time.Millisecond
	pollShared  = 100 * time.Millisecond // how long a change waits when another hub committed it
	pollAlone   = time.Second
	pollShare   = 10               // a look at the feed that takes long is followed by so many times as long without one
	pollMost    = 30 * time.Second // at most; who is told of by Wake does not wait for it
	lookMost    = 100              // tenants that are looked at one by one, rather than the whole feed
	storeEvery  = time.Second
	verifyEvery = 3 * time.Second // how long a loss can go unnoticed while nothing is told
	pendingMost = 64              // publications after which the stream is looked at before its time
	leaveWithin = time.Second     // for the last places and the resignation
	publishMost = 10 * time.Second
	giveUpAfter = 15 * time.Second // of trouble: another hub may reach what this one does not
	backoffBase = 100 * time.Millisecond
	backoffMost = 5 * time.Second
	publishWait = time.Second // at most, while the broker answers and takes nothing: it may be one line's fault
	holdBase    = 500 * time.Millisecond
	holdMost    = time.Minute
)

// Limits are the bounds of one publication, and of what waits to be stored.
type Limits struct {
	Lines   int // in one publication; 250 when zero
	Changes int // in one publication; 1,000 when zero, which is also the most that JetStream takes as one
	Bytes   int // of documents in one publication, unless one change has more; 4 MiB when zero
	Store   int // changes told after which places are stored before their time; 20,000 when zero
}

// Relay tells what one shard has committed. Run it once; its other methods are safe at any time. Several relays of a shard,
// in as many hubs, take turns by leadership.
type Relay struct {
	Shard  hub.ShardID
	Holder string // the instance of this hub
	Outbox Outbox
	Broker Broker
	Clock  hub.Clock
	Logger *slog.Logger
	Window time.Duration // how long the broker keeps messages, and how far back a loss is told again
	Alone  bool          // no other hub writes the shard
	Limits Limits
	Random func(n int64) int64 // from 0 to below n, for jitter; math/rand/v2 when nil
	// Observe is told when a publication begins; what it returns is called when it ends. May be nil.
	Observe func() (end func())

	once  sync.Once
	bell  bell
	board board
}

func (r *Relay) prepare() {
	r.once.Do(func() {
		r.bell.ring = make(chan struct{}, 1)
		r.Limits.Lines = cmp.Or(r.Limits.Lines, 250)
		r.Limits.Changes = cmp.Or(r.Limits.Changes, 1000)
		r.Limits.Bytes = cmp.Or(r.Limits.Bytes, 4<<20)
		r.Limits.Store = cmp.Or(r.Limits.Store, 20_000)
		if r.Random == nil {
			r.Random = rand.Int64N
		}
		if r.Observe == nil {
			r.Observe = func() func() { return func() {} }
		}
		if r.Logger == nil {
			r.Logger = slog.New(slog.DiscardHandler)
		}
	})
}

// Run leads the shard's relay whenever nobody else does, and tells, until ctx ends. Then it stores how far it came and
// resigns. It has no error: what goes wrong is tried again and shown in Status.
func (r *Relay) Run(ctx context.Context) error {
	r.prepare()
	for ctx.Err() == nil {
		epoch, until, err := r.lead(ctx, renewEvery)
		if err == nil {
			r.term(ctx, epoch, until)
		}
		r.board.follow(err)
		pause(ctx, r.jitter(renewEvery))
	}
	return nil
}

// lead takes or extends the leadership, and returns until when this hub may believe in it.
func (r *Relay) lead(ctx context.Context, within time.Duration) (epoch int64, until time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	asked := r.Clock()
	epoch, err = r.Outbox.Lead(ctx, r.Shard, r.Holder, leaseFor)
	return epoch, asked.Add(leaseFor), err
}

// term is everything from taking the leadership to losing it.
func (r *Relay) term(outer context.Context, epoch int64, until time.Time) {
	ctx, cancel := context.WithCancel(outer)
	t := newTerm(r, epoch)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		defer cancel()
		r.renew(ctx, epoch, until)
	})
	resign := t.run(ctx)
	cancel()
	renewing.Wait()
	t.dismiss()
	if outer.Err() != nil || resign {
		t.leave(context.WithoutCancel(outer))
	}
	if resign {
		pause(outer, leaseFor)
	}
}

// renew returns when the leadership is over: somebody else has it, or it could not be extended in time.
func (r *Relay) renew(ctx context.Context, epoch int64, until time.Time) {
	wait := renewEvery
	for pause(ctx, wait) {
		left := until.Sub(r.Clock())
		if left <= 0 {
			return
		}
		again, later, err := r.lead(ctx, min(left, renewEvery))
		switch {
		case err == nil && again == epoch:
			until, wait = later, renewEvery
		case err == nil, hub.CodeOf(err) == CodeNotLeader:
			return
		default:
			wait = renewEvery / 3
		}
	}
}

// jitter is a time between half of d and d.
func (r *Relay) jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(r.Random(int64(d/2)+1))
}

// pause waits and reports whether ctx still lives.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
