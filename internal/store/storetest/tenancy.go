package storetest

import (
	"reflect"
	"strings"
	"sync"
	"time"

	"hub"
	"hub/internal/store"
	"hub/internal/tenancy"
)

// created is when everything of this file was made.
func created() time.Time { return time.Date(2026, 11, 21, 1, 2, 3, 4000, time.UTC) }

// company makes a tenant with an app and a connection that nobody else has.
func (e *env) company() (tenancy.Tenant, tenancy.App, tenancy.Connection) {
	n := tenancy.Tenant{ID: e.tenant(), Name: e.name(), CreatedAt: created(), OrderRetentionDays: 400}
	a := tenancy.App{ID: hub.AppID(e.ids.New(hub.AppPrefix)), Tenant: n.ID, Platform: hub.Shopify, Name: "app", Environment: "live",
		Endpoint: e.name(), SealedSecrets: []byte{0, 255}, CreatedAt: created(), ClientID: "Client-1", Base: "http://127.0.0.1:1",
		Scopes: []string{"read_orders", "write_orders"}, Redirect: "https://hub.example/r?A=b", HookURL: "https://hub.example/h"}
	c := tenancy.Connection{ID: hub.ConnectionID(e.ids.New(hub.ConnectionPrefix)), Tenant: n.ID, App: a.ID, Platform: hub.Shopify,
		Environment: "live", Account: e.name(), Endpoint: e.name(), CreatedAt: created()}
	return n, a, c
}

func must(e *env, errs ...error) {
	e.Helper()
	for _, err := range errs {
		if err != nil {
			e.Fatal(err)
		}
	}
}

func (e *env) directory() tenancy.Everything {
	e.Helper()
	all, err := e.s.Tenancy().Load(e.Context())
	must(e, err)
	version, err := e.s.Tenancy().Version(e.Context())
	must(e, err)
	if version != all.Version {
		e.Errorf("version %d, loaded %d", version, all.Version)
	}
	return all
}

func testDirectory(e *env) {
	y, ctx := e.s.Tenancy(), e.Context()
	n, a, c := e.company()
	before := e.directory()
	k := tenancy.Key{ID: hub.KeyID(e.ids.New(hub.KeyPrefix)), Tenant: n.ID, Role: tenancy.RoleERP, Client: "sap", Scopes: []string{"personal:read", "x"},
		Hash: [32]byte{0, 1, 255}, CreatedAt: created()}
	operator := tenancy.Key{ID: hub.KeyID(e.ids.New(hub.KeyPrefix)), Role: tenancy.RoleOperator, CreatedAt: created()}
	own := tenancy.App{ID: hub.AppID(e.ids.New(hub.AppPrefix)), Platform: hub.Shopee, Name: "ours", Environment: "sandbox", Endpoint: e.name(), CreatedAt: created()}
	steps := []error{y.AddTenant(ctx, n), y.AddConnection(ctx, c, &a), y.AddKey(ctx, k), y.AddKey(ctx, operator), y.AddApp(ctx, own)}
	must(e, steps...)
	for range 2 {
		must(e, y.RevokeKey(ctx, k.ID, created().Add(time.Hour)))
	}
	must(e, y.RevokeKey(ctx, k.ID, created().Add(2*time.Hour)))
	k.RevokedAt = created().Add(time.Hour)
	all := e.directory()
	if all.Version != before.Version+int64(len(steps))+3 {
		e.Errorf("version %d after %d and %d changes", all.Version, before.Version, len(steps)+3)
	}
	has(e, all.Tenants, n)
	has(e, all.Apps, a)
	has(e, all.Apps, own)
	has(e, all.Connections, c)
	has(e, all.Keys, k)
	operator.Scopes = []string{}
	has(e, all.Keys, operator)
	e.wantKind(y.RevokeKey(ctx, "key_none", created()), hub.KindNotFound, "revoking a missing key")
}

