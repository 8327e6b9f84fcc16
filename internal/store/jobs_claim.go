package store

import (
	"cmp"
	"context"
	"database/sql"
	"math"
	"slices"
	"time"

	"hub"
	"hub/internal/jobs"
)

// lanesSeen is how many lanes of a class take part in one division of turns.
const lanesSeen = 256

// looks bounds how often one call looks at lanes that turn out to have less than it seemed, which puts them right.
const looks = 100

const opClaim = "claiming jobs"

// Claim implements jobs.Store. Lanes are looked up outside of the transaction: what they say is a hint, and a hub with
// nothing to do writes nothing.
func (j Jobs) Claim(ctx context.Context, shard hub.ShardID, a jobs.Ask) ([]jobs.Claimed, error) {
	if a.Kind == "" || a.Limit < 1 || a.Lease <= 0 || a.Lease > jobs.MaxLease {
		return nil, hub.Errorf(hub.KindInvalid, opClaim, "a kind, a limit and a lease up to the longest are needed")
	}
	if err := within(opClaim, field{"holder", a.Holder, maxInstance}); err != nil {
		return nil, err
	}
	d, err := j.s.find(ctx, shard)
	if err != nil {
		return nil, err
	}
	for range looks {
		shares, err := d.turns(ctx, a, j.s.cfg.now())
		if err != nil || len(shares) == 0 {
			return nil, err
		}
		var claimed []jobs.Claimed
		err = j.s.Do(ctx, shard, func(ctx context.Context, token hub.Tx) error {
			t, err := open(token, opClaim)
			if err != nil {
				return err
			}
			claimed, err = t.claim(ctx, a, shares)
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(claimed) > 0 {
			return claimed, nil
		}
	}
	return nil, nil
}

// turns divides the lanes that may have work. Where there is none, those that a wrong clock put off are looked for.
func (d *database) turns(ctx context.Context, a jobs.Ask, now time.Time) ([]jobs.Share, error) {
	full := []any{}
	for tenant, n := range a.Running {
		if a.PerTenant > 0 && n >= a.PerTenant {
			full = append(full, string(tenant))
		}
	}
	var turns []jobs.Turn
	look := func(class jobs.Class, index, column string, after, until int64) error {
		query := "SELECT tenant_id, connection_id, " + column + " FROM job_lanes" + d.dialect.by(index) +
			" WHERE kind = ? AND " + column + " > ? AND " + column + " <= ?"
		args := []any{a.Kind, after, until}
		if len(full) > 0 {
			query += " AND tenant_id NOT IN (" + list("?", ",", len(full)) + ")"
			args = append(args, full...)
		}
		query += " ORDER BY " + column + " LIMIT ?"
		return d.query(ctx, opClaim, query, append(args, lanesSeen), func(r *sql.Rows) error {
			t := jobs.Turn{Lane: jobs.Lane{Kind: a.Kind}, Class: class}
			var since int64
			err := r.Scan(&t.Tenant, &t.Connection, &since)
			t.Since = moment(since)
			turns = append(turns, t)
			return err
		})
	}
	both := func(after, until int64) error {
		err := look(jobs.Fresh, "job_lanes_fresh", "fresh_at", after, until)
		if err == nil {
			err = look(jobs.Backfill, "job_lanes_backfill", "backfill_at", after, until)
		}
		return err
	}
	err := both(math.MinInt64, micros(now))
	if err == nil && len(turns) == 0 {
		err = both(micros(now.Add(jobs.Horizon)), idle-1)
	}
	return jobs.Divide(turns, a), err
}

// claim takes jobs of the lanes whose turn it is.
func (t *tx) claim(ctx context.Context, a jobs.Ask, shares []jobs.Share) ([]jobs.Claimed, error) {
	lanes := make([]jobs.Lane, len(shares))
	for i, s := range shares {
		lanes[i] = s.Lane
	}
	locked, err := t.lockLanes(ctx, opClaim, lanes)
	if err != nil {
		return nil, err
	}
	rows, err := t.candidates(ctx, shares)
	if err != nil {
		return nil, err
	}
	var taken []storedJob
	var visited []storedLane
	for _, s := range shares {
		if l := locked[s.Lane]; l != nil {
			taken = append(taken, l.take(rows[s.Lane], s.Most, a, t.now)...)
			visited = append(visited, *l)
		}
	}
	if err := t.putLanes(ctx, opClaim, visited); err != nil {
		return nil, err
	}
	claimed := make([]jobs.Claimed, len(taken))
	for i, row := range taken {
		claimed[i] = jobs.Claimed{Job: row.Job, Epoch: row.epoch, Until: row.DueAt}
		claimed[i].DueAt = time.Time{}
	}
	return claimed, t.putJobs(ctx, opClaim, taken)
}

// candidates reads, of each lane, the jobs that run and the first that wait in each class, one more than may be taken.
func (t *tx) candidates(ctx context.Context, shares []jobs.Share) (map[jobs.Lane][]storedJob, error) {
	const lanesInOne = 16
	from := "SELECT * FROM (SELECT " + jobList + " FROM jobs" + t.d.dialect.by("jobs_due") +
		" WHERE kind = ? AND tenant_id = ? AND connection_id = ? AND state = "
	some := func(state, name string) string { return from + state + ") " + name }
	lane := some("1", "r") + " UNION ALL " + some("0 AND class = 0 ORDER BY due_at LIMIT ?", "f") +
		" UNION ALL " + some("0 AND class = 1 ORDER BY due_at LIMIT ?", "b")
	found := make(map[jobs.Lane][]storedJob, len(shares))
	for start := 0; start < len(shares); {
		size := t.d.dialect.statement.size(len(shares)-start, lanesInOne)
		var args []any
		for _, s := range shares[start : start+size] {
			name := []any{s.Kind, string(s.Tenant), string(s.Connection)}
			args = append(args, name...)
			args = append(append(args, name...), s.Most+1)
			args = append(append(args, name...), s.Most+1)
		}
		err := t.query(ctx, opClaim, list(lane, " UNION ALL ", size), args, func(r *sql.Rows) error {
			j, err := scanJob(r)
			found[j.Lane] = append(found[j.Lane], j)
			return err
		})
		if err != nil {
			return nil, err
		}
		start += size
	}
	return found, nil
}

// inOrder sorts the jobs of a lane: fresh ones first, then by when they are due.
func inOrder(rows []storedJob) []storedJob {
	slices.SortFunc(rows, func(a, b storedJob) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), a.DueAt.Compare(b.DueAt), compareRefs(a.Ref, b.Ref))
	})
	return rows
}

