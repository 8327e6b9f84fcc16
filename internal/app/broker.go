package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"hub"
	"hub/internal/bus"
	"hub/internal/relay"
)

// How long a broker that did not start, or that stopped writing, waits before it is tried again.
const (
	reopenFirst = time.Second
	reopenMost  = time.Minute
)

// broker is the bus of a hub through its lives: one that does not start, or stops writing, is opened again. It is safe for
// concurrent use.
type broker struct {
	open   func(context.Context) (*bus.Bus, error)
	logger *slog.Logger

	mu  sync.RWMutex
	bus *bus.Bus // nil while there is none
	err error    // why
}

// openBroker opens it once. The error is why there is none yet.
func openBroker(ctx context.Context, logger *slog.Logger, open func(context.Context) (*bus.Bus, error)) (*broker, error) {
	b := &broker{open: open, logger: logger}
	b.bus, b.err = open(ctx)
	return b, b.err
}

// keep opens the bus again when that is needed, until ctx ends.
func (b *broker) keep(ctx context.Context) error {
	wait := reopenFirst
	for sleep(ctx, wait) {
		if now, _ := b.current(); now != nil && now.Broken() == nil {
			wait = reopenFirst
			continue
		}
		if err := b.reopen(ctx); err != nil {
			wait = min(2*wait, reopenMost)
			b.logger.Error("the embedded broker does not start: nothing is told until it does", "error", err, "again_in", wait)
			continue
		}
		wait = reopenFirst
		b.logger.Info("the embedded broker is started again")
	}
	return nil
}

// reopen ends the bus, if there is one, and opens another on the same folder.
func (b *broker) reopen(ctx context.Context) error {
	b.mu.Lock()
	old := b.bus
	if old != nil {
		b.bus, b.err = nil, old.Broken()
	}
	b.mu.Unlock()
	if old != nil {
		b.logger.Warn("the embedded broker has stopped writing", "error", old.Broken())
		old.Close()
	}
	opened, err := b.open(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bus, b.err = opened, err
	return err
}

// close ends it.
func (b *broker) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bus != nil {
		b.bus.Close()
	}
	b.bus, b.err = nil, errors.New("closed")
}

// current returns the bus, or why there is none.
func (b *broker) current() (*bus.Bus, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.bus == nil {
		return nil, hub.Errorf(hub.KindUnavailable, "reaching the embedded broker", "it does not run: %w", b.err)
	}
	return b.bus, nil
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
