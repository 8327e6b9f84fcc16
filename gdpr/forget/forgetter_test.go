package forget_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/gdpr/forget/forgettest"
)

func TestErasureStepByStep(t *testing.T) { synctest.Test(t, bodyErasureStepByStep) }

func bodyErasureStepByStep(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	n, ann := w.hubs[0], customer{"ten_a", "ann"}
	must(t, n.park(customer{"ten_a", "nobody"}, "nothing of interest"))
	for range 2 {
		must(t, n.park(customer{hub.Operator, "whoever"}, "for no shop that is known"))
	}
	who, err := n.f.Find(ctx, "ten_a", ann.identifiers())
	must(t, err)
	if len(who) != 1 || who[0] != w.killedOf(ann) {
		t.Fatalf("found %v", who)
	}
	plan, err := n.f.Plan(ctx, "ten_a", who)
	must(t, err)
	if plan.Orders != 2 || plan.Rows[gdpr.InOrders] != 2 || plan.Rows[gdpr.InRaws] != 3 || plan.Rows[gdpr.InParked] != 3 {
		t.Errorf("the plan is %+v", plan)
	}
	for place, anybody := range plan.Anybody {
		if want := map[bool]forget.Anybody{true: {Rows: 2, Until: "2026-W52"}}[place == gdpr.InParked]; anybody != want || len(plan.Anybody) != len(gdpr.Locations()) {
			t.Errorf("of no tenant there are %+v in %s, want %+v", anybody, place, want)
		}
	}
	orders := 0
	for _, err := range n.f.Orders(ctx, "ten_a", who[0]) {
		must(t, err)
		orders++
	}
	if orders != 2 {
		t.Errorf("%d orders", orders)
	}
	if _, err := n.f.Visit(ctx, "ten_a", gdpr.InOrders, who, nil); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("visiting the living: %v", err)
	}
	first, err := n.f.Fence(ctx, "ten_a", who, "erasure")
	must(t, err)
	w.now = w.now.Add(time.Hour)
	again, err := n.f.Fence(ctx, "ten_a", who, "redact")
	must(t, err)
	if len(first) != 1 || len(again) != 1 || first[0] != again[0] || first[0].Number != 1 || first[0].What != forget.Fenced {
		t.Errorf("fenced %+v and again %+v", first, again)
	}
	err = w.shards.Do(ctx, "s1", func(ctx context.Context, tx hub.Tx) error {
		return w.shards.Hold(ctx, tx, []gdpr.Holding{{Tenant: "ten_a", Subject: who[0], Place: gdpr.InOrders, Row: "ord_x"}})
	})
	if hub.CodeOf(err) != gdpr.CodeSubjectFenced {
		t.Errorf("writing data of somebody fenced: %v", err)
	}
	swept, err := n.f.Sweep(ctx, "ten_a", who, ann.identifiers())
	must(t, err)
	if swept.Clean() || swept.Places[0].Found != 1 || swept.Places[0].Place != forget.InKeys {
		t.Errorf("the sweep before the kill: %+v", swept)
	}
	_, err = n.f.Kill(ctx, "ten_a", who, "erasure")
	must(t, err)
	want := map[gdpr.Location]int64{gdpr.InOrders: 2, gdpr.InRaws: 3, gdpr.InParked: 1}
	swept, err = n.f.Sweep(ctx, "ten_a", who, ann.identifiers())
	must(t, err)
	for _, v := range swept.Places {
		if v.Found != want[v.Place] || v.Looked == 0 || v.Method == "" || v.Acted != 0 {
			t.Errorf("the sweep before the visits: %+v", v)
		}
	}
	for _, place := range gdpr.Locations() {
		v, err := n.f.Visit(ctx, "ten_a", place, who, ann.identifiers())
		if err != nil || v.Acted != want[place] || v.Found != want[place] || v.Looked < v.Found || v.Place != place || v.Method == "" {
			t.Errorf("visiting: %+v, %v", v, err)
		}
	}
	must(t, n.buy(ann, w.now.Add(time.Minute)))
	swept, err = n.f.Sweep(ctx, "ten_a", who, ann.identifiers())
	must(t, err)
	if !swept.Clean() || len(swept.Others) != 1 || swept.Others[0] == who[0] {
		t.Errorf("the last sweep: %+v", swept)
	}
	w.check()
}

