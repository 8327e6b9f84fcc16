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

// parkedFor is how long a count of parked deliveries is shown before it is made again.
const parkedFor = 15 * time.Second

// standing says how the hub stands, for a scrape.
type standing struct {
	h *Hub

	mu     sync.Mutex
	at     time.Time
	parked []obs.Parking
}

func (s *standing) state(ctx context.Context) obs.State {
	h := s.h
	st := obs.State{Ready: true, Parked: s.countParked(ctx), Log: obs.LogState{Bytes: h.log.Size(), Synced: uint64(h.log.Synced())}}
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

// countParked keeps a count for a while: it reads every shard.
func (s *standing) countParked(ctx context.Context) []obs.Parking {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.h.o.Clock()
	if since := now.Sub(s.at); !s.at.IsZero() && since >= 0 && since < parkedFor {
		return s.parked
	}
	counts, err := s.h.store.Intake().OpenByCode(ctx)
	if err != nil {
		s.h.o.Logger.Debug("counting parked deliveries", "error", err)
		return nil
	}
	s.at, s.parked = now, nil
	for code, n := range counts {
		s.parked = append(s.parked, obs.Parking{Code: code, Count: n})
	}
	return s.parked
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
