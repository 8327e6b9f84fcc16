package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"hub"
	"hub/internal/fetch"
	"hub/internal/jobs"
)

// Fetches implements fetch.Store.
type Fetches struct{ s *Store }

var _ fetch.Store = Fetches{}

// Fetches returns how far shops were read, on all shards.
func (s *Store) Fetches() Fetches { return Fetches{s} }

const opProgress = "reading progress of fetches"

// Progress implements fetch.Store.
func (f Fetches) Progress(ctx context.Context, n fetch.Name) (p fetch.Progress, err error) {
	d, err := f.s.of(ctx, n.Tenant)
	if err != nil {
		return fetch.Progress{}, err
	}
	var polled, polledAt, from, to, reached, ended int64
	const query = `SELECT polled, polled_at, poll_trouble, backfill_from, backfill_to, backfill_cursor, backfill_orders, backfill_total, backfill_reached,
  backfill_ended_at, backfill_trouble FROM fetches WHERE tenant_id = ? AND connection_id = ?`
	b := &p.Backfill
	err = d.query(ctx, opProgress, query, []any{string(n.Tenant), string(n.Connection)}, func(r *sql.Rows) error {
		return r.Scan(&polled, &polledAt, &p.Poll.Trouble, &from, &to, &b.Cursor, &b.Orders, &b.Total, &reached, &ended, &b.Trouble)
	})
	if err != nil {
		return fetch.Progress{}, err
	}
	p.Poll.Polled, p.Poll.PolledAt = moment(polled), moment(polledAt)
	b.From, b.To, b.Reached, b.EndedAt = moment(from), moment(to), moment(reached), moment(ended)
	return p, d.flushed(ctx)
}

// SavePoll implements fetch.Store.
func (f Fetches) SavePoll(ctx context.Context, n fetch.Name, p fetch.PollProgress, next time.Time) error {
	return f.save(ctx, n, fetch.Poll, next, []string{"polled", "polled_at", "poll_trouble"},
		micros(p.Polled), micros(p.PolledAt), clip(string(p.Trouble), maxCode))
}

// SaveBackfill implements fetch.Store.
func (f Fetches) SaveBackfill(ctx context.Context, n fetch.Name, b fetch.BackfillProgress, next time.Time) error {
	if err := within("saving progress of fetches", field{"cursor", b.Cursor, maxCursor}); err != nil {
		return err
	}
	columns := []string{"backfill_from", "backfill_to", "backfill_cursor", "backfill_orders", "backfill_total", "backfill_reached", "backfill_ended_at", "backfill_trouble"}
	return f.save(ctx, n, fetch.Backfill, next, columns, micros(b.From), micros(b.To), b.Cursor, b.Orders, b.Total,
		micros(b.Reached), micros(b.EndedAt), clip(string(b.Trouble), maxCode))
}

// save replaces some columns of a shop's row and schedules its next turn.
func (f Fetches) save(ctx context.Context, n fetch.Name, work fetch.Work, next time.Time, columns []string, values ...any) error {
	const op = "saving progress of fetches"
	return f.s.Do(ctx, f.s.Of(n.Tenant), func(ctx context.Context, token hub.Tx) error {
		t, err := open(token, op)
		if err != nil {
			return err
		}
		if err := t.owns(op, n.Tenant); err != nil {
			return err
		}
		if err := within(op, field{"tenant_id", string(n.Tenant), maxID}, field{"connection_id", string(n.Connection), maxID}); err != nil {
			return t.poison(err)
		}
		in := insertion{
			op: op, table: "fetches", columns: append([]string{"tenant_id", "connection_id"}, columns...),
			tail: t.d.dialect.upsert("tenant_id, connection_id", columns...),
		}
		err = t.insert(ctx, in, 1, func(_ int, r *row) { r.add(append([]any{string(n.Tenant), string(n.Connection)}, values...)...) })
		if err != nil || next.IsZero() {
			return err
		}
		return f.s.Jobs().Enqueue(ctx, token, []jobs.Job{turnOf(n, work, next)})
	})
}

