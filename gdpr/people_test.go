package gdpr_test

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/gdpr/gdprtest"
)

// one is a holder of one person.
func one(p gdpr.Person) gdpr.Holder {
	h := holder()
	h.People = []gdpr.Person{p}
	return h
}

func placed(s gdpr.SubjectRef, at time.Time, ids ...gdpr.Identifier) gdpr.Person {
	return gdpr.Person{SubjectRef: s, PlacedAt: at, Identifiers: ids}
}

// fence ends the subject of s as a request for erasure does, and kill its key.
func fence(t testing.TB, v *gdprtest.Memory, k *gdpr.Keys, subject gdpr.SubjectID, at time.Time, kill bool) {
	t.Helper()
	owners, _, err := k.Owners(ctx, "ten_a", []gdpr.SubjectID{subject})
	if err != nil {
		t.Fatal(err)
	}
	raw, ok := owners[subject]
	if !ok {
		t.Fatal("the subject has no owner")
	}
	owner := [][]byte{raw[:]}
	tags, err := v.TagsOf(ctx, owner)
	if err != nil {
		t.Fatal(err)
	}
	hashes, err := k.TombstoneHashes(ctx, "ten_a", tags)
	if err != nil {
		t.Fatal(err)
	}
	var stones []forget.Tombstone
	for _, hash := range hashes[subject] {
		stones = append(stones, forget.Tombstone{Hash: hash, At: at, Expires: at.AddDate(2, 0, 0)})
	}
	if len(stones) != 1 {
		t.Fatalf("%d tombstones of one identity", len(stones))
	}
	entry := func(what forget.What) []forget.Entry {
		return []forget.Entry{{ID: hub.IDSource(ids).New(forget.EntryPrefix), What: what, Tenant: "ten_a", Subject: subject, At: at}}
	}
	if _, err := v.Fence(ctx, entry(forget.Fenced), owner, stones); err != nil {
		t.Fatal(err)
	}
	if !kill {
		return
	}
	if _, err := v.Kill(ctx, entry(forget.Killed), owner); err != nil {
		t.Fatal(err)
	}
}

// TestErasedStaysErased: news of orders that were placed before the erasure is not stored, whether a hub has the person in
// memory or not; a later purchase is somebody new, whose presence lets no older order in.
func TestErasedStaysErased(t *testing.T) {
	erased := clock().Add(-24 * time.Hour)
	for _, kill := range []bool{false, true} {
		v := newVault()
		warm := keysOver(v)
		before, at, after := placed(customer("1"), erased.Add(-time.Second)), placed(customer("1"), erased), placed(customer("1"), erased.Add(time.Second))
		first := sealFor(t, warm, one(before))
		fence(t, v, warm, first.Subjects()[0], erased, kill)
		if err := warm.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		keys := len(v.All())
		for name, k := range map[string]*gdpr.Keys{"warm": warm, "cold": keysOver(v)} {
			for _, p := range []gdpr.Person{before, at, {SubjectRef: customer("1")}} {
				h := one(p)
				h.People = append(h.People, placed(customer("innocent"), clock(), email("i@example.com")))
				for _, h := range []gdpr.Holder{one(p), h} {
					s := sealFor(t, k, h)
					b, err := s.Seal(place, []byte(canary))
					if !s.Suppressed() || b != nil || hub.KindOf(err) != hub.KindInvalid || hub.Parkable(err) || s.Subjects() != nil || s.Lot() != "" {
						t.Errorf("%s, placed %v: %v, %v", name, p.PlacedAt, s.Suppressed(), err)
					}
				}
			}
		}
		if n := len(v.All()); n != keys {
			t.Errorf("%d keys were made for what is suppressed", n-keys)
		}
		next := sealFor(t, warm, one(after))
		if next.Suppressed() || next.Subjects()[0] == first.Subjects()[0] {
			t.Fatal("a later purchase is no new person")
		}
		for name, k := range map[string]*gdpr.Keys{"warm": warm, "cold": keysOver(v)} {
			if s := sealFor(t, k, one(before)); !s.Suppressed() {
				t.Errorf("%s: an old order is stored under the new person", name)
			}
			if s := sealFor(t, k, one(after)); s.Suppressed() || s.Subjects()[0] != next.Subjects()[0] {
				t.Errorf("%s: the new person is not found again", name)
			}
		}
		both, err := warm.Seals(ctx, []gdpr.Holder{one(before), one(after), one(placed(customer("2"), before.PlacedAt))})
		if err != nil || !both[0].Suppressed() || both[1].Suppressed() || both[2].Suppressed() {
			t.Errorf("in one batch: %v", err)
		}
	}
}

