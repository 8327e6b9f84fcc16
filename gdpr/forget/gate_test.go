package forget_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// crowd has n customers of one tenant, without rows.
func (w *world) crowd(n int) (who []gdpr.SubjectID) {
	w.t.Helper()
	for len(who) < n {
		var holders []gdpr.Holder
		for i := range min(n-len(who), 500) {
			c := customer{"ten_a", fmt.Sprintf("crowd%d", len(who)+i)}
			holders = append(holders, gdpr.Holder{Tenant: c.tenant, Connection: "con_1", People: []gdpr.Person{c.person(w.now)}, Lot: gdpr.LotOrder, Week: gdpr.WeekOf(w.now)})
		}
		seals, err := w.hubs[0].keys.Seals(ctx, holders)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, s := range seals {
			who = append(who, s.Subjects()...)
		}
	}
	return who
}

// TestApproval: more than one in a hundred, and more than ten, waits for somebody who says how many.
func TestApproval(t *testing.T) { synctest.Test(t, bodyApproval) }

func bodyApproval(t *testing.T) {
	w := newWorld(t, 1)
	n := w.hubs[0]
	who := w.crowd(300)
	_, err := n.f.Kill(ctx, "ten_a", who[:10], "erasure")
	must(t, err, w.report())
	if c, err := n.runner.Run(ctx, 0); err != nil || c.Number != 1 || c.Kills != 10 {
		t.Fatalf("ten kills: %+v, %v", c, err)
	}
	w.forget(n, 0)
	_, err = n.f.Kill(ctx, "ten_a", who[10:21], "erasure")
	must(t, err)
	for _, approve := range []int64{0, 1, 10} {
		c, err := n.runner.Run(ctx, approve)
		if hub.CodeOf(err) != forget.CodeApprovalNeeded || hub.KindOf(err) != hub.KindConflict || c.Kills != 11 || c.Number != 0 {
			t.Errorf("11 kills, %d approved: %+v, %v", approve, c, err)
		}
	}
	if err := n.loop.Tick(ctx); err != nil && hub.CodeOf(err) != forget.CodeApprovalNeeded {
		t.Errorf("the loop: %v", err)
	}
	c, err := w.vault.Current(ctx)
	must(t, err)
	if c.Number != 1 {
		t.Errorf("cycle %d began without approval", c.Number)
	}
	if all := w.forget(n, 11); len(all) != 1 || all[0].Kills != 11 {
		t.Errorf("approved: %+v", all)
	}
}

// TestGateCountsPersons: deliveries that nobody could parse have keys of their own and are no persons, neither living nor
// dead: among a thousand of them eleven persons of a hundred are as many as ever.
func TestGateCountsPersons(t *testing.T) { synctest.Test(t, bodyGateCountsPersons) }

func bodyGateCountsPersons(t *testing.T) {
	w := newWorld(t, 1)
	n := w.hubs[0]
	who := w.crowd(100)
	shopper := customer{"ten_a", "shopper"}
	must(t, w.report(), n.buy(shopper, w.now))
	const deliveries = 40
	for range deliveries {
		must(t, n.park(shopper, "{broken, \"mail\": \""+shopper.email()+"\""))
	}
	p, err := w.vault.Pending(ctx)
	must(t, err)
	if p.Subjects != 101 || p.Deliveries != deliveries {
		t.Errorf("%d persons and %d deliveries", p.Subjects, p.Deliveries)
	}
	must(t, n.erase(shopper)) // one person, and all that was parked of her
	if p, err = w.vault.Pending(ctx); err != nil || p.Kills != 1 || p.Retired != deliveries || p.Unusual() {
		t.Errorf("one person and what was parked of her: %+v, %v", p, err)
	}
	if all := w.forget(n, 0); len(all) != 1 || all[0].Kills != 1 {
		t.Errorf("the cycle: %+v", all)
	}
	for range 10 * deliveries {
		must(t, n.park(customer{"ten_a", "nobody"}, "nothing of interest"))
	}
	_, err = n.f.Kill(ctx, "ten_a", who[:11], "erasure")
	must(t, err)
	if _, err := n.runner.Run(ctx, 0); hub.CodeOf(err) != forget.CodeApprovalNeeded {
		t.Errorf("11 of 100 persons: %v", err)
	}
}

