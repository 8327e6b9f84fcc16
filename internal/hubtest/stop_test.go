package hubtest_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/adapters/sandbox/shopify"
	"hub/internal/app"
	"hub/internal/hubtest"
	"hub/internal/hubtest/mariadb"
)

// TestRegularStopFinishes ends a hub under load as an operator does: it exits well, in time, and nothing that it answered is
// left in the log.
func TestRegularStopFinishes(t *testing.T) {
	data, page := t.TempDir(), filepath.Join(t.TempDir(), "probe")
	size := hubtest.Embedded("2")
	p := hubtest.Spawn(t, size, data, page)
	if err := p.Await(); err != nil {
		t.Fatal(err)
	}
	merchants, _ := connect(t, p.Operator(), 2)
	g := newGate()
	g.up(p.URL)
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for i, m := range merchants {
		load.Go(func() { m.shout(ctx, g, 700+uint64(i)) })
	}
	<-time.After(700 * time.Millisecond) // let some work pile up
	begin := time.Now()
	p.Terminate(t)
	took := time.Since(begin)
	cancel()
	load.Wait()
	if took > 15*time.Second {
		t.Errorf("stopping took %s", took)
	}
	// A fresh hub on the same folder has nothing to drain: the feed is complete at its first page.
	h := hubtest.Start(t, size, data, app.Options{})
	var lost, accepted int
	for _, m := range merchants {
		m.ERP.URL = h.URL()
		newest := map[string]time.Time{}
		for _, c := range wholeFeed(t, m.ERP) {
			newest[c.Order.ExternalID] = c.Order.SourceUpdatedAt
		}
		for id, updated := range m.answered {
			if newest[id].Before(updated) {
				lost++
			}
		}
		accepted += m.accepted
	}
	if lost > 0 || accepted == 0 {
		t.Errorf("%d of %d answered versions were not drained by a regular stop", lost, accepted)
	}
	t.Logf("stopped under load in %s: %d deliveries answered, %d left behind", took.Round(time.Millisecond), accepted, lost)
}

// TestOneProcessAFolder refuses a second hub on the same data.
func TestOneProcessAFolder(t *testing.T) {
	size, data := hubtest.Embedded("1"), t.TempDir()
	hubtest.Start(t, size, data, app.Options{})
	second, err := app.Open(t.Context(), size.Config(t, data), app.Options{})
	if hub.KindOf(err) != hub.KindConflict || second != nil {
		t.Fatalf("a second hub on the folder: %v", err)
	}
}

// TestAcceptsWhileDatabasesAreDown kills the database server under a hub and starts a second process of the hub without it:
// webhooks are answered all the time, and arrive once the server is back.
func TestAcceptsWhileDatabasesAreDown(t *testing.T) {
	server := mariadb.Start(t)
	size, data := hubtest.OnMariaDB(t, server), t.TempDir()
	h := hubtest.Start(t, size, data, app.Options{Logger: hubtest.Logger(t)})
	shop, err := hubtest.Connect(t.Context(), h.Operator, "Down", "shopify", "down", secret)
	if err != nil {
		t.Fatal(err)
	}
	platform := shopify.New("down.myshopify.com", secret, 3, time.Now())
	send(t, shop, platform.Place().Body())
	awaitChanges(t, shop.ERP, 1)

	server.Kill()
	send(t, shop, platform.Place().Body())
	h.Stop(t)
	h = hubtest.Start(t, size, data, app.Options{Logger: hubtest.Logger(t)})
	shop.HookURL = h.URL() + shop.HookURL[len(shop.ERP.URL):]
	shop.ERP.URL = h.URL()
	send(t, shop, platform.Place().Body())
	server.Restart(t)
	if n := awaitChanges(t, shop.ERP, 3); n != 3 {
		t.Errorf("%d of 3 orders arrived", n)
	}
}
