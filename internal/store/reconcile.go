package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"hub"
	"hub/internal/jobs"
	"hub/internal/reconcile"
)

// Statements implements reconcile.Statements and reconcile.Queue.
type Statements struct{ s *Store }

var (
	_ reconcile.Statements = Statements{}
	_ reconcile.Queue      = Statements{}
)

// Statements returns what was said about shops and days, on all shards.
func (s *Store) Statements() Statements { return Statements{s} }

var statementColumns = []string{"tenant_id", "connection_id", "day", "revision", "id", "state", "code", "whole", "made_at", "differing",
	"fetching", "doc", "key_id", "public_key", "signature"}

// Save implements reconcile.Statements. Its change is the machine's and has one audit record.
func (r Statements) Save(ctx context.Context, st reconcile.Statement, signed reconcile.Signed) error {
	const op = "keeping a statement"
	return r.s.Do(ctx, r.s.Of(st.Tenant), func(ctx context.Context, token hub.Tx) error {
		t, err := open(token, op)
		if err != nil {
			return err
		}
		code := clip(string(st.Code()), maxCode)
		err = within(op, field{"tenant_id", string(st.Tenant), maxID}, field{"connection_id", string(st.Connection), maxID},
			field{"day", string(st.Day), maxPlace}, field{"id", string(st.ID), maxID}, field{"state", string(st.State), maxWord},
			field{"key_id", signed.KeyID, maxCode}, field{"public_key", signed.PublicKey, maxCode}, field{"signature", signed.Signature, maxTopic})
		if err != nil {
			return t.poison(err)
		}
		if err := t.owns(op, st.Tenant); err != nil {
			return err
		}
		if err := t.nextRevision(ctx, op, st); err != nil {
			return err
		}
		in := insertion{op: op, table: "statements", columns: statementColumns}
		err = t.insert(ctx, in, 1, func(_ int, row *row) {
			row.add(string(st.Tenant), string(st.Connection), string(st.Day), st.Revision, string(st.ID), string(st.State), code, flag(st.WholeDay),
				micros(st.MadeAt), int64(st.Open), int64(st.Fetching), []byte(signed.Statement), signed.KeyID, signed.PublicKey, signed.Signature)
		})
		if err != nil {
			return err
		}
		return t.record(ctx, deed{action: "reconcile.state", tenant: st.Tenant, target: string(st.ID), count: 1})
	})
}

// CodeRevisionTaken is the conflict of a statement whose revision is there already.
const CodeRevisionTaken hub.Code = "revision_taken"

// nextRevision refuses a statement that does not follow the newest one. Of two at once that both follow, one runs again and
// is refused here.
func (t *tx) nextRevision(ctx context.Context, op string, st reconcile.Statement) error {
	var last int64
	err := t.query(ctx, op, "SELECT COALESCE(MAX(revision), 0) FROM statements WHERE tenant_id = ? AND connection_id = ? AND day = ?",
		[]any{string(st.Tenant), string(st.Connection), string(st.Day)}, func(r *sql.Rows) error { return r.Scan(&last) })
	if err == nil && st.Revision != last+1 {
		err = t.poison(&hub.Error{Kind: hub.KindConflict, Code: CodeRevisionTaken, Op: op, Subject: string(st.Connection)})
	}
	return err
}

const selectStatement = "SELECT doc, key_id, public_key, signature FROM statements WHERE tenant_id = ? AND "

// Latest implements reconcile.Statements.
func (r Statements) Latest(ctx context.Context, n reconcile.Name, d reconcile.Day) (reconcile.Signed, error) {
	return r.one(ctx, n.Tenant, selectStatement+"connection_id = ? AND day = ? ORDER BY revision DESC LIMIT 1", string(n.Connection), string(d))
}

// Statement implements reconcile.Statements.
func (r Statements) Statement(ctx context.Context, t hub.TenantID, id reconcile.ID) (reconcile.Signed, error) {
	return r.one(ctx, t, selectStatement+"id = ?", string(id))
}

func (r Statements) one(ctx context.Context, t hub.TenantID, query string, args ...any) (s reconcile.Signed, err error) {
	const op = "reading a statement"
	d, err := r.s.of(ctx, t)
	if err != nil {
		return s, err
	}
	found := false
	err = d.query(ctx, op, query, append([]any{string(t)}, args...), func(rows *sql.Rows) error {
		found = true
		var doc []byte
		err := rows.Scan(&doc, &s.KeyID, &s.PublicKey, &s.Signature)
		s.Statement = json.RawMessage(doc)
		return err
	})
	if err == nil && !found {
		err = &hub.Error{Kind: hub.KindNotFound, Op: op}
	}
	if err == nil {
		err = d.flushed(ctx)
	}
	if err != nil {
		return reconcile.Signed{}, err
	}
	return s, nil
}

