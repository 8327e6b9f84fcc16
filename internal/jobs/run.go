package jobs

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"hub"
)

// started is a run with the context of its handler.
type started struct {
	*run
	ctx context.Context
}

// begin takes a claimed job on. Its context ends with its lease.
func (w *Worker) begin(work context.Context, c Claimed, deadline time.Time) started {
	ctx, cancel := context.WithCancelCause(work)
	r := &run{Claimed: c, cancel: cancel}
	most := w.kinds[c.Kind].Most
	if most <= 0 {
		most = MostTime
	}
	r.bound = time.AfterFunc(most, func() { w.tooLong(r) })
	r.alarm = time.AfterFunc(deadline.Sub(w.o.Monotonic()), func() { w.lose(r) })
	w.mu.Lock()
	w.runs[c.Claim()] = r
	w.mu.Unlock()
	return started{r, ctx}
}

// tooLong tells a handler that its time is over. Its lease is extended no more, so that a handler which does not listen
// does not keep the job for ever.
func (w *Worker) tooLong(r *run) {
	w.mu.Lock()
	r.over = true
	w.mu.Unlock()
	r.cancel(ErrTooLong)
}

// lose gives a claim up that may be somebody else's.
func (w *Worker) lose(r *run) {
	w.mu.Lock()
	r.lost = true
	w.mu.Unlock()
	r.cancel(ErrLost)
}

// do runs the handler and hands in what became of it.
func (w *Worker) do(ctx context.Context, r *run) {
	begin := w.o.Monotonic()
	result := Result{Claim: r.Claim(), Outcome: GivenUp, Code: CodeExhausted}
	endless := w.kinds[r.Kind].Endless
	if r.Attempts <= w.o.Retry.Attempts || endless && r.Attempts%2 == 0 { // the other times it only pauses: it may be what kills hubs
		err := w.call(ctx, r.Job)
		if err != nil && errors.Is(context.Cause(ctx), ErrTooLong) {
			err = &hub.Error{Kind: hub.KindInternal, Code: CodeTooLong, Op: "doing a job", Subject: r.Kind}
		}
		w.mu.Lock()
		result = w.o.Retry.Result(r.Claimed, err, w.o.Clock())
		w.mu.Unlock()
		if err != nil && errors.Is(context.Cause(ctx), ErrStopping) {
			result = Result{Claim: r.Claim(), Outcome: Released}
		}
	}
	if endless && result.Outcome == GivenUp {
		result.Outcome, result.DueAt = Later, w.o.Clock().Add(w.o.Retry.Most)
	}
	r.bound.Stop()
	w.mu.Lock()
	w.ready = append(w.ready, result)
	outcome := result.Outcome.String()
	if r.lost {
		outcome = "lost"
	}
	w.mu.Unlock()
	if w.o.Ended != nil {
		w.o.Ended(r.Kind, outcome, w.o.Monotonic().Sub(begin))
	}
	ring(w.ended)
}

// call turns a panic into a failure of this one job, and logs where it was: what was panicked with may hold anything.
func (w *Worker) call(ctx context.Context, j Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &hub.Error{Kind: hub.KindInternal, Code: CodePanicked, Op: "doing a job", Subject: j.Kind}
			w.o.Logger.Error("the handler of a job panicked", "shard", w.shard, "kind", j.Kind, "with", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		}
	}()
	return w.kinds[j.Kind].Handle(ctx, j)
}

// reportAgain is how long a report waits after one that did not succeed.
const reportAgain = time.Second

// report tells the store what became of jobs: all that ended while the report before was on its way share one. A slot is
// free again when its report is in the store. When the hub stops what cannot be reported is left to lapse.
func (w *Worker) report(calls context.Context, quiet <-chan struct{}) {
	last := false
	for !last {
		select {
		case <-w.ended:
		case <-quiet:
			last = true
		}
		for !w.reported(calls) && !last {
			select {
			case <-time.After(reportAgain):
			case <-quiet:
				last = true
			}
		}
	}
}

// reported sends one report and says whether nothing of it is left to be sent.
func (w *Worker) reported(calls context.Context) bool {
	w.mu.Lock()
	results := slices.DeleteFunc(w.ready, func(r Result) bool {
		lost := w.runs[r.Claim].lost
		if lost {
			delete(w.runs, r.Claim)
		}
		return lost
	})
	w.ready = nil
	w.mu.Unlock()
	defer w.Wake()
	if len(results) == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(calls, storeWithin)
	defer cancel()
	_, err := w.store.Finish(ctx, w.shard, results) // what is lost was done again, or will be
	w.trouble(calls, "reporting jobs", err)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.ready = append(w.ready, results...)
		return false
	}
	for _, r := range results {
		w.runs[r.Claim].alarm.Stop()
		w.runs[r.Claim].cancel(nil)
		delete(w.runs, r.Claim)
	}
	return true
}

// extend keeps the leases of everything that is not reported yet and has not taken too long.
func (w *Worker) extend(calls context.Context, quiet <-chan struct{}) {
	tick := time.NewTicker(w.o.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-quiet:
			return
		case <-tick.C:
		}
		w.mu.Lock()
		var claims []Claim
		for c, r := range w.runs {
			if !r.lost && !r.over {
				claims = append(claims, c)
			}
		}
		w.mu.Unlock()
		if len(claims) > 0 {
			w.extendAll(calls, claims)
		}
	}
}

func (w *Worker) extendAll(calls context.Context, claims []Claim) {
	ctx, cancel := context.WithTimeout(calls, min(storeWithin, w.o.Lease/3))
	defer cancel()
	deadline := w.o.Monotonic().Add(w.o.Lease)
	lost, err := w.store.Extend(ctx, w.shard, claims, w.o.Lease)
	w.trouble(calls, "extending leases", err)
	if err != nil {
		return
	}
	for _, c := range claims {
		w.mu.Lock()
		r := w.runs[c]
		w.mu.Unlock()
		switch {
		case r == nil: // reported meanwhile
		case slices.Contains(lost, c):
			w.lose(r)
		case r.alarm.Stop(): // it has not rung
			r.alarm.Reset(deadline.Sub(w.o.Monotonic()))
		}
	}
}
