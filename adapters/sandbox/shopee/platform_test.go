package shopee

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestRunFollowsItsClock lets a shop trade on a clock that is given, at thirty times its speed: what falls due happens at
// its time, retries included, and nothing but the end of the grant is left when all of it has passed.
func TestRunFollowsItsClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, Options{Seed: 3, Clock: time.Now, Speed: 30, Workers: 4}, nil)
		var mu sync.Mutex
		late, got := time.Duration(0), 0
		refused := map[string]bool{}
		b.send = roundTrip(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			var push struct {
				MsgID     string `json:"msg_id"`
				Timestamp int64
			}
			if err != nil || json.Unmarshal(body, &push) != nil {
				t.Error(err, string(body))
			}
			mu.Lock()
			defer mu.Unlock()
			status := http.StatusOK
			if got++; got%10 == 0 && !refused[push.MsgID] {
				refused[push.MsgID], status = true, http.StatusServiceUnavailable
			} else if !refused[push.MsgID] {
				late = max(late, b.Now().Sub(time.Unix(push.Timestamp, 0)))
			}
			return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(""))}, nil
		})
		if err := b.Trade(b.shop, 20, time.Minute, time.Minute); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute) // two hours there
		defer cancel()
		b.Run(ctx)
		if now := b.Now(); !now.Equal(begin.Add(2 * time.Hour)) {
			t.Errorf("it is %s", now)
		}
		s := b.State()
		if s.Shops[0].Orders != 20 || s.Due != 2 || s.Pushes[StateDelivered] != len(b.Sent()) || len(refused) == 0 || late > 2*time.Second {
			t.Errorf("%d orders, %d due, %v, %d refused once, the latest by %s", s.Shops[0].Orders, s.Due, s.Pushes, len(refused), late)
		}
		t.Logf("%d pushes, %d refused once", len(b.Sent()), len(refused))
	})
}

// TestSeveralAtOnce asks, acts and moves the clock from several sides; the race detector looks on.
func TestSeveralAtOnce(t *testing.T) {
	b := open(t, Options{Unlimited: true, Workers: 4}, nil)
	b.send = roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(""))}, nil
	})
	if err := b.Trade(b.shop, 50, time.Second, time.Second); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 25 {
				b.get(t, "order/get_order_list", b.window("update_time"))
				b.State()
			}
		})
	}
	all.Go(func() {
		for range 60 {
			b.Advance(context.Background(), 2*time.Second)
		}
	})
	all.Wait()
	if n := b.State().Shops[0].Orders; n != 50 {
		t.Errorf("%d orders", n)
	}
}
