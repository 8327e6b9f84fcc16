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
	"testing/fstest"
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

// Tasks of one instant that were not begun when the context ended stay due, in their order.
func TestAdvanceEnds(t *testing.T) {
	for _, workers := range []int{1, 4} {
		line := stage.NewTimeline(stage.Clockwork{Start: begin, Workers: workers})
		ctx, cancel := context.WithCancel(t.Context())
		cancelled := make(chan struct{})
		var done []int
		line.Lock()
		line.At(begin.Add(time.Minute), func(context.Context) { cancel(); close(cancelled) })
		for i := range 9 {
			line.At(begin.Add(time.Minute), func(ctx context.Context) {
				<-cancelled
				line.Locked(func() { done = append(done, i) })(ctx)
			})
		}
		line.Unlock()
		line.Advance(ctx, time.Hour)
		line.Lock()
		begun, due := len(done), line.Due()
		line.Unlock()
		if begun+due != 9 || begun >= max(workers, 1)+1 || due == 0 {
			t.Errorf("%d workers: %d were begun with a context that had ended, %d are due", workers, begun, due)
		}
		line.Advance(t.Context(), 0)
		if len(done) != 9 || workers == 1 && !slices.IsSorted(done) {
			t.Errorf("%d workers: in the end %v", workers, done)
		}
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

// A platform's pages have the style of all, in its own colour, and what cannot be shown is said.
func TestPages(t *testing.T) {
	pages, err := stage.Pages(fstest.MapFS{"pages/own.html": {Data: []byte(`<html>{{template "style" "#c2410c"}}<p>{{.}}</p>`)}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	stage.Show(w, pages, http.StatusOK, "own.html", "<b>")
	if text := w.Body.String(); !strings.Contains(text, "--go: #c2410c;") || !strings.Contains(text, "&lt;b&gt;") || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error(text, w.Header())
	}
	w = httptest.NewRecorder()
	if stage.Show(w, pages, http.StatusForbidden, "refused.html", "no <such> page"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "no &lt;such&gt; page") {
		t.Error(w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	if stage.Show(w, pages, http.StatusOK, "none.html", nil); w.Code != http.StatusInternalServerError {
		t.Error(w.Code, w.Body)
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