// TestExpiredLots: what is too old is neither sealed nor opened, and costs no key.
func TestExpiredLots(t *testing.T) {
	v, now := newVault(), clock()
	k := gdpr.NewKeys(rootsOf(root), v, ids, func() time.Time { return now }, gdpr.Options{
		Retention: func(_ hub.TenantID, c hub.ConnectionID, class gdpr.LotClass) time.Duration {
			if c != "con_a" || class != gdpr.LotRaw {
				t.Errorf("asked for %s %s", c, class)
			}
			return 14 * 24 * time.Hour
		}})
	h := holder(customer("1"))
	h.Lot = gdpr.LotRaw
	for week, want := range map[gdpr.Week]gdpr.Week{"2026-W47": "2026-W49", "2026-W46": "2026-W48", "2026-W45": "2026-W47", "2026-W48": "2026-W49", "9999-W52": "2026-W49"} {
		h.Week = week
		s := sealFor(t, k, h)
		if s.Suppressed() || s.Expires() != want {
			t.Errorf("%s: suppressed %v, expires %s, want %s", week, s.Suppressed(), s.Expires(), want)
		}
	}
	keys, tags := len(v.All()), len(v.Tags())
	for _, week := range []gdpr.Week{"2026-W44", "2026-W01", "1970-W01"} {
		h = holder(customer("nobody"))
		h.Lot, h.Week = gdpr.LotRaw, week
		if s := sealFor(t, k, h); !s.Suppressed() || !(s.Expires() < "2026-W47") {
			t.Errorf("%s is stored until %s", week, s.Expires())
		}
	}
	if len(v.All()) != keys || len(v.Tags()) != tags {
		t.Error("keys were made for what is too old")
	}
	h.Week = "2026-W45"
	b := sealed(t, sealFor(t, k, h), place, canary)
	now = time.Date(2026, 11, 22, 23, 59, 59, 999999999, time.UTC) // the last instant of W47
	if got, err := k.Open(ctx, place, b); err != nil || string(got) != canary {
		t.Errorf("before the end: %v", err)
	}
	now = now.Add(time.Nanosecond)
	got, err := k.Open(ctx, place, b)
	gone(t, place, got, err)
	gdpr.DropCache(k)
	got, err = k.Open(ctx, place, b)
	gone(t, place, got, err)
}

// TestWeeksAreAddedToTheKeyring: a retention beyond the weeks of the keyring adds to it, and hubs with the former one go on.
func TestWeeksAreAddedToTheKeyring(t *testing.T) {
	v := newVault()
	long := gdpr.Options{Retention: func(hub.TenantID, hub.ConnectionID, gdpr.LotClass) time.Duration { return 10 * 365 * 24 * time.Hour }}
	other, k := keysOver(v), gdpr.NewKeys(rootsOf(root), v, ids, clock, long)
	sealFor(t, other, holder(customer("1")))
	b := sealed(t, sealFor(t, k, holder(customer("1"))), place, canary)
	ring, err := k.Keyring(ctx)
	if err != nil || ring.Revision() != 2 || len(ring.Weeks()) != 121 {
		t.Fatalf("%v has %d weeks, %v", ring, len(ring.Weeks()), err)
	}
	if got, err := other.Open(ctx, place, b); err != nil || string(got) != canary { // within the second, so it has not polled
		t.Errorf("a hub with the former keyring: %v", err)
	}
	opens(t, v, place, b, canary)
}

