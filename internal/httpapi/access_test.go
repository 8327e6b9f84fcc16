package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hub/gdpr/forget"
	"hub/internal/intake"
	"hub/internal/tenancy"
)

// route is one row of the API as the tests know it, independent of how it is registered.
type route struct {
	method, path string // {order}, {parked} and {key} stand for ids
	body         string // {tenant} stands for the tenant, {n} for a number that differs
	roles        []tenancy.Role
	status       int
	named        bool // an operator must name the tenant in the query
}

const (
	merchant = tenancy.RoleMerchant
	erpRole  = tenancy.RoleERP
	auditor  = tenancy.RoleAuditor
	officer  = tenancy.RoleCompliance
	operator = tenancy.RoleOperator
)

func routes() []route {
	read, only := []tenancy.Role{merchant, erpRole, auditor, operator}, []tenancy.Role{operator}
	return []route{
		{"GET", "/v1/orders/feed", "", read, 200, true},
		{"GET", "/v1/orders", "", read, 200, true},
		{"GET", "/v1/orders/{order}", "", read, 200, true},
		{"GET", "/v1/orders/{order}/lineage", "", []tenancy.Role{merchant, auditor, operator}, 200, true},
		{"POST", "/v1/orders/{order}/acknowledgement", `{"reference":"ERP-1"}`, []tenancy.Role{erpRole}, 200, false},
		{"GET", "/v1/parked", "", []tenancy.Role{merchant, auditor, operator}, 200, true},
		{"POST", "/v1/parked/{parked}/replay", "", []tenancy.Role{merchant, operator}, 200, true},
		{"GET", "/v1/parked/summary", "", []tenancy.Role{merchant, auditor, operator}, 200, true},
		{"POST", "/v1/parked/replay", `{"limit":2,"dry_run":true}`, []tenancy.Role{merchant, operator}, 200, true},
		{"POST", "/v1/renormalisations", `{"limit":2}`, []tenancy.Role{merchant, operator}, 200, true},
		{"POST", "/v1/parked/{parked}/drop", "", []tenancy.Role{merchant, operator}, 200, true},
		{"GET", "/v1/connections", "", []tenancy.Role{merchant, auditor, operator}, 200, false},
		{"POST", "/v1/connections", `{"tenant":"{tenant}","platform":"shopify","shop":"shop-{n}","secret":"secret-secret"}`, only, 201, false},
		{"POST", "/v1/connections/connect", `{"tenant":"{tenant}","platform":"shopify","shop":"shop-{n}"}`, []tenancy.Role{merchant, operator}, 201, false},
		{"GET", "/v1/connections/{connection}", "", []tenancy.Role{merchant, auditor, operator}, 200, false},
		{"POST", "/v1/connections/{connection}/disconnect", "", []tenancy.Role{merchant, operator}, 200, false},
		{"GET", "/v1/reconciliations", "", read, 200, true},
		{"GET", "/v1/reconciliations/{statement}", "", read, 200, true},
		{"GET", "/v1/reconciliations/keys", "", read, 200, false},
		{"POST", "/v1/reconciliations", `{"connection_id":"{connection}","day":"2026-02-28"}`, []tenancy.Role{merchant, operator}, 202, false},
		{"GET", "/v1/tenants", "", only, 200, false},
		{"POST", "/v1/tenants", `{"name":"Tenant {n}"}`, only, 201, false},
		{"GET", "/v1/keys", "", only, 200, false},
		{"POST", "/v1/keys", `{"tenant":"{tenant}","role":"erp","client":"c","scopes":["personal:read"]}`, only, 201, false},
		{"DELETE", "/v1/keys/{key}", "", only, 204, false},
		{"POST", "/v1/forget-cycles", `{"approve":3}`, only, 200, false},
		{"GET", "/v1/forget-cycles", "", only, 200, false},
		{"GET", "/v1/hubs", "", only, 200, false},
		{"DELETE", "/v1/hubs/{hub}", "", only, 204, false},
		{"GET", "/v1/apps", "", only, 200, false},
		{"POST", "/v1/apps", `{"platform":"shopify","name":"App","secrets":["secret-one","secret-two"]}`, only, 201, false},
	}
}

