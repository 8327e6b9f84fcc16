package tenancy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"hub"
)

func TestNames(t *testing.T) {
	o := newOffice(t)
	for _, bad := range []string{"", "  ", "a\nb", "a\x7fb", "a\u0085b", "a\u2028b", "a\u202eb", "\xff", strings.Repeat("x", maxName+1)} {
		if _, err := o.CreateTenant(t.Context(), NewTenant{Name: bad}); hub.KindOf(err) != hub.KindInvalid || hub.PathOf(err) != "name" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, good := range []string{"Müller & Söhne", "株式会社　甲", "<script>", strings.Repeat("x", maxName)} {
		if ten := o.tenant(good); !hub.ValidID(hub.TenantPrefix, string(ten)) || !o.Directory.HasTenant(ten) {
			t.Errorf("%q: %q", good, ten)
		}
	}
	if _, err := o.CreateTenant(t.Context(), NewTenant{Name: "<script>"}); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("a taken name: %v", err)
	}
}

func TestCreateKeyRefuses(t *testing.T) {
	o := newOffice(t)
	ten := o.tenant("acme")
	for _, c := range []struct {
		key  NewKey
		kind hub.Kind
		path string
	}{
		{NewKey{Tenant: ten, Role: "root"}, hub.KindInvalid, "role"},
		{NewKey{Tenant: ten}, hub.KindInvalid, "role"},
		{NewKey{Role: RoleERP}, hub.KindInvalid, "tenant"},
		{NewKey{Role: RoleAuditor}, hub.KindInvalid, "tenant"},
		{NewKey{Tenant: ten, Role: RoleOperator}, hub.KindInvalid, "tenant"},
		{NewKey{Tenant: "ten_x", Role: RoleERP}, hub.KindNotFound, ""},
		{NewKey{Tenant: hub.Operator, Role: RoleMerchant}, hub.KindNotFound, ""},
		{NewKey{Tenant: ten, Role: RoleERP, Client: "a\nb"}, hub.KindInvalid, "client"},
		{NewKey{Tenant: ten, Role: RoleERP, Scopes: []string{"personal:write"}}, hub.KindInvalid, "scope"},
		{NewKey{Tenant: ten, Role: RoleERP, Scopes: []string{ScopePersonalRead, ""}}, hub.KindInvalid, "scope"},
	} {
		_, text, err := o.CreateKey(t.Context(), c.key)
		if text != "" || hub.KindOf(err) != c.kind || hub.PathOf(err) != c.path {
			t.Errorf("%+v: %v", c.key, err)
		}
	}
	if len(o.db.all.Keys) != 0 {
		t.Errorf("%d keys", len(o.db.all.Keys))
	}
	for _, role := range []Role{RoleCompliance, RoleAuditor} {
		_, text, err := o.CreateKey(t.Context(), NewKey{Tenant: ten, Role: role, Scopes: []string{ScopePersonalRead}})
		if text != "" || hub.CodeOf(err) != "scope_of_other_role" || hub.PathOf(err) != "scope" {
			t.Errorf("%s with the scope: %v", role, err)
		}
	}
	for _, role := range []Role{RoleMerchant, RoleERP, RoleCompliance, RoleAuditor} {
		k, text := o.key(NewKey{Tenant: ten, Role: role})
		who, err := o.Directory.Authenticate(text)
		if err != nil || !who.May(role) || who.May(RoleOperator) || who.Operator() || who.Client != string(k.ID) || len(who.Scopes) != 0 {
			t.Errorf("%s: %+v, %v", role, who, err)
		}
	}
	_, text := o.key(NewKey{Role: RoleOperator})
	if who, err := o.Directory.Authenticate(text); err != nil || !who.Operator() {
		t.Errorf("operator: %+v, %v", who, err)
	}
}

