package erp

import (
	"context"
	"sync"
	"time"

	"hub"
)

// Bounds of pages and of waiting.
const (
	DefaultLimit = 100
	MaxLimit     = 250
	MaxWait      = 60 * time.Second
	MaxPageBytes = 8 << 20 // of the documents of one page: an order can have megabytes
	// pollEvery is how soon a waiting reader sees a change that another hub committed; this hub's own ring the bell.
	pollEvery = time.Second
)

// Page is one page of a feed.
type Page struct {
	Changes []hub.Change
	Next    int64 // what to ask for after: the last sequence of the page, or the question's own when it is empty
	More    bool  // another page can be read at once
}

// Feed reads changes, waiting for them if asked to.
type Feed struct {
	reader  Reader
	bell    *Bell
	waiting crowd
}

// NewFeed returns a feed. The bell must be rung after each commit that appends to it.
func NewFeed(r Reader, b *Bell) *Feed {
	return &Feed{reader: r, bell: b, waiting: crowd{of: map[hub.TenantID]int{}}}
}

// Page returns the changes after a sequence, at most limit (1 to MaxLimit). When there is none it waits up to wait (at
// most MaxWait) for the first and then returns what there is. Beyond MaxTenantWaiting or MaxWaiting readers that wait it is
// KindThrottled at once; a reader that finds something waits for nothing and is always served.
func (f *Feed) Page(ctx context.Context, t hub.TenantID, s hub.Stream, after int64, limit int, wait time.Duration) (Page, error) {
	if err := bounds(after, limit, wait); err != nil {
		return Page{}, err
	}
	if wait == 0 {
		return f.read(ctx, t, s, after, limit)
	}
	deadline, stop := context.WithTimeout(ctx, wait)
	defer stop()
	place := &seat{crowd: &f.waiting, tenant: t}
	defer place.leave()
	for {
		page, again, err := f.look(ctx, deadline, place, s, after, limit)
		if err != nil || !again {
			return page, err
		}
	}
}

// look reads once and, when there is nothing, waits until it is worth reading again. It listens before it reads, so that
// no ring between the two is lost.
func (f *Feed) look(ctx, deadline context.Context, place *seat, s hub.Stream, after int64, limit int) (page Page, again bool, err error) {
	rung, leave := f.bell.listen(place.tenant)
	defer leave()
	page, err = f.read(ctx, place.tenant, s, after, limit)
	if err != nil || len(page.Changes) > 0 {
		return page, false, err
	}
	if err := place.take(); err != nil {
		return Page{}, false, err
	}
	poll := time.NewTimer(pollEvery)
	defer poll.Stop()
	select {
	case <-rung:
		return page, true, nil
	case <-poll.C:
		return page, true, nil
	case <-deadline.Done():
		return page, false, ctx.Err()
	}
}

// read asks for one change more than the page holds, to know whether there is more.
func (f *Feed) read(ctx context.Context, t hub.TenantID, s hub.Stream, after int64, limit int) (Page, error) {
	changes, err := f.reader.Changes(ctx, t, s, after, limit+1)
	if err != nil {
		return Page{}, err
	}
	page := Page{Next: after}
	page.Changes, page.More = cut(changes, limit, func(c hub.Change) int { return len(c.Doc) })
	if n := len(page.Changes); n > 0 {
		page.Next = page.Changes[n-1].Sequence
	}
	return page, nil
}

// cut makes a page of rows that were read with one to spare: at most limit, and no more bytes than MaxPageBytes unless the
// first row alone has them. more is true when it left something out.
func cut[R any](rows []R, limit int, size func(R) int) (page []R, more bool) {
	bytes := 0
	for i, r := range rows {
		if bytes += size(r); i == limit || i > 0 && bytes > MaxPageBytes {
			return rows[:i], true
		}
	}
	return rows, false
}

func bounds(after int64, limit int, wait time.Duration) error {
	switch {
	case after < 0:
		return hub.Invalid(hub.CodeOutOfRange, "after")
	case limit < 1 || limit > MaxLimit:
		return hub.Invalid(hub.CodeOutOfRange, "limit")
	case wait < 0 || wait > MaxWait:
		return hub.Invalid(hub.CodeOutOfRange, "wait")
	}
	return nil
}

// Bell wakes readers that wait for a tenant's next change. A ring that comes between a listener's look and its wait is
// not lost. It holds nothing for tenants that nobody waits for.
type Bell struct {
	mu      sync.Mutex
	waiting map[hub.TenantID]*waiters
}

// waiters are those who wait for one tenant.
type waiters struct {
	rung chan struct{} // closed by the ring
	n    int
}

// NewBell returns a bell that nobody waits for.
func NewBell() *Bell { return &Bell{waiting: map[hub.TenantID]*waiters{}} }

// Ring wakes all that wait for one of the tenants. It never blocks.
func (b *Bell) Ring(tenants []hub.TenantID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range tenants {
		if w, ok := b.waiting[t]; ok {
			close(w.rung)
			delete(b.waiting, t)
		}
	}
}

// listen returns a channel that the next Ring for the tenant closes, and what to call when nobody looks at it any more.
func (b *Bell) listen(t hub.TenantID) (rung <-chan struct{}, leave func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w, ok := b.waiting[t]
	if !ok {
		w = &waiters{rung: make(chan struct{})}
		b.waiting[t] = w
	}
	w.n++
	return w.rung, func() { b.leave(t, w) }
}

// leave forgets the channel with its last listener.
func (b *Bell) leave(t hub.TenantID, w *waiters) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w.n--; w.n == 0 && b.waiting[t] == w {
		delete(b.waiting, t)
	}
}
