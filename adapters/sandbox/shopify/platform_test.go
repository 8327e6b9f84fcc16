package shopify

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestRunFollowsItsClock lets a shop trade on a clock that is given, at thirty times its speed: what falls due happens at
// its time, retries included, and nothing is left when all of it has passed.
func TestRunFollowsItsClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		p := Open(Options{Seed: 3, Start: start, Clock: time.Now, Speed: 30, Workers: 4})
		var mu sync.Mutex
		late, got := time.Duration(0), 0
		refused := map[string]bool{}
		p.send = roundTrip(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			at, err := time.Parse(time.RFC3339Nano, r.Header.Get("X-Shopify-Triggered-At"))
			if err != nil {
				t.Error(err)
			}
			id := r.Header.Get("X-Shopify-Webhook-Id")
			if got++; got%10 == 0 && !refused[id] {
				refused[id] = true
				return reply(http.StatusServiceUnavailable)
			}
			if !refused[id] {
				late = max(late, p.Now().Sub(at))
			}
			return reply(http.StatusOK)
		})
		s := spec()
		s.Hooks = []Hook{{Topics(), testHook}}
		if _, err := p.AddApp(s); err != nil {
			t.Fatal(err)
		}
		if _, err := p.AddShop(ShopSpec{Name: "acme"}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Install(testApp, testShop, []string{"read_orders"}); err != nil {
			t.Fatal(err)
		}
		if err := p.Trade(testShop, 20, time.Minute, time.Minute); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute) // two hours there
		defer cancel()
		p.Run(ctx)
		if now := p.Now(); !now.Equal(start.Add(2 * time.Hour)) {
			t.Errorf("it is %s", now)
		}
		state := p.State()
		if len(p.Orders(testShop)) != 20 || state.Due != 0 || state.Deliveries[StateDelivered] != len(p.Sent()) || len(refused) == 0 || late > time.Second {
			t.Errorf("%d orders, %d due, %v, %d refused once, the latest by %s", len(p.Orders(testShop)), state.Due, state.Deliveries, len(refused), late)
		}
		t.Logf("%d deliveries, %d refused once", len(p.Sent()), len(refused))
	})
}
