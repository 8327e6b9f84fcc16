package adaptertest_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/adapters"
	"hub/adapters/driver"
	sandbox "hub/adapters/sandbox/shopify"
	"hub/adapters/shopify"
)

// place makes a new order of a shop, with so many lines more.
func (w *wire) place(t testing.TB, more int) string {
	t.Helper()
	o, err := w.platform.Act(sandboxShop, sandbox.Create, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.platform.Grow(sandboxShop, o.ID, more); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(o.ID)
}

// TestLargeOrder: an order of 500 lines, and with HUB_DRILL=1 of 3,000, comes whole, by its id and in an export, and also when it changes while it is read.
func TestLargeOrder(t *testing.T) {
	for _, moving := range []bool{false, true} {
		bubble(t, fmt.Sprintf("moving %v", moving), func(t *testing.T) {
			w := wired(t, sandbox.Options{}, 20)
			lines := 500
			if !moving && os.Getenv("HUB_DRILL") == "1" {
				lines = 3000
			}
			id := w.place(t, lines)
			asked := 0
			w.before = func(r *http.Request) {
				if asked++; moving && asked == 3 {
					var n int64
					if _, err := fmt.Sscan(id, &n); err != nil {
						t.Error(err)
					}
					for _, a := range []sandbox.Action{sandbox.Note, sandbox.Pay} {
						if _, err := w.platform.Act(sandboxShop, a, n); err != nil {
							t.Error(err)
						}
					}
				}
			}
			began := time.Now()
			documents, _ := w.fetch(t, id)
			draft, err := w.driver.Order(documents[id])
			if err != nil || len(draft.Order.Lines) <= lines || draft.Order.Totals.Adjustment.Minor != 0 {
				t.Fatalf("%d lines, %v", len(draft.Order.Lines), err)
			}
			if want := map[bool]string{false: "pending", true: "paid"}[moving]; string(draft.Order.PaymentStatus) != want {
				t.Errorf("the order is %s", draft.Order.PaymentStatus)
			}
			t.Logf("%d lines in %d requests and %s of the platform's time", len(draft.Order.Lines), asked, time.Since(began))
			if !moving {
				exported, _ := w.export(t, w.window(driver.ByCreation))
				w.sameOrder(t, exported[id], documents[id])
			}
		})
	}
}

// TestChangedUnderFaults: windows one after another list every order that changed, while orders change and answers fail, are
// cut, are late or say that it was too much.
func TestChangedUnderFaults(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := wired(t, sandbox.Options{}, 0)
		for f, rate := range map[sandbox.Fault]int{sandbox.APIError: 60, sandbox.APIHalf: 60, sandbox.APISlow: 40, sandbox.APIThrottle: 60} {
			if err := w.platform.SetFault(f, rate); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.platform.Trade(sandboxShop, 400, 3*time.Second, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		seen := map[string]time.Time{}
		from, failures := w.clock().Add(-time.Minute), 0
		for range 60 {
			pass(30 * time.Second)
			to := w.clock().Truncate(time.Second)
			cursor := ""
			for {
				page, err := w.driver.Changed(t.Context(), w.caller(), driver.Window{From: from, To: to}, cursor)
				if err != nil {
					if failures++; hub.KindOf(err) != hub.KindUnavailable && hub.KindOf(err) != hub.KindThrottled {
						t.Fatal(err)
					}
					break // the same window is asked again, from its beginning
				}
				for _, o := range page.Orders {
					seen[string(o.ExternalID)] = o.ChangedAt
				}
				if cursor = page.Next; cursor == "" {
					from = to
					break
				}
			}
		}
		for f := range w.platform.Faults() {
			if err := w.platform.SetFault(f, 0); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Minute)
		page, err := w.driver.Changed(t.Context(), w.caller(), driver.Window{From: from, To: w.clock()}, "")
		if err != nil || page.Next != "" {
			t.Fatal(err, page.Next)
		}
		for _, o := range page.Orders {
			seen[string(o.ExternalID)] = o.ChangedAt
		}
		missed := 0
		for _, o := range w.platform.Orders(sandboxShop) {
			if at := seen[fmt.Sprint(o.ID)]; !o.Deleted && !at.Equal(o.Updated) {
				missed++
			}
		}
		if missed > 0 || len(seen) < 390 {
			t.Errorf("%d of %d orders were missed", missed, len(seen))
		}
		t.Logf("%d orders, %d windows failed, tries %v, faults %v", len(seen), failures, w.observed.seen, w.platform.Faults())
	})
}

// TestMissing: what is deleted, of another shop, or older than the grant shows is Missing; the others are there.
func TestMissing(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := wired(t, sandbox.Options{}, 0, "read_orders", "read_customers", "read_products")
		old := w.place(t, 0)
		pass(61 * 24 * time.Hour)
		made, err := w.platform.Install("hub", sandboxShop, []string{"read_orders", "read_customers", "read_products"})
		if err != nil {
			t.Fatal(err)
		}
		w.keeper.token = made.Access
		gone, here := w.place(t, 0), w.place(t, 0)
		var n int64
		if _, err := fmt.Sscan(gone, &n); err != nil {
			t.Fatal(err)
		}
		for _, a := range []sandbox.Action{sandbox.Cancel, sandbox.Delete} {
			if _, err := w.platform.Act(sandboxShop, a, n); err != nil {
				t.Fatal(err)
			}
		}
		documents, missing := w.fetch(t, old, gone, here, "123")
		if len(documents) != 1 || documents[here] == nil || fmt.Sprint(missing) != fmt.Sprint([]string{old, gone, "123"}) {
			t.Errorf("%d documents, missing %v of old %s, gone %s", len(documents), missing, old, gone)
		}
	})
}

