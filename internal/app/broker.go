package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"hub"
	"hub/internal/bus"
	"hub/internal/relay"
)

// Times of the broker in this process.
const (
	headStart   = time.Second // for opening it, before the doors open without it
	reopenFirst = time.Second // how long one that did not start, or that stopped writing, waits before it is tried again
	reopenMost  = time.Minute
	giveUpOpen  = time.Second // at a stop: what is being opened holds nothing that the shards do not have
)

// broker is the bus of a hub through its lives: it is opened in the background, because recovering a large store takes
// minutes, and one that does not start, or stops writing, is opened again. It is safe for concurrent use.
type broker struct {
	open   func(context.Context) (*bus.Bus, error)
	logger *slog.Logger

	mu      sync.RWMutex
	bus     *bus.Bus // nil while there is none
	err     error    // why
	changed chan struct{}
	opening chan struct{} // closed when the last try has ended
	closed  bool
}

var (
	errOpening = errors.New("it is being opened")
	errClosed  = errors.New("closed")
)

// openBroker begins to open it and waits a moment for that. The error is why there is none yet.
func openBroker(ctx context.Context, logger *slog.Logger, open func(context.Context) (*bus.Bus, error)) (*broker, error) {
	b := &broker{open: open, logger: logger, changed: make(chan struct{})}
	opening := b.begin()
	timer := time.NewTimer(headStart)
	defer timer.Stop()
	select {
	case <-opening:
	case <-timer.C:
		logger.Warn("the broker is still being opened: changes are told when it is")
	case <-ctx.Done():
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b, b.err
}

// begin ends the bus, if there is one, and opens another on the same folder, in the background: that heeds no context.
func (b *broker) begin() (opening <-chan struct{}) {
	done := make(chan struct{})
	old, ok := b.put(nil, errOpening, done)
	if !ok {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		if old != nil {
			b.logger.Warn("the embedded broker has stopped writing", "error", old.Broken())
			old.Close()
		}
		opened, err := b.open(context.Background())
		if _, ok := b.put(opened, err, done); !ok && opened != nil {
			opened.Close()
		}
	}()
	return done
}

// put takes a bus, or why there is none, and returns the one before it. It is not ok once the broker was closed.
func (b *broker) put(now *bus.Bus, err error, opening chan struct{}) (before *bus.Bus, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, false
	}
	before, b.bus, b.err, b.opening = b.bus, now, err, opening
	close(b.changed)
	b.changed = make(chan struct{})
	return before, true
}

// keep opens the bus again when that is needed, until ctx ends.
func (b *broker) keep(ctx context.Context) error {
	wait := reopenFirst
	for b.opened(ctx) {
		now, err := b.current()
		switch {
		case err == nil && now.Broken() == nil:
			wait = reopenFirst
			if sleep(ctx, reopenFirst) {
				continue
			}
		case err == nil:
			b.begin()
			continue
		default:
			b.logger.Error("the embedded broker does not start: nothing is told until it does", "error", err, "again_in", wait)
			if sleep(ctx, wait) {
				wait = min(2*wait, reopenMost)
				b.begin()
				continue
			}
		}
		break
	}
	return nil
}

// opened waits until nothing is being opened; false when ctx ends before.
func (b *broker) opened(ctx context.Context) bool {
	b.mu.RLock()
	opening := b.opening
	b.mu.RUnlock()
	select {
	case <-opening:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// close ends it. What is still being opened after a moment is left to end by itself.
func (b *broker) close() {
	b.mu.Lock()
	now, opening := b.bus, b.opening
	if !b.closed {
		close(b.changed)
	}
	b.bus, b.err, b.closed = nil, errClosed, true
	b.mu.Unlock()
	if now != nil {
		now.Close()
		return
	}
	timer := time.NewTimer(giveUpOpen)
	defer timer.Stop()
	select {
	case <-opening:
	case <-timer.C:
		b.logger.Warn("stopping while the broker is being opened")
	}
}

// current returns the bus, or why there is none.
func (b *broker) current() (*bus.Bus, error) {
	now, _, err := b.look()
	return now, err
}

// look returns the bus and what is closed when it is another one, or why there is none.
func (b *broker) look() (now *bus.Bus, changed <-chan struct{}, err error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.bus == nil {
		err = hub.Errorf(hub.KindUnavailable, "reaching the embedded broker", "it does not run: %w", b.err)
	}
	return b.bus, b.changed, err
}

// await returns the bus as soon as there is one, and a context that ends with it or with ctx.
func (b *broker) await(ctx context.Context) (*bus.Bus, context.Context, context.CancelFunc, error) {
	for {
		now, changed, err := b.look()
		if err == nil {
			life, end := context.WithCancel(ctx)
			go func() {
				defer end()
				select {
				case <-changed:
				case <-life.Done():
				}
			}()
			return now, life, end, nil
		}
		if errors.Is(err, errClosed) {
			return nil, nil, nil, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil, nil, ctx.Err()
		}
	}
}

// Publish implements relay.Broker.
func (b *broker) Publish(ctx context.Context, runs []relay.Run) []relay.Told {
	now, err := b.current()
	if err == nil {
		return now.Publish(ctx, runs)
	}
	told := make([]relay.Told, len(runs))
	for i := range told {
		told[i].Err = err
	}
	return told
}

// Last implements relay.Broker.
func (b *broker) Last(ctx context.Context, l relay.Line) (relay.Message, error) {
	now, err := b.current()
	if err != nil {
		return relay.Message{}, err
	}
	return now.Last(ctx, l)
}

// Created implements relay.Broker.
func (b *broker) Created(ctx context.Context) (time.Time, error) {
	now, err := b.current()
	if err != nil {
		return time.Time{}, err
	}
	return now.Created(ctx)
}

// Holds implements relay.Broker.
func (b *broker) Holds(ctx context.Context, m relay.Mark) (bool, error) {
	now, err := b.current()
	if err != nil {
		return false, err
	}
	return now.Holds(ctx, m)
}

// Bound of the embedded store: a quarter of its disk, which does not change from start to start as free room does.
const (
	roomShare   = 4
	roomUnknown = 8 << 30 // where the system does not say how large the disk is
)

// streamRoom is how many bytes the embedded broker may take of the disk that holds the first of the folders that exists.
func streamRoom(folders ...string) int64 {
	for _, folder := range folders {
		var s syscall.Statfs_t
		if err := syscall.Statfs(folder, &s); err == nil && s.Blocks > 0 {
			return int64(s.Blocks * uint64(s.Bsize) / roomShare)
		}
	}
	return roomUnknown
}

// sleep waits and reports whether ctx still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
