package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/internal/intake"
)

// Nothing that a client sends, and no secret, reaches the log or a problem.
func TestLogsAndProblemsHoldNothingForeign(t *testing.T) {
	l := newLab(t)
	const canary = "canary"
	l.withDoor(doorFunc(func(_ context.Context, r intake.Request) error {
		if strings.Contains(string(r.Body), "panic") {
			panic("canary of a panic")
		}
		return fmt.Errorf("canary of an error: %s", r.Token)
	}))
	l.shard.err = errors.New("Error 1062: Duplicate entry 'canary@example.com'")
	secrets := []string{canary, l.operator, l.a.connection.Endpoint, l.b.connection.Endpoint}
	secrets = append(secrets, slices.Collect(maps.Values(l.a.keys))...)
	requests := 0
	send := func(method, target, key, body string) {
		t.Helper()
		requests++
		r := newRequest(t, method, target, body)
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("X-Request-Id", canary)
		r.Header.Set("User-Agent", canary)
		r.Header.Set("X-Shopify-Topic", canary)
		w := httptest.NewRecorder()
		l.handler.ServeHTTP(w, r)
		if w.Code < 400 {
			return // a success may show a client its own
		}
		for _, secret := range secrets {
			if strings.Contains(w.Body.String(), secret) && secret != "" {
				t.Errorf("%s %s: the problem shows %q: %s", method, target, secret, w.Body)
			}
		}
	}
	for _, hook := range []string{l.hook(), l.hook() + "/", l.hook() + "?canary=1", "/hooks/shopify/canary", "/hooks/canary/" + l.b.connection.Endpoint, "/hooks//" + l.b.connection.Endpoint} {
		for _, method := range []string{"POST", "GET", "CANARY"} {
			send(method, hook, canary, `{"email":"canary"}`)
			send(method, hook, canary, `panic`)
		}
	}
	for _, r := range routes() {
		for _, key := range []string{l.operator, l.a.keys[erpRole], l.a.keys[merchant], canary} {
			path := l.fill(r.path, l.a, requests)
			send(r.method, path, key, strings.ReplaceAll(l.fill(r.body, l.a, requests), "ERP-1", canary))
			send(r.method, path+"?canary=canary", key, `{"canary":"canary"}`)
			send(r.method, path+"?limit=canary&cursor=canary", key, `{"reference":7,"name":["canary"],"secret":"canary"}`)
			send(r.method, "/v1/orders/canary", key, canary)
			send(r.method, "/canary", key, canary)
		}
	}
	lines := 0
	for scanner := bufio.NewScanner(strings.NewReader(l.logs.String())); scanner.Scan(); lines++ {
		for _, secret := range secrets {
			if strings.Contains(strings.ToLower(scanner.Text()), secret) {
				t.Errorf("the log shows %q: %s", secret, scanner.Text())
			}
		}
		var line map[string]any
		l.must(json.Unmarshal(scanner.Bytes(), &line))
		if line["msg"] == "request" {
			if names := slices.Sorted(maps.Keys(line)); fmt.Sprint(names) != "[duration level method msg request_id route status tenant time]" {
				t.Errorf("an access line has %v", names)
			}
		}
	}
	for _, must := range []string{`"handler panicked","type":"string","at":"hub/internal/httpapi`, `"route":"/hooks/{platform}/{endpoint}"`, `"tenant":"` + string(l.a.id)} {
		if !strings.Contains(l.logs.String(), must) {
			t.Errorf("the log has no %s", must)
		}
	}
	t.Logf("%d requests, %d lines, %d secrets looked for", requests, lines, len(secrets))
}

func TestPanicIsAProblem(t *testing.T) {
	l := newLab(t)
	l.withDoor(doorFunc(func(context.Context, intake.Request) error { panic(&hub.Error{Op: "canary"}) }))
	l.want(l.do("POST", l.hook(), "", "{}"), 500, "internal")
	if strings.Contains(l.logs.String(), "canary") || !strings.Contains(l.logs.String(), `"type":"*hub.Error"`) {
		t.Error(l.logs.String())
	}
	// After the first byte an answer cannot become another one: the connection is cut.
	s := &server{API: l.api}
	broken := s.trace(s.recover(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		panic("canary")
	})))
	defer func() {
		if thrown := recover(); thrown != http.ErrAbortHandler {
			t.Errorf("threw %v", thrown)
		}
	}()
	broken.ServeHTTP(httptest.NewRecorder(), newRequest(t, "GET", "/", ""))
}

