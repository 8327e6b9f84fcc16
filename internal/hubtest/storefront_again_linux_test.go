package hubtest_test

import (
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hub/internal/app"
	"hub/internal/hubtest"
)

// turnstile holds the list calls of shops, and says when they come.
type turnstile struct {
	mu   sync.Mutex
	shut chan struct{} // nil while calls pass
	came chan string   // the shops of calls, while somebody waits for them
}

// turn holds calls from now on, or lets all pass, and returns where it says whose calls come.
func (s *turnstile) turn(shut bool) <-chan string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut != nil {
		close(s.shut)
		s.shut = nil
	}
	if shut {
		s.shut = make(chan struct{})
	}
	s.came = make(chan string, 1000)
	return s.came
}

func (s *turnstile) listing(r *http.Request, body []byte) (end func()) {
	if shop := listCall(r, body); shop != "" {
		s.mu.Lock()
		shut, came := s.shut, s.came
		s.mu.Unlock()
		select {
		case came <- shop:
		default:
		}
		if shut != nil {
			select {
			case <-shut:
			case <-r.Context().Done():
			}
		}
	}
	return func() {}
}

func (*turnstile) state(net.Conn, http.ConnState) {}

// all waits until each of n shops was seen.
func all(t *testing.T, came <-chan string, n int, within time.Duration) {
	t.Helper()
	seen := map[string]bool{}
	for late := time.After(within); len(seen) < n; {
		select {
		case shop := <-came:
			seen[shop] = true
		case <-late:
			t.Fatalf("%d of %d shops were polled within %s", len(seen), n, within)
		}
	}
}

// TestAtOnceAfterAKill: what a hub was doing when it was killed it begins again when it is back, and not when the leases of
// its former life lapse, which is after half a minute.
func TestAtOnceAfterAKill(t *testing.T) {
	const shops, atOnce = 3, 10 * time.Second
	data, stile := t.TempDir(), &turnstile{came: make(chan string)}
	size := hubtest.Embedded("1").With("listen", freeAddress(t))
	size.Habits.PollEvery = 100 * time.Millisecond
	s := openStall(t, onShopee(17, app.SystemClock), shops, stile)
	start := func() *hubtest.Process {
		t.Helper()
		h := hubtest.Spawn(t, size, data, filepath.Join(data, "probe"))
		if err := h.Await(); err != nil {
			t.Fatal(err)
		}
		return h
	}
	h := start()
	joinBazaar(t, h.Operator(), s)
	var slowest time.Duration
	kills := rounds(2, 20)
	for range kills {
		all(t, stile.turn(true), shops, time.Minute) // the hub waits for all of them
		h.Kill(t)
		came := stile.turn(false)
		h = start()
		up := time.Now()
		all(t, came, shops, time.Minute)
		slowest = max(slowest, time.Since(up))
	}
	h.Terminate(t)
	t.Logf("%d kills, %d shops being polled in each; the last of them was polled again %s after the start", kills, shops, slowest.Round(time.Millisecond))
	if slowest > atOnce {
		t.Errorf("a shop waited for %s", slowest)
	}
}
