package audit

import (
	"context"
	"errors"
	"sync"
	"time"

	"hub/internal/wal"
)

// pollEvery is how long a row waits when nobody rings, and how often a database that is down is tried again.
const pollEvery = time.Second

// Ring says that there are rows. It never blocks and may be called at any time, from a commit too.
func (d *Drainer) Ring() {
	select {
	case d.bell <- struct{}{}:
	default:
	}
}

// Run drains whenever somebody rings, and each second, until ctx ends or the log is closed. Each database has a goroutine
// of its own. Errors of databases are logged when they begin and when they end, and retried. What Run returns is an error
// of the log itself, after which only a new start helps.
func (d *Drainer) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var workers sync.WaitGroup
	wake := map[string]chan struct{}{}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		for _, source := range d.outbox.Sources() {
			if wake[source] == nil {
				bell := make(chan struct{}, 1)
				wake[source] = bell
				workers.Go(func() { d.follow(ctx, source, bell, stop) })
			}
			select {
			case wake[source] <- struct{}{}:
			default: // it will look again anyway
			}
		}
		select {
		case <-ctx.Done():
		case <-d.bell:
		case <-tick.C:
		}
	}
	workers.Wait()
	if err := context.Cause(ctx); errors.Is(err, wal.ErrStopped) {
		return err
	}
	return nil
}

// follow drains one database each time the bell rings.
func (d *Drainer) follow(ctx context.Context, source string, bell <-chan struct{}, stop context.CancelCauseFunc) {
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-bell:
		}
		err := d.drain(ctx, source)
		switch {
		case errors.Is(err, wal.ErrStopped), errors.Is(err, wal.ErrClosed):
			stop(err)
			return
		case ctx.Err() != nil:
			return
		case (err != nil) != failing:
			failing = err != nil
			d.logger.Warn("audit rows wait in their database", "source", source, "failing", failing, "error", err)
		}
	}
}
