package erp

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"hub"
	"hub/gdpr"
)

// Bounds of one group of answers whose disclosures are stored together, unless its first answer alone has more.
const (
	groupRows  = 1000 // an answer has up to MaxLimit
	groupBytes = 1 << 20
	// groupTime bounds one transaction of a group; each reader waits no longer than its own request.
	groupTime = 10 * time.Second
)

// desks are the desks of all shards.
type desks struct {
	mu sync.Mutex
	of map[hub.ShardID]*desk
}

// at returns the desk of a shard.
func (d *desks) at(shard hub.ShardID, of Disclosures, log *slog.Logger) *desk {
	d.mu.Lock()
	defer d.mu.Unlock()
	one := d.of[shard]
	if one == nil {
		one = &desk{
			store: func(ctx context.Context, group []Answer) ([][]gdpr.SubjectID, error) {
				return of.Disclose(ctx, shard, group)
			},
			file: func(ctx context.Context) error { return of.File(ctx, shard) },
			log:  log.With("shard", string(shard)),
		}
		if d.of == nil {
			d.of = map[hub.ShardID]*desk{}
		}
		d.of[shard] = one
	}
	return one
}

// desk stores the disclosures of one shard. While one group is being stored the next one gathers, so that readers who wait at
// the same time share a transaction and its flush. A goroutine works while somebody waits, and no longer.
type desk struct {
	store func(context.Context, []Answer) (fenced [][]gdpr.SubjectID, err error)
	file  func(context.Context) error
	log   *slog.Logger

	mu      sync.Mutex
	waiting []*waiter
	working bool
	tidying bool
}

// waiter is one answer in the line, and what became of it.
type waiter struct {
	ctx    context.Context
	answer Answer
	done   chan struct{}
	fenced []gdpr.SubjectID
	err    error
}

// disclose returns when the answer's rows are durable, or somebody in it is fenced, or ctx is over. A group is stored
// whoever of it leaves; what is on record for somebody who left was not served.
func (d *desk) disclose(ctx context.Context, a Answer) (fenced []gdpr.SubjectID, err error) {
	w := &waiter{ctx: ctx, answer: a, done: make(chan struct{})}
	d.mu.Lock()
	d.waiting = append(d.waiting, w)
	if !d.working {
		d.working = true
		go d.work()
	}
	d.mu.Unlock()
	select {
	case <-w.done:
		return w.fenced, w.err
	case <-ctx.Done():
		return nil, gaveUp(ctx)
	}
}

func gaveUp(ctx context.Context) error {
	return &hub.Error{Kind: hub.KindUnavailable, Op: opDisclose, Err: ctx.Err()}
}

const opDisclose = "recording disclosures"

// work stores groups until nobody waits. It goes to the end of the scheduler's line first, so that whoever is about to wait
// joins.
func (d *desk) work() {
	for {
		runtime.Gosched()
		group := d.take()
		if group == nil {
			return
		}
		d.settle(group)
		for _, w := range group {
			close(w.done)
		}
		d.tidy()
	}
}

// tidy files what has gathered, beside the work and one at a time.
func (d *desk) tidy() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tidying {
		return
	}
	d.tidying = true
	go func() {
		err := guarded("filing disclosures", d.file)
		if err != nil && hub.KindOf(err) != hub.KindUnavailable { // which is tried again, and the database says so elsewhere
			d.log.Warn("disclosures are on record and could not be filed", "error", err)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.tidying = false
	}()
}

// take takes the next group off the line; nil, and the work is over, when nobody waits. Who has left is not recorded.
func (d *desk) take() (group []*waiter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	rows, bytes, n := 0, 0, 0
	for _, w := range d.waiting {
		if w.ctx.Err() == nil {
			rows, bytes = rows+len(w.answer.Rows), bytes+w.answer.size()
			if len(group) > 0 && (rows > groupRows || bytes > groupBytes) {
				break
			}
			group = append(group, w)
		}
		n++
	}
	clear(d.waiting[:n])
	if d.waiting = d.waiting[n:]; len(d.waiting) == 0 {
		d.waiting = nil
	}
	d.working = group != nil
	return group
}

// settle stores a group. When that fails for what may be the fault of one of them, each is stored alone.
func (d *desk) settle(group []*waiter) {
	answers := make([]Answer, len(group))
	for i, w := range group {
		answers[i] = w.answer
	}
	fenced, err := d.try(answers)
	switch {
	case err == nil:
		for i, w := range group {
			w.fenced = fenced[i]
		}
	case len(group) > 1 && ofOne(err):
		for _, w := range group {
			d.settle([]*waiter{w})
		}
	default:
		for _, w := range group {
			w.err = err
		}
	}
}

// ofOne reports whether an error can be about one answer of several: not when the database cannot be used, or does not say
// whether it stored them.
func ofOne(err error) bool {
	switch hub.KindOf(err) {
	case hub.KindUnavailable, hub.KindUnknown, hub.KindThrottled:
		return false
	}
	return true
}

// try stores answers in one transaction.
func (d *desk) try(answers []Answer) (fenced [][]gdpr.SubjectID, err error) {
	err = guarded(opDisclose, func(ctx context.Context) (err error) {
		fenced, err = d.store(ctx, answers)
		return err
	})
	if err == nil && len(fenced) != len(answers) {
		err = hub.Errorf(hub.KindInternal, opDisclose, "%d outcomes of %d answers", len(fenced), len(answers))
	}
	return fenced, err
}

// guarded runs what depends on no request, as it is done for several of which each may end. A panic ends only this, as that of a
// request would.
func guarded(op string, f func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), groupTime)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = hub.Errorf(hub.KindInternal, op, "panic: %s", fmt.Sprintf("%T", p))
		}
	}()
	return f(ctx)
}