// TestWithheld: what the app may not see of an order keeps nobody from reading the rest: protected data that it is not approved
// for, and the place of a retail order. A scope that the driver asks for and that is not there is for people to mend.
func TestWithheld(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := wired(t, sandbox.Options{}, 0)
		w.app.ClientID, w.shop.Account = "modest", "bricks.myshopify.com"
		if _, err := w.platform.AddApp(sandbox.AppSpec{ClientID: "modest", Secrets: []string{newSecret}, Name: "Hub", Customers: true, Fields: []string{"address"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.platform.AddShop(sandbox.ShopSpec{Name: "bricks", Retail: true}); err != nil {
			t.Fatal(err)
		}
		for range 30 {
			o, err := w.platform.Act(w.shop.Account, sandbox.Create, 0)
			if err == nil {
				_, err = w.platform.Act(w.shop.Account, sandbox.Pay, o.ID)
			}
			if err != nil {
				t.Fatal(err)
			}
			pass(time.Minute)
		}
		for scopes, placed := range map[string]bool{"read_orders read_customers read_products": false, "read_orders read_customers read_products read_locations": true, "read_orders read_products": false} {
			made, err := w.platform.Install("modest", w.shop.Account, strings.Fields(scopes))
			if err != nil {
				t.Fatal(err)
			}
			w.keeper = &keeper{token: made.Access}
			w.front = adapters.New(w.driver, w.app, adapters.Options{Clock: w.clock, Tokens: w.keeper, Observer: w.observed, Send: w})
			if !strings.Contains(scopes, "read_customers") {
				if _, err := w.driver.Export(t.Context(), w.caller(), w.window(driver.ByCreation), ""); hub.CodeOf(err) != shopify.CodeScope {
					t.Errorf("%s: %v", scopes, err)
				}
				continue
			}
			documents, _ := w.export(t, w.window(driver.ByCreation))
			named := 0
			for _, d := range documents {
				draft, err := w.driver.Order(d)
				if err != nil {
					t.Fatal(err)
				}
				if (draft.Order.LocationID != "") != placed {
					t.Errorf("%s: it was taken at %q", scopes, draft.Order.LocationID)
				}
				if bytes.Contains(d, []byte("example.com")) {
					t.Errorf("%s: %s", scopes, d)
				}
				if bytes.Contains(d, []byte("address1\":\"")) {
					named++
				}
			}
			if len(documents) != 30 || named == 0 {
				t.Errorf("%s: %d orders, %d with an address", scopes, len(documents), named)
			}
		}
	})
}

// TestTokenEnds: a token that ended is renewed once, however many calls find out at the same time.
func TestTokenEnds(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := wired(t, sandbox.Options{}, 30)
		pass(2 * time.Hour)
		ids := w.live()
		var running sync.WaitGroup
		for chunk := range slices.Chunk(ids, 3) {
			running.Go(func() {
				documents, _ := w.fetch(t, chunk...)
				if len(documents) != len(chunk) {
					t.Errorf("%d of %d", len(documents), len(chunk))
				}
			})
		}
		running.Wait()
		if w.keeper.renewed != 1 || w.observed.seen["unauthentic"] == 0 {
			t.Errorf("%d renewals, %v", w.keeper.renewed, w.observed.seen)
		}
	})
}

