package shopify

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// scripted answers calls from a list, and keeps what was asked.
type scripted struct {
	answers []driver.Answer
	errs    []error
	calls   []driver.Call
}

func (s *scripted) Call(_ context.Context, c driver.Call) (driver.Answer, error) {
	i := min(len(s.calls), len(s.answers)-1)
	s.calls = append(s.calls, c)
	if len(s.errs) > i && s.errs[i] != nil {
		return driver.Answer{}, s.errs[i]
	}
	if _, err := New().Judge(c, s.answers[i]); err != nil {
		return driver.Answer{}, err
	}
	return s.answers[i], nil
}

func says(bodies ...string) *scripted {
	s := &scripted{}
	for _, b := range bodies {
		s.answers = append(s.answers, driver.Answer{Status: 200, Header: http.Header{}, Body: []byte(b)})
	}
	return s
}

var (
	testApp = driver.App{ClientID: "client", Secrets: []string{"new", "hush"}, Redirect: "https://hub.example.com/back?x=1"}
	noon    = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

// TestQuerySignature holds the query signature against all published vectors.
func TestQuerySignature(t *testing.T) {
	text, err := os.ReadFile(shared(t, "platforms/vectors/shopify_oauth_query.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Name, Secret, Message string
			Query                 string `json:"full_query"`
		}
	}
	if err := json.Unmarshal(text, &file); err != nil || len(file.Vectors) < 4 {
		t.Fatal(err, len(file.Vectors))
	}
	for _, v := range file.Vectors {
		q, err := url.ParseQuery(v.Query)
		if err != nil {
			t.Fatal(err)
		}
		if got := signedText(q); got != v.Message {
			t.Errorf("%s: signs %s, want %s", v.Name, got, v.Message)
		}
		if !signedQuery(q, []string{"other", v.Secret}) || signedQuery(q, []string{"other"}) || signedQuery(q, nil) {
			t.Errorf("%s: the signature", v.Name)
		}
		for name := range q {
			changed, err := url.ParseQuery(v.Query)
			if err != nil {
				t.Fatal(err)
			}
			changed.Set(name, changed.Get(name)+"x")
			if signedQuery(changed, []string{v.Secret}) {
				t.Errorf("%s: another %s is taken", v.Name, name)
			}
		}
		q.Set("extra", "1")
		if signedQuery(q, []string{v.Secret}) {
			t.Errorf("%s: one more parameter is taken", v.Name)
		}
	}
	t.Logf("%d vectors", len(file.Vectors))
}

// back is a query as the platform sends it, signed with a secret.
func back(secret string, change func(url.Values)) url.Values {
	q := url.Values{"code": {"c0de"}, "shop": {"acme.myshopify.com"}, "state": {"st"}, "timestamp": {"1795262400"}, "host": {"aG9zdA"}}
	if change != nil {
		change(q)
	}
	mac := driverMAC(secret, signedText(q))
	q.Set("hmac", mac)
	return q
}

// TestCallback: what comes back is believed only when it is signed, fresh, about a shop, and says each thing once.
func TestCallback(t *testing.T) {
	d := New()
	if g, err := d.Callback(testApp, back("hush", nil), noon); err != nil || g != (driver.Grant{State: "st", Code: "c0de", Account: "acme.myshopify.com"}) {
		t.Fatalf("%+v, %v", g, err)
	}
	for name, c := range map[string]struct {
		query url.Values
		now   time.Time
		want  hub.Kind
	}{
		"a wrong secret":        {back("wrong", nil), noon, hub.KindUnauthentic},
		"an empty secret":       {back("", nil), noon, hub.KindUnauthentic},
		"too old":               {back("hush", nil), noon.Add(11 * time.Minute), hub.KindUnauthentic},
		"of the future":         {back("hush", nil), noon.Add(-11 * time.Minute), hub.KindUnauthentic},
		"clocks off by minutes": {back("hush", nil), noon.Add(9 * time.Minute), 0},
		"no time":               {back("hush", func(q url.Values) { q.Del("timestamp") }), noon, hub.KindUnauthentic},
		"a foreign host":        {back("hush", func(q url.Values) { q.Set("shop", "acme.myshopify.com.evil.example") }), noon, hub.KindUnauthentic},
		"a path in the shop":    {back("hush", func(q url.Values) { q.Set("shop", "evil.example/.myshopify.com") }), noon, hub.KindUnauthentic},
		"no ending":             {back("hush", func(q url.Values) { q.Set("shop", "acme") }), noon, hub.KindUnauthentic},
		"two shops":             {back("hush", func(q url.Values) { q.Add("shop", "evil.myshopify.com") }), noon, hub.KindUnauthentic},
		"two codes":             {back("hush", func(q url.Values) { q.Add("code", "x") }), noon, hub.KindUnauthentic},
		"no code":               {back("hush", func(q url.Values) { q.Del("code") }), noon, hub.KindForbidden},
		"nothing":               {url.Values{}, noon, hub.KindUnauthentic},
	} {
		_, err := d.Callback(testApp, c.query, c.now)
		if (err == nil) != (c.want == 0) || err != nil && hub.KindOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "acme") {
			t.Errorf("%s: the error holds input: %v", name, err)
		}
	}
}

