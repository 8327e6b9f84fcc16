package hubtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/internal/demo"
	"hub/internal/hubtest"
)

// person is a customer whose words are found again wherever they are.
type person struct {
	n       int
	Subject gdpr.SubjectID
	Orders  []int // numbers of the orders
}

func (p person) mark() string  { return fmt.Sprintf("mark%05dperson", p.n) }
func (p person) email() string { return p.mark() + "@example.com" }

// body is an order of the person.
func (p person) body(order int, at time.Time) []byte { return p.news(order, at, at) }

// news is an order of the person that changed since.
func (p person) news(order int, at, updated time.Time) []byte {
	address := map[string]any{
		"name": "N" + p.mark(), "address1": p.mark() + " Street 1", "city": "Town", "zip": "12345", "country_code": "DE", "country": "Germany",
	}
	text, err := json.Marshal(map[string]any{
		"id": 7_000_000 + order, "admin_graphql_api_id": fmt.Sprintf("gid://shopify/Order/%d", 7_000_000+order),
		"name": fmt.Sprintf("#%d", order), "email": p.email(), "phone": fmt.Sprintf("+4930%08d", p.n),
		"created_at": at.Format(time.RFC3339), "updated_at": updated.Format(time.RFC3339), "currency": "EUR",
		"financial_status": "paid", "total_price": "12.00", "subtotal_price": "12.00", "total_tax": "0.00", "total_discounts": "0.00",
		"taxes_included": true, "test": false, "note": "for " + p.mark(),
		"total_line_items_price": "12.00",
		"customer":               map[string]any{"id": 1_000_000 + p.n, "email": p.email(), "first_name": "N" + p.mark(), "last_name": ""},
		"billing_address":        address, "shipping_address": address,
		"line_items": []map[string]any{{
			"id": 8_000_000 + order, "title": "Cup", "sku": "CUP", "quantity": 1, "price": "12.00", "total_discount": "0.00", "taxable": true,
			"requires_shipping": true, "tax_lines": []any{}, "discount_allocations": []any{},
		}},
		"shipping_lines": []any{}, "tax_lines": []any{}, "discount_codes": []any{}, "refunds": []any{}, "fulfillments": []any{},
	})
	if err != nil {
		panic(err)
	}
	return text
}

// town is people with orders at one shop.
type town struct {
	hubtest.Shop
	People []person
	Orders int
	reader demo.Client // may read personal fields
}

// found makes a shop and n people with two orders each; of every third an order is parked, too.
func found(t *testing.T, hub *hubtest.Process, name string, n int) *town {
	t.Helper()
	shop, err := hubtest.Connect(t.Context(), hub.Operator(), name, "shopify", "canary", secret)
	if err != nil {
		t.Fatal(err)
	}
	w := &town{Shop: shop}
	var made struct{ Key string }
	in := map[string]any{"tenant": shop.Tenant, "role": "erp", "client": "crm", "scopes": []string{"personal:read"}}
	if err := hub.Operator().Do(t.Context(), http.MethodPost, "/v1/keys", in, &made); err != nil {
		t.Fatal(err)
	}
	w.reader = demo.Client{HTTP: shop.ERP.HTTP, URL: shop.ERP.URL, Key: made.Key}
	for range n {
		w.settle(t)
	}
	awaitChanges(t, shop.ERP, w.Orders)
	w.identify(t, hub)
	return w
}

// identify asks the hub who the people are.
func (w *town) identify(t *testing.T, hub *hubtest.Process) {
	t.Helper()
	for i := range w.People {
		p := &w.People[i]
		if p.Subject != "" {
			continue
		}
		subjects, err := hub.Find(w.tenant(), gdpr.IdentifierEmail, p.email())
		if err != nil || len(subjects) != 1 {
			t.Fatalf("finding a person: %v, %v", subjects, err)
		}
		p.Subject = subjects[0]
	}
}

func (w *town) tenant() hub.TenantID { return hub.TenantID(w.Shop.Tenant) }

// settle adds one person.
func (w *town) settle(t *testing.T) {
	_, bodies := w.register()
	for _, body := range bodies {
		send(t, w.Shop, body)
	}
}

// register adds one person and returns the deliveries of two orders, which were placed an hour ago.
func (w *town) register() (p person, bodies [][]byte) {
	p = person{n: len(w.People)}
	for range 2 {
		w.Orders++
		p.Orders = append(p.Orders, w.Orders)
		body := p.body(w.Orders, time.Now().Add(-time.Hour))
		bodies = append(bodies, body)
		if p.n%3 == 0 {
			bodies = append(bodies, body[:len(body)-1])
		}
	}
	w.People = append(w.People, p)
	return p, bodies
}

// moved tells the town that its hub has another address now.
func (w *town) moved(url string) {
	path := w.HookURL[strings.Index(w.HookURL, "/hooks/"):]
	w.HookURL, w.ERP.URL, w.reader.URL = url+path, url, url
}

// erase does what a privacy request will do, up to the cycle.
func erase(hub *hubtest.Process, t hub.TenantID, people []person) error {
	for _, p := range people {
		one := []gdpr.SubjectID{p.Subject}
		if err := hub.Fence(t, one); err != nil {
			return err
		}
		if err := hub.KillKeys(t, one); err != nil {
			return err
		}
		if err := hub.Visit(t, one, p.email()); err != nil {
			return err
		}
	}
	return nil
}

// cycle is what an operator sees of a forget cycle.
type cycle struct {
	Number   int64    `json:"number"`
	Phase    string   `json:"phase"`
	Kills    int64    `json:"kills"`
	Slots    int64    `json:"slots"`
	Rows     int64    `json:"rows"`
	To       int      `json:"to_generation"`
	WaitsFor []string `json:"waits_for"`
}

// runCycle orders a cycle and waits until it is done, as hub key forget does.
func runCycle(ctx context.Context, operator demo.Client, approve int) (c cycle, err error) {
	for {
		if err := operator.Do(ctx, http.MethodPost, "/v1/forget-cycles", map[string]any{"approve": approve}, &c); err != nil {
			return c, err
		}
		if c.Phase == "done" || c.Phase == "none" {
			return c, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return c, ctx.Err()
		}
	}
}
