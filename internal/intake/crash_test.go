package intake

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"hub"
	"hub/internal/wal"
	"hub/internal/wal/waltest"
)

// mortal is what a process that dies at some call leaves: after it nothing it does has an effect any more.
type mortal struct {
	*memory
	cursor Cursor
	dead   atomic.Bool
	die    func(call int) fault // fine lives on; lost dies before the commit, kept after it
	calls  atomic.Int64
	died   chan struct{}
}

func (m *mortal) Do(ctx context.Context, shard hub.ShardID, f func(context.Context, hub.Tx) error) error {
	what := fine
	if !m.dead.Load() {
		what = m.die(int(m.calls.Add(1)))
	}
	if what == fine && !m.dead.Load() {
		return m.memory.Do(ctx, shard, f)
	}
	if what == kept {
		_ = m.memory.Do(ctx, shard, f)
	}
	if m.dead.CompareAndSwap(false, true) {
		close(m.died)
	}
	return &hub.Error{Kind: hub.KindUnavailable, Op: "being dead"}
}

func (m *mortal) At() wal.Index { return m.cursor.At() }

func (m *mortal) Advance(to wal.Index) error {
	if m.dead.Load() {
		return errDisk
	}
	return m.cursor.Advance(to)
}

// life runs one drainer until it dies or everything is drained, and reports whether it died at work.
func (r *rig) life(random *rand.Rand, mayDie bool) (killed bool) {
	at := 1 + random.IntN(3)
	what := []fault{lost, kept}[random.IntN(2)]
	m := &mortal{memory: r.store, cursor: r.cursor("s1"), died: make(chan struct{}), die: func(call int) fault {
		if mayDie && call == at {
			return what
		}
		return fine
	}}
	pipeline := *r.pipeline
	pipeline.Shards = m
	d := &Drainer{
		Shard: "s1", Log: r.log, Cursor: m, Key: r.key, Pipeline: &pipeline, Clock: now,
		Logger: slog.New(slog.NewTextHandler(r.journal, nil)),
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended, drained := make(chan error, 1), make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	go func() { drained <- d.WaitFor(ctx, r.log.Synced()) }()
	select {
	case <-m.died:
		killed = true
	case <-drained:
		if random.IntN(2) == 0 { // killed while idle: the cursor is not saved
			m.dead.Store(true)
		}
	}
	synctest.Wait()
	cancel()
	<-ended
	return killed
}

// restart ends the process, or the power, or nothing.
func (r *rig) restart(random *rand.Rand) {
	r.t.Helper()
	next, old := r.fs.(*waltest.CrashFS), r.log
	switch random.IntN(3) {
	case 0:
		next = next.Kill()
	case 1:
		next = next.Crash()
	}
	if err := old.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.fs = next
	r.open()
}

// A drainer may die at any transaction, before or after its commit, and with any cursor, and the process or the power with
// it: after it came back often enough
// each delivery has had its effect exactly once.
func TestDrillCrashes(t *testing.T) {
	histories := 40
	if os.Getenv("HUB_DRILL") != "" {
		histories = 3000
	}
	lives, deaths, deliveries := 0, 0, 0
	for seed := range histories {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, newMemory("s1", "s2"), waltest.New(uint64(seed)))
			defer r.close()
			random := rand.New(rand.NewPCG(uint64(seed), 7))
			good, bad := 0, 0
			for generation := range 6 {
				for range random.IntN(12) {
					switch random.IntN(5) {
					case 0:
						r.deliver("a", fmt.Sprint("bad-", bad), fmt.Sprintf("shop-a bad bad-%d 1", bad))
						bad++
					case 1: // a copy of something, or something of another shard
						r.orders("a", random.IntN(good+1), 1)
						good = max(good, 1)
						r.orders("a", 0, 1)
						r.orders("b", 0, 1)
					default:
						r.orders([]string{"a", "a", "c"}[random.IntN(3)], good, 1)
						good++
					}
					deliveries++
				}
				if r.life(random, generation < 5) {
					deaths++
				}
				r.restart(random)
				lives++
			}
			d := r.drainer("s1")
			r.run(d)
			r.drained(d)
			if got := len(r.parked("s1")); got != bad {
				t.Fatalf("seed %d: %d parked, want %d", seed, got, bad)
			}
			r.onceEach(seed)
		})
		if t.Failed() {
			return
		}
	}
	if deaths < histories {
		t.Errorf("only %d deaths", deaths)
	}
	t.Logf("%d histories, %d lives, %d of them killed at work, %d deliveries, 0 violations", histories, lives, deaths, deliveries)
}

// onceEach requires one change for each order that was delivered.
func (r *rig) onceEach(seed int) {
	r.t.Helper()
	want, err := r.delivered()
	if err != nil {
		r.t.Fatal(err)
	}
	r.once("s1", len(want))
	for key := range r.store.of("s1").orders {
		if !want[string(key.Connection)+"/"+string(key.External)] {
			r.t.Fatalf("seed %d: order %v was never delivered", seed, key)
		}
	}
}

// delivered reads the log with the test's own eyes: which orders of the shard it holds.
func (r *rig) delivered() (map[string]bool, error) {
	found := map[string]bool{}
	reader, err := r.log.Reader(1)
	for err == nil {
		var record wal.Record
		var more bool
		if record, more, err = reader.TryNext(); err != nil || !more {
			break
		}
		var it item
		if err = it.open(r.key, record.Payload); err != nil {
			break
		}
		var shop, kind, id string
		if _, err = fmt.Sscan(string(it.delivery.Body), &shop, &kind, &id); err == nil && kind == "order" && it.head.Tenant != "ten_b" {
			found[string(it.head.Connection)+"/"+id] = true
		}
	}
	return found, err
}
