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

// hurt replaces the key of a customer, of which both hubs forget what they remember.
func (w *world) hurt(c customer, change func(*gdpr.WrappedKey)) gdpr.SubjectID {
	w.t.Helper()
	id := w.killedOf(c)
	rows, err := w.vault.ByID(ctx, []string{string(id)})
	if err != nil || len(rows) != 1 {
		w.t.Fatal(len(rows), err)
	}
	k := rows[string(id)]
	change(&k)
	w.vault.Replace(k)
	for _, n := range w.hubs {
		n.restart()
		if err := n.f.ReconcileAll(ctx, shardIDs); err != nil {
			w.t.Fatal(err)
		}
	}
	return id
}

func flip(k *gdpr.WrappedKey) { k.Wrapped[len(k.Wrapped)-1] ^= 1 }

// TestEraseDamaged: somebody whose own key is damaged is erased like everybody: keys, tags, values and every copy of them,
// among which there are whole ones. The ledgers of both sides say that the key was damaged.
func TestEraseDamaged(t *testing.T) { synctest.Test(t, bodyEraseDamaged) }

func bodyEraseDamaged(t *testing.T) {
	slot := func(k *gdpr.WrappedKey) { k.Slot ^= 1 }
	for _, counted := range []bool{false, true} {
		of := map[string]func(*gdpr.WrappedKey){"its connection": func(k *gdpr.WrappedKey) { k.Connection = "con_2" }, "its slot": slot}
		if counted {
			of = map[string]func(*gdpr.WrappedKey){"its value": flip, "its slot": slot}
		}
		for what, change := range of {
			w := newWorld(t, 1)
			if counted {
				w.ids = oneBucket(w.ids)
				w.hubs[0].restart()
			}
			w.populate()
			n, cem, ann := w.hubs[0], customer{"ten_a", "cem"}, customer{"ten_a", "ann"}
			if counted { // every bucket of keys
				must(t, n.erase(ann))
				w.forget(n, 0)
				w.loot()
			}
			id := w.hurt(cem, change)
			records := len(w.records)
			must(t, n.erase(cem))
			entries, err := w.shards.ShardEntries(ctx, "s1", "", 1000)
			must(t, err)
			damaged := 0
			for _, e := range append(w.ledger(), entries...) {
				if e.Damaged {
					damaged++
				}
				if e.Damaged != (e.Subject == id) {
					t.Errorf("%s: %s of %s says damaged %v", what, e.What, e.Subject, e.Damaged)
				}
			}
			if damaged != 4 {
				t.Errorf("%s: %d entries say so, want a fence and a kill on each side", what, damaged)
			}
			if all := w.forget(n, 0); len(all) != 1 || all[0].Kills != 1 || all[0].Unreadable != nil {
				t.Errorf("%s, counted %v: the cycles %+v", what, counted, all)
			}
			must(t, n.buy(cem, w.now.Add(-time.Hour)))
			if len(w.records) != records {
				t.Errorf("%s: late news brought the person back", what)
			}
			must(t, n.buy(cem, w.now.Add(time.Hour)))
			if v := w.check(); v.dead < 2 || v.living < 4 || v.control == 0 {
				t.Errorf("%s: proves nothing: %+v", what, v)
			}
		}
	}
}

// TestEraseDamagedTags: no tag leads to somebody whose key is damaged. While identities do not open one may be theirs, and
// they are named and wait; the others do not wait. Who has no tags, or lost the identity to a fence before, is killed.
func TestEraseDamagedTags(t *testing.T) { synctest.Test(t, bodyEraseDamagedTags) }

