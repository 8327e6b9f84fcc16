package gdprtest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// RunCycles runs the suite that every forget.Cycles passes.
func RunCycles(t *testing.T, open func(*testing.T) Store) {
	run(t, open, []test{
		{"Lead", testLead}, {"StaleEpoch", testStaleEpoch}, {"Save", testSave}, {"SaveOrder", testSaveOrder},
		{"DoneClearsDirty", testDoneClears}, {"DirtyWhileItRuns", testDirtyWhileItRuns}, {"KillsSinceTheLast", testKillsSince},
		{"TombstonesExpire", testTombstonesExpire}, {"Rewrite", testRewrite}, {"RewriteNothing", testRewriteNothing},
		{"RewriteLosesNothing", testRewriteLosesNothing}, {"RewriteMany", testRewriteMany}, {"Census", testCensus}, {"LargeSlot", testLargeSlot},
		{"RewriteBesideAdd", testRewriteBesideAdd}, {"RewriteBesideKill", testRewriteBesideKill},
		{"StoreKeyring", testStoreKeyring}, {"DoneDropsKeyrings", testDoneDropsKeyrings}, {"DropSlots", testDropSlots}, {"Hubs", testHubs},
	})
}

// lead makes a leader until an hour after noon.
func (b bench) lead(holder string, now time.Time) int64 {
	b.Helper()
	return must[int64](b)(b.v.Lead(b.ctx, holder, now, now.Add(time.Hour)))
}

func testLead(b bench) {
	first := b.lead("a", noon)
	_, err := b.v.Lead(b.ctx, "b", noon.Add(time.Hour-time.Microsecond), noon.Add(2*time.Hour))
	b.refused(err, hub.KindConflict, "", "a second leader")
	if again := b.lead("a", noon.Add(time.Minute)); again != first {
		b.Errorf("the epoch of the same leader went from %d to %d", first, again)
	}
	if second := b.lead("b", noon.Add(time.Minute+time.Hour)); second <= first {
		b.Errorf("the epoch of the next leader is %d after %d", second, first)
	}
	_, err = b.v.Lead(b.ctx, "a", noon.Add(2*time.Hour), noon.Add(3*time.Hour))
	b.refused(err, hub.KindConflict, "", "the former leader")
}

func testStaleEpoch(b bench) {
	b.settle(1, 3)
	b.kill(1, 2)
	slot := person(2).Key.Slot
	first := b.lead("a", noon)
	begun := forget.Cycle{Number: 1, Phase: forget.PhaseBegun, Ledger: 1}
	b.ok(b.v.Save(b.ctx, first, begun))
	second := b.lead("b", noon.Add(time.Hour))
	for _, epoch := range []int64{first, second + 1, 0} {
		done := begun
		done.Phase = forget.PhaseDone
		_, drop := b.v.DropSlots(b.ctx, epoch, []gdpr.Slot{gdpr.Week("2026-W01").Slot()})
		for what, err := range map[string]error{
			"Save":         b.v.Save(b.ctx, epoch, done),
			"StoreKeyring": b.v.StoreKeyring(b.ctx, epoch, 0, ring(1, 1, "x")),
			"DropSlots":    drop,
			"Rewrite": b.v.Rewrite(b.ctx, epoch, []gdpr.Slot{slot}, one(func(s forget.Slotful) (*forget.Slotful, error) {
				b.Error("a leader of the past was given a slot")
				return counted(s), nil
			})),
		} {
			b.refused(err, hub.KindConflict, hub.CodeStaleEpoch, what)
		}
	}
	b.equal(must[forget.Cycle](b)(b.v.Current(b.ctx)), begun, "the cycle")
	if len(b.rings()) != 0 || b.poll(0).Revision != 0 {
		b.Error("a leader of the past stored a keyring")
	}
}

func testSave(b bench) {
	b.equal(must[forget.Cycle](b)(b.v.Current(b.ctx)), forget.Cycle{}, "before the first")
	epoch := b.lead("a", noon)
	c := forget.Cycle{Number: 1, Phase: forget.PhaseSealed, From: 3, To: 4, Ledger: 5, Kills: 6, Weeks: 7, Slots: 8, Rows: 9, BeganAt: noon,
		WaitsFor: []string{"hub-1", "hub \"2\""}, Unreadable: []string{"sub_1", "tag 0a0b"},
		Known: []forget.Damage{{Name: "sub_1", Slot: 65535, Digest: hash("damage")}, {Name: "tag 0a0b", Digest: []byte{0, 0xff}}}}
	b.ok(b.v.Save(b.ctx, epoch, c))
	b.equal(must[forget.Cycle](b)(b.v.Current(b.ctx)), c, "while it runs")
	c.Phase, c.EndedAt, c.WaitsFor = forget.PhaseDone, noon.Add(time.Minute), nil
	c.Receipt = gdpr.Receipt{Generation: 3, GoneAt: noon.Add(time.Second), Method: "overwritten, then 'unlinked'", SameVolume: true}
	for range 2 { // the second repeats an unknown outcome
		b.ok(b.v.Save(b.ctx, epoch, c))
		b.equal(must[forget.Cycle](b)(b.v.Current(b.ctx)), c, "at its end")
	}
}

