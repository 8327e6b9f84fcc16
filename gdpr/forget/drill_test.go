package forget_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// step is a part of a history that is repeated until it succeeds.
type step func(n *node) error

// script is a short life of a hub: two erasures, two cycles, a customer who comes back.
func (w *world) script() []step {
	ann, bob := customer{"ten_a", "ann"}, customer{"ten_c", "bob"}
	return []step{
		w.erasure(ann),
		func(n *node) error { return n.cycle() },
		func(n *node) error { return n.buy(ann, w.now.Add(time.Hour)) },
		w.erasure(bob),
		func(n *node) error { return n.loop.Tick(ctx) },
		func(n *node) error { return n.cycle() },
	}
}

// erasure remembers whom the officer chose, as a privacy request does.
func (w *world) erasure(c customer) step {
	var who []gdpr.SubjectID
	return func(n *node) (err error) {
		if len(who) == 0 {
			if who, err = n.f.Find(ctx, c.tenant, c.identifiers()); err != nil {
				return err
			}
		}
		if _, err := n.f.Fence(ctx, c.tenant, who, "erasure"); err != nil {
			return err
		}
		return n.kill(c, who)
	}
}

// cycle runs one to its end; the hubs move as soon as there is a newer root.
func (n *node) cycle() error {
	for range 10 {
		c, err := n.runner.Run(ctx, 0)
		if err != nil {
			return err
		}
		if c.Number == 0 || c.Phase == forget.PhaseDone {
			return nil
		}
		if err := n.w.report(); err != nil {
			return err
		}
	}
	return errors.New("the cycle does not end")
}

