package gdprtest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// RunLedger runs the suite that every forget.Ledger passes, with what a gdpr.Vault tells of it.
func RunLedger(t *testing.T, open func(*testing.T) Store) {
	run(t, open, []test{
		{"Fence", testFence}, {"Kill", testKill}, {"Repeated", testRepeated}, {"EntryTakenIsConflict", testEntryTaken},
		{"WrongEntries", testWrongEntries}, {"Tombstones", testTombstones}, {"NobodyComesBack", testNobodyComesBack},
		{"KillLots", testKillLots}, {"KillLotsAgain", testKillLotsAgain}, {"KillLotsOfThen", testKillLotsOfThen}, {"NotPersons", testNotPersons}, {"KillCredential", testKillCredential}, {"Note", testNote}, {"Entries", testEntries},
		{"Poll", testPoll}, {"PollGap", testPollGap}, {"LargeKill", testLargeKill}, {"DenseNumbers", testDenseNumbers},
		{"KillBesideAdd", testKillBesideAdd}, {"KillDamaged", testKillDamaged}, {"Index", testIndex},
	})
}

// settle stores persons with an address each.
func (b bench) settle(from, to int) {
	b.Helper()
	a := gdpr.Addition{Subjects: people(from, to)}
	for n := from; n < to; n++ {
		a.Tags = append(a.Tags, mail(n, fmt.Sprint("address ", n)), mail(n, "household"))
	}
	b.add(a)
}

func (b bench) fence(from, to int, stones ...forget.Tombstone) []forget.Entry {
	b.Helper()
	return must[[]forget.Entry](b)(b.v.Fence(b.ctx, entries(forget.Fenced, from, to), owners(from, to), stones))
}

func (b bench) kill(from, to int) []forget.Entry {
	b.Helper()
	return must[[]forget.Entry](b)(b.v.Kill(b.ctx, entries(forget.Killed, from, to), owners(from, to)))
}

// person requires a person's key and numbers of tags.
func (b bench) person(n int, key bool, identities, others int) {
	b.Helper()
	i, o := b.tags(n)
	if got := b.has(n); got != key || i != identities || o != others {
		b.Errorf("person %d: key %v, %d identities, %d other tags; want %v, %d, %d", n, got, i, o, key, identities, others)
	}
}

// numbered is entries with numbers from a first one on.
func numbered(first int64, list []forget.Entry) []forget.Entry {
	for i := range list {
		list[i].Number = first + int64(i)
	}
	return list
}

func testFence(b bench) {
	b.settle(1, 4)
	b.equal(b.fence(1, 3), numbered(1, entries(forget.Fenced, 1, 3)), "the entries")
	b.person(1, true, 0, 2)
	b.person(2, true, 0, 2)
	b.person(3, true, 1, 2)
	p := must[forget.Pending](b)(b.v.Pending(b.ctx))
	want := []gdpr.Slot{person(1).Identity.Slot, person(2).Identity.Slot}
	slices.Sort(want)
	b.equal(p, forget.Pending{Ledger: 2, Subjects: 3, Identities: 1, Fenced: 2, Dirty: want}, "pending")
	again := person(1) // the same customer later
	again.Key, again.Identity.Owner = row(gdpr.KindSubject, 101), owner(101)
	b.equal(b.add(gdpr.Addition{Subjects: []gdpr.NewSubject{again}}).Identities[string(again.Identity.Link)], again.Identity, "somebody new")
}

func testKill(b bench) {
	b.settle(1, 4)
	b.fence(1, 2)
	b.equal(b.kill(1, 3), numbered(2, entries(forget.Killed, 1, 3)), "the entries")
	b.person(1, false, 0, 0)
	b.person(2, false, 0, 0) // who was not fenced before
	b.person(3, true, 1, 2)
	if got := must[[]gdpr.Tag](b)(b.v.Tagged(b.ctx, mail(1, "household").Slot, mail(1, "household").Tag, nil, 10)); len(got) != 1 {
		b.Errorf("the household has %d members", len(got))
	}
	slots := []gdpr.Slot{mail(1, "household").Slot}
	for n := 1; n < 3; n++ {
		slots = append(slots, person(n).Key.Slot, person(n).Identity.Slot, mail(n, fmt.Sprint("address ", n)).Slot)
	}
	slices.Sort(slots)
	p := must[forget.Pending](b)(b.v.Pending(b.ctx))
	b.equal(p, forget.Pending{Ledger: 3, Kills: 2, Subjects: 1, Identities: 1, Dirty: slices.Compact(slots)}, "pending")
	b.kill(9, 10) // whose key is nowhere
	if got := must[forget.Pending](b)(b.v.Pending(b.ctx)); got.Kills != 3 || got.Subjects != 1 {
		b.Errorf("pending %+v", got)
	}
}

