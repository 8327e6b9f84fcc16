package app

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/internal/jobs"
)

// idle is a store without jobs that counts how often it is asked.
type idle struct {
	jobs.Store
	asked chan struct{}
}

func (s idle) Claim(context.Context, hub.ShardID, jobs.Ask) ([]jobs.Claimed, error) {
	s.asked <- struct{}{}
	return nil, nil
}

// TestEnqueuedWakes: a commit that left work has the worker of its shard look at once, and no other's.
func TestEnqueuedWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Hub{workers: map[hub.ShardID]*jobs.Worker{}}
		asked := map[hub.ShardID]chan struct{}{}
		for _, shard := range []hub.ShardID{"s0", "s1"} {
			asked[shard] = make(chan struct{}, 10_000)
			h.workers[shard] = jobs.NewWorker(shard, idle{asked: asked[shard]}, map[string]jobs.Kind{"k": {Slots: 1}}, jobs.Options{
				Holder: "hub-1", Clock: time.Now, Monotonic: time.Now, Logger: slog.New(slog.DiscardHandler), Lease: time.Minute, PollMost: jobPoll, Grace: jobGrace,
			})
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { h.work(ctx); close(ended) }()
		<-time.After(time.Hour + time.Second/2) // between two looks
		synctest.Wait()
		before := map[hub.ShardID]int{"s0": len(asked["s0"]), "s1": len(asked["s1"])}
		h.enqueued("s1")
		h.enqueued("s9") // of another router's map
		synctest.Wait()
		if len(asked["s0"]) != before["s0"] || len(asked["s1"]) != before["s1"]+1 {
			t.Errorf("looked %d and %d times, before %v", len(asked["s0"]), len(asked["s1"]), before)
		}
		cancel()
		<-ended
	})
}
