package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func newRequest(t *testing.T, method, target, body string) *http.Request {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	return httptest.NewRequestWithContext(t.Context(), method, target, content)
}

func TestQueriesAreReadStrictly(t *testing.T) {
	l := newLab(t)
	n := 0
	for _, r := range routes() {
		role := r.roles[0]
		key := l.a.keys[role]
		if key == "" {
			key = l.operator
		}
		for query, want := range map[string][2]string{
			"surprise=1":                        {"422", "request_invalid"},
			"LIMIT=1":                           {"422", "request_invalid"},
			"a=1&a=2":                           {"422", "request_invalid"},
			"tenant=&limit=":                    {"422", "request_invalid"},
			"tenant=x&tenant=x":                 {"422", "request_invalid"},
			"%zz=1":                             {"422", "query_invalid"},
			"a=1;b=2":                           {"422", "query_invalid"},
			"include=lines&include=personal":    {"422", "request_invalid"},
			"include=personal&include=personal": {"422", "request_invalid"},
			"include=lines":                     {"422", "request_invalid"},
			"include=Personal":                  {"422", "request_invalid"},
			"include=personal,personal":         {"422", "request_invalid"},
			"include=":                          {"422", "request_invalid"},
			"Include=personal":                  {"422", "request_invalid"},
		} {
			n++
			got := l.do(r.method, l.fill(r.path, l.a, n)+"?"+query, key, l.fill(r.body, l.a, n))
			if fmt.Sprint(got.Code) != want[0] || got.code() != want[1] {
				t.Errorf("%s %s?%s: %d %s, want %v", r.method, r.path, query, got.Code, got.code(), want)
			}
		}
	}
	t.Logf("%d queries", n)
}

func TestParameterBounds(t *testing.T) {
	l := newLab(t)
	key := l.a.keys[erpRole]
	for target, status := range map[string]int{
		"/v1/orders?limit=0": 422, "/v1/orders?limit=251": 422, "/v1/orders?limit=250": 200, "/v1/orders?limit=1": 200,
		"/v1/orders?limit=x": 422, "/v1/orders?limit=-1": 422, "/v1/orders?limit=1e2": 422,
		"/v1/orders?platform=amazon": 422, "/v1/orders?platform=shopify": 200, "/v1/orders?status=lost": 422, "/v1/orders?status=open": 200,
		"/v1/orders?updated_since=yesterday": 422, "/v1/orders?updated_since=2026-03-01": 422, "/v1/orders?updated_since=2026-03-01T00:00:00": 422,
		"/v1/orders?updated_since=2026-03-01T00:00:00Z": 200, "/v1/orders?updated_since=2026-03-01T00:00:00%2B07:00": 200,
		"/v1/orders?external_id=" + strings.Repeat("9", 256): 422,
		"/v1/orders/feed?after=-1":                           422, "/v1/orders/feed?after=9223372036854775807": 409, "/v1/orders/feed?after=9223372036854775808": 422,
		"/v1/orders/feed?limit=251": 422, "/v1/orders/feed?wait=61s": 422, "/v1/orders/feed?wait=2m": 422, "/v1/orders/feed?wait=-1s": 422,
		"/v1/orders/feed?wait=1h": 422, "/v1/orders/feed?wait=soon": 422, "/v1/orders/feed?after=1&wait=60s": 200, "/v1/orders/feed?after=0&limit=2&wait=1m": 200,
	} {
		got := l.do("GET", target, key, "")
		if got.Code != status {
			t.Errorf("%s: %d, want %d: %s", target, got.Code, status, got.Body)
		}
	}
	l.do("GET", "/v1/orders?updated_since=2026-03-01T00:00:00%2B07:00&status=open&platform=shopify&external_id=7&connection_id=c", key, "")
	want := `{c shopify open 7 2026-02-28 17:00:00 +0000 UTC}`
	if got := fmt.Sprint(l.shard.filter); got != want {
		t.Errorf("filter %s, want %s", got, want)
	}
}

