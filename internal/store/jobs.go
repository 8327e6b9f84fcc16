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

// Jobs implements jobs.Queue and jobs.Store.
//
// Whoever changes jobs locks their lanes first, in the order of the key, so that everything about a lane happens in turn on
// all databases alike: rows are read, decided upon here, and written back.
type Jobs struct{ s *Store }

var (
	_ jobs.Queue = Jobs{}
	_ jobs.Store = Jobs{}
	_ jobs.Heir  = Jobs{}
)

// Jobs returns the work for later on all shards.
func (s *Store) Jobs() Jobs { return Jobs{s} }

var jobColumns = []string{"kind", "tenant_id", "connection_id", "job_key", "state", "class", "due_at", "again_at", "paused_until",
	"attempts", "pauses", "epoch", "holder", "last_code", "created_at", "payload"}

const jobNames = "kind, tenant_id, connection_id, job_key"

// jobList is jobColumns for a SELECT.
const jobList = jobNames + ", state, class, due_at, again_at, paused_until, attempts, pauses, epoch, holder, last_code, created_at, payload"

// idle is when the next job of a lane without any can be had.
const idle = math.MaxInt64

func compareLanes(a, b jobs.Lane) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Connection, b.Connection))
}

func compareRefs(a, b jobs.Ref) int {
	return cmp.Or(compareLanes(a.Lane, b.Lane), cmp.Compare(a.Key, b.Key))
}

// Enqueue implements jobs.Queue.
func (Jobs) Enqueue(ctx context.Context, token hub.Tx, list []jobs.Job) error {
	const op = "enqueuing jobs"
	t, err := open(token, op)
	if err != nil {
		return err
	}
	sorted := slices.Clone(list)
	for i := range sorted {
		j := &sorted[i]
		if err := t.owns(op, j.Tenant); err != nil {
			return err
		}
		if j.DueAt.IsZero() {
			j.DueAt = t.now
		}
		if err := checkJob(op, *j, t.now); err != nil {
			return t.poison(err)
		}
	}
	slices.SortStableFunc(sorted, func(a, b jobs.Job) int { return compareRefs(a.Ref, b.Ref) })
	if err := t.wakeLanes(ctx, op, sorted); err != nil {
		return err
	}
	if err := t.freshen(ctx, op, sorted); err != nil {
		return err
	}
	in := insertion{op: op, table: "jobs", columns: jobColumns, tail: t.d.dialect.coalesce()}
	err = t.insert(ctx, in, len(sorted), func(i int, r *row) {
		j := &sorted[i]
		addJob(r, storedJob{Job: *j, created: t.now})
	})
	if shard := t.d.shard; err == nil && len(list) > 0 {
		t.OnCommit(func() { t.s.cfg.OnJobs(shard) })
	}
	return err
}

// unpaused is a pause that ended long ago. Of a job that runs it says that the news which came meanwhile heed no pause.
const unpaused = 1

// freshen takes the pauses of jobs away that come afresh. Their lanes are locked.
func (t *tx) freshen(ctx context.Context, op string, list []jobs.Job) error {
	for _, j := range list {
		if !j.Afresh {
			continue
		}
		_, err := t.exec(ctx, op, "UPDATE jobs SET paused_until = ? WHERE kind = ? AND tenant_id = ? AND connection_id = ? AND job_key = ?",
			unpaused, j.Kind, string(j.Tenant), string(j.Connection), string(j.Key))
		if err != nil {
			return err
		}
	}
	return nil
}

func checkJob(op string, j jobs.Job, now time.Time) error {
	switch {
	case j.Kind == "" || j.Class > jobs.Backfill:
		return hub.Errorf(hub.KindInvalid, op, "a job without a kind or of an unknown class")
	case j.DueAt.Sub(now) > jobs.Horizon:
		return hub.Errorf(hub.KindInvalid, op, "a job is scheduled beyond the horizon")
	}
	return within(op, field{"kind", j.Kind, maxCode}, field{"tenant_id", string(j.Tenant), maxID}, field{"connection_id", string(j.Connection), maxID},
		field{"job_key", string(j.Key), maxExternal}, field{"payload", string(j.Payload), jobs.MaxPayload})
}

