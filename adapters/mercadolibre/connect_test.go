package mercadolibre

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// TestAuthorize: each country has its page, and the redirect is what was registered.
func TestAuthorize(t *testing.T) {
	d, app := New(), testApp()
	a := driver.Authorization{State: "s t&x", Challenge: "c"}
	for site, host := range map[string]string{
		"": "auth.mercadolibre.com", "MLA": "auth.mercadolibre.com.ar", "MLB": "auth.mercadolivre.com.br", "MLM": "auth.mercadolibre.com.mx", "MLC": "auth.mercadolibre.cl",
		"MCO": "auth.mercadolibre.com.co", "MLU": "auth.mercadolibre.com.uy", "MPE": "auth.mercadolibre.com.pe", "MEC": "auth.mercadolibre.com.ec", "MLV": "auth.mercadolibre.com.ve",
		"CBT": "global-selling.mercadolibre.com",
	} {
		a.Site = site
		page, err := d.Authorize(app, a, time.Time{})
		u, failed := url.Parse(page)
		if err != nil || failed != nil || u.Host != host || u.Scheme != "https" || u.Path != "/authorization" {
			t.Errorf("%s: %s, %v", site, page, err)
			continue
		}
		want := url.Values{"response_type": {"code"}, "client_id": {appID}, "redirect_uri": {app.Redirect}, "state": {"s t&x"}, "code_challenge": {"c"}, "code_challenge_method": {"S256"}}
		if u.Query().Encode() != want.Encode() || strings.Contains(page, secret) {
			t.Errorf("%s: %v", site, u.Query())
		}
	}
	a.Site, a.Challenge, app.Base = "", "", "http://127.0.0.1:8787"
	if page, err := d.Authorize(app, a, time.Time{}); err != nil || !strings.HasPrefix(page, "http://127.0.0.1:8787/authorization?") || strings.Contains(page, "challenge") {
		t.Errorf("%s, %v", page, err)
	}
	a.Site = "XXX"
	if _, err := d.Authorize(app, a, time.Time{}); hub.CodeOf(err) != "site_unknown" {
		t.Errorf("no such country: %v", err)
	}
}

// TestCallback reads the way back, which nobody signs.
func TestCallback(t *testing.T) {
	d := New()
	g, err := d.Callback(testApp(), url.Values{"code": {"TG-1-2"}, "state": {"s"}}, time.Time{})
	if err != nil || g != (driver.Grant{State: "s", Code: "TG-1-2"}) {
		t.Errorf("%+v, %v", g, err)
	}
	for query, want := range map[string]hub.Kind{
		"": hub.KindUnauthentic, "code=x": hub.KindUnauthentic, "state=s&state=t&code=x": hub.KindUnauthentic, "state=s&code=x&code=y": hub.KindUnauthentic,
		"state=s%0a&code=x": hub.KindUnauthentic, "state=s&code=" + strings.Repeat("x", 600): hub.KindUnauthentic, "state=s": hub.KindForbidden,
		"state=s&error=access_denied": hub.KindForbidden, "state=s&error=invalid_operator_user_id": hub.KindForbidden, "state=s&code=x&error=access_denied": hub.KindForbidden,
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if g, err := d.Callback(testApp(), q, time.Time{}); hub.KindOf(err) != want || g != (driver.Grant{}) || err == nil {
			t.Errorf("%q: %+v, %v", query, g, err)
		}
	}
}

const pair = `{"access_token":"APP_USR-9","token_type":"bearer","expires_in":10800,"scope":"offline_access read write","user_id":500001,"refresh_token":"TG-9"}`

