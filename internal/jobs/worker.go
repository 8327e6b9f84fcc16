package jobs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"hub"
)

// Handler does one job. It is idempotent: it may be called again for what it has done, by another hub, too. It returns
// soon after ctx ended, which means that the lease is lost or the hub stops; context.Cause says which. Its error decides
// what comes next (Retry.Result).
type Handler func(ctx context.Context, j Job) error

// Kind is how jobs of one kind are done.
type Kind struct {
	Handle        Handler
	Most          time.Duration // that one attempt may take, then its context ends; 0 is MostTime
	Slots         int           // most that run at once in this worker; one tenant gets half of them
	PerConnection int           // most that run at once for one connection, over all hubs; 0 is no bound
	Endless       bool          // never given up: it goes on by itself, and nobody would begin it again
}

// MostTime is what one attempt may take when its Kind does not say.
const MostTime = 5 * time.Minute

// The causes of contexts that end before their handlers.
var (
	// ErrTooLong says that the attempt took longer than its kind may. It counts as a failure, with CodeTooLong. If the handler
	// does not return its lease lapses, and its slot stays taken: a worker never runs more handlers than it has slots.
	ErrTooLong = errors.New("the job takes too long")
	// ErrLost says that the job may be somebody else's by now.
	ErrLost = errors.New("the lease of the job is lost")
	// ErrStopping says that the hub stops.
	ErrStopping = errors.New("the hub stops")
)

// Options are a worker's. All but Heir and Ended are required.
type Options struct {
	Holder string // the hub
	// Heir has the worker begin with what a former life of the holder was doing; nil lets that lapse.
	Heir   Heir
	Retry  Retry
	Clock  hub.Clock
	Logger *slog.Logger
	// Monotonic is a clock that does not jump, for the end of leases.
	Monotonic func() time.Time

	Lease    time.Duration // after which others take a job whose worker is gone; it is extended at each third
	PollMost time.Duration // how late a due job is found that nobody rang for
	Grace    time.Duration // how long running jobs may go on when the hub stops

	// Ended hears of each attempt that ended: "lost", or the name of its Outcome. It must not block.
	Ended func(kind, outcome string, took time.Duration)
}

// pollFirst is how soon a worker looks again after it found nothing.
const pollFirst = 100 * time.Millisecond

// storeWithin bounds one call to the store.
const storeWithin = 10 * time.Second

// lastCall is how long each of these may still take when the hub stops: a claim that is under way, handlers that were told,
// and the last report.
const lastCall = time.Second

// claiming returns the context of a claim, which outlives the worker's by lastCall: nobody would know of a claim that was cut
// off, and it would count as an attempt.
func claiming(ctx context.Context) (context.Context, context.CancelFunc) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastCall, cancel) })
	return limited, func() { stop(); cancel() }
}

// Worker does the jobs of one shard. Its methods are safe for concurrent use.
type Worker struct {
	shard hub.ShardID
	store Store
	kinds map[string]Kind
	o     Options
	bell  chan struct{} // there may be work, or a place for it
	ended chan struct{} // there is something to report

	mu      sync.Mutex
	runs    map[Claim]*run
	ready   []Result // to be reported
	failing bool
}

// run is one claim that is being worked on, from the claim until it is reported.
type run struct {
	Claimed
	cancel context.CancelCauseFunc
	alarm  *time.Timer // when the lease ends
	bound  *time.Timer // when it has taken too long
	over   bool        // it has, and its lease is not extended any more
	lost   bool
}

// NewWorker makes a worker for the kinds that have a handler; jobs of others wait.
func NewWorker(shard hub.ShardID, store Store, kinds map[string]Kind, o Options) *Worker {
	return &Worker{
		shard: shard, store: store, kinds: kinds, o: o, runs: map[Claim]*run{},
		bell: make(chan struct{}, 1), ended: make(chan struct{}, 1),
	}
}

