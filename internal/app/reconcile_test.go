package app_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite" // beside the hub

	"hub"
	"hub/adapters/sandbox/shopify"
	"hub/internal/app"
	"hub/internal/demo"
	"hub/internal/hubtest"
	"hub/internal/reconcile"
)

// connected is a whole hub with a shop on a made-up Shopify, whose orders were placed on a day that is over.
type connected struct {
	*testing.T
	hub        *hubtest.Hub
	platform   *shopify.Platform
	domain     string
	tenant     string
	connection string
	merchant   demo.Client
	erp        demo.Client
	day        reconcile.Day
}

// pastDay is how far back the orders are placed: the day that this was is over, wherever in a day the test runs.
const pastDay = 30 * time.Hour

func newConnected(t *testing.T, orders int) *connected {
	t.Helper()
	c := &connected{T: t, hub: hubtest.Start(t, hubtest.Embedded("2"), "", app.Options{Logger: hubtest.Logger(t)})}
	now := time.Now()
	c.platform = shopify.Open(shopify.Options{Seed: 7, Start: now.Add(-pastDay), Clock: time.Now, Loopback: true, Unlimited: true})
	server := httptest.NewServer(c.platform)
	t.Cleanup(server.Close)
	var err error
	if c.domain, err = c.platform.AddShop(shopify.ShopSpec{Name: "little-shop"}); err != nil {
		t.Fatal(err)
	}
	c.day = reconcile.DayOf(c.platform.Now())
	for range orders {
		if _, err := c.platform.Act(c.domain, shopify.Create, 0); err != nil {
			t.Fatal(err)
		}
	}
	c.platform.Advance(t.Context(), pastDay)
	scopes := []string{"read_orders", "read_all_orders", "read_customers", "read_products"}
	redirect, _, err := c.hub.Operator.AddApp(t.Context(), demo.App{Platform: hub.Shopify, ClientID: "app", Secret: "secret-of-the-app", Base: server.URL, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.platform.AddApp(shopify.AppSpec{ClientID: "app", Secrets: []string{"secret-of-the-app"}, Name: "Hub", Redirects: []string{redirect}, Public: true,
		Created: c.platform.Now(), Customers: true, Fields: []string{"name", "address", "phone", "email"}}); err != nil {
		t.Fatal(err)
	}
	c.join(server.URL)
	return c
}

// join makes the tenant and has the owner of the shop connect it.
func (c *connected) join(base string) {
	c.Helper()
	var made struct {
		ID string `json:"tenant_id"`
	}
	c.must(c.hub.Operator.Do(c.Context(), http.MethodPost, "/v1/tenants", map[string]any{"name": "Loja Azul"}, &made))
	c.tenant = made.ID
	var err error
	if c.merchant, err = c.hub.Operator.NewKey(c.Context(), c.tenant, "merchant", "office"); err != nil {
		c.Fatal(err)
	}
	if c.erp, err = c.hub.Operator.NewKey(c.Context(), c.tenant, "erp", "books"); err != nil {
		c.Fatal(err)
	}
	c.must(c.merchant.Authorise(c.Context(), hub.Shopify, "little-shop", base, url.Values{"decision": {"install"}}))
	var list struct {
		Data []struct {
			ID string `json:"connection_id"`
		}
	}
	c.must(c.merchant.Do(c.Context(), http.MethodGet, "/v1/connections", nil, &list))
	c.connection = list.Data[0].ID
}

func (c *connected) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// until asks again until ok, or fails after a minute.
func (c *connected) until(what string, ok func() bool) {
	c.Helper()
	tick, end := time.NewTicker(50*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			c.Fatal("waited in vain until ", what)
		}
	}
}

// orders are those of the ERP's list, by their ids at the platform.
func (c *connected) orders() map[string]string {
	c.Helper()
	var list struct {
		Data []struct {
			ID       string `json:"id"`
			External string `json:"external_id"`
		}
	}
	c.must(c.erp.Do(c.Context(), http.MethodGet, "/v1/orders?limit=250", nil, &list))
	m := map[string]string{}
	for _, o := range list.Data {
		m[o.External] = o.ID
	}
	return m
}

// statements returns all of the day with their envelopes, after a look that somebody asked for has come to its end.
func (c *connected) statements() (list []reconcile.Statement, envelopes []json.RawMessage) {
	c.Helper()
	var asked struct {
		After int64 `json:"after_revision"`
	}
	c.must(c.merchant.Do(c.Context(), http.MethodPost, "/v1/reconciliations", map[string]any{"connection_id": c.connection, "day": c.day}, &asked))
	var rows struct {
		Data []struct {
			ID       string `json:"reconciliation_id"`
			Revision int64
			Fetching int
		}
	}
	c.until("there is a statement", func() bool {
		c.must(c.erp.Do(c.Context(), http.MethodGet, "/v1/reconciliations?day_from="+string(c.day)+"&day_to="+string(c.day), nil, &rows))
		n := len(rows.Data)
		return n > 0 && rows.Data[n-1].Revision > asked.After && rows.Data[n-1].Fetching == 0
	})
	var keys struct {
		Data []struct{ PEM string }
	}
	c.must(c.erp.Do(c.Context(), http.MethodGet, "/v1/reconciliations/keys", nil, &keys))
	for _, row := range rows.Data {
		var text json.RawMessage
		c.must(c.erp.Do(c.Context(), http.MethodGet, "/v1/reconciliations/"+row.ID, nil, &text))
		st, _, err := app.VerifyStatement(text, []byte(keys.Data[0].PEM))
		if err != nil {
			c.Fatalf("%s: %v", text, err)
		}
		list, envelopes = append(list, st), append(envelopes, text)
	}
	return list, envelopes
}

// execute changes the databases of the shards beside the hub, and returns how many rows.
func (c *connected) execute(query string, args ...any) (changed int64) {
	c.Helper()
	files, err := filepath.Glob(filepath.Join(c.hub.Data, "*.db"))
	nested, err2 := filepath.Glob(filepath.Join(c.hub.Data, "*", "*.db"))
	c.must(errors.Join(err, err2))
	for _, name := range append(files, nested...) {
		db, err := sql.Open("sqlite", name+"?_pragma=busy_timeout(5000)")
		c.must(err)
		if result, err := db.ExecContext(context.Background(), query, args...); err == nil {
			n, _ := result.RowsAffected()
			changed += n
		}
		c.must(db.Close())
	}
	return changed
}

// A whole hub: orders of a past day are there, and the day is equal; a row that somebody deletes by hand is named and repaired, and
// the first statement of it stays; money that was changed by hand is, too. All statements verify under the hub's key.
func TestReconciliationOfAHub(t *testing.T) {
	c := newConnected(t, 8)
	c.until("the orders are there", func() bool { return len(c.orders()) == 8 })
	first := ""
	for external, id := range c.orders() {
		if external > first {
			first = external
		}
		if external == first {
			c.must(c.erp.Acknowledge(t.Context(), id, "ERP-"+external))
		}
	}
	list, _ := c.statements()
	st := list[0]
	if len(list) != 1 || !st.Final() || st.Listed.Orders != 8 || st.Held.Orders != 8 || st.Acked.Orders == 0 || !st.Listed.MoneyKnown || len(st.Compared) != 3 {
		t.Fatalf("%+v %+v %+v", st, st.Listed, st.Held)
	}
	lost := c.orders()[first]
	if n := c.execute("DELETE FROM orders WHERE external_id = ?", first); n != 1 {
		t.Fatalf("%d rows deleted", n)
	}
	list, envelopes := c.statements()
	if len(list) != 3 {
		t.Fatalf("%d statements: %s", len(list), envelopes)
	}
	named := func(st reconcile.Statement, state reconcile.State, kind reconcile.Kind, repaired bool) {
		t.Helper()
		if d := st.Differences; st.State != state || len(d) != 1 || d[0].Kind != kind || string(d[0].ExternalID) != first || d[0].Repaired != repaired {
			t.Errorf("revision %d: %s %+v", st.Revision, st.State, st.Differences)
		}
	}
	named(list[1], reconcile.Different, reconcile.Missing, false)
	named(list[2], reconcile.Equal, reconcile.Missing, true)
	if again := c.orders()[first]; again != lost {
		t.Errorf("order %s came back as %q", lost, again)
	}
	if list[2].Acked.Orders != st.Acked.Orders {
		t.Errorf("after the repair %d orders are acknowledged, %d were", list[2].Acked.Orders, st.Acked.Orders)
	}
	var feed struct {
		Data []struct {
			Type  string
			Order struct {
				ID       string `json:"id"`
				Revision int
			}
		}
	}
	c.must(c.erp.Do(c.Context(), http.MethodGet, "/v1/orders/feed?after=0&limit=250", nil, &feed))
	if last := feed.Data[len(feed.Data)-1]; last.Type != "order.updated" || last.Order.ID != lost || last.Order.Revision != 2 {
		t.Errorf("the repair is told as %+v", last)
	}
	show(t, "statement.json", envelopes[2])
	var keys json.RawMessage
	c.must(c.erp.Do(t.Context(), http.MethodGet, "/v1/reconciliations/keys", nil, &keys))
	show(t, "keys.json", keys)
	t.Logf("%d statements verified, 1 row deleted by hand: named, repaired", len(list))
}

// show writes what a reader of the documentation sees, when HUB_SHOW names a folder.
func show(t *testing.T, name string, text []byte) {
	t.Helper()
	if folder := os.Getenv("HUB_SHOW"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
