package jobstest

import (
	"time"

	"hub"
	"hub/internal/jobs"
)

// entry is one job as the contract has it.
type entry struct {
	jobs.Job
	State  jobs.State
	Again  time.Time
	Paused time.Time
	Afresh bool // news that came while it runs heed no pause
	Epoch  int64
	Until  time.Time
	Holder string // of the last claim
}

// book is all jobs, and what the contract says of each step.
type book map[jobs.Ref]*entry

func (b book) clone() book {
	c := make(book, len(b))
	for ref, e := range b {
		own := *e
		c[ref] = &own
	}
	return c
}

func (b book) enqueue(j jobs.Job, now time.Time) {
	if j.DueAt.IsZero() {
		j.DueAt = now
	}
	e := b[j.Ref]
	fresh := jobs.Job{Ref: j.Ref, Class: j.Class, DueAt: j.DueAt, Payload: j.Payload, CreatedAt: now}
	if e == nil {
		b[j.Ref] = &entry{Job: fresh}
		return
	}
	e.Payload = j.Payload
	switch e.State {
	case jobs.Failed:
		fresh.LastCode = e.LastCode
		*e = entry{Job: fresh, Epoch: e.Epoch}
	case jobs.Running:
		e.Class = min(e.Class, j.Class)
		e.Afresh = e.Afresh || j.Afresh
		if e.Again.IsZero() || j.DueAt.Before(e.Again) {
			e.Again = j.DueAt
		}
	case jobs.Waiting:
		e.Class = min(e.Class, j.Class)
		if j.Afresh {
			e.Paused = time.Time{}
		}
		if j.DueAt.Before(e.DueAt) {
			e.DueAt = j.DueAt
		}
		if e.DueAt.Before(e.Paused) {
			e.DueAt = e.Paused
		}
	}
}

// ready says whether a job can be claimed.
func (e *entry) ready(now time.Time) bool {
	return e.State == jobs.Waiting && jobs.Due(e.DueAt, now) || e.State == jobs.Running && jobs.Lapsed(e.Until, now)
}

func (e *entry) claim(epoch int64, until time.Time) {
	e.State, e.Epoch, e.Until, e.Again, e.Paused, e.Afresh = jobs.Running, epoch, until, time.Time{}, time.Time{}, false
	e.Attempts++
}

// holds says whether a claim is not lost.
func (b book) holds(c jobs.Claim) bool {
	e := b[c.Ref]
	return e != nil && e.State == jobs.Running && e.Epoch == c.Epoch
}

func (b book) finish(r jobs.Result, now time.Time) bool {
	if !b.holds(r.Claim) {
		return false
	}
	e := b[r.Ref]
	news, afresh := e.Again, e.Afresh
	e.Again, e.Paused, e.Afresh = time.Time{}, time.Time{}, false
	if r.Code != "" {
		e.LastCode = r.Code
	}
	over := r.Outcome == jobs.Done || r.Outcome == jobs.GivenUp
	switch {
	case over && !news.IsZero():
		e.State, e.DueAt, e.CreatedAt, e.Attempts, e.Pauses = jobs.Waiting, news, now, 0, 0
	case r.Outcome == jobs.Done:
		delete(b, r.Ref)
	case over:
		e.State = jobs.Failed
	case r.Outcome == jobs.Released:
		e.State, e.DueAt = jobs.Waiting, now
		e.Attempts--
	default:
		e.State, e.DueAt = jobs.Waiting, r.DueAt
		if e.DueAt.Before(now) {
			e.DueAt = now
		}
		if latest := now.Add(jobs.Horizon); e.DueAt.After(latest) {
			e.DueAt = latest
		}
		e.Paused = e.DueAt
		if afresh {
			e.DueAt, e.Paused = news, time.Time{}
		}
		if r.Outcome == jobs.PutOff {
			e.Attempts--
			e.Pauses++
		}
	}
	return true
}

// running counts live claims of a lane.
func (b book) running(l jobs.Lane, now time.Time) (n int) {
	for _, e := range b {
		if e.Lane == l && e.State == jobs.Running && !jobs.Lapsed(e.Until, now) {
			n++
		}
	}
	return n
}

// check is what Enqueue refuses.
func check(j jobs.Job, now time.Time) error {
	switch {
	case j.Kind == "" || j.Class > jobs.Backfill, len(j.Kind) > 64, len(j.Tenant) > 40, len(j.Connection) > 40, len(j.Key) > 128,
		len(j.Payload) > jobs.MaxPayload, j.DueAt.Sub(now) > jobs.Horizon:
		return &hub.Error{Kind: hub.KindInvalid, Op: "enqueuing jobs"}
	}
	return nil
}
