package store

import (
	"context"
	"database/sql"
	"sync"
)

// barrierRows is the number of rows of the table barrier.
const barrierRows = 16

// barrier makes everything durable that could be seen on a database before it was called: it commits a tiny update, and
// the flush of that commit includes the log of every commit before it. Callers that come while one runs share the next.
type barrier struct {
	pass func() error // one committed update

	mu      sync.Mutex
	next    *round // that callers join
	running bool
}

// round is one update and those who wait for it.
type round struct {
	done chan struct{}
	err  error
}

// wait returns when an update that began after the call is committed.
func (b *barrier) wait(ctx context.Context) error {
	b.mu.Lock()
	if b.next == nil {
		b.next = &round{done: make(chan struct{})}
	}
	r := b.next
	if !b.running {
		b.running = true
		go b.run()
	}
	b.mu.Unlock()
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run does rounds until nobody waits.
func (b *barrier) run() {
	for {
		b.mu.Lock()
		r := b.next
		b.next = nil
		b.running = r != nil
		b.mu.Unlock()
		if r == nil {
			return
		}
		r.err = b.pass()
		close(r.done)
	}
}

// flushed returns when all rows that the caller has read are durable.
func (d *database) flushed(ctx context.Context) error {
	if !d.dialect.sharesLog {
		return nil
	}
	return fail("waiting until "+d.name+" has flushed its log", d.barrier.wait(ctx))
}

// listed returns what scan makes of the rows of a query, when all of them are durable.
func listed[T any](ctx context.Context, d *database, op, query string, args []any, scan func(*sql.Rows) (T, error)) ([]T, error) {
	var list []T
	err := d.query(ctx, op, query, args, func(r *sql.Rows) error {
		one, err := scan(r)
		list = append(list, one)
		return err
	})
	if err == nil && len(list) > 0 {
		err = d.flushed(ctx)
	}
	if err != nil {
		return nil, err
	}
	return list, nil
}

// passBarrier commits one update. It runs on the pool of the readers, so that it never waits behind transactions.
func (d *database) passBarrier() error {
	ctx, cancel := context.WithTimeout(context.Background(), d.cfg.Contact)
	defer cancel()
	query := "UPDATE barrier SET passed = passed + 1 WHERE id = ?"
	if d.role == roleVault {
		query = "UPDATE vault_meta SET passed = passed + 1 WHERE one = ?"
	}
	_, err := d.read.ExecContext(ctx, query, d.barrierRow)
	return err
}
