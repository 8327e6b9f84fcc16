package store

import (
	"context"
	"database/sql"
	"time"

	"hub"
	"hub/internal/jobs"
)

// Extend implements jobs.Store.
func (j Jobs) Extend(ctx context.Context, shard hub.ShardID, claims []jobs.Claim, d time.Duration) (lost []jobs.Claim, err error) {
	const op = "extending leases of jobs"
	if d <= 0 || d > jobs.MaxLease {
		return nil, hub.Errorf(hub.KindInvalid, op, "a lease up to the longest is needed")
	}
	err = j.held(ctx, op, shard, claims, func(ctx context.Context, t *tx, h *held) error {
		lost = nil
		rows := make([]storedJob, 0, len(claims))
		for _, c := range claims {
			if row, ok := h.row(c); ok {
				row.DueAt = t.now.Add(d)
				h.lanes[c.Lane].earlier(row.Class, row.DueAt) // it may be a shorter one
				rows = append(rows, *row)
				h.drop(c) // the same claim twice
				continue
			}
			lost = append(lost, c)
		}
		return t.settle(ctx, op, h, rows, nil)
	})
	return lost, err
}

// Finish implements jobs.Store.
func (j Jobs) Finish(ctx context.Context, shard hub.ShardID, results []jobs.Result) (lost []jobs.Claim, err error) {
	const op = "finishing jobs"
	claims := make([]jobs.Claim, len(results))
	for i, r := range results {
		claims[i] = r.Claim
		if err := within(op, field{"code", string(r.Code), maxCode}); err != nil {
			return nil, err
		}
	}
	err = j.held(ctx, op, shard, claims, func(ctx context.Context, t *tx, h *held) error {
		lost = nil
		var stay []storedJob
		var gone []jobs.Ref
		for _, r := range results {
			row, ok := h.row(r.Claim)
			if !ok {
				lost = append(lost, r.Claim)
				continue
			}
			h.drop(r.Claim)
			lane := h.lanes[r.Lane]
			if row.ended(r, t.now) {
				gone = append(gone, r.Ref)
			} else {
				stay = append(stay, *row)
			}
			if row.state == jobs.Waiting {
				lane.earlier(row.Class, row.DueAt)
			}
			if lane.blocked { // those that wait for this one may be of either class
				lane.blocked = false
				lane.earlier(jobs.Fresh, t.now)
				lane.earlier(jobs.Backfill, t.now)
			}
		}
		return t.settle(ctx, op, h, stay, gone)
	})
	return lost, err
}

// settle writes lanes and jobs of claims back.
func (t *tx) settle(ctx context.Context, op string, h *held, stay []storedJob, gone []jobs.Ref) error {
	if err := t.putJobs(ctx, op, stay); err != nil {
		return err
	}
	err := t.execKeys(ctx, op, "DELETE FROM jobs WHERE", jobColumns[:4], len(gone), func(i int, r *row) { addRef(r, gone[i]) })
	if err != nil {
		return err
	}
	lanes := make([]storedLane, 0, len(h.lanes))
	for _, l := range h.lanes {
		lanes = append(lanes, *l)
	}
	return t.putLanes(ctx, op, lanes)
}

func addRef(r *row, ref jobs.Ref) {
	r.add(ref.Kind, string(ref.Tenant), string(ref.Connection), string(ref.Key))
}

// held is what the claims of one call stand for: locked lanes, and the jobs in them as they are.
type held struct {
	lanes map[jobs.Lane]*storedLane
	rows  map[jobs.Ref]*storedJob
}

// row returns the job of a claim that is not lost.
func (h *held) row(c jobs.Claim) (*storedJob, bool) {
	row := h.rows[c.Ref]
	return row, row != nil && row.state == jobs.Running && row.epoch == c.Epoch
}

func (h *held) drop(c jobs.Claim) { delete(h.rows, c.Ref) }

// held runs f in a transaction that has locked the lanes of claims and read their jobs.
func (j Jobs) held(ctx context.Context, op string, shard hub.ShardID, claims []jobs.Claim, f func(context.Context, *tx, *held) error) error {
	if len(claims) == 0 {
		return nil
	}
	lanes, refs := make([]jobs.Lane, len(claims)), make([]jobs.Ref, len(claims))
	for i, c := range claims {
		lanes[i], refs[i] = c.Lane, c.Ref
	}
	return j.s.Do(ctx, shard, func(ctx context.Context, token hub.Tx) error {
		t, err := open(token, op)
		if err != nil {
			return err
		}
		h := &held{rows: make(map[jobs.Ref]*storedJob, len(refs))}
		if h.lanes, err = t.lockLanes(ctx, op, lanes); err != nil {
			return err
		}
		sel := selection{op: op, columns: jobList, table: "jobs" + t.d.dialect.by(primary), keys: jobColumns[:4]}
		err = t.find(ctx, sel, len(refs), func(i int, r *row) { addRef(r, refs[i]) }, func(rows *sql.Rows) error {
			row, err := scanJob(rows)
			h.rows[row.Ref] = &row
			return err
		})
		if err != nil {
			return err
		}
		return f(ctx, t, h)
	})
}

// ended changes a job that runs as the result says, and reports whether it is gone.
func (j *storedJob) ended(r jobs.Result, now time.Time) (gone bool) {
	news, afresh := j.again, micros(j.paused) == unpaused
	j.again, j.paused = time.Time{}, time.Time{}
	if r.Code != "" {
		j.LastCode = r.Code
	}
	switch over := r.Outcome == jobs.Done || r.Outcome == jobs.GivenUp; {
	case over && !news.IsZero():
		j.state, j.DueAt, j.created, j.Attempts, j.Pauses = jobs.Waiting, news, now, 0, 0
	case r.Outcome == jobs.Done:
		return true
	case over:
		j.state, j.DueAt = jobs.Failed, now
	case r.Outcome == jobs.Released:
		j.state, j.DueAt, j.Attempts = jobs.Waiting, now, j.Attempts-1
	default:
		j.state, j.DueAt = jobs.Waiting, now.Add(min(max(r.DueAt.Sub(now), 0), jobs.Horizon))
		j.paused = j.DueAt
		if afresh {
			j.DueAt, j.paused = news, time.Time{}
		}
		if r.Outcome == jobs.PutOff {
			j.Attempts, j.Pauses = j.Attempts-1, j.Pauses+1
		}
	}
	return false
}
