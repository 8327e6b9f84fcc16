package forget_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/gdpr/forget/forgettest"
	"hub/gdpr/gdprtest"
)

// must stops the test on an error.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func (w *world) backup() map[hub.ShardID]*forgettest.Backup {
	all := map[hub.ShardID]*forgettest.Backup{}
	for _, s := range shardIDs {
		all[s] = w.shards.Copy(s)
	}
	return all
}

// TestRestoreShards: old shards beside the newest vault. The erased stay erased, in orders, payloads and what was parked.
func TestRestoreShards(t *testing.T) { synctest.Test(t, bodyRestoreShards) }

func bodyRestoreShards(t *testing.T) {
	for _, cycled := range []bool{false, true} {
		w := newWorld(t, 1)
		w.populate()
		n, old := w.hubs[0], w.backup()
		ann, bob := customer{"ten_a", "ann"}, customer{"ten_c", "bob"}
		must(t, n.erase(ann), n.erase(bob), n.f.ReconcileAll(ctx, shardIDs))
		w.loot()
		if cycled {
			w.forget(n, 0)
		}
		for id, b := range old {
			w.shards.Restore(id, b)
		}
		n.restart()
		for _, s := range shardIDs {
			if err := n.f.Ready(s); hub.CodeOf(err) != forget.CodeNotReconciled || hub.KindOf(err) != hub.KindUnavailable {
				t.Errorf("a shard that was not reconciled is ready: %v", err)
			}
		}
		must(t, n.f.ReconcileAll(ctx, shardIDs), n.f.Ready("s1"), n.f.Ready("s2"))
		for _, p := range w.parked {
			values, err := w.shards.Values(ctx, p.t, gdpr.InParked, string(p.id))
			must(t, err)
			if dead := p.email == ann.email() || p.email == bob.email(); dead == (len(values) > 0) {
				t.Errorf("after the restore, a delivery that names somebody dead (%v) has %d values", dead, len(values))
			}
		}
		if v := w.check(); v.dead < 4 || v.living < 4 {
			t.Errorf("proves nothing: %+v", v)
		}
	}
}

// TestRestoreVault: an old vault, from before any cycle, beside the newest shards. What was killed is killed again, and late
// news of it is not written.
func TestRestoreVault(t *testing.T) { synctest.Test(t, bodyRestoreVault) }

func bodyRestoreVault(t *testing.T) {
	w := newWorld(t, 2)
	w.populate()
	n, old := w.hubs[0], w.vault.Copy()
	ann, bob := customer{"ten_a", "ann"}, customer{"ten_c", "bob"}
	must(t, n.erase(ann), n.f.ReconcileAll(ctx, shardIDs), n.erase(bob)) // the head lags behind bob
	_, err := n.f.KillConnection(ctx, "ten_b", "con_1", "redact")
	must(t, err)
	want := len(w.ledger())
	w.vault.Restore(old)
	n.restart()
	if n := len(w.ledger()); n != 0 {
		t.Fatalf("the old vault has %d entries", n)
	}
	must(t, n.f.ReconcileAll(ctx, shardIDs))
	if got := len(w.ledger()); got != want {
		t.Errorf("the vault has %d entries again, want %d", got, want)
	}
	before := len(w.records)
	must(t, n.buy(ann, start.Add(-time.Hour)), n.buy(bob, start.Add(-time.Hour)))
	if len(w.records) != before {
		t.Error("late news of the dead was sealed")
	}
	must(t, n.buy(ann, start.Add(time.Hour)))
	if len(w.records) == before {
		t.Error("a later purchase was not sealed")
	}
	dora := customer{"ten_b", "dora"}
	for _, r := range w.records {
		if _, err := n.keys.Open(ctx, r.place, r.envelope()); r.customer == dora.name && hub.CodeOf(err) != gdpr.CodeKeyGone {
			t.Errorf("a lot of the connection that was killed opens: %v", err)
		}
	}
	w.records = without(w.records, dora.name)
	if v := w.check(); v.dead < 4 || v.living < 4 {
		t.Errorf("proves nothing: %+v", v)
	}
}

