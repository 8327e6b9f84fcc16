package hubtest_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hub/internal/hubtest"
	"hub/internal/hubtest/natsserver"
)

// TestDrillStreamLoss takes the broker away, empties it, puts an old copy of it back, under load, and then compares what
// a listener has heard with the feed: the broker is disposable.
func TestDrillStreamLoss(t *testing.T) {
	t.Parallel()
	const seed = 61
	broker := natsserver.Start(t)
	size, n := hubtest.Embedded("2").With("bus", broker.URL()), rounds(6, 60)
	data, random := t.TempDir(), rand.New(rand.NewPCG(seed, 5))
	hub := hubtest.Spawn(t, size, data, filepath.Join(t.TempDir(), "probe"))
	if err := hub.Await(); err != nil {
		t.Fatal(err)
	}
	merchants, readers := connect(t, hub.Operator(), 3)
	ctx, cancel := context.WithCancel(t.Context())
	hearing, stopHearing := context.WithCancel(t.Context())
	ear, deaf := listen(hearing, broker.URL())
	load := shoutAll(ctx, merchants, readers, hub.URL, seed)

	faults := []fault{
		{"deleted", func(t *testing.T, b *natsserver.Server) {
			onStream(t, b, func(ctx context.Context, js jetstream.JetStream) error { return js.DeleteStream(ctx, "HUB_ORDERS") })
		}},
		{"emptied", func(t *testing.T, b *natsserver.Server) {
			onStream(t, b, func(ctx context.Context, js jetstream.JetStream) error {
				s, err := js.Stream(ctx, "HUB_ORDERS")
				if err != nil {
					return err
				}
				return s.Purge(ctx)
			})
		}},
		{"killed", func(t *testing.T, b *natsserver.Server) { b.Kill(); b.Restart(t) }},
		{"paused", func(t *testing.T, b *natsserver.Server) {
			b.Pause(t)
			pause(random, time.Second, 3*time.Second)
			b.Resume(t)
		}},
		{"rolled back", rollBack(random)},
		{"wiped while down", func(t *testing.T, b *natsserver.Server) {
			b.Kill()
			if err := os.RemoveAll(b.StoreDir()); err != nil {
				t.Fatal(err)
			}
			b.Restart(t)
		}},
	}
	counts := map[string]int{}
	for i := range n {
		pause(random, 200*time.Millisecond, 1200*time.Millisecond)
		f := faults[i%len(faults)]
		f.happen(t, broker)
		counts[f.name]++
	}
	pause(random, 100*time.Millisecond, 500*time.Millisecond)
	cancel()
	load.Wait()
	for _, m := range merchants {
		waitForAll(t, m)
	}
	ear.complete(t, merchants)
	stopHearing()
	deaf.Wait()
	v, changes, repeated := ear.compare(t, merchants)
	bad := 0
	for i, m := range merchants {
		lost, _ := judge(t, m.ERP, m, readers[i])
		bad += lost.sum()
	}
	hub.Terminate(t)
	t.Logf("faults %v in %d sessions of the listener: %d changes in the feed, %d events heard again; stream %+v, feed violations %d; seed %d",
		counts, ear.sessions, changes, repeated, v, bad, seed)
	if v.sum()+bad > 0 || changes == 0 || repeated == 0 {
		t.Error("the stream does not tell what the feed holds, or nothing was lost and told again")
	}
}

// fault is something that happens to a broker.
type fault struct {
	name   string
	happen func(*testing.T, *natsserver.Server)
}

// shoutAll has every merchant's platform send and every ERP read until ctx ends.
func shoutAll(ctx context.Context, merchants []*merchant, readers []*reader, url string, seed uint64) *sync.WaitGroup {
	g := newGate()
	g.up(url)
	var load sync.WaitGroup
	for i, m := range merchants {
		for w := range 2 {
			load.Go(func() { m.shout(ctx, g, seed*100+uint64(i*10+w)) })
		}
		load.Go(func() { readers[i].follow(ctx, g) })
	}
	return &load
}

// onStream does something with the broker as its operator would.
func onStream(t *testing.T, b *natsserver.Server, do func(context.Context, jetstream.JetStream) error) {
	t.Helper()
	nc, err := nats.Connect(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := do(ctx, js); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) { // gone, and not made again yet
		t.Fatal(err)
	}
}

// rollBack copies the store while the server is down, lets it work on, and then puts the copy back.
func rollBack(random *rand.Rand) func(*testing.T, *natsserver.Server) {
	return func(t *testing.T, b *natsserver.Server) {
		aside := filepath.Join(t.TempDir(), "copy")
		b.Stop()
		if err := os.CopyFS(aside, os.DirFS(b.StoreDir())); err != nil {
			t.Fatal(err)
		}
		b.Restart(t)
		pause(random, time.Second, 2*time.Second)
		b.Kill()
		if err := os.RemoveAll(b.StoreDir()); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(b.StoreDir(), os.DirFS(aside)); err != nil {
			t.Fatal(err)
		}
		b.Restart(t)
	}
}
