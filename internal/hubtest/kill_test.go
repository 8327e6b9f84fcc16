package hubtest_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"hub/internal/app"
	"hub/internal/hubtest"
	"hub/internal/hubtest/mariadb"
)

func TestMain(m *testing.M) {
	hubtest.Main(func() int { return mariadb.Main(m) })
}

// rounds is how often a drill kills: enough to see every phase in a short run, the full count with HUB_DRILL=1.
func rounds(short, full int) int {
	if os.Getenv("HUB_DRILL") == "1" {
		return full
	}
	return short
}

func TestDrillKillEmbedded(t *testing.T) {
	killDrill(t, hubtest.Embedded("2"), rounds(10, 50), 41)
}

func TestDrillKillMariaDB(t *testing.T) {
	killDrill(t, hubtest.OnMariaDB(t, mariadb.Start(t)), rounds(10, 50), 42)
}

// killDrill kills a hub under load again and again, and MariaDB in every third round, and then compares what was promised
// with what is there.
func killDrill(t *testing.T, size hubtest.Size, rounds int, seed uint64) {
	data, page := t.TempDir(), filepath.Join(t.TempDir(), "probe")
	random := rand.New(rand.NewPCG(seed, 3))
	g := newGate()
	first := hubtest.Spawn(t, size, data, page)
	if err := first.Await(); err != nil {
		t.Fatal(err)
	}
	merchants, readers := connect(t, first.Operator(), 3)
	first.Terminate(t)

	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for i, m := range merchants {
		m.breath /= 4 // a hub lives for a fraction of a second
		for w := range 3 {
			load.Go(func() { m.shout(ctx, g, seed*100+uint64(i*10+w)) })
		}
		load.Go(func() { readers[i].follow(ctx, g) })
	}
	tally := massacre(t, size, hubtest.Spawn(t, size, data, page), data, page, g, random, rounds)
	cancel()
	load.Wait()

	last := hubtest.Spawn(t, size, data, page)
	if err := last.Await(); err != nil {
		t.Fatal(err)
	}
	var sum violations
	var sent, accepted, changes, orders int
	for i, m := range merchants {
		m.ERP.URL = last.URL
		waitForAll(t, m)
		v, n := judge(t, m.ERP, m, readers[i])
		if v.sum() > 0 {
			t.Errorf("%s: %+v", m.Shop.Tenant, v)
		}
		sum.lost += v.lost
		sent, accepted, changes, orders = sent+m.sent, accepted+m.accepted, changes+n, orders+len(m.answered)
	}
	last.Terminate(t)
	t.Logf("%s: %d kills of the hub (append %d, drain %d, commit %d, recovery %d), %d of MariaDB; %d deliveries sent, %d answered 2xx, %d orders, %d changes; seed %d; violations %+v",
		size.Name, tally.kills, tally.appends, tally.applies, tally.commits, tally.recoveries, tally.databases,
		sent, accepted, orders, changes, seed, sum)
	if !tally.complete() {
		t.Error("a phase was never hit")
	}
}

// tally counts kills and where they fell; one kill can fall within several phases.
type tally struct{ kills, appends, applies, commits, recoveries, databases int }

// Where the kills of a cycle are aimed: the phases of app in their order, nothing (whenever it happens to be), recovery.
var aims = []func(hubtest.Fell) bool{
	func(f hubtest.Fell) bool { return f.Append },
	func(f hubtest.Fell) bool { return f.Apply },
	func(f hubtest.Fell) bool { return f.Commit },
	nil,
	func(f hubtest.Fell) bool { return f.Recovery }, // the next hub, before it serves
}

// missing is the place in aims of a stretch that was not hit yet.
func (c *tally) missing() int {
	return slices.Index([]int{c.appends, c.applies, c.commits, 1, c.recoveries}, 0)
}

// complete reports whether every stretch was hit.
func (c *tally) complete() bool { return c.missing() < 0 }

// massacre kills the hub as often as demanded, with MariaDB in every third round, and on until every stretch was hit,
// within reason.
func massacre(t *testing.T, size hubtest.Size, hub *hubtest.Process, data, page string, g *gate, random *rand.Rand, rounds int) (c tally) {
	for c.kills < rounds || !c.complete() && c.kills < 6*rounds {
		target := c.kills % len(aims)
		if c.kills >= rounds {
			target = c.missing()
		}
		if recovering := target == len(aims)-1; recovering {
			hub.Aim(aims[target], 5*time.Second)
			pause(random, 0, 60*time.Millisecond)
			c.count(hub.Kill(t))
		} else {
			if err := hub.Await(); err != nil {
				t.Fatal(err)
			}
			g.up(hub.URL)
			c.strike(t, size, hub, target, random)
			g.down()
			if size.MariaDB != nil && !size.MariaDB.Running() {
				size.MariaDB.Restart(t)
			}
		}
		hub = hubtest.Spawn(t, size, data, page)
	}
	if err := hub.Await(); err != nil {
		t.Fatal(err)
	}
	hub.Terminate(t)
	return c
}

// strike lets the hub work for a while and kills it. In every third round MariaDB goes first and the hub lives on
// without it for a moment.
func (c *tally) strike(t *testing.T, size hubtest.Size, hub *hubtest.Process, target int, random *rand.Rand) {
	pause(random, 20*time.Millisecond, 400*time.Millisecond)
	if target < int(app.PhaseCommit)+1 {
		hub.LingerAt(app.Phase(target))
	}
	if aim := aims[target]; size.MariaDB != nil && c.kills%3 == 2 {
		size.MariaDB.Kill()
		c.databases++
		pause(random, 0, 200*time.Millisecond)
	} else if aim != nil {
		hub.Aim(aim, 15*time.Second) // a batch takes seconds to fill on a busy machine with the race detector
	}
	c.count(hub.Kill(t))
}

func (c *tally) count(f hubtest.Fell) {
	c.kills++
	for at, hit := range map[*int]bool{&c.appends: f.Append, &c.applies: f.Apply, &c.commits: f.Commit, &c.recoveries: f.Recovery} {
		if hit {
			*at++
		}
	}
}

// pause waits a random time: the instant of a kill must not depend on what the hub does.
func pause(random *rand.Rand, least, most time.Duration) {
	<-time.After(least + time.Duration(random.Int64N(int64(most-least))))
}

// waitForAll returns once the feed holds every answered version, or after a generous time.
func waitForAll(t *testing.T, m *merchant) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	missing := map[string]time.Time{}
	for id, updated := range m.answered {
		missing[id] = updated
	}
	var after int64
	for len(missing) > 0 && ctx.Err() == nil {
		page, err := rawFeed(ctx, m.ERP, after, time.Second)
		if err != nil && ctx.Err() == nil {
			t.Fatal("reading the feed: ", err)
		}
		for _, c := range page {
			after = c.Sequence
			if want, ok := missing[c.Order.ExternalID]; ok && !c.Order.SourceUpdatedAt.Before(want) {
				delete(missing, c.Order.ExternalID)
			}
		}
	}
}
