package shopify

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const callback = "https://hub.example.com/callback"

// visit sends a request to the shop and returns the answer.
func visit(p *Platform, method, target string, form url.Values) *httptest.ResponseRecorder {
	var body string
	if form != nil {
		body = form.Encode()
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = testShop
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

var nonceField = regexp.MustCompile(`name="nonce" value="([0-9a-f]+)"`)

// approve goes through the page and returns the callback's query.
func approve(t *testing.T, p *Platform, scope string) url.Values {
	t.Helper()
	target := "/admin/oauth/authorize?" + url.Values{"client_id": {testApp}, "scope": {scope}, "redirect_uri": {callback}, "state": {"s1"}}.Encode()
	shown := visit(p, http.MethodGet, target, nil)
	found := nonceField.FindStringSubmatch(shown.Body.String())
	if shown.Code != http.StatusOK || found == nil {
		t.Fatalf("%d %s", shown.Code, shown.Body)
	}
	form := url.Values{"nonce": {found[1]}, "decision": {"install"}}
	done := visit(p, http.MethodPost, target, form)
	to, err := url.Parse(done.Header().Get("Location"))
	if done.Code != http.StatusFound || err != nil || !strings.HasPrefix(to.String(), callback+"?") {
		t.Fatalf("%d %s", done.Code, to)
	}
	if again := visit(p, http.MethodPost, target, form); again.Code != http.StatusForbidden {
		t.Errorf("the page worked twice: %d", again.Code)
	}
	return to.Query()
}

// exchange asks the token endpoint.
func exchange(t *testing.T, p *Platform, pairs ...string) (Tokens, refusal, int) {
	t.Helper()
	q := url.Values{"client_id": {testApp}, "client_secret": {testSecret}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	w := visit(p, http.MethodPost, "/admin/oauth/access_token", q)
	var made Tokens
	var refused refusal
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	_ = json.Unmarshal(w.Body.Bytes(), &refused)
	return made, refused, w.Code
}

// TestAuthorizationCode is the whole way of a merchant: page, callback, tokens.
func TestAuthorizationCode(t *testing.T) {
	p, _, _ := rig(t, nil)
	p.shops[0].withheld = []string{"read_all_orders"}
	q := approve(t, p, "read_orders,write_orders,read_all_orders")
	for _, name := range []string{"code", "hmac", "host", "shop", "state", "timestamp"} {
		if q.Get(name) == "" {
			t.Errorf("the callback has no %s", name)
		}
	}
	if len(q) != 6 || q.Get("state") != "s1" || q.Get("shop") != testShop || q.Get("hmac") != signQuery(testSecret, q) {
		t.Errorf("callback %v", q)
	}
	if _, refused, status := exchange(t, p, "code", q.Get("code"), "client_secret", "wrong"); status != 400 || refused.Code != "invalid_client" {
		t.Errorf("wrong secret: %d %+v", status, refused)
	}
	made, _, status := exchange(t, p, "code", q.Get("code"), "expiring", "1")
	if status != 200 || made.ExpiresIn != 3600 || made.RefreshExpires != 7776000 || made.Scope != "write_orders" || made.Access == "" || made.Refresh == "" {
		t.Errorf("%d %+v", status, made)
	}
	if _, refused, status := exchange(t, p, "code", q.Get("code"), "expiring", "1"); status != 400 || refused.Code != "invalid_request" {
		t.Errorf("a code worked twice: %d %+v", status, refused)
	}
	late := approve(t, p, "read_orders").Get("code")
	p.Advance(t.Context(), codeLife)
	if _, refused, status := exchange(t, p, "code", late); status != 400 || refused.Code != "invalid_request" {
		t.Errorf("a late code: %d %+v", status, refused)
	}
}

// TestTokenRequestForms: JSON is read like a form, with expiring as a number.
func TestTokenRequestForms(t *testing.T) {
	p, _, _ := rig(t, nil)
	code := approve(t, p, "read_orders").Get("code")
	body := `{"client_id":"` + testApp + `","client_secret":"` + testSecret + `","code":"` + code + `","expiring":1}`
	r := httptest.NewRequest(http.MethodPost, "/shops/"+testShop+"/admin/oauth/access_token", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"expires_in":3600`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestAuthorizeRefuses: nothing is sent to an address that is not the app's.
func TestAuthorizeRefuses(t *testing.T) {
	p, _, _ := rig(t, func(s *AppSpec) { s.Scopes = []string{"read_orders"} })
	for name, q := range map[string]url.Values{
		"unknown app":    {"client_id": {"x"}, "redirect_uri": {callback}},
		"other redirect": {"client_id": {testApp}, "redirect_uri": {callback + "/more"}},
		"no redirect":    {"client_id": {testApp}},
		"unknown scope":  {"client_id": {testApp}, "redirect_uri": {callback}, "scope": {"read_minds"}},
		"too much":       {"client_id": {testApp}, "redirect_uri": {callback}, "scope": {"read_orders,write_orders"}},
		"online token":   {"client_id": {testApp}, "redirect_uri": {callback}, "grant_options[]": {"per-user"}},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if w := visit(p, method, "/admin/oauth/authorize?"+q.Encode(), nil); w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" {
				t.Errorf("%s: %d", name, w.Code)
			}
		}
	}
	good := "/admin/oauth/authorize?" + url.Values{"client_id": {testApp}, "redirect_uri": {callback}}.Encode()
	if w := visit(p, http.MethodPost, good, url.Values{"decision": {"install"}, "nonce": {"made up"}}); w.Code != http.StatusForbidden {
		t.Errorf("a form without its page: %d", w.Code)
	}
	nonce := nonceField.FindStringSubmatch(visit(p, http.MethodGet, good, nil).Body.String())[1]
	if w := visit(p, http.MethodPost, good, url.Values{"decision": {"cancel"}, "nonce": {nonce}}); w.Code != 200 || w.Header().Get("Location") != "" {
		t.Errorf("cancel: %d", w.Code)
	}
}

// TestInstallRequest: the address to which a merchant is sent carries the shop and a signature over all of it.
func TestInstallRequest(t *testing.T) {
	p, _, _ := rig(t, nil)
	text, err := p.InstallURL(testApp, testShop)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(text)
	if err != nil || u.Query().Get("hmac") != signQuery(testSecret, u.Query()) || u.Query().Get("shop") != testShop || u.Query().Get("timestamp") == "" {
		t.Errorf("%s", text)
	}
}

// alive says whether an access token works.
func alive(t *testing.T, p *Platform, token string) bool {
	status, _, _ := ask(t, p, token, "2026-10", `{shop{id}}`, nil)
	return status == http.StatusOK
}

// TestTokenRules walks through the life of tokens on the virtual clock. Each step says what must hold.
func TestTokenRules(t *testing.T) {
	const day = 24 * time.Hour
	begin := func(t *testing.T) (*Platform, Tokens) {
		p, _, _ := rig(t, nil)
		made, _, _ := exchange(t, p, "code", approve(t, p, "read_orders").Get("code"), "expiring", "1")
		return p, made
	}
	refresh := func(t *testing.T, p *Platform, token string) (Tokens, bool) {
		made, refused, status := exchange(t, p, "grant_type", "refresh_token", "refresh_token", token)
		if status != 200 && (status != 400 || refused.Code != "invalid_grant") {
			t.Fatalf("%d %+v", status, refused)
		}
		return made, status == 200
	}
	want := func(t *testing.T, what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v", what, got)
		}
	}
	t.Run("an access token lives 3600 s", func(t *testing.T) {
		p, a := begin(t)
		p.Advance(t.Context(), time.Hour-time.Second)
		want(t, "before", alive(t, p, a.Access), true)
		p.Advance(t.Context(), time.Second)
		want(t, "after", alive(t, p, a.Access), false)
	})
	t.Run("a lost answer is repeated with the old token", func(t *testing.T) {
		p, a := begin(t)
		lost, ok := refresh(t, p, a.Refresh)
		want(t, "first", ok, true)
		p.Advance(t.Context(), 29*day)
		b, ok := refresh(t, p, a.Refresh)
		want(t, "again", ok, true)
		_, ok = refresh(t, p, lost.Refresh)
		want(t, "the lost one", ok, false)
		_, ok = refresh(t, p, b.Refresh)
		want(t, "the replacement", ok, true)
		_, ok = refresh(t, p, a.Refresh)
		want(t, "the old one after the replacement was used", ok, false)
	})
	t.Run("30 days after its first use an old token ends", func(t *testing.T) {
		p, a := begin(t)
		p.Advance(t.Context(), 10*day)
		_, ok := refresh(t, p, a.Refresh)
		want(t, "first", ok, true)
		p.Advance(t.Context(), 30*day-time.Second)
		_, ok = refresh(t, p, a.Refresh)
		want(t, "just before", ok, true)
		p.Advance(t.Context(), time.Second)
		_, ok = refresh(t, p, a.Refresh)
		want(t, "30 days", ok, false)
	})
	t.Run("90 days end every refresh token", func(t *testing.T) {
		p, a := begin(t)
		p.Advance(t.Context(), 80*day)
		b, ok := refresh(t, p, a.Refresh)
		want(t, "day 80", ok, true)
		p.Advance(t.Context(), 10*day)
		_, ok = refresh(t, p, a.Refresh)
		want(t, "the old one at day 90, 10 days after its first use", ok, false)
		_, ok = refresh(t, p, b.Refresh)
		want(t, "the new one", ok, true)
	})
	t.Run("a token ends with the secret that minted it", func(t *testing.T) {
		p, a := begin(t)
		if err := p.AddSecret(testApp, "new"); err != nil {
			t.Fatal(err)
		}
		b, _, status := exchange(t, p, "grant_type", "refresh_token", "refresh_token", a.Refresh, "client_secret", "new")
		want(t, "refreshed with the new secret", status == 200, true)
		if err := p.RevokeSecret(testApp, testSecret); err != nil {
			t.Fatal(err)
		}
		want(t, "the old secret's token", alive(t, p, a.Access), false)
		want(t, "the new secret's token", alive(t, p, b.Access), true)
	})
	t.Run("another shop's token is none", func(t *testing.T) {
		p, a := begin(t)
		if _, err := p.AddShop(ShopSpec{Name: "other"}); err != nil {
			t.Fatal(err)
		}
		p.line.Lock()
		got := p.authentic(p.shops[1], a.Access)
		p.line.Unlock()
		want(t, "in the other shop", got != nil, false)
	})
	t.Run("one refreshable token per app and shop", func(t *testing.T) {
		p, a := begin(t)
		exchange(t, p, "code", approve(t, p, "read_orders").Get("code"), "expiring", "1")
		_, ok := refresh(t, p, a.Refresh)
		want(t, "the token of the first authorisation", ok, false)
	})
}

// TestWhoMustUseExpiringTokens is the rule by app and date.
func TestWhoMustUseExpiringTokens(t *testing.T) {
	old, young := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		public  bool
		created time.Time
		after   time.Duration
		works   bool
	}{
		"public and new": {true, young, 0, false}, "public and old": {true, old, 0, true}, "custom": {false, young, 0, true},
		"public and old in 2027": {true, old, 60 * 24 * time.Hour, false},
	} {
		p, _, _ := rig(t, func(s *AppSpec) { s.Public, s.Created = c.public, c.created })
		p.Advance(t.Context(), c.after)
		made, _, _ := exchange(t, p, "code", approve(t, p, "read_orders").Get("code"))
		if made.Refresh != "" || made.ExpiresIn != 0 || alive(t, p, made.Access) != c.works {
			t.Errorf("%s: %+v", name, made)
		}
	}
}

// TestClientCredentials: for apps of the own organisation only.
func TestClientCredentials(t *testing.T) {
	p, _, _ := rig(t, nil)
	if _, refused, status := exchange(t, p, "grant_type", "client_credentials"); status != 400 || refused.Code != "invalid_request" {
		t.Errorf("%d %+v", status, refused)
	}
	p.apps[0].spec.Own = true
	made, _, _ := exchange(t, p, "grant_type", "client_credentials")
	p.Advance(t.Context(), 24*time.Hour-time.Second)
	if made.ExpiresIn != 86399 || !alive(t, p, made.Access) {
		t.Errorf("%+v", made)
	}
	p.Advance(t.Context(), time.Second)
	if alive(t, p, made.Access) {
		t.Error("it lives longer than a day")
	}
}

// TestVersions holds the calendar of versions.
func TestVersions(t *testing.T) {
	day := func(text string) time.Time {
		at, err := time.Parse(time.DateTime, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for now, want := range map[string][]string{
		"2026-11-21 00:00:00": {"2026-01", "2026-04", "2026-07", "2026-10"},
		"2026-10-01 16:59:59": {"2025-10", "2026-01", "2026-04", "2026-07"},
		"2026-10-01 17:00:00": {"2026-01", "2026-04", "2026-07", "2026-10"},
	} {
		if got := supported(day(now)); !slices.Equal(got, want) {
			t.Errorf("%s: %q", now, got)
		}
	}
	p := Open(Options{Start: begin})
	for asked, want := range map[string]string{
		"2026-10": "2026-10", "2026-01": "2026-01", "2025-10": "2026-01", "2020-04": "2026-01", "2027-01": "2027-01", "unstable": "unstable",
		"2027-04": "", "2026-11": "", "latest": "", "": "", "2026-1": "",
	} {
		if got, ok := p.version(asked); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v", asked, got, ok)
		}
	}
}

// TestForgotten: pages, codes and tokens that are over leave nothing behind, and a page is not good for ever.
func TestForgotten(t *testing.T) {
	p, _, _ := rig(t, nil)
	target := "/admin/oauth/authorize?" + url.Values{"client_id": {testApp}, "redirect_uri": {callback}}.Encode()
	var nonce string
	for range 50 {
		nonce = nonceField.FindStringSubmatch(visit(p, http.MethodGet, target, nil).Body.String())[1]
		exchange(t, p, "code", approve(t, p, "read_orders").Get("code"), "expiring", "1")
		approve(t, p, "read_orders")
		p.Advance(t.Context(), pageLife)
	}
	if again := visit(p, http.MethodPost, target, url.Values{"nonce": {nonce}, "decision": {"install"}}); again.Code != http.StatusForbidden {
		t.Errorf("a page after an hour: %d", again.Code)
	}
	if pages, codes, access, refresh := len(p.pages), len(p.codes), len(p.access), len(p.refresh); pages > 3 || codes > 2 || access > 3 || refresh > 1 {
		t.Errorf("%d pages, %d codes, %d access and %d refresh tokens are kept", pages, codes, access, refresh)
	}
}
