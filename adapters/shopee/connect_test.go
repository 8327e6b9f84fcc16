package shopee

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

var tokenTime = time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)

// TestAuthorize makes the classic address, which carries our state inside the redirect.
func TestAuthorize(t *testing.T) {
	app := driver.App{ClientID: "2006566", Secrets: []string{"1391fd986fe8ec7569bebed75b0c33ee35eb5a305bed7038657a5cd5f75b1c88"}, Redirect: "https://hub.example.test/back?x=1"}
	address, err := New().Authorize(app, driver.Authorization{State: "s&t=1"}, time.Unix(1700000000, 0))
	if err != nil {
		t.Fatal(err)
	}
	u, q := queryOf(t, address)
	back, state := queryOf(t, q.Get("redirect"))
	if u.Host+u.Path != "partner.shopeemobile.com/api/v2/shop/auth_partner" || q.Get("sign") != "f0881ae58608be5d1acc041ec6d861ee5ab87a312844f4d6bfe94d9327ddb911" ||
		back.Path != "/back" || state.Get("state") != "s&t=1" || state.Get("x") != "1" {
		t.Error(address)
	}
	for name, bad := range map[string]driver.App{
		"no redirect": {ClientID: "1", Secrets: []string{"k"}}, "a fragment": {ClientID: "1", Secrets: []string{"k"}, Redirect: "https://h.example.test/#x"},
		"no host": {ClientID: "1", Secrets: []string{"k"}, Redirect: "/back"}, "no key": {ClientID: "1", Redirect: "https://h.example.test/"},
	} {
		if _, err := New().Authorize(bad, driver.Authorization{State: "s"}, tokenTime); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New().Authorize(app, driver.Authorization{}, tokenTime); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("no state: %v", err)
	}
}

// TestCallback reads the way back.
func TestCallback(t *testing.T) {
	for query, want := range map[string]string{
		"state=s&code=c&shop_id=7":                                "7",
		"state=s&code=c&main_account_id=68272":                    "main 68272",
		"state=s&code=c":                                          "unauthentic ",
		"state=s&shop_id=7":                                       "unauthentic ",
		"code=c&shop_id=7":                                        "unauthentic ",
		"state=s&code=c&shop_id=7&main_account_id=8":              "unauthentic ",
		"state=s&code=c&shop_id=7&shop_id=8":                      "unauthentic ",
		"state=s&state=t&code=c&shop_id=7":                        "unauthentic ",
		"state=s&code=c&shop_id=../7":                             "unauthentic ",
		"state=s&code=c&shop_id=0":                                "unauthentic ",
		"state=s&error=error_auth&code=c&shop_id=7":               "forbidden ",
		"state=s&code=" + strings.Repeat("c", 513) + "&shop_id=7": "unauthentic ",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		g, err := New().Callback(testApp, values, tokenTime)
		got := kindAndCode(err)
		if err == nil {
			if got = g.Account; g.Main {
				got = "main " + g.Account
			}
			if g.State != "s" || g.Code != "c" {
				t.Errorf("%s: %+v", query, g)
			}
		}
		if got != want {
			t.Errorf("%.60s: %q, want %q", query, got, want)
		}
	}
}

