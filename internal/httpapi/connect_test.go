package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/internal/connect"
)

// shopkeeping is a use case that answers what it is told to.
type shopkeeping struct {
	wish    connect.Wish
	actor   hub.Actor
	err     error
	arrival connect.Arrival
	status  connect.Status
	query   url.Values
	cookie  string
	tickets []string
	ended   []hub.ConnectionID

	prospect connect.Prospect
}

func (s *shopkeeping) Begin(ctx context.Context, w connect.Wish) (connect.Invitation, error) {
	s.wish, s.actor = w, hub.ActorOf(ctx)
	return connect.Invitation{URL: "https://hub.example/connect/shopify/begin?ticket=CANARY-ticket", ExpiresAt: testTime}, s.err
}

func (s *shopkeeping) Look(context.Context, hub.Platform, string) (connect.Prospect, error) {
	return s.prospect, s.err
}

func (s *shopkeeping) Depart(_ context.Context, p hub.Platform, ticket string) (connect.Departure, error) {
	s.tickets = append(s.tickets, string(p)+" "+ticket)
	return connect.Departure{URL: "https://platform.example/ask?state=CANARY-state",
		Cookie: connect.Cookie{Name: "__Host-hub_connect_1", Value: "CANARY-nonce", Secure: true, MaxAge: 10 * time.Minute}}, s.err
}

func (s *shopkeeping) Arrive(_ context.Context, _ hub.Platform, q url.Values, cookie func(string) string) (connect.Arrival, error) {
	s.query, s.cookie = q, cookie("__Host-hub_connect_1")
	return s.arrival, s.err
}

func (s *shopkeeping) Status(context.Context, hub.ConnectionID) (connect.Status, error) {
	return s.status, s.err
}

func (s *shopkeeping) Disconnect(_ context.Context, id hub.ConnectionID) (bool, error) {
	s.ended = append(s.ended, id)
	return true, s.err
}

func TestConnectShop(t *testing.T) {
	l := newLab(t)
	r := l.want(l.do("POST", "/v1/connections/connect", l.a.keys[merchant], `{"platform":"shopify","shop":"Loja","app_id":"app_1","site":"MLB"}`), 201, "")
	if r.body["url"] != "https://hub.example/connect/shopify/begin?ticket=CANARY-ticket" || r.body["expires_at"] == nil {
		t.Error(r.Body)
	}
	if want := (connect.Wish{Tenant: l.a.id, Platform: hub.Shopify, App: "app_1", Shop: "Loja", Site: "MLB"}); l.shops.wish != want || l.shops.actor.Role != "merchant" {
		t.Errorf("%+v by %+v", l.shops.wish, l.shops.actor)
	}
	l.want(l.do("POST", "/v1/connections/connect", l.a.keys[merchant], `{"platform":"shopify","tenant":"`+string(l.b.id)+`"}`), 404, "tenant_not_found")
	l.want(l.do("POST", "/v1/connections/connect", l.operator, `{"platform":"shopify"}`), 422, "tenant_required")
	l.shops.err = &hub.Error{Kind: hub.KindConflict, Code: "no_app"}
	l.want(l.do("POST", "/v1/connections/connect", l.a.keys[merchant], `{"platform":"shopify"}`), 409, "no_app")
}

// Another tenant's connection is like one that is not there, and nothing happens to it.
func TestForeignConnection(t *testing.T) {
	l := newLab(t)
	for _, path := range []string{"", "/disconnect"} {
		method := map[string]string{"": "GET", "/disconnect": "POST"}[path]
		foreign := l.want(l.do(method, "/v1/connections/"+string(l.b.connection.ID)+path, l.a.keys[merchant], ""), 404, "connection_not_found")
		missing := l.want(l.do(method, "/v1/connections/con_00000000000000000000000zzz"+path, l.a.keys[merchant], ""), 404, "connection_not_found")
		if fingerprint(foreign) != fingerprint(missing) {
			t.Errorf("%s: a foreign connection differs from a missing one", method)
		}
	}
	if len(l.shops.ended) != 0 {
		t.Error("a foreign connection was ended")
	}
}

