package hubtest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
	sandbox "hub/adapters/sandbox/shopify"
	"hub/adapters/shopify"
	"hub/internal/app"
	"hub/internal/hubtest"
	"hub/internal/hubtest/mariadb"
	"hub/internal/jobs"
)

// moody is the driver under rules that take no order until they are mended.
type moody struct {
	*shopify.Driver
	mended *atomic.Bool
}

func (m moody) Read(d driver.Delivery) (driver.Reading, error) {
	if d.Topic == "orders/edited" {
		return driver.Reading{Hints: []driver.Hint{{Kind: "later", ExternalID: hub.ExternalID(d.DeliveryID)}}}, nil
	}
	if !m.mended.Load() && strings.HasPrefix(d.Topic, "orders/") {
		return driver.Reading{}, hub.Invalid(hub.CodeMoneyInvalid, "total_price")
	}
	return m.Driver.Read(d)
}

// traced is the part of a lineage that the test looks at.
type traced struct {
	ExternalID string `json:"external_id"`
	Revision   int64
	Received   []struct {
		Topic string
		Kept  bool `json:"raw_kept"`
	}
	Parked []struct {
		ID    string `json:"parked_id"`
		State string
		Code  string
	}
	Revisions []struct {
		Revision, Sequence int64
		ID                 string
		Published          *bool
	}
	PublishedThrough *int64           `json:"published_through"`
	Acknowledgements []map[string]any `json:"acknowledgements"`
	Complete         bool
}

// TestRepairEndToEnd follows a delivery that cannot be applied through a whole hub: parked, foretold, replayed, in the feed,
// told to the stream, acknowledged; and the lineage of its order says all of it.
func TestRepairEndToEnd(t *testing.T) {
	for _, size := range []hubtest.Size{hubtest.Embedded("2"), hubtest.OnMariaDB(t, mariadb.Shared(t))} {
		t.Run(size.Name, func(t *testing.T) {
			m := moody{shopify.New(), &atomic.Bool{}}
			h := hubtest.Start(t, size, "", app.Options{Logger: hubtest.Logger(t), Storefronts: []driver.Storefront{m}})
			merchants, _ := connect(t, h.Operator, 1)
			shop := sandbox.New(shopDomain(merchants[0].Shop.Tenant), secret, 1, time.Now())
			repairEndToEnd(t, h, m, merchants[0], shop)
		})
	}
}

