package forget_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// persons returns the living keys of persons, and of parked deliveries.
func (w *world) livingKeys() (persons, deliveries []string) {
	for _, k := range w.vault.All() {
		switch {
		case k.Kind != gdpr.KindSubject:
		case k.Connection != "":
			deliveries = append(deliveries, k.ID)
		default:
			persons = append(persons, k.ID)
		}
	}
	return persons, deliveries
}

// replay drops the bytes of a parked delivery as a replay does.
func (w *world) replay(p parked) error {
	return w.shards.Do(ctx, w.shards.Of(p.t), func(ctx context.Context, tx hub.Tx) error { return w.shards.Settle(ctx, tx, p.t, p.id) })
}

// TestRetire: the key of a parked delivery ends when the delivery is settled or has aged out, that of a person when the last
// value has; whoever has bought since stays, and whoever comes back is somebody new, even with news of before.
func TestRetire(t *testing.T) { synctest.Test(t, bodyRetire) }

func bodyRetire(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	n, eve, ann := w.hubs[0], customer{"ten_c", "eve"}, customer{"ten_a", "ann"}
	tick := func() {
		t.Helper()
		n.loop.Trust(w.now)
		for range 3 {
			must(t, w.report(), n.loop.Tick(ctx))
		}
	}
	persons, deliveries := w.livingKeys()
	tick()
	if p, d := w.livingKeys(); len(p) != len(persons) || len(d) != len(deliveries) || len(p) != 8 || len(d) != 5 {
		t.Fatalf("%d persons and %d deliveries live, were %d and %d", len(p), len(d), len(persons), len(deliveries))
	}
	must(t, w.replay(w.parked[0]))
	w.now = w.now.Add(2 * time.Hour)
	tick()
	if p, d := w.livingKeys(); len(p) != 8 || len(d) != 4 {
		t.Errorf("after a replay %d persons and %d deliveries live", len(p), len(d))
	}
	w.now = w.now.AddDate(0, 0, 100) // payloads and what was parked are over, orders not
	tick()
	if p, d := w.livingKeys(); len(p) != 5 || len(d) != 0 { // three were named by payloads alone
		t.Errorf("after 100 days %d persons and %d deliveries live", len(p), len(d))
	}
	w.now = w.now.AddDate(1, 11, 0)
	must(t, w.report())
	must(t, n.buy(eve, w.now))
	w.now = w.now.AddDate(0, 3, 0) // all orders but one are over
	tick()
	left, _ := w.livingKeys()
	if len(left) != 1 || left[0] != string(w.killedOf(eve)) {
		t.Errorf("after all but one order are over %d persons live", len(left))
	}
	if tags := w.vault.Tags(); len(tags) != 2 || answers(n.keys, w.records[len(w.records)-2]) != 1 {
		t.Errorf("the index has %d tags", len(tags))
	}
	last, err := w.vault.Current(ctx)
	must(t, err)
	if last.Phase != forget.PhaseDone || last.Kills != 0 {
		t.Errorf("the last cycle: %+v", last)
	}
	before := len(w.records)
	must(t, n.buy(ann, w.now.Add(-24*time.Hour)))
	if who := w.records[len(w.records)-1].subjects; len(w.records) == before || slices.Contains(persons, string(who[0])) {
		t.Errorf("an order of yesterday that came late is of %v", who)
	}
	w.records = w.records[before:]
	w.check()
}

// TestRetireLeft: somebody whom the newest version of the only order does not name any more lives for as long as the payload
// of the older version, and no longer.
func TestRetireLeft(t *testing.T) { synctest.Test(t, bodyRetireLeft) }

func bodyRetireLeft(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	n, fay := w.hubs[0], customer{"ten_a", "fay"}
	must(t, n.buy(fay, w.now))
	order := w.records[len(w.records)-2].row
	who := w.killedOf(fay)
	w.records = w.records[:len(w.records)-2]
	must(t, w.shards.Do(ctx, "s1", func(ctx context.Context, tx hub.Tx) error {
		order.Values = w.records[0].row.Values // ann's
		err := w.shards.Put(ctx, tx, order)
		if err == nil {
			err = w.shards.Leave(ctx, tx, []gdpr.Holding{{Tenant: fay.tenant, Subject: who, Place: gdpr.InOrders, Row: order.ID}})
		}
		return err
	}))
	lives := func(what string, want bool) {
		t.Helper()
		n.loop.Trust(w.now)
		for range 3 {
			must(t, w.report(), n.loop.Tick(ctx))
		}
		if persons, _ := w.livingKeys(); slices.Contains(persons, string(who)) != want {
			t.Errorf("%s: lives %v", what, !want)
		}
	}
	lives("left", true)
	w.now = w.now.AddDate(0, 0, 100)
	lives("the payload is over", false)
	if tags := answers(n.keys, record{row: order, customer: fay.name, subjects: []gdpr.SubjectID{who}}); tags != 0 {
		t.Error("an address leads to them")
	}
}

