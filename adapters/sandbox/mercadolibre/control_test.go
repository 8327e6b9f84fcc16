package mercadolibre

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// ask sends a request to the control API of a loopback host.
func ask(r *rig, method, target, body string, header ...string) answer {
	q := httptest.NewRequest(method, "http://127.0.0.1:8789"+target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.Control().ServeHTTP(w, q)
	text, err := io.ReadAll(w.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{w.Code, w.Header(), text}
}

// TestControl: everything that a person or a script can do is done through it.
func TestControl(t *testing.T) {
	r := newRig(t, "MLB", nil)
	steps := []struct {
		target, body string
		status       int
		says         string
	}{
		{"/sandbox/orders", `{"seller":"` + r.seller + `","action":"create"}`, 200, `"cancelled":false`},
		{"/sandbox/orders", `{"seller":"` + r.seller + `","action":"ship","order":"1"}`, 404, "no such order"},
		{"/sandbox/orders", `{"seller":"1","action":"create"}`, 404, "no such seller"},
		{"/sandbox/orders", `{"nonsense":1}`, 400, "not what this address takes"},
		{"/sandbox/clock", `{"advance":"90m"}`, 200, "13:30:00"},
		{"/sandbox/clock", `{"skew":"-7m"}`, 200, "13:30:00"},
		{"/sandbox/clock", `{"advance":"-1m"}`, 422, "duration"},
		{"/sandbox/faults", `{"rates":{"drop":1000},"next":{"api_half":1}}`, 200, `"played"`},
		{"/sandbox/faults", `{"rates":{"nothing":1}}`, 422, "unknown"},
		{"/sandbox/topics", `{"app":"` + testApp + `","topic":"orders_v2"}`, 200, "{}"},
		{"/sandbox/topics", `{"app":"` + testApp + `","topic":"items"}`, 404, "no such"},
		{"/sandbox/uninstall", `{"app":"` + testApp + `","seller":"` + r.seller + `"}`, 200, "{}"},
		{"/sandbox/uninstall", `{"app":"` + testApp + `","seller":"` + r.seller + `"}`, 404, "no such grant"},
	}
	for _, s := range steps {
		if a := ask(r, http.MethodPost, s.target, s.body); a.status != s.status || !strings.Contains(string(a.body), s.says) {
			t.Errorf("%s %s: %d %s", s.target, s.body, a.status, a.body)
		}
	}
	o := r.Orders(r.seller)[0]
	paid := `{"seller":"` + r.seller + `","action":"pay","order":"` + digitsOf(o.ID) + `"}`
	if a := ask(r, http.MethodPost, "/sandbox/orders", paid); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := ask(r, http.MethodPost, "/sandbox/orders", paid); a.status != http.StatusConflict {
		t.Errorf("paid twice: %d", a.status)
	}
	for target, says := range map[string]string{
		"/sandbox/state": `"currency":"BRL"`, "/sandbox/orders?seller=" + r.seller: digitsOf(o.ID), "/sandbox/deliveries": `"state":"delivered"`,
		"/": r.seller, "/sandbox/deliveries?after=100000": `"data":[]`, "/sandbox/orders?seller=7": `"data":[]`,
	} {
		if a := ask(r, http.MethodGet, target, ""); a.status != 200 || !strings.Contains(string(a.body), says) {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
	}
	if r.Now() != begin.Add(90*time.Minute) {
		t.Errorf("%s", r.Now())
	}
}

// TestControlIsForItsOwnMachine: other hosts and other origins are refused; the platform behind it is open to any host.
func TestControlIsForItsOwnMachine(t *testing.T) {
	r := newRig(t, "MLB", nil)
	q := httptest.NewRequest(http.MethodGet, "http://sandbox.example.com/sandbox/state", nil)
	w := httptest.NewRecorder()
	if r.Control().ServeHTTP(w, q); w.Code != http.StatusMisdirectedRequest {
		t.Errorf("another host: %d", w.Code)
	}
	if a := ask(r, http.MethodPost, "/sandbox/clock", `{"advance":"1m"}`, "Origin", "https://evil.example.com"); a.status != http.StatusForbidden {
		t.Errorf("another origin: %d", a.status)
	}
	q = httptest.NewRequest(http.MethodGet, "http://api.example.com/users/me", nil)
	q.Header.Set("Authorization", "Bearer "+r.token)
	w = httptest.NewRecorder()
	if r.Control().ServeHTTP(w, q); w.Code != http.StatusOK {
		t.Errorf("the platform: %d", w.Code)
	}
}
