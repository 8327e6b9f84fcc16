package shopee

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestAnswerFaults: what each fault does to an answer; those of the token calls come after the deed.
func TestAnswerFaults(t *testing.T) {
	var waited time.Duration
	b := open(t, Options{Unlimited: true, Wait: func(_ context.Context, d time.Duration) { waited = d }}, nil)
	next := func(f Fault) {
		t.Helper()
		if err := b.FaultNext(f, 1); err != nil {
			t.Fatal(err)
		}
	}
	info := func() reply { return b.get(t, "shop/get_shop_info", nil) }
	whole := func(r reply) bool { return r.header.Get("Content-Length") == itoa(int64(len(r.raw))) }
	statuses := map[int]int{}
	for range 40 {
		next(APIError)
		r := info()
		if statuses[r.status]++; r.status == http.StatusInternalServerError && r.Error != "error_server" {
			t.Error(r.raw)
		}
	}
	if statuses[500] == 0 || statuses[502] == 0 || len(statuses) != 2 {
		t.Errorf("%v", statuses)
	}
	next(APIHalf)
	if r := info(); whole(r) || r.Body != nil {
		t.Errorf("half: %s", r.raw)
	}
	next(APISlow)
	if r := info(); r.Error != "" || waited < 8*time.Second || waited > 30*time.Second {
		t.Errorf("slow: %s", waited)
	}
	next(APIThrottle)
	if r := info(); r.Error != "error_rate_limit" || r.status != http.StatusTooManyRequests {
		t.Errorf("throttled: %s", r.raw)
	}
	if r := info(); r.Error != "" || !whole(r) {
		t.Errorf("then: %s", r.raw)
	}
	for f, check := range map[Fault]func(reply) bool{
		TokenHalf:  func(r reply) bool { return !whole(r) && r.Body == nil },
		TokenTwice: func(r reply) bool { n := len(r.raw) / 2; return r.raw[:n] == r.raw[n:] && r.Error == "" },
		TokenLate:  func(r reply) bool { return r.Error == "" && waited >= 4*time.Second && waited <= 20*time.Second },
		Token520:   func(r reply) bool { return r.status == 520 && r.Body == nil },
	} {
		b.install(t, b.shop)
		used := b.token.Refresh
		next(f)
		waited = 0
		if r := b.renew(t, used, "shop_id", b.shop); !check(r) {
			t.Errorf("%s: %d %s", f, r.status, r.raw)
		}
		if r := b.renew(t, used, "shop_id", b.shop); r.Error != "error_shop_refresh_token" {
			t.Errorf("%s: the token is not used up: %s", f, r.raw)
		}
	}
	counted := b.Faults()
	for _, f := range []Fault{APIHalf, APISlow, APIThrottle, TokenHalf, TokenTwice, TokenLate, Token520} {
		if counted[f] != 1 {
			t.Errorf("%s was played %d times", f, counted[f])
		}
	}
	if counted[APIError] != 40 {
		t.Errorf("%v", counted)
	}
}

// TestTokenFaultsWaitForAPair: what happens to a pair does not happen to a refusal, which makes none.
func TestTokenFaultsWaitForAPair(t *testing.T) {
	b := open(t, Options{Unlimited: true, Wait: func(context.Context, time.Duration) {}}, nil)
	b.install(t, b.shop)
	for _, f := range []Fault{TokenHalf, TokenTwice, TokenLate, Token520} {
		if err := b.FaultNext(f, 1); err != nil {
			t.Fatal(err)
		}
	}
	if r := b.renew(t, "wrong", "shop_id", b.shop); r.Error != "error_shop_refresh_token" || len(b.Faults()) != 0 {
		t.Errorf("%s, %v", r.raw, b.Faults())
	}
}

// TestTokensAreSwept: whoever refreshes for months leaves no heap of old tokens, codes and pages behind.
func TestTokensAreSwept(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil)
	b.install(t, b.shop)
	for range 300 {
		b.code(t, "shop:"+b.shop)
		b.take(t, b.renew(t, b.token.Refresh, "shop_id", b.shop))
		b.Advance(t.Context(), 6*time.Hour)
	}
	if access, refresh, codes := len(b.access), len(b.refresh), len(b.codes); access > 8 || refresh > 2 || codes > 2 {
		t.Errorf("%d access tokens, %d refresh tokens, %d codes", access, refresh, codes)
	}
}

// TestOverTheWire: a real server tells the platform's time and not its own, and half an answer ends with the connection.
func TestOverTheWire(t *testing.T) {
	b := open(t, Options{}, nil)
	server := httptest.NewServer(b.Control())
	defer server.Close()
	ask := func() (date string, err error) {
		answer, err := server.Client().Get(server.URL + b.link("/api/v2/shop/get_shop_info", b.token.Access, b.shop, nil))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		_, err = io.ReadAll(answer.Body)
		return answer.Header.Get("Date"), err
	}
	if date, err := ask(); err != nil || date != begin.Format(http.TimeFormat) {
		t.Errorf("%s, %v", date, err)
	}
	if err := b.FaultNext(APIHalf, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(); err == nil {
		t.Error("half an answer reads like a whole one")
	}
}
