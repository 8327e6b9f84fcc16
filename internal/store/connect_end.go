package store

import (
	"context"
	"database/sql"

	"hub"
	"hub/internal/connect"
)

// End implements connect.Grants.
func (c Connect) End(ctx context.Context, id hub.ConnectionID, tenant hub.TenantID, code hub.Code, seen int64) (changed bool, err error) {
	const op = "ending a connection"
	if err := within(op, field{"code", string(code), maxCode}); err != nil {
		return false, err
	}
	// What changes nothing has no hub read the directory again.
	if ends, err := c.ends(ctx, op, id, tenant, seen); err != nil || !ends {
		return false, err
	}
	err = c.change(ctx, func(ctx context.Context, t *tx) error {
		changed = false
		if err := t.raise(ctx, op); err != nil { // before the rest, as every change of the directory
			return err
		}
		row, found, err := t.tokens(ctx, op, id)
		if err != nil || !mayEnd(row.Stored, found, tenant, seen) {
			return err
		}
		if found {
			if err := t.destroyTokens(ctx, op, row, code); err != nil {
				return err
			}
		}
		n, err := t.exec(ctx, op, "UPDATE connections SET released = id WHERE id = ? AND tenant_id = ? AND released = ''", string(id), string(tenant))
		if err != nil || n == 0 && !found {
			return err
		}
		changed = true
		return t.record(ctx, deed{action: "connection.disconnect", tenant: tenant, target: string(id), count: 1})
	})
	return changed, err
}

// ends looks whether End would change something.
func (c Connect) ends(ctx context.Context, op string, id hub.ConnectionID, tenant hub.TenantID, seen int64) (ends bool, err error) {
	now, err := c.Get(ctx, id)
	none := err != nil && hub.KindOf(err) == hub.KindNotFound
	if err != nil && !none {
		return false, err
	}
	if !none || !mayEnd(now, false, tenant, seen) {
		return mayEnd(now, !none, tenant, seen), nil
	}
	err = c.s.control.query(ctx, op, "SELECT 1 FROM connections WHERE id = ? AND tenant_id = ? AND released = ''", []any{string(id), string(tenant)},
		func(*sql.Rows) error { ends = true; return nil })
	return ends, err
}

// mayEnd says whether tokens are those that somebody wants to end. A connection without any has none of a generation.
func mayEnd(s connect.Stored, found bool, tenant hub.TenantID, seen int64) bool {
	if !found {
		return seen == 0
	}
	return s.Tenant == tenant && s.Standing != connect.Disconnected && (seen == 0 || s.Generation == seen)
}

// destroyTokens ends a life of a connection, and leaves a note that its key is to be killed.
func (t *tx) destroyTokens(ctx context.Context, op string, row tokenRow, code hub.Code) error {
	id := string(row.Connection)
	_, err := t.exec(ctx, op, "UPDATE connect_tokens SET sealed = NULL, previous = NULL, standing = ?, code = ?, due_at = ?, epoch = epoch + 1,"+
		" holder = '', lease_until = 0, life = life + 1 WHERE connection_id = ?", string(connect.Disconnected), string(code), int64(neverDue), id)
	if err == nil {
		_, err = t.exec(ctx, op, "DELETE FROM connect_errands WHERE connection_id = ?", id)
	}
	if err == nil {
		_, err = t.exec(ctx, op, "INSERT INTO connect_ended (connection_id, life, tenant_id) VALUES (?, ?, ?)", id, row.Life, string(row.Tenant))
	}
	return err
}

// Ended implements connect.Graves. What it returns is durable: a key that was killed because of an end that is taken back would
// be missed.
func (c Connect) Ended(ctx context.Context, limit int) (list []connect.Ended, err error) {
	d := c.s.control
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	const query = "SELECT connection_id, tenant_id, life FROM connect_ended ORDER BY connection_id, life LIMIT ?"
	return listed(ctx, d, "looking for connections that have ended", query, []any{limit}, func(r *sql.Rows) (e connect.Ended, err error) {
		err = r.Scan(&e.Connection, &e.Tenant, &e.Life)
		return e, err
	})
}

// Killed implements connect.Graves.
func (c Connect) Killed(ctx context.Context, e connect.Ended) error {
	return c.change(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, "forgetting the end of a connection", "DELETE FROM connect_ended WHERE connection_id = ? AND life = ?",
			string(e.Connection), e.Life)
		return err
	})
}