// List implements reconcile.Statements.
func (r Statements) List(ctx context.Context, t hub.TenantID, f reconcile.Filter, after reconcile.ID, limit int) ([]reconcile.Entry, error) {
	const op = "listing statements"
	d, err := r.s.of(ctx, t)
	if err != nil {
		return nil, err
	}
	query := "SELECT id, connection_id, day, revision, state, code, whole, made_at, differing, fetching FROM statements" +
		d.dialect.by("statements_id") + " WHERE tenant_id = ? AND id > ?"
	args := []any{string(t), string(after)}
	for _, c := range []struct{ condition, value string }{
		{"connection_id = ?", string(f.Connection)}, {"day >= ?", string(f.From)}, {"day <= ?", string(f.To)}, {"state = ?", string(f.State)},
	} {
		if c.value != "" {
			query, args = query+" AND "+c.condition, append(args, c.value)
		}
	}
	return listed(ctx, d, op, query+" ORDER BY id LIMIT ?", append(args, limit), func(rows *sql.Rows) (e reconcile.Entry, err error) {
		var made int64
		err = rows.Scan(&e.ID, &e.Connection, &e.Day, &e.Revision, &e.State, &e.Code, &e.WholeDay, &made, &e.Open, &e.Fetching)
		e.MadeAt = moment(made)
		return e, err
	})
}

// Later implements reconcile.Queue: one transaction for each shard.
func (r Statements) Later(ctx context.Context, list []reconcile.Task) error {
	shards := map[hub.ShardID][]reconcile.Task{}
	for _, task := range list {
		shard := r.s.Of(task.Tenant)
		shards[shard] = append(shards[shard], task)
	}
	var errs []error
	for shard, tasks := range shards {
		errs = append(errs, r.s.Do(ctx, shard, func(ctx context.Context, token hub.Tx) error { return r.enqueue(ctx, token, tasks) }))
	}
	return errors.Join(errs...)
}

func (r Statements) enqueue(ctx context.Context, token hub.Tx, tasks []reconcile.Task) error {
	t, err := open(token, "planning statements")
	if err != nil {
		return err
	}
	var asked []deed
	work := make([]jobs.Job, len(tasks))
	for i, task := range tasks {
		lane := jobs.Lane{Kind: reconcile.Job, Tenant: task.Tenant, Connection: task.Connection}
		work[i] = jobs.Job{Ref: jobs.Ref{Lane: lane, Key: hub.ExternalID(task.Day)}, Class: jobs.Backfill, DueAt: task.DueAt, Payload: task.Payload()}
		if task.Asked {
			work[i].Class = jobs.Fresh
			asked = append(asked, deed{action: "reconcile.ask", tenant: task.Tenant, target: string(task.Connection), count: 1})
		}
	}
	if err := r.s.Jobs().Enqueue(ctx, token, work); err != nil || len(asked) == 0 {
		return err
	}
	return t.record(ctx, asked...)
}

// Stated implements reconcile.Queue. It asks all shards; the tenants of those that cannot be reached are away, and the error names
// the shards.
func (r Statements) Stated(ctx context.Context, day reconcile.Day) (reconcile.Stated, error) {
	last, away := map[hub.ConnectionID]reconcile.Last{}, map[hub.ShardID]bool{}
	var errs []error
	for _, shard := range r.s.ShardIDs() {
		if err := r.stated(ctx, shard, day, last); err != nil {
			away[shard] = true
			errs = append(errs, fmt.Errorf("%s: %w", shard, err))
		}
	}
	return reconcile.Stated{Last: last, Away: func(t hub.TenantID) bool { return away[r.s.Of(t)] }}, errors.Join(errs...)
}

// stated adds what one shard knows.
func (r Statements) stated(ctx context.Context, shard hub.ShardID, day reconcile.Day, last map[hub.ConnectionID]reconcile.Last) error {
	d, err := r.s.find(ctx, shard)
	if err != nil {
		return err
	}
	query := "SELECT s.connection_id, s.made_at, s.state, s.code FROM (SELECT MAX(tenant_id) AS tenant_id, connection_id, MAX(revision) AS revision FROM statements" +
		d.dialect.by("statements_day") + " WHERE day = ? AND whole = 1 GROUP BY connection_id) AS n JOIN statements AS s" +
		" ON s.tenant_id = n.tenant_id AND s.connection_id = n.connection_id AND s.day = ? AND s.revision = n.revision"
	err = d.query(ctx, "looking for what was said of days", query, []any{string(day), string(day)}, func(rows *sql.Rows) error {
		var c hub.ConnectionID
		var made int64
		var one reconcile.Last
		err := rows.Scan(&c, &made, &one.State, &one.Code)
		one.MadeAt = moment(made)
		last[c] = one
		return err
	})
	if err == nil {
		err = d.flushed(ctx)
	}
	return err
}