func TestBodiesAreReadStrictly(t *testing.T) {
	l := newLab(t)
	ack := "/v1/orders/" + string(l.a.order) + "/acknowledgement"
	for body, want := range map[string][2]any{
		``:                                   {422, "body_missing"},
		`{`:                                  {422, "body_malformed"},
		`{"reference":"a"} x`:                {422, "body_malformed"},
		`{"reference":"a"}{"reference":"b"}`: {422, "body_malformed"},
		`{"reference":"a","reference":"b"}`:  {422, "body_malformed"},
		`["reference"]`:                      {422, "body_malformed"},
		`null`:                               {422, "body_malformed"},
		"{\"reference\":\"\xff\"}":           {422, "body_malformed"},
		`{"reference":` + strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40) + `}`: {422, "body_malformed"},
		`{}`:                         {422, "request_invalid"},
		`{"reference":1}`:            {422, "request_invalid"},
		`{"reference":null}`:         {422, "request_invalid"},
		`{"reference":""}`:           {422, "request_invalid"},
		`{"Reference":"a"}`:          {422, "request_invalid"},
		`{"reference":"a","more":1}`: {422, "request_invalid"},
		`{"reference":"` + strings.Repeat("a", 129) + `"}`: {422, "request_invalid"},
		`{"reference":"` + strings.Repeat("é", 129) + `"}`: {422, "request_invalid"},
		`{"reference":"` + strings.Repeat("𝟙", 128) + `"}`: {200, ""},
		`{"reference":" "}`:                                   {422, "reference_blank"},
		`{"reference":"a\u0000"}`:                             {422, "reference_characters"},
		`{"reference":"a\u202eb"}`:                            {422, "reference_characters"},
		`{"reference":"` + strings.Repeat("a", 70_000) + `"}`: {413, "body_too_large"},
		`{"reference":"ERP-1"}`:                               {200, ""},
	} {
		clear(l.shard.acks)
		got := l.do("POST", ack, l.a.keys[erpRole], body)
		if got.Code != want[0] || got.code() != want[1] {
			t.Errorf("%.60s: %d %s, want %v", body, got.Code, got.code(), want)
		}
		if strings.Contains(got.Body.String(), "aaa") {
			t.Errorf("the problem repeats the value: %s", got.Body)
		}
	}
	clear(l.shard.acks)
	for contentType, status := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "": 200, "text/plain": 415, "application/x-www-form-urlencoded": 415, ";": 415,
	} {
		r := newRequest(t, "POST", ack, `{"reference":"ERP-1"}`)
		r.Header.Set("Authorization", "Bearer "+l.a.keys[erpRole])
		r.Header.Set("Content-Type", contentType)
		if got := l.send(r); got.Code != status {
			t.Errorf("%q: %d, want %d", contentType, got.Code, status)
		}
	}
}

func TestIdempotencyKeyIsBounded(t *testing.T) {
	l := newLab(t)
	for _, r := range routes() {
		if r.method != "POST" {
			continue
		}
		for value, good := range map[string]bool{"a-key": true, strings.Repeat("k", 255): true, strings.Repeat("k", 256): false, "two words": false, "é": false} {
			key := l.a.keys[r.roles[0]]
			if key == "" {
				key = l.operator
			}
			request := newRequest(t, "POST", l.fill(r.path, l.a, len(value)), l.fill(r.body, l.a, len(value)))
			request.Header.Set("Authorization", "Bearer "+key)
			request.Header.Set("Idempotency-Key", value)
			if got := l.send(request); (got.Code != 422) != good {
				t.Errorf("%s with a key of %d bytes: %d %s", r.path, len(value), got.Code, got.Body)
			}
		}
	}
}

func TestUnknownAddressesAndMethods(t *testing.T) {
	l := newLab(t)
	for _, path := range []string{"/", "/v1", "/v1/", "/v1/orders/", "/v1/skus", "/metrics", "/debug/pprof/", "/hooks", "/hooks/shopify", "/hooks/shopify/a/b", "//", "/docs/x"} {
		l.want(l.do("GET", path, l.operator, ""), 404, "route_not_found")
	}
	for target, allow := range map[string]string{
		"DELETE /v1/orders": "GET, HEAD", "PUT /v1/tenants": "GET, HEAD, POST", "GET /hooks/shopify/token": "POST", "POST /livez": "GET, HEAD",
		"BREW /v1/keys": "GET, HEAD, POST", "POST /openapi.json": "GET, HEAD", "HEAD /hooks/shopify/token": "POST",
	} {
		method, path, _ := strings.Cut(target, " ")
		got := l.want(l.do(method, path, l.operator, ""), 405, "method_not_allowed")
		if got.Header().Get("Allow") != allow {
			t.Errorf("%s: Allow %q, want %q", target, got.Header().Get("Allow"), allow)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	l := newLab(t)
	for given, taken := range map[string]bool{
		"": false, "req_01j9z3k6m8q0r2t4v6x8z0b2d4": true, "6f1c2f0e-8f1b-4c55-9f0e-0123456789ab": true,
		"maria@example.com": false, "a": false, "req_01j9z3k6m8q0r2t4v6x8z0b2d4\n": false, strings.Repeat("a", 64): false,
	} {
		r := newRequest(t, "GET", "/v1/orders", "")
		r.Header.Set("X-Request-Id", given)
		id := l.send(r).Header().Get("X-Request-Id")
		if (id == given) != taken || !requestID.MatchString(id) {
			t.Errorf("%q became %q", given, id)
		}
	}
}