func TestCreateConnection(t *testing.T) {
	o := newOffice(t)
	a, b := o.tenant("a"), o.tenant("b")
	own, err := o.CreateApp(t.Context(), NewApp{Tenant: a, Platform: hub.Shopify, Name: "own", Environment: "live", Secrets: []string{secret}})
	if err != nil {
		t.Fatal(err)
	}
	shared, err := o.CreateApp(t.Context(), NewApp{Platform: hub.Shopify, Name: "shared", Environment: "live", Secrets: []string{secret}})
	if err != nil {
		t.Fatal(err)
	}
	good := shop(a, "one")
	first := o.connect(good)
	if first.Account != "one.myshopify.com" || !hub.ValidID(hub.ConnectionPrefix, string(first.ID)) || len(first.Endpoint) != 26 {
		t.Errorf("%+v", first)
	}
	for name, change := range map[string]func(*NewConnection){
		"conflict: taken by the same":       func(n *NewConnection) { n.Shop = "ONE" },
		"conflict: taken by another tenant": func(n *NewConnection) { n.Shop, n.Tenant = "one.myshopify.com", b },
		"invalid: no tenant":                func(n *NewConnection) { n.Tenant = "" },
		"not_found: unknown tenant":         func(n *NewConnection) { n.Tenant = "ten_x" },
		"invalid: unknown platform":         func(n *NewConnection) { n.Platform = "etsy" },
		"invalid: unspoken platform":        func(n *NewConnection) { n.Platform = hub.MercadoLibre },
		"invalid: environment":              func(n *NewConnection) { n.Environment = "" },
		"invalid: no secret":                func(n *NewConnection) { n.Secrets = nil },
		"invalid: short secret":             func(n *NewConnection) { n.Secrets = []string{secret, "short"} },
		"invalid: long secret":              func(n *NewConnection) { n.Secrets = []string{strings.Repeat("x", 1025)} },
		"invalid: no text":                  func(n *NewConnection) { n.Secrets = []string{"12345678\xff"} },
		"invalid: many secrets":             func(n *NewConnection) { n.Secrets = strings.Split(strings.Repeat(secret+" ", 11), " ")[:11] },
		"invalid: app and secret":           func(n *NewConnection) { n.App = own.ID },
		"not_found: unknown app":            func(n *NewConnection) { n.App, n.Secrets = "app_x", nil },
		"not_found: another tenant's app":   func(n *NewConnection) { n.App, n.Secrets, n.Tenant = own.ID, nil, b },
		"not_found: other environment":      func(n *NewConnection) { n.App, n.Secrets, n.Environment = own.ID, nil, "sandbox" },
		"not_found: other platform":         func(n *NewConnection) { n.App, n.Secrets, n.Platform = own.ID, nil, hub.Shopee },
	} {
		bad := shop(a, "two")
		change(&bad)
		_, err := o.CreateConnection(t.Context(), bad)
		if kind, _, _ := strings.Cut(name, ":"); err == nil || hub.KindOf(err).String() != kind || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(o.db.all.Connections); n != 1 {
		t.Errorf("%d connections", n)
	}
	for i, app := range []hub.AppID{own.ID, shared.ID} {
		c := o.connect(NewConnection{Tenant: a, Platform: hub.Shopify, Environment: "live", Shop: fmt.Sprint("under-", i), App: app})
		target, ok := o.Directory.Account(hub.Shopify, app, c.Account)
		if !ok || target.Connection.ID != c.ID || target.App.ID != app {
			t.Errorf("account of %s: %+v", app, target)
		}
	}
}

// Who reads orders can have the scope and nobody has it unasked; a scope that an older version gave to others is none.
func TestReadsPersonal(t *testing.T) {
	o := newOffice(t)
	ten := o.tenant("acme")
	for _, role := range []Role{RoleMerchant, RoleERP, RoleOperator, RoleCompliance, RoleAuditor} {
		n := NewKey{Tenant: ten, Role: role, Client: "sap"}
		if role == RoleOperator {
			n.Tenant = ""
		}
		without, text := o.key(n)
		who, err := o.Directory.Authenticate(text)
		if err != nil || who.ReadsPersonal() {
			t.Errorf("%s without the scope: %+v, %v", role, who, err)
		}
		if a := who.Actor("req_1"); a != (hub.Actor{Key: without.ID, Role: string(role), Request: "req_1"}) {
			t.Errorf("%s acts as %+v", role, a)
		}
		who.Scopes = []string{ScopePersonalRead}
		can := role == RoleMerchant || role == RoleERP || role == RoleOperator
		if who.ReadsPersonal() != can || role.MayReadPersonal() != can {
			t.Errorf("%s with the scope reads personal fields: %v", role, who.ReadsPersonal())
		}
		if !can {
			continue
		}
		n.Scopes = []string{ScopePersonalRead}
		_, text = o.key(n)
		if who, err := o.Directory.Authenticate(text); err != nil || !who.ReadsPersonal() || who.Client != "sap" {
			t.Errorf("%s: %+v, %v", role, who, err)
		}
	}
	o.Directory.Trust(strings.Repeat("x", 40))
	who, err := o.Directory.Authenticate(strings.Repeat("x", 40))
	if err != nil || who.ReadsPersonal() || who.Actor("req_1") != (hub.Actor{Role: "operator", Request: "req_1"}) {
		t.Errorf("the bootstrap key: %+v, %v", who, err)
	}
}

func TestOrderRetention(t *testing.T) {
	o := newOffice(t)
	for days, want := range map[int]time.Duration{0: 730 * 24 * time.Hour, 1: 24 * time.Hour, MaxOrderRetentionDays: 3650 * 24 * time.Hour} {
		made, err := o.CreateTenant(t.Context(), NewTenant{Name: fmt.Sprint("t", days), OrderRetentionDays: days})
		if err != nil {
			t.Fatal(err)
		}
		for where, d := range map[string]*Directory{"here": o.Directory, "after a restart without databases": o.another()} {
			if d != o.Directory {
				if err := d.Restore(); err != nil {
					t.Fatal(err)
				}
			}
			if got, ok := d.Tenant(made.ID); !ok || got != made || got.OrderRetention() != want {
				t.Errorf("%d days %s: %+v, %v", days, where, got, got.OrderRetention())
			}
		}
	}
	for _, days := range []int{-1, MaxOrderRetentionDays + 1, -1 << 62} {
		if _, err := o.CreateTenant(t.Context(), NewTenant{Name: "x", OrderRetentionDays: days}); hub.KindOf(err) != hub.KindInvalid || hub.PathOf(err) != "order_retention_days" {
			t.Errorf("%d days: %v", days, err)
		}
	}
	if _, ok := o.Directory.Tenant("ten_x"); ok {
		t.Error("a tenant that is not there is found")
	}
}

// No secret is in what lists show, in the text of errors, or in clear in the control database.
func TestSecretsStayInside(t *testing.T) {
	o := newOffice(t)
	ten := o.tenant("a")
	o.connect(shop(ten, "one"))
	_, text := o.key(NewKey{Tenant: ten, Role: RoleERP})
	_, keySecret, _ := parseKey(text)
	list, err := json.Marshal(o.Directory.List())
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(o.db.all)
	if err != nil {
		t.Fatal(err)
	}
	for name, shown := range map[string]string{"list": string(list), "database": string(stored), "printed": fmt.Sprintf("%+v", o.Directory.List())} {
		if strings.Contains(shown, secret) || strings.Contains(shown, keySecret) {
			t.Errorf("the %s holds a secret", name)
		}
	}
	o.db.err = errAway
	if _, err := o.CreateConnection(t.Context(), shop(ten, "two")); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("error %v", err)
	}
}