// testRepeated repeats calls whose outcome was unknown, in part with others, and with other ids for the same persons.
func testRepeated(b bench) {
	b.settle(1, 5)
	fenced, killed := b.fence(1, 3), b.kill(1, 3)
	b.equal(b.fence(1, 3), fenced, "the same fence")
	b.equal(b.kill(1, 3), killed, "the same kill")
	other := entries(forget.Killed, 1, 4)
	for i := range other {
		other[i].ID = id(forget.EntryPrefix, 100+i) + "k"
	}
	b.equal(must[[]forget.Entry](b)(b.v.Kill(b.ctx, other, owners(1, 4))), append(killed, numbered(5, other[2:])...), "the same persons and another")
	twice := []forget.Entry{entry(forget.Killed, 4), entry(forget.Killed, 4)}
	got := must[[]forget.Entry](b)(b.v.Kill(b.ctx, twice, [][]byte{owner(4), owner(4)}))
	b.equal(got, []forget.Entry{numbered(6, entries(forget.Killed, 4, 5))[0], numbered(6, entries(forget.Killed, 4, 5))[0]}, "one person twice in a call")
	if all := must[[]forget.Entry](b)(b.v.Entries(b.ctx, 0, 100)); len(all) != 6 || b.poll(0).Ledger != 6 {
		b.Errorf("%d entries", len(all))
	}
	b.equal(must[[]forget.Entry](b)(b.v.Kill(b.ctx, nil, nil)), []forget.Entry{}, "nothing")
}

func testEntryTaken(b bench) {
	b.settle(1, 4)
	b.kill(1, 2)
	thief := entry(forget.Killed, 2)
	thief.ID = entry(forget.Killed, 1).ID
	_, err := b.v.Kill(b.ctx, []forget.Entry{entry(forget.Killed, 3), thief}, owners(2, 4))
	b.refused(err, hub.KindConflict, "", "an entry's id under another person")
	_, err = b.v.Fence(b.ctx, []forget.Entry{{ID: "ers_x", What: forget.Fenced, Tenant: tenant, Subject: thief.Subject},
		{ID: "ers_x", What: forget.Fenced, Tenant: tenant, Subject: entry(forget.Fenced, 3).Subject}}, nil, nil)
	b.refused(err, hub.KindConflict, "", "one id for two persons")
	b.person(2, true, 1, 2)
	b.person(3, true, 1, 2)
	if l := b.poll(0).Ledger; l != 1 {
		b.Errorf("ledger %d", l)
	}
}

func testWrongEntries(b bench) {
	lot := entry(forget.Killed, 1)
	lot.Subject = "con_a"
	_, err := b.v.Kill(b.ctx, []forget.Entry{lot}, nil)
	b.refused(err, hub.KindInvalid, "", "a connection as a person")
	_, err = b.v.Kill(b.ctx, entries(forget.Fenced, 1, 2), nil)
	b.refused(err, hub.KindInvalid, "", "a fence as a kill")
	_, err = b.v.Fence(b.ctx, entries(forget.Killed, 1, 2), nil, nil)
	b.refused(err, hub.KindInvalid, "", "a kill as a fence")
	_, err = b.v.Note(b.ctx, []forget.Entry{{ID: "ers_1", What: forget.Emptied, Tenant: tenant, Subject: entry(forget.Killed, 1).Subject}})
	b.refused(err, hub.KindInvalid, "", "a person as a delivery")
	credential := forget.Entry{ID: "ers_1", Tenant: tenant, Subject: gdpr.SubjectID(row(gdpr.KindCredential, 1).ID)}
	credential.What = forget.Fenced
	_, err = b.v.Fence(b.ctx, []forget.Entry{credential}, nil, nil)
	b.refused(err, hub.KindInvalid, "", "a fence of credentials")
	credential.What = forget.Emptied
	_, err = b.v.Note(b.ctx, []forget.Entry{credential})
	b.refused(err, hub.KindInvalid, "", "credentials as a delivery")
	if l := b.poll(0).Ledger; l != 0 {
		b.Errorf("ledger %d", l)
	}
}

