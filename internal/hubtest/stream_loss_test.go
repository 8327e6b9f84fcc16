package hubtest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hub/internal/app"
	"hub/internal/hubtest"
	"hub/internal/hubtest/natsserver"
)

// faultsOfHub is how many faults one hub of the drill has: every loss has it tell again all it has, so that a drill on one
// hub alone would never end.
const faultsOfHub = 12

// TestDrillStreamLoss takes the broker away, empties it, puts an old copy of it back, under load, and then compares what
// a listener has heard with the feed: the broker is disposable.
func TestDrillStreamLoss(t *testing.T) {
	t.Parallel()
	const seed = 61
	sum := &losses{counts: map[string]int{}}
	begin := time.Now()
	for n, hubs := rounds(6, 60), 0; n > 0; n, hubs = n-faultsOfHub, hubs+1 {
		t.Run(fmt.Sprint("hub ", hubs), func(t *testing.T) { sum.happen(t, seed+uint64(hubs), min(n, faultsOfHub)) })
	}
	t.Logf("faults %v in %d sessions of the listener, %v: %d changes in the feed, %d events heard again; stream %+v, feed violations %d; seed %d",
		sum.counts, sum.sessions, time.Since(begin).Round(time.Second), sum.changes, sum.repeated, sum.stream, sum.feed, seed)
	if sum.stream.sum()+sum.feed > 0 || sum.changes == 0 || sum.repeated == 0 {
		t.Error("the stream does not tell what the feed holds, or nothing was lost and told again")
	}
}

// losses are what a drill did and found.
type losses struct {
	counts                      map[string]int // of faults
	sessions, changes, repeated int
	stream                      told
	feed                        int // violations
}

// found adds what a listener and the readers have of a feed.
func (s *losses) found(t *testing.T, ear *listener, merchants []*merchant, readers []*reader) {
	t.Helper()
	v, changes, repeated := ear.compare(t, merchants)
	s.stream = told{s.stream.missing + v.missing, s.stream.strange + v.strange, s.stream.disorder + v.disorder, s.stream.foreign + v.foreign}
	s.sessions, s.changes, s.repeated = s.sessions+ear.sessions, s.changes+changes, s.repeated+repeated
	for i, m := range merchants {
		lost, _ := judge(t, m.ERP, m, readers[i])
		s.feed += lost.sum()
	}
}

// happen has n faults happen to the broker of a fresh hub.
func (s *losses) happen(t *testing.T, seed uint64, n int) {
	broker := natsserver.Start(t)
	size := hubtest.Embedded("2").With("bus", broker.URL())
	random := rand.New(rand.NewPCG(seed, 5))
	hub := hubtest.Spawn(t, size, t.TempDir(), filepath.Join(t.TempDir(), "probe"))
	if err := hub.Await(); err != nil {
		t.Fatal(err)
	}
	merchants, readers := connect(t, hub.Operator(), 3)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hearing, stopHearing := context.WithCancel(t.Context())
	defer stopHearing()
	ear, deaf := listen(hearing, broker.URL())
	load := shoutAll(ctx, merchants, readers, hub.URL, seed)
	faults := faultsOfBroker(random)
	for i := range n {
		pause(random, 200*time.Millisecond, 1200*time.Millisecond)
		f := faults[i%len(faults)]
		f.happen(t, broker)
		s.counts[f.name]++
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
	s.found(t, ear, merchants, readers)
	hub.Terminate(t)
}

// TestDrillEmbeddedLoss damages the store of the embedded broker while the hub is stopped: deleted, emptied, put back to an
// old copy, the stream alone or all of it. Every change is heard at least once and in order, and in the end the stream holds
// all of them, each once.
func TestDrillEmbeddedLoss(t *testing.T) {
	t.Parallel()
	const seed = 67
	size, data, n := hubtest.Embedded("2"), t.TempDir(), rounds(4, 40)
	random := rand.New(rand.NewPCG(seed, 5))
	store := filepath.Join(data, "jetstream")
	stream := filepath.Join(store, "jetstream", "$G", "streams", "HUB_ORDERS")
	aside := filepath.Join(t.TempDir(), "copy")
	remove := func(path string) func() error { return func() error { return os.RemoveAll(path) } }
	damages := []struct {
		name   string
		happen func() error
	}{
		{"deleted", remove(store)},
		{"emptied", remove(filepath.Join(stream, "msgs"))},
		{"rolled back", func() error { return errors.Join(os.RemoveAll(store), os.CopyFS(store, os.DirFS(aside))) }},
		{"stream deleted", remove(stream)},
	}
	var merchants []*merchant
	var readers []*reader
	ear, sum := &listener{}, &losses{counts: map[string]int{}}
	var h *hubtest.Hub
	live := func(ear *listener, name string, work func()) {
		t.Helper()
		h = hubtest.Start(t, size, data, app.Options{Logger: slog.New(slog.DiscardHandler)})
		if merchants == nil {
			merchants, readers = connect(t, h.Operator, 3)
		}
		for _, m := range merchants {
			m.ERP.URL = h.URL()
		}
		hearing, stop := context.WithCancel(t.Context())
		defer stop()
		deaf := ear.inside(hearing, t, h, name)
		work()
		stop()
		deaf.Wait()
	}
	for i := range n {
		live(ear, fmt.Sprint("round-", i), func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			load := shoutAll(ctx, merchants, readers, h.URL(), seed+uint64(i)) // whose shops number their orders apart
			pause(random, 200*time.Millisecond, 800*time.Millisecond)
			cancel()
			load.Wait()
			if i%2 == 0 { // else what is not told yet is told by the next
				ear.complete(t, merchants)
			}
		})
		h.Stop(t)
		if d := damages[i%len(damages)]; i > 1 || d.name != "rolled back" {
			if err := d.happen(); err != nil {
				t.Fatal(err)
			}
			sum.counts[d.name]++
		}
		if i%len(damages) == 1 || i == 0 { // to be put back a round later, and later still
			if _, err := os.Stat(store); err == nil {
				if err := errors.Join(os.RemoveAll(aside), os.CopyFS(aside, os.DirFS(store))); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	last := &listener{}
	live(last, "last", func() {
		for _, m := range merchants {
			waitForAll(t, m)
		}
		last.complete(t, merchants)
		kept, _, _ := last.compare(t, merchants)
		disorder, twice := last.strictly()
		last.mu.Lock()
		ear.all = append(ear.all, last.all...)
		last.mu.Unlock()
		sum.found(t, ear, merchants, readers)
		t.Logf("damages %v of a stopped hub's store: %d changes in the feed, %d events heard again; ever heard %+v; in the stream at the end %+v, out of order %d, twice %d; feed violations %d; seed %d",
			sum.counts, sum.changes, sum.repeated, sum.stream, kept, disorder, twice, sum.feed, seed)
		if sum.stream.sum()+sum.feed+kept.sum()+disorder+twice > 0 || sum.changes == 0 || sum.repeated == 0 {
			t.Error("the stream does not hold what the feed holds, or nothing was lost and told again")
		}
	})
	h.Stop(t)
}

// faultsOfBroker are what happens to a broker in turn.
func faultsOfBroker(random *rand.Rand) []fault {
	return []fault{
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
