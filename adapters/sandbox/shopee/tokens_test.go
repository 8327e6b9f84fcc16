package shopee

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// code lets the app in by an account and returns the code.
func (b *bench) code(t testing.TB, account string) string {
	t.Helper()
	back, err := b.Authorize(testPartner, account, testBack+"?state=s", 365)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil || u.Query().Get("state") != "s" {
		t.Fatal(back, err)
	}
	return u.Query().Get("code")
}

func (b *bench) redeem(t testing.TB, code, member, id string) reply {
	t.Helper()
	return b.public(t, http.MethodPost, "auth/token/get", fmt.Sprintf(`{"code":%q,"partner_id":%s,%q:%s}`, code, testPartner, member, id))
}

func (b *bench) renew(t testing.TB, token, member, id string) reply {
	t.Helper()
	return b.public(t, http.MethodPost, "auth/access_token/get", fmt.Sprintf(`{"refresh_token":%q,"partner_id":%s,%q:%s}`, token, testPartner, member, id))
}

// take keeps the pair of an answer.
func (b *bench) take(t testing.TB, r reply) {
	t.Helper()
	if r.Error != "" || r.Body["response"] != nil {
		t.Fatal(r.raw)
	}
	expire, err := r.Body["expire_in"].(json.Number).Int64()
	if err != nil || expire != 14400 {
		t.Fatal(r.raw)
	}
	b.token = Tokens{r.Body["access_token"].(string), r.Body["refresh_token"].(string), expire}
}

// alive reports whether an access token is taken, or why not.
func (b *bench) alive(t testing.TB, token string) string {
	t.Helper()
	return b.send1(t, http.MethodGet, b.link("/api/v2/shop/get_shop_info", token, b.shop, nil), "").Error
}

// TestCode: once, within ten minutes, by the shop that it was made for.
func TestCode(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil, "SG", "MY")
	other := b.State().Shops[1].ID
	code := b.code(t, "shop:"+b.shop)
	for name, c := range map[string]struct{ body, want string }{
		"another shop":        {fmt.Sprintf(`{"code":%q,"partner_id":2006566,"shop_id":%s}`, code, other), "invalid_shop_id"},
		"a main account":      {fmt.Sprintf(`{"code":%q,"partner_id":2006566,"main_account_id":%s}`, code, b.shop), "invalid_main_acount_id"},
		"both":                {fmt.Sprintf(`{"code":%q,"partner_id":2006566,"main_account_id":1,"shop_id":%s}`, code, b.shop), "error_param"},
		"neither":             {fmt.Sprintf(`{"code":%q,"partner_id":2006566}`, code), "error_param"},
		"no partner":          {fmt.Sprintf(`{"code":%q,"shop_id":%s}`, code, b.shop), "error_param"},
		"another partner":     {fmt.Sprintf(`{"code":%q,"partner_id":7,"shop_id":%s}`, code, b.shop), "error_param"},
		"a shop in quotes":    {fmt.Sprintf(`{"code":%q,"partner_id":2006566,"shop_id":"%s"}`, code, b.shop), "error_param"},
		"another code":        {fmt.Sprintf(`{"code":"x","partner_id":2006566,"shop_id":%s}`, b.shop), "invalid_code"},
		"a number for a code": {fmt.Sprintf(`{"code":1,"partner_id":2006566,"shop_id":%s}`, b.shop), "error_param"},
		"no JSON":             {"code=" + code, "error_param"},
		"two documents":       {fmt.Sprintf(`{"code":%q,"partner_id":2006566,"shop_id":%s}{}`, code, b.shop), "error_param"},
	} {
		if r := b.public(t, http.MethodPost, "auth/token/get", c.body); r.Error != c.want {
			t.Errorf("%s: %s", name, r.raw)
		}
	}
	b.Advance(t.Context(), 10*time.Minute-time.Second)
	b.take(t, b.redeem(t, code, "shop_id", b.shop))
	if got := b.alive(t, b.token.Access); got != "" {
		t.Error(got)
	}
	if r := b.redeem(t, code, "shop_id", b.shop); r.Error != "invalid_code" {
		t.Errorf("a code twice: %s", r.raw)
	}
	late := b.code(t, "shop:"+b.shop)
	b.Advance(t.Context(), 10*time.Minute)
	if r := b.redeem(t, late, "shop_id", b.shop); r.Error != "invalid_code" {
		t.Errorf("a code after ten minutes: %s", r.raw)
	}
	if got := b.alive(t, b.token.Access); got != "" {
		t.Errorf("a code that was not redeemed replaces nothing: %s", got)
	}
	old := b.token.Access
	b.take(t, b.redeem(t, b.code(t, "shop:"+b.shop), "shop_id", b.shop))
	if b.alive(t, old) == "" || b.alive(t, b.token.Access) != "" {
		t.Error("authorising again replaces the tokens")
	}
}