// TestRestoreVaultBehindItsHead: the old vault knows the head of the shard, and lacks what the shard was told after it.
func TestRestoreVaultBehindItsHead(t *testing.T) { synctest.Test(t, bodyRestoreVaultBehindItsHead) }

func bodyRestoreVaultBehindItsHead(t *testing.T) {
	w := newWorld(t, 6)
	w.populate()
	n := w.hubs[0]
	must(t, n.erase(customer{"ten_a", "ann"}), n.f.ReconcileAll(ctx, shardIDs))
	old := w.vault.Copy()
	must(t, n.erase(customer{"ten_c", "bob"}), n.erase(customer{"ten_a", "cem"}))
	want := len(w.ledger())
	w.vault.Restore(old)
	n.restart()
	must(t, n.f.ReconcileAll(ctx, shardIDs))
	if got := len(w.ledger()); got != want {
		t.Errorf("the vault has %d entries again, want %d", got, want)
	}
	if v := w.check(); v.dead < 6 || v.living < 2 {
		t.Errorf("proves nothing: %+v", v)
	}
}

// TestRestoreVaultBeforeLots: the lots of a connection were killed, the shop came back, and the vault becomes an old copy from
// between two such deaths. What was dead is dead again; what came after it lives.
func TestRestoreVaultBeforeLots(t *testing.T) { synctest.Test(t, bodyRestoreVaultBeforeLots) }

func bodyRestoreVaultBeforeLots(t *testing.T) {
	w := newWorld(t, 7)
	w.populate()
	n, dora := w.hubs[0], customer{"ten_b", "dora"}
	first := len(w.records)
	_, err := n.f.KillConnection(ctx, "ten_b", "con_1", "redact")
	must(t, err)
	w.now = w.now.Add(time.Hour) // and somebody connects the shop again
	must(t, n.f.Keys.Refresh(ctx), n.buy(dora, w.now))
	old := w.vault.Copy()
	w.vault.Restore(w.emptied(old))
	n.restart()
	must(t, n.f.ReconcileAll(ctx, shardIDs))
	opened := 0
	for i, r := range w.records {
		if r.customer != dora.name {
			continue
		}
		_, err := n.keys.Open(ctx, r.place, r.envelope())
		if i < first != (hub.CodeOf(err) == gdpr.CodeKeyGone) {
			t.Errorf("record %d, of before the death of its lots: %v: %v", i, i < first, err)
		}
		if err == nil {
			opened++
		}
	}
	if opened == 0 {
		t.Error("nothing of the shop that came back opens: proves nothing, or its new lots were killed")
	}
}

// emptied is a copy of a vault without its ledger, so that all entries have to come back from the shards.
func (w *world) emptied(from *gdprtest.Memory) *gdprtest.Memory {
	c := from.Copy()
	c.LoseLedger()
	return c
}

// TestRestoreShardUnderway: a shard becomes an old copy under a running hub. The next tick notices it, nothing is served from
// it before it has caught up, and the dead are emptied again.
func TestRestoreShardUnderway(t *testing.T) { synctest.Test(t, bodyRestoreShardUnderway) }

