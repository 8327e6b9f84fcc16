package shopee

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// TestCallVectors holds the signatures of calls against all that were made elsewhere, refusals too.
func TestCallVectors(t *testing.T) {
	all := readVectors(t)
	good, refused := 0, 0
	signs := map[string]string{}
	for _, v := range all.Vectors {
		partner, at := strconv.FormatInt(v.PartnerID, 10), time.Unix(v.Timestamp, 0)
		switch v.Type {
		case "push":
			continue
		case "merchant":
			signs[v.ID] = sign(v.PartnerKey, base(partner, v.Path, at, v.AccessToken, strconv.FormatInt(v.MerchantID, 10)), nil)
		default:
			request, err := New().Request(
				driver.Call{Method: http.MethodGet, Path: v.Path, Query: url.Values{"page_size": {"20"}, "sign": {"x"}}, Public: v.Type == "public"},
				driver.Access{App: driver.App{ClientID: partner, Secrets: []string{v.PartnerKey, "push"}}, Account: strconv.FormatInt(v.ShopID, 10), Token: v.AccessToken}, at)
			if err != nil {
				t.Fatalf("%s: %v", v.ID, err)
			}
			signs[v.ID] = request.URL.Query().Get("sign")
		}
		if signs[v.ID] != v.Sign {
			t.Errorf("%s: %s, want %s", v.ID, signs[v.ID], v.Sign)
		}
		good++
	}
	for _, n := range all.NegativeAPI {
		if signs[n.For] == n.Sign || signs[n.For] == "" {
			t.Errorf("%s (%s) is what we send", n.ID, n.What)
		}
		refused++
	}
	if good != 12 || refused != 5 {
		t.Errorf("%d vectors, %d wrong recipes", good, refused)
	}
	t.Logf("%d vectors of calls, %d wrong recipes not used", good, refused)
}