func TestShowConnection(t *testing.T) {
	l := newLab(t)
	path := "/v1/connections/" + string(l.a.connection.ID)
	l.shops.status = connect.Status{Code: connect.CodeNoTokens}
	r := l.want(l.do("GET", path, l.a.keys[merchant], ""), 200, "")
	if r.body["state"] != "hook_only" || r.body["hint"] == "" || r.body["token"] != nil || r.body["hook_path"] == nil {
		t.Error(r.Body)
	}
	l.shops.status = connect.Status{
		Standing: connect.OK, AccessUntil: testTime, GrantUntil: testTime, Failures: 2,
		Report: &connect.Report{At: testTime, Name: "Loja", Mended: []connect.Mended{{At: testTime, Code: "subscription_missing", Detail: "orders/create"}},
			Checks: []connect.Finding{{Name: "active", OK: true}, {Name: "scopes", Code: "scope_missing", Detail: "read_orders", Hint: "do it"}}},
		Calls: []connect.CallState{{Class: "orders", Breaker: "open", Left: 3, Size: 9, PerSecond: 1, LastError: "unavailable", LastErrorAt: testTime}},
	}
	r = l.want(l.do("GET", path, l.a.keys[auditor], ""), 200, "")
	if r.body["hook_path"] != nil || r.body["renew_by"] == nil || r.body["check"].(map[string]any)["ok"] != false || len(r.body["calls"].([]any)) != 1 {
		t.Error(r.Body)
	}
}

// browser opens an address as a browser does.
func (l *lab) browser(method, target, cookie string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(l.Context(), method, target, nil)
	if cookie != "" {
		r.Header.Set("Cookie", "__Host-hub_connect_1="+cookie)
	}
	w := httptest.NewRecorder()
	l.handler.ServeHTTP(w, r)
	h := w.Header()
	if h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Content-Type-Options") != "nosniff" {
		l.Errorf("%s: headers %v", target, h)
	}
	if w.Code != http.StatusSeeOther && method != "HEAD" {
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "form-action 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				l.Errorf("%s: policy %q lacks %s", target, csp, want)
			}
		}
		if body := w.Body.String(); strings.Contains(body, "http://") || strings.Contains(body, "https://") || strings.Contains(body, "<script") {
			l.Errorf("%s: the page refers to something outside: %s", target, body)
		}
	}
	return w
}

func TestBeginPage(t *testing.T) {
	l := newLab(t)
	for _, bad := range []string{"", "?ticket=", "?ticket=a&ticket=b", "?ticket=a&x=y", "?%zz"} {
		tickets := len(l.shops.tickets)
		if w := l.browser("GET", "/connect/shopify/begin"+bad, ""); w.Code != 404 && len(l.shops.tickets) != tickets && bad != "?ticket=" {
			t.Errorf("%q: %d", bad, w.Code)
		}
	}
	l.shops.tickets = nil
	if w := l.browser("HEAD", "/connect/shopify/begin?ticket=CANARY-ticket", ""); len(l.shops.tickets) != 0 || w.Code != 404 {
		t.Errorf("a link preview used the ticket up: %d", w.Code)
	}
	w := l.browser("GET", "/connect/shopify/begin?ticket=CANARY-ticket", "")
	if w.Code != 303 || w.Header().Get("Location") != "https://platform.example/ask?state=CANARY-state" || l.shops.tickets[0] != "shopify CANARY-ticket" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	cookie := w.Header().Get("Set-Cookie")
	for _, want := range []string{"__Host-hub_connect_1=CANARY-nonce", "Path=/", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=600"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %s", cookie, want)
		}
	}
	if strings.Contains(cookie, "Domain") {
		t.Errorf("cookie %q", cookie)
	}
	l.shops.err = &hub.Error{Kind: hub.KindNotFound, Code: "ticket_unknown"}
	if w := l.browser("GET", "/connect/shopify/begin?ticket=x", ""); w.Code != 404 || !strings.Contains(w.Body.String(), "ticket_unknown") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	l.noCanary()
}

