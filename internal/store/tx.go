package store

import (
	"context"
	"database/sql"
	"time"

	"hub"
)

// tx is the token of one transaction. It lives as long as the closure that got it.
//
// Its first error poisons it: every later statement and the commit return that error. That is not tidiness. After a
// deadlock (1213) MySQL has rolled back and would run the next statement in autocommit; after a lock wait timeout (1205) it
// has undone one statement and would commit the rest.
type tx struct {
	d       *database
	s       *Store
	session session
	now     time.Time
	err     error // the first one

	feed     []hub.Change // appended, numbered before COMMIT
	heads    map[head]int64
	onCommit []func()
}

var _ hub.Tx = (*tx)(nil)

// Now implements hub.Tx.
func (t *tx) Now() time.Time { return t.now }

// Epoch implements hub.Tx.
func (t *tx) Epoch() int64 { return t.d.epoch }

// OnCommit implements hub.Tx.
func (t *tx) OnCommit(f func()) { t.onCommit = append(t.onCommit, f) }

// poison remembers the first error and returns it from now on.
func (t *tx) poison(err error) error {
	if t.err == nil {
		t.err = err
	}
	return t.err
}

// exec runs a statement that changes rows and returns how many it matched. op says what for.
func (t *tx) exec(ctx context.Context, op, query string, args ...any) (int64, error) {
	if t.err != nil {
		return 0, t.err
	}
	result, err := t.session.exec(ctx, query, args)
	if err != nil {
		return 0, t.poison(fail(op, err))
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, t.poison(fail(op, err))
	}
	return n, nil
}

// execRows runs a multi-row INSERT whose arguments have about that many bytes.
func (t *tx) execRows(ctx context.Context, op, query string, args []any, bytes int) error {
	if t.err != nil {
		return t.err
	}
	if err := t.session.execRows(ctx, query, args, bytes); err != nil {
		return t.poison(fail(op, err))
	}
	return nil
}

// query runs a SELECT and calls scan for each row.
func (t *tx) query(ctx context.Context, op, query string, args []any, scan func(*sql.Rows) error) error {
	if t.err != nil {
		return t.err
	}
	rows, err := t.session.query(ctx, query, args)
	if err != nil {
		return t.poison(fail(op, err))
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return t.poison(fail(op, err))
		}
	}
	if err := rows.Err(); err != nil {
		return t.poison(fail(op, err))
	}
	return nil
}

// open returns the transaction behind a token. A token of somebody else's making is a bug.
func open(token hub.Tx, op string) (*tx, error) {
	t, ok := token.(*tx)
	if !ok {
		return nil, hub.Errorf(hub.KindInternal, op, "the token was not made by this store")
	}
	return t, t.err
}

// owns refuses rows of a tenant that lives elsewhere.
func (t *tx) owns(op string, tenant hub.TenantID) error {
	if owner := t.s.Of(tenant); owner != t.d.shard {
		return t.poison(&hub.Error{Kind: hub.KindConflict, Code: CodeWrongShard, Op: op, Subject: string(tenant)})
	}
	return nil
}