func testTombstones(b bench) {
	stone := func(n, at, expires int) forget.Tombstone {
		return forget.Tombstone{Hash: hash("stone", n), At: noon.Add(time.Duration(at) * time.Hour), Expires: noon.Add(time.Duration(expires) * time.Hour)}
	}
	b.fence(1, 2, stone(1, 0, 10), stone(2, 0, 5))
	b.fence(1, 2, stone(1, 2, 12), stone(2, -3, 3))
	at := func(now int, want map[string]time.Time) {
		b.Helper()
		got := must[map[string]time.Time](b)(b.v.Tombstones(b.ctx, [][]byte{hash("stone", 1), hash("stone", 2), hash("stone", 3)}, noon.Add(time.Duration(now)*time.Hour)))
		b.equal(got, want, fmt.Sprint("tombstones in hour ", now))
	}
	at(0, map[string]time.Time{string(hash("stone", 1)): noon.Add(2 * time.Hour), string(hash("stone", 2)): noon})
	at(5, map[string]time.Time{string(hash("stone", 1)): noon.Add(2 * time.Hour)})
	at(12, map[string]time.Time{})
}

// testNobodyComesBack repeats additions that were made before a fence or a kill.
func testNobodyComesBack(b bench) {
	b.settle(1, 5)
	b.fence(1, 2)
	b.kill(2, 3)
	for n := 1; n < 3; n++ {
		_, err := b.v.Add(b.ctx, 0, gdpr.Addition{Subjects: append(people(5, 6), person(n)), Tags: []gdpr.Tag{mail(n, "late")}})
		b.refused(err, hub.KindConflict, gdpr.CodeSubjectFenced, fmt.Sprint("person ", n, " again"))
		b.add(gdpr.Addition{Tags: []gdpr.Tag{mail(n, "late"), mail(4, "late")}})
	}
	b.person(1, true, 0, 2)
	b.person(2, false, 0, 0)
	b.person(4, true, 1, 3)
	b.person(5, false, 0, 0)
}

func lots(tenant hub.TenantID, connection hub.ConnectionID, from, to int) (list []gdpr.WrappedKey) {
	for n := from; n < to; n++ {
		k := row(gdpr.KindLot, n)
		k.Tenant, k.Connection = tenant, connection
		list = append(list, k)
	}
	return list
}

func testKillLots(b bench) {
	first, second, theirs := lots(tenant, "con_a", 0, 3), lots(tenant, "con_b", 3, 5), lots("ten_b", "con_a", 5, 6)
	tk := row(gdpr.KindTenant, 1)
	b.add(gdpr.Addition{Keys: slices.Concat(first, second, theirs, []gdpr.WrappedKey{tk}), Subjects: people(1, 2)})
	left := func(what string, want ...gdpr.WrappedKey) {
		b.Helper()
		if got := b.find(slices.Concat(first, second, theirs, []gdpr.WrappedKey{tk})...); len(got) != len(want) || len(b.find(want...)) != len(want) {
			b.Errorf("%s: %d keys left, want %d", what, len(got), len(want))
		}
	}
	e := forget.Entry{ID: "ers_1", Tenant: tenant, Reason: "disconnected", At: noon}
	want := e
	want.Number, want.What, want.Subject = 1, forget.Killed, "con_a"
	b.equal(must[forget.Entry](b)(b.v.KillLots(b.ctx, e, "con_a", false)), want, "the entry")
	left("a connection", append(second, theirs[0], tk)...)
	p := must[forget.Pending](b)(b.v.Pending(b.ctx))
	b.equal(p, forget.Pending{Ledger: 1, Subjects: 1, Identities: 1, Dirty: []gdpr.Slot{first[0].Slot}}, "pending")
	e.ID = "ers_2"
	want.ID, want.Number, want.Subject = e.ID, 2, gdpr.SubjectID(tenant)
	b.equal(must[forget.Entry](b)(b.v.KillLots(b.ctx, e, "", false)), want, "the entry")
	left("a tenant", theirs[0], tk)
	b.person(1, true, 1, 0)
}

