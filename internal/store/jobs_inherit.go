package store

import (
	"context"
	"database/sql"
	"slices"

	"hub"
	"hub/internal/jobs"
)

// inheritAtOnce bounds the jobs of one transaction.
const inheritAtOnce = 200

// Inherit implements jobs.Heir. Which jobs run is looked up outside of the transaction, in the index alone; whose they are is
// seen under the locks of their lanes. What the former life has still under way in the database holds these locks, too.
func (j Jobs) Inherit(ctx context.Context, shard hub.ShardID, holder string) (n int64, err error) {
	const op = "taking over leases of jobs"
	d, err := j.s.find(ctx, shard)
	if err != nil {
		return 0, err
	}
	var running []jobs.Claim
	query := "SELECT " + jobNames + " FROM jobs" + d.dialect.by("jobs_due") + " WHERE state = 1"
	err = d.query(ctx, op, query, nil, func(r *sql.Rows) error {
		var c jobs.Claim
		err := r.Scan(&c.Kind, &c.Tenant, &c.Connection, &c.Key)
		running = append(running, c)
		return err
	})
	for part := range slices.Chunk(running, inheritAtOnce) {
		if err != nil {
			break
		}
		var ended int64
		err = j.held(ctx, op, shard, part, func(ctx context.Context, t *tx, h *held) error {
			rows := h.inherit(part, holder, t)
			ended = int64(len(rows))
			return t.settle(ctx, op, h, rows, nil)
		})
		if err == nil {
			n += ended
		}
	}
	return n, err
}

// inherit ends the leases of a holder, and has their lanes looked at.
func (h *held) inherit(running []jobs.Claim, holder string, t *tx) (rows []storedJob) {
	for _, c := range running {
		row := h.rows[c.Ref]
		if row == nil || row.state != jobs.Running || row.holder != holder || jobs.Lapsed(row.DueAt, t.now) {
			continue
		}
		row.DueAt = t.now
		lane := h.lanes[c.Lane]
		lane.blocked = false
		lane.earlier(jobs.Fresh, t.now) // those that wait for this one may be of either class
		lane.earlier(jobs.Backfill, t.now)
		rows = append(rows, *row)
	}
	return rows
}
