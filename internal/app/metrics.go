package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/internal/httpapi"
	"hub/internal/intake"
	"hub/internal/obs"
	"hub/internal/wal"
)

// countedFor is how long a count that reads every shard is shown before it is made again.
const countedFor = 15 * time.Second

// standing says how the hub stands, for a scrape.
type standing struct {
	h      *Hub
	parked counted[obs.Parking]
	jobs   counted[obs.Jobs]
}

// counted is a count that is kept for a while.
type counted[T any] struct {
	mu   sync.Mutex
	at   time.Time
	list []T
}

// get returns the count, made by count when it is older than that; nil when it cannot be made.
func (c *counted[T]) get(now time.Time, count func() ([]T, error)) ([]T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if since := now.Sub(c.at); !c.at.IsZero() && since >= 0 && since < countedFor {
		return c.list, nil
	}
	list, err := count()
	if err != nil {
		return nil, err
	}
	c.at, c.list = now, list
	return list, nil
}

func (s *standing) state(ctx context.Context) obs.State {
	h := s.h
	st := obs.State{Ready: true, Parked: s.countParked(ctx), Jobs: s.countJobs(ctx), Calls: h.calls.sums(), Log: obs.LogState{Bytes: h.log.Size(), Synced: uint64(h.log.Synced())}}
	for _, p := range h.problems(ctx) {
		st.Ready = st.Ready && !p.Blocks
		if !slices.Contains(st.Problems, p.Part) {
			st.Problems = append(st.Problems, p.Part)
		}
	}
	for i, d := range h.drainers {
		drain := d.Status()
		shard := obs.Shard{ID: drain.Shard, Retrying: drain.Retrying, Waiting: drain.Waiting, Drained: drain.Lag}
		shard.BacklogRecords, shard.BacklogBytes = h.cursors[i].Backlog()
		h.measureRelay(&shard)
		st.Shards = append(st.Shards, shard)
	}
	return st
}

func (s *standing) countParked(ctx context.Context) []obs.Parking {
	list, err := s.parked.get(s.h.o.Clock(), func() (list []obs.Parking, err error) {
		counts, err := s.h.store.Intake().OpenByCode(ctx)
		for code, n := range counts {
			list = append(list, obs.Parking{Code: code, Count: n})
		}
		return list, err
	})
	s.uncounted("parked deliveries", err)
	return list
}

func (s *standing) countJobs(ctx context.Context) []obs.Jobs {
	list, err := s.jobs.get(s.h.o.Clock(), func() (list []obs.Jobs, err error) {
		counts, err := s.h.store.Jobs().Counts(ctx)
		for _, c := range counts {
			list = append(list, obs.Jobs{Kind: c.Kind, State: c.State.String(), Count: c.Jobs})
		}
		return list, err
	})
	s.uncounted("jobs", err)
	return list
}

func (s *standing) uncounted(what string, err error) {
	if err != nil {
		s.h.o.Logger.Debug("counting for a scrape", "what", what, "error", err)
	}
}

// measuredDoor counts deliveries at the door.
type measuredDoor struct {
	httpapi.Door
	platforms map[hub.Platform]driver.Storefront
	metrics   *obs.Metrics
}

// otherPlatform counts what was sent to platforms that there are not.
const otherPlatform hub.Platform = "other"

func (d measuredDoor) Accept(ctx context.Context, r intake.Request) error {
	begin := time.Now()
	err := d.Door.Accept(ctx, r)
	platform := r.Platform
	if _, known := d.platforms[platform]; !known {
		platform = otherPlatform
	}
	d.metrics.Delivery(platform, err, time.Since(begin))
	return err
}

// measuredLog counts appends.
type measuredLog struct {
	intake.Appender
	metrics *obs.Metrics
}

func (l measuredLog) Append(ctx context.Context, payload []byte) (wal.Index, error) {
	begin := time.Now()
	i, err := l.Appender.Append(ctx, payload)
	l.metrics.Append(err, time.Since(begin))
	return i, err
}

// measuredShards counts transactions.
type measuredShards struct {
	hub.Shards
	metrics *obs.Metrics
}

func (s measuredShards) Do(ctx context.Context, shard hub.ShardID, f func(context.Context, hub.Tx) error) error {
	begin := time.Now()
	err := s.Shards.Do(ctx, shard, f)
	s.metrics.Transaction(shard, err, time.Since(begin))
	return err
}
