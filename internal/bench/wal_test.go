package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hub/internal/bench/baseline"
	"hub/internal/wal"
)

const (
	appenders   = 64
	recordBytes = 256
	segment     = 32 << 20 // of a serving hub
)

// appendFor appends records from n goroutines until the duration is over.
func appendFor(tb testing.TB, d time.Duration, n int, add func([]byte) error) rate {
	tb.Helper()
	var stop atomic.Bool
	var total atomic.Int64
	var failed atomic.Pointer[error]
	timer := time.AfterFunc(d, func() { stop.Store(true) })
	defer timer.Stop()
	var workers sync.WaitGroup
	clock := start()
	for range n {
		workers.Go(func() {
			payload, count := make([]byte, recordBytes), int64(0)
			for !stop.Load() {
				if err := add(payload); err != nil {
					failed.Store(&err)
					return
				}
				count++
			}
			total.Add(count)
		})
	}
	workers.Wait()
	r := clock.rate(total.Load())
	if err := failed.Load(); err != nil {
		tb.Fatal(*err)
	}
	return r
}

func appendLog(d time.Duration) func(testing.TB) rate {
	return func(tb testing.TB) rate {
		l, err := wal.Open(folder(tb), wal.Options{Now: time.Now, SegmentBytes: segment})
		if err != nil {
			tb.Fatal(err)
		}
		r := appendFor(tb, d, appenders, func(p []byte) error {
			_, err := l.Append(context.Background(), p)
			return err
		})
		if err := l.Close(); err != nil {
			tb.Fatal(err)
		}
		return r
	}
}

func appendBare(d time.Duration) func(testing.TB) rate {
	return func(tb testing.TB) rate {
		g, err := baseline.NewGroupCommit(folder(tb), segment)
		if err != nil {
			tb.Fatal(err)
		}
		r := appendFor(tb, d, appenders, g.Append)
		if err := g.Close(); err != nil {
			tb.Fatal(err)
		}
		return r
	}
}

func appendEach(d time.Duration) func(testing.TB) rate {
	return func(tb testing.TB) rate {
		s, err := baseline.NewSyncEach(folder(tb), segment)
		if err != nil {
			tb.Fatal(err)
		}
		r := appendFor(tb, d, 1, s.Append)
		if err := s.Close(); err != nil {
			tb.Fatal(err)
		}
		return r
	}
}

func walComparisons(d time.Duration) []comparison {
	return []comparison{
		{
			name: "WAL append, 256 B, 64 appenders", unit: "records/s", against: "bare group commit, same preallocation",
			demanded: 0.80, known: known{what: "64 writers, one fdatasync, preallocated", value: 249_000},
			ours: appendLog(d), baseline: appendBare(d),
		},
		{
			name: "WAL append, 256 B, 64 appenders", unit: "records/s", against: "one fdatasync a record, preallocated",
			demanded: 15, known: known{what: "one writer, preallocated", value: 8_500},
			ours: appendLog(d), baseline: appendEach(d),
		},
	}
}
