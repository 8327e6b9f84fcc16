package gdpr_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"hub"
	"hub/gdpr"
	"hub/gdpr/gdprtest"
)

func identifier(t testing.TB, kind gdpr.IdentifierKind, value string) gdpr.Identifier {
	t.Helper()
	id, err := gdpr.NewIdentifier(kind, value)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestNewIdentifier(t *testing.T) {
	for _, c := range []struct {
		kind     gdpr.IdentifierKind
		in, want string // want "" is refused
	}{
		{gdpr.IdentifierEmail, " Anna.Müller@Example.COM\n", "anna.müller@example.com"},
		{gdpr.IdentifierEmail, "anna@example.com", "anna@example.com"},
		{gdpr.IdentifierEmail, "anna", ""},
		{gdpr.IdentifierEmail, "@example.com", ""},
		{gdpr.IdentifierEmail, "anna@", ""},
		{gdpr.IdentifierEmail, "a b@example.com", ""},
		{gdpr.IdentifierEmail, "a***a@example.com", ""},
		{gdpr.IdentifierEmail, "a\xff@example.com", ""},
		{gdpr.IdentifierEmail, strings.Repeat("a", 400) + "@example.com", ""},
		{gdpr.IdentifierPhone, "+49 (30) 123-456", "4930123456"},
		{gdpr.IdentifierPhone, "４９30１２３456", "4930123456"},
		{gdpr.IdentifierPhone, "٠١٢٣٤٥", "012345"},
		{gdpr.IdentifierPhone, "1234", ""},
		{gdpr.IdentifierPhone, "******1234567", ""},
		{gdpr.IdentifierPhone, "call me", ""},
		{gdpr.IdentifierTaxID, "de 123.456-789", "DE123456789"},
		{gdpr.IdentifierTaxID, "--", ""},
		{gdpr.IdentifierCustomer, " 0012 ", "0012"},
		{gdpr.IdentifierCustomer, "a*B", "a*B"},
		{gdpr.IdentifierCustomer, "  ", ""},
		{"order_number", "1", ""},
	} {
		got, err := gdpr.NewIdentifier(c.kind, c.in)
		if c.want == "" {
			if hub.KindOf(err) != hub.KindInvalid || hub.Parkable(err) || len(c.in) > 4 && strings.Contains(err.Error(), c.in) || got != (gdpr.Identifier{}) {
				t.Errorf("%s %q: %v, %v", c.kind, c.in, got, err)
			}
			continue
		}
		if err != nil || got != (gdpr.Identifier{Kind: c.kind, Value: c.want}) {
			t.Errorf("%s %q: %q, %v; want %q", c.kind, c.in, got.Value, err, c.want)
		}
	}
}

// FuzzIdentifier: what is normalised once stays as it is.
func FuzzIdentifier(f *testing.F) {
	for _, s := range []string{"Anna@example.com", "+49 30 123456", "DE 12 34", "İ@x", "ß1ŉ2", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, kind := range []gdpr.IdentifierKind{gdpr.IdentifierEmail, gdpr.IdentifierPhone, gdpr.IdentifierTaxID, gdpr.IdentifierCustomer} {
			once, err := gdpr.NewIdentifier(kind, s)
			if err != nil {
				continue
			}
			if once.Value == "" || !utf8.ValidString(once.Value) {
				t.Fatalf("%s %q became %q", kind, s, once.Value)
			}
			if twice, err := gdpr.NewIdentifier(kind, once.Value); len(once.Value) <= 320 && (err != nil || twice != once) {
				t.Fatalf("%s %q became %q and then %q, %v", kind, s, once.Value, twice.Value, err)
			}
		}
	})
}