// TestRequest writes calls.
func TestRequest(t *testing.T) {
	now := time.Unix(1700000000, 0)
	d := New()
	shop := driver.Access{App: testApp, Account: "727720655", Token: "token"}
	r, err := d.Request(driver.Call{Method: "POST", Path: "/api/v2/x", Query: url.Values{"a": {"1", "2"}}, Header: http.Header{"X-A": {"b"}}, Body: []byte(`{}`)}, shop, now)
	if err != nil {
		t.Fatal(err)
	}
	q := r.URL.Query()
	if r.URL.Host != "partner.shopeemobile.com" || q.Get("partner_id") != "2006566" || q.Get("timestamp") != "1700000000" || q.Get("access_token") != "token" ||
		q.Get("shop_id") != "727720655" || len(q["a"]) != 2 || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("X-A") != "b" || r.Method != "POST" {
		t.Errorf("%s %v", r.URL, r.Header)
	}
	public, err := d.Request(driver.Call{Method: "GET", Path: "/api/v2/x", Public: true}, shop, now)
	if err != nil || public.URL.Query().Has("access_token") || public.URL.Query().Has("shop_id") || public.Header.Get("Content-Type") != "" {
		t.Errorf("public: %s, %v", public.URL, err)
	}
	for environment, want := range map[string]string{"sandbox": sandboxHost, "live": liveHost, "": liveHost} {
		if got := host(driver.App{Environment: environment}); got != want {
			t.Errorf("%s: %s", environment, got)
		}
	}
	if got := host(driver.App{Base: "http://127.0.0.1:8787/"}); got != "http://127.0.0.1:8787" {
		t.Error(got)
	}
	for name, a := range map[string]driver.Access{
		"no token": {App: testApp, Account: "7"}, "no shop": {App: testApp, Token: "t"}, "a name for a shop": {App: testApp, Account: "../x", Token: "t"},
		"no key": {App: driver.App{ClientID: "7"}, Account: "7", Token: "t"}, "empty key": {App: driver.App{ClientID: "7", Secrets: []string{""}}, Account: "7", Token: "t"},
		"no partner": {App: driver.App{Secrets: []string{"k"}}, Account: "7", Token: "t"}, "a name for a partner": {App: driver.App{ClientID: "x", Secrets: []string{"k"}}, Account: "7", Token: "t"},
		"a broken base": {App: driver.App{ClientID: "7", Secrets: []string{"k"}, Base: "http://[secret"}, Account: "7", Token: "t"},
	} {
		if _, err := d.Request(driver.Call{Method: "GET", Path: "/x"}, a, now); hub.KindOf(err) != hub.KindInvalid || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestJudge is the platform's table of errors.
func TestJudge(t *testing.T) {
	shop, public := driver.Call{Class: driver.ClassOrders}, driver.Call{Class: driver.ClassAuth, Public: true}
	for _, c := range []struct {
		call          driver.Call
		word, message string
		want          string
	}{
		{shop, "", "", ""}, {shop, "-", "-", ""}, {shop, " ", " ", ""},
		{shop, "error_sign", "Wrong sign.", "forbidden app_refused"},
		{shop, "error_auth", "Invalid access_token.", "unauthentic token_refused"},
		{shop, "common.error_auth", "Invalid partner_id or shopid.", "unauthentic token_refused"},
		{shop, "error_auth", "System error, please try again later.", "unavailable platform_error"},
		{shop, "error_auth", "No permission to current api.", "forbidden scope_missing"},
		{shop, "error_auth", "The App is deleted, and you'll be unable to make any API call.", "forbidden app_refused"},
		{public, "error_auth", "partner_id is invalid", "forbidden app_refused"},
		{public, "error_auth", "Invalid code", "permanent reconnect_needed"},
		{public, "error_auth", "Invalid refresh_token.", "permanent reconnect_needed"},
		{shop, "invalid_acceess_token", "Invalid access_token, please have a check.", "unauthentic token_refused"},
		{shop, "product.error_param", "x", "permanent call_refused"}, {shop, "order. error_param", "x", "permanent call_refused"},
		{shop, "error_param", "Timestamp is expired.", "forbidden clock_skew"}, {shop, "error_param", "Invalid timestamp", "forbidden clock_skew"},
		{shop, "error_param", "Invalid partner_id.", "forbidden app_refused"},
		{shop, "error_param", "The information you queried is not found.", "not_found "},
		{shop, "error_not_found", "Wrong parameters, detail: the order is not found.", "not_found "}, {shop, "common.error_not_found", "", "not_found "},
		{shop, "shop_no_linked", "", "permanent reconnect_needed"}, {shop, "shop_access_expired", "", "permanent reconnect_needed"},
		{public, "refresh_token_expired", "", "permanent reconnect_needed"}, {public, "invalid_code", "", "permanent reconnect_needed"},
		{shop, "shop_banned", "", "forbidden shop_blocked"}, {shop, "error_permission", "", "forbidden scope_missing"},
		{shop, "source_ip_undeclared", "", "forbidden source_ip_undeclared"}, {shop, "error_partner_key_expired", "", "forbidden app_refused"},
		{shop, "error_rate_limit", "", "throttled "}, {shop, "error_limit", "", "throttled daily_quota"},
		{shop, "error_server", "", "unavailable platform_error"}, {shop, "error_network", "", "unavailable platform_error"}, {shop, "error_data", "", "unavailable platform_error"},
		{shop, "order.order_list_invalid_time", "", "permanent call_refused"}, {shop, "never_heard_of", "mira@example.test", "permanent call_refused"},
	} {
		body := `{"request_id":"r","error":` + strconv.Quote(c.word) + `,"message":` + strconv.Quote(c.message) + `}`
		for _, status := range []int{200, 403} {
			if status == 403 && c.want == "" {
				continue
			}
			_, err := New().Judge(c.call, driver.Answer{Status: status, Body: []byte(body)})
			if got := kindAndCode(err); got != c.want {
				t.Errorf("%q %q (%d): %q, want %q", c.word, c.message, status, got, c.want)
			}
			if err != nil && c.message != "" && len(c.message) > 5 && strings.Contains(err.Error(), c.message) {
				t.Errorf("%q: the error repeats the message", c.word)
			}
		}
	}
	now := http.Header{"Date": {"Sat, 03 Jan 2026 15:00:00 GMT"}, "Retry-After": {"7"}}
	for _, c := range []struct {
		a     driver.Answer
		want  string
		after time.Duration
	}{
		{driver.Answer{Status: 200, Body: []byte(`{"request_id":"r"}`)}, "", 0},
		{driver.Answer{Status: 200, Body: []byte(`{"error":"error_limit"}`), Header: now}, "throttled daily_quota", time.Hour},
		{driver.Answer{Status: 200, Body: []byte(`{"error":"error_limit"}`)}, "throttled daily_quota", time.Hour},
		{driver.Answer{Status: 200, Body: []byte(`{"error":"error_rate_limit"}`), Header: now}, "throttled ", 7 * time.Second},
		{driver.Answer{Status: 429, Body: []byte(`slow down`), Header: now}, "throttled ", 7 * time.Second},
		{driver.Answer{Status: 502, Body: []byte(`<html>`)}, "unavailable platform_error", 0},
		{driver.Answer{Status: 404, Body: []byte(`<html>`)}, "permanent call_refused", 0},
		{driver.Answer{Status: 403, Body: []byte(`<html>`)}, "unavailable answer_unreadable", 0},
		{driver.Answer{Status: 520, Body: nil}, "unavailable platform_error", 0},
		{driver.Answer{Status: 200, Body: []byte(`{"error":"","resp`)}, "unavailable answer_unreadable", 0},
		{driver.Answer{Status: 200, Body: []byte(`[]`)}, "unavailable answer_unreadable", 0},
		{driver.Answer{Status: 200, Body: []byte(`{"error":1}`)}, "unavailable answer_unreadable", 0},
		{driver.Answer{Status: 200, Body: []byte(`{"error":"","error":"error_auth"}`)}, "unavailable answer_unreadable", 0},
		{driver.Answer{Status: 403, Body: []byte(`{"error":""}`)}, "unavailable answer_unreadable", 0},
		{driver.Answer{Status: 200, Body: []byte(`{"error":"error_rate_limit"}`), Header: http.Header{"Retry-After": {"99999999999999999999"}}}, "throttled ", 0},
		{driver.Answer{Status: 200, Body: []byte(`{"error":"error_rate_limit"}`), Header: http.Header{"Retry-After": {"999999"}}}, "throttled ", maxRetryAfter},
	} {
		_, err := New().Judge(shop, c.a)
		if got := kindAndCode(err); got != c.want || hub.RetryAfterOf(err) != c.after {
			t.Errorf("%d %s: %q after %s, want %q after %s", c.a.Status, c.a.Body, got, hub.RetryAfterOf(err), c.want, c.after)
		}
	}
	if got := untilMidnight(time.Date(2026, 1, 3, 16, 0, 0, 0, time.UTC)); got != 24*time.Hour {
		t.Errorf("at midnight: %s", got)
	}
}

// FuzzJudge: whatever comes back is a success or one of the kinds that decide behaviour, and no error repeats it.
func FuzzJudge(f *testing.F) {
	f.Add(200, []byte(notFound))
	f.Add(502, []byte("<html>"))
	f.Add(200, []byte(`{"error":"a.b. canary7","message":"canary7"}`))
	d := New()
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		_, err := d.Judge(driver.Call{}, driver.Answer{Status: status, Body: body})
		if err != nil && (hub.KindOf(err) == hub.KindInternal || strings.Contains(err.Error(), "canary7")) {
			t.Fatal(err)
		}
	})
}