// TestVanished: keys that are gone and that nobody killed stop the cycle, whether their slot was ever counted or not, and
// when they are back nothing is lost.
func TestVanished(t *testing.T) { synctest.Test(t, bodyVanished) }

func bodyVanished(t *testing.T) {
	for _, counted := range []bool{false, true} {
		w := newWorld(t, 1)
		if counted { // every key is in the slot that is counted
			w.ids = oneBucket(w.ids)
			w.hubs[0].restart()
		}
		w.populate()
		n := w.hubs[0]
		must(t, n.erase(customer{"ten_a", "ann"}))
		if counted {
			w.forget(n, 0)
			must(t, n.erase(customer{"ten_c", "bob"}))
		}
		whole := w.vault.Copy()
		var gone []string
		for _, k := range w.vault.All() {
			if counted && k.Kind == gdpr.KindTenant && k.Tenant == "ten_b" || !counted && k.Kind == gdpr.KindSubject && len(gone) == 0 {
				gone = append(gone, k.ID)
			}
		}
		w.vault.Destroy(gone...)
		must(t, w.report())
		for range 3 {
			if c, err := n.runner.Run(ctx, 1<<40); hub.CodeOf(err) != forget.CodeKeysVanished {
				t.Fatalf("%d keys vanished from a slot that was counted (%v): %+v, %v", len(gone), counted, c, err)
			}
		}
		roots, err := w.roots.Load(ctx)
		must(t, err)
		if from := roots[0].Generation; len(roots) != 1 || counted && from != 2 || !counted && from != 1 {
			t.Errorf("roots %v", roots)
		}
		for _, k := range whole.All() {
			if len(gone) > 0 && k.ID == gone[0] {
				w.vault.Replace(k)
			}
		}
		if v := w.check(); v.dead < 2 || v.living < 4 {
			t.Errorf("proves nothing: %+v", v)
		}
	}
}

// TestDamaged: keys and tags of living persons that do not open stop the cycle for so long that somebody can put them back,
// and then no longer: the dead die, everybody else lives, and the damage is named and left in the vault.
func TestDamaged(t *testing.T) { synctest.Test(t, bodyDamaged) }

