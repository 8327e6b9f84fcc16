package demo

import (
	"sync"
	"time"

	"hub/internal/app"
)

const (
	// speed is how many seconds pass at the platforms in one of ours while they hurry: Shopify's first retry, a minute after
	// a failure, then comes after a few seconds.
	speed = 10
	// ahead is how far their clocks get before ours while they do. Shopee takes no call that was signed more than five
	// minutes ago, so afterwards a second there takes a second here again.
	ahead = 4 * time.Minute
	hurry = ahead / (speed - 1)
)

// watch is a clock for platforms that make a speedth of a second of it into a tenth of theirs: while it goes like ours they
// hurry, and while it goes at a speedth of that their time goes like ours, as it does until begin.
type watch struct {
	clock func() time.Time

	mu           sync.Mutex
	opened       time.Time
	begun, ended time.Time // of the hurry; zero: not yet
}

func newWatch() *watch { return &watch{clock: app.SystemClock, opened: app.SystemClock()} }

// begin starts the hurry.
func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = w.clock()
	w.ended = w.begun.Add(hurry)
}

// end ends it, if it did not end by itself.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.clock(); now.Before(w.ended) {
		w.ended = now
	}
}

// passed is how much of our time passed in a hurry and how much without one.
func (w *watch) passed() (fast, slow time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock()
	if !w.begun.IsZero() {
		fast = min(now.Sub(w.begun), w.ended.Sub(w.begun))
	}
	return fast, now.Sub(w.opened) - fast
}

// now is what the platforms take for a clock.
func (w *watch) now() time.Time {
	fast, slow := w.passed()
	return w.opened.Add(fast + slow/speed)
}

// time is the time at the platforms.
func (w *watch) time() time.Time {
	fast, slow := w.passed()
	return w.opened.Add(fast*speed + slow)
}
