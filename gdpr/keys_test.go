package gdpr_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hub"
	"hub/gdpr"
	"hub/gdpr/gdprtest"
)

func TestSubjectsAreTheirOwn(t *testing.T) {
	k := keysOver(newVault())
	base := holder(customer("1"))
	same := sealFor(t, k, base)
	vary := func(change func(*gdpr.Holder)) gdpr.Holder {
		h := base
		change(&h)
		return h
	}
	for name, c := range map[string]struct {
		h                gdpr.Holder
		subject, sameLot bool // same as base
	}{
		"again":            {base, true, true},
		"repeated":         {holder(customer("1"), customer("1")), true, true},
		"other week":       {vary(func(h *gdpr.Holder) { h.Week = "2026-W48" }), true, false},
		"other class":      {vary(func(h *gdpr.Holder) { h.Lot = gdpr.LotRaw }), true, false},
		"other customer":   {holder(customer("2")), false, true},
		"trailing space":   {holder(customer("1 ")), false, true},
		"guest order":      {holder(gdpr.SubjectRef{Order: "1"}), false, true},
		"other connection": {vary(func(h *gdpr.Holder) { h.Connection = "con_b" }), false, false},
		"other tenant":     {vary(func(h *gdpr.Holder) { h.Tenant = "ten_b" }), false, false},
	} {
		s := sealFor(t, k, c.h)
		if len(s.Subjects()) != 1 || (s.Subjects()[0] == same.Subjects()[0]) != c.subject || (s.Lot() == same.Lot()) != c.sameLot {
			t.Errorf("%s: subjects %v, lot %s; base has %v, %s", name, s.Subjects(), s.Lot(), same.Subjects(), same.Lot())
		}
	}
}