func bodyRestoreShardUnderway(t *testing.T) {
	w := newWorld(t, 8)
	w.populate()
	n := w.hubs[0]
	n.loop.Runner.Clock = func() time.Time { return time.Time{} } // never due
	must(t, n.erase(customer{"ten_a", "cem"}), n.loop.Tick(ctx))
	old := w.shards.Copy("s1")
	must(t, n.erase(customer{"ten_a", "ann"}), n.loop.Tick(ctx), n.f.Ready("s1"))
	w.shards.Restore("s1", old)
	held := func() (n int) {
		for _, r := range w.records {
			values, err := w.shards.Values(ctx, r.row.Tenant, r.row.Place, r.row.ID)
			must(t, err)
			if r.customer == "ann" && len(r.subjects) == 1 {
				n += len(values)
			}
		}
		return n
	}
	if held() == 0 {
		t.Fatal("the old copy holds nothing of the dead: proves nothing")
	}
	w.acting = n
	n.crashAt, n.calls = 5, 0 // poll, two heads, and in the middle of catching up
	if err := n.loop.Tick(ctx); err == nil {
		t.Fatal("the tick did not fail")
	}
	n.dead, n.crashAt = false, 0
	if err := n.f.Ready("s1"); hub.CodeOf(err) != forget.CodeShardBehind || hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("ready beside an old shard: %v", err)
	}
	must(t, n.f.Ready("s2"), n.loop.Tick(ctx), n.f.Ready("s1"))
	if left := held(); left > 0 {
		t.Errorf("%d values of the dead came back", left)
	}
	calls := n.calls
	must(t, n.loop.Tick(ctx))
	if more := n.calls - calls; more > 5 {
		t.Errorf("%d calls by a tick with nothing to do", more)
	}
	w.check()
}

func without(records []record, name string) (rest []record) {
	for _, r := range records {
		if r.customer != name {
			rest = append(rest, r)
		}
	}
	return rest
}

// TestRestoreVaultThatCounts: the old vault has gone on numbering before the shard was compared with it, under a process
// that was ready. Numbers alone say that nothing is missing.
func TestRestoreVaultThatCounts(t *testing.T) { synctest.Test(t, bodyRestoreVaultThatCounts) }

func bodyRestoreVaultThatCounts(t *testing.T) {
	w := newWorld(t, 3)
	w.populate()
	n, old := w.hubs[0], w.vault.Copy()
	ann := customer{"ten_a", "ann"}
	must(t, n.erase(ann), n.f.ReconcileAll(ctx, shardIDs), n.f.Ready("s1"))
	w.vault.Restore(old)
	eve := customer{"ten_c", "eve"}
	other := w.hubs[1]
	must(t, other.erase(eve))
	if have := len(w.ledger()); have < 3 {
		t.Fatalf("the vault has counted to %d only", have)
	}
	if w.states()[w.killedOf(ann)] == forget.Killed {
		t.Fatal("the old vault knows of the kill")
	}
	must(t, n.f.Reconcile(ctx, "s1"))
	if w.states()[w.killedOf(ann)] != forget.Killed {
		t.Error("somebody killed lives again")
	}
	w.check()
}

// killedOf returns the subject whom the first record of a customer is about.
func (w *world) killedOf(c customer) gdpr.SubjectID {
	for _, r := range w.records {
		if r.customer == c.name && len(r.subjects) == 1 {
			return r.subjects[0]
		}
	}
	return ""
}

// TestRestoreVaultUnderway: the vault becomes an old copy under a running hub. Its next tick makes it good.
func TestRestoreVaultUnderway(t *testing.T) { synctest.Test(t, bodyRestoreVaultUnderway) }

func bodyRestoreVaultUnderway(t *testing.T) {
	w := newWorld(t, 4)
	w.populate()
	n, old := w.hubs[0], w.vault.Copy()
	must(t, n.f.ReconcileAll(ctx, shardIDs), n.erase(customer{"ten_a", "ann"}))
	n.loop.Runner.Clock = func() time.Time { return time.Time{} } // never due
	must(t, n.loop.Tick(ctx))
	w.vault.Restore(old)
	w.acting = n
	n.crashAt, n.calls = 3, 0
	if err := n.loop.Tick(ctx); err == nil {
		t.Fatal("the tick did not fail")
	}
	n.dead, n.crashAt = false, 0
	if err := n.f.Ready("s1"); hub.CodeOf(err) != forget.CodeVaultBehind {
		t.Errorf("ready beside an old vault: %v", err)
	}
	must(t, n.loop.Tick(ctx), n.f.Ready("s1"))
	if w.states()[w.killedOf(customer{"ten_a", "ann"})] != forget.Killed {
		t.Error("somebody killed lives again")
	}
}

// TestRestoreVaultAfterCycle: a vault from before a cycle was sealed under a root that is destroyed.
func TestRestoreVaultAfterCycle(t *testing.T) { synctest.Test(t, bodyRestoreVaultAfterCycle) }

