package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"hub"
	"hub/internal/connect"
)

const tokenColumns = "connection_id, tenant_id, generation, sealed, previous, access_until, refresh_until, grant_until, standing, code, attempts," +
	" due_at, connected_at, refreshed_at, started, report, checked_at, epoch, holder, lease_until, life"

// tokenRow is one row.
type tokenRow struct {
	connect.Stored
	epoch  int64
	holder string
	until  int64 // by the clock of the database
}

func (w *tokenRow) scan(r *sql.Rows) error {
	var access, refresh, grant, due, connected, refreshed, checked int64
	err := r.Scan(&w.Connection, &w.Tenant, &w.Generation, &w.Sealed, &w.Previous, &access, &refresh, &grant, &w.Standing, &w.Code, &w.Attempts,
		&due, &connected, &refreshed, &w.Started, &w.Report, &checked, &w.epoch, &w.holder, &w.until, &w.Life)
	w.AccessUntil, w.RefreshUntil, w.GrantUntil = moment(access), moment(refresh), moment(grant)
	w.DueAt, w.ConnectedAt, w.RefreshedAt, w.CheckedAt = dueMoment(due), moment(connected), moment(refreshed), moment(checked)
	return err
}

// tokens locks the row of a connection until the end of the transaction.
func (t *tx) tokens(ctx context.Context, op string, id hub.ConnectionID) (w tokenRow, found bool, err error) {
	query := "SELECT " + tokenColumns + " FROM connect_tokens WHERE connection_id = ?" + t.d.dialect.forUpdate
	err = t.query(ctx, op, query, []any{string(id)}, func(r *sql.Rows) error { found = true; return w.scan(r) })
	return w, found, err
}

// clock is the time of the database, by which leases count that several hubs hold one after the other: their own clocks may
// differ by minutes. An embedded database is in the hub, and has its clock.
func (t *tx) clock(ctx context.Context, op string) (now int64, err error) {
	if !t.d.dialect.sharesLog {
		return micros(t.now), nil
	}
	err = t.query(ctx, op, "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))", nil, func(r *sql.Rows) error { return r.Scan(&now) })
	return now, err
}

// Get implements connect.Tokens.
func (c Connect) Get(ctx context.Context, id hub.ConnectionID) (connect.Stored, error) {
	const op = "reading a connection's tokens"
	d := c.s.control
	if err := d.ready(ctx); err != nil {
		return connect.Stored{}, err
	}
	var w tokenRow
	found := false
	err := d.query(ctx, op, "SELECT "+tokenColumns+" FROM connect_tokens WHERE connection_id = ?", []any{string(id)},
		func(r *sql.Rows) error { found = true; return w.scan(r) })
	if err == nil && !found {
		err = &hub.Error{Kind: hub.KindNotFound, Op: op, Subject: string(id)}
	}
	return w.Stored, err
}

// Due implements connect.Tokens.
func (c Connect) Due(ctx context.Context, now time.Time, limit int) (list []connect.Due, err error) {
	d := c.s.control
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	query := "SELECT connection_id, generation FROM connect_tokens" + d.dialect.by("connect_tokens_due") + " WHERE due_at <= ? ORDER BY due_at LIMIT ?"
	err = d.query(ctx, "looking for tokens to refresh", query, []any{micros(now), limit}, func(r *sql.Rows) error {
		var one connect.Due
		err := r.Scan(&one.Connection, &one.Generation)
		list = append(list, one)
		return err
	})
	return list, err
}

