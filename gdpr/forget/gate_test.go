package forget_test

import (
	"fmt"
	"testing"
	"testing/synctest"

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