// populate has customers buy and leaves deliveries that nobody could parse.
func (w *world) populate() {
	w.t.Helper()
	n := w.hubs[0]
	people := []customer{{"ten_a", "ann"}, {"ten_a", "cem"}, {"ten_b", "dora"}, {"ten_c", "bob"}, {"ten_c", "eve"}}
	err := errors.Join(w.report(), n.f.ReconcileAll(ctx, shardIDs))
	for i, c := range people {
		err = errors.Join(err, n.buy(c, w.now), n.buy(c, w.now.Add(-time.Hour), people[(i+1)%2]))
		err = errors.Join(err, n.park(c, "{broken, \"mail\": \""+c.email()+"\""))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.loot()
}

// play runs a script on the first hub, which dies at one call; another process repeats what did not succeed.
func (w *world) play(steps []step, crashAt int, after bool, heir *node) (calls int) {
	w.t.Helper()
	n := w.hubs[0]
	n.calls, n.crashAt, n.after = 0, crashAt, after
	for i, s := range steps {
		err := w.as(n, func() error { return s(n) })
		if n.dead {
			calls += n.calls
			w.acting = nil
			w.loot()
			w.now = w.now.Add(2 * time.Minute)
			n = heir
			n.restart()
			err = w.as(n, func() error { return errors.Join(n.f.ReconcileAll(ctx, shardIDs), s(n)) })
		}
		if err != nil {
			w.t.Fatalf("step %d, killed at call %d (after it: %v): %v", i, crashAt, after, err)
		}
		w.acting = nil
		w.loot()
	}
	return calls + n.calls
}

// TestDrillForgetEveryCall kills the process before and after every single call to vault, shards and root store.
func TestDrillForgetEveryCall(t *testing.T) { synctest.Test(t, bodyDrillForgetEveryCall) }

func bodyDrillForgetEveryCall(t *testing.T) {
	w := newWorld(t, 0)
	w.populate()
	calls := w.play(w.script(), 0, false, w.hubs[1])
	sum := w.check()
	if sum.dead == 0 || sum.living == 0 || sum.control == 0 {
		t.Fatalf("the script proves nothing: %+v", sum)
	}
	by, rounds, faults := max(1, calls/3), 0, 0
	if drill() {
		by = 1
	}
	for at := 1; at <= calls && !t.Failed(); at += by {
		for _, after := range []bool{false, true} {
			w := newWorld(t, uint64(at))
			w.populate()
			w.play(w.script(), at, after, w.hubs[(at+rounds)%2])
			v := w.check()
			if v.dead < sum.dead || v.living < sum.living {
				t.Errorf("killed at call %d: %+v, want at least %+v", at, v, sum)
			}
			rounds, faults = rounds+1, faults+w.faults
			sum.attacks += v.attacks
		}
	}
	t.Logf("calls %d, rounds %d, faults %d, attacks %d, values of the dead %d and of the living %d in each, violations 0",
		calls, rounds, faults, sum.attacks, sum.dead, sum.living)
}

// TestDrillForget plays histories that chance writes: buying, erasing, cycling on two hubs that die at any call.
func TestDrillForget(t *testing.T) { synctest.Test(t, bodyDrillForget) }

func bodyDrillForget(t *testing.T) {
	rounds := 3
	if drill() {
		rounds = 250
	}
	var sum verdict
	faults := 0
	for seed := range rounds {
		w := newWorld(t, uint64(seed)+1000)
		w.populate()
		for range 14 {
			w.chance()
		}
		v := w.check()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		sum.living, sum.dead, sum.attacks, sum.control = sum.living+v.living, sum.dead+v.dead, sum.attacks+v.attacks, sum.control+v.control
		faults += w.faults
	}
	if sum.dead == 0 || sum.living == 0 || sum.control == 0 || faults == 0 {
		t.Fatalf("the histories prove nothing: %+v", sum)
	}
	t.Logf("rounds %d, faults %d, values of the dead %d, of the living %d, attacks %d (%d openings with the roots of the time), violations 0",
		rounds, faults, sum.dead, sum.living, sum.attacks, sum.control)
}

// chance lets one of the hubs do something, and sometimes die of it.
func (w *world) chance() {
	w.t.Helper()
	n := w.hubs[w.rand.IntN(2)]
	if w.rand.IntN(2) == 0 {
		n.calls, n.crashAt, n.after = 0, 1+w.rand.IntN(40), w.rand.IntN(2) == 0
	}
	c := customer{[]hub.TenantID{"ten_a", "ten_c"}[w.rand.IntN(2)], fmt.Sprintf("c%d", w.rand.IntN(3))}
	err := w.as(n, func() error { return w.event(n, c) })
	if code := hub.CodeOf(err); err != nil && !n.dead && code != forget.CodeElsewhere && code != gdpr.CodeSubjectFenced {
		w.t.Fatalf("something of chance: %v", err)
	}
	w.acting = nil
	w.loot()
	if n.dead {
		n.restart()
		w.now = w.now.Add(time.Duration(w.rand.IntN(90)) * time.Second)
		if err := w.as(n, func() error { return n.f.ReconcileAll(ctx, shardIDs) }); err != nil {
			w.t.Fatalf("reconciling after a crash: %v", err)
		}
	}
	n.crashAt = 0
	w.now = w.now.Add(time.Duration(w.rand.IntN(5)) * time.Second)
}

func (w *world) event(n *node, c customer) error {
	switch w.rand.IntN(10) {
	case 0, 1, 2:
		return n.buy(c, w.now.Add(-time.Duration(w.rand.IntN(3))*time.Second), customer{c.tenant, fmt.Sprintf("c%d", w.rand.IntN(3))})
	case 3:
		return n.park(c, "mail="+c.email())
	case 4, 5:
		return n.erase(c)
	case 6:
		who, err := n.f.Find(ctx, c.tenant, c.identifiers())
		if err == nil {
			_, err = n.f.Fence(ctx, c.tenant, who, "erasure")
		}
		return err
	case 7:
		return n.loop.Tick(ctx)
	case 8:
		w.now = w.now.Add(time.Hour)
		return errors.Join(w.report(), n.loop.Tick(ctx))
	}
	_, err := n.runner.Run(ctx, 0)
	return err
}