// Lease implements connect.Tokens.
func (c Connect) Lease(ctx context.Context, id hub.ConnectionID, holder string, d time.Duration) (l connect.Leased, err error) {
	const op = "leasing a connection's tokens"
	if err := within(op, field{"holder", holder, maxInstance}); err != nil {
		return l, err
	}
	err = c.change(ctx, func(ctx context.Context, t *tx) error {
		w, found, err := t.tokens(ctx, op, id)
		if err == nil && !found {
			err = t.poison(&hub.Error{Kind: hub.KindNotFound, Op: op, Subject: string(id)})
		}
		if err != nil {
			return err
		}
		now, err := t.clock(ctx, op)
		if err != nil {
			return err
		}
		// An end that is further away than any lease was written by a clock that was wrong.
		if w.holder != "" && w.holder != holder && w.until > now && w.until-now <= 4*d.Microseconds() {
			return t.poison(&hub.Error{Kind: hub.KindConflict, Code: connect.CodeBusy, Op: op, Subject: string(id)})
		}
		w.epoch++
		_, err = t.exec(ctx, op, "UPDATE connect_tokens SET epoch = ?, holder = ?, lease_until = ? WHERE connection_id = ?",
			w.epoch, holder, now+d.Microseconds(), string(id))
		if err != nil {
			return err
		}
		l = connect.Leased{Stored: w.Stored, Epoch: w.epoch}
		l.Errands, err = t.errands(ctx, op, id, w.Generation, now)
		return err
	})
	return l, err
}

// errands reads those of a generation, oldest first.
func (t *tx) errands(ctx context.Context, op string, id hub.ConnectionID, generation, now int64) (list []connect.Intent, err error) {
	const query = "SELECT epoch, sealed_key, begun_at, answer FROM connect_errands WHERE connection_id = ? AND generation = ? ORDER BY epoch"
	err = t.query(ctx, op, query, []any{string(id), generation}, func(r *sql.Rows) error {
		e := connect.Intent{Connection: id, Generation: generation}
		var begun int64
		err := r.Scan(&e.Epoch, &e.Key, &begun, &e.Answer)
		if e.Begun = begun != 0; e.Begun {
			e.Since = time.Duration(now-begun) * time.Microsecond
		}
		list = append(list, e)
		return err
	})
	return list, err
}

// fenced locks a connection and refuses whoever's lease is not the last.
func (t *tx) fenced(ctx context.Context, op string, id hub.ConnectionID, epoch int64) (tokenRow, error) {
	w, found, err := t.tokens(ctx, op, id)
	if err == nil && (!found || w.epoch != epoch) {
		err = t.poison(&hub.Error{Kind: hub.KindConflict, Code: hub.CodeStaleEpoch, Op: op, Subject: string(id)})
	}
	return w, err
}

// Save implements connect.Tokens.
func (c Connect) Save(ctx context.Context, id hub.ConnectionID, epoch int64, o connect.Outcome) error {
	const op = "storing a connection's tokens"
	if err := within(op, field{"code", string(o.Code), maxCode}); err != nil {
		return err
	}
	if o.Next != nil {
		if err := checkGrant(op, *o.Next); err != nil {
			return err
		}
	}
	return c.change(ctx, func(ctx context.Context, t *tx) error {
		w, err := t.fenced(ctx, op, id, epoch)
		if err != nil {
			return err
		}
		if err := t.settleErrands(ctx, op, id, o); err != nil {
			return err
		}
		if g := o.Next; g != nil {
			w.Generation, w.Previous, w.Sealed = w.Generation+1, w.Sealed, g.Sealed
			w.AccessUntil, w.RefreshUntil, w.RefreshedAt = g.AccessUntil, g.RefreshUntil, g.At
			if !g.GrantUntil.IsZero() {
				w.GrantUntil = g.GrantUntil
			}
		}
		_, err = t.exec(ctx, op, "UPDATE connect_tokens SET generation = ?, sealed = ?, previous = ?, access_until = ?, refresh_until = ?, grant_until = ?,"+
			" standing = ?, code = ?, attempts = ?, due_at = ?, refreshed_at = ?, holder = '', lease_until = 0 WHERE connection_id = ?",
			w.Generation, blob(w.Sealed), blob(w.Previous), micros(w.AccessUntil), micros(w.RefreshUntil), micros(w.GrantUntil), string(o.Standing),
			string(o.Code), int64(o.Attempts), due(o.DueAt), micros(w.RefreshedAt), string(id))
		return err
	})
}