// TestRotation: an access token lives four hours, and five minutes after a refresh; a refresh token works once and thirty
// days.
func TestRotation(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil, "SG", "MY")
	first := b.token
	b.Advance(t.Context(), 4*time.Hour-time.Second)
	if got := b.alive(t, first.Access); got != "" {
		t.Errorf("a second before its end: %s", got)
	}
	b.Advance(t.Context(), time.Second)
	if got := b.alive(t, first.Access); got != "invalid_acceess_token" {
		t.Errorf("at its end: %q", got)
	}
	if r := b.renew(t, first.Refresh, "shop_id", b.State().Shops[1].ID); r.Error != "shop_no_linked" {
		t.Errorf("another shop's: %s", r.raw)
	}
	if r := b.renew(t, first.Refresh, "merchant_id", "5"); r.Error != "merchant_no_linked" {
		t.Errorf("a merchant's: %s", r.raw)
	}
	r := b.renew(t, first.Refresh, "shop_id", b.shop)
	b.take(t, r)
	if fmt.Sprint(r.Body["shop_id"]) != b.shop || fmt.Sprint(r.Body["partner_id"]) != testPartner {
		t.Error(r.raw)
	}
	second := b.token
	if r := b.renew(t, first.Refresh, "shop_id", b.shop); r.Error != "error_shop_refresh_token" {
		t.Errorf("a refresh token twice: %s", r.raw)
	}
	b.take(t, b.renew(t, second.Refresh, "shop_id", b.shop))
	b.Advance(t.Context(), 5*time.Minute-time.Second)
	if b.alive(t, second.Access) != "" || b.alive(t, b.token.Access) != "" {
		t.Error("for five minutes both access tokens are good")
	}
	b.Advance(t.Context(), time.Second)
	if b.alive(t, second.Access) == "" || b.alive(t, b.token.Access) != "" {
		t.Error("then the new one alone")
	}
	b.Advance(t.Context(), 30*24*time.Hour-5*time.Minute-time.Second)
	kept := b.token.Refresh
	b.take(t, b.renew(t, kept, "shop_id", b.shop))
	b.Advance(t.Context(), 30*24*time.Hour)
	if r := b.renew(t, b.token.Refresh, "shop_id", b.shop); r.Error != "refresh_token_expired" {
		t.Errorf("after thirty days: %s", r.raw)
	}
}