// take leases up to most of a lane's jobs and notes when the lane is to be looked at again.
func (l *storedLane) take(rows []storedJob, most int, a jobs.Ask, now time.Time) (taken []storedJob) {
	live := 0
	for _, j := range rows {
		if j.state == jobs.Running && !jobs.Lapsed(j.DueAt, now) {
			live++
		}
	}
	l.epoch++
	l.next, l.blocked = [2]time.Time{}, false
	for _, j := range inOrder(rows) {
		ready := jobs.Due(j.DueAt, now)
		if j.state == jobs.Running {
			ready = jobs.Lapsed(j.DueAt, now)
		}
		full := a.PerConnection > 0 && live >= a.PerConnection
		switch {
		case !ready:
			l.earlier(j.Class, j.DueAt)
		case full: // looked at again when one of those that run ends, or lapses
			l.blocked = true
		case len(taken) == most:
			l.earlier(j.Class, now)
		default:
			live++
			j.state, j.epoch, j.holder, j.DueAt, j.Attempts = jobs.Running, l.epoch, a.Holder, now.Add(a.Lease), j.Attempts+1
			j.paused, j.again = time.Time{}, time.Time{}
			taken = append(taken, j)
			l.earlier(j.Class, j.DueAt)
		}
	}
	return taken
}