// The operator finds the reason of a 500 in the log when it is one of ours, whose text is clean.
func TestReasonsOfFailuresAreLogged(t *testing.T) {
	l := newLab(t)
	l.shard.err = &hub.Error{Kind: hub.KindUnavailable, Op: "reading shard", Subject: "s2"}
	got := l.want(l.do("GET", "/v1/orders", l.a.keys[erpRole], ""), 503, "unavailable")
	if strings.Contains(got.Body.String(), "s2") || !strings.Contains(l.logs.String(), "reading shard s2") || got.Header().Get("Retry-After") == "" {
		t.Errorf("%s\n%s", got.Body, l.logs)
	}
	l.shard.err = &hub.Error{Kind: hub.KindUnknown}
	l.want(l.do("GET", "/v1/orders", l.a.keys[erpRole], ""), 503, "unknown_outcome")
	l.shard.err = &hub.Error{Kind: hub.KindInternal, Code: "inner_code"}
	l.want(l.do("GET", "/v1/orders", l.a.keys[erpRole], ""), 500, "internal")
}

func TestHealth(t *testing.T) {
	l := newLab(t)
	l.want(l.do("GET", "/livez", "", ""), 200, "")
	l.want(l.do("GET", "/readyz", "", ""), 200, "")
	l.api.Ready = func(context.Context) []Problem {
		return []Problem{{"shard s2", "no answer", false}, {"log", "is full", true}}
	}
	l.handler = l.api.Handler()
	got := l.want(l.do("GET", "/readyz", "", ""), 503, "not_ready")
	if fmt.Sprint(got.body["problems"]) != "[map[detail:no answer part:shard s2] map[detail:is full part:log]]" {
		t.Error(got.Body)
	}
	l.want(l.do("GET", "/livez", "", ""), 200, "")
}

// A hub that accepts is ready, whatever lags behind, and says what does.
func TestDegradedIsReady(t *testing.T) {
	l := newLab(t)
	l.api.Ready = func(context.Context) []Problem { return []Problem{{Part: "shard s2", Detail: "no answer"}} }
	l.handler = l.api.Handler()
	got := l.want(l.do("GET", "/readyz", "", ""), 200, "")
	if fmt.Sprint(got.body) != "map[problems:[map[detail:no answer part:shard s2]] status:degraded]" {
		t.Error(got.Body)
	}
}

func TestAdminPortOnly(t *testing.T) {
	l := newLab(t)
	l.api.Metrics = http.HandlerFunc(writeOK)
	admin := l.api.AdminHandler()
	for path, status := range map[string]int{"/metrics": 200, "/debug/pprof/": 200, "/debug/pprof/heap": 200, "/debug/pprof/cmdline": 404, "/readyz": 200, "/v1/orders": 404} {
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, newRequest(t, "GET", path, ""))
		if w.Code != status {
			t.Errorf("%s: %d, want %d", path, w.Code, status)
		}
	}
	l.want(l.do("GET", "/debug/pprof/heap", l.operator, ""), 404, "route_not_found")
	l.want(l.do("GET", "/metrics", l.operator, ""), 404, "route_not_found")
}

// Requests are counted by what the hub made of them: nothing that a client chose is a label.
func TestAnsweredIsToldOfPatterns(t *testing.T) {
	l := newLab(t)
	var told []string
	l.api.Answered = func(method, route string, status int, _ time.Duration) {
		told = append(told, fmt.Sprint(method, " ", route, " ", status))
	}
	l.handler = l.api.Handler()
	l.do("GET", "/v1/orders/ord_00000000000000000000000000", l.operator, "")
	l.do("GET", "/no/such/place", "", "")
	l.do("BREW", "/v1/orders", "", "")
	l.do("GET", "/livez", "", "")
	l.api.AdminHandler().ServeHTTP(httptest.NewRecorder(), newRequest(t, "GET", "/readyz", ""))
	want := []string{"GET /v1/orders/{id} 422", "GET none 404", "other none 405", "GET /livez 200"}
	if !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
}

func TestServerIsBounded(t *testing.T) {
	s := Server(http.NotFoundHandler())
	if s.ReadHeaderTimeout == 0 || s.IdleTimeout == 0 || s.WriteTimeout <= BodyTimeout || s.MaxHeaderBytes == 0 || s.ReadTimeout != 0 {
		t.Errorf("%+v", s)
	}
}
