package hubtest_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hub/internal/app"
	"hub/internal/hubtest"
	"hub/internal/hubtest/mariadb"
	"hub/internal/hubtest/natsserver"
)

// TestDrillStreamTwoHubs kills whichever of two hubs tells the changes of a shard, and pauses it beyond its leadership in
// every second round, in the middle of a publication where that can be hit. The broker loses nothing here, so the stream must
// hold each line exactly in the order of its numbers, each once.
func TestDrillStreamTwoHubs(t *testing.T) {
	t.Parallel()
	const seed = 71
	server, broker := mariadb.Start(t), natsserver.Start(t)
	size := hubtest.OnMariaDB(t, server).With("bus", broker.URL()).With("keys", "file:"+filepath.Join(t.TempDir(), "keys"))
	random, kills := rand.New(rand.NewPCG(seed, 5)), rounds(4, 50)
	hubs := []*member{{data: t.TempDir()}, {data: t.TempDir()}}
	for _, h := range hubs {
		h.start(t, size)
	}
	merchants, readers := connect(t, hubs[0].Operator(), 4)
	for _, m := range merchants {
		m.breath = time.Duration(rounds(120, 1)) * time.Millisecond // the pauses of a hub are long
	}
	ctx, cancel := context.WithCancel(t.Context())
	hearing, stopHearing := context.WithCancel(t.Context())
	ear, deaf := listen(hearing, broker.URL())
	var load sync.WaitGroup
	gates := []*gate{newGate(), newGate()}
	for i, h := range hubs {
		gates[i].up(h.URL)
		for j, m := range merchants {
			load.Go(func() { m.shout(ctx, gates[i], seed*100+uint64(10*i+j)) })
		}
	}
	for i, r := range readers {
		load.Go(func() { r.follow(ctx, gates[i%2]) })
	}
	paused, within := 0, 0
	for n := range kills {
		pause(random, 300*time.Millisecond, 1500*time.Millisecond)
		i := leader(t, size, server, hubs, n)
		if n%2 == 1 {
			paused++
			hubs[i].LingerAt(app.PhaseRelay) // what it was about to tell is old news when it wakes up
			hubs[i].Aim(func(f hubtest.Fell) bool { return f.Phases[app.PhaseRelay] }, 2*time.Second)
			hubs[i].Pause(t)
			if hubs[i].Now().Phases[app.PhaseRelay] {
				within++
			}
			pause(random, 6*time.Second, 7*time.Second) // the other leads meanwhile
			hubs[i].Resume(t)
			pause(random, 100*time.Millisecond, 300*time.Millisecond)
		}
		gates[i].down()
		hubs[i].Kill(t)
		hubs[i].start(t, size)
		gates[i].up(hubs[i].URL)
	}
	cancel()
	load.Wait()
	for _, m := range merchants {
		m.ERP.URL = hubs[0].URL
		waitForAll(t, m)
	}
	ear.complete(t, merchants)
	stopHearing()
	deaf.Wait()
	v, changes, _ := ear.compare(t, merchants)
	disorder, twice := ear.strictly()
	bad := 0
	for i, m := range merchants {
		lost, _ := judge(t, m.ERP, m, readers[i])
		bad += lost.sum()
	}
	for _, h := range hubs {
		h.Terminate(t)
	}
	t.Logf("%d kills of the hub that leads, %d of them after a pause beyond its leadership, %d within a publication: %d changes, stream %+v, out of order as stored %d, stored twice %d, feed violations %d; seed %d",
		kills, paused, within, changes, v, disorder, twice, bad, seed)
	if v.sum()+disorder+twice+bad > 0 || changes == 0 || within == 0 {
		t.Error("the stream does not tell what the feed holds in its order")
	}
}

// member is one of several hubs on the same databases.
type member struct {
	*hubtest.Process
	data, id string
}

func (m *member) start(t *testing.T, size hubtest.Size) {
	t.Helper()
	m.Process = hubtest.Spawn(t, size, m.data, filepath.Join(m.data, "probe"))
	if err := m.Await(); err != nil {
		t.Fatal(err)
	}
	id, err := os.ReadFile(filepath.Join(m.data, "instance"))
	if err != nil {
		t.Fatal(err)
	}
	m.id = strings.TrimSpace(string(id))
}

// leader finds the hub that leads the relay of a shard, another shard each time.
func leader(t *testing.T, size hubtest.Size, server *mariadb.Server, hubs []*member, round int) int {
	t.Helper()
	database := size.Databases()[round%2] // two shards come first
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); <-time.After(20 * time.Millisecond) {
		var holder string
		err := server.Admin().QueryRowContext(t.Context(), "SELECT leader FROM `"+database+"`.relay").Scan(&holder)
		if err != nil {
			continue
		}
		for i, h := range hubs {
			if h.id == holder {
				return i
			}
		}
	}
	t.Fatal("nobody leads")
	return 0
}

// strictly counts events of a line that are stored behind a later one, and events that are stored twice, in the longest
// session of the listener: there, all is heard as it is stored.
func (l *listener) strictly() (disorder, twice int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, seen := map[string]int64{}, map[string]bool{}
	begun := 0
	for i, e := range l.all { // a new session begins at the first message again
		if i > 0 && e.ID == l.all[0].ID {
			begun = i
		}
	}
	for _, e := range l.all[begun:] {
		if seen[e.ID] {
			twice++
			continue
		}
		seen[e.ID] = true
		if e.Data.Sequence <= last[e.Data.TenantID] {
			disorder++
		}
		last[e.Data.TenantID] = e.Data.Sequence
	}
	return disorder, twice
}
