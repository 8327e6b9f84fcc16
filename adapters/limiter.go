package adapters

import (
	"context"
	"sync"
	"time"

	"hub"
	"hub/adapters/driver"
)

// Limiter shares out the budgets of platforms. Implementations are safe for concurrent use; the one of this package is
// for one process.
type Limiter interface {
	// Take waits for the claim's turn and for what it costs, or until ctx ends, which is KindUnavailable. A platform that
	// has said to come back in more than a minute is KindThrottled with RetryAfter, at once. A Grant must be returned.
	Take(ctx context.Context, b Budget, c Claim) (Grant, error)
	// Return tells what became of a claim that was granted.
	Return(g Grant, told Told)
	// Level looks at a budget that was used; ok is false for another.
	Level(k BudgetKey) (l Level, ok bool)
}

// BudgetKey names a budget.
type BudgetKey struct {
	Platform hub.Platform
	App      string       // client id
	Account  string       // "" when the platform counts per app
	Class    driver.Class // "" when all classes share one
}

// Budget is a bucket: what is in it when nothing is used, and how fast it comes back. A Size of 0 is without bound until
// the platform says otherwise.
type Budget struct {
	Key             BudgetKey
	Size, PerSecond float64
}

// Claim is what somebody wants of a budget.
type Claim struct {
	Tenant   hub.TenantID
	Priority Priority
	Cost     int
}

// Grant is a part of a budget that was taken, until it is returned.
type Grant struct {
	Key     BudgetKey
	cost    float64
	spentAt float64 // what was spent in all when it was taken
}

// Told is what the answer to a granted claim says.
type Told struct {
	driver.Usage
	Unused     bool          // nothing was sent
	Refused    bool          // too fast
	RetryAfter time.Duration // with Refused; 0 when not told
}

// Level is how a budget stands.
type Level struct {
	Size, Left, PerSecond float64
	Waiting               int
	Until                 time.Time // nothing is sent before; zero when there is no such pause
}

// longPause is a pause that callers are told of rather than kept waiting for.
const longPause = time.Minute

// memoryLimiter is a Limiter for one process. The rate limiter of golang.org/x/time knows neither turns nor a level that
// somebody else tells, hence a bucket of our own.
type memoryLimiter struct {
	clock   hub.Clock
	mu      sync.Mutex
	budgets map[BudgetKey]*queue
}

// NewLimiter makes a Limiter for one process.
func NewLimiter(clock hub.Clock) Limiter {
	return &memoryLimiter{clock: clock, budgets: map[BudgetKey]*queue{}}
}

func (l *memoryLimiter) Take(ctx context.Context, b Budget, c Claim) (Grant, error) {
	if ctx.Err() != nil {
		return Grant{}, waitEnded(ctx)
	}
	w := &waiter{tenant: c.Tenant, priority: c.Priority, cost: float64(max(1, c.Cost)), ready: make(chan struct{})}
	l.mu.Lock()
	q := l.budgets[b.Key]
	if q == nil {
		q = &queue{bucket: newBucket(b.Size, b.PerSecond, l.clock())}
		l.budgets[b.Key] = q
	}
	if pause := q.bucket.until.Sub(l.clock()); pause > longPause {
		l.mu.Unlock()
		return Grant{}, &hub.Error{Kind: hub.KindThrottled, Code: CodePaused, Op: "waiting for the platform's budget", RetryAfter: pause}
	}
	q.push(w)
	l.serve(q)
	l.mu.Unlock()
	select {
	case <-w.ready:
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		if !w.granted {
			q.remove(w)
			l.serve(q) // the one behind it may be cheaper
			return Grant{}, waitEnded(ctx)
		}
	}
	return Grant{Key: b.Key, cost: w.cost, spentAt: w.spentAt}, nil
}

func waitEnded(ctx context.Context) error {
	return &hub.Error{Kind: hub.KindUnavailable, Code: CodeNoBudget, Op: "waiting for the platform's budget", Err: ctx.Err()}
}

func (l *memoryLimiter) Return(g Grant, told Told) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.budgets[g.Key]
	if q == nil {
		return
	}
	q.bucket.give(l.clock(), g, told)
	l.serve(q)
}

func (l *memoryLimiter) Level(k BudgetKey) (Level, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.budgets[k]
	if q == nil {
		return Level{}, false
	}
	b := &q.bucket
	b.restore(l.clock())
	level := Level{Size: b.size, Left: max(0, b.level), PerSecond: b.rate * b.pace, Waiting: q.waiting()}
	if b.until.After(b.at) {
		level.Until = b.until
	}
	return level, true
}

// serve grants what can be granted and plans to look again. The caller holds the lock.
func (l *memoryLimiter) serve(q *queue) {
	pause := q.grant(l.clock())
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
	if pause > 0 {
		q.timer = time.AfterFunc(pause, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.serve(q)
		})
	}
}