// TestBudgetIsUsed: with the platform's limits on, reading order by order takes no more than a tenth longer than its budget
// allows, and is never refused for being too fast; two hubs on one bucket share it.
func TestBudgetIsUsed(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := wired(t, sandbox.Options{}, 120)
		ids := w.live()
		charged := w.spent(t, func() {
			began, rounds := time.Now(), 4
			for range rounds {
				w.parallel(t, ids, 2)
			}
			w.took = time.Since(began)
		})
		ideal := time.Duration((charged - 2000) / 100 * float64(time.Second))
		t.Logf("%d orders 4 times: %.0f points in %s, %s would be the least; %v", len(ids), charged, w.took, ideal, w.observed.seen)
		if w.took > ideal*11/10 || w.observed.seen["throttled"] > 0 {
			t.Errorf("%s for what takes %s, %v", w.took, ideal, w.observed.seen)
		}
	})
}

// TestTwoHubs: each learns from the platform's answers what the other one takes.
func TestTwoHubs(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := wired(t, sandbox.Options{}, 100)
		other := &wire{platform: w.platform, driver: w.driver, app: w.app, shop: w.shop, keeper: w.keeper, clock: w.clock, observed: &tally{seen: map[string]int{}}}
		other.front = adapters.New(w.driver, w.app, adapters.Options{Clock: w.clock, Tokens: w.keeper, Observer: other.observed, Send: other})
		ids := w.live()
		var running sync.WaitGroup
		took := map[*wire]time.Duration{}
		began := time.Now()
		for _, h := range []*wire{w, other} {
			running.Go(func() {
				for range 6 {
					h.parallel(t, ids, 2)
				}
				w.observed.mu.Lock()
				defer w.observed.mu.Unlock()
				took[h] = time.Since(began)
			})
		}
		running.Wait()
		refused := w.observed.seen["throttled"] + other.observed.seen["throttled"]
		all := w.observed.seen["ok"] + other.observed.seen["ok"]
		if refused*4 > all { // who learns nothing from the answers of the other has about half of them refused
			t.Errorf("%d of %d calls were refused", refused, all)
		}
		if a, b := took[w], took[other]; a > b*5/2 || b > a*5/2 {
			t.Errorf("one hub took %s, the other %s", a, b)
		}
		t.Logf("%s and %s, %d calls, %d refused", took[w], took[other], all, refused)
	})
}

// parallel fetches all ids, with so many calls at a time.
func (w *wire) parallel(t testing.TB, ids []string, at int) {
	t.Helper()
	var running sync.WaitGroup
	free := make(chan struct{}, at)
	for chunk := range slices.Chunk(ids, 5) {
		free <- struct{}{}
		running.Go(func() {
			defer func() { <-free }()
			var want []hub.ExternalID
			for _, id := range chunk {
				want = append(want, hub.ExternalID(id))
			}
			if _, err := w.driver.Fetch(t.Context(), w.caller(), want); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
}

// spent runs something and returns what it was charged, from the answers themselves.
func (w *wire) spent(t testing.TB, do func()) (points float64) {
	t.Helper()
	w.charged.Store(0)
	do()
	return float64(w.charged.Load())
}
