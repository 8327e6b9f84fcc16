package shopify

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// read reads an order that must be good.
func read(t *testing.T, document []byte) driver.Draft {
	t.Helper()
	draft, err := New().Order(document)
	if err != nil {
		t.Fatal(err)
	}
	return draft
}

// TestFields reads one field at a time: each change of a good order and what must come of it.
func TestFields(t *testing.T) {
	base := file(t, "multicurrency.rest.json")
	const tx = "refunds.0.transactions.0."
	for _, c := range []struct {
		name    string
		changes []string
		get     func(hub.Order) any
		want    any
	}{
		{"own offset", []string{"processed_at", `"2026-03-01T18:00:00+09:00"`}, func(o hub.Order) any { return o.PlacedAtLocal + o.PlacedAt.String() }, "2026-03-01T18:00:00+09:002026-03-01 09:00:00 +0000 UTC"},
		{"placed when created", []string{"processed_at", "null", "created_at", `"2026-02-01T00:00:00.5-05:00"`}, func(o hub.Order) any { return o.PlacedAtLocal }, "2026-02-01T00:00:00.5-05:00"},
		{"no time at all", []string{"processed_at", removed, "created_at", "null"}, func(o hub.Order) any { return o.PlacedAt.IsZero() && o.PlacedAtLocal == "" }, true},
		{"bag beats the flat field", []string{"total_price", "0.01"}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "115.50"},
		{"flat where there is no bag", []string{"total_price_set", removed, "total_price", `"115.5"`}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "115.50"},
		{"JSON number as text", []string{"total_price_set", "null", "total_price", "115.50"}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "115.50"},
		{"float noise", []string{"total_price_set", "null", "total_price", "115.49999999999999"}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "115.50"},
		{"another case is another field", []string{"Total_Price_Set", `{"shop_money":{"amount":"1.00","currency_code":"USD"}}`, "TOTAL_PRICE", `"1.00"`}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "115.50"},
		{"refund: set, not amount", []string{tx + "amount", `"1.00"`}, func(o hub.Order) any { return o.Totals.Refunded.Amount() }, "38.50"},
		{"refund: only in the buyer's currency", []string{tx + "amount_set", "null"}, func(o hub.Order) any {
			return o.Totals.Refunded == nil && o.Refunds[0].Amount == nil && o.Totals.Basis == hub.BasisPartial && o.Presentment.Totals.Refunded.Amount() == "35.75"
		}, true},
		{"refund: amount in the shop's currency", []string{tx + "amount_set", "null", tx + "currency", `"USD"`, tx + "amount", `"38.50"`}, func(o hub.Order) any { return o.Totals.Refunded.Amount() }, "38.50"},
		{"refund: amount without a currency", []string{tx + "amount_set", "null", tx + "currency", "null"}, func(o hub.Order) any { return o.Totals.Refunded == nil }, true},
		{"refund: failed", []string{tx + "status", `"failure"`}, func(o hub.Order) any { return o.Totals.Refunded.Amount() }, "0.00"},
		{"refund: pending", []string{tx + "status", `"pending"`}, func(o hub.Order) any { return o.Totals.Refunded.Amount() }, "0.00"},
		{"refund: a sale is none", []string{tx + "kind", `"sale"`}, func(o hub.Order) any { return o.Totals.Refunded.Amount() }, "0.00"},
		{"refund line: the float is not looked at", []string{"refunds.0.refund_line_items.0.subtotal", "0.1"}, func(o hub.Order) any { return o.Refunds[0].Lines[0].Amount.Amount() }, "34.84"},
		{"allocations before total_discount", []string{"line_items.0.total_discount_set", "null", "line_items.0.total_discount", `"3.00"`}, func(o hub.Order) any { return o.Lines[0].Discount.Amount() }, "10.00"},
		{"total_discount without allocations", []string{"line_items.0.discount_allocations", "[]", "line_items.0.total_discount_set", "null", "line_items.0.total_discount", `"3.00"`}, func(o hub.Order) any { return o.Lines[0].Discount.Amount() }, "3.00"},
		{"shipping by its discounted price", []string{"shipping_lines.0.discount_allocations", removed, "shipping_lines.0.discounted_price", `"4.00"`}, func(o hub.Order) any { return o.ShippingLines[0].Discount.Amount() }, "6.00"},
		{"no shipping lines", []string{"shipping_lines", removed}, func(o hub.Order) any { return o.Totals.Shipping == nil && o.Totals.Adjustment.Amount() == "10.00" }, true},
		{"unexplained", []string{"total_price_set.shop_money.amount", `"100.00"`}, func(o hub.Order) any { return o.Totals.Adjustment.Amount() }, "-15.50"},
		{"gateways without a name", []string{"transactions", removed, "payment_gateway_names", `["","visa","visa","bogus"]`}, func(o hub.Order) any { return len(o.Payments) }, 2},
		{"old gateway", []string{"transactions", removed, "payment_gateway_names", removed, "gateway", `"authorize_net"`}, func(o hub.Order) any { return o.Payments[0].Provider }, "authorize_net"},
		{"cash on delivery", []string{"transactions.0.gateway", `"cash_on_delivery"`}, func(o hub.Order) any { return o.COD }, true},
		{"codfish is not", []string{"transactions.0.gateway", `"codfish"`}, func(o hub.Order) any { return o.COD }, false},
		{"cancelled wins over closed", []string{"cancelled_at", `"2026-03-02T00:00:00Z"`, "closed_at", `"2026-03-02T00:00:00Z"`}, func(o hub.Order) any { return o.Status }, hub.StatusCancelled},
		{"closed", []string{"closed_at", `"2026-03-02T00:00:00Z"`}, func(o hub.Order) any { return o.Status }, hub.StatusCompleted},
		{"restocked never left", []string{"fulfillment_status", `"restocked"`}, func(o hub.Order) any { return o.Fulfillment }, hub.Unfulfilled},
		{"properties as object", []string{"line_items.0.properties", `{"a":1,"b":["x"],"c":null}`}, func(o hub.Order) any { return len(o.Lines[0].Properties) }, 3},
		{"custom has neither product nor variant", []string{"line_items.0.product_id", "null"}, func(o hub.Order) any { return o.Lines[0].Custom }, false},
		{"nobody", []string{"customer", "null", "email", "null", "phone", removed, "billing_address", "null", "shipping_address", "{}", "tags", `""`, "note_attributes", "[]"}, func(o hub.Order) any { return o.Buyer == nil }, true},
		{"the company of the buyer's own address", []string{"billing_address", "null", "shipping_address.name", `"MIRA  Vance"`, "shipping_address.company", `"Quay Ltd"`}, func(o hub.Order) any { return o.Buyer.Company }, "Quay Ltd"},
		{"somebody else's company is not the buyer's", []string{"billing_address", "null", "shipping_address.name", `"Otto Brandt"`, "shipping_address.company", `"Brandt GmbH"`}, func(o hub.Order) any { return o.Buyer.Company }, ""},
		{"tags are a set", []string{"tags", `" b, a,,c"`}, func(o hub.Order) any { return strings.Join(o.Buyer.Tags, "|") }, "a|b|c"},
		{"allocation to no application", []string{"line_items.0.discount_allocations.0.discount_application_index", "9"}, func(o hub.Order) any { return o.Discounts[0].Amount == nil && o.Lines[0].Discount.Amount() == "10.00" }, true},
		{"code entered by the staff", []string{"discount_applications", `[{"type":"manual","title":"STAFF5"}]`, "discount_codes", `[{"code":"STAFF5","amount":"10.00","type":"fixed_amount"}]`}, func(o hub.Order) any {
			return o.Discounts[0].Code + o.Discounts[0].Title + o.Discounts[0].Amount.Amount()
		}, "STAFF5STAFF510.00"},
		{"another title is no code", []string{"discount_applications", `[{"type":"manual","title":"Sorry"}]`, "discount_codes", `[{"code":"STAFF5","amount":"10.00"}]`}, func(o hub.Order) any { return o.Discounts[0].Code }, ""},
		{"codes without applications", []string{"discount_applications", "[]", "discount_codes", `[{"code":"OLD","amount":"10.00"}]`}, func(o hub.Order) any { return o.Discounts[0].Code + o.Discounts[0].Amount.Amount() }, "OLD10.00"},
		{"one tracking number, one address", []string{"fulfillments", `[{"id":1,"status":"success","tracking_company":"UPS","tracking_number":"1Z","tracking_url":"https://x.example.test/1Z"}]`}, func(o hub.Order) any { return o.Fulfillments[0].TrackingNumber + o.Fulfillments[0].TrackingURL }, "1Zhttps://x.example.test/1Z"},
		{"carrier alone", []string{"fulfillments", `[{"id":1,"status":"pending","tracking_company":"UPS","created_at":"2026-03-02T00:00:00Z"}]`}, func(o hub.Order) any {
			return o.Fulfillments[0].Carrier == "UPS" && o.Fulfillments[0].ShippedAt.IsZero()
		}, true},
		{"one of two has arrived", []string{"fulfillment_status", `"fulfilled"`, "fulfillments", `[{"id":1,"status":"success","shipment_status":"delivered"},{"id":2,"status":"success"}]`}, func(o hub.Order) any { return o.Fulfillment }, hub.Fulfilled},
		{"both have arrived", []string{"fulfillment_status", `"fulfilled"`, "fulfillments", `[{"id":1,"status":"success","shipment_status":"delivered"},{"id":2,"status":"cancelled"}]`}, func(o hub.Order) any { return o.Fulfillment }, hub.Delivered},
	} {
		o := read(t, edited(t, base, c.changes...)).Order
		if got := c.get(o); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// TestOffsetIsAllThatDiffers: a real webhook body has the shop's offset, the Admin API has UTC, and nothing else differs.
func TestOffsetIsAllThatDiffers(t *testing.T) {
	rest := edited(t, file(t, "guest.rest.json"), "created_at", `"2026-03-01T11:00:00+02:00"`, "updated_at", `"2026-03-02T12:30:00+02:00"`, "closed_at", `"2026-03-02T12:29:00+02:00"`)
	parts, err := New().Split(file(t, "guest.graphql.json"))
	if err != nil {
		t.Fatal(err)
	}
	one, two := read(t, rest).Order, read(t, parts[0]).Order
	if one.PlacedAtLocal != "2026-03-01T11:00:00+02:00" || two.PlacedAtLocal != "2026-03-01T09:00:00Z" {
		t.Errorf("local times %s and %s", one.PlacedAtLocal, two.PlacedAtLocal)
	}
	one.PlacedAtLocal = two.PlacedAtLocal
	a, _ := json.Marshal(one)
	b, _ := json.Marshal(two)
	if !bytes.Equal(a, b) {
		t.Errorf("spellings differ:\n%s\n%s", a, b)
	}
}

// TestSubject: the customer owns the order; a guest order belongs to nobody known.
func TestSubject(t *testing.T) {
	if s := read(t, file(t, "multicurrency.rest.json")).Subject; s != "77001" {
		t.Errorf("subject %q", s)
	}
	if s := read(t, file(t, "guest.rest.json")).Subject; s != "" {
		t.Errorf("subject of a guest %q", s)
	}
}

// TestManyLines: an order may have thousands of lines, and time grows with their number only.
func TestManyLines(t *testing.T) {
	o := read(t, sized(t, 3500*1000)).Order
	if len(o.Lines) < 3000 {
		t.Fatalf("%d lines", len(o.Lines))
	}
	if err := o.Check(); err != nil {
		t.Error(err)
	}
	t.Logf("%d lines", len(o.Lines))
}

// TestLegacy reads an order from before the money bags.
func TestLegacy(t *testing.T) {
	o := read(t, []byte(`{"id":1,"updated_at":"2014-01-22T15:58:27-05:00","currency":"CAD","total_price":"21.50","total_discounts":"1.50",
		"total_tax":"1.00","taxes_included":false,"line_items":[{"id":2,"price":"10.00","quantity":2,"title":"x"}],
		"discount_codes":[{"code":"OLD","amount":"1.50"},{"code":"SHIP","amount":"0.00","type":"shipping"}],
		"shipping_lines":[{"code":"Ground","price":"2.00","title":"Ground"}],"financial_status":"authorized","fulfillment_status":null}`)).Order
	if o.Totals.Adjustment.Minor != 0 || o.Lines[0].Discount != nil || o.Totals.CurrentTotal != nil || o.Totals.Refunded != nil {
		t.Errorf("totals %+v", o.Totals)
	}
	if len(o.Discounts) != 2 || o.Discounts[0].Amount.Amount() != "1.50" || o.Discounts[1].Kind != "shipping" {
		t.Errorf("discounts %+v", o.Discounts)
	}
}

// TestDeletedWhen: a time that the header claims is believed unless it lies in the future.
func TestDeletedWhen(t *testing.T) {
	received := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for triggered, want := range map[time.Time]time.Time{
		{}: received, received.Add(-time.Minute): received.Add(-time.Minute), received.Add(time.Hour): received,
	} {
		d := driver.Delivery{Notice: driver.Notice{Topic: "orders/delete", TriggeredAt: triggered}, Body: []byte(`{"id":7}`), ReceivedAt: received}
		got, err := New().Read(d)
		if err != nil || len(got.Drafts) != 1 || !got.Drafts[0].Deleted.Equal(want) {
			t.Errorf("triggered %v: %+v, %v", triggered, got, err)
		}
	}
}

// TestAccount reads the shop from bodies that name one.
func TestAccount(t *testing.T) {
	for body, want := range map[string]string{
		`{"shop_domain":"Lantern.myshopify.com"}`:                                "lantern.myshopify.com",
		`{"myshopify_domain":"a.myshopify.com","domain":"b.example"}`:            "a.myshopify.com",
		`{"shop_domain":"a.myshopify.com","myshopify_domain":"A.MYSHOPIFY.com"}`: "a.myshopify.com",
	} {
		if got, err := New().Account([]byte(body)); got != want || err != nil {
			t.Errorf("%s: %q, %v", body, got, err)
		}
	}
	for body, code := range map[string]hub.Code{
		`{"id":7,"customer":{"shop_domain":"a.myshopify.com"}}`: hub.CodeMissing, `{"shop_domain":""}`: hub.CodeMissing, `[]`: hub.CodeMissing,
		`{"Shop_Domain":"a.myshopify.com"}`: hub.CodeMissing, `{"shop_domain":7}`: hub.CodeWrongType, `{`: hub.CodeMalformed,
		`{"shop_domain":"a","myshopify_domain":"b"}`: hub.CodeShopMismatch, `{"shop_domain":"a","shop_domain":"a"}`: hub.CodeDuplicateKey,
		`{"shop_domain":"a\u0000b"}`: hub.CodeOutOfRange, `{"shop_domain":"` + strings.Repeat("a", 256) + `"}`: hub.CodeTooLong,
	} {
		if got, err := New().Account([]byte(body)); got != "" || hub.CodeOf(err) != code {
			t.Errorf("%.60s: %q, %v, want %s", body, got, err, code)
		}
	}
}

// TestSplitRefuses: where an order belongs and none is, nothing may come out silently.
func TestSplitRefuses(t *testing.T) {
	for body, want := range map[string]string{
		"": "malformed_json at ", " \n": "malformed_json at ", "7": "wrong_type at ", `"x"`: "wrong_type at ", `[7]`: "wrong_type at [0]",
		`{"order":null}`: "missing_field at order", `{"orders":null}`: "missing_field at orders", `{"orders":[null]}`: "missing_field at orders[0]",
		`{"data":null,"errors":[{"message":"throttled"}]}`: "missing_field at data", `{"data":{"order":null}}`: "missing_field at data.order",
		`{"data":{"shop":{}}}`: "missing_field at data.order", `{"data":{"orders":{}}}`: "missing_field at data.orders.edges",
		`{"data":{"orders":{"nodes":[],"pageInfo":{"hasNextPage":true}}}}`: "", `{"order":[]}`: "wrong_type at order",
		`{"id":1} x`: "malformed_json at ", `{"data":{"orders":{"edges":[{}]}}}`: "missing_field at data.orders.edges[0].node", `{"id":1}{`: "malformed_json at ",
	} {
		parts, err := New().Split([]byte(body))
		got := ""
		if err != nil {
			got = string(hub.CodeOf(err)) + " at " + hub.PathOf(err)
		}
		if got != want || len(parts) != 0 {
			t.Errorf("%s: %d parts, %q, want %q", body, len(parts), got, want)
		}
	}
}

// TestTopicsAreTopics: the topic is not signed and is kept in clear, so what is no topic is not kept.
func TestTopicsAreTopics(t *testing.T) {
	for given, want := range map[string]string{
		"orders/create": "orders/create", "Orders/Create": "Orders/Create", "customers/data_request": "customers/data_request", "customer.tags_added": "customer.tags_added", "": "",
		"ana@example.com": "?", "Ana": "?", "orders/ana@example.com": "?", "orders/52998224725": "?", "orders create/": "?",
	} {
		header := sign([]byte("{}"), "secret", notice(given))
		n, err := New().Verify(driver.Signed{Header: header, Body: []byte("{}"), Secrets: []string{"secret"}})
		if err != nil || n.Topic != want {
			t.Errorf("%q is kept as %q, %v", given, n.Topic, err)
		}
	}
}

// TestRepeatedHeaders: a header that comes twice has no meaning that we could pick.
func TestRepeatedHeaders(t *testing.T) {
	for _, name := range []string{"X-Shopify-Topic", "X-Shopify-Shop-Domain", "X-Shopify-Webhook-Id", "X-Shopify-Api-Version", "X-Shopify-Triggered-At"} {
		header := sign([]byte("{}"), "secret", notice("orders/create"))
		header.Add(name, "orders/delete")
		if _, err := New().Verify(driver.Signed{Header: header, Body: []byte("{}"), Secrets: []string{"secret"}}); hub.KindOf(err) != hub.KindInvalid || hub.PathOf(err) != name {
			t.Errorf("%s twice: %v", name, err)
		}
	}
	header := sign([]byte("{}"), "secret", notice("orders/create"))
	header.Set("X-Shopify-Triggered-At", "yesterday")
	if n, err := New().Verify(driver.Signed{Header: header, Body: []byte("{}"), Secrets: []string{"secret"}}); err != nil || !n.TriggeredAt.IsZero() {
		t.Errorf("unknown spelling of a time: %v, %v", n.TriggeredAt, err)
	}
}