// TestRetireRaces: somebody of whom all has aged out orders again before the key ends.
func TestRetireRaces(t *testing.T) { synctest.Test(t, bodyRetireRaces) }

func bodyRetireRaces(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	n, ann := w.hubs[0], customer{"ten_a", "ann"}
	w.now = w.now.AddDate(2, 3, 0)
	_, err := n.f.CleanExpired(ctx, "s1")
	must(t, err, n.buy(ann, w.now))
	idle, err := w.shards.Idle(ctx, "s1", "", 100)
	must(t, err)
	if !slices.Contains(idle, forget.Idle{Tenant: ann.tenant, Subject: w.killedOf(ann)}) {
		t.Fatalf("idle %v: proves nothing", idle)
	}
	ended, err := n.f.Retire(ctx, "s1")
	must(t, err)
	if persons, _ := w.livingKeys(); ended != int64(len(idle))-1 || !slices.Contains(persons, string(w.killedOf(ann))) {
		t.Errorf("%d of %d ended, %v live", ended, len(idle), persons)
	}
	if again, err := n.f.Retire(ctx, "s1"); again != 0 || err != nil {
		t.Errorf("again: %d, %v", again, err)
	}
	w.records = w.records[len(w.records)-2:]
	w.check()
}

// TestRetireDamaged: a damaged key is named and keeps nobody else waiting.
func TestRetireDamaged(t *testing.T) { synctest.Test(t, bodyRetireDamaged) }

func bodyRetireDamaged(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	n := w.hubs[0]
	_, hurt := w.damage(customer{"ten_a", "cem"})
	w.now = w.now.AddDate(2, 3, 0)
	n.restart()
	must(t, n.f.ReconcileAll(ctx, shardIDs))
	_, err := n.f.CleanExpired(ctx, "s1")
	must(t, err)
	ended, err := n.f.Retire(ctx, "s1")
	if persons, _ := w.livingKeys(); hub.CodeOf(err) != hub.CodeUnreadable || ended < 4 || !slices.Contains(persons, hurt[0]) || len(persons) != 5 {
		t.Errorf("%d ended, %v live, %v", ended, persons, err)
	}
	if idle, err := w.shards.Idle(ctx, "s1", "", 100); err != nil || len(idle) != 1 || string(idle[0].Subject) != hurt[0] {
		t.Errorf("idle %v, %v", idle, err)
	}
}

// TestRetireLost: a key that was lost with a cycle is named and keeps nobody else waiting, in no tick but once a minute.
func TestRetireLost(t *testing.T) { synctest.Test(t, bodyRetireLost) }

func bodyRetireLost(t *testing.T) {
	w := newWorld(t, 1)
	n, hurt := w.lose(t, customer{"ten_a", "cem"})
	w.now = w.now.AddDate(2, 3, 0)
	n.loop.Trust(w.now)
	cleaned := 0
	w.acting = nil
	w.shards.Faults = func(method string, done bool) error {
		if method == "Idle" && !done {
			cleaned++
		}
		return nil
	}
	for range 3 {
		must(t, w.report())
		if err := n.loop.Tick(ctx); hub.CodeOf(err) != gdpr.CodeKeyGone {
			t.Errorf("a tick beside a key that is lost: %v", err)
		}
	}
	if persons, _ := w.livingKeys(); !slices.Equal(persons, []string{hurt}) {
		t.Errorf("%v live, %s is lost", persons, hurt)
	}
	if cleaned != 4 { // a page and its end, of each shard
		t.Errorf("%d pages of idle persons in three ticks", cleaned)
	}
	w.now = w.now.Add(time.Minute)
	must(t, w.report())
	if err := n.loop.Tick(ctx); hub.CodeOf(err) != gdpr.CodeKeyGone || cleaned <= 4 {
		t.Errorf("after a minute: %d pages, %v", cleaned, err)
	}
}

// lose has somebody's key die with a cycle that was allowed to, while ann is erased.
func (w *world) lose(t *testing.T, c customer) (n *node, id string) {
	t.Helper()
	w.ids = oneBucket(w.ids) // every key is in the slot of the dead
	for _, n := range w.hubs {
		n.restart()
	}
	w.populate()
	n = w.hubs[0]
	must(t, n.erase(customer{"ten_a", "ann"}), n.buy(customer{c.tenant, "fay"}, w.now), n.buy(customer{c.tenant, "gil"}, w.now))
	_, hurt := w.damage(c)
	must(t, w.report())
	if _, err := n.runner.Run(ctx, 0); hub.CodeOf(err) != forget.CodeKeysDamaged {
		t.Fatalf("the cycle: %v", err)
	}
	w.now = w.now.Add(13 * time.Hour)
	w.forget(n, 2)
	n.restart()
	must(t, n.f.ReconcileAll(ctx, shardIDs))
	return n, hurt[0]
}

