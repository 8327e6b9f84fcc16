package shopee

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

const (
	testPartner = "2006566"
	testKey     = "1391fd986fe8ec7569bebed75b0c33ee35eb5a305bed7038657a5cd5f75b1c88"
	testHook    = "https://hooks.example.com/shopee?app=1"
	testBack    = "https://hub.example.com/callback"
)

var begin = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// roundTrip is a receiver without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// inbox answers pushes and keeps them.
type inbox struct {
	status int
	body   string
	got    []*http.Request
	bodies []string
}

func (i *inbox) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	i.got, i.bodies = append(i.got, r), append(i.bodies, string(body))
	return &http.Response{StatusCode: i.status, Body: io.NopCloser(strings.NewReader(i.body))}, nil
}

// codes are the push codes that came.
func (i *inbox) codes(t testing.TB) (list []int) {
	t.Helper()
	for _, body := range i.bodies {
		var push struct{ Code int }
		if err := json.Unmarshal([]byte(body), &push); err != nil {
			t.Fatal(err)
		}
		list = append(list, push.Code)
	}
	return list
}

// bench is a platform with one app, shops of some regions, and an inbox that answers 200.
type bench struct {
	*Platform
	in    *inbox
	shop  string
	token Tokens
}

func open(t testing.TB, o Options, change func(*AppSpec), regions ...string) *bench {
	t.Helper()
	o.Seed, o.Start = max(o.Seed, 1), begin
	b := &bench{Platform: Open(o), in: &inbox{status: http.StatusOK}}
	b.send = b.in
	spec := AppSpec{ClientID: testPartner, Key: testKey, Name: "Hub", Domains: []string{"hub.example.com"}, PushURL: testHook}
	if change != nil {
		change(&spec)
	}
	if _, err := b.AddApp(spec); err != nil {
		t.Fatal(err)
	}
	if regions == nil {
		regions = []string{"SG"}
	}
	for i, region := range regions {
		shop, err := b.AddShop(ShopSpec{Name: "Shop " + region, Region: region, Company: true})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			b.shop = shop
		}
	}
	b.install(t, b.shop)
	return b
}

func (b *bench) install(t testing.TB, shop string) {
	t.Helper()
	token, err := b.Install(testPartner, shop)
	if err != nil {
		t.Fatal(err)
	}
	b.shop, b.token = shop, token
}

func (b *bench) act(t testing.TB, action Action, sn string) OrderState {
	t.Helper()
	o, err := b.Act(b.shop, action, sn)
	if err != nil {
		t.Fatalf("%s: %v", action, err)
	}
	return o
}

// order makes an order and lets things happen to it, an hour apart.
func (b *bench) order(t testing.TB, actions ...Action) OrderState {
	t.Helper()
	o := b.act(t, Create, "")
	for _, a := range actions {
		b.Advance(t.Context(), time.Hour)
		o = b.act(t, a, o.ID)
	}
	return o
}

// testSign is the recipe of developer guide 16, written for the test alone.
func testSign(key, base string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(base))
	return hex.EncodeToString(mac.Sum(nil))
}

// link signs the query of a call as the guide says, with a shop and its token unless they are empty.
func (b *bench) link(path, token, shop string, query url.Values) string {
	at := fmt.Sprint(b.Now().Unix())
	q := url.Values{"partner_id": {testPartner}, "timestamp": {at}}
	for name, values := range query {
		q[name] = values
	}
	if shop != "" {
		q.Set("access_token", token)
		q.Set("shop_id", shop)
	}
	q.Set("sign", testSign(testKey, testPartner+path+at+token+shop))
	return path + "?" + q.Encode()
}

// reply is an answer as a caller reads it.
type reply struct {
	status int
	header http.Header
	raw    string
	Error  string
	Body   map[string]any // all of it
}

// member walks into the answer: names of members and indexes of lists.
func (r reply) member(t testing.TB, path ...any) any {
	t.Helper()
	var v any = r.Body
	for _, step := range path {
		switch step := step.(type) {
		case string:
			members, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("no object at %v: %s", path, r.raw)
			}
			v = members[step]
		case int:
			list, ok := v.([]any)
			if !ok || len(list) <= step {
				t.Fatalf("no element %v: %s", path, r.raw)
			}
			v = list[step]
		}
	}
	return v
}

func (b *bench) send1(t testing.TB, method, target, body string) reply {
	t.Helper()
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequest(method, "http://127.0.0.1:1"+target, strings.NewReader(body)))
	r := reply{status: w.Code, header: w.Header(), raw: w.Body.String()}
	d := json.NewDecoder(strings.NewReader(r.raw))
	d.UseNumber()
	if err := d.Decode(&r.Body); err != nil {
		return r
	}
	r.Error, _ = r.Body["error"].(string)
	return r
}

// get asks for the shop.
func (b *bench) get(t testing.TB, name string, query url.Values) reply {
	t.Helper()
	return b.send1(t, http.MethodGet, b.link("/api/v2/"+name, b.token.Access, b.shop, query), "")
}

// post posts for the shop.
func (b *bench) post1(t testing.TB, name, body string) reply {
	t.Helper()
	return b.send1(t, http.MethodPost, b.link("/api/v2/"+name, b.token.Access, b.shop, nil), body)
}

// public asks or posts for the app.
func (b *bench) public(t testing.TB, method, name, body string) reply {
	t.Helper()
	return b.send1(t, method, b.link("/api/v2/"+name, "", "", nil), body)
}

// window is the query of a list over the last 15 days.
func (b *bench) window(field string, more ...string) url.Values {
	now := b.Now().Unix()
	q := url.Values{
		"time_range_field": {field}, "time_from": {fmt.Sprint(now - 15*86400 + 1)}, "time_to": {fmt.Sprint(now + 1)}, "page_size": {"100"},
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return q
}

// list reads a list to its end, and counts its pages.
func (b *bench) list(t testing.TB, q url.Values) (numbers []string, pages int) {
	t.Helper()
	for pages < 1000 {
		r := b.get(t, "order/get_order_list", q)
		if r.Error != "" {
			t.Fatal(r.raw)
		}
		pages++
		for _, o := range r.member(t, "response", "order_list").([]any) {
			numbers = append(numbers, o.(map[string]any)["order_sn"].(string))
		}
		if !r.member(t, "response", "more").(bool) {
			return numbers, pages
		}
		q.Set("cursor", r.member(t, "response", "next_cursor").(string))
	}
	t.Fatal("the list does not end")
	return nil, 0
}

// everything asks for all optional fields.
func everything() string { return strings.Join(optionalFields[:], ",") }

// detail reads one order with all fields.
func (b *bench) detail(t testing.TB, sn string, more ...string) map[string]any {
	t.Helper()
	q := url.Values{"order_sn_list": {sn}, "response_optional_fields": {everything()}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	r := b.get(t, "order/get_order_detail", q)
	if r.Error != "" {
		t.Fatal(r.raw)
	}
	return r.member(t, "response", "order_list", 0).(map[string]any)
}

// decodeExactly reads a text that is one JSON document.
func decodeExactly(text string, into any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("more than one document: %v", err)
	}
	return nil
}