func bodyEraseDamagedTags(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	n, cem, ann := w.hubs[0], customer{"ten_a", "cem"}, customer{"ten_a", "ann"}
	whole := w.vault.Tags()
	owners, _, err := n.keys.Owners(ctx, cem.tenant, []gdpr.SubjectID{w.killedOf(cem)})
	must(t, err)
	mark := owners[w.killedOf(cem)]
	for _, tag := range whole {
		if slices.Equal(tag.Owner, mark[:]) {
			bad := tag
			bad.Sealed = slices.Clone(tag.Sealed)
			bad.Sealed[len(bad.Sealed)-1] ^= 1
			w.vault.ReplaceTag(bad)
		}
	}
	id := w.hurt(cem, flip)
	who := append(w.crowd(20), id, w.killedOf(ann))
	all, err := n.f.Kill(ctx, cem.tenant, who, "erasure")
	if hub.CodeOf(err) != hub.CodeUnreadable || len(all) != 21 || w.states()[id] != "" {
		t.Errorf("%d entries, %s is %q, %v", len(all), id, w.states()[id], err)
	}
	for _, tag := range whole {
		if slices.Equal(tag.Owner, mark[:]) {
			w.vault.ReplaceTag(tag)
		}
	}
	if all, err = n.f.Kill(ctx, cem.tenant, who, "erasure"); err != nil || len(all) != 22 || w.states()[id] != forget.Killed {
		t.Errorf("the tags are whole again: %d entries, %s is %q, %v", len(all), id, w.states()[id], err)
	}
	dora := customer{"ten_b", "dora"}
	_, err = n.f.Fence(ctx, dora.tenant, []gdpr.SubjectID{w.killedOf(dora)}, "erasure")
	must(t, err)
	id = w.hurt(dora, flip)
	if _, err = n.f.Kill(ctx, dora.tenant, []gdpr.SubjectID{id}, "erasure"); err != nil || w.states()[id] != forget.Killed {
		t.Errorf("fenced before: %v", err)
	}
	for _, e := range w.ledger() {
		if e.Subject == id && e.Damaged != (e.What == forget.Killed) {
			t.Errorf("%+v", e)
		}
	}
	if found, err := n.keys.Find(ctx, dora.tenant, []hub.ConnectionID{"con_1"}, dora.identifiers()[0]); err != nil || len(found) > 0 {
		t.Errorf("the address still leads to %v, %v", found, err)
	}
	w.forget(n, 1000)
}

// soilTags has the next cycle come to all tags.
func (w *world) soilTags() {
	for _, tag := range w.vault.Tags() {
		w.vault.Soil(tag.Slot)
	}
}

// moving is a ledger beside which something happens once, after the index was read in part.
type moving struct {
	forget.Ledger
	meanwhile func()
}

func (m *moving) Index(ctx context.Context, from, below gdpr.Slot) ([]gdpr.Tag, error) {
	if do := m.meanwhile; do != nil && from > 0 {
		m.meanwhile = nil
		do()
	}
	return m.Ledger.Index(ctx, from, below)
}

// TestEraseDamagedMoving: the tags move under other keys while they are searched. That is for a repetition, and nobody is half
// dead before it.
func TestEraseDamagedMoving(t *testing.T) { synctest.Test(t, bodyEraseDamagedMoving) }

func bodyEraseDamagedMoving(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	n, other, cem := w.hubs[0], w.hubs[1], customer{"ten_a", "cem"}
	id := w.hurt(cem, flip)
	n.f.Ledger = &moving{w.vault, func() {
		w.soilTags()
		w.forget(other, 2)
	}}
	_, err := n.f.Fence(ctx, cem.tenant, []gdpr.SubjectID{id}, "erasure")
	if hub.KindOf(err) != hub.KindUnavailable || w.states()[id] != "" {
		t.Errorf("the tags moved: %s is %q, %v", id, w.states()[id], err)
	}
	must(t, n.erase(cem))
	w.forget(n, 0)
	w.check()
}

// TestDamagedOnce: damage that was waited for, or approved, is named again by the next cycle and not waited for again, as long
// as the row stays as it is.
func TestDamagedOnce(t *testing.T) { synctest.Test(t, bodyDamagedOnce) }

func bodyDamagedOnce(t *testing.T) {
	for _, approved := range []bool{false, true} {
		w := newWorld(t, 1)
		w.ids = oneBucket(w.ids)
		w.hubs[0].restart()
		w.populate()
		n, cem := w.hubs[0], customer{"ten_a", "cem"}
		id := string(w.hurt(cem, flip))
		who := w.crowd(20)
		kill := func() {
			t.Helper()
			_, err := n.f.Kill(ctx, "ten_a", who[:1], "erasure")
			must(t, err, w.report())
			who = who[1:]
		}
		waits := func(what string) {
			t.Helper()
			if c, err := n.runner.Run(ctx, 0); hub.CodeOf(err) != forget.CodeKeysDamaged || !slices.Contains(c.Unreadable, id) {
				t.Errorf("%s: no cycle waits: %v", what, err)
			}
		}
		done := func(what string, approve int64, unreadable ...string) {
			t.Helper()
			n.restart()
			all := w.forget(n, approve)
			if len(all) != 1 || !slices.Equal(all[0].Unreadable, unreadable) || len(all[0].Known) != len(unreadable) {
				t.Errorf("%s: %+v", what, all)
			}
		}
		kill()
		waits("fresh damage")
		approve := int64(0)
		if approved {
			approve = 2
		} else {
			w.now = w.now.Add(mendingAndMore)
		}
		done("the first cycle", approve, id)
		for range 2 {
			kill()
			done("a later one", 0, id)
		}
		rows, err := w.vault.ByID(ctx, []string{id})
		must(t, err)
		for _, change := range []func(*gdpr.WrappedKey){
			func(k *gdpr.WrappedKey) { k.Wrapped[len(k.Wrapped)-2] ^= 1 }, func(k *gdpr.WrappedKey) { k.Tenant = "ten_b" },
			func(k *gdpr.WrappedKey) { k.Class = gdpr.LotRaw },
		} {
			worse := rows[id]
			worse.Wrapped = slices.Clone(worse.Wrapped)
			change(&worse)
			w.vault.Replace(worse)
			kill()
			waits("other damage of the same row")
			w.vault.Replace(rows[id])
			done("the known damage", 0, id)
		}
		must(t, n.erase(cem)) // the row goes, and with it what is known of it
		done("after the erasure", 0)
		w.check()
	}
}

