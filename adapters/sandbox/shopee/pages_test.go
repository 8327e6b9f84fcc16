package shopee

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

var nonceField = regexp.MustCompile(`name="nonce" value="([0-9a-f]+)"`)

// visit opens a page and returns it with its nonce.
func (b *bench) visit(t testing.TB, page string) (shown *httptest.ResponseRecorder, nonce string) {
	t.Helper()
	shown = httptest.NewRecorder()
	b.ServeHTTP(shown, httptest.NewRequest(http.MethodGet, page, nil))
	if found := nonceField.FindStringSubmatch(shown.Body.String()); found != nil {
		nonce = found[1]
	}
	return shown, nonce
}

func (b *bench) submit(page string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, page, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

// TestAuthorizePage: a signed link, five minutes; the shops and main accounts; the redirect with everything that it had;
// once; and no.
func TestAuthorizePage(t *testing.T) {
	b := open(t, Options{}, nil, "SG", "BR")
	main, err := b.AddMain("Group", b.shop)
	if err != nil {
		t.Fatal(err)
	}
	link := func() string {
		return b.link("/api/v2/shop/auth_partner", "", "", url.Values{"redirect": {testBack + "?state=a%26b"}})
	}
	shown, nonce := b.visit(t, link())
	page := shown.Body.String()
	if shown.Code != http.StatusOK || nonce == "" || !strings.Contains(page, "Shop BR") || !strings.Contains(page, "main account, 1 shops") || !strings.Contains(page, "hub.example.com") {
		t.Fatalf("%d %s", shown.Code, page)
	}
	if csp := shown.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(page, "<script") {
		t.Error("the page can be framed or runs a script")
	}
	for account, member := range map[string]string{"shop:" + b.shop: "shop_id", "main:" + main: "main_account_id"} {
		page := link()
		_, nonce := b.visit(t, page)
		form := url.Values{"nonce": {nonce}, "account": {account}, "days": {"90"}, "decision": {"confirm"}}
		b.Advance(t.Context(), 20*time.Minute) // a person takes her time; the link was followed in time
		answer := b.submit(page, form)
		back, err := url.Parse(answer.Header().Get("Location"))
		if err != nil || answer.Code != http.StatusFound || !strings.HasPrefix(back.String(), testBack+"?state=a%26b&") {
			t.Fatalf("%d %s", answer.Code, back)
		}
		q := back.Query()
		if q.Get("state") != "a&b" || q.Get(member) != account[5:] || len(q) != 3 {
			t.Errorf("%v", q)
		}
		b.take(t, b.redeem(t, q.Get("code"), member, account[5:]))
		if again := b.submit(page, form); again.Code != http.StatusForbidden {
			t.Errorf("a page twice: %d", again.Code)
		}
	}
	info := b.get(t, "shop/get_shop_info", nil)
	if at, until := fmt.Sprint(info.Body["auth_time"]), fmt.Sprint(info.Body["expire_time"]); at >= until || until < fmt.Sprint(begin.AddDate(0, 0, 90).Unix()) || until > fmt.Sprint(begin.AddDate(0, 0, 91).Unix()) {
		t.Errorf("from %s to %s", at, until)
	}
	for name, form := range map[string]url.Values{
		"no":              {"account": {"shop:" + b.shop}, "days": {"90"}, "decision": {"deny"}},
		"a year and more": {"account": {"shop:" + b.shop}, "days": {"366"}, "decision": {"confirm"}},
		"nobody's shop":   {"account": {"shop:7"}, "days": {"90"}, "decision": {"confirm"}},
	} {
		page := link()
		_, nonce := b.visit(t, page)
		form.Set("nonce", nonce)
		if answer := b.submit(page, form); answer.Code == http.StatusFound {
			t.Errorf("%s: leads to %s", name, answer.Header().Get("Location"))
		}
	}
}

// TestBadLinks: a link that is old, signed wrongly, or leads elsewhere shows no page.
func TestBadLinks(t *testing.T) {
	b := open(t, Options{}, nil)
	link := func(redirect string) string {
		return b.link("/api/v2/shop/auth_partner", "", "", url.Values{"redirect": {redirect}})
	}
	good := link(testBack)
	for name, c := range map[string]struct{ page, want string }{
		"another sign":    {strings.Replace(good, "sign=", "sign=0", 1), "error_sign"},
		"elsewhere":       {link("https://evil.example.com/"), "The domain of redirect_uri is not consistent"},
		"the name inside": {link("https://hub.example.com.evil.example.com/"), "not consistent"},
		"in front of @":   {link("https://hub.example.com@evil.example.com/"), "not consistent"},
		"another port":    {link("https://hub.example.com:8443/"), "not consistent"},
		"in clear":        {link("http://hub.example.com/"), "not consistent"},
		"nowhere":         {link(""), "not consistent"},
		"for cancelling":  {strings.Replace(good, "auth_partner", "cancel_auth_partner", 1), "error_sign"},
	} {
		shown, nonce := b.visit(t, c.page)
		if nonce != "" || shown.Code < 400 || !strings.Contains(shown.Body.String(), c.want) {
			t.Errorf("%s: %d %s", name, shown.Code, shown.Body)
		}
	}
	b.Advance(t.Context(), 5*time.Minute+time.Second)
	if shown, nonce := b.visit(t, good); nonce != "" || !strings.Contains(shown.Body.String(), "Timestamp is expired") {
		t.Errorf("an old link: %s", shown.Body)
	}
	if answer := b.submit(link(testBack), url.Values{"nonce": {"0"}, "decision": {"confirm"}}); answer.Code != http.StatusForbidden {
		t.Errorf("a form of nobody's: %d", answer.Code)
	}
}

// TestCancelPage: the seller throws the app out, and comes back with the shop.
func TestCancelPage(t *testing.T) {
	b := open(t, Options{}, nil, "SG", "MY")
	page := b.link("/api/v2/shop/cancel_auth_partner", "", "", url.Values{"redirect": {testBack}})
	shown, nonce := b.visit(t, page)
	if strings.Contains(shown.Body.String(), "Shop MY") || !strings.Contains(shown.Body.String(), "Remove Hub") {
		t.Errorf("%s", shown.Body)
	}
	answer := b.submit(page, url.Values{"nonce": {nonce}, "account": {"shop:" + b.shop}, "decision": {"confirm"}})
	if answer.Code != http.StatusFound || answer.Header().Get("Location") != testBack+"?shop_id="+b.shop {
		t.Errorf("%d %s", answer.Code, answer.Header().Get("Location"))
	}
	if got := b.alive(t, b.token.Access); got != "shop_no_linked" {
		t.Error(got)
	}
}
