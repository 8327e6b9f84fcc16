package hubtest_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hub/internal/hubtest"
)

// TestDrillPowerCut cuts the power of a hub's disk under load: everything that was not fsynced is gone, folder entries
// too, and what was answered must be there. Where the machine mounts nothing, the crash file system under the write-ahead
// log (TestDrillCrashHistories in package wal) is what stands for it.
func TestDrillPowerCut(t *testing.T) {
	d, err := newDisk(t, 1<<30)
	if err != nil {
		t.Logf("no disk of our own here (%v): power cuts are simulated under the log only, in package wal", err)
		return
	}
	const seed = 51
	size, cuts := hubtest.Embedded("2"), rounds(4, 20)
	data, page := filepath.Join(d.folder, "hub-data"), filepath.Join(t.TempDir(), "probe")
	random := rand.New(rand.NewPCG(seed, 5))
	first := hubtest.Spawn(t, size, data, page)
	if err := first.Await(); err != nil {
		t.Fatal(err)
	}
	merchants, readers := connect(t, first.Operator(), 3)
	first.Terminate(t)

	g := newGate()
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for i, m := range merchants {
		for w := range 3 {
			load.Go(func() { m.shout(ctx, g, seed*100+uint64(i*10+w)) })
		}
		load.Go(func() { readers[i].follow(ctx, g) })
	}
	var fell tally
	for range cuts {
		hub := hubtest.Spawn(t, size, data, page)
		if err := hub.Await(); err != nil {
			t.Fatal(err)
		}
		g.up(hub.URL)
		pause(random, 50*time.Millisecond, 1500*time.Millisecond)
		fell.count(hub.Now())
		if err := d.cut(); err != nil {
			t.Fatal("cutting the power: ", err)
		}
		pause(random, 0, 50*time.Millisecond) // a hub that answers now answers for nothing
		g.down()
		hub.Kill(t)
		d.restore(t)
	}
	cancel()
	load.Wait()
	powerBack(t, size, data, page, merchants, readers, fell)
}

// powerBack starts the hub once more and compares what was answered with what is there.
func powerBack(t *testing.T, size hubtest.Size, data, page string, merchants []*merchant, readers []*reader, fell tally) {
	last := hubtest.Spawn(t, size, data, page)
	if err := last.Await(); err != nil {
		t.Fatal(err)
	}
	var sent, accepted, changes, orders, bad int
	for i, m := range merchants {
		m.ERP.URL = last.URL
		waitForAll(t, m)
		v, n := judge(t, m.ERP, m, readers[i])
		if v.sum() > 0 {
			t.Errorf("%s: %+v", m.Shop.Tenant, v)
		}
		bad += v.sum()
		sent, accepted, changes, orders = sent+m.sent, accepted+m.accepted, changes+n, orders+len(m.answered)
	}
	last.Terminate(t)
	t.Logf("%d power cuts (append %d, drain %d, commit %d under way); %d deliveries sent, %d answered 2xx, %d orders, %d changes; violations %d",
		fell.kills, fell.appends, fell.applies, fell.commits, sent, accepted, orders, changes, bad)
	if accepted == 0 || changes == 0 {
		t.Error("nothing was at stake")
	}
}