// TestMainAccount: one pair for all shops and the merchant, whose refresh token works once for each; then each has a chain
// of its own.
func TestMainAccount(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil, "SG", "MY", "VN")
	shops := b.State().Shops
	main, err := b.AddMain("Group", shops[0].ID, shops[1].ID, shops[2].ID)
	if err != nil {
		t.Fatal(err)
	}
	r := b.redeem(t, b.code(t, "main:"+main), "main_account_id", main)
	b.take(t, r)
	if list := r.member(t, "shop_id_list").([]any); len(list) != 3 || fmt.Sprint(list[0]) != shops[0].ID {
		t.Error(r.raw)
	}
	merchant := fmt.Sprint(r.member(t, "merchant_id_list", 0))
	b.Advance(t.Context(), 0)
	if got := strings.Join(b.in.bodies, "\n"); len(b.in.bodies) != 2 || !strings.Contains(got, `"shop_id_list":[`+shops[0].ID) || !strings.Contains(got, `"merchant_id":`+merchant) {
		t.Errorf("pushes %s", got)
	}
	shared := b.token
	next := map[string]Tokens{}
	for _, s := range shops {
		b.shop = s.ID
		if got := b.alive(t, shared.Access); got != "" {
			t.Errorf("shop %s with the shared token: %s", s.ID, got)
		}
		b.take(t, b.renew(t, shared.Refresh, "shop_id", s.ID))
		next[s.ID] = b.token
		if r := b.renew(t, shared.Refresh, "shop_id", s.ID); r.Error != "error_shop_refresh_token" {
			t.Errorf("twice for shop %s: %s", s.ID, r.raw)
		}
	}
	b.take(t, b.renew(t, shared.Refresh, "merchant_id", merchant))
	if r := b.renew(t, shared.Refresh, "merchant_id", merchant); r.Error != "error_merchant_refresh_token" {
		t.Errorf("twice for the merchant: %s", r.raw)
	}
	if r := b.renew(t, next[shops[0].ID].Refresh, "shop_id", shops[1].ID); r.Error != "error_shop_refresh_token" {
		t.Errorf("one shop's chain for another: %s", r.raw)
	}
	if b.shop = shops[1].ID; b.alive(t, next[shops[0].ID].Access) != "error_auth" || b.alive(t, next[shops[1].ID].Access) != "" {
		t.Error("an access token speaks for its own shop alone")
	}
}

// TestEndOfGrant: cancelled or over, nothing works and the word says which; a warning comes a week ahead; a banned shop is
// told as such.
func TestEndOfGrant(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil)
	if err := b.Uninstall(testPartner, b.shop); err != nil {
		t.Fatal(err)
	}
	if got := b.alive(t, b.token.Access); got != "shop_no_linked" {
		t.Errorf("a call: %s", got)
	}
	if r := b.renew(t, b.token.Refresh, "shop_id", b.shop); r.Error != "shop_no_linked" {
		t.Errorf("a refresh: %s", r.raw)
	}
	if err := b.Uninstall(testPartner, b.shop); err == nil {
		t.Error("it ends twice")
	}
	back, err := b.Authorize(testPartner, "shop:"+b.shop, testBack, 30)
	if err != nil {
		t.Fatal(err)
	}
	_, query, _ := strings.Cut(back, "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	b.take(t, b.redeem(t, q.Get("code"), "shop_id", b.shop))
	b.in.bodies = nil
	b.Advance(t.Context(), 0)
	for range 29 {
		b.Advance(t.Context(), 24*time.Hour)
		b.take(t, b.renew(t, b.token.Refresh, "shop_id", b.shop))
	}
	if got := fmt.Sprint(b.in.codes(t)); got != "[2 1 12]" {
		t.Errorf("pushes %s", got)
	}
	b.Advance(t.Context(), 24*time.Hour)
	if r := b.renew(t, b.token.Refresh, "shop_id", b.shop); r.Error != "shop_access_expired" {
		t.Errorf("after its end: %s", r.raw)
	}
	for i, want := range []string{
		`"authorize_type":"user cancel shop authorization","extra":"shop id ` + b.shop + ` (SG) has been cancelled its authorization"`,
		`"shop_id":` + b.shop, `"shop_expire_soon":[` + b.shop + `]`, `"authorize_type":"expiry","shopid":` + b.shop,
	} {
		if i >= len(b.in.bodies) || !strings.Contains(b.in.bodies[i], want) {
			t.Fatalf("push %d of %d lacks %s", i, len(b.in.bodies), want)
		}
		if strings.Contains(b.in.bodies[i], `"partner_id":2006566`) != (i != 2) { // push 12 has none
			t.Errorf("push %d: %s", i, b.in.bodies[i])
		}
	}
	b.install(t, b.shop)
	if err := b.SetShopStatus(b.shop, "FROZEN"); err != nil {
		t.Fatal(err)
	}
	if r := b.get(t, "shop/get_shop_info", nil); r.Body["status"] != "FROZEN" {
		t.Error(r.raw)
	}
	if err := b.SetShopStatus(b.shop, "BANNED"); err != nil {
		t.Fatal(err)
	}
	if r := b.renew(t, b.token.Refresh, "shop_id", b.shop); r.Error != "shop_banned" || b.alive(t, b.token.Access) != "shop_banned" {
		t.Errorf("banned: %s", r.raw)
	}
}

