package gdprtest

import (
	"bytes"
	"slices"
	"sync"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// in moves a person with its tags into one slot.
func in(slot gdpr.Slot, n int) (gdpr.NewSubject, gdpr.Tag) {
	p, t := person(n), mail(n, "household")
	p.Key.Slot, p.Identity.Slot, t.Slot = slot, slot, slot
	return p, t
}

// crowd stores persons in one slot.
func (b bench) crowd(slot gdpr.Slot, from, to int) {
	b.Helper()
	var a gdpr.Addition
	for n := from; n < to; n++ {
		p, t := in(slot, n)
		a.Subjects, a.Tags = append(a.Subjects, p), append(a.Tags, t)
	}
	b.add(a)
}

const theSlot = gdpr.Slot(4711)

func testRewrite(b bench) {
	b.crowd(theSlot, 1, 4)
	b.crowd(theSlot+1, 4, 5)
	epoch := b.lead("a", noon)
	var given, made forget.Slotful
	b.rewrite(epoch, theSlot, func(s forget.Slotful) *forget.Slotful {
		given = s
		given.Keys, given.Tags = slices.Clone(s.Keys), slices.Clone(s.Tags)
		made = *renewed(s)
		return &made
	})
	if len(given.Keys) != 3 || len(given.Tags) != 6 || given.Slot != theSlot || given.Counted != 0 || given.Census != nil || given.Killed != nil {
		b.Fatalf("given %+v", given)
	}
	byTag := map[string]gdpr.Tag{}
	for _, t := range made.Tags {
		byTag[string(t.Link)] = t
	}
	old := must[map[string]gdpr.Tag](b)(b.v.Links(b.ctx, []gdpr.Link{given.Tags[0].At(), {Slot: theSlot + 1, Link: person(4).Identity.Link}}))
	if len(old) != 1 {
		b.Errorf("%d tags under old links, want that of the other slot", len(old))
	}
	found := b.find(made.Keys...)
	for _, k := range made.Keys {
		b.equal(found[string(k.Tag)], k, "a key")
	}
	after := b.slotful(epoch, theSlot)
	if after.Counted != 3 || !slices.IsSortedFunc(after.Keys, func(a, b gdpr.WrappedKey) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) }) {
		b.Errorf("counted %d of %d", after.Counted, len(after.Keys))
	}
	b.equal(after.Census, made.Census, "the census")
	for _, t := range after.Tags {
		b.equal(t, byTag[string(t.Link)], "a tag")
	}
	if other := b.slotful(epoch, theSlot+1); len(other.Keys) != 1 || len(other.Tags) != 2 || other.Census != nil || other.Keys[0].Generation != 3 {
		b.Errorf("the other slot %+v", other)
	}
	b.equal(b.kill(1, 2)[0].Number, int64(1), "killing by owner what has new links")
	b.person(1, false, 0, 0)
}

func testRewriteNothing(b bench) {
	b.crowd(theSlot, 1, 3)
	epoch := b.lead("a", noon)
	before := b.slotful(epoch, theSlot)
	err := b.v.Rewrite(b.ctx, epoch, []gdpr.Slot{theSlot}, one(func(s forget.Slotful) (*forget.Slotful, error) { return renewed(s), errStop }))
	if err == nil {
		b.Error("the error of f was lost")
	}
	b.equal(b.slotful(epoch, theSlot), before, "after an error of f")
	b.equal(b.slotful(epoch, theSlot+1), forget.Slotful{Slot: theSlot + 1}, "an empty slot")
	b.rewrite(epoch, theSlot+1, counted)
	if s := b.slotful(epoch, theSlot+1); s.Census == nil || s.Census.Keys != 0 {
		b.Errorf("the census of an empty slot: %+v", s)
	}
}

// testRewriteLosesNothing returns other rows than were given.
func testRewriteLosesNothing(b bench) {
	b.crowd(theSlot, 1, 4)
	epoch := b.lead("a", noon)
	before := b.slotful(epoch, theSlot)
	for what, change := range map[string]func(*forget.Slotful){
		"a key less":         func(s *forget.Slotful) { s.Keys = s.Keys[1:] },
		"a key more":         func(s *forget.Slotful) { s.Keys = append(s.Keys, row(gdpr.KindTenant, 9)) },
		"a key twice":        func(s *forget.Slotful) { s.Keys[0] = s.Keys[1] },
		"another key's tag":  func(s *forget.Slotful) { s.Keys[0].Tag = hash("x") },
		"another tenant":     func(s *forget.Slotful) { s.Keys[0].Tenant = "ten_x" },
		"another week":       func(s *forget.Slotful) { s.Keys[0].Expires = "2030-W01" },
		"a key elsewhere":    func(s *forget.Slotful) { s.Keys[0].Slot++ },
		"a tag less":         func(s *forget.Slotful) { s.Tags = s.Tags[1:] },
		"a tag more":         func(s *forget.Slotful) { s.Tags = append(s.Tags, mail(9, "x")) },
		"a tag elsewhere":    func(s *forget.Slotful) { s.Tags[0].Slot++ },
		"another slot":       func(s *forget.Slotful) { s.Slot++ },
		"rows but no census": func(s *forget.Slotful) { s.Census = nil },
	} {
		err := b.v.Rewrite(b.ctx, epoch, []gdpr.Slot{theSlot}, one(func(s forget.Slotful) (*forget.Slotful, error) {
			out := renewed(s)
			change(out)
			return out, nil
		}))
		b.refused(err, hub.KindInvalid, "", what)
	}
	b.equal(b.slotful(epoch, theSlot), before, "after all of them")
}

