package shopify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// lived is a shop that has traded for a while, with every order topic told to an inbox.
func lived(t testing.TB, seed uint64, orders int, rates map[Fault]int) (*Platform, *inbox) {
	p := Open(Options{Seed: seed, Start: begin})
	in := &inbox{status: http.StatusOK}
	p.send = in
	s := spec()
	for _, topic := range topics {
		s.Hooks = append(s.Hooks, Hook{[]string{topic.name}, testHook})
	}
	if _, err := p.AddApp(s); err != nil {
		t.Fatal(err)
	}
	if _, err := p.AddShop(ShopSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Install(testApp, testShop, []string{"read_orders", "read_all_orders"}); err != nil {
		t.Fatal(err)
	}
	for f, rate := range rates {
		if err := p.SetFault(f, rate); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Trade(testShop, orders, time.Minute, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	p.Advance(t.Context(), 24*time.Hour)
	return p, in
}

// TestOneSeedOneRun: the same calls with the same seed give the same deliveries, byte for byte.
func TestOneSeedOneRun(t *testing.T) {
	rates := map[Fault]int{Duplicate: 100, Reorder: 200, Delay: 50, Drop: 50, Stale: 50, Forge: 20}
	run := func(seed uint64) (all []string) {
		_, in := lived(t, seed, 30, rates)
		for i, r := range in.got {
			all = append(all, fmt.Sprint(r.Header, string(in.bodies[i])))
		}
		return all
	}
	a, b, other := run(7), run(7), run(8)
	if !slices.Equal(a, b) || slices.Equal(a, other) || len(a) < 100 {
		t.Errorf("%d, %d and %d deliveries", len(a), len(b), len(other))
	}
	t.Logf("%d deliveries of 30 orders, twice the same", len(a))
}

// TestFaultsAreCounted: what was received differs from what was told by exactly what the counters say.
func TestFaultsAreCounted(t *testing.T) {
	quiet, calm := lived(t, 5, 40, nil)
	if len(quiet.Faults()) != 0 || len(calm.got) != len(quiet.Sent()) {
		t.Fatalf("without faults: %v, %d received", quiet.Faults(), len(calm.got))
	}
	p, in := lived(t, 5, 40, map[Fault]int{Duplicate: 80, Drop: 60, Forge: 40, Stale: 100, Delay: 100, Reorder: 100})
	n := p.Faults()
	if want := len(calm.got) - n[Drop] + n[Duplicate] + n[Forge]; len(in.got) != want {
		t.Errorf("%d received, want %d of %d told: %v", len(in.got), want, len(calm.got), n)
	}
	forged, ids, times := 0, map[string]int{}, map[string]time.Time{}
	overtaken := 0
	for i, r := range in.got {
		if r.Header.Get("X-Shopify-Hmac-Sha256") != sign(testSecret, in.bodies[i]) {
			forged++
			continue
		}
		ids[r.Header.Get("X-Shopify-Webhook-Id")]++
		at, err := time.Parse(time.RFC3339Nano, r.Header.Get("X-Shopify-Triggered-At"))
		if err != nil {
			t.Fatal(err)
		}
		if order := r.Header.Get("X-Shopify-Order-Id"); at.Before(times[order]) {
			overtaken++
		} else {
			times[order] = at
		}
	}
	twice := 0
	for _, n := range ids {
		twice += n - 1
	}
	played := 0
	for _, d := range p.Sent() {
		if d.State == StateDropped {
			played++
		}
	}
	if forged != n[Forge] || twice != n[Duplicate] || played != n[Drop] || overtaken == 0 || n[Stale] == 0 {
		t.Errorf("forged %d, twice %d, dropped %d, overtaken %d: %v", forged, twice, played, overtaken, n)
	}
	t.Logf("%d deliveries, faults %v, %d came after a newer one of their order", len(in.got), n, overtaken)
}

// TestScriptedFaults hit exactly the next ones.
func TestScriptedFaults(t *testing.T) {
	p, in := subscribed(t, true, "orders/create", "orders/updated")
	o := act(t, p, Create, 0)
	p.Advance(t.Context(), time.Second)
	for _, f := range []Fault{Stale, Drop} {
		if err := p.FaultNext(f, 1); err != nil {
			t.Fatal(err)
		}
	}
	act(t, p, Note, o.ID) // dropped
	act(t, p, Pay, o.ID)  // told as it was
	act(t, p, Note, o.ID)
	p.Advance(t.Context(), 0)
	if len(in.got) != 3 || !bytes.Contains(in.bodies[1], []byte(`"financial_status":"pending"`)) || !bytes.Contains(in.bodies[2], []byte(`"financial_status":"paid"`)) {
		t.Errorf("%d received", len(in.got))
	}
	if n := p.Faults(); n[Stale] != 1 || n[Drop] != 1 || len(n) != 2 {
		t.Errorf("%v", n)
	}
	if p.SetFault("flood", 1) == nil || p.SetFault(Drop, 1001) == nil || p.FaultNext(Drop, -1) == nil {
		t.Error("a fault that is none was set")
	}
}

// TestAPIFaults: each does what it says and is counted.
func TestAPIFaults(t *testing.T) {
	var waited time.Duration
	p, token, _ := rig(t, nil)
	p.o.Wait = func(_ context.Context, d time.Duration) { waited += d }
	act(t, p, Create, 0)
	send := func(f Fault) *httptest.ResponseRecorder {
		if err := p.FaultNext(f, 1); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/admin/api/2026-10/graphql.json", strings.NewReader(`{"query":"{orders(first:5){nodes{id}}}"}`))
		r.Host = testShop
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Shopify-Access-Token", token.Access)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w
	}
	if w := send(APIError); w.Code != 502 && w.Code != 503 {
		t.Errorf("error: %d", w.Code)
	}
	if w := send(APIHalf); w.Code != 200 || json.Valid(w.Body.Bytes()) || w.Header().Get("Content-Length") == fmt.Sprint(w.Body.Len()) {
		t.Errorf("half: %d %s", w.Code, w.Body)
	}
	if w := send(APISlow); w.Code != 200 || waited < 8*time.Second || waited > 30*time.Second {
		t.Errorf("slow: %d after %s", w.Code, waited)
	}
	if w := send(APIThrottle); w.Code != 200 || !strings.Contains(w.Body.String(), "THROTTLED") {
		t.Errorf("throttle: %d %s", w.Code, w.Body)
	}
	if w := send(APILag); w.Code != 200 || !strings.Contains(w.Body.String(), `"nodes":[]`) {
		t.Errorf("lag: %s", w.Body)
	}
	p.Advance(t.Context(), time.Minute)
	if w := send(APILag); !strings.Contains(w.Body.String(), "gid") {
		t.Errorf("lag after a minute: %s", w.Body)
	}
	want := map[Fault]int{APIError: 1, APIHalf: 1, APISlow: 1, APIThrottle: 1, APILag: 2}
	if got := p.Faults(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

// TestFaultsWaitForTheirOccasion: a scripted fault is not used up by an answer that it cannot happen to.
func TestFaultsWaitForTheirOccasion(t *testing.T) {
	p, token, _ := rig(t, nil)
	p.o.Wait = func(context.Context, time.Duration) {}
	for _, f := range []Fault{APIError, APIHalf, APISlow, APIThrottle, APILag} {
		if err := p.FaultNext(f, 1); err != nil {
			t.Fatal(err)
		}
	}
	if status, _, _ := ask(t, p, "shpat_wrong", "2026-10", `{shop{id}}`, nil); status != http.StatusUnauthorized || len(p.Faults()) != 0 {
		t.Errorf("%d with a wrong token, %v", status, p.Faults())
	}
	for _, f := range []Fault{APIError, APIHalf, APISlow, APIThrottle} {
		if err := p.FaultNext(f, 0); err != nil {
			t.Fatal(err)
		}
	}
	data(t, p, token.Access, `{shop{id}}`, nil)
	if len(p.Faults()) != 0 {
		t.Errorf("a question about the shop cannot miss orders: %v", p.Faults())
	}
	data(t, p, token.Access, `{orders(first:1){nodes{id}}}`, nil)
	if n := p.Faults(); n[APILag] != 1 {
		t.Errorf("%v", n)
	}
}
