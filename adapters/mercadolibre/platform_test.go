package mercadolibre

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

const (
	token  = "APP_USR-1-0123"
	secret = "client-secret-of-the-app"
)

func testApp() driver.App {
	return driver.App{ClientID: appID, Secrets: []string{secret, "an older one"}, Environment: "live", Redirect: "https://hub.example.test/connect/mercadolibre/callback"}
}

// asked is one call as the platform would see it.
type asked struct {
	method, path  string
	query, form   url.Values
	header        http.Header
	host, account string
}

// script is a platform that answers from a table of paths, and a Caller to it: it writes each call with the driver's
// Request and has the driver's Judge look at each answer, as the real one does.
type script struct {
	t       *testing.T
	d       *Driver
	account string
	answer  map[string]func(asked) driver.Answer // by path
	calls   []asked
	now     time.Time
}

func newScript(t *testing.T) *script {
	return &script{t: t, d: New(), account: account, answer: map[string]func(asked) driver.Answer{}, now: time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)}
}

// says answers a path with a status and a body, always.
func (s *script) says(path string, status int, body string, header ...string) {
	s.answer[path] = func(asked) driver.Answer { return reply(status, body, header...) }
}

func reply(status int, body string, header ...string) driver.Answer {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return driver.Answer{Status: status, Header: h, Body: []byte(body)}
}

// Call is a Caller without budget and without a second try.
func (s *script) Call(_ context.Context, c driver.Call) (driver.Answer, error) {
	s.t.Helper()
	access := driver.Access{App: testApp(), Account: s.account, Token: token}
	if c.Public {
		access.Account, access.Token = c.Account, ""
	}
	request, err := s.d.Request(c, access, s.now)
	if err != nil {
		return driver.Answer{}, err
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		s.t.Fatal(err)
	}
	a := asked{request.Method, request.URL.Path, request.URL.Query(), form, request.Header, request.URL.Host, access.Account}
	s.calls = append(s.calls, a)
	answer := reply(http.StatusNotFound, `{"message":"resource not found","error":"not_found","status":404,"cause":[]}`)
	if f := s.answer[a.path]; f != nil {
		answer = f(a)
	}
	if answer.Header.Get("Date") == "" {
		answer.Header.Set("Date", s.now.Add(time.Duration(len(s.calls))*time.Second).Format(http.TimeFormat))
	}
	if _, err := s.d.Judge(c, answer); err != nil {
		return driver.Answer{}, err
	}
	return answer, nil
}

// paths lists what was asked, in order.
func (s *script) paths() (paths []string) {
	for _, c := range s.calls {
		paths = append(paths, c.path)
	}
	return paths
}

// member is a part of a sample document.
func member(t *testing.T, document []byte, name string) string {
	t.Helper()
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(document, &whole); err != nil {
		t.Fatal(err)
	}
	return string(whole[name])
}