// A tenant or an app that another hub made a moment ago is found.
func TestMadeByAnotherHub(t *testing.T) {
	o := newOffice(t)
	other := *o.Service
	other.Directory = o.another()
	ten := o.tenant("a")
	if _, _, err := other.CreateKey(t.Context(), NewKey{Tenant: ten, Role: RoleERP}); err != nil {
		t.Errorf("key: %v", err)
	}
	app, err := o.CreateApp(t.Context(), NewApp{Platform: hub.Shopify, Name: "x", Environment: "live", Secrets: []string{secret}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.CreateConnection(t.Context(), NewConnection{Tenant: ten, Platform: hub.Shopify, Environment: "live", Shop: "s", App: app.ID}); err != nil {
		t.Errorf("connection: %v", err)
	}
}

func TestRevoke(t *testing.T) {
	o := newOffice(t)
	other := o.another()
	k, text := o.key(NewKey{Tenant: o.tenant("a"), Role: RoleERP})
	o.refreshed(other)
	if _, err := other.Authenticate(text); err != nil {
		t.Fatal(err)
	}
	if err := o.RevokeKey(t.Context(), k.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Directory.Authenticate(text); hub.KindOf(err) != hub.KindUnauthentic {
		t.Errorf("here: %v", err)
	}
	o.refreshed(other)
	if _, err := other.Authenticate(text); hub.KindOf(err) != hub.KindUnauthentic {
		t.Errorf("there, a refresh later: %v", err)
	}
	for _, unknown := range []hub.KeyID{"", "key_x", k.ID + "x", "key_00000000000000000000000zzz"} {
		if err := o.RevokeKey(t.Context(), unknown); hub.KindOf(err) != hub.KindNotFound {
			t.Errorf("%q: %v", unknown, err)
		}
	}
}
