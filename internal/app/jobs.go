package app

import (
	"context"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"hub"
	"hub/internal/connect"
	"hub/internal/jobs"
)

// Times of the work for later.
const (
	jobLease = 30 * time.Second // after which another hub takes what a dead one was doing
	jobPoll  = 5 * time.Second  // how late a due job is found that nobody rang for
	jobGrace = 4 * time.Second  // for jobs under way when the hub stops, beside the drain
)

// kinds are the jobs that this hub does. Those of another kind wait, and are counted.
func (h *Hub) kinds() map[string]jobs.Kind {
	all := map[string]jobs.Kind{connect.JobCheck: h.checks(h.connect.DoCheck), connect.JobHeard: h.checks(h.connect.Heard)}
	maps.Copy(all, h.fetches())
	maps.Copy(all, h.reconciles())
	maps.Copy(all, h.o.Jobs)
	return h.tracedJobs(all)
}

// openJobs makes a worker for each shard.
func (h *Hub) openJobs(context.Context) error {
	h.workers = map[hub.ShardID]*jobs.Worker{}
	o := jobs.Options{
		Holder: h.instance.id, Heir: h.store.Jobs(), Clock: h.o.Clock, Monotonic: time.Now, Logger: h.o.Logger,
		Lease: jobLease, PollMost: jobPoll, Grace: jobGrace, Ended: h.metrics.Job,
		Retry: jobs.Retry{
			First: 2 * time.Second, Most: 15 * time.Minute, Attempts: 10,
			Jitter: func(d time.Duration) time.Duration { return rand.N(d + 1) },
		},
	}
	for _, shard := range h.store.Map().Shards() {
		h.workers[shard] = jobs.NewWorker(shard, h.store.Jobs(), h.kinds(), o)
	}
	return nil
}

// enqueued is told after each commit that left work for later.
func (h *Hub) enqueued(shard hub.ShardID) {
	if w := h.workers[shard]; w != nil {
		w.Wake()
	}
}

// work does the work for later until ctx ends, and then as long as jobs.Worker says.
func (h *Hub) work(ctx context.Context) {
	var all sync.WaitGroup
	for _, w := range h.workers {
		all.Go(func() { w.Run(ctx) })
	}
	all.Wait()
}