// testRewriteMany rewrites several slots in one call: some of them, all or none.
func testRewriteMany(b bench) {
	const slots, each = 40, 3
	var all []gdpr.Slot
	for i := range slots {
		all = append(all, theSlot+gdpr.Slot(i))
		b.crowd(all[i], 10*i, 10*i+each)
	}
	b.crowd(theSlot+slots, 5000, 5001) // beside them
	all = append(all, theSlot+slots+1) // nobody is there
	epoch := b.lead("a", noon)
	look := func() (list []forget.Slotful) {
		for _, slot := range append(all, theSlot+slots) {
			list = append(list, b.slotful(epoch, slot))
		}
		return list
	}
	before := look()
	rewrite := func(f func([]forget.Slotful) ([]forget.Slotful, error)) error {
		return b.v.Rewrite(b.ctx, epoch, all, func(given []forget.Slotful) ([]forget.Slotful, error) {
			b.equal(given, before[:len(all)], "what f was given")
			return f(given)
		})
	}
	for what, change := range map[string]func([]forget.Slotful) []forget.Slotful{
		"a key of another slot": func(l []forget.Slotful) []forget.Slotful {
			l[0].Keys[0], l[1].Keys[0] = l[1].Keys[0], l[0].Keys[0]
			return l
		},
		"a slot twice": func(l []forget.Slotful) []forget.Slotful { return append(l, l[3]) },
		"a slot that was not asked for": func(l []forget.Slotful) []forget.Slotful {
			return append(l, forget.Slotful{Slot: theSlot - 1, Census: &forget.Census{Digest: hash()}})
		},
		"the last one short": func(l []forget.Slotful) []forget.Slotful { l[slots-1].Tags = l[slots-1].Tags[1:]; return l },
	} {
		err := rewrite(func(given []forget.Slotful) (out []forget.Slotful, _ error) {
			for _, s := range given {
				out = append(out, *renewed(s))
			}
			return change(out), nil
		})
		b.refused(err, hub.KindInvalid, "", what)
	}
	b.equal(look(), before, "after what was refused")
	b.ok(rewrite(func(given []forget.Slotful) (out []forget.Slotful, _ error) {
		for i, s := range given {
			if i%2 == 0 {
				out = append(out, *renewed(s))
			}
		}
		return out, nil
	}))
	for i, s := range look() {
		fresh, rows := i%2 == 0 && i <= slots, len(s.Keys)
		if !fresh {
			if want := before[i]; i != slots {
				b.equal(s, want, "what was left as it is")
			}
			continue
		}
		if s.Census == nil || s.Counted != rows || i < slots && (rows != each || len(s.Tags) != 2*each) {
			b.Errorf("slot %d: %+v", i, s)
		}
		for _, k := range s.Keys {
			if !bytes.HasPrefix(k.Wrapped, []byte("new ")) {
				b.Errorf("%s is as it was", k.ID)
			}
		}
	}
}

// testCensus follows a slot over several cycles.
func testCensus(b bench) {
	epoch := b.lead("a", noon)
	look := func(what string, census int64, counted, keys int, killed ...int) {
		b.Helper()
		s := b.slotful(epoch, theSlot)
		var ids []string
		for _, n := range killed {
			ids = append(ids, id(gdpr.SubjectPrefix, n))
		}
		slices.Sort(ids)
		if s.Census == nil || s.Census.Keys != census || s.Counted != counted || len(s.Keys) != keys || !slices.Equal(s.Killed, ids) {
			b.Errorf("%s: census %+v, counted %d of %d, killed %v; want %d, %d of %d, %v", what, s.Census, s.Counted, len(s.Keys), s.Killed, census, counted, keys, ids)
		}
		for i, k := range s.Keys {
			n := slices.IndexFunc(people(1, 20), func(p gdpr.NewSubject) bool { return p.Key.ID == k.ID }) + 1
			if fresh := n >= 10; fresh != (i >= s.Counted) {
				b.Errorf("%s: person %d is at place %d of %d counted", what, n, i, s.Counted)
			}
		}
	}
	b.crowd(theSlot, 1, 6)
	b.kill(1, 2) // before anybody counted
	b.rewrite(epoch, theSlot, counted)
	look("at first", 4, 4, 4)
	b.crowd(theSlot, 10, 12) // after the count, still in the same cycle and generation
	look("after additions", 4, 4, 6)
	b.kill(2, 3)
	b.kill(10, 11)
	look("after kills", 4, 3, 4, 2)
	b.kill(3, 4)
	look("after another", 4, 2, 3, 2, 3)
	b.rewrite(epoch, theSlot, counted)
	if s := b.slotful(epoch, theSlot); s.Census.Keys != 3 || s.Counted != 3 || s.Killed != nil {
		b.Errorf("counted again: %+v", s)
	}
	week := lots(tenant, "con_a", 0, 3)
	b.add(gdpr.Addition{Keys: week})
	b.rewrite(epoch, week[0].Slot, counted)
	must[forget.Entry](b)(b.v.KillLots(b.ctx, forget.Entry{ID: "ers_lots", Tenant: tenant, At: noon}, "con_a", false))
	if s := b.slotful(epoch, week[0].Slot); s.Census.Keys != 3 || len(s.Killed) != 3 || len(s.Keys) != 0 {
		b.Errorf("a week: %+v", s)
	}
}