func testKillLotsAgain(b bench) {
	e := forget.Entry{ID: "ers_1", Tenant: tenant, At: noon}
	b.add(gdpr.Addition{Keys: lots(tenant, "con_a", 0, 1)})
	first := must[forget.Entry](b)(b.v.KillLots(b.ctx, e, "con_a", false))
	b.equal(must[forget.Entry](b)(b.v.KillLots(b.ctx, e, "con_a", false)), first, "the same call")
	_, err := b.v.KillLots(b.ctx, e, "con_b", false)
	b.refused(err, hub.KindConflict, "", "the same id for another connection")
	b.add(gdpr.Addition{Keys: lots(tenant, "con_a", 1, 2)})
	e.ID = "ers_2"
	if again := must[forget.Entry](b)(b.v.KillLots(b.ctx, e, "con_a", false)); again.Number != 2 || len(b.find(lots(tenant, "con_a", 0, 2)...)) != 0 {
		b.Errorf("a second time: %+v", again)
	}
}

// testKillLotsOfThen: an entry kills what is there, whatever the clocks say; when it is repeated, or comes back into an old
// vault, what is younger than it stays.
func testKillLotsOfThen(b bench) {
	keys := lots(tenant, "con_a", 0, 4)
	for i, at := range []time.Duration{-time.Hour, time.Second, 2 * time.Second, time.Hour} {
		keys[i].CreatedAt = noon.Add(at).Truncate(time.Microsecond)
	}
	e := forget.Entry{ID: "ers_1", Tenant: tenant, Reason: "redact", At: noon}
	left := func(what string, want ...gdpr.WrappedKey) {
		b.Helper()
		if got := b.find(keys...); len(got) != len(want) || len(b.find(want...)) != len(want) {
			b.Errorf("%s: %d lots are left, want %d", what, len(got), len(want))
		}
	}
	b.add(gdpr.Addition{Keys: keys[:2]})
	first := must[forget.Entry](b)(b.v.KillLots(b.ctx, e, "con_a", false))
	left("killed")
	if !first.At.Equal(keys[1].CreatedAt) {
		b.Errorf("the entry is of %s, the youngest lot that it killed of %s", first.At, keys[1].CreatedAt)
	}
	b.add(gdpr.Addition{Keys: keys[2:3]})
	b.equal(must[forget.Entry](b)(b.v.KillLots(b.ctx, e, "con_a", false)), first, "the same call")
	left("the same call", keys[2])
	again := first
	again.ID, again.Number = "ers_old", 0 // which this vault does not know, as after a restore
	b.add(gdpr.Addition{Keys: []gdpr.WrappedKey{keys[0], keys[1], keys[3]}})
	if got := must[forget.Entry](b)(b.v.KillLots(b.ctx, again, "con_a", true)); !got.At.Equal(first.At) {
		b.Errorf("the entry that came back is of %s, was %s", got.At, first.At)
	}
	left("an entry that came back", keys[2], keys[3])
}

// testNotPersons: keys of parked deliveries, and those that end because nothing is left under them, are counted apart.
func testNotPersons(b bench) {
	b.settle(1, 4)
	parked := people(11, 14)
	for i := range parked {
		parked[i].Key.Connection, parked[i].Key.Class = "con_a", gdpr.LotUnparsed
	}
	b.add(gdpr.Addition{Subjects: parked})
	b.equal(must[forget.Pending](b)(b.v.Pending(b.ctx)), forget.Pending{Subjects: 3, Deliveries: 3, Identities: 6}, "pending")
	for n, reason := range map[int]string{1: "erasure", 2: forget.ReasonRetention, 11: forget.ReasonDelivery, 12: "redact"} {
		e := entry(forget.Killed, n)
		e.Reason = reason
		must[[]forget.Entry](b)(b.v.Kill(b.ctx, []forget.Entry{e}, owners(n, n+1)))
	}
	b.fence(13, 14)
	p := must[forget.Pending](b)(b.v.Pending(b.ctx))
	p.Dirty = nil
	b.equal(p, forget.Pending{Ledger: 5, Kills: 2, Retired: 2, Subjects: 1, Deliveries: 1, Identities: 1, Fenced: 1}, "pending after kills")
	epoch := b.lead("a", noon)
	b.ok(b.v.Save(b.ctx, epoch, forget.Cycle{Number: 1, Phase: forget.PhaseDone, Ledger: 5}))
	if p := must[forget.Pending](b)(b.v.Pending(b.ctx)); p.Kills+p.Retired != 0 {
		b.Errorf("after the cycle %+v", p)
	}
}