func testSaveOrder(b bench) {
	epoch := b.lead("a", noon)
	save := func(number int64, phase forget.Phase) error {
		return b.v.Save(b.ctx, epoch, forget.Cycle{Number: number, Phase: phase})
	}
	b.refused(save(0, forget.PhaseBegun), hub.KindConflict, "", "number 0")
	b.refused(save(2, forget.PhaseBegun), hub.KindConflict, "", "the second before the first")
	b.refused(save(1, "half"), hub.KindInvalid, "", "an unknown phase")
	b.ok(save(1, forget.PhaseKeyed))
	b.refused(save(1, forget.PhaseBegun), hub.KindConflict, "", "a phase back")
	b.refused(save(2, forget.PhaseBegun), hub.KindConflict, "", "a second while the first runs")
	b.ok(save(1, forget.PhaseKeyed))
	b.ok(save(1, forget.PhaseDone))
	b.refused(save(1, forget.PhaseSealed), hub.KindConflict, "", "a phase back from the end")
	b.ok(save(2, forget.PhaseBegun))
	b.refused(save(1, forget.PhaseDone), hub.KindConflict, "", "the first while the second runs")
	b.refused(save(3, forget.PhaseBegun), hub.KindConflict, "", "a third while the second runs")
}

func (b bench) dirty() []gdpr.Slot {
	b.Helper()
	return must[forget.Pending](b)(b.v.Pending(b.ctx)).Dirty
}

func testDoneClears(b bench) {
	b.settle(1, 3)
	b.kill(1, 2)
	epoch := b.lead("a", noon)
	before := b.dirty()
	b.kill(2, 3) // between the look at what is pending and the beginning
	c := forget.Cycle{Number: 1, Phase: forget.PhaseBegun, Ledger: 1}
	for _, c.Phase = range []forget.Phase{forget.PhaseBegun, forget.PhaseSealed} {
		b.ok(b.v.Save(b.ctx, epoch, c))
		if len(b.dirty()) <= len(before) {
			b.Errorf("phase %s forgot slots", c.Phase)
		}
	}
	c.Phase = forget.PhaseDone
	b.ok(b.v.Save(b.ctx, epoch, c))
	left := []gdpr.Slot{person(2).Key.Slot, person(2).Identity.Slot, mail(2, "address 2").Slot, mail(2, "household").Slot}
	slices.Sort(left)
	b.equal(b.dirty(), left, "what died after its entry")
	c = forget.Cycle{Number: 2, Phase: forget.PhaseDone, Ledger: 2}
	b.ok(b.v.Save(b.ctx, epoch, c))
	b.equal(len(b.dirty()), 0, "dirty after the next")
}

// testDirtyWhileItRuns has a slot become dirty under an entry that the running cycle is for: a kill that is repeated with
// an owner that it lacked.
func testDirtyWhileItRuns(b bench) {
	b.settle(1, 2)
	must[[]forget.Entry](b)(b.v.Kill(b.ctx, entries(forget.Killed, 1, 2), nil))
	epoch := b.lead("a", noon)
	c := forget.Cycle{Number: 1, Phase: forget.PhaseKeyed, Ledger: 1}
	b.ok(b.v.Save(b.ctx, epoch, c))
	b.kill(1, 2)
	c.Phase = forget.PhaseDone
	b.ok(b.v.Save(b.ctx, epoch, c))
	if len(b.dirty()) != 3 || slices.Contains(b.dirty(), person(1).Key.Slot) {
		b.Errorf("dirty %v, want the slots of three tags", b.dirty())
	}
	b.ok(b.v.Save(b.ctx, epoch, forget.Cycle{Number: 2, Phase: forget.PhaseDone, Ledger: 1}))
	b.equal(len(b.dirty()), 0, "dirty after the next")
}

