package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"hub"
	"hub/internal/intake"
)

// TestBegunIsToldOfEachRequest, with a context that handlers get, also when one panics; the admin port's are nobody's.
func TestBegunIsToldOfEachRequest(t *testing.T) {
	l := newLab(t)
	type mark struct{}
	var told []string
	marked := 0
	l.api.Begun = func(ctx context.Context) (context.Context, func(Answer)) {
		return context.WithValue(ctx, mark{}, true), func(a Answer) {
			told = append(told, fmt.Sprint(a.Method, " ", a.Route, " ", a.Status, " ", a.Tenant == l.a.id, " ", requestID.MatchString(a.RequestID)))
		}
	}
	panics := false
	l.withDoor(doorFunc(func(ctx context.Context, _ intake.Request) error {
		if ctx.Value(mark{}) != nil {
			marked++
		}
		if panics {
			panic("canary")
		}
		return nil
	}))
	l.do("POST", l.hook(), "", "{}")
	panics = true
	l.do("POST", l.hook(), "", "{}")
	l.do("GET", "/v1/orders", l.a.keys[erpRole], "")
	l.do("BREW", "/v1/orders", "", "")
	l.api.AdminHandler().ServeHTTP(httptest.NewRecorder(), newRequest(t, "GET", "/readyz", ""))
	want := []string{
		"POST /hooks/{platform}/{endpoint} 200 true true", "POST /hooks/{platform}/{endpoint} 500 false true", "GET /v1/orders 200 true true",
		"other none 405 false true",
	}
	if !slices.Equal(told, want) || marked != 2 {
		t.Errorf("%q, marked %d", told, marked)
	}
}

// TestUntracedRequestCostsNothing: what every request allocated before there were traces, and not one more.
func TestUntracedRequestCostsNothing(t *testing.T) {
	const before = 8
	s := &server{API: API{Logger: slog.New(slog.DiscardHandler), RequestID: func() string { return string(hub.RequestPrefix) }}}
	h := s.trace(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r, w := newRequest(t, "POST", "/hooks/shopify/x", ""), httptest.NewRecorder()
	if n := testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }); n != before {
		t.Errorf("%v allocations, %d before", n, before)
	}
}