// testKillCredential: the key of credentials dies alone, is no person to the cycle, and is named to every hub.
func testKillCredential(b bench) {
	b.settle(1, 2)
	dead, other := row(gdpr.KindCredential, 1), row(gdpr.KindCredential, 2)
	b.add(gdpr.Addition{Keys: []gdpr.WrappedKey{dead, other}})
	e := forget.Entry{ID: "ers_1", What: forget.Killed, Tenant: tenant, Subject: gdpr.SubjectID(dead.ID), Reason: forget.ReasonEnded, At: noon}
	want := e
	want.Number = 1
	for range 2 {
		b.equal(must[[]forget.Entry](b)(b.v.Kill(b.ctx, []forget.Entry{e}, nil)), []forget.Entry{want}, "the entry")
		if got := b.find(dead, other); len(got) != 1 || got[string(other.Tag)].ID != other.ID {
			b.Errorf("left: %v", got)
		}
	}
	b.person(1, true, 1, 2)
	if s := b.poll(0); s.Gap || !slices.Equal(s.Ended, []string{dead.ID}) {
		b.Errorf("hubs are told %+v", s)
	}
	b.equal(must[forget.Pending](b)(b.v.Pending(b.ctx)), forget.Pending{Ledger: 1, Subjects: 1, Identities: 1, Dirty: []gdpr.Slot{dead.Slot}}, "pending")
}

func testNote(b bench) {
	list := []forget.Entry{
		{ID: "ers_1", What: forget.Emptied, Tenant: tenant, Subject: "prk_1", Reason: "erasure", At: noon},
		{ID: "ers_2", What: forget.Emptied, Tenant: tenant, Subject: "prk_2", Reason: "erasure", At: noon},
	}
	want := numbered(1, slices.Clone(list))
	b.equal(must[[]forget.Entry](b)(b.v.Note(b.ctx, list[:1])), want[:1], "the first")
	list[0].ID = "ers_3"
	b.equal(must[[]forget.Entry](b)(b.v.Note(b.ctx, list)), want, "both")
	b.equal(b.poll(0), gdpr.State{Ledger: 2}, "a poll")
	p := must[forget.Pending](b)(b.v.Pending(b.ctx))
	b.equal(p.Kills+int64(len(p.Dirty)), int64(0), "pending")
}

func testEntries(b bench) {
	b.kill(0, 25)
	var all []forget.Entry
	for {
		page := must[[]forget.Entry](b)(b.v.Entries(b.ctx, int64(len(all)), 10))
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
	}
	want := numbered(1, entries(forget.Killed, 0, 25))
	b.equal(all, want, "all entries")
	byID := must[map[string]forget.Entry](b)(b.v.EntriesByID(b.ctx, []string{want[3].ID, "ers_none", want[7].ID}))
	b.equal(byID, map[string]forget.Entry{want[3].ID: want[3], want[7].ID: want[7]}, "by id")
}

func testPoll(b bench) {
	b.settle(1, 5)
	b.equal(b.poll(0), gdpr.State{}, "before")
	b.fence(1, 3)
	b.kill(1, 2)
	ids := []string{id(gdpr.SubjectPrefix, 1), id(gdpr.SubjectPrefix, 2)}
	b.equal(b.poll(0), gdpr.State{Ledger: 3, Ended: ids}, "from the beginning")
	b.equal(b.poll(1), gdpr.State{Ledger: 3, Ended: ids}, "after the first")
	b.equal(b.poll(2), gdpr.State{Ledger: 3, Ended: ids[:1]}, "after the second")
	b.equal(b.poll(3), gdpr.State{Ledger: 3}, "after the last")
	b.equal(b.poll(4), gdpr.State{Ledger: 3, Gap: true}, "beyond the last, as before a restore")
	must[forget.Entry](b)(b.v.KillLots(b.ctx, forget.Entry{ID: "ers_lots", Tenant: tenant, At: noon}, "con_a", false))
	b.equal(b.poll(2), gdpr.State{Ledger: 4, Gap: true}, "with lots")
	b.equal(b.poll(4), gdpr.State{Ledger: 4}, "after the lots")
}