// TestForeignPerson: another tenant's person is nobody, living or dead.
func TestForeignPerson(t *testing.T) { synctest.Test(t, bodyForeignPerson) }

func bodyForeignPerson(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	n, dora := w.hubs[0], customer{"ten_b", "dora"}
	who := []gdpr.SubjectID{w.killedOf(dora)}
	try := func() {
		t.Helper()
		_, fence := n.f.Fence(ctx, "ten_a", who, "erasure")
		_, kill := n.f.Kill(ctx, "ten_a", who, "erasure")
		_, odd := n.f.Kill(ctx, "ten_a", []gdpr.SubjectID{"sub_x"}, "erasure")
		for _, err := range []error{fence, kill, odd} {
			if hub.KindOf(err) != hub.KindNotFound {
				t.Errorf("somebody of another tenant: %v", err)
			}
		}
	}
	try()
	if len(w.ledger()) != 0 {
		t.Fatalf("the ledger has %v", w.ledger())
	}
	must(t, n.erase(dora))
	entries := len(w.ledger())
	try()
	if len(w.ledger()) != entries {
		t.Errorf("the ledger has %d entries, want %d", len(w.ledger()), entries)
	}
}

// TestCouldNotLook: a place that cannot be looked at is an error, never a zero.
func TestCouldNotLook(t *testing.T) { synctest.Test(t, bodyCouldNotLook) }

func bodyCouldNotLook(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	n, ann := w.hubs[0], customer{"ten_a", "ann"}
	must(t, n.erase(ann))
	who := []gdpr.SubjectID{w.killedOf(ann)}
	if _, err := n.f.Visit(ctx, "ten_a", gdpr.InParked, who, nil); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("searching without an identifier: %v", err)
	}
	if _, err := n.f.Sweep(ctx, "ten_a", who, nil); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("sweeping without an identifier: %v", err)
	}
	id := string(w.parked[1].id) // cem's
	values, err := w.shards.Values(ctx, "ten_a", gdpr.InParked, id)
	must(t, err)
	values[""][len(values[""])-1] ^= 1
	must(t, w.shards.Do(ctx, "s1", func(ctx context.Context, tx hub.Tx) error {
		return w.shards.Put(ctx, tx, forgettest.Row{Tenant: "ten_a", Place: gdpr.InParked, ID: id, Values: values})
	}))
	if _, err := n.f.Sweep(ctx, "ten_a", who, ann.identifiers()); hub.CodeOf(err) != hub.CodeUnreadable {
		t.Errorf("a damaged delivery: %v", err)
	}
	_, err = n.f.KillConnection(ctx, "ten_a", "con_1", "redact")
	must(t, err)
	w.now = w.now.Add(10 * time.Second)
	if s, err := n.f.Sweep(ctx, "ten_a", who, ann.identifiers()); err != nil || !s.Clean() {
		t.Errorf("when the lot is dead nobody can look, and nothing is there: %+v, %v", s, err)
	}
}

// TestExpiry: what a week holds is unreadable when it is over, its rows are emptied, and its key dies with the next cycle.
func TestExpiry(t *testing.T) { synctest.Test(t, bodyExpiry) }

