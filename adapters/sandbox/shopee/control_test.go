package shopee

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
	b := open(t, Options{}, nil)
	h := b.Control()
	o := b.act(t, Create, "")
	for _, c := range []struct {
		method, path, body string
		status             int
		text               string
	}{
		{"POST", "/sandbox/orders", `{"shop":"` + b.shop + `","action":"create"}`, 200, `"order_status":"UNPAID"`},
		{"POST", "/sandbox/orders", `{"shop":"` + b.shop + `","action":"pay","order":"` + o.ID + `"}`, 200, `"order_status":"READY_TO_SHIP"`},
		{"POST", "/sandbox/orders", `{"shop":"` + b.shop + `","action":"pay","order":"` + o.ID + `"}`, 409, "cannot take pay"},
		{"POST", "/sandbox/orders", `{"shop":"` + b.shop + `","action":"pay","order":"X"}`, 404, "no such order"},
		{"POST", "/sandbox/orders", `{"shop":"7","action":"create"}`, 404, "no such shop"},
		{"POST", "/sandbox/orders", `{"colour":1}`, 400, "request"},
		{"POST", "/sandbox/faults", `{"rates":{"drop":1000},"next":{"api_half":0}}`, 200, "played"},
		{"POST", "/sandbox/faults", `{"rates":{"flood":1}}`, 422, "unknown"},
		{"POST", "/sandbox/orders", `{"shop":"` + b.shop + `","action":"create"}`, 200, "order_sn"},
		{"POST", "/sandbox/clock", `{"advance":"90m","skew":"7m"}`, 200, "2026-11-21T13:30:00Z"},
		{"POST", "/sandbox/clock", `{"advance":"-1s"}`, 422, "duration"},
		{"GET", "/sandbox/state", "", 200, `"dropped":1`},
		{"GET", "/sandbox/orders?shop=" + b.shop, "", 200, `"current_total"`},
		{"GET", "/sandbox/deliveries?after=1", "", 200, `"state":"delivered"`},
		{"GET", "/", "", 200, "Shopee sandbox"},
		{"GET", "/api/v2/shop/get_shop_info", "", 403, "partner_id"},
		{"POST", "/sandbox/pushes", `{"app":"2006566","url":"https://new.example.com/","resume":true,"probe":true}`, 200, `"failure":""`},
		{"POST", "/sandbox/pushes", `{"app":"2006566","url":"http://new.example.com/"}`, 422, "https"},
		{"POST", "/sandbox/resend", `{"app":"2006566","shop":"` + b.shop + `"}`, 200, `"resend_code":"resend`},
		{"POST", "/sandbox/shops", `{"shop":"` + b.shop + `","status":"FROZEN"}`, 200, "{}"},
		{"POST", "/sandbox/shops", `{"shop":"` + b.shop + `","status":"HAPPY"}`, 422, "none"},
		{"POST", "/sandbox/uninstall", `{"app":"2006566","shop":"` + b.shop + `"}`, 200, "{}"},
		{"POST", "/sandbox/uninstall", `{"app":"2006566","shop":"` + b.shop + `"}`, 404, "no such"},
	} {
		w := steer(h, c.method, c.path, c.body, "")
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.text) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, w.Code, w.Body)
		}
	}
}

// TestControlIsForItsMachine: neither a page of another origin nor a name that leads here steers a sandbox.
func TestControlIsForItsMachine(t *testing.T) {
	b := open(t, Options{}, nil)
	h := b.Control()
	if w := steer(h, http.MethodPost, "/sandbox/clock", `{"advance":"1h"}`, "https://evil.example.com"); w.Code != http.StatusForbidden || !b.Now().Equal(begin) {
		t.Errorf("another origin: %d", w.Code)
	}
	r := httptest.NewRequest(http.MethodGet, "http://evil.example.com/sandbox/state", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusMisdirectedRequest {
		t.Errorf("another host: %d", w.Code)
	}
}
