package shopify

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// subscribed is a rig whose app has one subscription: through the API, or at app level.
func subscribed(t *testing.T, appLevel bool, topics ...string) (*Platform, *inbox) {
	p, _, in := rig(t, func(s *AppSpec) {
		if appLevel {
			s.Hooks = []Hook{{Topics: topics, URI: testHook}}
		}
	})
	if !appLevel {
		p.line.Lock()
		defer p.line.Unlock()
		for _, topic := range topics {
			if _, problem := p.subscribe(p.shops[0].installs[0], topic, testHook, "2026-10"); problem != "" {
				t.Fatal(problem)
			}
		}
	}
	return p, in
}

// TestRetries holds the schedule against the clock: nine attempts in four hours with one body and one delivery id, after
// which a delivery has failed; the eighth failure in a row removes a subscription that was made through the API.
func TestRetries(t *testing.T) {
	for name, c := range map[string]struct {
		appLevel bool
		attempts int
		state    string
		subs     int
	}{
		"app level": {true, 9, StateFailed, 0},
		"API":       {false, 8, StateWithdrawn, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p, in := subscribed(t, c.appLevel, "orders/create")
			in.status = http.StatusInternalServerError
			o := act(t, p, Create, 0)
			act(t, p, Pay, o.ID) // nobody hears of it, and the body stays what it was
			p.Advance(t.Context(), 3*time.Hour)
			p.Advance(t.Context(), 21*time.Hour)
			sent := p.Sent()
			if len(sent) != 1 || sent[0].State != c.state || len(sent[0].Attempts) != c.attempts || len(in.got) != c.attempts {
				t.Fatalf("%d deliveries, state %s, %d attempts, %d received", len(sent), sent[0].State, len(sent[0].Attempts), len(in.got))
			}
			if took := sent[0].Attempts[c.attempts-1].At.Sub(begin); c.attempts == 9 && took != 4*time.Hour {
				t.Errorf("the last retry came after %s", took)
			}
			for i := range in.bodies {
				same := bytes.Equal(in.bodies[i], in.bodies[0]) && in.got[i].Header.Get("X-Shopify-Webhook-Id") == in.got[0].Header.Get("X-Shopify-Webhook-Id")
				if !same || !bytes.Contains(in.bodies[i], []byte(`"financial_status":"pending"`)) {
					t.Errorf("attempt %d has another body or id", i)
				}
			}
			gap := time.Duration(0)
			for i := 1; i < c.attempts; i++ {
				next := sent[0].Attempts[i].At.Sub(sent[0].Attempts[i-1].At)
				if next <= gap {
					t.Errorf("pause %d is %s after %s", i, next, gap)
				}
				gap = next
			}
			if got := len(p.Subscriptions(testApp, testShop)); got != c.subs || len(p.Notices()) != 9-c.attempts {
				t.Errorf("%d subscriptions, %d notices", got, len(p.Notices()))
			}
		})
	}
}

// TestSuccessForgivesFailures: only consecutive failures remove.
func TestSuccessForgivesFailures(t *testing.T) {
	p, in := subscribed(t, false, "orders/create")
	for range 5 {
		in.status = http.StatusNotFound
		act(t, p, Create, 0)
		p.Advance(t.Context(), 20*time.Minute)
		in.status = http.StatusNoContent
		p.Advance(t.Context(), 5*time.Hour)
	}
	for _, d := range p.Sent() {
		if d.State != StateDelivered || len(d.Attempts) != 6 {
			t.Errorf("%s after %d attempts", d.State, len(d.Attempts))
		}
	}
	if len(p.Subscriptions(testApp, testShop)) != 1 {
		t.Error("25 failures that were not consecutive have removed the subscription")
	}
}

// TestAddressAtTriggerTime: what is under way goes where it was meant to go.
func TestAddressAtTriggerTime(t *testing.T) {
	p, in := subscribed(t, true, "orders/create")
	in.status = http.StatusBadGateway
	act(t, p, Create, 0)
	p.Advance(t.Context(), 0)
	p.apps[0].spec.Hooks[0].URI = "https://elsewhere.example.com/"
	p.Advance(t.Context(), time.Minute)
	if len(in.got) != 2 || in.got[1].URL.String() != testHook {
		t.Errorf("%d received, the last at %s", len(in.got), in.got[len(in.got)-1].URL)
	}
}