// TestStaleKeyring: whoever adds under a keyring that another hub has replaced reads it again and repeats.
func TestStaleKeyring(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	sealFor(t, k, holder(customer("1")))
	ring, err := k.Keyring(ctx)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]gdpr.Slot, gdpr.Buckets)
	for i := range all {
		all[i] = gdpr.Slot(i)
	}
	next := ring.Renewed(all).Finished(nil)
	if err := v.PutKeyring(ctx, ring.Revision(), next.Sealed(root, ring.Revision()+1)); err != nil {
		t.Fatal(err)
	}
	before := v.Calls()
	b := sealed(t, sealFor(t, k, holder(customer("2"))), place, canary)
	if calls := less(v.Calls(), before); calls.Add != 2 || calls.Keyrings != 1 {
		t.Errorf("%+v, want an addition that is refused, a keyring, and an addition", calls)
	}
	subjects, ok := gdpr.SubjectsOf(b)
	if !ok || len(subjects) != 1 {
		t.Fatalf("the envelope names %v", subjects)
	}
	rows, err := v.ByID(ctx, []string{string(subjects[0])})
	if err != nil {
		t.Fatal(err)
	}
	if _, changed, err := next.Rewrap(rows[string(subjects[0])]); changed || err != nil {
		t.Errorf("the key of the new person is not under the new keyring: changed %v, %v", changed, err)
	}
}