// turnOf is the next turn of a shop's standing work.
func turnOf(n fetch.Name, work fetch.Work, due time.Time) jobs.Job {
	j := jobs.Job{Ref: jobs.Ref{Lane: jobs.Lane{Kind: string(work), Tenant: n.Tenant, Connection: n.Connection}}, Class: jobs.Fresh, DueAt: due}
	if work == fetch.Backfill {
		j.Class = jobs.Backfill
	}
	return j
}

// Resume implements fetch.Store.
func (f Fetches) Resume(ctx context.Context, n fetch.Name) error {
	list := []jobs.Job{turnOf(n, fetch.Poll, time.Time{}), turnOf(n, fetch.Backfill, time.Time{})}
	for i := range list {
		list[i].Afresh = true
	}
	return f.s.Do(ctx, f.s.Of(n.Tenant), func(ctx context.Context, token hub.Tx) error { return f.s.Jobs().Enqueue(ctx, token, list) })
}

// Versions implements fetch.Store.
func (f Fetches) Versions(ctx context.Context, n fetch.Name, ids []hub.ExternalID) (map[hub.ExternalID]time.Time, error) {
	const op = "reading versions of orders"
	d, err := f.s.of(ctx, n.Tenant)
	if err != nil {
		return nil, err
	}
	sel := selection{op: op, columns: "external_id, source_updated_at, tenant_id", table: "orders" + d.dialect.by(primary),
		keys: []string{"connection_id", "external_id"}, and: " AND revision > 0"}
	found := make(map[hub.ExternalID]time.Time, len(ids))
	err = d.find(ctx, sel, len(ids), func(i int, r *row) { r.add(string(n.Connection), string(ids[i])) }, func(r *sql.Rows) error {
		var id hub.ExternalID
		var changed int64
		var its hub.TenantID
		if err := r.Scan(&id, &changed, &its); err != nil || its != n.Tenant {
			return err
		}
		found[id] = moment(changed)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, d.flushed(ctx)
}

// purgeMost bounds the rows of one transaction.
const purgeMost = 500

// Purge deletes fetches of single orders that were given up before a time and that no news has revived, from one shard; more says
// that it did not reach the end. What they were about is in the statements of package reconcile, and in the polls. Polls and what
// else goes on by itself stay, whatever became of them.
func (f Fetches) Purge(ctx context.Context, shard hub.ShardID, before time.Time) (deleted int64, more bool, err error) {
	const op = "purging fetches that were given up"
	err = f.s.Do(ctx, shard, func(ctx context.Context, token hub.Tx) error {
		t, err := open(token, op)
		if err != nil {
			return err
		}
		deleted = 0
		var refs []jobs.Ref
		query := "SELECT " + jobNames + " FROM jobs" + t.d.dialect.by("jobs_due") + " WHERE kind IN (?, ?, ?, ?) AND state = ? AND due_at < ? LIMIT ?"
		args := []any{string(fetch.Order), string(fetch.Shipment), string(fetch.Payment), string(fetch.Claim), int64(jobs.Failed), micros(before), purgeMost}
		err = t.query(ctx, op, query, args, func(r *sql.Rows) error {
			var one jobs.Ref
			err := r.Scan(&one.Kind, &one.Tenant, &one.Connection, &one.Key)
			refs = append(refs, one)
			return err
		})
		if err != nil {
			return err
		}
		more = len(refs) == purgeMost
		slices.SortFunc(refs, compareRefs)
		for _, ref := range refs { // one that was revived meanwhile is not failed any more
			n, err := t.exec(ctx, op, "DELETE FROM jobs WHERE kind = ? AND tenant_id = ? AND connection_id = ? AND job_key = ? AND state = ?",
				ref.Kind, string(ref.Tenant), string(ref.Connection), string(ref.Key), int64(jobs.Failed))
			if err != nil {
				return err
			}
			deleted += n
		}
		return nil
	})
	return deleted, more, err
}