// fill puts a party's ids into a route.
func (l *lab) fill(text string, p party, n int) string {
	l.Helper()
	id := ""
	if strings.Contains(text, "{key}") {
		k, _, err := l.api.Tenancy.CreateKey(l.Context(), tenancy.NewKey{Tenant: p.id, Role: erpRole})
		l.must(err)
		id = string(k.ID)
	}
	if strings.Contains(text, "{hub}") {
		l.forget.hubs = append(l.forget.hubs, forget.Hub{Instance: fmt.Sprint("ins_", n), SeenAt: testTime.Add(-time.Hour)})
	}
	return strings.NewReplacer("{hub}", fmt.Sprint("ins_", n), "{order}", string(p.order), "{parked}", string(p.parked), "{tenant}", string(p.id),
		"{connection}", string(p.connection.ID), "{statement}", statementOf(p), "{key}", id, "{n}", fmt.Sprint(n)).Replace(text)
}

func TestEveryRouteAndRole(t *testing.T) {
	n := 0
	for _, r := range routes() {
		l := newLab(t)
		for _, role := range []tenancy.Role{merchant, erpRole, auditor, officer, operator} {
			t.Run(r.method+" "+r.path+" as "+string(role), func(t *testing.T) {
				l.parked.rows[l.a.id][2].State = intake.ParkedOpen // the role before has dropped it
				key, path := l.a.keys[role], l.fill(r.path, l.a, n)
				if role == operator {
					key = l.operator
					if r.named {
						l.want(l.do(r.method, path, key, r.body), 422, "tenant_required")
						path += "?tenant=" + string(l.a.id)
					}
				}
				got := l.do(r.method, path, key, l.fill(r.body, l.a, n))
				if slices.Contains(r.roles, role) {
					l.want(got, r.status, "")
				} else {
					l.want(got, 403, "role_forbidden")
				}
				n++
			})
		}
	}
	t.Logf("%d routes and roles", n)
}

// The tests' list of routes is the API's.
func TestRoutesAreComplete(t *testing.T) {
	l := newLab(t)
	listed := map[string]bool{}
	for _, r := range routes() {
		path := strings.NewReplacer("{order}", "{id}", "{parked}", "{id}", "{key}", "{id}", "{connection}", "{id}", "{statement}", "{id}", "{hub}", "{instance}").Replace(r.path)
		listed[r.method+" "+path] = true
	}
	_, doc := l.api.build()
	served := 0
	for path, item := range doc.Paths {
		for method, op := range map[string]any{"GET": item.Get, "POST": item.Post, "DELETE": item.Delete, "PUT": item.Put, "PATCH": item.Patch} {
			if fmt.Sprint(op) == "<nil>" || !strings.HasPrefix(path, "/v1/") {
				continue
			}
			served++
			if !listed[method+" "+path] {
				t.Errorf("%s %s is not tested", method, path)
			}
		}
	}
	if served != len(listed) {
		t.Errorf("%d routes are served, %d tested", served, len(listed))
	}
}

func TestWithoutAGoodKeyAllAnswersAreOne(t *testing.T) {
	l := newLab(t)
	revoked := l.a.keys[merchant]
	for _, k := range l.api.Directory.List().Keys {
		if k.Role == merchant && k.Tenant == l.a.id {
			l.want(l.do("DELETE", "/v1/keys/"+string(k.ID), l.operator, ""), 204, "")
		}
	}
	good := l.b.keys[merchant]
	bad := map[string][]string{
		"none": nil, "empty": {""}, "no scheme": {good}, "basic": {"Basic " + good}, "two headers": {"Bearer " + good, "Bearer " + good},
		"unknown": {"Bearer hub_live_nothing"}, "revoked": {"Bearer " + revoked}, "cut": {"Bearer " + good[:len(good)-1]},
		"one character off": {"Bearer " + good[:20] + "x" + good[21:]}, "case": {"Bearer " + strings.ToUpper(good)},
		"space before": {"Bearer  " + good}, "space behind": {"Bearer " + good + " "}, "tab behind": {"Bearer " + good + "\t"},
	}
	for _, r := range routes() {
		first := ""
		for name, headers := range bad {
			request := newRequest(t, r.method, l.fill(r.path, l.b, 0), r.body)
			request.Header["Authorization"] = headers
			got := l.want(l.send(request), http.StatusUnauthorized, "key_refused")
			if got.Header().Get("WWW-Authenticate") == "" {
				t.Error("no WWW-Authenticate")
			}
			if first == "" {
				first = fingerprint(got)
			} else if fingerprint(got) != first {
				t.Errorf("%s %s: %s is answered in its own way", r.method, r.path, name)
			}
		}
	}
	t.Logf("%d refused keys on %d routes", len(bad), len(routes()))
}

