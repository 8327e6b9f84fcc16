package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"hub"
	"hub/internal/erp"
	"hub/internal/intake"
)

// One spelling of errors[].path, whether huma, this package or a use case has refused.
func TestPathsOfViolationsAreSpelledAlike(t *testing.T) {
	l := newLab(t)
	ack := "/v1/orders/" + string(l.a.order) + "/acknowledgement"
	for _, c := range []struct{ method, target, key, body, path string }{
		{"POST", ack, l.a.keys[erpRole], `{"reference":""}`, "body.reference"},
		{"POST", ack, l.a.keys[erpRole], `{"reference":" "}`, "body.reference"},
		{"POST", "/v1/tenants", l.operator, `{"name":""}`, "body.name"},
		{"POST", "/v1/tenants", l.operator, `{"name":"a\u0000"}`, "body.name"},
		{"POST", "/v1/keys", l.operator, `{"role":"erp"}`, "body.tenant"},
		{"POST", "/v1/apps", l.operator, `{"platform":"shopify","name":"a"}`, "body.secret"},
		{"POST", "/v1/apps", l.operator, `{"platform":"shopify","name":"a","secret":"x"}`, "body.secret"},
		{"GET", "/v1/orders?limit=0", l.a.keys[erpRole], "", "query.limit"},
		{"GET", "/v1/orders", l.operator, "", "query.tenant"},
		{"GET", "/v1/orders/feed?wait=61s", l.a.keys[erpRole], "", "query.wait"},
		{"POST", "/v1/parked/" + string(l.a.parked) + "/drop", l.operator, "", "query.tenant"},
	} {
		got := l.do(c.method, c.target, c.key, c.body)
		violations, _ := got.body["errors"].([]any)
		if got.Code != 422 || len(violations) != 1 || violations[0].(map[string]any)["path"] != c.path {
			t.Errorf("%s %s %s: %s, want %s", c.method, c.target, c.body, got.Body, c.path)
		}
	}
	// What only the use case checks of a query, were the two to differ.
	if p := problemOf(hub.Invalid(hub.CodeOutOfRange, "limit"), inQuery); p.Errors[0].Path != "query.limit" {
		t.Errorf("%+v", p)
	}
}

// An operator who names no tenant reads what to do, not something about keys.
func TestOperatorIsToldToNameTheTenant(t *testing.T) {
	l := newLab(t)
	for _, path := range []string{"/v1/orders", "/v1/orders/feed", "/v1/parked"} {
		got := l.want(l.do("GET", path, l.operator, ""), 422, "tenant_required")
		if !strings.Contains(got.body["detail"].(string), "tenant=TENANT") || strings.Contains(got.Body.String(), "key") {
			t.Errorf("%s: %s", path, got.Body)
		}
	}
	got := l.want(l.do("POST", "/v1/keys", l.operator, `{"role":"erp"}`), 422, "tenant_required")
	if strings.Contains(got.Body.String(), "tenant=TENANT") {
		t.Errorf("creating a key: %s", got.Body)
	}
}

// A reader that is ahead of the feed has seen what the restored database does not have: it must not go on silently.
func TestFeedAheadOfItsHeadIsRefused(t *testing.T) {
	l := newLab(t)
	key := l.a.keys[erpRole]
	for _, target := range []string{"/v1/orders/feed?after=4", "/v1/orders/feed?after=4&wait=60s"} {
		got := l.want(l.do("GET", target, key, ""), 409, "after_beyond_head")
		if !strings.Contains(got.body["detail"].(string), "restored from a backup; ask the operator") {
			t.Error(got.Body)
		}
	}
	l.want(l.do("GET", "/v1/orders/feed?after=3", key, ""), 200, "")
}

func TestTakenIsNamed(t *testing.T) {
	l := newLab(t)
	l.want(l.do("POST", "/v1/tenants", l.operator, `{"name":"Loja Azul"}`), 409, "name_taken")
	body := `{"tenant":"` + string(l.b.id) + `","platform":"shopify","shop":"loja-azul","secret":"secret-secret"}`
	got := l.want(l.do("POST", "/v1/connections", l.operator, body), 409, "shop_taken")
	for _, code := range []hub.Code{"name_taken", "shop_taken"} {
		if texts[code] == "" {
			t.Errorf("%s has no text", code)
		}
	}
	if strings.Contains(got.Body.String(), string(l.a.id)) {
		t.Errorf("the answer names whose shop it is: %s", got.Body)
	}
}