func testPollGap(b bench) {
	b.fence(0, maxEnded)
	b.kill(0, maxEnded)
	if s := b.poll(0); s.Gap || len(s.Ended) != maxEnded || s.Ledger != 2*maxEnded {
		b.Errorf("%d persons: %d ended, gap %v", maxEnded, len(s.Ended), s.Gap)
	}
	b.kill(maxEnded, maxEnded+1)
	b.equal(b.poll(0), gdpr.State{Ledger: 2*maxEnded + 1, Gap: true}, "one more")
	if s := b.poll(1); !s.Gap {
		b.Error("one less than all: the first is known by its second entry")
	}
	if s := b.poll(2 * maxEnded); s.Gap || len(s.Ended) != 1 {
		b.Errorf("the last alone: %+v", s)
	}
}

func testLargeKill(b bench) {
	b.settle(0, large)
	var stones []forget.Tombstone
	for n := range large {
		stones = append(stones, forget.Tombstone{Hash: hash("stone", n), At: noon, Expires: noon.Add(time.Hour)})
	}
	b.fence(0, large, stones...)
	b.kill(1, large)
	p := must[forget.Pending](b)(b.v.Pending(b.ctx))
	if p.Kills != large-1 || p.Subjects != 1 || p.Identities != 0 || p.Fenced != 1 || p.Ledger != 2*large-1 {
		b.Errorf("kills %d, subjects %d, identities %d, fenced %d, ledger %d", p.Kills, p.Subjects, p.Identities, p.Fenced, p.Ledger)
	}
	if tags := must[[]gdpr.Tag](b)(b.v.TagsOf(b.ctx, owners(0, large))); len(tags) != 2 {
		b.Errorf("%d tags left", len(tags))
	}
	var hashes [][]byte
	for _, s := range stones {
		hashes = append(hashes, s.Hash)
	}
	if got := must[map[string]time.Time](b)(b.v.Tombstones(b.ctx, hashes, noon)); len(got) != large {
		b.Errorf("%d tombstones", len(got))
	}
}