// TestRowsNewerThanTheKeyring: a hub that has not heard of a whole cycle meets rows that its keyring cannot open, reads the
// newest and opens them; without a newer one it says that they do not belong together.
func TestRowsNewerThanTheKeyring(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	s := sealFor(t, k, holder(customer("1")))
	b := sealed(t, s, place, canary)
	ring, err := k.Keyring(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var dirty []gdpr.Slot
	rows := v.All()
	for _, row := range rows {
		dirty = append(dirty, row.Slot)
	}
	next := ring.Renewed(dirty)
	for _, row := range rows {
		row, _, err := next.Rewrap(row)
		if err != nil {
			t.Fatal(err)
		}
		v.Replace(row)
	}
	gdpr.DropCache(k)
	_, err = k.Open(ctx, place, b)
	if hub.CodeOf(err) != gdpr.CodeRootMismatch || hub.Parkable(err) {
		t.Errorf("without a newer keyring: %v", err)
	}
	if err := v.PutKeyring(ctx, 1, next.Finished(nil).Sealed(root, 2)); err != nil {
		t.Fatal(err)
	}
	before := v.Calls()
	if got, err := k.Open(ctx, place, b); err != nil || string(got) != canary {
		t.Errorf("with a newer keyring: %v", err)
	}
	if calls := less(v.Calls(), before); calls.Poll != 1 || calls.Keyrings != 1 || calls.ByID != 2 {
		t.Errorf("%+v", calls)
	}
	for _, row := range rows { // an old copy of the rows under the newest keyring
		v.Replace(row)
	}
	gdpr.DropCache(k)
	got, err := k.Open(ctx, place, b)
	gone(t, place, got, err)
}

// TestSameStranger lets several hubs create the same people over one vault at once, each having seen that they do not exist:
// all end with the same subjects, and the index leads to nobody else.
func TestSameStranger(t *testing.T) {
	const hubs = 4
	rounds, lost := 3, 0
	if os.Getenv("HUB_DRILL") == "1" {
		rounds = 60
	}
	for round := range rounds {
		v := newVault()
		keys := make([]*gdpr.Keys, hubs)
		together := &barrier{Memory: v, size: hubs, open: make(chan struct{})}
		for i := range keys {
			keys[i] = keysOver(together)
			tenantKeys(t, keys[i], "ten_a")
		}
		var envelopes [hubs][]byte
		var seals [hubs]*gdpr.Seal
		var wg sync.WaitGroup
		for i := range hubs {
			wg.Go(func() {
				h := holder(customer("1"), customer("2"))
				h.People[0].Identifiers = []gdpr.Identifier{email("same@example.com"), email(fmt.Sprintf("%d@example.com", i))}
				s, err := keys[i].Seals(ctx, []gdpr.Holder{h})
				if err != nil {
					t.Error(err)
					return
				}
				seals[i] = s[0]
				envelopes[i], _ = s[0].Seal(place, fmt.Append(nil, i))
			})
		}
		wg.Wait()
		for i := range hubs {
			if seals[i] == nil || !reflect.DeepEqual(seals[i].Subjects(), seals[0].Subjects()) || seals[i].Lot() != seals[0].Lot() {
				t.Fatalf("round %d: hub %d has other keys than hub 0", round, i)
			}
			opens(t, v, place, envelopes[i], fmt.Sprint(i))
			for _, address := range []string{"same@example.com", fmt.Sprintf("%d@example.com", i)} {
				got, err := keys[0].Find(ctx, "ten_a", nil, email(address))
				if err != nil || !slices.Equal(got, seals[0].Subjects()[:1]) {
					t.Fatalf("round %d: %s leads to %v, %v; want %s", round, address, got, err, seals[0].Subjects()[0])
				}
			}
		}
		lost += v.Calls().Add - hubs
		if n := len(v.Tags()); n != 2+1+hubs {
			t.Fatalf("round %d: %d tags, so a subject that does not exist has some", round, n)
		}
	}
	if lost == 0 {
		t.Error("no hub ever lost, so they did not race")
	}
	t.Logf("%d rounds of %d hubs, all with the same people; %d additions were repeated", rounds, hubs, lost)
}

// barrier is a vault whose first answers about identities come when all hubs have asked.
type barrier struct {
	*gdprtest.Memory
	mu            sync.Mutex
	size, waiting int
	open          chan struct{}
}

func (b *barrier) Tombstones(ctx context.Context, hashes [][]byte, now time.Time) (map[string]time.Time, error) {
	found, err := b.Memory.Tombstones(ctx, hashes, now)
	b.mu.Lock()
	if b.waiting++; b.waiting == b.size {
		close(b.open)
	}
	b.mu.Unlock()
	<-b.open
	return found, err
}

// TestFencedPersonGetsNoTags: a hub that has a person in memory and has not heard of the fence adds nothing to the index.
func TestFencedPersonGetsNoTags(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	s := sealFor(t, k, holder(customer("1")))
	fence(t, v, keysOver(v), s.Subjects()[0], clock(), true)
	if again := sealFor(t, k, one(placed(customer("1"), clock().Add(time.Hour), email("a@example.com")))); again.Subjects()[0] != s.Subjects()[0] {
		t.Fatal("the hub has polled, so this proves nothing")
	}
	if n := len(v.Tags()); n != 0 {
		t.Errorf("%d tags of an erased person", n)
	}
}

// TestRoles: a recipient and a payer are known by order, role and name, and nobody is taken for another.
func TestRoles(t *testing.T) {
	k := keysOver(newVault())
	seen := map[gdpr.SubjectID]string{}
	for name, s := range map[string]gdpr.SubjectRef{
		"customer":          {Customer: "1"},
		"guest":             {Order: "1"},
		"recipient":         {Order: "1", Role: gdpr.RoleRecipient, Name: "anna"},
		"payer":             {Order: "1", Role: gdpr.RolePayer, Name: "anna"},
		"other name":        {Order: "1", Role: gdpr.RolePayer, Name: "bert"},
		"other order":       {Order: "2", Role: gdpr.RolePayer, Name: "anna"},
		"border":            {Order: "1a", Role: gdpr.RolePayer, Name: "nna"},
		"customer as guest": {Order: "customer"},
	} {
		id := sealFor(t, k, holder(s)).Subjects()[0]
		if other, ok := seen[id]; ok {
			t.Errorf("%s is %s", name, other)
		}
		seen[id] = name
		if again := sealFor(t, k, holder(s)).Subjects()[0]; again != id {
			t.Errorf("%s is somebody else the second time", name)
		}
	}
	for name, s := range map[string]gdpr.SubjectRef{
		"nameless":           {Order: "1", Role: gdpr.RoleRecipient},
		"recipient customer": {Customer: "1", Role: gdpr.RoleRecipient, Name: "a"},
		"orderless":          {Role: gdpr.RoleRecipient, Name: "a"},
		"named buyer":        {Customer: "1", Name: "a"},
		"unknown role":       {Order: "1", Role: "buyer", Name: "a"},
	} {
		if _, err := k.Seals(ctx, []gdpr.Holder{holder(s)}); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
