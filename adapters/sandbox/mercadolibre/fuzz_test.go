package mercadolibre

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzRequests: whatever a request's path, query and form hold, the platform answers in its own words, never with 500, and
// the orders are what they were.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][2]string{
		{"/orders/search?seller=465000001&order.date_created.from=2026-01-01T00:00:00.000-00:00&offset=9&limit=1", ""},
		{"/orders/2000009713000001/shipments?list=1", ""}, {"/packs/99999999999999999999", ""}, {"/shipments/0/costs", ""},
		{"/orders/billing-info/MLB/-1", ""}, {"/post-purchase/v2/claims/1/returns", ""}, {"/missed_feeds?app_id=1&offset=-1", ""},
		{"/oauth/token", "grant_type=refresh_token&client_id=1&refresh_token=%00"}, {"/authorization?client_id=" + testApp, "decision=allow&nonce=x"},
		{"/users/1/applications/2", ""}, {"/%2e%2e/orders", ""}, {"/collections/1e3", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, target, form string) {
		u, err := url.Parse(target)
		if err != nil || !strings.HasPrefix(target, "/") || u.Host != "" || strings.ContainsAny(target, " \r\n") {
			t.Skip("no path of a request")
		}
		r := newRig(t, "MLB", nil)
		o := r.do(0, Create)
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			q := httptest.NewRequest(method, "http://127.0.0.1/", strings.NewReader(form))
			q.URL, q.RequestURI = u, target
			q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			q.Header.Set("Authorization", "Bearer "+r.token)
			w := httptest.NewRecorder()
			r.ServeHTTP(w, q)
			if w.Code >= 500 || w.Code == 0 {
				t.Errorf("%s: %d", method, w.Code)
			}
			if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && w.Code != http.StatusNoContent && !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s: %s", method, w.Body)
			}
		}
		r.pass(time.Second)
		if now, err := r.Order(r.seller, o.ID); err != nil || now != o {
			t.Errorf("%+v became %+v", o, now)
		}
	})
}