// TestWhatIsAFailure: only a 2xx in time is a success. The bubble's clock makes the time-outs exact.
func TestWhatIsAFailure(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		want   string
	}{
		"ok": {200, ""}, "no content": {204, ""}, "redirect": {302, "redirected"}, "moved": {308, "redirected"},
		"gone": {410, "answered 410 Gone"}, "broken": {500, "answered 500 Internal Server Error"},
	} {
		t.Run(name, func(t *testing.T) {
			p, in := subscribed(t, true, "orders/create")
			in.status = c.status
			act(t, p, Create, 0)
			p.Advance(t.Context(), 0)
			if got := p.Sent()[0].Last().Error; got != c.want {
				t.Errorf("%q", got)
			}
		})
	}
	t.Run("slow answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, _ := subscribed(t, true, "orders/create")
			p.send = roundTrip(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
			failsAfter(t, p, 5*time.Second)
		})
	})
	t.Run("slow connect", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, _ := subscribed(t, true, "orders/create")
			p.send = transport(func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() })
			failsAfter(t, p, time.Second)
		})
	})
	t.Run("refused", func(t *testing.T) {
		p, _ := subscribed(t, true, "orders/create")
		p.send = transport(func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") })
		act(t, p, Create, 0)
		p.Advance(t.Context(), 0)
		if got := p.Sent()[0].Last(); got.Error != "no answer" || got.Status != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func failsAfter(t *testing.T, p *Platform, limit time.Duration) {
	t.Helper()
	act(t, p, Create, 0)
	start := time.Now()
	p.Advance(t.Context(), 0)
	if took := time.Since(start); took != limit || p.Sent()[0].Last().Error != "timed out" {
		t.Errorf("%q after %s", p.Sent()[0].Last().Error, took)
	}
}

// TestHeaders: the documented headers, one event id for what one action caused, one delivery id each.
func TestHeaders(t *testing.T) {
	p, in := subscribed(t, true, "orders/create", "orders/paid", "orders/updated", "order_transactions/create")
	o := act(t, p, Create, 0)
	act(t, p, Pay, o.ID)
	p.Advance(t.Context(), 0)
	var topics, events, ids []string
	for i, r := range in.got {
		h := r.Header
		topics, events, ids = append(topics, h.Get("X-Shopify-Topic")), append(events, h.Get("X-Shopify-Event-Id")), append(ids, h.Get("X-Shopify-Webhook-Id"))
		if h.Get("X-Shopify-Shop-Domain") != testShop || h.Get("X-Shopify-Api-Version") != "2026-10" || h.Get("X-Shopify-Hmac-Sha256") != sign(testSecret, in.bodies[i]) {
			t.Errorf("%v", h)
		}
		if at, err := time.Parse(time.RFC3339Nano, h.Get("X-Shopify-Triggered-At")); err != nil || !at.Equal(begin) {
			t.Errorf("triggered at %s", h.Get("X-Shopify-Triggered-At"))
		}
	}
	if want := []string{"orders/create", "order_transactions/create", "orders/paid", "orders/updated"}; !slices.Equal(topics, want) {
		t.Fatalf("%q", topics)
	}
	if events[0] == events[1] || events[1] != events[2] || events[2] != events[3] {
		t.Errorf("event ids %q", events)
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 4 {
		t.Errorf("delivery ids %q", ids)
	}
}

// TestSecrets: the oldest unrevoked secret signs, and after it was revoked the next one within an hour.
func TestSecrets(t *testing.T) {
	p, in := subscribed(t, true, "orders/create")
	signer := func() string {
		act(t, p, Create, 0)
		p.Advance(t.Context(), 0)
		last := len(in.got) - 1
		for _, secret := range []string{testSecret, "new"} {
			if sign(secret, in.bodies[last]) == in.got[last].Header.Get("X-Shopify-Hmac-Sha256") {
				return secret
			}
		}
		return ""
	}
	if err := p.AddSecret(testApp, "new"); err != nil {
		t.Fatal(err)
	}
	p.Advance(t.Context(), 100*time.Hour)
	if got := signer(); got != testSecret {
		t.Errorf("with two secrets %q signs", got)
	}
	if err := p.RevokeSecret(testApp, testSecret); err != nil {
		t.Fatal(err)
	}
	old := 0
	for range 61 {
		if signer() == testSecret {
			old++
		}
		p.Advance(t.Context(), time.Minute)
	}
	if got := signer(); got != "new" || old == 0 || old == 61 {
		t.Errorf("an hour later %q signs; the revoked one signed for %d minutes", got, old)
	}
}

// TestUninstall: app/uninstalled at once, shop/redact 48 hours later, also for a shop that came back.
func TestUninstall(t *testing.T) {
	for _, back := range []bool{false, true} {
		p, token, in := rig(t, func(s *AppSpec) {
			s.Hooks = []Hook{{[]string{"app/uninstalled"}, testHook}}
			s.PrivacyURI = "https://hooks.example.com/privacy"
		})
		if err := p.Uninstall(testApp, testShop); err != nil {
			t.Fatal(err)
		}
		if status, _, _ := ask(t, p, token.Access, "2026-10", `{shop{id}}`, nil); status != http.StatusUnauthorized {
			t.Errorf("the token of an uninstalled app: %d", status)
		}
		if _, err := p.Install(testApp, testShop, nil); back && err != nil {
			t.Fatal(err)
		}
		p.Advance(t.Context(), 48*time.Hour-time.Second)
		if len(in.got) != 1 || in.got[0].Header.Get("X-Shopify-Topic") != "app/uninstalled" || !bytes.Contains(in.bodies[0], []byte(`"myshopify_domain":"acme.myshopify.com"`)) {
			t.Fatalf("%d received", len(in.got))
		}
		p.Advance(t.Context(), time.Second)
		want := `{"shop_domain":"acme.myshopify.com","shop_id":60000000001}`
		if len(in.got) != 2 || in.got[1].URL.Path != "/privacy" || string(in.bodies[1]) != want || in.got[1].Header.Get("X-Shopify-Topic") != "shop/redact" {
			t.Errorf("back %v: %s", back, in.bodies)
		}
	}
}

// TestPrivacy: the topics of a customer go to the app-level address and cannot be subscribed to.
func TestPrivacy(t *testing.T) {
	p, _, in := rig(t, func(s *AppSpec) { s.PrivacyURI = testHook })
	var id int64
	for id == 0 {
		o := act(t, p, Create, 0)
		if p.shops[0].order(o.ID).customer != 0 {
			id = o.ID
		}
	}
	for _, topic := range []string{"customers/data_request", "customers/redact"} {
		if err := p.Privacy(testShop, topic, id); err != nil {
			t.Fatal(err)
		}
	}
	p.Advance(t.Context(), 0)
	if len(in.got) != 2 || !bytes.Contains(in.bodies[0], []byte(`"orders_requested":[`)) || !bytes.Contains(in.bodies[1], []byte(`"orders_to_redact":[`)) {
		t.Errorf("%s", in.bodies)
	}
	if topicOf("CUSTOMERS_REDACT") != "" || p.Privacy(testShop, "orders/create", id) == nil {
		t.Error("a privacy topic that is none")
	}
}