// TestRenewedGrant: a grant that is renewed in time ends, and is warned of, at its new end alone.
func TestRenewedGrant(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil)
	for _, days := range []int{30, 90} {
		back, err := b.Authorize(testPartner, "shop:"+b.shop, testBack+"?state=s", days)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(back)
		if err != nil {
			t.Fatal(err)
		}
		b.take(t, b.redeem(t, u.Query().Get("code"), "shop_id", b.shop))
		b.Advance(t.Context(), 10*24*time.Hour)
	}
	b.Advance(t.Context(), 72*24*time.Hour)
	if got := fmt.Sprint(b.in.codes(t)); got != "[1 1]" {
		t.Errorf("pushes %s", got)
	}
	b.Advance(t.Context(), 9*24*time.Hour)
	if got := fmt.Sprint(b.in.codes(t)); got != "[1 1 12 2]" {
		t.Errorf("pushes %s", got)
	}
}

// TestResend: the console's code gives a pair once, within ten minutes, after which the old tokens are none.
func TestResend(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil)
	lost := b.token
	code, err := b.ResendCode(testPartner, b.shop)
	if err != nil || !strings.HasPrefix(code, "resend") {
		t.Fatal(code, err)
	}
	ask := func() reply {
		return b.public(t, http.MethodPost, "public/get_token_by_resend_code", fmt.Sprintf(`{"resend_code":%q}`, code))
	}
	if r := b.redeem(t, code, "shop_id", b.shop); r.Error != "invalid_code" {
		t.Errorf("as a code: %s", r.raw)
	}
	r := ask()
	b.take(t, r)
	if fmt.Sprint(r.Body["shop_id_list"]) != "["+b.shop+"]" || b.alive(t, b.token.Access) != "" || b.alive(t, lost.Access) == "" {
		t.Error(r.raw)
	}
	if again := ask(); again.Error != "error_auth" {
		t.Errorf("twice: %s", again.raw)
	}
	if r := b.renew(t, lost.Refresh, "shop_id", b.shop); r.Error != "error_shop_refresh_token" {
		t.Errorf("the old refresh token: %s", r.raw)
	}
	if err := b.EndAccess(testPartner, b.shop); err != nil {
		t.Fatal(err)
	}
	if b.alive(t, b.token.Access) != "invalid_acceess_token" || b.renew(t, b.token.Refresh, "shop_id", b.shop).Error != "" {
		t.Error("an access token that the platform ended")
	}
}

// TestShopsByPartner: the shops that let the app in, in pages, with the ends of their grants.
func TestShopsByPartner(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil, "SG", "MY", "VN")
	shops := b.State().Shops
	b.install(t, shops[2].ID)
	for query, want := range map[string]string{
		"page_no=1&page_size=1": shops[0].ID + " true", "page_no=2&page_size=1": shops[2].ID + " false", "page_no=3&page_size=1": " false",
		"page_no=0&page_size=1": "error_param", "page_no=1&page_size=101": "error_param",
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		r := b.send1(t, http.MethodGet, b.link("/api/v2/public/get_shops_by_partner", "", "", q), "")
		got := r.Error
		if got == "" {
			for _, s := range r.member(t, "authed_shop_list").([]any) {
				shop := s.(map[string]any)
				if got = fmt.Sprint(shop["shop_id"]); fmt.Sprint(shop["expire_time"]) != fmt.Sprint(begin.Add(longestGrant).Unix()) {
					t.Error(r.raw)
				}
			}
			got += fmt.Sprintf(" %v", r.member(t, "more"))
		}
		if got != want {
			t.Errorf("%s: %q", query, got)
		}
	}
}