// A browser is told whose account the shop goes to before it leaves, and that look uses the link up as little as a preview of it.
func TestPageBeforeLeaving(t *testing.T) {
	l := newLab(t)
	l.shops.prospect = connect.Prospect{Tenant: l.a.id, Account: "loja-azul.myshopify.com"}
	cookie, from := "", ""
	look := func(target string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(l.Context(), "GET", target, nil)
		r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
		for name, value := range map[string]string{"Cookie": cookie, "Sec-Fetch-Site": from} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		l.handler.ServeHTTP(w, r)
		return w
	}
	w := look("/connect/shopify/begin?ticket=CANARY-ticket")
	for _, text := range []string{"Loja Azul</strong>", "loja-azul.myshopify.com", "Continue to Shopify", `href="?ticket=CANARY-ticket&amp;go=1"`} {
		if !strings.Contains(w.Body.String(), text) {
			t.Errorf("the page lacks %q: %s", text, w.Body)
		}
	}
	if w.Code != 200 || len(l.shops.tickets) != 0 {
		t.Errorf("%d, the ticket was used: %q", w.Code, l.shops.tickets)
	}
	set := w.Header().Get("Set-Cookie")
	for _, want := range []string{"__Host-hub_shown_", "Path=/", "HttpOnly", "Secure", "SameSite=Strict", "Max-Age=600"} {
		if !strings.Contains(set, want) {
			t.Errorf("cookie %q lacks %s", set, want)
		}
	}
	if strings.Contains(set, "Domain") || strings.Contains(set, "CANARY") {
		t.Errorf("cookie %q", set)
	}
	shown, _, _ := strings.Cut(set, ";")
	if folder := os.Getenv("HUB_PAGES"); folder != "" {
		if err := os.WriteFile(folder+"/before.html", w.Body.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l.shops.prospect.Account = ""
	if w = look("/connect/mercadolibre/begin?ticket=x"); !strings.Contains(w.Body.String(), "Continue to Mercado Libre") || strings.Contains(w.Body.String(), "<h2>") {
		t.Errorf("without a shop: %s", w.Body)
	}
	// The page is not skipped by an address that somebody else made: it is for who comes from it, by this ticket.
	other, _, _ := strings.Cut(look("/connect/shopify/begin?ticket=other").Header().Get("Set-Cookie"), ";")
	name, _, _ := strings.Cut(shown, "=")
	for what, c := range map[string][2]string{
		"no cookie": {"", ""}, "no cookie, from here": {"", "same-origin"}, "of another ticket": {other, "same-origin"}, "made up": {name + "=1", "same-origin"},
		"from another site": {shown, "cross-site"}, "from a neighbour": {shown, "same-site"}, "from outside": {shown, "none"},
	} {
		cookie, from = c[0], c[1]
		if w = look("/connect/shopify/begin?ticket=CANARY-ticket&go=1"); w.Code != 200 || len(l.shops.tickets) != 0 || !strings.Contains(w.Body.String(), "Loja Azul</strong>") {
			t.Errorf("%s: %d, %q", what, w.Code, l.shops.tickets)
		}
	}
	for _, from = range []string{"", "same-origin"} {
		l.shops.tickets, cookie = nil, shown
		if w = look("/connect/shopify/begin?ticket=CANARY-ticket&go=1"); w.Code != 303 || len(l.shops.tickets) != 1 {
			t.Errorf("going on from %q: %d, %q", from, w.Code, l.shops.tickets)
		}
	}
	for _, bad := range []string{"&go=2", "&go=1&go=1", "&x=1", "&go=1&x=1"} {
		if w = look("/connect/shopify/begin?ticket=CANARY-ticket" + bad); w.Code != 404 || len(l.shops.tickets) != 1 {
			t.Errorf("%s: %d, %q", bad, w.Code, l.shops.tickets)
		}
	}
	l.shops.err = &hub.Error{Kind: hub.KindNotFound, Code: "ticket_unknown"}
	if w = look("/connect/shopify/begin?ticket=x"); w.Code != 404 || !strings.Contains(w.Body.String(), "used up") {
		t.Errorf("used up: %d %s", w.Code, w.Body)
	}
	l.noCanary()
}

// What a browser fetches without showing it, for a picture or a script of another site, does not use a link up.
func TestBeginBehindTheBack(t *testing.T) {
	l := newLab(t)
	l.shops.prospect = connect.Prospect{Tenant: l.a.id}
	for _, query := range []string{"?ticket=CANARY-ticket", "?ticket=CANARY-ticket&go=1"} {
		r := httptest.NewRequestWithContext(l.Context(), "GET", "/connect/shopify/begin"+query, nil)
		r.Header.Set("Accept", "image/*,*/*;q=0.8")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := httptest.NewRecorder()
		l.handler.ServeHTTP(w, r)
		if w.Code != 200 || len(l.shops.tickets) != 0 {
			t.Errorf("%s: %d, %q", query, w.Code, l.shops.tickets)
		}
	}
	l.api.PublicURL = func() string { return "http://127.0.0.1:8080" } // where a browser would refuse a cookie for https
	l.handler = l.api.Handler()
	r := httptest.NewRequestWithContext(l.Context(), "GET", "/connect/shopify/begin?ticket=CANARY-ticket", nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	l.handler.ServeHTTP(w, r)
	if set := w.Header().Get("Set-Cookie"); !strings.HasPrefix(set, "hub_shown_") || strings.Contains(set, "Secure") {
		t.Errorf("cookie %q", set)
	}
	l.noCanary()
}

// noCanary: nothing of a query, a cookie or an address to go to is in the log.
func (l *lab) noCanary() {
	l.Helper()
	if strings.Contains(l.logs.String(), "CANARY") {
		l.Errorf("the log holds a secret: %s", l.logs)
	}
}

func TestCallbackPages(t *testing.T) {
	l := newLab(t)
	shop := connect.Shop{Account: "loja-azul.myshopify.com", Platform: hub.Shopify}
	good := &connect.Report{Name: "Loja <Azul>", Checks: []connect.Finding{{Name: "scopes", OK: true}}}
	todo := &connect.Report{Name: "Loja Azul", Checks: []connect.Finding{
		{Name: "scopes", Code: "scope_missing", Detail: "read_all_orders", Hint: "Connect the shop again and allow everything that the page lists."},
		{Name: "clock", Code: "clock_skew", Detail: "5m0s", Hint: "Set this machine's clock by NTP now."},
	}}
	taken := connect.Connected{Shop: shop, Code: "shop_taken"}
	for name, c := range map[string]struct {
		arrival connect.Arrival
		err     error
		status  int
		says    []string
	}{
		"connected": {connect.Arrival{Cookie: "__Host-hub_connect_1", Tenant: l.a.id, Shops: []connect.Connected{{Shop: shop, Report: good}}}, nil, 200,
			[]string{"Connected", "Loja &lt;Azul&gt;", "Loja Azul</strong>"}},
		"to mend":       {connect.Arrival{Tenant: l.a.id, Shops: []connect.Connected{{Shop: shop, Report: todo}}}, nil, 200, []string{"something to mend", "read_all_orders", "NTP"}},
		"not checked":   {connect.Arrival{Tenant: l.a.id, Shops: []connect.Connected{{Shop: shop}}}, nil, 200, []string{"still to come"}},
		"taken":         {connect.Arrival{Tenant: l.a.id, Shops: []connect.Connected{taken}}, &hub.Error{Kind: hub.KindConflict, Code: "shop_taken"}, 409, []string{"Not connected", "shop_taken"}},
		"in part":       {connect.Arrival{Tenant: l.a.id, Shops: []connect.Connected{taken, {Shop: shop, Report: good}}}, nil, 200, []string{"in part"}},
		"used up":       {connect.Arrival{}, &hub.Error{Kind: hub.KindNotFound, Code: "state_unknown"}, 404, []string{"used up", "state_unknown"}},
		"other browser": {connect.Arrival{Cookie: "__Host-hub_connect_1"}, &hub.Error{Kind: hub.KindForbidden, Code: "browser_other"}, 403, []string{"browser_other"}},
		"not signed":    {connect.Arrival{}, &hub.Error{Kind: hub.KindUnauthentic, Code: "hmac_wrong"}, 401, []string{"hmac_wrong"}},
		"away":          {connect.Arrival{}, &hub.Error{Kind: hub.KindUnavailable}, 503, []string{"unavailable"}},
		"a bug":         {connect.Arrival{}, &hub.Error{Kind: hub.KindInternal, Op: "connecting"}, 500, []string{"internal"}},
	} {
		l.shops.arrival, l.shops.err = c.arrival, c.err
		w := l.browser("GET", "/connect/shopify/callback?code=CANARY-code&state=CANARY-state&hmac=x", "CANARY-nonce")
		if w.Code != c.status || l.shops.cookie != "CANARY-nonce" || l.shops.query.Get("code") != "CANARY-code" {
			t.Errorf("%s: %d, cookie %q", name, w.Code, l.shops.cookie)
		}
		for _, text := range c.says {
			if !strings.Contains(w.Body.String(), text) {
				t.Errorf("%s: the page lacks %q: %s", name, text, w.Body)
			}
		}
		if strings.Contains(w.Body.String(), "CANARY") {
			t.Errorf("%s: the page repeats the query", name)
		}
		if gone := strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0"); gone != (c.arrival.Cookie != "") {
			t.Errorf("%s: the cookie is taken back: %v", name, gone)
		}
		if folder := os.Getenv("HUB_PAGES"); folder != "" { // to look at them
			if err := os.WriteFile(folder+"/"+strings.ReplaceAll(name, " ", "-")+".html", w.Body.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if w := l.browser("HEAD", "/connect/shopify/callback?state=x", ""); w.Code != 404 {
		t.Errorf("HEAD: %d", w.Code)
	}
	l.noCanary()
}

// Calls of an app carry its secrets: only a hub that is reached on this machine alone may have them go to a sandbox beside it.
func TestSandboxBesideTheHub(t *testing.T) {
	l := newLab(t)
	for name, c := range map[string]struct {
		public, base string
		status       int
	}{
		"a hub on the internet":     {"https://hub.example", "http://127.0.0.1:8787", 422},
		"a name for this machine":   {"http://127.0.0.1:8080", "https://localhost:8787", 422},
		"a hub behind such a name":  {"http://localhost:8080", "http://127.0.0.1:8787", 422},
		"a hub that is tried":       {"http://127.0.0.1:8080", "http://127.0.0.1:8787", 201},
		"a hub that is tried, IPv6": {"http://[::1]:8080", "http://[::1]:8787", 201},
		"a sandbox elsewhere":       {"https://hub.example", "https://sandbox.example", 201},
	} {
		l.api.PublicURL = func() string { return c.public }
		l.handler = l.api.Handler()
		body := `{"platform":"shopify","name":"x","environment":"sandbox","secret":"secret-one","client_id":"c","base":"` + c.base + `"}`
		r := l.do("POST", "/v1/apps", l.operator, body)
		if r.Code != c.status {
			t.Errorf("%s: %d %s", name, r.Code, r.Body)
		}
	}
}