func repairEndToEnd(t *testing.T, h *hubtest.Hub, m moody, merchant *merchant, shop *sandbox.Shop) {
	tenant := "tenant=" + merchant.Shop.Tenant
	do := func(method, path string, out any) error { return h.Operator.Do(t.Context(), method, path, nil, out) }
	merchant.post(t.Context(), http.DefaultClient, h.URL(), shop.Deliver("orders/create", shop.Place()))
	var parked struct {
		Data []struct {
			ID string `json:"parked_id"`
		}
	}
	until(t, "the delivery is parked", func() bool {
		return do("GET", "/v1/parked?state=open&"+tenant, &parked) == nil && len(parked.Data) == 1
	})
	replay := fmt.Sprintf("/v1/parked/%s/replay?%s", parked.Data[0].ID, tenant)
	var result struct {
		State, Outcome, Type string
		Order                string `json:"order_id"`
	}
	if err := do("POST", replay, &result); err != nil || result.Outcome != "stays" {
		t.Fatalf("under the same rules: %+v, %v", result, err)
	}
	m.mended.Store(true)
	if err := do("POST", replay+"&dry_run=true", &result); err != nil || result.Outcome != "applied" || result.Type != "order.created" {
		t.Fatalf("a dry run: %+v, %v", result, err)
	}
	if page := wholeFeed(t, merchant.ERP); len(page) != 0 {
		t.Fatalf("%d changes after a dry run", len(page))
	}
	if err := do("POST", replay, &result); err != nil || result.Outcome != "applied" || result.State != "replayed" {
		t.Fatalf("replayed: %+v, %v", result, err)
	}
	if err := do("POST", replay, nil); err == nil || !strings.Contains(err.Error(), "409 parked_settled") {
		t.Errorf("replayed twice: %v", err)
	}
	feed := wholeFeed(t, merchant.ERP)
	if len(feed) != 1 || feed[0].Type != "order.created" || feed[0].Order.ID != result.Order {
		t.Fatalf("the feed has %+v, the replay said %+v", feed, result)
	}
	if err := merchant.ERP.Acknowledge(t.Context(), result.Order, "ERP-1"); err != nil {
		t.Fatal(err)
	}
	var l traced
	until(t, "the change is told", func() bool {
		l = traced{}
		return do("GET", "/v1/orders/"+result.Order+"/lineage?"+tenant, &l) == nil && l.PublishedThrough != nil && *l.PublishedThrough == 1
	})
	switch {
	case len(l.Received) != 1 || l.Received[0].Topic != "orders/create" || !l.Received[0].Kept:
		t.Errorf("received %+v", l.Received)
	case len(l.Parked) != 1 || l.Parked[0].ID != parked.Data[0].ID || l.Parked[0].State != "replayed" || l.Parked[0].Code != "money_invalid":
		t.Errorf("parked %+v", l.Parked)
	case len(l.Revisions) != 1 || l.Revisions[0].ID != feed[0].ID || l.Revisions[0].Sequence != 1 || l.Revisions[0].Published == nil || !*l.Revisions[0].Published:
		t.Errorf("revisions %+v", l.Revisions)
	case l.ExternalID != feed[0].Order.ExternalID || l.Revision != 1 || !l.Complete || len(l.Acknowledgements) != 1 || l.Acknowledgements[0]["reference"] != "ERP-1":
		t.Errorf("%+v", l)
	}
}

// until waits for something that happens by itself.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !happened(); <-time.After(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: ", what)
		}
	}
}

// TestJobsEndToEnd leaves work for later in a hub that has no handler for it, where it waits and is counted, and starts
// another one on the same data that has: it does it, and what comes in then as soon as it is drained.
func TestJobsEndToEnd(t *testing.T) {
	const kind = "fetch.later"
	data, size := t.TempDir(), hubtest.Embedded("2")
	options := app.Options{Logger: hubtest.Logger(t), Storefronts: []driver.Storefront{moody{shopify.New(), &atomic.Bool{}}}}
	first := hubtest.Start(t, size, data, options)
	merchants, _ := connect(t, first.Operator, 1)
	shop := sandbox.New(shopDomain(merchants[0].Shop.Tenant), secret, 1, time.Now())
	merchants[0].post(t.Context(), http.DefaultClient, first.URL(), shop.Deliver("orders/edited", shop.Place()))
	waiting := `hub_jobs_stored{kind="` + kind + `",state="waiting"} 1`
	until(t, "it is counted", func() bool { return strings.Contains(scrape(t, first.AdminURL()), waiting) })
	first.Stop(t)

	done := make(chan jobs.Job, 10)
	options.Jobs = map[string]jobs.Kind{
		kind: {Slots: 2, Most: time.Minute, Handle: func(_ context.Context, j jobs.Job) error { done <- j; return nil }},
	}
	second := hubtest.Start(t, size, data, options)
	old := <-done
	merchants[0].post(t.Context(), http.DefaultClient, second.URL(), shop.Deliver("orders/edited", shop.Place()))
	begin := time.Now()
	fresh := <-done
	if string(old.Tenant) != merchants[0].Shop.Tenant || old.Tenant != fresh.Tenant || old.Key == "" || old.Key == fresh.Key {
		t.Errorf("did %+v and %+v", old, fresh)
	}
	t.Logf("done %v after it came in", time.Since(begin).Round(time.Millisecond))
	count := `hub_jobs_run_seconds_count{kind="` + kind + `",outcome="done"} 2`
	until(t, "both are counted as done", func() bool { return strings.Contains(scrape(t, second.AdminURL()), count) })
}
