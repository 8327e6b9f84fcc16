package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"

	"hub"
)

// Do implements hub.Shards.
func (s *Store) Do(ctx context.Context, shard hub.ShardID, f func(context.Context, hub.Tx) error) error {
	d, err := s.find(ctx, shard)
	if err != nil {
		return err
	}
	return s.do(ctx, d, func(ctx context.Context, t *tx) error {
		if err := t.fence(ctx); err != nil {
			return err
		}
		return f(ctx, t)
	})
}

// do runs f in a transaction, again and again while the database asks for it.
func (s *Store) do(ctx context.Context, d *database, f func(context.Context, *tx) error) error {
	for attempt := 1; ; attempt++ {
		err := s.once(ctx, d, f)
		if err == nil || !retryable(err) || attempt == s.cfg.Attempts {
			return err
		}
		if !pause(ctx, attempt) {
			return err
		}
	}
}

// pause waits before the next attempt, twice as long each time and up to 200 ms, by chance half of it so that two that
// collided part. It reports whether the context still lives.
func pause(ctx context.Context, attempt int) bool {
	wait := min(2*time.Millisecond<<attempt, 200*time.Millisecond)
	timer := time.NewTimer(wait/2 + rand.N(wait/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// once runs f in one transaction.
func (s *Store) once(ctx context.Context, d *database, f func(context.Context, *tx) error) error {
	session, err := d.begin(ctx)
	if err != nil {
		return fail("beginning a transaction on "+d.name, err)
	}
	t := &tx{d: d, s: s, session: session, now: s.cfg.now()}
	ended := false
	defer func() { // also when f panics
		t.poison(&hub.Error{Kind: hub.KindInternal, Code: CodePoisoned, Op: "using a transaction after its end"})
		if !ended {
			session.rollback()
		}
	}()
	if err := t.run(ctx, f); err != nil {
		return err
	}
	ended = true
	if err := session.commit(); err != nil {
		return commitError(d, err)
	}
	t.committed()
	return nil
}

// run is everything between BEGIN and COMMIT.
func (t *tx) run(ctx context.Context, f func(context.Context, *tx) error) error {
	err := f(ctx, t)
	if err == nil {
		err = t.number(ctx)
	}
	if t.err != nil && !errors.Is(err, t.err) {
		return t.err // f swallowed it, or died of what came after it
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// fence compares the epoch of the shard with the one that this hub knows, and keeps it from changing until the end.
func (t *tx) fence(ctx context.Context) error {
	var epoch int64
	err := t.query(ctx, opFence, "SELECT epoch FROM shard_meta WHERE one = 1"+t.d.dialect.forShare, nil, func(r *sql.Rows) error {
		return r.Scan(&epoch)
	})
	if err == nil {
		err = t.sameEpoch(epoch)
	}
	return err
}

const opFence = "checking the epoch of the shard"

func (t *tx) sameEpoch(epoch int64) error {
	if epoch == t.d.epoch {
		return nil
	}
	return t.poison(&hub.Error{Kind: hub.KindConflict, Code: hub.CodeStaleEpoch, Op: opFence, Subject: string(t.d.shard)})
}

// commitError says what a failed COMMIT means. The server's own answer that it rolled back is a conflict like any other;
// a transaction that was over before COMMIT was sent did nothing; of everything else nobody knows.
func commitError(d *database, err error) error {
	op := "committing on " + d.name
	var my *mysql.MySQLError
	if errors.As(err, &my) || d.line != nil {
		if e := fail(op, err); retryable(e) {
			return e
		}
	}
	if errors.Is(err, sql.ErrTxDone) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fail(op, err)
	}
	_, cause := classify(err)
	return &hub.Error{Kind: hub.KindUnknown, Op: op, Err: cause}
}

// committed tells everybody who waits.
func (t *tx) committed() {
	var tenants []hub.TenantID
	for _, h := range slices.SortedFunc(maps.Keys(t.heads), compareHeads) {
		t.d.marks.raise(h, t.heads[h])
		if len(tenants) == 0 || tenants[len(tenants)-1] != h.tenant {
			tenants = append(tenants, h.tenant)
		}
	}
	for _, f := range t.onCommit {
		f()
	}
	if len(tenants) > 0 {
		t.s.cfg.OnFeed(tenants)
	}
}
