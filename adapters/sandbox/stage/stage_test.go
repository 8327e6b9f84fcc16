package stage_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/adapters/sandbox/stage"
)

var begin = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// What falls due is done at its instant, in the order of instants and of planning, and what it plans in turn, too.
func TestAdvance(t *testing.T) {
	line := stage.NewTimeline(stage.Clockwork{Start: begin})
	var done []string
	note := func(name string) func(context.Context) {
		return line.Locked(func() { done = append(done, fmt.Sprint(name, " ", line.Time().Sub(begin))) })
	}
	line.Lock()
	line.At(begin.Add(2*time.Minute), note("c"))
	line.At(begin.Add(time.Minute), note("a"))
	line.At(begin.Add(time.Minute), func(ctx context.Context) {
		note("b")(ctx)
		line.Lock()
		defer line.Unlock()
		line.At(line.Time().Add(30*time.Second), note("planned"))
	})
	line.At(begin.Add(time.Hour), note("late"))
	line.Unlock()
	line.Advance(t.Context(), 2*time.Minute)
	if got := strings.Join(done, ", "); got != "a 1m0s, b 1m0s, planned 1m30s, c 2m0s" {
		t.Error(got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	line.Advance(ended, 2*time.Hour)
	line.Lock()
	defer line.Unlock()
	if due, now := line.Due(), line.Time(); due != 1 || !now.Equal(begin.Add(2*time.Minute)) {
		t.Errorf("%d due at %v", due, now)
	}
}

// A platform that follows a clock hurries as it was told, and is rung when something is due sooner.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := stage.NewTimeline(stage.Clockwork{Clock: time.Now, Speed: 60, Workers: 2})
		opened := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { line.Run(ctx); close(ended) }()
		synctest.Wait()
		at := make(chan time.Duration, 1)
		line.Lock()
		line.At(line.Time().Add(10*time.Minute), func(context.Context) { at <- time.Since(opened) })
		line.Unlock()
		if took := <-at; took < 10*time.Second || took > 11*time.Second {
			t.Errorf("ten minutes there took %v here", took)
		}
		cancel()
		<-ended
	})
}

// A script hits in any case, is counted, and changes nothing for what is random behind it; what is unknown is refused.
func TestFaults(t *testing.T) {
	draw := func(script int) (hits []bool, played int) {
		f, r := stage.NewFaults([]string{"drop", "delay"}), rand.New(rand.NewPCG(1, 2))
		if err := f.Rate("drop", 300); err != nil {
			t.Fatal(err)
		}
		if err := f.Next("drop", script); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			hits = append(hits, f.Hit(r, "drop"))
		}
		return hits, f.Played()["drop"]
	}
	plain, n := draw(0)
	scripted, m := draw(20)
	count := func(list []bool) (n int) {
		for _, hit := range list {
			if hit {
				n++
			}
		}
		return n
	}
	if slices.Contains(scripted[:20], false) || !slices.Equal(plain[20:], scripted[20:]) || n != count(plain) || m != count(scripted) || n < 30 || n > 90 {
		t.Errorf("%d and %d of 200", n, m)
	}
	f := stage.NewFaults([]string{"drop"})
	for _, err := range []error{f.Rate("x", 1), f.Rate("drop", 1001), f.Rate("drop", -1), f.Next("x", 1), f.Next("drop", -1)} {
		if hub.KindOf(err) != hub.KindInvalid || err == nil {
			t.Error(err)
		}
	}
	if f.Count("other"); f.Played()["other"] != 1 {
		t.Error("not counted")
	}
}

// The control is for loopback addresses and its own pages; everything else is the platform's.
func TestGuard(t *testing.T) {
	control := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stage.Control(w, r, func(in struct{ Kind string }) (any, error) {
			kind := map[string]hub.Kind{"missing": hub.KindNotFound, "conflict": hub.KindConflict, "wrong": hub.KindInvalid}[in.Kind]
			if in.Kind == "" {
				return "done", nil
			}
			return nil, hub.Errorf(kind, "doing it", "no")
		})
	})
	platform := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	h := stage.Guard(platform, control)
	for _, c := range []struct {
		host, path, body, site string
		want                   int
	}{
		{"127.0.0.1:80", "/sandbox/x", `{}`, "", 200}, {"[::1]:80", "/", `{}`, "", 200}, {"localhost", "/sandbox/x", `{"Kind":"missing"}`, "", 404},
		{"localhost", "/sandbox/x", `{"Kind":"conflict"}`, "", 409}, {"localhost", "/sandbox/x", `{"Kind":"wrong"}`, "", 422},
		{"localhost", "/sandbox/x", `{"more":1}`, "", 400}, {"shop.example", "/sandbox/x", `{}`, "", 421},
		{"localhost", "/sandbox/x", `{}`, "cross-site", 403}, {"shop.example", "/api", `{}`, "cross-site", 418},
	} {
		r := httptest.NewRequest(http.MethodPost, c.path, strings.NewReader(c.body))
		r.Host = c.host
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != c.want {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
	}
}