// TestExchange turns a code into a token, by the number that the platform gives and not by the one that it documents.
func TestExchange(t *testing.T) {
	s := newScript(t)
	s.says("/oauth/token", 200, pair)
	got, err := s.d.Exchange(t.Context(), s, testApp(), driver.Grant{Code: "TG-code"}, "verifier", s.now)
	if err != nil || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	tok := got[0]
	if tok.Account != account || tok.Access != "APP_USR-9" || tok.Refresh != "TG-9" || !tok.AccessUntil.Equal(s.now.Add(3*time.Hour)) ||
		!tok.RefreshUntil.Equal(s.now.Add(180*24*time.Hour)) || !slices.Equal(tok.Scopes, []string{"offline_access", "read", "write"}) {
		t.Errorf("%+v", tok)
	}
	want := url.Values{
		"grant_type": {"authorization_code"}, "code": {"TG-code"}, "redirect_uri": {testApp().Redirect}, "code_verifier": {"verifier"}, "client_id": {appID}, "client_secret": {secret},
	}
	if c := s.calls[0]; c.method != "POST" || c.form.Encode() != want.Encode() || len(c.query) > 0 || c.header.Get("Authorization") != "" {
		t.Errorf("asked %+v", c)
	}
	s.says("/oauth/token", 200, strings.Replace(strings.Replace(pair, `,"refresh_token":"TG-9"`, "", 1), "offline_access ", "", 1))
	got, err = s.d.Exchange(t.Context(), s, testApp(), driver.Grant{Code: "TG-code"}, "", s.now)
	if err != nil || got[0].Refresh != "" || !got[0].RefreshUntil.IsZero() || s.calls[1].form.Has("code_verifier") {
		t.Errorf("without offline access: %+v, %v", got, err)
	}
}