// coalesce ends the INSERT of jobs that may exist. MySQL assigns from left to right, so what others ask for comes last.
func (d *dialect) coalesce() string {
	due, class, now := d.fresh("due_at"), d.fresh("class"), d.fresh("created_at")
	failed := func(column, then, otherwise string) string {
		return column + " = CASE WHEN jobs.state = 2 THEN " + then + " ELSE " + otherwise + " END, "
	}
	return d.onDuplicate(jobNames,
		"again_at = CASE WHEN jobs.state <> 1 THEN 0 WHEN jobs.again_at = 0 THEN "+due+" ELSE "+d.smaller+"(jobs.again_at, "+due+") END, "+
			"due_at = CASE jobs.state WHEN 0 THEN "+d.larger+"("+d.smaller+"(jobs.due_at, "+due+"), jobs.paused_until)"+
			" WHEN 1 THEN jobs.due_at ELSE "+due+" END, "+
			failed("class", class, d.smaller+"(jobs.class, "+class+")")+
			failed("attempts", "0", "jobs.attempts")+failed("pauses", "0", "jobs.pauses")+failed("created_at", now, "jobs.created_at")+
			"payload = "+d.fresh("payload")+", state = CASE jobs.state WHEN 2 THEN 0 ELSE jobs.state END")
}

// storedJob is a row of jobs.
type storedJob struct {
	jobs.Job // DueAt of a running one is the end of its lease
	state    jobs.State
	again    time.Time
	paused   time.Time
	epoch    int64
	holder   string
	created  time.Time
}

func addJob(r *row, j storedJob) {
	r.add(j.Kind, string(j.Tenant), string(j.Connection), string(j.Key), int64(j.state), int64(j.Class), micros(j.DueAt), micros(j.again),
		micros(j.paused), int64(j.Attempts), int64(j.Pauses), j.epoch, j.holder, string(j.LastCode), micros(j.created), notNull(j.Payload))
}

func scanJob(r *sql.Rows) (j storedJob, err error) {
	var due, again, paused, created int64
	err = r.Scan(&j.Kind, &j.Tenant, &j.Connection, &j.Key, &j.state, &j.Class, &due, &again, &paused,
		&j.Attempts, &j.Pauses, &j.epoch, &j.holder, &j.LastCode, &created, &j.Payload)
	j.DueAt, j.again, j.paused, j.created = moment(due), moment(again), moment(paused), moment(created)
	j.CreatedAt = j.created
	if len(j.Payload) == 0 {
		j.Payload = nil
	}
	return j, err
}

// putJobs writes rows back that exist.
func (t *tx) putJobs(ctx context.Context, op string, rows []storedJob) error {
	slices.SortFunc(rows, func(a, b storedJob) int { return compareRefs(a.Ref, b.Ref) })
	in := insertion{op: op, table: "jobs", columns: jobColumns, tail: t.d.dialect.upsert(jobNames, jobColumns[4:]...)}
	return t.insert(ctx, in, len(rows), func(i int, r *row) { addJob(r, rows[i]) })
}

// Counts implements jobs.Store. What a crash may take back is counted, too.
func (j Jobs) Counts(ctx context.Context) ([]jobs.Count, error) {
	type group struct {
		kind  string
		state jobs.State
	}
	counts := map[group]int64{}
	for _, shard := range j.s.ShardIDs() {
		d, err := j.s.find(ctx, shard)
		if err != nil {
			return nil, err
		}
		query := "SELECT kind, state, COUNT(*) FROM jobs" + d.dialect.by("jobs_due") + " GROUP BY kind, state"
		err = d.query(ctx, "counting jobs", query, nil, func(r *sql.Rows) error {
			var g group
			var n int64
			err := r.Scan(&g.kind, &g.state, &n)
			counts[g] += n
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	list := make([]jobs.Count, 0, len(counts))
	for g, n := range counts {
		list = append(list, jobs.Count{Kind: g.kind, State: g.state, Jobs: n})
	}
	slices.SortFunc(list, func(a, b jobs.Count) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.State, b.State)) })
	return list, nil
}
