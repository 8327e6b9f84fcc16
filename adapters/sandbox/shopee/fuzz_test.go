package shopee

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzRequest feeds the gate and the calls behind it with anything: the answer is JSON with a word or without one, nothing
// panics, and what is not signed gets nothing.
func FuzzRequest(f *testing.F) {
	b := open(f, Options{Unlimited: true}, nil, "VN")
	o := b.order(f, Pay)
	b.install(f, b.shop)
	for name, query := range map[string]string{
		"order/get_order_list": b.window("update_time").Encode(), "order/get_order_detail": "order_sn_list=" + o.ID + "&response_optional_fields=item_list",
		"payment/get_escrow_detail": "order_sn=" + o.ID, "returns/get_return_list": "page_no=0&page_size=10", "returns/get_return_detail": "return_sn=1",
		"public/get_shops_by_partner": "page_no=1&page_size=1", "push/get_lost_push_message": "",
	} {
		f.Add(name, query, "", true, false)
	}
	for name, body := range map[string]string{
		"auth/token/get": `{"code":"x","partner_id":2006566,"shop_id":1}`, "auth/access_token/get": `{"refresh_token":"x","partner_id":2006566,"merchant_id":1}`,
		"payment/get_escrow_detail_batch": `{"order_sn_list":["` + o.ID + `"]}`, "push/set_app_push_config": `{"set_push_config_on":[3]}`,
		"push/confirm_consumed_lost_push_message": `{"last_message_id":1}`, "public/get_token_by_resend_code": `{"resend_code":"x"}`,
	} {
		f.Add(name, "", body, true, true)
	}
	f.Add("shop/auth_partner", "redirect=https://hub.example.com/", "", true, false)
	f.Add("order/get_order_list", "partner_id=2006566&timestamp=1&sign=x&access_token=y&shop_id=z", "", false, false)
	f.Fuzz(func(t *testing.T, name, query, body string, signed, post bool) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		to := &url.URL{Path: api + name, RawQuery: q.Encode()}
		if signed {
			shop := b.shop
			if b.routes[name].public {
				shop = ""
			}
			if to, err = url.Parse(b.link(to.EscapedPath(), b.token.Access, shop, q)); err != nil {
				return
			}
		}
		method := map[bool]string{false: http.MethodGet, true: http.MethodPost}[post]
		r := httptest.NewRequest(method, "http://127.0.0.1:1/", strings.NewReader(body))
		r.URL = to
		w := httptest.NewRecorder()
		b.ServeHTTP(w, r)
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") && strings.HasSuffix(name, "auth_partner") {
			return
		}
		answer := reply{raw: w.Body.String()}
		if err := decodeExactly(answer.raw, &answer.Body); err != nil || answer.Body["error"] == nil {
			t.Fatalf("%d %s", w.Code, answer.raw)
		}
		if !signed && answer.Body["error"] == "" {
			t.Fatalf("unsigned, and answered: %s", answer.raw)
		}
	})
}