// settleErrands deletes what need not be kept: with the next pair everything, otherwise what is settled, and what nobody has
// begun, who now cannot begin it any more.
func (t *tx) settleErrands(ctx context.Context, op string, id hub.ConnectionID, o connect.Outcome) error {
	if o.Next != nil {
		_, err := t.exec(ctx, op, "DELETE FROM connect_errands WHERE connection_id = ?", string(id))
		return err
	}
	if _, err := t.exec(ctx, op, "DELETE FROM connect_errands WHERE connection_id = ? AND begun_at = 0", string(id)); err != nil {
		return err
	}
	sorted := slices.Sorted(slices.Values(o.Settled))
	return t.execKeys(ctx, op, "DELETE FROM connect_errands WHERE", []string{"connection_id", "epoch"}, len(sorted), func(i int, r *row) {
		r.add(string(id), sorted[i])
	})
}

// Intend implements connect.Errands.
func (c Connect) Intend(ctx context.Context, e connect.Intent) error {
	const op = "intending a refresh"
	if err := within(op, field{"key", string(e.Key), maxKey}); err != nil {
		return err
	}
	return c.change(ctx, func(ctx context.Context, t *tx) error {
		w, err := t.fenced(ctx, op, e.Connection, e.Epoch)
		if err == nil && w.Generation != e.Generation {
			err = t.poison(&hub.Error{Kind: hub.KindConflict, Code: hub.CodeStaleEpoch, Op: op, Subject: string(e.Connection)})
		}
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, op, "INSERT INTO connect_errands (connection_id, epoch, generation, sealed_key, begun_at, answer) VALUES (?, ?, ?, ?, 0, NULL)",
			string(e.Connection), e.Epoch, e.Generation, e.Key)
		if err == nil {
			_, err = t.exec(ctx, op, "UPDATE connect_tokens SET standing = ? WHERE connection_id = ?", string(connect.Refreshing), string(e.Connection))
		}
		return err
	})
}

// Begin implements connect.Errands.
func (c Connect) Begin(ctx context.Context, id hub.ConnectionID, epoch int64) error {
	const op = "beginning a refresh"
	return c.change(ctx, func(ctx context.Context, t *tx) error {
		if _, err := t.fenced(ctx, op, id, epoch); err != nil {
			return err
		}
		now, err := t.clock(ctx, op)
		if err != nil {
			return err
		}
		n, err := t.exec(ctx, op, "UPDATE connect_errands SET begun_at = ? WHERE connection_id = ? AND epoch = ? AND begun_at = 0", now, string(id), epoch)
		if err == nil && n != 1 {
			err = t.poison(&hub.Error{Kind: hub.KindConflict, Code: hub.CodeStaleEpoch, Op: op, Subject: string(id)})
		}
		return err
	})
}

// Answer implements connect.Errands. It asks for no lease: an answer is good as long as the pair that it replaces is there.
func (c Connect) Answer(ctx context.Context, id hub.ConnectionID, epoch int64, sealed []byte) error {
	const op = "storing the answer to a refresh"
	return c.change(ctx, func(ctx context.Context, t *tx) error {
		if _, _, err := t.tokens(ctx, op, id); err != nil { // locked in the order of everybody else
			return err
		}
		n, err := t.exec(ctx, op, "UPDATE connect_errands SET answer = ? WHERE connection_id = ? AND epoch = ?", sealed, string(id), epoch)
		if err == nil && n != 1 {
			err = t.poison(&hub.Error{Kind: hub.KindNotFound, Op: op, Subject: string(id)})
		}
		if err == nil {
			_, err = t.exec(ctx, op, "UPDATE connect_tokens SET due_at = 1 WHERE connection_id = ?", string(id))
		}
		return err
	})
}
