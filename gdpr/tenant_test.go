package gdpr_test

import (
	"testing"
	"time"

	"hub"
	"hub/gdpr"
)

func tenantKeys(t testing.TB, k *gdpr.Keys, tenant hub.TenantID) *gdpr.TenantKeys {
	t.Helper()
	keys, err := k.Tenant(ctx, tenant)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestDeliveryKey(t *testing.T) {
	v := newVault()
	a := tenantKeys(t, keysOver(v), "ten_a")
	same := a.DeliveryKey("con_a", "orders/create", "1", []byte("body"))
	if got := tenantKeys(t, keysOver(v), "ten_a").DeliveryKey("con_a", "orders/create", "1", []byte("body")); got != same {
		t.Error("another process has another key for the same delivery")
	}
	seen := map[[32]byte]string{same: "the delivery itself"}
	for name, key := range map[string][32]byte{
		"other tenant":     tenantKeys(t, keysOver(v), "ten_b").DeliveryKey("con_a", "orders/create", "1", []byte("body")),
		"operator":         tenantKeys(t, keysOver(v), hub.Operator).DeliveryKey("con_a", "orders/create", "1", []byte("body")),
		"other vault":      tenantKeys(t, keysOver(newVault()), "ten_a").DeliveryKey("con_a", "orders/create", "1", []byte("body")),
		"other connection": a.DeliveryKey("con_b", "orders/create", "1", []byte("body")),
		"other topic":      a.DeliveryKey("con_a", "orders/updated", "1", []byte("body")),
		"case of topic":    a.DeliveryKey("con_a", "Orders/create", "1", []byte("body")),
		"other id":         a.DeliveryKey("con_a", "orders/create", "2", []byte("body")),
		"space":            a.DeliveryKey("con_a", "orders/create", "1 ", []byte("body")),
		"other body":       a.DeliveryKey("con_a", "orders/create", "1", []byte("bodY")),
		"border":           a.DeliveryKey("con_a", "orders/create1", "", []byte("body")),
		"border 2":         a.DeliveryKey("con_ao", "rders/create", "1", []byte("body")),
		"digest":           a.Digest([]byte("con_a"), []byte("orders/create"), []byte("1"), []byte("body")),
	} {
		if other, ok := seen[key]; ok {
			t.Errorf("%s has the key of %s", name, other)
		}
		seen[key] = name
	}
}

func TestDigest(t *testing.T) {
	a := tenantKeys(t, keysOver(newVault()), "ten_a")
	lists := [][][]byte{nil, {{}}, {{}, {}}, {[]byte("ab")}, {[]byte("a"), []byte("b")}, {[]byte("b"), []byte("a")}, {[]byte("ab"), {}}}
	seen := map[[32]byte]int{}
	for i, list := range lists {
		d := a.Digest(list...)
		if at, ok := seen[d]; ok {
			t.Errorf("lists %d and %d have one digest", at, i)
		}
		if seen[d] = i; a.Digest(list...) != d {
			t.Errorf("list %d has two digests", i)
		}
	}
}

// A look at a tenant that has a key says what Tenant says, and one that has none gets hashes that nothing equals; neither
// makes a key.
func TestPeek(t *testing.T) {
	v := newVault()
	hash := func(k *gdpr.TenantKeys) [32]byte { return k.DeliveryKey("con_a", "orders/create", "1", []byte("body")) }
	peek := func(k *gdpr.Keys, tenant hub.TenantID) [32]byte {
		t.Helper()
		keys, err := k.Peek(ctx, tenant)
		if err != nil {
			t.Fatal(err)
		}
		return hash(keys)
	}
	k := keysOver(v)
	first, second := peek(k, "ten_a"), peek(k, "ten_a")
	if len(v.All()) != 0 {
		t.Fatalf("%d keys after a look", len(v.All()))
	}
	made := hash(tenantKeys(t, k, "ten_a"))
	if first == second || made == first || made == second {
		t.Error("hashes of a key that is not there repeat")
	}
	for what, k := range map[string]*gdpr.Keys{"the same process": k, "another": keysOver(v)} {
		if peek(k, "ten_a") != made {
			t.Errorf("%s has other hashes", what)
		}
	}
	peek(k, "ten_b")
	if len(v.All()) != 1 {
		t.Errorf("%d keys of one tenant", len(v.All()))
	}
	if _, err := k.Peek(ctx, ""); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("no tenant: %v", err)
	}
}

func TestNoTenant(t *testing.T) {
	if _, err := keysOver(newVault()).Tenant(ctx, ""); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("no tenant: %v", err)
	}
}

func TestCredentials(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	con, app := gdpr.CredentialOwner{Connection: "x"}, gdpr.CredentialOwner{App: "x"}
	p := gdpr.Place{Tenant: "ten_a", Table: "connections", Row: "x", Class: hub.P1, Version: 1}
	first, err := k.SealCredential(ctx, con, p, []byte(canary))
	if err != nil {
		t.Fatal(err)
	}
	second, err := k.SealCredential(ctx, app, p, []byte(canary))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = k.SealCredential(ctx, con, p, []byte(canary)); err != nil || len(v.All()) != 2 {
		t.Fatalf("%d keys for two owners, %v", len(v.All()), err)
	}
	other := p
	other.Version = 2
	got, err := k.OpenCredential(ctx, other, first)
	unreadable(t, other, got, err)
	v.Destroy(v.All()[0].ID) // the connection's, made first
	opened, err := keysOver(v).OpenCredentials(ctx, []gdpr.Sealed{{Place: p, Envelope: first}, {Place: p, Envelope: second}})
	if err != nil {
		t.Fatal(err)
	}
	gone(t, p, opened[0].Plaintext, opened[0].Err)
	if opened[1].Err != nil || string(opened[1].Plaintext) != canary {
		t.Errorf("the other owner's secret: %v", opened[1].Err)
	}
	for name, bad := range map[string]gdpr.CredentialOwner{"none": {}, "both": {Connection: "x", App: "x"}} {
		if _, err := k.SealCredential(ctx, bad, p, nil); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWeekOf(t *testing.T) {
	for in, want := range map[string]gdpr.Week{
		"2026-11-20T12:00:00Z":      "2026-W47",
		"2027-01-03T23:59:59Z":      "2026-W53",
		"2027-01-04T00:00:00Z":      "2027-W01",
		"2027-01-04T00:30:00+01:00": "2026-W53", // still Sunday in UTC
		"0001-01-01T00:00:00Z":      "1970-W01",
		"9999-12-31T00:00:00Z":      "9999-W52",
	} {
		at, err := time.Parse(time.RFC3339, in)
		if err != nil {
			t.Fatal(err)
		}
		if got := gdpr.WeekOf(at); got != want {
			t.Errorf("week of %s = %s, want %s", in, got, want)
		}
		h := holder(customer("1"))
		h.Week = gdpr.WeekOf(at)
		sealFor(t, keysOver(newVault()), h)
	}
}