// TestAuthorize: the page of the shop, and no page of anything else.
func TestAuthorize(t *testing.T) {
	d := New()
	page, err := d.Authorize(testApp, driver.Authorization{Account: "Acme.myshopify.com", State: "s&t"}, noon)
	u, failed := url.Parse(page)
	if err != nil || failed != nil || u.Host != "acme.myshopify.com" || u.Scheme != "https" || u.Path != "/admin/oauth/authorize" {
		t.Fatal(page, err)
	}
	q := u.Query()
	if q.Get("client_id") != "client" || q.Get("redirect_uri") != testApp.Redirect || q.Get("state") != "s&t" || q.Get("scope") != "read_orders,read_customers,read_products" {
		t.Errorf("%v", q)
	}
	for _, account := range []string{"", "acme", "acme.example.com", "acme.myshopify.com/x", "acme.myshopify.com@evil.example", "-a.myshopify.com", "a.b.myshopify.com", "\u212Aa.myshopify.com"} {
		if page, err := d.Authorize(testApp, driver.Authorization{Account: account}, noon); err == nil {
			t.Errorf("%q: %s", account, page)
		}
		if _, err := d.Request(driver.Call{Method: "POST", Path: pathGraphQL}, driver.Access{App: testApp, Account: account}, noon); err == nil {
			t.Errorf("a call was written to %q", account)
		}
	}
}

// TestTokenAnswers: lives, scopes, what is not said, and what is no token.
func TestTokenAnswers(t *testing.T) {
	d, g := New(), driver.Grant{Code: "c0de", Account: "acme.myshopify.com"}
	full := `{"access_token":"shpat_1","scope":"read_orders,write_products","expires_in":1800,"refresh_token":"shprt_1","refresh_token_expires_in":7776000}`
	s := says(full)
	list, err := d.Exchange(t.Context(), s, testApp, g, "", noon)
	if err != nil || len(list) != 1 {
		t.Fatal(err)
	}
	got := list[0]
	if got.Access != "shpat_1" || got.Refresh != "shprt_1" || !got.AccessUntil.Equal(noon.Add(30*time.Minute)) || !got.RefreshUntil.Equal(noon.AddDate(0, 0, 90)) ||
		got.Account != g.Account || strings.Join(got.Scopes, " ") != "read_orders write_products" {
		t.Errorf("%+v", got)
	}
	asked := s.calls[0]
	var sent map[string]string
	if err := json.Unmarshal(asked.Body, &sent); err != nil || sent["expiring"] != "1" || sent["code"] != "c0de" || sent["client_secret"] != "new" || sent["client_id"] != "client" {
		t.Errorf("%v %v", sent, err)
	}
	if !asked.Public || !asked.Secret || asked.Repeat || asked.Account != g.Account || asked.Class != driver.ClassAuth {
		t.Errorf("%+v", asked)
	}
	s = says(`{"access_token":"shpat_2","scope":"","refresh_token":"shprt_2"}`)
	next, err := d.Refresh(t.Context(), s, testApp, got, noon)
	if err != nil || !next.AccessUntil.Equal(noon.Add(time.Hour)) || !next.RefreshUntil.IsZero() || next.Refresh != "shprt_2" {
		t.Errorf("%+v, %v", next, err)
	}
	sent = nil
	if err := json.Unmarshal(s.calls[0].Body, &sent); err != nil || sent["grant_type"] != "refresh_token" || sent["refresh_token"] != "shprt_1" {
		t.Errorf("%v %v", sent, err)
	}
	if _, err := d.Refresh(t.Context(), s, testApp, driver.Token{}, noon); hub.CodeOf(err) != driver.CodeReconnect {
		t.Errorf("no refresh token: %v", err)
	}
	if r := d.Rotation(); r.SingleUse || !r.Repeats || r.Ahead <= 0 {
		t.Errorf("%+v", r)
	}
}

