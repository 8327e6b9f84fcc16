package obs_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/internal/obs"
)

func scrape(t *testing.T, m *obs.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestScrape(t *testing.T) {
	st := obs.State{
		Ready: true, Problems: []string{"shard s2"}, Log: obs.LogState{Bytes: 4096, Synced: 17},
		Shards: []obs.Shard{
			{ID: "s1", BacklogRecords: 3, BacklogBytes: 900, Retrying: 1, Waiting: true, Drained: 250 * time.Millisecond, Leads: true,
				Behind: 7, Oldest: 2 * time.Second, Held: 1},
			{ID: "s2"},
		},
		Parked: []obs.Parking{{hub.CodeMoneyInvalid, 5}}, Jobs: []obs.Jobs{{"fetch.order", "waiting", 4}},
		Calls: []obs.Calls{{hub.Shopee, "orders", 2, 0.25}},
	}
	m := obs.New("v1.2.3", func(context.Context) obs.State { return st })
	m.Request("GET", "/v1/orders/{id}", 200, 3*time.Millisecond)
	m.Delivery(hub.Shopify, nil, time.Millisecond)
	m.Delivery(hub.Shopify, &hub.Error{Kind: hub.KindUnauthentic}, time.Millisecond)
	m.Dropped(hub.Shopee)
	m.Append(errors.New("disk"), time.Millisecond)
	m.Transaction("s1", nil, time.Millisecond)
	m.Told("s1", 12)
	m.Damaged(2)
	m.Lacking(3)
	m.Job("fetch.order", "put_off", time.Second)
	m.Call(hub.Shopee, "orders", "throttled", time.Second, 2*time.Second)
	m.Breaker(hub.Shopee, "orders", "open")
	text := scrape(t, m)
	for _, line := range []string{
		`hub_build_info{version="v1.2.3"} 1`,
		`hub_ready 1`,
		`hub_problem{part="shard s2"} 1`,
		`hub_log_bytes 4096`,
		`hub_log_synced_index 17`,
		`hub_drain_backlog_records{shard="s1"} 3`,
		`hub_drain_backlog_bytes{shard="s1"} 900`,
		`hub_drain_retrying{shard="s1"} 1`,
		`hub_drain_waiting{shard="s1"} 1`,
		`hub_drain_lag_seconds{shard="s1"} 0.25`,
		`hub_relay_leads{shard="s1"} 1`,
		`hub_relay_leads{shard="s2"} 0`,
		`hub_relay_behind_changes{shard="s1"} 7`,
		`hub_relay_oldest_seconds{shard="s1"} 2`,
		`hub_relay_held_lines{shard="s1"} 1`,
		`hub_parked_deliveries{code="money_invalid"} 5`,
		`hub_http_request_seconds_count{method="GET",route="/v1/orders/{id}",status="200"} 1`,
		`hub_delivery_accept_seconds_count{outcome="accepted",platform="shopify"} 1`,
		`hub_delivery_accept_seconds_count{outcome="unauthentic",platform="shopify"} 1`,
		`hub_deliveries_dropped_total{platform="shopee"} 1`,
		`hub_log_append_seconds_count{outcome="internal"} 1`,
		`hub_shard_transaction_seconds_count{outcome="committed",shard="s1"} 1`,
		`hub_relay_changes_total{shard="s1"} 12`,
		`hub_orders_lacking_total 3`,
		`hub_personal_damaged_total 2`,
		`hub_jobs_stored{kind="fetch.order",state="waiting"} 4`,
		`hub_jobs_run_seconds_count{kind="fetch.order",outcome="put_off"} 1`,
		`hub_call_seconds_sum{class="orders",outcome="throttled",platform="shopee"} 2`,
		`hub_call_wait_seconds_sum{class="orders",platform="shopee"} 1`,
		`hub_call_breaker_changes_total{class="orders",platform="shopee",state="open"} 1`,
		`hub_call_breakers_open{class="orders",platform="shopee"} 2`,
		`hub_call_budget_least{class="orders",platform="shopee"} 0.25`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("missing: %s", line)
		}
	}
	if strings.Contains(text, `hub_relay_behind_changes{shard="s2"}`) {
		t.Error("a hub that does not lead says how far the relay is behind")
	}
}

// TestNames: only labels whose values are few, and every metric explained to the operator.
func TestNames(t *testing.T) {
	m := obs.New("v1", func(context.Context) obs.State {
		return obs.State{Problems: []string{"x"}, Shards: []obs.Shard{{ID: "s1", Leads: true}}, Parked: []obs.Parking{{"malformed_json", 1}},
			Jobs: []obs.Jobs{{"fetch.order", "waiting", 1}}, Calls: []obs.Calls{{hub.Shopee, "orders", 0, 1}}}
	})
	m.Request("GET", "/", 200, 0)
	m.Delivery(hub.Shopify, nil, 0)
	m.Dropped(hub.Shopify)
	m.Append(nil, 0)
	m.Transaction("s1", nil, 0)
	m.Told("s1", 1)
	m.Job("fetch.order", "done", 0)
	m.Call(hub.Shopee, "orders", "ok", 0, 0)
	m.Breaker(hub.Shopee, "orders", "closed")
	allowed := regexp.MustCompile(`^(shard|code|part|version|method|route|status|platform|outcome|kind|class|state|le)$`)
	name := regexp.MustCompile(`^(hub_[a-z_]+)(?:\{(.*)\})? `)
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(scrape(t, m)) {
		match := name.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		seen++
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(match[1], "_bucket"), "_sum"), "_count")
		if !strings.Contains(string(manual), "`"+base+"`") {
			t.Errorf("docs/operations.md says nothing of %s", base)
		}
		for label := range strings.SplitSeq(match[2], ",") {
			if key, _, _ := strings.Cut(label, "="); label != "" && !allowed.MatchString(key) {
				t.Errorf("%s has label %s", match[1], key)
			}
		}
	}
	if seen < 40 {
		t.Errorf("%d samples", seen)
	}
}

// TestScrapeIsBounded: a state that hangs is given up.
func TestScrapeIsBounded(t *testing.T) {
	bounded := false
	m := obs.New("v1", func(ctx context.Context) obs.State {
		_, bounded = ctx.Deadline()
		return obs.State{}
	})
	if scrape(t, m); !bounded {
		t.Error("the state is asked without a bound of time")
	}
}