// TestRefresh: one call with the newest token and the newest secret; whatever comes back and is not a whole pair of this
// user leaves the outcome unknown, for the old token is spent.
func TestRefresh(t *testing.T) {
	old := driver.Token{Account: account, Access: "APP_USR-1", Refresh: "TG-1", Scopes: []string{"read"}}
	s := newScript(t)
	s.says("/oauth/token", 200, strings.Replace(pair, "500001", `"500001"`, 1))
	got, err := s.d.Refresh(t.Context(), s, testApp(), old, s.now)
	if err != nil || got.Access != "APP_USR-9" || got.Refresh != "TG-9" || got.Account != account || len(s.calls) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if f := s.calls[0].form; f.Get("refresh_token") != "TG-1" || f.Get("grant_type") != "refresh_token" || f.Get("client_secret") != secret {
		t.Errorf("asked %v", f)
	}
	for name, c := range map[string]struct {
		status int
		body   string
		kind   hub.Kind
		code   hub.Code
	}{
		"used":           {400, `{"error":"invalid_grant"}`, hub.KindPermanent, driver.CodeReconnect},
		"half":           {200, pair[:60], hub.KindUnknown, driver.CodeUnreadable},
		"empty":          {200, "", hub.KindUnknown, driver.CodeUnreadable},
		"another user":   {200, strings.Replace(pair, "500001", "500002", 1), hub.KindUnknown, driver.CodeUnreadable},
		"no user":        {200, strings.Replace(pair, "500001", "null", 1), hub.KindUnknown, driver.CodeUnreadable},
		"no token":       {200, strings.Replace(pair, `"APP_USR-9"`, "null", 1), hub.KindUnknown, driver.CodeUnreadable},
		"a broken token": {200, strings.Replace(pair, `APP_USR-9`, `APP\n`, 1), hub.KindUnknown, driver.CodeUnreadable},
		"no life":        {200, strings.Replace(pair, `10800`, `0`, 1), hub.KindUnknown, driver.CodeUnreadable},
		"for ever":       {200, strings.Replace(pair, `10800`, `1e9`, 1), hub.KindUnknown, driver.CodeUnreadable},
		"twice":          {200, strings.Replace(pair, `{`, `{"access_token":"x",`, 1), hub.KindUnknown, driver.CodeUnreadable},
		"away":           {520, "", hub.KindUnavailable, CodePlatform},
	} {
		s.says("/oauth/token", c.status, c.body)
		if got, err := s.d.Refresh(t.Context(), s, testApp(), old, s.now); hub.KindOf(err) != c.kind || hub.CodeOf(err) != c.code || got.Access != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	n := len(s.calls)
	if _, err := s.d.Refresh(t.Context(), s, testApp(), driver.Token{Account: account, Access: "x"}, s.now); hub.CodeOf(err) != driver.CodeReconnect || len(s.calls) != n {
		t.Errorf("without a refresh token: %v", err)
	}
	if r := s.d.Rotation(); !r.SingleUse || r.Repeats || r.Ahead <= 0 || r.Ahead >= 6*time.Hour {
		t.Errorf("%+v", r)
	}
}

// TestRecordedToken reads the documented answer.
func TestRecordedToken(t *testing.T) {
	s := newScript(t)
	s.says("/oauth/token", 200, string(recorded(t, "oauth_token.json")))
	got, err := s.d.Exchange(t.Context(), s, testApp(), driver.Grant{Code: "x"}, "", s.now)
	if err != nil || got[0].Account != "1234567" || got[0].Refresh == "" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestInspect asks who the account is, and what a person must mend.
func TestInspect(t *testing.T) {
	const grant = "/users/500001/applications/" + appID
	me := func(site string) string {
		return `{"id":500001,"nickname":"LANTERNS","first_name":"Mira","email":"mira@example.test","site_id":"` + site + `","status":{"site_status":"active","sell":{"allow":true}}}`
	}
	for _, c := range []struct {
		name, me, grant, currency, problems string
		active                              bool
	}{
		{"fine", me("MLB"), `{"scopes":["read","write","offline_access"]}`, "BRL", "", true},
		{"no offline access", me("MLC"), `{"scopes":["read"]}`, "CLP", "scope_missing", true},
		{"Global Selling", me("CBT"), `{"scopes":["offline_access"]}`, "USD", "cross_border", true},
		{"a new country", me("MXX"), `{"scopes":["offline_access"]}`, "", "site_unknown", true},
		{"Venezuela", me("MLV"), `{"scopes":["offline_access"]}`, "", "", true},
		{"blocked", strings.Replace(me("MLA"), `"allow":true`, `"allow":false`, 1), `{"scopes":["offline_access"]}`, "ARS", "selling_blocked", true},
		{"deactivated", strings.Replace(me("MLA"), `"active"`, `"deactive"`, 1), `{"scopes":["offline_access"]}`, "ARS", "", false},
		{"grant not shown", me("MLB"), "", "BRL", "", true},
	} {
		s := newScript(t)
		s.says("/users/me", 200, c.me)
		if c.grant != "" {
			s.says(grant, 200, c.grant)
		}
		shop, err := s.d.Inspect(t.Context(), s, testApp(), account)
		var problems []string
		for _, p := range shop.Problems {
			problems = append(problems, p.Code)
		}
		if err != nil || shop.Currency != c.currency || shop.Active != c.active || strings.Join(problems, " ") != c.problems || shop.Name != "LANTERNS" || shop.Now.IsZero() || shop.Back != kept || (shop.Scopes == nil) != (c.grant == "") {
			t.Errorf("%s: %+v, %v", c.name, shop, err)
		}
	}
	s := newScript(t)
	s.says("/users/me", 200, strings.Replace(me("MLB"), "500001", "500002", 1))
	if _, err := s.d.Inspect(t.Context(), s, testApp(), account); hub.CodeOf(err) != driver.CodeUnreadable {
		t.Errorf("another user: %v", err)
	}
	s.says("/users/me", 401, "{}")
	if _, err := s.d.Inspect(t.Context(), s, testApp(), account); hub.CodeOf(err) != driver.CodeTokenRefused {
		t.Errorf("a dead token: %v", err)
	}
	if repairs, err := s.d.Subscriptions(t.Context(), s, testApp(), account, "https://hub.example.test/x"); repairs != nil || err != nil {
		t.Errorf("%+v, %v", repairs, err)
	}
}

// TestDisconnect takes the grant back with the token that is given, and is content when it is gone.
func TestDisconnect(t *testing.T) {
	const grant = "/users/500001/applications/" + appID
	for status, want := range map[int]bool{200: true, 404: true, 401: true, 403: false, 503: false} {
		s := newScript(t)
		s.says(grant, status, `{"user_id":"500001","app_id":"1","msg":"Autorización eliminada"}`)
		err := s.d.Disconnect(t.Context(), s, testApp(), driver.Token{Account: account, Access: "APP_USR-7"})
		if (err == nil) != want {
			t.Errorf("%d: %v", status, err)
		}
		if c := s.calls[0]; c.method != "DELETE" || c.header.Get("Authorization") != "Bearer APP_USR-7" || len(c.form) > 0 || len(c.query) > 0 {
			t.Errorf("asked %+v", c)
		}
	}
	s := newScript(t)
	if err := s.d.Disconnect(t.Context(), s, testApp(), driver.Token{Account: "me"}); hub.KindOf(err) != hub.KindInvalid || len(s.calls) > 0 {
		t.Errorf("a name for an account: %v", err)
	}
}