// TestRequest: a shop's call has the token in a header and nowhere else, and the app's secret is in none but a form.
func TestRequest(t *testing.T) {
	d, app := New(), testApp()
	r, err := d.Request(get("x", "/orders/search", url.Values{"seller": {self}, "q": {"a b&c"}}), driver.Access{App: app, Account: account, Token: token}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.URL.String(); got != "https://api.mercadolibre.com/orders/search?q=a+b%26c&seller=500001" {
		t.Errorf("address %s", got)
	}
	if got := r.Header.Get("Authorization"); got != "Bearer "+token || strings.Contains(r.URL.String(), token) {
		t.Errorf("authorization %q", got)
	}
	app.Base = "http://127.0.0.1:8787/"
	r, err = d.Request(driver.Call{Method: http.MethodPost, Path: "/oauth/token", Body: []byte("a=b"), Public: true}, driver.Access{App: app}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	if want := "a=b&client_id=" + appID + "&client_secret=" + secret; string(body) != want || r.URL.String() != "http://127.0.0.1:8787/oauth/token" || r.Header.Get("Authorization") != "" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("%s %s", r.URL, body)
	}
	for name, bad := range map[string]driver.Access{
		"no account": {App: app, Token: token}, "a name for an account": {App: app, Account: "me", Token: token}, "no token": {App: app, Account: account},
	} {
		if _, err := d.Request(get("x", "/users/me", nil), bad, time.Time{}); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, bad := range map[string]driver.App{"no secret": {ClientID: appID}, "no id": {Secrets: []string{"x"}}, "an id that is none": {ClientID: "1&x=y", Secrets: []string{"x"}}} {
		if _, err := d.Request(driver.Call{Method: http.MethodPost, Path: "/oauth/token", Body: []byte("a=b"), Public: true}, driver.Access{App: bad}, time.Time{}); hub.CodeOf(err) != CodeApp {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.Request(get("x", "/", nil), driver.Access{App: driver.App{Base: "http://[::1"}, Account: account, Token: token}, time.Time{}); err == nil || strings.Contains(err.Error(), "::1") {
		t.Errorf("a broken base: %v", err)
	}
}

// TestJudge walks the table of what the platform says.
func TestJudge(t *testing.T) {
	const (
		orders = driver.ClassOrders
		auth   = driver.ClassAuth
	)
	for _, c := range []struct {
		name   string
		class  driver.Class
		status int
		body   string
		kind   hub.Kind
		code   hub.Code
	}{
		{"expired token", orders, 401, `{"message":"invalid_token","error":"not_found","status":401}`, hub.KindUnauthentic, driver.CodeTokenRefused},
		{"malformed token", orders, 400, `{"message":"Malformed access_token: TOKEN_NOT_VALID","error":"bad_request","status":400}`, hub.KindUnauthentic, driver.CodeTokenRefused},
		{"no token", orders, 403, `{"error":"not_identified_user"}`, hub.KindUnauthentic, driver.CodeTokenRefused},
		{"bad parameter", orders, 400, `{"message":"Param not valid","error":"bad_request","status":400}`, hub.KindPermanent, CodeRefused},
		{"not an order id", orders, 400, `{"error":"invalid_order_id"}`, hub.KindNotFound, ""},
		{"no such order", orders, 404, `{"message":"Order not found.","error":"order_not_found","status":404,"cause":null}`, hub.KindNotFound, ""},
		{"another seller's order", orders, 403, `{"message":"The user has not access to the order","error":"not_owned_order","status":403}`, hub.KindNotFound, ""},
		{"another caller", orders, 403, `{"message":"Invalid caller.id","error":"forbidden","status":403}`, hub.KindNotFound, ""},
		{"a pack of others", orders, 403, `{"message":"No orders found.","error":"forbidden","status":403}`, hub.KindNotFound, ""},
		{"access denied", orders, 403, `{"status":403,"error":"access_denied","message":"access to the requested resource is forbidden","code":"FORBIDDEN"}`, hub.KindForbidden, CodeDenied},
		{"scopes", orders, 403, `{"status":403,"error":"Invalid scopes","code":"FORBIDDEN"}`, hub.KindForbidden, CodeScope},
		{"permission", orders, 403, `{"status":403,"code":"PA_UNAUTHORIZED_RESULT_FROM_POLICIES","blocked_by":"PolicyAgent"}`, hub.KindForbidden, CodePermission},
		{"a page of a proxy", orders, 403, `<html>`, hub.KindForbidden, CodeDenied},
		{"stale version", orders, 409, `{}`, hub.KindConflict, ""},
		{"too fast", orders, 429, `{"message":"too many requests","error":"local_rate_limited","status":429}`, hub.KindThrottled, ""},
		{"gone", orders, 451, `{"message":"The requested user is not available due to legal reasons","error":"unavailable.for.legal.reasons"}`, hub.KindPermanent, CodeGone},
		{"down", orders, 500, `{"message":"Oops! Something went wrong...","error":"internal_server_error"}`, hub.KindUnavailable, CodePlatform},
		{"away", orders, 503, ``, hub.KindUnavailable, CodePlatform},
		{"elsewhere", orders, 302, ``, hub.KindUnavailable, CodePlatform},
		{"slow", orders, 408, ``, hub.KindUnavailable, CodePlatform},
		{"gone method", orders, 405, ``, hub.KindPermanent, CodeRefused},
		{"used refresh token", auth, 400, `{"error_description":"Error validating grant. Your authorization code or refresh token may be expired or it was already used","error":"invalid_grant","status":400,"cause":[]}`, hub.KindPermanent, driver.CodeReconnect},
		{"no grant any more", auth, 400, `{"error":"unauthorized_client"}`, hub.KindPermanent, driver.CodeReconnect},
		{"wrong secret", auth, 400, `{"error":"invalid_client"}`, hub.KindForbidden, CodeApp},
		{"blocked app", auth, 403, `{"error":"unauthorized_application"}`, hub.KindForbidden, CodeApp},
		{"collaborator", auth, 400, `{"error":"invalid_operator_user_id"}`, hub.KindForbidden, CodeOperator},
		{"address not allowed", auth, 403, `{"error":"forbidden"}`, hub.KindForbidden, CodeDenied},
		{"bad form", auth, 400, `{"error":"invalid_request"}`, hub.KindPermanent, CodeRefused},
		{"token too fast", auth, 429, `{"error":"local_rate_limited"}`, hub.KindThrottled, ""},
		{"token endpoint away", auth, 520, ``, hub.KindUnavailable, CodePlatform},
	} {
		_, err := New().Judge(driver.Call{Class: c.class}, reply(c.status, c.body))
		if hub.KindOf(err) != c.kind || hub.CodeOf(err) != c.code || err == nil {
			t.Errorf("%s: %v (%v), want %v %s", c.name, err, hub.KindOf(err), c.kind, c.code)
		}
	}
	for _, status := range []int{200, 201, 204, 206} {
		if _, err := New().Judge(driver.Call{}, reply(status, "")); err != nil {
			t.Errorf("%d: %v", status, err)
		}
	}
	for header, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-1": 0, "1e3": 0, "99999": 0} {
		_, err := New().Judge(driver.Call{}, reply(429, "", "Retry-After", header))
		if got := hub.RetryAfterOf(err); got != want {
			t.Errorf("Retry-After %q: %v", header, got)
		}
	}
}

// FuzzJudge: no answer makes a panic or an error that shows it.
func FuzzJudge(f *testing.F) {
	f.Add(400, []byte(`{"error":"invalid_grant"}`), true)
	f.Add(403, []byte(`{"message":"mira@example.test"}`), false)
	f.Fuzz(func(t *testing.T, status int, body []byte, auth bool) {
		c := driver.Call{}
		if auth {
			c.Class = driver.ClassAuth
		}
		_, err := New().Judge(c, driver.Answer{Status: status, Body: body})
		if err != nil && len(body) > 20 && strings.Contains(err.Error(), string(body)) {
			t.Fatal("the error shows the answer")
		}
	})
}