func TestHoldersThatContradict(t *testing.T) {
	k := keysOver(newVault())
	vary := func(change func(*gdpr.Holder)) gdpr.Holder {
		h := holder(customer(canary))
		change(&h)
		return h
	}
	for name, h := range map[string]gdpr.Holder{
		"zero":                   {},
		"no tenant":              vary(func(h *gdpr.Holder) { h.Tenant = "" }),
		"no connection":          vary(func(h *gdpr.Holder) { h.Connection = "" }),
		"no week":                vary(func(h *gdpr.Holder) { h.Week = "" }),
		"bad week":               vary(func(h *gdpr.Holder) { h.Week = "2026-W54" }),
		"no lot":                 vary(func(h *gdpr.Holder) { h.Lot = "" }),
		"unknown lot":            vary(func(h *gdpr.Holder) { h.Lot = "rAw" }),
		"unparsed with subjects": vary(func(h *gdpr.Holder) { h.Lot = gdpr.LotUnparsed }),
		"order without subjects": vary(func(h *gdpr.Holder) { h.People = nil }),
		"empty subject":          vary(func(h *gdpr.Holder) { h.People = people(gdpr.SubjectRef{}) }),
		"two in one":             vary(func(h *gdpr.Holder) { h.People[0].Order = "2" }),
		"too many":               vary(func(h *gdpr.Holder) { h.People = make([]gdpr.Person, 33) }),
	} {
		_, err := k.Seals(ctx, []gdpr.Holder{h})
		if hub.KindOf(err) != hub.KindInvalid || hub.Parkable(err) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBatchCost counts what a batch asks of the vault, cold, warm and over a vault that has all keys.
func TestBatchCost(t *testing.T) {
	v := newVault()
	var holders []gdpr.Holder
	for i := range 500 {
		h := holder(customer(hub.ExternalID(fmt.Sprint(i/2))), gdpr.SubjectRef{Order: hub.ExternalID(fmt.Sprint(i))})
		h.People[0].Identifiers = []gdpr.Identifier{email(fmt.Sprintf("%d@example.com", i))}
		holders = append(holders, h)
	}
	k := keysOver(v)
	cost := func(k *gdpr.Keys) gdprtest.Calls {
		before := v.Calls()
		if _, err := k.Seals(ctx, holders); err != nil {
			t.Fatal(err)
		}
		return less(v.Calls(), before)
	}
	if _, err := k.Tenant(ctx, "ten_a"); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name string
		keys *gdpr.Keys
		want gdprtest.Calls
	}{
		{"new keys", k, gdprtest.Calls{ByTag: 1, Links: 1, Tombstones: 1, Add: 1}},
		{"warm", k, gdprtest.Calls{}},
		{"cold", keysOver(v), gdprtest.Calls{Poll: 1, Keyrings: 1, ByTag: 2, Links: 2, Tombstones: 1, ByID: 1}},
	} {
		if got := cost(step.keys); got != step.want {
			t.Errorf("%s: %+v, want %+v", step.name, got, step.want)
		}
	}
	if n := len(v.All()); n != 1+250+500+1 {
		t.Errorf("the vault has %d keys, want a tenant, 250 customers, 500 guests and a lot", n)
	}
}

// TestVaultIsAskedInOrder: all hubs name keys in one order, or two that insert the same ones would block each other.
func TestVaultIsAskedInOrder(t *testing.T) {
	var holders []gdpr.Holder
	for i := range 100 {
		holders = append(holders, holder(customer(hub.ExternalID(fmt.Sprint(i)))))
	}
	v := ordered{newVault(), t}
	if _, err := gdpr.NewKeys(rootsOf(root), v, ids, clock, gdpr.Options{}).Seals(ctx, holders); err != nil {
		t.Fatal(err)
	}
}

type ordered struct {
	*gdprtest.Memory
	t *testing.T
}

func (o ordered) ByTag(ctx context.Context, tags [][]byte) (map[string]gdpr.WrappedKey, error) {
	if !slices.IsSortedFunc(tags, bytes.Compare) {
		o.t.Error("ByTag is asked out of order")
	}
	return o.Memory.ByTag(ctx, tags)
}

func (o ordered) Add(ctx context.Context, revision int64, a gdpr.Addition) (gdpr.Added, error) {
	links := func(a, b gdpr.Tag) int { return bytes.Compare(a.Link, b.Link) }
	if !slices.IsSortedFunc(a.Keys, func(a, b gdpr.WrappedKey) int { return bytes.Compare(a.Tag, b.Tag) }) ||
		!slices.IsSortedFunc(a.Subjects, func(a, b gdpr.NewSubject) int { return links(a.Identity, b.Identity) }) ||
		!slices.IsSortedFunc(a.Tags, links) {
		o.t.Error("Add is given keys or tags out of order")
	}
	return o.Memory.Add(ctx, revision, a)
}

// TestVaultHoldsNothingPersonal looks for the ids of customer and order in every field of every row.
func TestVaultHoldsNothingPersonal(t *testing.T) {
	v := newVault()
	h := holder(customer(canary), gdpr.SubjectRef{Order: canary + "-order"})
	h.People[0].Identifiers = []gdpr.Identifier{email(canary + "@example.com")}
	sealFor(t, keysOver(v), h)
	for _, tag := range v.Tags() {
		if strings.Contains(fmt.Sprintf("%s %s %s %s", tag.Link, tag.Tag, tag.Owner, tag.Sealed), canary) {
			t.Error("a tag holds what the platform calls the person")
		}
		if len(tag.Link) != 32 || len(tag.Tag) != 32 || len(tag.Owner) != 16 || len(tag.Sealed) > 255 || tag.Generation != 1 {
			t.Errorf("tag %+v", tag)
		}
	}
	for _, row := range v.All() {
		if strings.Contains(fmt.Sprintf("%s %s %s %s", row.ID, row.Tag, row.Wrapped, []string{string(row.Tenant),
			string(row.Connection), string(row.Class), string(row.Week)}), canary) {
			t.Errorf("row %s holds what the platform calls the person", row.ID)
		}
		if row.CreatedAt != clock().Truncate(1000) || len(row.Tag) != 32 || len(row.Wrapped) > 255 {
			t.Errorf("row %+v", row)
		}
		if isLot := row.Kind == gdpr.KindLot; isLot != (row.Week == week && row.Connection == "con_a" && row.Class == gdpr.LotOrder) {
			t.Errorf("row %+v", row)
		}
		if (row.Expires != "") != (row.Kind == gdpr.KindLot) || row.Generation != 1 {
			t.Errorf("row %+v", row)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	v := newVault()
	k := gdpr.NewKeys(rootsOf(root), v, ids, clock, gdpr.Options{CachedKeys: 10})
	var envelopes [][]byte
	for i := range 50 {
		s := sealFor(t, k, holder(customer(hub.ExternalID(fmt.Sprint(i)))))
		envelopes = append(envelopes, sealed(t, s, place, fmt.Sprint(i)))
		if n := gdpr.CachedKeys(k); n > 10 {
			t.Fatalf("%d keys in a cache of 10", n)
		}
	}
	for i, b := range envelopes { // the evicted ones are found again
		if got, err := k.Open(ctx, place, b); err != nil || string(got) != fmt.Sprint(i) {
			t.Fatalf("value %d: %q, %v", i, got, err)
		}
	}
	if n := gdpr.CachedKeys(k); n != 10 {
		t.Errorf("%d keys in a full cache of 10", n)
	}
	sealFor(t, k, holder(customer("49")))
	before := v.Calls()
	sealFor(t, k, holder(customer("49")))
	if v.Calls() != before {
		t.Error("the key used last was not in the cache")
	}
}

// TestWrongRoot: keys of another root are trouble of the installation, not of a value, and are never parked.
func TestWrongRoot(t *testing.T) {
	v := newVault()
	b := sealed(t, sealFor(t, keysOver(v), holder(customer("1"))), place, canary)
	for name, other := range map[string]gdpr.Root{
		"other key":        gdpr.NewRoot(1, [32]byte{9}),
		"other generation": gdpr.NewRoot(2, [32]byte{1, 2, 3}),
	} {
		k := gdpr.NewKeys(rootsOf(other), v, ids, clock, gdpr.Options{})
		_, openErr := k.Open(ctx, place, b)
		_, sealErr := k.Seals(ctx, []gdpr.Holder{holder(customer("1"))})
		_, tenantErr := k.Tenant(ctx, "ten_a")
		for _, err := range []error{openErr, sealErr, tenantErr} {
			if hub.CodeOf(err) != gdpr.CodeRootMismatch || hub.Parkable(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestDamagedVault flips each bit of each row's bytes, and changes what the row says of itself.
func TestDamagedVault(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	s := sealFor(t, k, holder(customer("1")))
	b := sealed(t, s, place, canary)
	subject := string(s.Subjects()[0])
	rows, err := v.ByID(ctx, []string{subject, string(s.Lot())})
	if err != nil {
		t.Fatal(err)
	}
	damages := 0
	check := func(row gdpr.WrappedKey) {
		t.Helper()
		v.Replace(row)
		gdpr.DropCache(k)
		got, err := k.Open(ctx, place, b)
		unreadable(t, place, got, err)
		damages++
	}
	for _, row := range rows {
		for at := range row.Wrapped {
			for bit := range 8 {
				damaged := row
				damaged.Wrapped = append([]byte(nil), row.Wrapped...)
				damaged.Wrapped[at] ^= 1 << bit
				check(damaged)
			}
			damaged := row
			damaged.Wrapped = row.Wrapped[:at]
			check(damaged)
		}
		for _, change := range []func(*gdpr.WrappedKey){
			func(r *gdpr.WrappedKey) { r.Tenant = "ten_b" }, func(r *gdpr.WrappedKey) { r.Kind = gdpr.KindTenant },
			func(r *gdpr.WrappedKey) { r.Connection = "con_b" }, func(r *gdpr.WrappedKey) { r.Week = "2026-W48" },
			func(r *gdpr.WrappedKey) { r.Expires = "2030-W01" }, func(r *gdpr.WrappedKey) { r.Slot++ },
			func(r *gdpr.WrappedKey) { r.Expires, r.Slot = "2030-W01", gdpr.Week("2030-W01").Slot() },
			func(r *gdpr.WrappedKey) { r.Class = gdpr.LotRaw }, func(r *gdpr.WrappedKey) { r.Tag = make([]byte, 32) },
		} {
			damaged := row
			change(&damaged)
			check(damaged)
		}
		v.Replace(row)
		opens(t, v, place, b, canary)
	}
	t.Logf("%d damages of 2 rows, none opened", damages)
}

// TestExchangedRows: a vault that answers for one person with the key of another is caught, by tag and by id.
func TestExchangedRows(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	one, two := sealFor(t, k, holder(customer("1"))), sealFor(t, k, holder(customer("2")))
	idOne, idTwo := string(one.Subjects()[0]), string(two.Subjects()[0])
	rows, _ := v.ByID(ctx, []string{idOne, idTwo})
	a, b := rows[idOne], rows[idTwo]
	swap := liar{Memory: v, swap: map[string]gdpr.WrappedKey{string(a.Tag): b, string(b.Tag): a, idOne: b, idTwo: a}}
	_, err := keysOver(swap).Seals(ctx, []gdpr.Holder{holder(customer("1"))})
	if hub.CodeOf(err) != hub.CodeUnreadable {
		t.Errorf("sealing under exchanged rows: %v", err)
	}
	got, err := keysOver(swap).Open(ctx, place, sealed(t, one, place, canary))
	unreadable(t, place, got, err)
	a.Tag, b.Tag = b.Tag, a.Tag
	v.Replace(a)
	v.Replace(b)
	if _, err = keysOver(v).Seals(ctx, []gdpr.Holder{holder(customer("1"))}); hub.CodeOf(err) != hub.CodeUnreadable {
		t.Errorf("sealing under exchanged tags: %v", err)
	}
}

// TestPersonWithAnotherKey: a key row that is damaged, or holds a key that the person's tags do not come from, closes that
// person alone.
func TestPersonWithAnotherKey(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	s := sealFor(t, k, holder(customer("1")))
	sealFor(t, k, holder(customer("2")))
	id := string(s.Subjects()[0])
	rows, err := v.ByID(ctx, []string{id})
	if err != nil {
		t.Fatal(err)
	}
	damaged := rows[id]
	damaged.Wrapped = bytes.Clone(damaged.Wrapped)
	damaged.Wrapped[50] ^= 1
	for name, row := range map[string]gdpr.WrappedKey{"damaged": damaged, "another key": gdpr.WrapOther(k, rows[id], [32]byte{7})} {
		v.Replace(row)
		cold := keysOver(v)
		if _, err := cold.Seals(ctx, []gdpr.Holder{holder(customer("1"))}); hub.CodeOf(err) != hub.CodeUnreadable {
			t.Errorf("%s: %v", name, err)
		}
		sealFor(t, cold, holder(customer("2")))
	}
}

// liar is a vault that answers with other rows.
type liar struct {
	*gdprtest.Memory
	swap map[string]gdpr.WrappedKey
}

func (l liar) ByID(ctx context.Context, ids []string) (map[string]gdpr.WrappedKey, error) {
	rows, err := l.Memory.ByID(ctx, ids)
	for asked := range rows {
		if row, ok := l.swap[asked]; ok {
			rows[asked] = row
		}
	}
	return rows, err
}

// TestVaultTrouble: an error of the vault keeps its kind, and one after the deed ("did it, then reported failure") does
// no harm when the call is repeated.
func TestVaultTrouble(t *testing.T) {
	v := newVault()
	down := &hub.Error{Kind: hub.KindUnavailable, Op: "asking vault"}
	k := gdpr.NewKeys(rootsOf(root), failing{v, down}, ids, clock, gdpr.Options{})
	for _, keys := range []int{1, 3} { // the tenant's, then the subject's and the lot's
		if _, err := k.Seals(ctx, []gdpr.Holder{holder(customer("1"))}); hub.KindOf(err) != hub.KindUnavailable || !errors.Is(err, down) {
			t.Errorf("Seals: %v", err)
		}
		if n := len(v.All()); n != keys {
			t.Fatalf("the vault has %d keys, want %d", n, keys)
		}
	}
	stored := v.All()
	b := sealed(t, sealFor(t, k, holder(customer("1"))), place, canary)
	if !reflect.DeepEqual(v.All(), stored) {
		t.Error("repeating changed the vault")
	}
	opens(t, v, place, b, canary)
}

// failing adds and then reports failure.
type failing struct {
	*gdprtest.Memory
	err error
}

func (f failing) Add(ctx context.Context, revision int64, a gdpr.Addition) (gdpr.Added, error) {
	if _, err := f.Memory.Add(ctx, revision, a); err != nil {
		return gdpr.Added{}, err
	}
	return gdpr.Added{}, f.err
}

// less subtracts what was asked before.
func less(now, before gdprtest.Calls) gdprtest.Calls {
	return gdprtest.Calls{ByTag: now.ByTag - before.ByTag, ByID: now.ByID - before.ByID, Links: now.Links - before.Links,
		Tagged: now.Tagged - before.Tagged, Tombstones: now.Tombstones - before.Tombstones, Add: now.Add - before.Add,
		Poll: now.Poll - before.Poll, Keyrings: now.Keyrings - before.Keyrings, PutKeyring: now.PutKeyring - before.PutKeyring}
}