func bodyRestoreVaultAfterCycle(t *testing.T) {
	w := newWorld(t, 5)
	w.populate()
	n, old := w.hubs[0], w.vault.Copy()
	must(t, n.erase(customer{"ten_a", "ann"}))
	w.forget(n, 0)
	w.vault.Restore(old)
	n.restart()
	if err := n.f.Reconcile(ctx, "s1"); hub.CodeOf(err) != gdpr.CodeRootMismatch {
		t.Errorf("reconciling with a vault from before the cycle: %v", err)
	}
	if n.f.Ready("s1") == nil {
		t.Error("ready with a vault from before the cycle")
	}
}

// TestRestoreVaultShorter: after the restore of an old vault, the head of a shard that has made good what it can has a number
// that the vault has not given again yet. The head is one that the vault knows all the same.
func TestRestoreVaultShorter(t *testing.T) { synctest.Test(t, bodyRestoreVaultShorter) }

func bodyRestoreVaultShorter(t *testing.T) {
	w := newWorld(t, 9)
	w.populate()
	n, old := w.hubs[0], w.vault.Copy()
	must(t, n.erase(customer{"ten_a", "ann"}), n.erase(customer{"ten_c", "bob"}), n.f.ReconcileAll(ctx, shardIDs))
	before, err := w.shards.Head(ctx, "s1")
	must(t, err)
	w.vault.Restore(old)
	n.restart()
	must(t, n.f.Reconcile(ctx, "s1"))
	all := w.ledger()
	if int64(len(all)) >= before.Number {
		t.Fatalf("the vault has counted to %d: proves nothing", len(all))
	}
	if head, err := w.shards.Head(ctx, "s1"); err != nil || head != all[len(all)-1] {
		t.Errorf("the head is %+v, %v", head, err)
	}
	compared := false
	w.shards.Faults = func(method string, _ bool) error {
		compared = compared || method == "ShardEntries"
		return nil
	}
	if must(t, n.f.Reconcile(ctx, "s1")); compared {
		t.Error("the shard was compared in full again")
	}
	w.shards.Faults = w.fault
	must(t, n.f.ReconcileAll(ctx, shardIDs))
	w.check()
}

// TestLateHub: another hub erases and catches up while this one is in the middle of a page. Its page, which ends before,
// does not move the shard back, so neither hub refuses anything.
func TestLateHub(t *testing.T) { synctest.Test(t, bodyLateHub) }

func bodyLateHub(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	one, two := w.hubs[0], w.hubs[1]
	w.acting = nil
	for _, n := range w.hubs {
		n.loop.Runner.Clock = func() time.Time { return time.Time{} } // never due
		must(t, n.loop.Tick(ctx))
	}
	must(t, one.erase(customer{"ten_a", "ann"}))
	begun, compared, highest := false, 0, int64(0)
	w.shards.Faults = func(method string, done bool) error {
		if method == "ShardEntries" && !done {
			compared++
		}
		if method == "Do" && !done && !begun { // two has read its page
			begun = true
			must(t, one.erase(customer{"ten_b", "dora"}), one.loop.Tick(ctx))
		}
		if method == "Do" && done {
			head, err := w.shards.Head(ctx, "s1")
			must(t, err)
			if head.Number < highest {
				t.Errorf("the head went back from %d to %d", highest, head.Number)
			}
			highest = head.Number
		}
		return nil
	}
	must(t, two.loop.Tick(ctx))
	head, err := w.shards.Head(ctx, "s1")
	must(t, err)
	if all := w.ledger(); !begun || head.Number != int64(len(all)) {
		t.Errorf("the head is %d of %d", head.Number, len(all))
	}
	for range 2 {
		for _, n := range w.hubs {
			must(t, n.loop.Tick(ctx), n.f.Ready("s1"), n.f.Ready("s2"))
		}
	}
	if compared > 0 {
		t.Errorf("shards were compared in full %d times", compared)
	}
}
