package gdpr_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/gdpr/gdprtest"

	"pgregory.net/rapid"
)

// populated returns a vault with persons, their identifiers, lots and the keys of tenants and credentials.
func populated(t testing.TB, people int) (*gdprtest.Memory, *gdpr.Keyring) {
	t.Helper()
	v := newVault()
	k := keysOver(v)
	var holders []gdpr.Holder
	for i := range people {
		h := one(placed(customer(hub.ExternalID(fmt.Sprint(i))), clock(), email(fmt.Sprintf("%d@example.com", i)), email("all@example.com")))
		h.Week = gdpr.WeekOf(clock().AddDate(0, 0, -7*i))
		if i%3 == 0 {
			h.Lot, h.Week = gdpr.LotRaw, week
		}
		holders = append(holders, h)
	}
	if _, err := k.Seals(ctx, holders); err != nil {
		t.Fatal(err)
	}
	if _, err := k.SealCredential(ctx, gdpr.CredentialOwner{Connection: "con_a"}, place, nil); err != nil {
		t.Fatal(err)
	}
	ring, err := k.Keyring(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return v, ring
}

// TestRewrap: whatever slots are renewed and whatever weeks expire, everything that lives opens under the keyring after
// the cycle, nothing of the former bytes of a dirty slot does, and at no moment between is anything closed.
func TestRewrap(t *testing.T) {
	v, ring := populated(t, 30)
	rows, tags := v.All(), v.Tags()
	slots := ring.Weeks()[:5]
	for _, row := range rows {
		slots = append(slots, row.Slot)
	}
	for _, tag := range tags {
		slots = append(slots, tag.Slot)
	}
	runs, rewritten, dead := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		dirty := rapid.SliceOfN(rapid.SampledFrom(slots), 0, 60).Draw(rt, "dirty")
		expired := slices.DeleteFunc(rapid.SliceOfN(rapid.SampledFrom(slots), 0, 10).Draw(rt, "expired"), func(s gdpr.Slot) bool { return !s.IsWeek() })
		between := ring.Renewed(dirty)
		after := between.Finished(expired)
		for _, row := range rows {
			next, changed, err := between.Rewrap(row)
			if isDirty := slices.Contains(dirty, row.Slot); err != nil || changed != isDirty {
				rt.Fatalf("rewrapping %s: changed %v, %v", row.ID, changed, err)
			}
			if _, changed, err := between.Rewrap(next); err != nil || changed {
				rt.Fatalf("rewrapping %s again: changed %v, %v", row.ID, changed, err)
			}
			_, changedAfter, err := after.Rewrap(next)
			if lives := !slices.Contains(expired, row.Slot); lives != (err == nil) || changedAfter {
				rt.Fatalf("%s after the cycle: %v, its week expired: %v", row.ID, err, !lives)
			}
			if !changed {
				continue
			}
			rewritten++
			if _, _, err := after.Rewrap(row); hub.CodeOf(err) != gdpr.CodeKeyGone {
				rt.Fatalf("the former bytes of %s: %v", row.ID, err)
			}
			if _, _, err := ring.Rewrap(next); err == nil {
				rt.Fatalf("%s opens under the former keyring too: its key is no new one", row.ID)
			}
			dead++
		}
		for _, tag := range tags {
			next, changed, err := between.Retag(tag)
			if isDirty := slices.Contains(dirty, tag.Slot); err != nil || changed != isDirty {
				rt.Fatalf("tag: changed %v, %v", changed, err)
			}
			if _, changed, err := after.Retag(next); err != nil || changed {
				rt.Fatalf("tag after the cycle: changed %v, %v", changed, err)
			}
			if !changed {
				continue
			}
			if bytes.Equal(next.Link, tag.Link) || bytes.Equal(next.Tag, tag.Tag) || !bytes.Equal(next.Owner, tag.Owner) || next.Identity != tag.Identity {
				rt.Fatalf("tag %+v became %+v", tag, next)
			}
			if _, _, err := after.Retag(tag); hub.CodeOf(err) != hub.CodeUnreadable {
				rt.Fatalf("the former bytes of a tag: %v", err)
			}
			rewritten, dead = rewritten+1, dead+1
		}
	})
	t.Logf("%d runs over %d keys and %d tags: %d wrapped again, %d former ones dead", runs, len(rows), len(tags), rewritten, dead)
}

