package relay

import (
	"context"
	"sync"

	"hub"
)

// bell collects who has news.
type bell struct {
	ring chan struct{}

	mu      sync.Mutex
	tenants map[hub.TenantID]bool
	waiters []*waiter
}

// waiter wants to know when everything is told that was committed before it came.
type waiter struct {
	done    chan struct{}
	scanned bool // the feed was looked at after it came
	err     error
}

// Wake says that these tenants' feeds may have grown. It never blocks and may be called from a commit. A wake that is
// missed costs no more than the time between two polls.
func (r *Relay) Wake(tenants []hub.TenantID) {
	r.prepare()
	if !r.board.leads() {
		return
	}
	r.bell.mu.Lock()
	if r.bell.tenants == nil {
		r.bell.tenants = make(map[hub.TenantID]bool, len(tenants))
	}
	for _, tenant := range tenants {
		r.bell.tenants[tenant] = true
	}
	r.bell.mu.Unlock()
	r.bell.nudge()
}

func (b *bell) nudge() {
	select {
	case b.ring <- struct{}{}:
	default: // it rings already
	}
}

// woken returns and forgets who has news.
func (b *bell) woken() map[hub.TenantID]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	tenants := b.tenants
	b.tenants = nil
	return tenants
}

// Settle returns when everything that was committed before is told, but for held lines; at once when this hub does not
// lead, and with an error as soon as the broker or the shard gives trouble.
func (r *Relay) Settle(ctx context.Context) error {
	r.prepare()
	w := &waiter{done: make(chan struct{})}
	r.bell.mu.Lock()
	r.bell.waiters = append(r.bell.waiters, w)
	r.bell.mu.Unlock()
	if !r.board.leads() {
		r.bell.answer(nil, true)
	}
	r.bell.nudge()
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answer ends waiting, of those for whom the feed was looked at or of all.
func (b *bell) answer(err error, all bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.waiters[:0]
	for _, w := range b.waiters {
		if !w.scanned && !all {
			left = append(left, w)
			continue
		}
		w.err = err
		close(w.done)
	}
	b.waiters = left
}

// scanning notes that the feed is being looked at for those who wait, and says whether any of them had not been noted.
func (b *bell) scanning() (fresh bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.waiters {
		fresh = fresh || !w.scanned
		w.scanned = true
	}
	return fresh
}

// waiting says whether the feed must be looked at for somebody.
func (b *bell) waiting() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.waiters {
		if !w.scanned {
			return true
		}
	}
	return false
}