func bodyExpiry(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	n := w.hubs[0]
	must(t, n.loop.Tick(ctx))
	w.now = w.now.AddDate(0, 0, 100) // payloads live 90 days, what is unparsed 30, orders longer
	n.loop.Trust(w.now)
	w.loot()
	for range 3 {
		must(t, w.report(), n.loop.Tick(ctx))
	}
	for _, r := range w.records {
		values, err := w.shards.Values(ctx, r.row.Tenant, r.row.Place, r.row.ID)
		must(t, err)
		_, open := n.keys.Open(ctx, r.place, r.envelope())
		if dead := r.row.Place == gdpr.InRaws; dead != (len(values) == 0) || dead != (hub.CodeOf(open) == gdpr.CodeKeyGone) {
			t.Errorf("%s after 100 days: %d values, %v", r.place, len(values), open)
		}
	}
	for _, k := range w.vault.All() {
		if k.Kind == gdpr.KindLot && k.Class != gdpr.LotOrder {
			t.Errorf("a key of %s that expired in %s is there", k.Class, k.Expires)
		}
	}
	ring, err := n.keys.Keyring(ctx)
	must(t, err)
	if weeks := ring.Weeks(); len(weeks) == 0 || slices.Min(weeks) < gdpr.WeekOf(w.now).Slot() {
		t.Errorf("the keyring holds weeks that are over, of %d", len(weeks))
	}
	c, err := w.vault.Current(ctx)
	if err != nil || c.Phase != forget.PhaseDone || c.Weeks < 10 || c.Kills != 0 {
		t.Errorf("the cycle: %+v, %v", c, err)
	}
}

// TestLoopIsHourly: a cycle begins an hour after the last one, goes on at once, and nothing happens without need.
func TestLoopIsHourly(t *testing.T) { synctest.Test(t, bodyLoopIsHourly) }

func bodyLoopIsHourly(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	n := w.hubs[0]
	tick := func(cycle int64, phase forget.Phase) {
		t.Helper()
		must(t, n.loop.Tick(ctx))
		if c, err := w.vault.Current(ctx); err != nil || c.Number != cycle || c.Phase != phase {
			t.Errorf("cycle %d %s, %v; want %d %s", c.Number, c.Phase, err, cycle, phase)
		}
	}
	tick(0, "")
	must(t, n.erase(customer{"ten_a", "ann"}))
	tick(1, forget.PhaseSealed)
	must(t, w.report())
	tick(1, forget.PhaseDone)
	must(t, n.erase(customer{"ten_a", "cem"}))
	w.now = w.now.Add(59 * time.Minute)
	tick(1, forget.PhaseDone)
	w.now = w.now.Add(2 * time.Minute)
	tick(2, forget.PhaseSealed)
	must(t, w.report())
	tick(2, forget.PhaseDone)
	w.now = w.now.Add(2 * time.Hour)
	tick(2, forget.PhaseDone)
	counts := w.counts
	for range 20 {
		w.now = w.now.Add(time.Second)
		tick(2, forget.PhaseDone)
	}
	if more := w.counts - counts; more != 0 {
		t.Errorf("an idle loop counted %d times", more)
	}
}

// TestCycleWaits: a hub that does not move holds a root up, and whoever looks after the hubs is told which, by all of them; the
// moment that a running hub takes to move is no trouble.
func TestCycleWaits(t *testing.T) { synctest.Test(t, bodyCycleWaits) }

func bodyCycleWaits(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	must(t, w.report(), w.hubs[0].erase(customer{"ten_a", "ann"}))
	if _, err := w.hubs[0].runner.Run(ctx, 0); err != nil {
		t.Fatal(err)
	}
	c, err := w.vault.Current(ctx)
	must(t, err)
	if len(c.WaitsFor) == 0 {
		t.Fatalf("nobody is waited for: %+v", c)
	}
	w.now = w.now.Add(2 * time.Minute)                          // that it took to seal everything anew
	must(t, w.hubs[0].loop.Tick(ctx), w.hubs[1].loop.Tick(ctx)) // at first both are quiet about it
	w.now = w.now.Add(2 * time.Minute)
	for _, n := range w.hubs {
		if err := n.loop.Tick(ctx); hub.CodeOf(err) != forget.CodeCycleWaits || !strings.Contains(err.Error(), c.WaitsFor[0]) {
			t.Errorf("%s, after two minutes: %v", n.name, err)
		}
	}
	must(t, w.report(), w.hubs[0].loop.Tick(ctx), w.hubs[1].loop.Tick(ctx))
	if c, err = w.vault.Current(ctx); err != nil || c.Phase != forget.PhaseDone {
		t.Errorf("after all have moved: %+v, %v", c, err)
	}
}