// TestDamagedTag flips each bit of every part of a tag: what it leads to cannot be read, by no way, and others can.
func TestDamagedTag(t *testing.T) {
	v, ring := populated(t, 2)
	flips := 0
	for _, whole := range v.Tags() {
		if _, _, err := ring.Retag(whole); err != nil {
			t.Fatal(err)
		}
		for _, part := range []func(*gdpr.Tag) *[]byte{
			func(t *gdpr.Tag) *[]byte { return &t.Link }, func(t *gdpr.Tag) *[]byte { return &t.Tag },
			func(t *gdpr.Tag) *[]byte { return &t.Owner }, func(t *gdpr.Tag) *[]byte { return &t.Sealed },
		} {
			n := len(*part(&whole))
			for at := range n {
				for bit := range 8 {
					damaged := whole
					b := part(&damaged)
					*b = bytes.Clone(*b)
					(*b)[at] ^= 1 << bit
					if _, _, err := ring.Retag(damaged); hub.CodeOf(err) != hub.CodeUnreadable || hub.KindOf(err) != hub.KindPermanent {
						t.Fatalf("byte %d bit %d: %v", at, bit, err)
					}
					flips++
				}
				damaged := whole
				*part(&damaged) = (*part(&damaged))[:at]
				if _, _, err := ring.Retag(damaged); hub.CodeOf(err) != hub.CodeUnreadable {
					t.Fatalf("cut to %d bytes: %v", at, err)
				}
			}
		}
		for _, change := range []func(*gdpr.Tag){
			func(t *gdpr.Tag) { t.Identity = !t.Identity }, func(t *gdpr.Tag) { t.Slot ^= 1 }, func(t *gdpr.Tag) { t.Slot += gdpr.Buckets },
		} {
			damaged := whole
			change(&damaged)
			if _, _, err := ring.Retag(damaged); hub.CodeOf(err) != hub.CodeUnreadable {
				t.Fatalf("%+v: %v", damaged, err)
			}
		}
	}
	t.Logf("%d bits of %d tags flipped, none read", flips, len(v.Tags()))
}

// TestDamagedTagInVault: the search that meets it fails and the others do not.
func TestDamagedTagInVault(t *testing.T) {
	v, _ := populated(t, 2)
	k := keysOver(v)
	broken := 0
	for _, tag := range v.Tags() {
		damaged := tag
		damaged.Sealed = bytes.Clone(tag.Sealed)
		damaged.Sealed[30] ^= 1
		v.ReplaceTag(damaged)
		for _, address := range []string{"0@example.com", "1@example.com"} {
			if _, err := k.Find(ctx, "ten_a", nil, email(address)); hub.CodeOf(err) == hub.CodeUnreadable {
				broken++
			} else if err != nil {
				t.Error(err)
			}
		}
		for _, id := range []hub.ExternalID{"0", "1"} {
			if _, err := keysOver(v).Seals(ctx, []gdpr.Holder{one(placed(customer(id), clock()))}); hub.CodeOf(err) == hub.CodeUnreadable {
				broken++
			} else if err != nil {
				t.Error(err)
			}
		}
		v.ReplaceTag(tag)
	}
	if broken != 4 {
		t.Errorf("%d refusals, want one for each tag that only one person has", broken)
	}
}