func testKillsSince(b bench) {
	b.settle(1, 5)
	b.kill(1, 3)
	epoch := b.lead("a", noon)
	kills := func(want int64) {
		b.Helper()
		if p := must[forget.Pending](b)(b.v.Pending(b.ctx)); p.Kills != want {
			b.Errorf("%d kills pending, want %d", p.Kills, want)
		}
	}
	b.ok(b.v.Save(b.ctx, epoch, forget.Cycle{Number: 1, Phase: forget.PhaseSealed, Ledger: 2}))
	b.kill(3, 4)
	kills(3)
	b.ok(b.v.Save(b.ctx, epoch, forget.Cycle{Number: 1, Phase: forget.PhaseDone, Ledger: 2}))
	kills(1)
	b.ok(b.v.Save(b.ctx, epoch, forget.Cycle{Number: 2, Phase: forget.PhaseBegun, Ledger: 3}))
	kills(1)
}

func testTombstonesExpire(b bench) {
	stone := func(n int, expires time.Time) forget.Tombstone {
		return forget.Tombstone{Hash: hash("stone", n), At: noon.Add(-time.Hour), Expires: expires}
	}
	b.fence(1, 2, stone(1, noon), stone(2, noon.Add(time.Second)))
	epoch := b.lead("a", noon)
	look := func(want int) {
		b.Helper()
		got := must[map[string]time.Time](b)(b.v.Tombstones(b.ctx, [][]byte{hash("stone", 1), hash("stone", 2)}, noon.Add(-time.Minute)))
		if len(got) != want {
			b.Errorf("%d tombstones are kept, want %d", len(got), want)
		}
	}
	b.ok(b.v.Save(b.ctx, epoch, forget.Cycle{Number: 1, Phase: forget.PhaseSealed, EndedAt: noon}))
	look(2)
	b.ok(b.v.Save(b.ctx, epoch, forget.Cycle{Number: 1, Phase: forget.PhaseDone, EndedAt: noon}))
	look(1)
}

func testStoreKeyring(b bench) {
	epoch := b.lead("a", noon)
	store := func(revision int64, k gdpr.SealedKeyring) error { return b.v.StoreKeyring(b.ctx, epoch, revision, k) }
	b.ok(b.v.PutKeyring(b.ctx, 0, ring(3, 1, "one")))
	b.refused(store(0, ring(4, 1, "x")), hub.KindConflict, gdpr.CodeKeyringStale, "a stale revision")
	b.refused(store(1, ring(4, 3, "x")), hub.KindInvalid, "", "a revision that is not the next")
	b.ok(store(1, ring(3, 2, "two")))
	b.equal(b.rings(), []gdpr.SealedKeyring{ring(3, 2, "two")}, "in the place of the first")
	b.ok(store(2, ring(4, 3, "next")))
	b.equal(b.rings(), []gdpr.SealedKeyring{ring(3, 2, "two"), ring(4, 3, "next")}, "both")
	b.equal(b.poll(0), gdpr.State{Revision: 3, Generation: 4}, "the state")
	b.refused(b.v.PutKeyring(b.ctx, 2, ring(4, 3, "x")), hub.KindConflict, gdpr.CodeKeyringStale, "a hub that missed it")
}

// testDoneDropsKeyrings: what only destroyed roots open goes when a cycle is done, and never the last keyring.
func testDoneDropsKeyrings(b bench) {
	epoch := b.lead("a", noon)
	c := forget.Cycle{Number: 1, Phase: forget.PhaseSealed, From: 3, To: 4}
	b.ok(b.v.PutKeyring(b.ctx, 0, ring(2, 1, "older")))
	b.ok(b.v.PutKeyring(b.ctx, 1, ring(3, 2, "old")))
	both := b.rings()
	b.ok(b.v.Save(b.ctx, epoch, c))
	b.equal(b.rings(), both, "before it is done")
	c.Phase = forget.PhaseDone
	b.ok(b.v.Save(b.ctx, epoch, c))
	if left := b.rings(); !slices.Contains(revisions(left), 2) {
		b.Errorf("done without a keyring under the next root: %d are left", len(left))
	}
	b.ok(b.v.StoreKeyring(b.ctx, epoch, 2, ring(4, 3, "next")))
	b.ok(b.v.Save(b.ctx, epoch, c))
	b.equal(b.rings(), []gdpr.SealedKeyring{ring(4, 3, "next")}, "done")
	b.equal(b.poll(0), gdpr.State{Revision: 3, Generation: 4}, "the state")
}

func revisions(rings []gdpr.SealedKeyring) (list []int64) {
	for _, k := range rings {
		list = append(list, k.Revision)
	}
	return list
}