func has[T any](e *env, list []T, want T) {
	e.Helper()
	for _, got := range list {
		if reflect.DeepEqual(got, want) {
			return
		}
	}
	e.Errorf("%+v is not among %d", want, len(list))
}

func testDirectoryConflicts(e *env) {
	y, ctx := e.s.Tenancy(), e.Context()
	n, a, c := e.company()
	must(e, y.AddTenant(ctx, n), y.AddConnection(ctx, c, &a))
	before := e.directory()
	codes := map[string]hub.Code{"name": store.CodeNameTaken, "account": store.CodeShopTaken, "endpoint": store.CodeTaken}
	taken := func(err error, what string) {
		e.Helper()
		if hub.KindOf(err) != hub.KindConflict || hub.CodeOf(err) != codes[what] || hub.PathOf(err) != what {
			e.Errorf("%s taken: %v", what, err)
		}
		for _, value := range []string{n.Name, c.Account, c.Endpoint, a.Endpoint} {
			if err != nil && strings.Contains(err.Error(), value) {
				e.Errorf("the error holds a value: %v", err)
			}
		}
	}
	n2, a2, c2 := e.company()
	n2.Name = n.Name
	taken(y.AddTenant(ctx, n2), "name")
	n2.Name = strings.ToUpper(n.Name)
	must(e, y.AddTenant(ctx, n2)) // names are compared byte for byte
	c2.Account = c.Account
	taken(y.AddConnection(ctx, c2, &a2), "account")
	if len(e.directory().Apps) != len(before.Apps) {
		e.Error("the app of a refused connection stayed")
	}
	c2.Account, c2.Endpoint = e.name(), c.Endpoint
	taken(y.AddConnection(ctx, c2, &a2), "endpoint")
	c2.Endpoint = a.Endpoint
	taken(y.AddConnection(ctx, c2, &a2), "endpoint")
	a2.Endpoint = c.Endpoint
	taken(y.AddApp(ctx, a2), "endpoint")
	sandbox := c
	sandbox.ID, sandbox.Endpoint, sandbox.Environment = c2.ID, e.name(), "sandbox"
	must(e, y.AddConnection(ctx, sandbox, nil))
	c2.ID, c2.App, c2.Endpoint = hub.ConnectionID(e.ids.New(hub.ConnectionPrefix)), a.ID, e.name()
	e.wantKind(y.AddConnection(ctx, c2, nil), hub.KindNotFound, "another tenant's app")
	c2.Tenant = "ten_none"
	e.wantKind(y.AddConnection(ctx, c2, nil), hub.KindNotFound, "a missing tenant")
	e.wantKind(y.AddKey(ctx, tenancy.Key{ID: "key_x", Tenant: "ten_none"}), hub.KindNotFound, "a key of a missing tenant")
	e.wantKind(y.AddKey(ctx, tenancy.Key{ID: "key_x", Scopes: []string{"a b"}}), hub.KindInvalid, "a scope with a space")
	e.wantKind(y.AddTenant(ctx, tenancy.Tenant{ID: "ten_x", Name: strings.Repeat("x", 256)}), hub.KindInvalid, "a long name")
	if got := e.directory().Version; got != before.Version+2 {
		e.Errorf("version %d after %d and two changes: refused ones counted", got, before.Version)
	}
}

// testDirectoryConcurrent has many ask for one account at once. One gets it.
func testDirectoryConcurrent(e *env) {
	ctx, other := e.Context(), e.second()
	account := e.name()
	errs := make([]error, 6)
	var wg sync.WaitGroup
	for i := range errs {
		y := e.s.Tenancy()
		if i%2 == 1 {
			y = other.Tenancy()
		}
		n, a, c := e.company()
		must(e, y.AddTenant(ctx, n))
		c.Account = account
		wg.Go(func() { errs[i] = y.AddConnection(ctx, c, &a) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if hub.CodeOf(err) != store.CodeShopTaken {
			e.Error(err)
		}
	}
	if won != 1 {
		e.Errorf("%d got the account", won)
	}
	e.Logf("%d asked, %d got it", len(errs), won)
}