// Wake says that there may be work. It never blocks; it is called after commits.
func (w *Worker) Wake() { ring(w.bell) }

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// Run works until ctx ends. Then jobs that run may go on for Options.Grace, are told to stop, and are given back; it returns
// within Grace and three seconds of ctx, whatever handlers and store do, and what could not be given back lapses with its lease.
// Errors of the store are logged when they begin and end, and tried again.
func (w *Worker) Run(ctx context.Context) {
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	calls, hangUp := context.WithCancel(context.WithoutCancel(ctx)) // for reports and extensions
	quiet := make(chan struct{})                                    // closed when no handler is waited for any more
	var handlers, others sync.WaitGroup
	others.Go(func() { w.report(calls, quiet) })
	others.Go(func() { w.extend(calls, quiet) })
	w.follow(ctx, func(c Claimed, deadline time.Time) {
		r := w.begin(work, c, deadline)
		handlers.Go(func() { w.do(r.ctx, r.run) })
	})
	w.leave(stop, &handlers)
	close(quiet)
	defer time.AfterFunc(lastCall, hangUp).Stop()
	others.Wait()
	hangUp()
}

// leave waits for the handlers, tells them after Options.Grace, and leaves those behind that do not listen.
func (w *Worker) leave(stop context.CancelCauseFunc, handlers *sync.WaitGroup) {
	ended := make(chan struct{})
	go func() { handlers.Wait(); close(ended) }()
	within := func(d time.Duration) bool {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-ended:
			return true
		case <-timer.C:
			return false
		}
	}
	if within(w.o.Grace) {
		return
	}
	if stop(ErrStopping); !within(lastCall) {
		w.o.Logger.Warn("jobs that do not stop are left to their leases", "shard", w.shard)
	}
}

// follow claims whenever somebody rings, and when nobody does, ever more seldom.
func (w *Worker) follow(ctx context.Context, start func(Claimed, time.Time)) {
	w.inherit(ctx)
	pause := pollFirst
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for ctx.Err() == nil {
		if w.claim(ctx, start) {
			pause = pollFirst
			continue
		}
		timer.Reset(min(pause, w.o.PollMost))
		select {
		case <-ctx.Done():
		case <-w.bell:
			pause = pollFirst
		case <-timer.C:
			pause = min(2*pause, w.o.PollMost)
		}
	}
}

// inherit ends the leases of the former life. Where that cannot be done they lapse as those of any hub, and work goes on.
func (w *Worker) inherit(ctx context.Context) {
	if w.o.Heir == nil {
		return
	}
	for until := w.o.Monotonic().Add(w.o.Lease); ctx.Err() == nil && w.o.Monotonic().Before(until); {
		limited, cancel := context.WithTimeout(ctx, storeWithin)
		n, err := w.o.Heir.Inherit(limited, w.shard, w.o.Holder)
		cancel()
		w.trouble(ctx, "taking over what the hub was doing", err)
		if err == nil {
			if n > 0 {
				w.o.Logger.Info("jobs that this hub was doing when it ended are begun again", "shard", w.shard, "jobs", n)
			}
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(reportAgain):
		}
	}
}

// claim starts what there is room for, kind by kind, and reports whether there was any.
func (w *Worker) claim(ctx context.Context, start func(Claimed, time.Time)) (some bool) {
	for name, kind := range w.kinds {
		if ctx.Err() != nil {
			return false
		}
		a := Ask{
			Kind: name, Holder: w.o.Holder, Lease: w.o.Lease, PerConnection: kind.PerConnection,
			PerTenant: (kind.Slots + 1) / 2, Running: map[hub.TenantID]int{}, Limit: kind.Slots,
		}
		w.mu.Lock()
		for c := range w.runs {
			if c.Kind == name {
				a.Running[c.Tenant]++
				a.Limit--
			}
		}
		w.mu.Unlock()
		if a.Limit <= 0 {
			continue
		}
		deadline := w.o.Monotonic().Add(w.o.Lease) // before the lease that the store gives ends
		limited, cancel := claiming(ctx)
		claimed, err := w.store.Claim(limited, w.shard, a)
		cancel()
		w.trouble(ctx, "claiming jobs", err)
		for _, c := range claimed {
			start(c, deadline)
		}
		some = some || len(claimed) > 0
	}
	return some
}

// trouble logs when errors begin and when they end.
func (w *Worker) trouble(ctx context.Context, what string, err error) {
	w.mu.Lock()
	changed := (err != nil) != w.failing
	w.failing = err != nil
	w.mu.Unlock()
	if changed && ctx.Err() == nil {
		w.o.Logger.Warn("the work for later cannot be reached", "shard", w.shard, "doing", what, "failing", err != nil, "error", err)
	}
}