func testLargeSlot(b bench) {
	b.crowd(theSlot, 0, large)
	epoch := b.lead("a", noon)
	b.rewrite(epoch, theSlot, renewed)
	s := b.slotful(epoch, theSlot)
	if len(s.Keys) != large || len(s.Tags) != 2*large || s.Counted != large || s.Census.Keys != large {
		b.Errorf("%d keys, %d tags, %d counted", len(s.Keys), len(s.Tags), s.Counted)
	}
	for _, k := range s.Keys {
		if !bytes.HasPrefix(k.Wrapped, []byte("new ")) {
			b.Fatalf("%s is as it was", k.ID)
		}
	}
}

// testRewriteBesideAdd adds persons to a slot while it is rewritten again and again: none is lost, and the census counted
// exactly those that it says.
func testRewriteBesideAdd(b bench) {
	const hubs, each = 3, 15
	epoch := b.lead("a", noon)
	b.crowd(theSlot, 0, 20)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for h := range hubs {
		wg.Go(func() {
			for i := range each {
				p, t := in(theSlot, 1000*(h+1)+i)
				if _, err := b.v.Add(b.ctx, 0, gdpr.Addition{Subjects: []gdpr.NewSubject{p}, Tags: []gdpr.Tag{t}}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	rounds, seen := 0, int64(0)
	for running := true; running; rounds++ {
		select {
		case <-done:
			running = false
		default:
		}
		b.rewrite(epoch, theSlot, func(s forget.Slotful) *forget.Slotful {
			if s.Census != nil && (int64(s.Counted) != s.Census.Keys || !bytes.Equal(counted(forget.Slotful{Keys: s.Keys[:s.Counted]}).Census.Digest, s.Census.Digest)) {
				b.Errorf("round %d: the census has %d keys, %d are marked as counted", rounds, s.Census.Keys, s.Counted)
			}
			seen = int64(len(s.Keys))
			return counted(s)
		})
	}
	s := b.slotful(epoch, theSlot)
	if want := 20 + hubs*each; len(s.Keys) != want || len(s.Tags) != 2*want || seen != int64(want) {
		b.Errorf("%d keys and %d tags, want %d persons", len(s.Keys), len(s.Tags), want)
	}
	b.Logf("%d rewrites beside %d additions, 0 lost", rounds, hubs*each)
}

// testRewriteBesideKill kills persons of a slot while it is rewritten under ever new links: nothing of them is left, and
// the death of everybody who was counted is accounted for.
func testRewriteBesideKill(b bench) {
	const persons = 30
	epoch := b.lead("a", noon)
	b.crowd(theSlot, 0, persons)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for part := range 3 {
		wg.Go(func() {
			for n := part; n < persons; n += 3 {
				if _, err := b.v.Kill(b.ctx, entries(forget.Killed, n, n+1), owners(n, n+1)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	rounds := 0
	for running := true; running; rounds++ {
		select {
		case <-done:
			running = false
		default:
		}
		b.rewrite(epoch, theSlot, func(s forget.Slotful) *forget.Slotful {
			if s.Census != nil && s.Census.Keys != int64(s.Counted+len(s.Killed)) {
				b.Errorf("round %d: %d counted, %d live and %d died", rounds, s.Census.Keys, s.Counted, len(s.Killed))
			}
			for i := range s.Tags {
				s.Tags[i].Link = hash("next", s.Tags[i].Link)
			}
			return counted(s)
		})
	}
	for n := range persons {
		b.person(n, false, 0, 0)
	}
	if s := b.slotful(epoch, theSlot); len(s.Keys)+len(s.Tags)+len(s.Killed) != 0 || s.Census.Keys != 0 {
		b.Errorf("left %+v", s)
	}
	b.Logf("%d rewrites beside %d kills, 0 came back", rounds, persons)
}