// testDenseNumbers has several hubs write entries while another polls: numbers have no holes, and whoever sees a number
// sees all before it.
func testDenseNumbers(b bench) {
	const hubs, each = 5, 12
	var writers, reader sync.WaitGroup
	done := make(chan struct{})
	for h := range hubs {
		writers.Go(func() {
			for i := range each {
				n := 1000*(h+1) + i
				_, err := b.v.Fence(b.ctx, entries(forget.Fenced, n, n+1), nil, nil)
				if err == nil {
					_, err = b.v.Kill(b.ctx, append(entries(forget.Killed, n, n+1), entries(forget.Killed, i, i+1)...), nil)
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	polls := 0
	reader.Go(func() {
		for last := int64(0); ; polls++ {
			s, err := b.v.Poll(b.ctx, last)
			if err != nil {
				b.Error(err)
				return
			}
			page, err := b.v.Entries(b.ctx, last, int(s.Ledger-last))
			if err != nil || int64(len(page)) != s.Ledger-last || len(page) > 0 && page[0].Number != last+1 {
				b.Errorf("after %d of %d: %d entries, %v", last, s.Ledger, len(page), err)
				return
			}
			last = s.Ledger
			select {
			case <-done:
				return
			default:
			}
		}
	})
	writers.Wait()
	close(done)
	reader.Wait()
	want := int64(hubs*each*2 + each)
	all := must[[]forget.Entry](b)(b.v.Entries(b.ctx, 0, int(want)+10))
	for i, e := range all {
		if e.Number != int64(i)+1 {
			b.Fatalf("entry %d has number %d", i+1, e.Number)
		}
	}
	if int64(len(all)) != want {
		b.Errorf("%d entries, want %d", len(all), want)
	}
	b.Logf("%d hubs, %d entries, %d polls, 0 holes", hubs, len(all), polls)
}

// testKillBesideAdd adds tags to persons who are killed at the same time: none is left of whoever died.
func testKillBesideAdd(b bench) {
	const persons, hubs = 24, 3
	b.settle(0, persons)
	var wg sync.WaitGroup
	for h := range hubs {
		wg.Go(func() {
			for n := range persons {
				_, err := b.v.Add(b.ctx, 0, gdpr.Addition{Subjects: people(1000*(h+1)+n, 1000*(h+1)+n+1), Tags: []gdpr.Tag{mail(n, fmt.Sprint("late ", h))}})
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	for n := range persons {
		b.kill(n, n+1)
	}
	wg.Wait()
	for n := range persons {
		b.person(n, false, 0, 0)
	}
	p := must[forget.Pending](b)(b.v.Pending(b.ctx))
	if p.Subjects != hubs*persons || p.Identities != p.Subjects {
		b.Errorf("%d persons live, %d identities", p.Subjects, p.Identities)
	}
	b.Logf("%d killed beside %d additions, 0 tags left", persons, hubs*persons)
}

// testKillDamaged: an entry says that a key was damaged, and what died is looked for where its id says, whatever the row says.
func testKillDamaged(b bench) {
	b.settle(1, 4)
	home, ok := gdpr.SubjectID(person(1).Key.ID).Bucket()
	if slot := person(1).Key.Slot; !ok || home == slot {
		b.Fatalf("its row is in slot %d, as its id says: proves nothing", slot)
	}
	epoch := b.lead("a", noon)
	b.rewrite(epoch, person(1).Key.Slot, counted)
	hurt := entries(forget.Killed, 1, 4)
	hurt[0].Damaged = true
	stored := must[[]forget.Entry](b)(b.v.Kill(b.ctx, hurt, owners(1, 4)))
	b.equal(stored, numbered(1, hurt), "the entries")
	b.equal(must[[]forget.Entry](b)(b.v.Entries(b.ctx, 0, 10)), stored, "as they are read")
	again := entries(forget.Killed, 1, 2) // nothing is damaged any more, for it is gone
	b.equal(must[[]forget.Entry](b)(b.v.Kill(b.ctx, again, nil)), stored[:1], "the same kill")
	dirty := b.dirty()
	for n, want := range map[int]bool{1: true, 2: false} {
		if slot, _ := gdpr.SubjectID(person(n).Key.ID).Bucket(); slices.Contains(dirty, slot) != want || !slices.Contains(dirty, person(n).Key.Slot) {
			b.Errorf("of person %d slot %d, where its id says, and %d: dirty are %v", n, slot, person(n).Key.Slot, dirty)
		}
	}
	if s := b.slotful(epoch, home); !slices.Equal(s.Killed, []string{person(1).Key.ID}) {
		b.Errorf("its bucket ended %v", s.Killed)
	}
}

func testIndex(b bench) {
	const some = 300
	b.settle(1, some)
	all := must[[]gdpr.Tag](b)(b.v.TagsOf(b.ctx, owners(1, some)))
	sort := func(list []gdpr.Tag) []gdpr.Tag {
		slices.SortFunc(list, func(x, y gdpr.Tag) int { return cmp.Or(cmp.Compare(x.Slot, y.Slot), bytes.Compare(x.Link, y.Link)) })
		return list
	}
	var joined []gdpr.Tag
	const step = gdpr.Buckets / 8
	for from := gdpr.Slot(0); from < gdpr.Buckets; from += step {
		part := must[[]gdpr.Tag](b)(b.v.Index(b.ctx, from, from+step))
		if slices.ContainsFunc(part, func(t gdpr.Tag) bool { return t.Slot < from || t.Slot >= from+step }) {
			b.Errorf("tags of other slots than those from %d on", from)
		}
		joined = append(joined, part...)
	}
	b.equal(sort(joined), sort(all), "all tags")
	one := mail(1, "household").Slot
	if got := must[[]gdpr.Tag](b)(b.v.Index(b.ctx, one, one+1)); len(got) < some-1 {
		b.Errorf("%d tags in one slot", len(got))
	}
	if got := must[[]gdpr.Tag](b)(b.v.Index(b.ctx, one, one)); len(got) != 0 {
		b.Errorf("%d tags in no slot", len(got))
	}
}