func TestSecretsThatDoNotOpenAreRetried(t *testing.T) {
	l := newLab(t)
	l.withDoor(doorFunc(func(context.Context, intake.Request) error {
		return &hub.Error{Kind: hub.KindUnavailable, Code: "secrets_unavailable"}
	}))
	got := l.want(l.do("POST", l.hook(), "", "{}"), 503, "secrets_unavailable")
	if got.Header().Get("Retry-After") == "" || got.body["detail"] != texts["secrets_unavailable"] || texts["secrets_unavailable"] == "" {
		t.Errorf("%v %s", got.Header(), got.Body)
	}
}

// A tenant's waiting readers beyond the bound are refused at once; whoever finds something, or another tenant, is served.
func TestWaitingReadersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan int)
		for range erp.MaxTenantWaiting {
			go func() {
				r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/orders/feed?after=3&wait=60s", nil)
				r.Header.Set("Authorization", "Bearer "+l.a.keys[erpRole])
				w := httptest.NewRecorder()
				l.handler.ServeHTTP(w, r)
				ended <- w.Code
			}()
		}
		synctest.Wait()
		got := l.want(l.do("GET", "/v1/orders/feed?after=3&wait=60s", l.a.keys[merchant], ""), 429, "too_many_waiting")
		if got.Header().Get("Retry-After") != "5" || texts["too_many_waiting"] == "" {
			t.Errorf("%v", got.Header())
		}
		l.want(l.do("GET", "/v1/orders/feed?after=3", l.a.keys[erpRole], ""), 200, "")
		l.want(l.do("GET", "/v1/orders/feed?after=2&wait=60s", l.a.keys[erpRole], ""), 200, "")
		l.want(l.do("GET", "/v1/orders/feed?after=3&wait=1s", l.b.keys[erpRole], ""), 200, "")
		stop()
		for range erp.MaxTenantWaiting {
			if code := <-ended; code != 200 {
				t.Errorf("a waiting reader got %d", code)
			}
		}
		l.want(l.do("GET", "/v1/orders/feed?after=3&wait=1s", l.a.keys[erpRole], ""), 200, "")
	})
}

// HEAD is answered like GET, without the body (RFC 9110, 9.3.2), and only where GET is.
func TestHeadWorksWhereGetDoes(t *testing.T) {
	l := newLab(t)
	server := httptest.NewServer(l.handler)
	defer server.Close()
	ask := func(method, path string) string {
		r := newRequest(t, method, server.URL+path, "")
		r.RequestURI = ""
		r.Header.Set("Authorization", "Bearer "+l.a.keys[merchant])
		answer, err := server.Client().Do(r)
		l.must(err)
		defer answer.Body.Close()
		one := make([]byte, 1)
		if n, _ := answer.Body.Read(one); method == http.MethodHead && n > 0 {
			t.Errorf("HEAD %s has a body", path)
		}
		return fmt.Sprint(answer.StatusCode, " ", answer.Header.Get("Content-Type"))
	}
	for _, path := range []string{
		"/livez", "/readyz", "/docs", "/docs/docs.css", "/openapi.json", "/v1/orders", "/v1/orders/feed", "/v1/orders/" + string(l.a.order),
		"/v1/orders/x", "/v1/keys", "/v1/orders?limit=0", "/nothing", "/hooks/shopify/token",
	} {
		if get, head := ask("GET", path), ask("HEAD", path); get != head {
			t.Errorf("%s: GET %s, HEAD %s", path, get, head)
		}
	}
	w := httptest.NewRecorder()
	l.api.AdminHandler().ServeHTTP(w, newRequest(t, "HEAD", "/readyz", ""))
	if w.Code != 200 {
		t.Errorf("admin: %d", w.Code)
	}
}
