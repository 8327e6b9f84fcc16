package shopify

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hub"
)

// TestUnapproved: an app without the first level of approval reads no orders and hears of none.
func TestUnapproved(t *testing.T) {
	p, token, _ := rig(t, func(s *AppSpec) { s.Customers, s.Fields = false, nil })
	o := act(t, p, Create, 0)
	for _, query := range []string{`{orders(first:1){nodes{id}}}`, `query($id:ID!){order(id:$id){id}}`, `query($id:ID!){node(id:$id){id}}`, `query($id:ID!){nodes(ids:[$id]){id}}`} {
		var variables map[string]any
		if strings.Contains(query, "$id") {
			variables = map[string]any{"id": gid("Order", o.ID)}
		}
		_, _, answer := ask(t, p, token.Access, "2026-10", query, variables)
		if e := at(t, answer, "errors", 0); at(t, e, "extensions", "code") != "ACCESS_DENIED" || !strings.HasPrefix(at(t, e, "message").(string), "This app is not approved to access the Order object.") {
			t.Errorf("%s: %v", query, answer)
		}
	}
	d := data(t, p, token.Access, `mutation{webhookSubscriptionCreate(topic:ORDERS_CREATE,webhookSubscription:{uri:"https://a.example.com"}){userErrors{message}}}`, nil)
	if at(t, d, "webhookSubscriptionCreate", "userErrors", 0, "message") != unapprovedTopic {
		t.Errorf("%v", d)
	}
	data(t, p, token.Access, `mutation{webhookSubscriptionCreate(topic:APP_UNINSTALLED,webhookSubscription:{uri:"https://a.example.com"}){userErrors{message}}}`, nil)
	hooked := AppSpec{ClientID: "other", Secrets: []string{"s"}, Hooks: []Hook{{[]string{"orders/create"}, testHook}}}
	if _, err := p.AddApp(hooked); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("topics of its configuration: %v", err)
	}
	id, _, _ := bulkStart(t, p, token.Access, "2026-10", bulkOrders)
	p.Advance(t.Context(), time.Minute)
	if s := bulkState(t, p, token.Access, id); s["status"] != "FAILED" || s["errorCode"] != "ACCESS_DENIED" {
		t.Errorf("%v", s)
	}
}

// TestScopesOfObjects: an object that needs a scope is refused wherever it is, by its path, and the rest is answered; in a bulk
// operation everything is refused. Where there is no such object nothing is.
func TestScopesOfObjects(t *testing.T) {
	p := Open(Options{Seed: 1, Start: begin})
	p.send = &inbox{status: http.StatusOK}
	if _, err := p.AddApp(spec()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.AddShop(ShopSpec{Name: "acme", Retail: true}); err != nil {
		t.Fatal(err)
	}
	named, guest := int64(0), int64(0)
	for named == 0 || guest == 0 {
		if o := p.shops[0].order(act(t, p, Create, 0).ID); o.customer != 0 {
			named = o.ID
		} else {
			guest = o.ID
		}
	}
	const query = `query($id:ID!){nodes(ids:[$id]){... on Order{id customer{id} retailLocation{id} lineItems(first:1){edges{node{sku product{id} variant{id}}}}}}}`
	for _, c := range []struct {
		scopes  string
		order   int64
		refused []string
	}{
		{"read_orders", named, []string{
			"customer `read_customers` access scope. [nodes 0 customer]",
			"retailLocation `read_locations` access scope or `read_inventory` access scope or `read_markets_home` access scope. [nodes 0 retailLocation]",
			"product `read_products` access scope. [nodes 0 lineItems edges 0 node product]",
			"variant `read_products` access scope. [nodes 0 lineItems edges 0 node variant]",
		}},
		{"read_orders write_customers read_inventory read_products", named, nil},
		{"read_orders read_locations read_products", guest, nil},
	} {
		tokens, err := p.Install(testApp, testShop, strings.Fields(c.scopes))
		if err != nil {
			t.Fatal(err)
		}
		_, _, answer := ask(t, p, tokens.Access, "2026-10", query, map[string]any{"id": gid("Order", c.order)})
		refused, _ := answer["errors"].([]any)
		var got []string
		for _, e := range refused {
			text := at(t, e, "message").(string)
			text = strings.ReplaceAll(strings.TrimPrefix(text, "Access denied for "), " field. Required access:", "")
			got = append(got, fmt.Sprint(text, " ", at(t, e, "path")))
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.refused) {
			t.Errorf("%s: %q", c.scopes, got)
		}
		node := at(t, answer, "data", "nodes", 0)
		line := at(t, node, "lineItems", "edges", 0, "node")
		if at(t, node, "id") == nil || at(t, line, "sku") == nil || (at(t, line, "product") == nil) != (c.refused != nil) || (at(t, node, "retailLocation") == nil) != (c.refused != nil) {
			t.Errorf("%s: %v", c.scopes, node)
		}
		id, _, _ := bulkStart(t, p, tokens.Access, "2026-10", `{orders{edges{node{id retailLocation{id}}}}}`)
		p.Advance(t.Context(), time.Minute)
		if s := bulkState(t, p, tokens.Access, id); (s["status"] == "FAILED") != (c.refused != nil) {
			t.Errorf("%s: %v", c.scopes, s)
		}
	}
}

// TestNameThatHasToBeThere: a customer whose name is not shown is not shown to who asks for displayName, which is never null.
func TestNameThatHasToBeThere(t *testing.T) {
	p, token, _ := rig(t, func(s *AppSpec) { s.Fields = nil })
	var o *Order
	for o == nil || o.customer == 0 {
		o = p.shops[0].order(act(t, p, Create, 0).ID)
	}
	for asked, there := range map[string]bool{"id firstName": true, "id displayName": false, "id ...f": false} {
		query := `query($id:ID!){order(id:$id){id customer{` + asked + `}}}`
		if strings.Contains(asked, "...") {
			query += ` fragment f on Customer{displayName}`
		}
		_, _, answer := ask(t, p, token.Access, "2026-10", query, map[string]any{"id": gid("Order", o.ID)})
		if at(t, answer, "data", "order", "id") == nil || (at(t, answer, "data", "order", "customer") != nil) != there || len(answer["errors"].([]any)) != 1 {
			t.Errorf("%s: %v", asked, answer)
		}
	}
}

// TestBucketOfFastCallers: questions that come within a millisecond leave the bucket its time.
func TestBucketOfFastCallers(t *testing.T) {
	b := bucket{at: begin}
	now := begin
	for range 10_000 {
		now = now.Add(300 * time.Microsecond)
		b.level(now)
	}
	if got := b.level(now); got != 300 {
		t.Errorf("%d points after three seconds", got)
	}
}