// withheldAnswer is an answer with data, and one error.
func withheldAnswer(data, path, message, code string) string {
	return `{"data":` + data + `,"errors":[{"message":"` + message + `","path":` + path + `,"extensions":{"code":"` + code + `"}}]}`
}

// TestJudge: each answer means what the documentation says.
func TestJudge(t *testing.T) {
	d := New()
	auth, download, query := driver.Call{Class: driver.ClassAuth}, driver.Call{URL: "https://x"}, driver.Call{Class: driver.ClassOrders}
	failed := func(code string) string {
		return `{"errors":[{"message":"secret words","extensions":{"code":"` + code + `"}}],"data":null,"extensions":{"cost":{"requestedQueryCost":300,"actualQueryCost":null,` +
			`"throttleStatus":{"maximumAvailable":2000.0,"currentlyAvailable":50,"restoreRate":100.0}}}}`
	}
	for name, c := range map[string]struct {
		call   driver.Call
		status int
		body   string
		kind   hub.Kind
		code   hub.Code
		after  time.Duration
	}{
		"fine":                {query, 200, `{"data":{}}`, 0, "", 0},
		"throttled":           {query, 200, failed("THROTTLED"), hub.KindThrottled, "", 2500 * time.Millisecond},
		"throttled untold":    {query, 200, `{"errors":[{"extensions":{"code":"THROTTLED"}}]}`, hub.KindThrottled, "", time.Second},
		"denied":              {query, 200, failed("ACCESS_DENIED"), hub.KindForbidden, CodeScope, 0},
		"frozen inside":       {query, 200, failed("SHOP_INACTIVE"), hub.KindForbidden, CodeShopFrozen, 0},
		"too dear":            {query, 200, failed("MAX_COST_EXCEEDED"), hub.KindPermanent, CodeTooDear, 0},
		"their fault":         {query, 200, failed("INTERNAL_SERVER_ERROR"), hub.KindUnavailable, CodeUnreachable, 0},
		"our fault":           {query, 200, failed("undefinedField"), hub.KindPermanent, CodeRefused, 0},
		"a part withheld":     {query, 200, withheldAnswer(`{"nodes":[{"id":"1"}]}`, `["nodes",0,"email"]`, "This app is not approved to use the email field. See https://example.com", "ACCESS_DENIED"), 0, "", 0},
		"a place withheld":    {query, 200, withheldAnswer(`{"nodes":[{"id":"1"}]}`, `["nodes",0,"retailLocation"]`, "Access denied for retailLocation field.", "ACCESS_DENIED"), 0, "", 0},
		"a scope withheld":    {query, 200, withheldAnswer(`{"nodes":[{"id":"1"}]}`, `["nodes",0,"customer"]`, "Access denied for customer field.", "ACCESS_DENIED"), hub.KindForbidden, CodeScope, 0},
		"all withheld":        {query, 200, withheldAnswer(`null`, `["nodes"]`, "This app is not approved to access the Order object.", "ACCESS_DENIED"), hub.KindForbidden, CodeScope, 0},
		"the root withheld":   {query, 200, withheldAnswer(`{"order":null}`, `["order"]`, "This app is not approved to access the Order object.", "ACCESS_DENIED"), hub.KindForbidden, CodeScope, 0},
		"a part that failed":  {query, 200, withheldAnswer(`{"nodes":[{"id":"1"}]}`, `["nodes",0,"email"]`, "This app is not approved to be", "INTERNAL_SERVER_ERROR"), hub.KindUnavailable, CodeUnreachable, 0},
		"errors as text":      {query, 200, `{"errors":"Not Found"}`, hub.KindPermanent, CodeRefused, 0},
		"no errors listed":    {query, 200, `{"errors":[]}`, hub.KindPermanent, CodeRefused, 0},
		"a filter ignored":    {query, 200, `{"data":{},"extensions":{"search":[{"warnings":[{"field":"updated"}]}]}}`, hub.KindPermanent, CodeFilter, 0},
		"half":                {query, 200, `{"data":{`, hub.KindUnavailable, driver.CodeUnreadable, 0},
		"no JSON":             {query, 200, `<html>`, hub.KindUnavailable, driver.CodeUnreadable, 0},
		"nothing":             {query, 200, ``, hub.KindUnavailable, driver.CodeUnreadable, 0},
		"no data":             {query, 200, `{"data":null}`, hub.KindUnavailable, driver.CodeUnreadable, 0},
		"401":                 {query, 401, ``, hub.KindUnauthentic, driver.CodeTokenRefused, 0},
		"402":                 {query, 402, ``, hub.KindForbidden, CodeShopFrozen, 0},
		"423":                 {query, 423, ``, hub.KindForbidden, CodeShopFrozen, 0},
		"403":                 {query, 403, ``, hub.KindForbidden, CodeScope, 0},
		"404":                 {query, 404, ``, hub.KindNotFound, "", 0},
		"429":                 {query, 429, ``, hub.KindThrottled, "", 2 * time.Second},
		"301":                 {query, 301, ``, hub.KindUnavailable, CodeUnreachable, 2 * time.Second},
		"503":                 {query, 503, ``, hub.KindUnavailable, CodeUnreachable, 2 * time.Second},
		"400":                 {query, 400, ``, hub.KindPermanent, CodeRefused, 0},
		"token":               {auth, 200, `{"access_token":"x"}`, 0, "", 0},
		"token: half":         {auth, 200, `{"access_token":"x`, hub.KindUnavailable, driver.CodeUnreadable, 0},
		"token: none":         {auth, 200, `{}`, hub.KindUnavailable, driver.CodeUnreadable, 0},
		"token: grant":        {auth, 400, `{"error":"invalid_grant"}`, hub.KindPermanent, driver.CodeReconnect, 0},
		"token: used code":    {auth, 400, `{"error":"invalid_request"}`, hub.KindPermanent, driver.CodeReconnect, 0},
		"token: client":       {auth, 400, `{"error":"invalid_client"}`, hub.KindForbidden, CodeAppRefused, 0},
		"token: 401":          {auth, 401, ``, hub.KindForbidden, CodeAppRefused, 0},
		"token: 520":          {auth, 520, `error code: 520`, hub.KindUnavailable, CodeUnreachable, 2 * time.Second},
		"token: 429":          {auth, 429, ``, hub.KindThrottled, "", 2 * time.Second},
		"token: no shop":      {auth, 404, ``, hub.KindNotFound, "", 0},
		"token: frozen":       {auth, 402, ``, hub.KindForbidden, CodeShopFrozen, 0},
		"file":                {download, 206, `{"id":1}`, 0, "", 0},
		"file: all of it":     {download, 200, `{"id":1}`, 0, "", 0},
		"file: ended":         {download, 403, `<Error/>`, hub.KindNotFound, driver.CodeExportLost, 0},
		"file: their fault":   {download, 503, ``, hub.KindUnavailable, CodeUnreachable, 2 * time.Second},
		"file: not so quick":  {download, 429, ``, hub.KindThrottled, "", 2 * time.Second},
		"file: another place": {download, 302, ``, hub.KindNotFound, driver.CodeExportLost, 0},
	} {
		u, err := d.Judge(c.call, driver.Answer{Status: c.status, Header: http.Header{"Retry-After": {"2.0"}}, Body: []byte(c.body)})
		if (err == nil) != (c.kind == 0) || err != nil && (hub.KindOf(err) != c.kind || hub.CodeOf(err) != c.code || hub.RetryAfterOf(err) != c.after) {
			t.Errorf("%s: %v (%s %s %s)", name, err, hub.KindOf(err), hub.CodeOf(err), hub.RetryAfterOf(err))
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error holds the answer: %v", name, err)
		}
		if c.body == failed("THROTTLED") && u != (driver.Usage{Available: 50, Size: 2000, PerSecond: 100}) {
			t.Errorf("%+v", u)
		}
	}
}