// TestCycle runs a forget cycle by hand, slot by slot, while hubs go on: in every phase everything opens, is found and is
// sealed by hubs that hear of the phase at once or not at all, nobody is doubled, and in the end the dead stay dead.
func TestCycle(t *testing.T) {
	v, ring := populated(t, 12)
	w := &watch{}
	next := gdpr.NewRoot(2, [32]byte{2})
	store := rootsOf(root, next)
	hubs := []*gdpr.Keys{gdpr.NewKeys(store, v, ids, clock, w.options()), gdpr.NewKeys(store, v, ids, clock, w.options())}
	erased := sealFor(t, hubs[0], one(placed(customer("erased"), clock(), email("erased@example.com"), email("all@example.com"))))
	lost := sealed(t, erased, place, canary)
	kept := sealed(t, sealFor(t, hubs[1], one(placed(customer("0"), clock()))), place, canary)
	backup := v.Copy()
	fence(t, v, hubs[0], erased.Subjects()[0], clock(), true)
	w.pass(2 * time.Second)
	newcomers, checks := 0, 0
	check := func(phase string) {
		t.Helper()
		checks++
		for i, k := range hubs {
			if got, err := k.Open(ctx, place, kept); err != nil || string(got) != canary {
				t.Fatalf("%s: hub %d: %v", phase, i, err)
			}
			id := fmt.Sprint("new", newcomers)
			sealFor(t, k, one(placed(customer(hub.ExternalID(id)), clock(), email("all@example.com"))))
			newcomers++
			// A known person with a new address, and with those that the index has.
			sealFor(t, k, one(placed(customer("1"), clock(), email(id+"@example.com"), email("all@example.com"), email("1@example.com"))))
			gdpr.DropCache(k)
			found, err := k.Find(ctx, "ten_a", nil, email("all@example.com"))
			if err != nil || len(found) != 12+newcomers {
				t.Fatalf("%s: hub %d finds %d of %d, %v", phase, i, len(found), 12+newcomers, err)
			}
			if found, err = k.Find(ctx, "ten_a", nil, email(id+"@example.com")); err != nil || len(found) != 1 {
				t.Fatalf("%s: hub %d finds %v, %v", phase, i, found, err)
			}
			customerID, err := gdpr.NewIdentifier(gdpr.IdentifierCustomer, "1")
			if err != nil {
				t.Fatal(err)
			}
			if same, err := k.Find(ctx, "ten_a", []hub.ConnectionID{"con_b", "con_a"}, customerID); err != nil || !slices.Equal(same, found) {
				t.Fatalf("%s: hub %d finds %v and %v, %v", phase, i, same, found, err)
			}
		}
		if n := len(v.Tags()); n != 12*3+2*newcomers+newcomers {
			t.Fatalf("%s: %d tags, want %d: somebody is in the index twice", phase, n, 12*3+3*newcomers)
		}
	}
	check("begun")
	epoch, err := v.Lead(ctx, "leader", clock(), clock().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	pending, err := v.Pending(ctx)
	if err != nil || len(pending.Dirty) == 0 {
		t.Fatal(pending, err)
	}
	dirty := slices.Clone(pending.Dirty)
	for _, row := range v.All() {
		dirty = append(dirty, row.Slot)
	}
	for _, tag := range v.Tags() {
		dirty = append(dirty, tag.Slot)
	}
	slices.Sort(dirty)
	dirty = slices.Compact(dirty)
	between := ring.Renewed(dirty)
	if err := v.StoreKeyring(ctx, epoch, 1, between.Sealed(root, 2)); err != nil {
		t.Fatal(err)
	}
	w.pass(2 * time.Second)
	check("keyed")
	for i, slot := range dirty {
		if err := v.Rewrite(ctx, epoch, []gdpr.Slot{slot}, func(s []forget.Slotful) ([]forget.Slotful, error) { return rewrite(between, s[0]) }); err != nil {
			t.Fatal(err)
		}
		if i%9 == 0 {
			w.pass(2 * time.Second)
			check(fmt.Sprintf("after slot %d of %d", i, len(dirty)))
		}
	}
	check("rewrapped")
	after := between.Finished(nil)
	if err := v.StoreKeyring(ctx, epoch, 2, after.Sealed(next, 3)); err != nil {
		t.Fatal(err)
	}
	check("sealed")
	w.pass(2 * time.Second)
	store.roots = []gdpr.Root{next}
	check("done")
	for _, v := range []gdpr.Vault{v, mixed{v, backup}} { // with the rows of the backup under the new keyring too
		got, err := gdpr.NewKeys(store, v, ids, clock, gdpr.Options{}).Open(ctx, place, lost)
		gone(t, place, got, err)
	}
	if _, err := gdpr.NewKeys(store, backup, ids, clock, gdpr.Options{}).Open(ctx, place, lost); hub.CodeOf(err) != gdpr.CodeRootMismatch {
		t.Errorf("the backup opens without the old root: %v", err)
	}
	t.Logf("%d slots, %d checks by 2 hubs, %d newcomers", len(dirty), checks, newcomers)
}

// mixed is a vault with the keyring of one and the rows of another.
type mixed struct {
	*gdprtest.Memory
	rows *gdprtest.Memory
}

func (m mixed) ByID(c context.Context, ids []string) (map[string]gdpr.WrappedKey, error) {
	return m.rows.ByID(c, ids)
}

func rewrite(r *gdpr.Keyring, s forget.Slotful) ([]forget.Slotful, error) {
	for i, row := range s.Keys {
		next, _, err := r.Rewrap(row)
		if err != nil {
			return nil, err
		}
		s.Keys[i] = next
	}
	for i, tag := range s.Tags {
		next, _, err := r.Retag(tag)
		if err != nil {
			return nil, err
		}
		s.Tags[i] = next
	}
	s.Census = &forget.Census{Keys: int64(len(s.Keys)), Digest: make([]byte, 32)}
	return []forget.Slotful{s}, nil
}

// TestForeignSlot: a key that is properly wrapped in another slot than its own, where it would outlive its week or its
// erasure, is refused.
func TestForeignSlot(t *testing.T) {
	v, ring := populated(t, 3)
	k := keysOver(v)
	if err := k.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	for _, row := range v.All() {
		for _, slot := range []gdpr.Slot{row.Slot ^ 1, ring.Weeks()[119]} {
			moved := row
			moved.Slot = slot
			if _, _, err := ring.Rewrap(gdpr.WrapOther(k, moved, [32]byte{1})); hub.CodeOf(err) != hub.CodeUnreadable {
				t.Errorf("%s in slot %d: %v", row.ID, slot, err)
			}
		}
	}
}
