package shopify

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	testApp    = "client-1"
	testSecret = "hush"
	testShop   = "acme.myshopify.com"
	testHook   = "https://hooks.example.com/s/1"
)

// begin is a day at which 2026-10 is the latest stable version.
var begin = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// roundTrip is a receiver without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func reply(status int) (*http.Response, error) {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(""))}, nil
}

// inbox answers deliveries and keeps them.
type inbox struct {
	status int
	got    []*http.Request
	bodies [][]byte
}

func (i *inbox) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	i.got, i.bodies = append(i.got, r), append(i.bodies, body)
	return reply(i.status)
}

func spec() AppSpec {
	return AppSpec{
		ClientID: testApp, Secrets: []string{testSecret}, Name: "Hub", URL: "https://hub.example.com/install", Redirects: []string{"https://hub.example.com/callback"},
		Customers: true, Fields: []string{"name", "address", "phone", "email"},
	}
}

// rig is a platform with one shop, one app in it with all scopes, and an inbox that answers 200.
func rig(t testing.TB, change func(*AppSpec), scopes ...string) (*Platform, Tokens, *inbox) {
	t.Helper()
	p := Open(Options{Seed: 1, Start: begin})
	in := &inbox{status: http.StatusOK}
	p.send = in
	s := spec()
	if change != nil {
		change(&s)
	}
	if _, err := p.AddApp(s); err != nil {
		t.Fatal(err)
	}
	if _, err := p.AddShop(ShopSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	if scopes == nil {
		scopes = []string{"read_orders", "read_all_orders", "read_customers", "read_products"}
	}
	tokens, err := p.Install(testApp, testShop, scopes)
	if err != nil {
		t.Fatal(err)
	}
	return p, tokens, in
}

func act(t testing.TB, p *Platform, a Action, id int64) OrderState {
	t.Helper()
	o, err := p.Act(testShop, a, id)
	if err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	return o
}

// ask sends a GraphQL request and returns the status, the headers and the decoded answer.
func ask(t testing.TB, p *Platform, token, version, query string, variables map[string]any) (int, http.Header, map[string]any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/admin/api/"+version+"/graphql.json", bytes.NewReader(body))
	r.Host = testShop
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Shopify-Access-Token", token)
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	var answer map[string]any
	if err := decode(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Code, w.Header(), answer
}

// data asks and wants no errors.
func data(t testing.TB, p *Platform, token, query string, variables map[string]any) map[string]any {
	t.Helper()
	status, _, answer := ask(t, p, token, "2026-10", query, variables)
	if status != http.StatusOK || answer["errors"] != nil {
		t.Fatalf("%d %v", status, answer)
	}
	return answer["data"].(map[string]any)
}

// at walks into decoded JSON: names of members and indexes of lists.
func at(t testing.TB, v any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			members, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("no object at %v of %v: %v", step, path, v)
			}
			v = members[step]
		case int:
			list, ok := v.([]any)
			if !ok || len(list) <= step {
				t.Fatalf("no element %v of %v: %v", step, path, v)
			}
			v = list[step]
		}
	}
	return v
}
