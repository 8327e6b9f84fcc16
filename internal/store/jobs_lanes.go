package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"hub/internal/jobs"
)

// storedLane is a row of job_lanes. A time that is zero is idle.
type storedLane struct {
	jobs.Lane
	epoch   int64
	next    [2]time.Time // by class: not after its first job can be had
	blocked bool
}

var laneColumns = []string{"kind", "tenant_id", "connection_id", "epoch", "fresh_at", "backfill_at", "blocked"}

const (
	laneNames = "kind, tenant_id, connection_id"
	laneList  = laneNames + ", epoch, fresh_at, backfill_at, blocked"
)

// never is micros for lanes.
func never(at time.Time) int64 {
	if at.IsZero() {
		return idle
	}
	return micros(at)
}

func addLane(r *row, l storedLane) {
	r.add(l.Kind, string(l.Tenant), string(l.Connection), l.epoch, never(l.next[jobs.Fresh]), never(l.next[jobs.Backfill]), flag(l.blocked))
}

func scanLane(r *sql.Rows) (l storedLane, err error) {
	var next [2]int64
	err = r.Scan(&l.Kind, &l.Tenant, &l.Connection, &l.epoch, &next[0], &next[1], &l.blocked)
	for i, at := range next {
		if at != idle {
			l.next[i] = moment(at)
		}
	}
	return l, err
}

// earlier has the lane looked at by then.
func (l *storedLane) earlier(c jobs.Class, at time.Time) {
	if l.next[c].IsZero() || at.Before(l.next[c]) {
		l.next[c] = at
	}
}

// wakeLanes locks the lanes of sorted jobs and has them looked at when the jobs are due.
func (t *tx) wakeLanes(ctx context.Context, op string, sorted []jobs.Job) error {
	var lanes []storedLane
	for _, j := range sorted {
		if n := len(lanes); n == 0 || lanes[n-1].Lane != j.Lane {
			lanes = append(lanes, storedLane{Lane: j.Lane})
		}
		lanes[len(lanes)-1].earlier(j.Class, j.DueAt)
	}
	d := t.d.dialect
	sooner := func(column string) string {
		return column + " = " + d.smaller + "(job_lanes." + column + ", " + d.fresh(column) + ")"
	}
	in := insertion{op: op, table: "job_lanes", columns: laneColumns, tail: d.onDuplicate(laneNames, sooner("fresh_at")+", "+sooner("backfill_at"))}
	return t.insert(ctx, in, len(lanes), func(i int, r *row) { addLane(r, lanes[i]) })
}

// lockLanes locks those of the lanes that exist and returns them, until the end of the transaction.
func (t *tx) lockLanes(ctx context.Context, op string, lanes []jobs.Lane) (map[jobs.Lane]*storedLane, error) {
	sorted := slices.Clone(lanes)
	slices.SortFunc(sorted, compareLanes)
	sorted = slices.Compact(sorted)
	found := make(map[jobs.Lane]*storedLane, len(sorted))
	sel := selection{op: op, columns: laneList, table: "job_lanes" + t.d.dialect.by(primary),
		keys: []string{"kind", "tenant_id", "connection_id"}, tail: t.d.dialect.forUpdate}
	err := t.find(ctx, sel, len(sorted), func(i int, r *row) {
		r.add(sorted[i].Kind, string(sorted[i].Tenant), string(sorted[i].Connection))
	}, func(rows *sql.Rows) error {
		l, err := scanLane(rows)
		found[l.Lane] = &l
		return err
	})
	return found, err
}

// putLanes writes lanes back that are locked.
func (t *tx) putLanes(ctx context.Context, op string, lanes []storedLane) error {
	slices.SortFunc(lanes, func(a, b storedLane) int { return compareLanes(a.Lane, b.Lane) })
	in := insertion{op: op, table: "job_lanes", columns: laneColumns, tail: t.d.dialect.upsert(laneNames, laneColumns[3:]...)}
	return t.insert(ctx, in, len(lanes), func(i int, r *row) { addLane(r, lanes[i]) })
}
