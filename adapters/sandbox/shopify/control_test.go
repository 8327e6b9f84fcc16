package shopify

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// steer sends a request to the control of a platform.
func steer(h http.Handler, method, target, body, origin string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:1234"+target, strings.NewReader(body))
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestControl makes things happen through the JSON API and looks at the page.
func TestControl(t *testing.T) {
	p, in := subscribed(t, true, "orders/create", "orders/updated")
	h := p.Control()
	for _, c := range []struct {
		method, path, body string
		status             int
		text               string
	}{
		{"POST", "/sandbox/orders", `{"shop":"acme.myshopify.com","action":"create"}`, 200, `"name":"#1001"`},
		{"POST", "/sandbox/orders", `{"shop":"acme.myshopify.com","action":"pay","order":"1"}`, 404, "no such order"},
		{"POST", "/sandbox/orders", `{"shop":"acme.myshopify.com","action":"create","colour":1}`, 400, "request"},
		{"POST", "/sandbox/faults", `{"rates":{"drop":1000},"next":{"stale":2}}`, 200, "played"},
		{"POST", "/sandbox/faults", `{"rates":{"flood":1}}`, 422, "unknown"},
		{"POST", "/sandbox/orders", `{"shop":"acme.myshopify.com","action":"create"}`, 200, `"name":"#1002"`},
		{"POST", "/sandbox/clock", `{"advance":"90m"}`, 200, "2026-11-21T13:30:00Z"},
		{"POST", "/sandbox/clock", `{"advance":"-1s"}`, 422, "duration"},
		{"GET", "/sandbox/state", "", 200, `"dropped":1`},
		{"GET", "/sandbox/orders?shop=acme.myshopify.com", "", 200, `"current_total"`},
		{"GET", "/sandbox/deliveries?after=1", "", 200, `"state":"dropped"`},
		{"GET", "/", "", 200, "orders/create"},
		{"GET", "/admin/oauth/authorize", "", 404, "Not Found"},
		{"GET", "/shops/acme.myshopify.com/admin/oauth/authorize", "", 400, "client_id"},
		{"POST", "/sandbox/uninstall", `{"app":"client-1","shop":"acme.myshopify.com"}`, 200, "{}"},
		{"POST", "/sandbox/uninstall", `{"app":"client-1","shop":"acme.myshopify.com"}`, 404, "no such"},
	} {
		w := steer(h, c.method, c.path, c.body, "")
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.text) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, w.Code, w.Body)
		}
	}
	if len(in.got) != 1 {
		t.Errorf("%d received", len(in.got))
	}
}

// TestControlIsForItsMachine: neither a page of another origin nor a name that leads here steers a sandbox.
func TestControlIsForItsMachine(t *testing.T) {
	p, _ := subscribed(t, true, "orders/create")
	h := p.Control()
	if w := steer(h, http.MethodPost, "/sandbox/clock", `{"advance":"1h"}`, "https://evil.example.com"); w.Code != http.StatusForbidden || !p.Now().Equal(begin) {
		t.Errorf("another origin: %d", w.Code)
	}
	r := httptest.NewRequest(http.MethodGet, "http://evil.example.com/sandbox/state", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusMisdirectedRequest {
		t.Errorf("another host: %d", w.Code)
	}
}