func bodyDamaged(t *testing.T) {
	for _, ending := range []string{"mended", "waited", "approved", "killed on the way"} {
		w := newWorld(t, 1)
		w.ids = oneBucket(w.ids) // every key is in the slot of the dead
		for _, n := range w.hubs {
			n.restart()
		}
		w.populate()
		n, cem := w.hubs[0], customer{"ten_a", "cem"}
		must(t, n.erase(customer{"ten_a", "ann"}))
		whole, hurt := w.damage(cem)
		must(t, w.report())
		stopped := func() {
			t.Helper()
			c, err := n.runner.Run(ctx, 0)
			if hub.CodeOf(err) != forget.CodeKeysDamaged || hub.KindOf(err) != hub.KindConflict || !strings.Contains(err.Error(), hurt[0]) {
				t.Errorf("%s: %+v, %v", ending, c, err)
			}
			if saved, err := w.vault.Current(ctx); err != nil || saved.Phase != forget.PhaseKeyed || !slices.Equal(saved.Unreadable, hurt) {
				t.Errorf("%s: saved %+v, %v", ending, saved, err)
			}
		}
		stopped()
		w.now = w.now.Add(11 * time.Hour)
		stopped()
		approve := int64(0)
		switch ending {
		case "mended":
			w.vault.Replace(whole[0])
			hurt = nil
		case "waited":
			w.now = w.now.Add(time.Hour)
		case "approved":
			if _, err := n.runner.Run(ctx, 1); hub.CodeOf(err) != forget.CodeKeysDamaged {
				t.Errorf("the kills alone were approved: %v", err)
			}
			approve = 2
		case "killed on the way":
			w.now = w.now.Add(time.Hour)
			w.acting, n.calls, n.crashAt = n, 0, 8
			if _, err := n.runner.Run(ctx, 0); !n.dead {
				t.Fatalf("nobody was killed: %v", err)
			}
			w.acting, n = nil, w.hubs[1]
			w.now = w.now.Add(2 * time.Minute)
		}
		all := w.forget(n, approve)
		if len(all) != 1 || all[0].Kills != 1 || !slices.Equal(all[0].Unreadable, hurt) {
			t.Errorf("%s: %+v", ending, all)
		}
		if rows, err := w.vault.ByID(ctx, hurt); err != nil || len(rows) != len(hurt) {
			t.Errorf("%s: of %v the vault has %d, %v", ending, hurt, len(rows), err)
		}
		if len(hurt) > 0 {
			w.records = without(w.records, cem.name)
		}
		if v := w.check(); v.dead < 2 || v.living < 4 {
			t.Errorf("%s: proves nothing: %+v", ending, v)
		}
		if len(hurt) == 0 {
			continue
		}
		must(t, n.erase(customer{"ten_c", "bob"})) // whose cycle comes to the slot again
		if all := w.forget(n, 0); len(all) != 1 || !slices.Equal(all[0].Unreadable, hurt) {
			t.Errorf("%s: the next cycle: %+v", ending, all)
		}
	}
}

const mendingAndMore = 13 * time.Hour

// TestMuchDamaged: more than a few wait for somebody, however long; and keys of another keyring are no damage.
func TestMuchDamaged(t *testing.T) { synctest.Test(t, bodyMuchDamaged) }

func bodyMuchDamaged(t *testing.T) {
	w := newWorld(t, 1)
	w.ids = oneBucket(w.ids)
	w.hubs[0].restart()
	n := w.hubs[0]
	who := w.crowd(40)
	must(t, w.report())
	_, err := n.f.Kill(ctx, "ten_a", who[:1], "erasure")
	must(t, err)
	for i, k := range w.vault.All() {
		if k.Kind == gdpr.KindSubject && i%3 == 0 {
			k.Wrapped[len(k.Wrapped)-1] ^= 1
			w.vault.Replace(k)
		}
	}
	for range 3 {
		if c, err := n.runner.Run(ctx, 0); hub.CodeOf(err) != forget.CodeKeysDamaged || len(c.Unreadable) < 11 {
			t.Fatalf("%+v, %v", c, err)
		}
		w.now = w.now.Add(100 * time.Hour)
	}
	c, err := w.vault.Current(ctx)
	must(t, err)
	if all := w.forget(n, 1+int64(len(c.Unreadable))); len(all) != 1 || len(all[0].Unreadable) != len(c.Unreadable) {
		t.Errorf("approved: %+v", all)
	}
}

// TestForeignKeys: a key that another keyring wrapped is no damage. The vault was put together from two, and no cycle goes on
// with it, whoever approves what.
func TestForeignKeys(t *testing.T) { synctest.Test(t, bodyForeignKeys) }

func bodyForeignKeys(t *testing.T) {
	var worlds [2]*world
	for i := range worlds {
		w := newWorld(t, uint64(i))
		w.ids = oneBucket(w.ids)
		w.hubs[0].restart()
		worlds[i] = w
	}
	w, n := worlds[0], worlds[0].hubs[0]
	who := w.crowd(5)
	must(t, w.report())
	theirs, err := worlds[1].vault.ByID(ctx, []string{string(worlds[1].crowd(1)[0])})
	must(t, err)
	mine, err := w.vault.ByID(ctx, []string{string(who[3])})
	must(t, err)
	foreign := mine[string(who[3])]
	for _, k := range theirs {
		foreign.Wrapped = k.Wrapped
	}
	w.vault.Replace(foreign)
	_, err = n.f.Kill(ctx, "ten_a", who[:1], "erasure")
	must(t, err)
	w.now = w.now.Add(100 * time.Hour)
	for range 3 {
		if c, err := n.runner.Run(ctx, 1<<40); hub.CodeOf(err) != gdpr.CodeRootMismatch || c.Phase != forget.PhaseKeyed {
			t.Errorf("%+v, %v", c, err)
		}
	}
}