// A foreign object, tenant, cursor or filter is answered like a missing one, byte for byte but the request id.
func TestForeignIsMissing(t *testing.T) {
	l := newLab(t)
	compared := 0
	same := func(what, method, key string, body string, foreign, missing string) {
		t.Helper()
		compared++
		f, m := l.do(method, foreign, key, body), l.do(method, missing, key, body)
		if fingerprint(f) != fingerprint(m) || f.Code < 400 {
			t.Errorf("%s: %s\nforeign %s\nmissing %s", what, foreign, fingerprint(f), fingerprint(m))
		}
	}
	missing := party{id: "ten_0000000000000000000000zzzz", order: "ord_0000000000000000000000zzzz", parked: "prk_0000000000000000000000zzzz", connection: tenancy.Connection{ID: "con_0000000000000000000000zzzz"}}
	malformed := party{id: "x", order: "x", parked: "%20", connection: tenancy.Connection{ID: "x"}}
	for _, r := range routes() {
		for role, key := range l.a.keys {
			if !slices.Contains(r.roles, role) {
				continue
			}
			for _, other := range []party{missing, malformed} {
				if strings.Contains(r.path, "{") {
					same("id as "+string(role), r.method, key, r.body, l.fill(r.path, l.b, 0), l.fill(r.path, other, 0))
				}
				same("tenant as "+string(role), r.method, key, r.body,
					l.fill(r.path, l.a, 0)+"?tenant="+string(l.b.id), l.fill(r.path, l.a, 0)+"?tenant="+string(other.id))
				same("id and tenant as "+string(role), r.method, key, r.body,
					l.fill(r.path, l.b, 0)+"?tenant="+string(l.b.id), l.fill(r.path, missing, 0)+"?tenant="+string(other.id))
			}
		}
	}
	if got := l.shard.acks; len(got) > 0 {
		t.Errorf("%d acknowledgements were stored", len(got))
	}
	for _, path := range []string{"/v1/orders?limit=1", "/v1/parked?limit=1"} {
		cursor, _ := l.do("GET", path, l.b.keys[merchant], "").body["next_cursor"].(string)
		if cursor == "" {
			t.Fatal("no cursor")
		}
		same("cursor", "GET", l.a.keys[merchant], "", path+"&cursor="+cursor, path+"&cursor=nonsense")
	}
	// A filter by somebody else's connection finds what a filter by no connection finds: nothing that differs.
	f := l.do("GET", "/v1/orders?connection_id="+string(l.b.connection.ID), l.a.keys[merchant], "")
	m := l.do("GET", "/v1/orders?connection_id=con_0000000000000000000000zzzz", l.a.keys[merchant], "")
	if f.Code != 200 || m.Code != 200 {
		t.Errorf("filters: %d and %d", f.Code, m.Code)
	}
	t.Logf("%d pairs compared", compared)
}

func TestOperatorsOfNoTenantOnly(t *testing.T) {
	l := newLab(t)
	l.want(l.do("GET", "/v1/orders?tenant=ten_0000000000000000000000zzzz", l.operator, ""), 404, "tenant_not_found")
	l.want(l.do("GET", "/v1/orders?tenant=operator", l.operator, ""), 404, "tenant_not_found")
	l.want(l.do("GET", "/v1/parked?tenant=operator", l.operator, ""), 200, "")
	l.want(l.do("GET", "/v1/parked?tenant=operator", l.a.keys[merchant], ""), 404, "tenant_not_found")
}

func TestListsShowOneTenant(t *testing.T) {
	l := newLab(t)
	for path, key := range map[string]string{
		"/v1/connections": l.a.keys[merchant], "/v1/connections?tenant=" + string(l.a.id): l.operator,
		"/v1/keys?tenant=" + string(l.a.id): l.operator, "/v1/apps?tenant=" + string(l.a.id): l.operator,
	} {
		got := l.want(l.do("GET", path, key, ""), 200, "")
		data := got.body["data"].([]any)
		for _, row := range data {
			if row.(map[string]any)["tenant"] != string(l.a.id) {
				t.Errorf("%s shows %v", path, row)
			}
		}
		if len(data) == 0 {
			t.Errorf("%s shows nothing", path)
		}
	}
	if got := l.do("GET", "/v1/connections", l.a.keys[auditor], ""); strings.Contains(got.Body.String(), "/hooks/") {
		t.Error("an auditor sees endpoint tokens")
	}
}