// FuzzAnswers: whatever a call is answered, there is no panic, and an error is one that decides behaviour and repeats
// nothing of the answer.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"error":"","response":{"more":true,"next_cursor":"20","order_list":[{"order_sn":"A1","order_status":"UNPAID"}]}}`))
	f.Add([]byte(`{"error":"","response":{"order_sn":"A1","return_sn":"A1","order_income":{},"return_order_sn_list":["A1"]}}`))
	f.Add([]byte(`{"error":"","response":{"push_message_list":[{"data":"canary7"}],"last_message_id":1}}`))
	f.Add([]byte(`{"error":"","access_token":"canary7","refresh_token":"canary7","expire_in":1,"shop_id_list":[7]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		answer := always(string(body))
		s := script(t, map[string]func(driver.Call) string{})
		for _, path := range []string{pathList, pathDetail, pathEscrow, pathEscrows, pathReturn, pathLost, pathShop, pathToken, pathRefresh, pathPushConfig, pathSetPush} {
			s.answers[path] = answer
		}
		d, w := New(), driver.Window{From: time.Unix(1767225600, 0), To: time.Unix(1767312000, 0)}
		_, listed := d.Changed(t.Context(), s, w, "")
		_, fetched := d.Fetch(t.Context(), s, []hub.ExternalID{"A1", "A2"})
		_, exported := d.Export(t.Context(), s, w, "")
		_, lost := d.Lost(t.Context(), s, testApp, "")
		_, inspected := d.Inspect(t.Context(), s, testApp, "7")
		_, exchanged := d.Exchange(t.Context(), s, testApp, driver.Grant{Code: "c", Account: "7", Main: true}, "", w.To)
		_, refreshed := d.Refresh(t.Context(), s, testApp, driver.Token{Account: "7", Refresh: "r"}, w.To)
		_, subscribed := d.Subscriptions(t.Context(), s, testApp, "7", hookURL)
		for name, err := range map[string]error{
			"Changed": listed, "Fetch": fetched, "Export": exported, "Lost": lost, "Inspect": inspected, "Exchange": exchanged,
			"Refresh": refreshed, "Subscriptions": subscribed,
		} {
			if err != nil && (hub.KindOf(err) == hub.KindInternal || hub.KindOf(err) == hub.KindInvalid || strings.Contains(err.Error(), "canary7")) {
				t.Fatalf("%s: %v", name, err)
			}
		}
	})
}