// TestFind: a household, two spellings and two connections; nobody of another tenant.
func TestFind(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	phone, tax := identifier(t, gdpr.IdentifierPhone, "+49 30 123456"), identifier(t, gdpr.IdentifierTaxID, "DE 1234")
	subject := func(change func(*gdpr.Holder), s gdpr.SubjectRef, ids ...gdpr.Identifier) gdpr.SubjectID {
		h := one(placed(s, clock(), ids...))
		change(&h)
		return sealFor(t, k, h).Subjects()[0]
	}
	same := func(*gdpr.Holder) {}
	anna := subject(same, customer("1"), email("a@example.com"), phone)
	bert := subject(same, customer("2"), email("b@example.com"), phone, tax)
	other := subject(func(h *gdpr.Holder) { h.Connection = "con_b" }, customer("1"), email("A@Example.com"))
	guest := subject(same, gdpr.SubjectRef{Order: "1"}, email("a@example.com"))
	foreign := subject(func(h *gdpr.Holder) { h.Tenant = "ten_b" }, customer("1"), email("a@example.com"), phone)
	both := []hub.ConnectionID{"con_a", "con_b", "con_a"}
	for name, c := range map[string]struct {
		tenant      hub.TenantID
		connections []hub.ConnectionID
		id          gdpr.Identifier
		want        []gdpr.SubjectID
	}{
		"email":           {"ten_a", nil, email("a@EXAMPLE.com"), []gdpr.SubjectID{anna, other, guest}},
		"phone":           {"ten_a", nil, phone, []gdpr.SubjectID{anna, bert}},
		"tax id":          {"ten_a", nil, tax, []gdpr.SubjectID{bert}},
		"customer":        {"ten_a", both, identifier(t, gdpr.IdentifierCustomer, "1"), []gdpr.SubjectID{anna, other}},
		"one connection":  {"ten_a", both[:1], identifier(t, gdpr.IdentifierCustomer, "1"), []gdpr.SubjectID{anna}},
		"no connection":   {"ten_a", nil, identifier(t, gdpr.IdentifierCustomer, "1"), nil},
		"other tenant":    {"ten_b", nil, phone, []gdpr.SubjectID{foreign}},
		"nobody":          {"ten_a", nil, email("nobody@example.com"), nil},
		"phone as tax id": {"ten_a", nil, gdpr.Identifier{Kind: gdpr.IdentifierTaxID, Value: phone.Value}, nil},
	} {
		slices.Sort(c.want)
		got, err := k.Find(ctx, c.tenant, c.connections, c.id)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
	owners, damaged, err := k.Owners(ctx, "ten_a", []gdpr.SubjectID{anna, foreign, "sub_nobody"})
	if err != nil || len(owners) != 1 || owners[anna] == ([16]byte{}) || len(damaged) != 0 {
		t.Errorf("owners %v, damaged %v, %v", owners, damaged, err)
	}
	rows, err := v.ByID(ctx, []string{string(anna)})
	if err != nil {
		t.Fatal(err)
	}
	hurt := rows[string(anna)]
	hurt.Wrapped[len(hurt.Wrapped)-1] ^= 1
	v.Replace(hurt)
	k = keysOver(v)
	if owners, damaged, err = k.Owners(ctx, "ten_a", []gdpr.SubjectID{anna, bert}); err != nil || len(owners) != 1 || owners[bert] == ([16]byte{}) ||
		len(damaged) != 1 || hub.CodeOf(damaged[anna]) != hub.CodeUnreadable {
		t.Errorf("beside a damaged key: owners %v, damaged %v, %v", owners, damaged, err)
	}
	led := map[gdpr.SubjectID]int{}
	ring, err := k.Keyring(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range v.Tags() {
		if id, ok := ring.LeadsTo(tag); ok {
			led[id]++
		}
		tag.Sealed[20] ^= 1
		if id, ok := ring.LeadsTo(tag); ok {
			t.Errorf("a damaged tag leads to %s", id)
		}
	}
	if want := map[gdpr.SubjectID]int{anna: 3, bert: 4, other: 2, guest: 2, foreign: 3}; !maps.Equal(led, want) {
		t.Errorf("tags lead to %v, want %v", led, want)
	}
	for _, bad := range []gdpr.Identifier{{}, {Kind: "order_number", Value: "1"}, {Kind: gdpr.IdentifierEmail}} {
		if _, err := k.Find(ctx, "ten_a", nil, bad); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestFindNewIdentifier: a person whom the hub knows comes with another address, and another hub, which has to look, with a
// third.
func TestFindNewIdentifier(t *testing.T) {
	v := newVault()
	k, other := keysOver(v), keysOver(v)
	anna := sealFor(t, k, one(placed(customer("1"), clock(), email("a@example.com")))).Subjects()[0]
	for address, k := range map[string]*gdpr.Keys{"b@example.com": k, "c@example.com": other} {
		again := sealFor(t, k, one(placed(customer("1"), clock(), email("a@example.com"), email(address))))
		if again.Subjects()[0] != anna {
			t.Fatalf("somebody else: %s", again.Subjects())
		}
	}
	for _, address := range []string{"a@example.com", "b@example.com", "c@example.com"} {
		if got, err := k.Find(ctx, "ten_a", nil, email(address)); err != nil || !slices.Equal(got, []gdpr.SubjectID{anna}) {
			t.Errorf("%s leads to %v, %v", address, got, err)
		}
	}
}

// TestFindCost: searching for somebody and for nobody asks the vault the same.
func TestFindCost(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	sealFor(t, k, one(placed(customer("1"), clock(), email("a@example.com"))))
	cost := func(id gdpr.Identifier) gdprtest.Calls {
		before := v.Calls()
		if _, err := k.Find(ctx, "ten_a", []hub.ConnectionID{"con_a"}, id); err != nil {
			t.Fatal(err)
		}
		return less(v.Calls(), before)
	}
	if a, b := cost(email("a@example.com")), cost(email("nobody@example.com")); a != b || a.Tagged != 1 {
		t.Errorf("%+v for somebody, %+v for nobody", a, b)
	}
	if a, b := cost(identifier(t, gdpr.IdentifierCustomer, "1")), cost(identifier(t, gdpr.IdentifierCustomer, "2")); a != b || a.Links != 1 {
		t.Errorf("%+v for somebody, %+v for nobody", a, b)
	}
}

// TestFindMany: an address that many share is found in pages, and refused when it is no person's.
func TestFindMany(t *testing.T) {
	const crowd = 1300
	v := newVault()
	k := keysOver(v)
	var holders []gdpr.Holder
	for i := range crowd {
		holders = append(holders, one(placed(customer(hub.ExternalID(fmt.Sprint(i))), clock(), email("all@example.com"))))
	}
	seals, err := k.Seals(ctx, holders)
	if err != nil {
		t.Fatal(err)
	}
	var want []gdpr.SubjectID
	for _, s := range seals {
		want = append(want, s.Subjects()...)
	}
	slices.Sort(want)
	got, err := k.Find(ctx, "ten_a", nil, email("all@example.com"))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d of %d, %v", len(got), crowd, err)
	}
	for len(want) <= 11_000 {
		for i := range holders {
			holders[i].People[0].Customer += "x"
		}
		if _, err := k.Seals(ctx, holders); err != nil {
			t.Fatal(err)
		}
		want = append(want, make([]gdpr.SubjectID, crowd)...)
	}
	if _, err := k.Find(ctx, "ten_a", nil, email("all@example.com")); hub.KindOf(err) != hub.KindTooLarge {
		t.Errorf("%d subjects: %v", len(want), err)
	}
}

func TestSubjectsOf(t *testing.T) {
	k := keysOver(newVault())
	s := sealFor(t, k, holder(customer("1"), customer("2")))
	b := sealed(t, s, place, canary)
	if got, ok := gdpr.SubjectsOf(b); !ok || !slices.Equal(got, s.Subjects()) {
		t.Errorf("%v, %v; want %v", got, ok, s.Subjects())
	}
	unparsed := sealFor(t, k, gdpr.Holder{Tenant: "ten_a", Connection: "con_a", Lot: gdpr.LotUnparsed, Week: week})
	if got, ok := gdpr.SubjectsOf(sealed(t, unparsed, place, canary)); !ok || len(got) != 0 {
		t.Errorf("nobody's: %v, %v", got, ok)
	}
	credential, err := k.SealCredential(ctx, gdpr.CredentialOwner{App: "a"}, place, nil)
	if err != nil {
		t.Fatal(err)
	}
	b[5] ^= 1
	for name, bad := range map[string][]byte{"nothing": nil, "a credential": credential, "a damaged header": b} {
		if got, ok := gdpr.SubjectsOf(bad); ok || got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Whose a value is comes from the keys that opened it, and no plaintext of one call runs into the next.
func TestOpenAllSaysWhose(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	var list []gdpr.Sealed
	for i, h := range []gdpr.Holder{holder(customer("1")), holder(customer("2"), customer("3")), holder(customer("1"), customer("4"))} {
		p := place
		p.Row = fmt.Sprint("ord_", i)
		list = append(list, gdpr.Sealed{Place: p, Envelope: sealed(t, sealFor(t, k, h), p, fmt.Sprint(canary, i))}, gdpr.Sealed{Place: p})
	}
	for what, keys := range map[string]*gdpr.Keys{"cold": keysOver(v), "warm": k} {
		opened, err := keys.OpenAll(ctx, list)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range opened {
			_ = append(o.Plaintext, "overwrites"...)
		}
		for i, o := range opened {
			if want, _ := gdpr.SubjectsOf(list[i].Envelope); !slices.Equal(o.Subjects, want) {
				t.Errorf("%s: value %d is of %v, want %v", what, i, o.Subjects, want)
			}
			if i%2 == 0 && string(o.Plaintext) != fmt.Sprint(canary, i/2) {
				t.Errorf("%s: value %d: %q", what, i, o.Plaintext)
			}
		}
	}
}
