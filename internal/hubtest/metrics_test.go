package hubtest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"hub/adapters/sandbox/shopify"
	"hub/internal/app"
	"hub/internal/hubtest"
)

// TestMetricsFollowTheHub: what a serving hub measures is what it did, and names nobody.
func TestMetricsFollowTheHub(t *testing.T) {
	h := hubtest.Start(t, hubtest.Embedded("1"), "", app.Options{Logger: hubtest.Logger(t), Version: "v9"})
	merchants, _ := connect(t, h.Operator, 1)
	m := merchants[0]
	const orders = 5
	shop := shopify.New(shopDomain(m.Shop.Tenant), secret, 1, time.Now())
	placeAll(t, h.URL(), merchants, []*shopify.Shop{shop}, orders)
	forged := shop.Deliver("orders/create", shop.Place())
	forged.Body = append(forged.Body, ' ')
	m.post(t.Context(), http.DefaultClient, h.URL(), forged)
	m.post(t.Context(), http.DefaultClient, h.URL(), parked(shop))

	want := []string{
		`hub_ready 1`,
		`hub_build_info{version="v9"} 1`,
		`hub_delivery_accept_seconds_count{outcome="accepted",platform="shopify"} 6`,
		`hub_delivery_accept_seconds_count{outcome="unauthentic",platform="shopify"} 1`,
		`hub_log_append_seconds_count{outcome="durable"} 6`,
		`hub_drain_backlog_records{shard="s0"} 0`,
		`hub_relay_leads{shard="s0"} 1`,
		`hub_relay_behind_changes{shard="s0"} 0`,
		`hub_relay_changes_total{shard="s0"} 5`,
		`hub_parked_deliveries{code="malformed_json"} 1`,
		`hub_http_request_seconds_count{method="POST",route="/hooks/{platform}/{endpoint}",status="401"} 1`,
	}
	var text string
	missing := want
	for until := time.Now().Add(60 * time.Second); len(missing) > 0 && time.Now().Before(until); <-time.After(200 * time.Millisecond) {
		text = scrape(t, h.AdminURL())
		missing = nil
		for _, line := range want {
			if !strings.Contains(text, line+"\n") {
				missing = append(missing, line)
			}
		}
	}
	for _, line := range missing {
		t.Errorf("never seen: %s", line)
	}
	if !regexp.MustCompile(`hub_drain_lag_seconds\{shard="s0"\} (0\.\d*[1-9]|[1-9])`).MatchString(text) {
		t.Error("no time from the door to the commit")
	}
	for _, private := range []string{m.Shop.Tenant, shopDomain(m.Shop.Tenant), "merchant-0", "Merchant 0", strings.TrimPrefix(m.hookPath, "/hooks/shopify/")} {
		if strings.Contains(text, private) {
			t.Errorf("the metrics name %s", private)
		}
	}
}

// parked is a signed delivery that cannot be read.
func parked(shop *shopify.Shop) shopify.Delivery {
	d := shop.Deliver("orders/create", shop.Place())
	d.Body = d.Body[:len(d.Body)/2]
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(d.Body)
	d.Header.Set("X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return d
}

func scrape(t *testing.T, admin string) string {
	t.Helper()
	answer, err := http.Get(admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", admin, answer.StatusCode, err)
	}
	return string(body)
}