func testDropSlots(b bench) {
	epoch := b.lead("a", noon)
	const some = 600
	gone, stays := gdpr.Week("2026-W40"), gdpr.Week("2026-W41")
	var keys []gdpr.WrappedKey
	for n := range some {
		k := row(gdpr.KindLot, n)
		k.Expires, k.Slot = gone, gone.Slot()
		if n%3 == 0 {
			k.Expires, k.Slot = stays, stays.Slot()
		}
		keys = append(keys, k)
	}
	b.add(gdpr.Addition{Keys: keys, Subjects: people(1, 2)})
	b.rewrite(epoch, gone.Slot(), counted)
	drop := func(slots ...gdpr.Slot) int64 {
		b.Helper()
		return must[int64](b)(b.v.DropSlots(b.ctx, epoch, slots))
	}
	_, err := b.v.DropSlots(b.ctx, epoch, []gdpr.Slot{gone.Slot(), person(1).Key.Slot})
	b.refused(err, hub.KindInvalid, "", "dropping a bucket")
	if n := drop(gone.Slot(), gdpr.Week("2026-W39").Slot()); n != some*2/3 {
		b.Errorf("dropped %d keys", n)
	}
	if n := drop(gone.Slot()); n != 0 || drop() != 0 {
		b.Errorf("dropped %d keys a second time", n)
	}
	if left := b.find(keys...); len(left) != some/3 || !b.has(1) {
		b.Errorf("%d keys left", len(left))
	}
	b.rewrite(epoch, gone.Slot(), func(s forget.Slotful) *forget.Slotful {
		b.equal(s, forget.Slotful{Slot: gone.Slot()}, "the slot of a dropped week")
		return nil
	})
}

func testHubs(b bench) {
	one := forget.Hub{Instance: "hub-1", Generation: 3, SeenAt: noon}
	two := forget.Hub{Instance: "hub-2", Generation: 4, SeenAt: noon.Add(time.Second)}
	hubs := func(want ...forget.Hub) {
		b.Helper()
		b.equal(must[[]forget.Hub](b)(b.v.Hubs(b.ctx)), want, "hubs")
	}
	hubs()
	b.ok(b.v.Report(b.ctx, two))
	b.ok(b.v.Report(b.ctx, one))
	hubs(one, two)
	one.Generation, one.SeenAt = 4, noon.Add(time.Minute)
	b.ok(b.v.Report(b.ctx, one))
	hubs(one, two)
	b.ok(b.v.RemoveHub(b.ctx, "hub-1"))
	hubs(two)
	b.refused(b.v.RemoveHub(b.ctx, "hub-1"), hub.KindNotFound, "", "removing it again")
}

// rewrite runs f on a slot and requires success.
func (b bench) rewrite(epoch int64, slot gdpr.Slot, f func(forget.Slotful) *forget.Slotful) {
	b.Helper()
	b.ok(b.v.Rewrite(b.ctx, epoch, []gdpr.Slot{slot}, one(func(s forget.Slotful) (*forget.Slotful, error) { return f(s), nil })))
}

// one is f for the single slot of a call; nil leaves it as it is.
func one(f func(forget.Slotful) (*forget.Slotful, error)) func([]forget.Slotful) ([]forget.Slotful, error) {
	return func(all []forget.Slotful) ([]forget.Slotful, error) {
		out, err := f(all[0])
		if err != nil || out == nil {
			return nil, err
		}
		return []forget.Slotful{*out}, nil
	}
}

// slotful reads a slot.
func (b bench) slotful(epoch int64, slot gdpr.Slot) (full forget.Slotful) {
	b.Helper()
	b.rewrite(epoch, slot, func(s forget.Slotful) *forget.Slotful {
		full = s
		return nil
	})
	return full
}

// counted returns a slot with the census that it should have.
func counted(s forget.Slotful) *forget.Slotful {
	digest := make([]byte, 32)
	for _, k := range s.Keys {
		for i, c := range hash(k.ID) {
			digest[i] ^= c
		}
	}
	s.Census = &forget.Census{Generation: 4, Keys: int64(len(s.Keys)), Digest: digest}
	return &s
}

// renewed wraps everything again.
func renewed(s forget.Slotful) *forget.Slotful {
	out := counted(s)
	for i := range out.Keys {
		out.Keys[i].Wrapped, out.Keys[i].Generation = append([]byte("new "), out.Keys[i].Wrapped...), 4
	}
	for i := range out.Tags {
		t := &out.Tags[i]
		t.Link, t.Tag, t.Sealed, t.Generation = hash("new", t.Link), hash("new", t.Tag), []byte("new"), 4
	}
	slices.Reverse(out.Keys)
	return out
}

var errStop = errors.New("stop")