// damage flips a bit of the keys of a customer and returns the rows as they were, and their ids.
func (w *world) damage(c customer) (whole []gdpr.WrappedKey, ids []string) {
	w.t.Helper()
	id := string(w.killedOf(c))
	rows, err := w.vault.ByID(ctx, []string{id})
	if err != nil || len(rows) != 1 {
		w.t.Fatal(len(rows), err)
	}
	k := rows[id]
	whole = append(whole, k)
	k.Wrapped = slices.Clone(k.Wrapped)
	k.Wrapped[len(k.Wrapped)-1] ^= 1
	w.vault.Replace(k)
	return whole, []string{id}
}

// oneBucket makes ids that all end alike.
func oneBucket(ids hub.IDSource) hub.IDSource {
	return func() [16]byte {
		id := ids()
		id[14] = 4
		return id
	}
}

// TestWaitsForHubs: a hub that may hold something under the old root blocks the end until it has moved, or an operator
// declares it gone.
func TestWaitsForHubs(t *testing.T) { synctest.Test(t, bodyWaitsForHubs) }

func bodyWaitsForHubs(t *testing.T) {
	w := newWorld(t, 1)
	n := w.hubs[0]
	who := w.crowd(3)
	_, err := n.f.Kill(ctx, "ten_a", who[:1], "erasure")
	must(t, err)
	wait := func(want ...string) {
		t.Helper()
		c, err := n.runner.Run(ctx, 0)
		if err != nil || c.Phase != forget.PhaseSealed || fmt.Sprint(c.WaitsFor) != fmt.Sprint(want) {
			t.Errorf("%s waits for %v, %v; want %v", c.Phase, c.WaitsFor, err, want)
		}
		if roots, err := w.roots.Load(ctx); err != nil || len(roots) != 2 {
			t.Errorf("%d roots while hubs are waited for, %v", len(roots), err)
		}
		if saved, err := w.vault.Current(ctx); err != nil || fmt.Sprint(saved.WaitsFor) != fmt.Sprint(want) {
			t.Errorf("saved: waits for %v, %v", saved.WaitsFor, err)
		}
	}
	say := func(name string, generation int) {
		t.Helper()
		must(t, w.vault.Report(ctx, forget.Hub{Instance: name, Generation: generation, SeenAt: w.now}))
	}
	wait("hub_1") // nobody has reported, so not even this hub has moved
	say("hub_1", 1)
	say("hub_2", 1)
	say("hub_4", 1)
	wait("hub_1", "hub_2", "hub_4")
	say("hub_2", 2)
	wait("hub_1", "hub_4")
	say("hub_1", 2)
	must(t, w.vault.RemoveHub(ctx, "hub_4"))
	c, err := n.runner.Run(ctx, 0)
	if err != nil || c.Phase != forget.PhaseDone || c.Receipt.Generation != 1 || c.Receipt.Method == "" || c.EndedAt.IsZero() {
		t.Errorf("at the end: %+v, %v", c, err)
	}
	rings, err := w.vault.Keyrings(ctx)
	if roots, _ := w.roots.Load(ctx); err != nil || len(roots) != 1 || len(rings) != 1 || rings[0].Generation != 2 {
		t.Errorf("%d roots and %d keyrings at the end, %v", len(roots), len(rings), err)
	}
	if c, err := n.runner.Run(ctx, 0); err != nil || c.Number != 0 {
		t.Errorf("with nothing to do: %+v, %v", c, err)
	}
}