// TestExchange: one shop, several, and answers that say too little.
func TestExchange(t *testing.T) {
	const pair = `"access_token":"a1","refresh_token":"r1"`
	one, main := driver.Grant{Code: "c", Account: "727720655"}, driver.Grant{Code: "c", Account: "68272", Main: true}
	for name, c := range map[string]struct {
		grant  driver.Grant
		answer string
		want   string
		until  time.Duration
	}{
		"one shop":       {one, `{"error":"","message":"",` + pair + `,"expire_in":14400}`, "727720655", 4 * time.Hour},
		"an epoch":       {one, `{"error":"",` + pair + `,"expire_in":1767499200}`, "727720655", 28 * time.Hour},
		"no life":        {one, `{"error":"",` + pair + `,"expire_in":0}`, "727720655", 4 * time.Hour},
		"a main account": {main, `{"error":"",` + pair + `,"expire_in":14400,"shop_id_list":[7,8],"merchant_id_list":[9]}`, "7 8 merchant 9", 4 * time.Hour},
		"nobody":         {main, `{"error":"",` + pair + `,"expire_in":14400,"shop_id_list":[]}`, "unknown_outcome answer_unreadable", 0},
		"half":           {one, `{"error":"","access_token":"a1","expire_in":14400}`, "unknown_outcome answer_unreadable", 0},
		"an empty token": {one, `{"error":"","access_token":"","refresh_token":"r","expire_in":14400}`, "unknown_outcome answer_unreadable", 0},
		"used":           {one, `{"error":"invalid_code","message":"The code is expired or used or invalid, please check the code."}`, "permanent reconnect_needed", 0},
	} {
		s := script(t, map[string]func(driver.Call) string{pathToken: always(c.answer)})
		tokens, err := New().Exchange(t.Context(), s, testApp, c.grant, "", tokenTime)
		got := kindAndCode(err)
		if err == nil {
			var names []string
			for _, token := range tokens {
				if token.Merchant {
					names = append(names, "merchant")
				}
				names = append(names, token.Account)
				if token.Access != "a1" || token.Refresh != "r1" || !token.AccessUntil.Equal(tokenTime.Add(c.until)) || !token.RefreshUntil.Equal(tokenTime.AddDate(0, 0, 30)) {
					t.Errorf("%s: %+v", name, token)
				}
			}
			got = strings.Join(names, " ")
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		var body map[string]any
		call := s.calls[0]
		if err := json.Unmarshal(call.Body, &body); err != nil || body["partner_id"] != 2006566.0 || body["code"] != "c" || (body["main_account_id"] != nil) != c.grant.Main || (body["shop_id"] == nil) != c.grant.Main {
			t.Errorf("%s: body %s", name, call.Body)
		}
		if !call.Public || !call.Secret || call.Repeat || call.Class != driver.ClassAuth {
			t.Errorf("%s: %+v", name, call)
		}
	}
}

// TestRefresh: the next pair, for the shop that it is for.
func TestRefresh(t *testing.T) {
	old := driver.Token{Account: "7", Refresh: "r1", GrantUntil: tokenTime.AddDate(1, 0, 0)}
	merchant := driver.Token{Account: "9", Refresh: "r1", Merchant: true}
	for name, c := range map[string]struct {
		token        driver.Token
		answer, want string
	}{
		"a shop":         {old, `{"error":"","partner_id":2006566,"shop_id":7,"access_token":"a2","refresh_token":"r2","expire_in":14400}`, ""},
		"a merchant":     {merchant, `{"error":"","merchant_id":9,"access_token":"a2","refresh_token":"r2","expire_in":14400}`, ""},
		"another's":      {old, `{"error":"","shop_id":8,"access_token":"a2","refresh_token":"r2","expire_in":14400}`, "unknown_outcome answer_unreadable"},
		"half":           {old, `{"error":"","shop_id":7,"access_token":"a2","expire_in":14400}`, "unknown_outcome answer_unreadable"},
		"cut":            {old, `{"error":"","shop_id":7,"access_to`, "unavailable answer_unreadable"},
		"used":           {old, `{"error":"error_shop_refresh_token","message":"x"}`, "permanent reconnect_needed"},
		"ended":          {old, `{"error":"refresh_token_expired","message":"Your refresh_token expired."}`, "permanent reconnect_needed"},
		"not well":       {old, `{"error":"error_server","message":"error server"}`, "unavailable platform_error"},
		"not well, auth": {old, `{"error":"error_auth","message":"System error, please try again later."}`, "unavailable platform_error"},
	} {
		s := script(t, map[string]func(driver.Call) string{pathRefresh: always(c.answer)})
		next, err := New().Refresh(t.Context(), s, testApp, c.token, tokenTime)
		if got := kindAndCode(err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if err == nil && (next.Access != "a2" || next.Refresh != "r2" || next.Account != c.token.Account || next.Merchant != c.token.Merchant || !next.GrantUntil.Equal(c.token.GrantUntil)) {
			t.Errorf("%s: %+v", name, next)
		}
		if err != nil && next.Access+next.Refresh != "" {
			t.Errorf("%s: a token beside an error", name)
		}
		if call := s.calls[0]; call.Repeat || !call.Secret || !call.Public || strings.Contains(string(call.Body), "merchant_id") != c.token.Merchant {
			t.Errorf("%s: %s", name, call.Body)
		}
	}
	if r := New().Rotation(); !r.SingleUse || r.Repeats || r.Overlap != 5*time.Minute || r.Ahead >= accessLife {
		t.Errorf("%+v", r)
	}
	if _, err := New().Refresh(t.Context(), script(t, nil), testApp, driver.Token{Account: "secret name"}, tokenTime); hub.KindOf(err) != hub.KindInvalid || strings.Contains(err.Error(), "secret") {
		t.Errorf("an account that is none: %v", err)
	}
}

// TestInspect reads the shop.
func TestInspect(t *testing.T) {
	const rest = `"shop_name":"Lantern Works","region":"SG","auth_time":1741944925,"expire_time":1773503999}`
	for status, want := range map[string]string{"NORMAL": "", "BANNED": "shop_blocked banned", "FROZEN": "shop_blocked frozen", "MOON": "shop_status_unknown MOON"} {
		s := script(t, map[string]func(driver.Call) string{pathShop: always(`{"error":"","message":"","request_id":"r","status":"` + status + `",` + rest)})
		shop, err := New().Inspect(t.Context(), s, testApp, "7")
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, p := range shop.Problems {
			got = p.Code + " " + p.Detail
		}
		if got != want || shop.Active != (want == "") || shop.Name != "Lantern Works" || shop.RenewBy.Unix() != 1773503999 || !shop.Now.Equal(tokenTime) || shop.Currency != "" {
			t.Errorf("%s: %+v", status, shop)
		}
	}
	if _, err := New().Inspect(t.Context(), script(t, map[string]func(driver.Call) string{pathShop: always(`{"error":""}`)}), testApp, "7"); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("nothing: %v", err)
	}
}

// TestSubscriptions looks at the app's pushes and mends what it may.
func TestSubscriptions(t *testing.T) {
	const refusing = `{"error":"error_param","message":"x"}`
	config := func(url, status, on, off, blocked string) string {
		return `{"error":"","response":{"callback_url":"` + url + `","live_push_status":"` + status + `","push_config_on_list":[` + on + `],"push_config_off_list":[` + off + `],"blocked_shop_id":[` + blocked + `]}}`
	}
	for name, c := range map[string]struct{ config, answer, want, body string }{
		"all is well":        {config(hookURL, "Normal", "1,2,3,4,12,15,29,30,47", "5,6", ""), "", "", ""},
		"off":                {config(hookURL, "Normal", "1,2,3,12", "4,29", ""), `{"error":""}`, "push_off code 4 mended, push_off code 29 mended", `{"set_push_config_on":[4,29]}`},
		"we may not":         {config(hookURL, "Normal", "1,2,3,12", "4", ""), refusing, "push_off code 4", `{"set_push_config_on":[4]}`},
		"not listed":         {config(hookURL, "Normal", "1", "", ""), "", "push_off code 3, push_off code 4", ""},
		"no address":         {config("", "Normal", "3,4", "", ""), "", "push_address_missing ", ""},
		"the app's address":  {config("https://hub.example.test/hooks/shopee/the-app", "Normal", "3,4", "", ""), "", "", ""},
		"another's address":  {config("https://other.example.test/", "Normal", "3,4", "", ""), "", "push_address_other ", ""},
		"suspended, blocked": {config(hookURL, "Suspended", "3,4", "", "8,7"), "", "push_suspended , push_shop_blocked 7", ""},
	} {
		s := script(t, map[string]func(driver.Call) string{pathPushConfig: always(c.config)})
		if c.answer != "" {
			s.answers[pathSetPush] = always(c.answer)
		}
		repairs, err := New().Subscriptions(t.Context(), s, testApp, "7", hookURL)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, r := range repairs {
			text := r.Code + " " + r.Detail
			if r.Mended {
				text += " mended"
			}
			if got = append(got, text); r.Hint == "" {
				t.Errorf("%s: no hint for %s", name, r.Code)
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q, want %q", name, strings.Join(got, ", "), c.want)
		}
		if len(s.calls) == 2 && string(s.calls[1].Body) != c.body || len(s.calls) == 1 && c.body != "" || !s.calls[0].Public {
			t.Errorf("%s: %d calls", name, len(s.calls))
		}
	}
	if err := New().Disconnect(t.Context(), script(t, nil), testApp, driver.Token{}); err != nil {
		t.Error(err)
	}
}

// TestLost reads what was lost, in both forms of the documentation, and confirms it as a watermark.
func TestLost(t *testing.T) {
	const push = `{"data":{"items":[],"ordersn":"220810QSK8S7BX"},"shop_id":727720655,"code":3,"timestamp":1660123127}`
	quoted, _ := json.Marshal(push)
	list := func(data string, more string) string {
		return `{"error":"-","message":"-","response":{"push_message_list":[{"shop_id":727720655,"code":3,"timestamp":1660123130,"data":` + data + `}],"has_next_page":` + more + `,"last_message_id":176610}}`
	}
	for name, data := range map[string]string{"an object": push, "a text": string(quoted), "the inner data": `{"items":[],"ordersn":"220810QSK8S7BX"}`} {
		s := script(t, map[string]func(driver.Call) string{pathLost: always(list(data, "true")), pathConfirm: always(`{"error":""}`)})
		page, err := New().Lost(t.Context(), s, testApp, "")
		if err != nil || len(page.Deliveries) != 1 || page.Receipt != "176610" || page.Next != "176610" {
			t.Fatalf("%s: %+v, %v", name, page, err)
		}
		lost := page.Deliveries[0]
		reading, err := New().Read(driver.Delivery{Notice: lost.Notice, Account: lost.Account, Body: lost.Body})
		if err != nil || len(reading.Hints) != 1 || reading.Hints[0].ExternalID != "220810QSK8S7BX" || lost.Notice.Topic != "3" || lost.Account != account {
			t.Errorf("%s: %+v, %v", name, lost, err)
		}
		if again, err := New().Lost(t.Context(), s, testApp, page.Next); err != nil || again.Next != "" || len(again.Deliveries) != 0 {
			t.Errorf("%s: the same page again: %+v, %v", name, again, err)
		}
		if err := New().Confirm(t.Context(), s, page.Receipt); err != nil || string(s.calls[2].Body) != `{"last_message_id":176610}` || !s.calls[2].Repeat {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty := script(t, map[string]func(driver.Call) string{pathLost: always(`{"error":"","response":{"push_message_list":[],"has_next_page":false,"last_message_id":0}}`)})
	if page, err := New().Lost(t.Context(), empty, testApp, ""); err != nil || page.Receipt != "" || page.Next != "" {
		t.Errorf("nothing lost: %+v, %v", page, err)
	}
	if err := New().Confirm(t.Context(), empty, ""); err != nil || len(empty.calls) != 1 {
		t.Errorf("nothing to confirm: %v", err)
	}
	if err := New().Confirm(t.Context(), empty, "x"); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("no receipt: %v", err)
	}
	for name, body := range map[string]string{
		"a list for data": list(`[1]`, "false"), "no response": `{"error":""}`, "no data": `{"error":"","response":{"push_message_list":[{"code":3}],"last_message_id":1}}`,
	} {
		s := script(t, map[string]func(driver.Call) string{pathLost: always(body)})
		if page, err := New().Lost(t.Context(), s, testApp, ""); hub.CodeOf(err) != driver.CodeUnreadable || page.Receipt != "" {
			t.Errorf("%s: %+v, %v", name, page, err)
		}
	}
	if text := recorded(t, "lost_push_messages.json"); text != nil {
		s := script(t, map[string]func(driver.Call) string{pathLost: always(string(text))})
		if page, err := New().Lost(t.Context(), s, testApp, ""); err != nil || len(page.Deliveries) != 1 || page.Deliveries[0].Account != account {
			t.Errorf("recorded: %+v, %v", page, err)
		}
	}
}