// TestEraseBesideLost: of several persons that one call is about, one has a key that is lost. All are fenced and killed, and
// the entries of that one say so.
func TestEraseBesideLost(t *testing.T) { synctest.Test(t, bodyEraseBesideLost) }

func bodyEraseBesideLost(t *testing.T) {
	w := newWorld(t, 1)
	n, hurt := w.lose(t, customer{"ten_a", "cem"})
	who := append(w.crowd(505), gdpr.SubjectID(hurt)) // who is in the first of two batches
	for what, do := range map[forget.What]func(context.Context, hub.TenantID, []gdpr.SubjectID, string) ([]forget.Entry, error){
		forget.Fenced: n.f.Fence, forget.Killed: n.f.Kill,
	} {
		all, err := do(ctx, "ten_a", who, "erasure")
		if err != nil || len(all) != 506 || slices.ContainsFunc(all, func(e forget.Entry) bool { return e.What != what || e.Damaged != (string(e.Subject) == hurt) }) {
			t.Errorf("%s: %d entries, %v", what, len(all), err)
		}
	}
	states := w.states()
	for _, s := range who {
		if states[s] != forget.Killed {
			t.Errorf("%s is %q", s, states[s])
		}
	}
}

// TestRetireSoon: wherever a hub dies in ending a key, another ends it within a minute, not when it next cleans.
func TestRetireSoon(t *testing.T) { synctest.Test(t, bodyRetireSoon) }

func bodyRetireSoon(t *testing.T) {
	rounds := 0
	for died := true; died; rounds++ {
		w := newWorld(t, 1)
		w.populate()
		n, other := w.hubs[0], w.hubs[1]
		other.loop.Trust(w.now)
		must(t, w.report(), other.loop.Tick(ctx), w.replay(w.parked[0])) // the next cleaning is an hour away
		n.calls, n.crashAt, n.after = 0, rounds+1, true
		err := w.as(n, func() error { _, err := n.f.Retire(ctx, "s1"); return err })
		if died = n.dead; (err != nil) != died {
			t.Fatalf("call %d: %v", rounds+1, err)
		}
		w.acting = nil
		w.now = w.now.Add(time.Minute)
		must(t, w.report(), other.loop.Tick(ctx))
		if _, deliveries := w.livingKeys(); len(deliveries) != 4 {
			t.Errorf("killed after call %d: a minute later %d deliveries live", rounds+1, len(deliveries))
		}
	}
	if rounds < 5 {
		t.Errorf("%d rounds", rounds)
	}
	t.Logf("rounds %d", rounds)
}

// TestDrillRetireEveryCall kills the process before and after each call of a Retire, every third without HUB_DRILL=1; another hub ends what was begun.
func TestDrillRetireEveryCall(t *testing.T) { synctest.Test(t, bodyDrillRetireEveryCall) }

func bodyDrillRetireEveryCall(t *testing.T) {
	rounds, by := 0, 3
	if drill() {
		by = 1
	}
	for at := 1; ; at += by {
		died := false
		for _, after := range []bool{false, true} {
			w := newWorld(t, uint64(at))
			w.populate()
			n, other := w.hubs[0], w.hubs[1]
			w.now = w.now.AddDate(2, 3, 0)
			_, err := n.f.CleanExpired(ctx, "s1")
			must(t, err)
			n.calls, n.crashAt, n.after = 0, at, after
			err = w.as(n, func() error { _, err := n.f.Retire(ctx, "s1"); return err })
			if (err != nil) != n.dead {
				t.Fatalf("call %d: %v", at, err)
			}
			died = died || n.dead
			w.acting = nil
			other.restart()
			must(t, other.f.ReconcileAll(ctx, shardIDs))
			_, err = other.f.Retire(ctx, "s1")
			must(t, err, other.f.ReconcileAll(ctx, shardIDs), other.buy(customer{"ten_a", "ann"}, w.now))
			persons, deliveries := w.livingKeys()
			if len(persons) != 5 || len(deliveries) != 2 { // four of the other shard, and whoever has just bought
				t.Errorf("killed at call %d (after it: %v): %d persons and %d deliveries live", at, after, len(persons), len(deliveries))
			}
			w.records = w.records[len(w.records)-2:]
			w.check()
			rounds++
		}
		if !died {
			break
		}
	}
	if rounds*by < 10 {
		t.Errorf("%d rounds", rounds)
	}
	t.Logf("rounds %d, violations 0", rounds)
}
