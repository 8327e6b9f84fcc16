package shopee

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"hub"
)

// TestGate: whatever is wrong with a call is told by its own word, and in this order.
func TestGate(t *testing.T) {
	b := open(t, Options{}, func(s *AppSpec) { s.Barred = []string{"/api/v2/payment/get_escrow_detail"} }, "SG", "MY")
	other := b.shop[:len(b.shop)-1] + "9"
	change := func(name, value string) func(url.Values) {
		return func(q url.Values) {
			if q.Set(name, value); value == "" {
				q.Del(name)
			}
		}
	}
	const path = "shop/get_shop_info"
	for name, c := range map[string]struct {
		path string
		edit func(url.Values)
		want string
	}{
		"whole":             {path, func(url.Values) {}, ""},
		"no partner":        {path, change("partner_id", ""), "403 error_param There is no partner_id in query."},
		"no timestamp":      {path, change("timestamp", ""), "403 error_param There is no timestamp in query."},
		"no sign":           {path, change("sign", ""), "403 error_param There is no sign in query."},
		"no token":          {path, change("access_token", ""), "403 error_param There is no access_token in query."},
		"no shop":           {path, change("shop_id", ""), "403 error_param There is no shop_id in query."},
		"a partner beyond":  {path, change("partner_id", "4294967296"), "403 error_param Partner_id is invalid, should be an integer between 0 and 4294967295."},
		"another partner":   {path, change("partner_id", "7"), "403 invalid_partner_id Invalid partner_id, please have a check."},
		"time in words":     {path, change("timestamp", "now"), "403 error_param Timestamp is invalid, should be an integer between 0 and 4294967295."},
		"time in ms":        {path, change("timestamp", fmt.Sprint(begin.UnixMilli())), "403 error_param Timestamp is invalid, should be an integer between 0 and 4294967295."},
		"another sign":      {path, change("sign", strings.Repeat("0", 64)), "403 error_sign Wrong sign."},
		"another shop":      {path, change("shop_id", other), "403 error_sign Wrong sign."},
		"another token":     {path, change("access_token", "x"), "403 error_sign Wrong sign."},
		"a call of nobody":  {"shop/get_everything", func(url.Values) {}, "404 error_param Permission denied. This API is currently offline or the request path is incorrect."},
		"no right":          {"payment/get_escrow_detail", func(url.Values) {}, "403 error_api_permission This app type has no permission to this API."},
		"a sign in capital": {path, func(q url.Values) { q.Set("sign", strings.ToUpper(q.Get("sign"))) }, "403 error_sign Wrong sign."},
	} {
		to, err := url.Parse(b.link("/api/v2/"+c.path, b.token.Access, b.shop, nil))
		if err != nil {
			t.Fatal(err)
		}
		q := to.Query()
		c.edit(q)
		r := b.send1(t, http.MethodGet, to.Path+"?"+q.Encode(), "")
		got := ""
		if r.Error != "" {
			got = fmt.Sprint(r.status, " ", r.Error, " ", r.Body["message"])
		}
		if got != c.want || r.Body["request_id"] == "" || r.header.Get("Date") != begin.Format(http.TimeFormat) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if r := b.send1(t, http.MethodPost, b.link("/api/v2/"+path, b.token.Access, b.shop, nil), ""); r.status != http.StatusNotFound {
		t.Errorf("another method: %d %s", r.status, r.raw)
	}
	if r := b.send1(t, http.MethodGet, b.link("/api/v2/"+path, "made up", b.shop, nil), ""); r.Error != "invalid_acceess_token" {
		t.Errorf("a token that nobody has: %s", r.raw)
	}
	if r := b.send1(t, http.MethodGet, b.link("/api/v2/"+path, b.token.Access, other, nil), ""); r.Error != "error_auth" {
		t.Errorf("another shop with its own sign: %s", r.raw)
	}
	prefixed := strings.Replace(b.link("/api/v2/"+path, b.token.Access, b.shop, nil), "/api", "/shopee/api", 1)
	if r := b.send1(t, http.MethodGet, prefixed, ""); r.Error != "" || r.Body["shop_name"] != "Shop SG" {
		t.Errorf("below a path: %s", r.raw)
	}
}

// TestKeys: a new key holds at once, for calls and for pushes.
func TestKeys(t *testing.T) {
	b := open(t, Options{}, nil)
	if err := b.SetKeys(testPartner, "another key", ""); err != nil {
		t.Fatal(err)
	}
	if r := b.get(t, "shop/get_shop_info", nil); r.Error != "error_sign" {
		t.Errorf("the old key: %s", r.raw)
	}
	b.act(t, Create, "")
	b.Advance(t.Context(), 0)
	if got := b.in.got[0].Header.Get("Authorization"); got != testSign("another key", testHook+"|"+b.in.bodies[0]) {
		t.Error("a push is signed with the old key")
	}
}

// TestWhatCannotBeMade: apps, shops and addresses that are none.
func TestWhatCannotBeMade(t *testing.T) {
	b := open(t, Options{}, nil)
	for name, spec := range map[string]AppSpec{
		"again": {ClientID: testPartner, Key: "k"}, "words": {ClientID: "hub", Key: "k"}, "beyond": {ClientID: "4294967296", Key: "k"}, "no key": {ClientID: "9"},
		"zeros": {ClientID: "09", Key: "k"}, "in clear": {ClientID: "9", Key: "k", PushURL: "http://127.0.0.1/"},
	} {
		if _, err := b.AddApp(spec); hub.KindOf(err) != hub.KindInvalid || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.AddShop(ShopSpec{Region: "XX"}); hub.KindOf(err) != hub.KindInvalid || err == nil {
		t.Error("a shop on the moon")
	}
	if _, err := b.AddShop(ShopSpec{ID: b.listed[0].id}); hub.KindOf(err) != hub.KindInvalid || err == nil {
		t.Error("a shop twice")
	}
	for name, err := range map[string]error{
		"keys": b.SetKeys("7", "k", ""), "push address": b.SetPushURL("7", testHook), "shop": b.SetShopStatus("7", "NORMAL"), "trade": b.Trade("7", 1, 1, 1),
		"uninstall": b.Uninstall("7", b.shop), "pushes": b.ResumePush("7"), "grow": b.Grow(b.shop, "X", 1), "access": b.EndAccess("7", b.shop),
	} {
		if hub.KindOf(err) != hub.KindNotFound || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(b.Apps()) != 1 || b.Orders("7") != nil {
		t.Error("something was made")
	}
}

// TestFreshness: a signature is good for five minutes, to the second, on either side; a clock that is off by minutes has
// everything refused and says what time it is.
func TestFreshness(t *testing.T) {
	b := open(t, Options{}, nil)
	for off, want := range map[time.Duration]string{
		0: "", 5 * time.Minute: "", 5*time.Minute + time.Second: "error_param", -5 * time.Minute: "", -5*time.Minute - time.Second: "error_param",
	} {
		link := b.link("/api/v2/shop/get_shop_info", b.token.Access, b.shop, nil)
		b.SetSkew(off)
		r := b.send1(t, http.MethodGet, link, "")
		if r.Error != want || r.header.Get("Date") != begin.Add(off).Format(http.TimeFormat) {
			t.Errorf("%s: %q at %s", off, r.Error, r.header.Get("Date"))
		}
	}
	if n := b.Faults()[Skew]; n != 2 {
		t.Errorf("%d calls refused for the clock", n)
	}
}

// TestBudget: so many at once and so many a second, of each shop; and a day's calls until midnight in UTC+8.
func TestBudget(t *testing.T) {
	b := open(t, Options{PerSecond: 5, Burst: 10}, nil)
	spend := func() (taken int) {
		for range 30 {
			if r := b.get(t, "shop/get_shop_info", nil); r.Error == "" {
				taken++
			} else if r.status != http.StatusTooManyRequests || r.Error != "error_rate_limit" {
				t.Fatal(r.raw)
			}
		}
		return taken
	}
	if n := spend(); n != 10 {
		t.Errorf("%d at once", n)
	}
	b.Advance(t.Context(), 600*time.Millisecond)
	if n := spend(); n != 3 {
		t.Errorf("%d after 0.6 s", n)
	}
	b.Advance(t.Context(), time.Hour)
	if n := spend(); n != 10 {
		t.Errorf("%d after an hour", n)
	}
	if r := b.public(t, http.MethodGet, "push/get_app_push_config", ""); r.Error != "" {
		t.Errorf("the app's own calls have a budget of their own: %s", r.raw)
	}
	daily := open(t, Options{Daily: 7}, nil)
	for i := range 9 {
		if r := daily.get(t, "shop/get_shop_info", nil); (r.Error == "error_limit") != (i >= 7) {
			t.Errorf("call %d: %s", i, r.raw)
		}
	}
	daily.Advance(t.Context(), 4*time.Hour-time.Second) // 23:59:59 there
	if r := daily.get(t, "shop/get_shop_info", nil); r.Error != "error_limit" {
		t.Error("a second before midnight there is no new quota")
	}
	daily.Advance(t.Context(), time.Second)
	if r := daily.get(t, "shop/get_shop_info", nil); r.Error != "invalid_acceess_token" {
		t.Errorf("at midnight the quota is new, and the token four hours old: %s", r.raw)
	}
}