// TestDamagedTagOnce: the same for tags of the index, beside damage that is new.
func TestDamagedTagOnce(t *testing.T) { synctest.Test(t, bodyDamagedTagOnce) }

func bodyDamagedTagOnce(t *testing.T) {
	w := newWorld(t, 1)
	n := w.hubs[0]
	must(t, w.report())
	who := w.crowd(20)
	spoil := func(s gdpr.SubjectID) string {
		t.Helper()
		owners, _, err := n.keys.Owners(ctx, "ten_a", []gdpr.SubjectID{s})
		must(t, err)
		mark, tags := owners[s], w.vault.Tags()
		tag := tags[slices.IndexFunc(tags, func(t gdpr.Tag) bool { return t.Identity && slices.Equal(t.Owner, mark[:]) })]
		tag.Sealed[len(tag.Sealed)-1] ^= 1
		w.vault.ReplaceTag(tag)
		return tag.Name()
	}
	cycle := func(approve int64) (forget.Cycle, error) {
		t.Helper()
		_, err := n.f.Kill(ctx, "ten_a", who[:1], "erasure")
		must(t, err, w.report())
		who = who[1:]
		w.soilTags()
		return n.runner.Run(ctx, approve)
	}
	first := spoil(who[len(who)-1])
	if c, err := cycle(0); hub.CodeOf(err) != forget.CodeKeysDamaged || !slices.Equal(c.Unreadable, []string{first}) {
		t.Fatalf("fresh damage: %+v, %v", c.Unreadable, err)
	}
	w.now = w.now.Add(mendingAndMore)
	w.forget(n, 0)
	if c, err := cycle(0); err != nil || !slices.Equal(c.Unreadable, []string{first}) {
		t.Errorf("known damage: %+v, %v", c.Unreadable, err)
	}
	w.forget(n, 0)
	names := []string{spoil(who[len(who)-2]), first}
	slices.Sort(names)
	c, err := cycle(0)
	if slices.Sort(c.Unreadable); hub.CodeOf(err) != forget.CodeKeysDamaged || !slices.Equal(c.Unreadable, names) || len(c.Known) != 1 {
		t.Errorf("known damage and more: %+v, %v", c, err)
	}
	if all := w.forget(n, c.Kills+1); len(all) != 1 || len(all[0].Known) != 2 { // one is to be approved, not two
		t.Errorf("approved: %+v", all)
	}
}

// TestEraseWhileWaiting: whom a cycle waits for is erased meanwhile. It goes on, and the next one is for that person.
func TestEraseWhileWaiting(t *testing.T) { synctest.Test(t, bodyEraseWhileWaiting) }

func bodyEraseWhileWaiting(t *testing.T) {
	w := newWorld(t, 1)
	w.ids = oneBucket(w.ids)
	w.hubs[0].restart()
	w.populate()
	n, cem := w.hubs[0], customer{"ten_a", "cem"}
	must(t, n.erase(customer{"ten_a", "ann"}), w.report())
	w.hurt(cem, flip)
	if c, err := n.runner.Run(ctx, 0); hub.CodeOf(err) != forget.CodeKeysDamaged || c.Phase != forget.PhaseKeyed {
		t.Fatalf("%+v, %v", c, err)
	}
	w.loot()
	must(t, n.erase(cem))
	all := w.forget(n, 0)
	if len(all) != 2 || all[0].Unreadable != nil || all[1].Unreadable != nil || all[1].Kills != 1 || all[1].Known != nil {
		t.Errorf("%+v", all)
	}
	if v := w.check(); v.dead < 4 || v.living < 4 || v.control == 0 {
		t.Errorf("proves nothing: %+v", v)
	}
}
