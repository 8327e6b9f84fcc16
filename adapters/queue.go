package adapters

import (
	"slices"
	"time"

	"hub"
)

// waiter is a claim that waits.
type waiter struct {
	tenant   hub.TenantID
	priority Priority
	cost     float64
	start    float64 // where its turn is, in the virtual time of its priority
	order    int64
	granted  bool
	spentAt  float64
	ready    chan struct{} // closed with the grant
}

// queue is a bucket and who waits for it. It is not safe for concurrent use.
type queue struct {
	bucket bucket
	lanes  [2]lane // by priority
	order  int64
	fresh  int // granted since a backfill call that waits was passed over for the first time
	timer  *time.Timer
}

// patience is how many fresh calls may pass a backfill call that waits. So a fresh call sees at most one backfill call in
// front of it for each patience fresh ones, and a backfill call does not starve.
const patience = 8

// lane shares turns between tenants: each call starts where its tenant's last one ended in virtual time, and the earliest
// start is next (start-time fair queueing). A tenant that was idle starts now, without credit.
type lane struct {
	virtual float64
	ends    map[hub.TenantID]float64 // of each tenant's last call
	waiting []*waiter
}

// maxIdle is how many tenants without a waiting call a lane remembers before it forgets those that it can.
const maxIdle = 256

func (l *lane) push(w *waiter) {
	if l.ends == nil {
		l.ends = map[hub.TenantID]float64{}
	}
	if len(l.ends) > maxIdle {
		for tenant, end := range l.ends {
			if end <= l.virtual {
				delete(l.ends, tenant)
			}
		}
	}
	w.start = max(l.virtual, l.ends[w.tenant])
	l.ends[w.tenant] = w.start + w.cost
	l.waiting = append(l.waiting, w)
}

// head is whose turn it is.
func (l *lane) head() (first *waiter) {
	for _, w := range l.waiting {
		if first == nil || w.start < first.start || w.start == first.start && w.order < first.order {
			first = w
		}
	}
	return first
}

func (l *lane) remove(w *waiter) {
	if i := slices.Index(l.waiting, w); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
}

func (q *queue) push(w *waiter) {
	q.order++
	w.order = q.order
	q.lanes[w.priority].push(w)
}

func (q *queue) remove(w *waiter) { q.lanes[w.priority].remove(w) }

func (q *queue) waiting() int { return len(q.lanes[Fresh].waiting) + len(q.lanes[Backfill].waiting) }

// next is who is served next; nobody is served before, however cheap.
func (q *queue) next() *waiter {
	fresh, old := q.lanes[Fresh].head(), q.lanes[Backfill].head()
	if fresh == nil || old != nil && q.fresh >= patience {
		return old
	}
	return fresh
}

// grant serves everybody whose turn has come and who can be paid for. It returns how long the next one has to wait, 0 when
// nobody waits.
func (q *queue) grant(now time.Time) time.Duration {
	for {
		w := q.next()
		if w == nil {
			return 0
		}
		if pause := q.bucket.pause(now, w.cost); pause > 0 {
			return pause
		}
		q.remove(w)
		lane := &q.lanes[w.priority]
		lane.virtual = max(lane.virtual, w.start)
		if w.priority == Backfill || len(q.lanes[Backfill].waiting) == 0 {
			q.fresh = 0
		} else {
			q.fresh++
		}
		w.cost = q.bucket.reserve(w.cost)
		q.bucket.take(w.cost)
		w.spentAt, w.granted = q.bucket.spent, true
		close(w.ready)
	}
}
