package mercadolibre

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// read reads an order that must be good.
func read(t testing.TB, document []byte) driver.Draft {
	t.Helper()
	draft, err := New().Order(document)
	if err != nil {
		t.Fatal(err)
	}
	return draft
}

func amount(m *hub.Money) string {
	if m == nil {
		return "unknown"
	}
	return m.Amount()
}

// field is one change of a good order and what must come of it.
type field struct {
	name    string
	changes []string
	get     func(hub.Order) any
	want    any
}

func check(t *testing.T, base []byte, fields []field) {
	t.Helper()
	for _, c := range fields {
		if got := c.get(read(t, edited(t, base, c.changes...)).Order); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// TestBareFields reads one field of a bare order at a time.
func TestBareFields(t *testing.T) {
	total := func(o hub.Order) any { return amount(o.Totals.GrandTotal) }
	refunded := func(o hub.Order) any { return amount(o.Totals.Refunded) + " of " + amount(o.Totals.CurrentTotal) }
	items := func(o hub.Order) any { return amount(o.Totals.Items) + " - " + amount(o.Totals.Discount) }
	updated := func(o hub.Order) any { return o.SourceUpdatedAt.Format(time.RFC3339Nano) }
	check(t, file(t, "bare.json"), []field{
		{"ids as texts", []string{"id", `"2000010000000021"`, "buyer.id", `"700001"`, "payments.1.id", `"900000004"`}, func(o hub.Order) any { return o.ExternalID + hub.ExternalID(o.Buyer.ExternalID) }, hub.ExternalID("2000010000000021700001")},
		{"id above 2^53", []string{"id", "9007199254740993"}, func(o hub.Order) any { return o.ExternalID }, hub.ExternalID("9007199254740993")},
		{"the larger version", []string{"date_last_updated", `"2026-03-02T00:00:00Z"`}, updated, "2026-03-02T00:00:00Z"},
		{"the larger version, other way", []string{"date_last_updated", `"2026-03-01T00:00:00+00:00"`}, updated, "2026-03-01T13:01:00Z"},
		{"no version but one", []string{"last_updated", "null", "date_last_updated", `"2026-03-01T14:00:00.5Z"`}, updated, "2026-03-01T14:00:00.5Z"},
		{"no version", []string{"last_updated", removed}, updated, "2026-03-01T13:00:30Z"},
		{"offset without a colon", []string{"date_created", `"2026-03-01T09:00:00.123-0400"`}, func(o hub.Order) any { return o.PlacedAtLocal }, "2026-03-01T09:00:00.123-04:00"},
		{"gross_price is for all units", []string{"order_items.0.gross_price", "150", "order_items.0.quantity", "1"}, items, "150.00 - 50.00"},
		{"full_unit_price is for one", []string{"order_items.0.quantity", "3", "total_amount", "300"}, items, "360.00 - 60.00"},
		{"full price in another currency", []string{"order_items.0.full_unit_price_currency_id", `"USD"`}, items, "100.00 - 0.00"},
		{"gross below what was paid", []string{"order_items.0.gross_price", "99.99"}, items, "100.00 - 0.00"},
		{"no gross price", []string{"order_items.0.full_unit_price", "null"}, items, "100.00 - 0.00"},
		{"no total", []string{"total_amount", "null"}, total, "100.00"},
		{"zero-fee items pay no commission", []string{"order_items.0.sale_fee", "null"}, func(o hub.Order) any { return o.Settlement == nil }, true},
		{"float noise", []string{"order_items.0.sale_fee", "14.290000000000001"}, func(o hub.Order) any { return amount(o.Settlement.Commission) }, "14.29"},
		{"coupon of the order", []string{"coupon", `{"id":7,"amount":12.5}`}, func(o hub.Order) any {
			return amount(o.Totals.GrandTotal) + " " + amount(o.Totals.Discount) + " " + amount(o.Lines[0].Total)
		}, "87.50 32.50 87.50"},
		{"coupon of a payment", []string{"payments.1.coupon_amount", "12.5"}, total, "87.50"},
		{"coupon of a refused payment", []string{"payments.0.coupon_amount", "12.5"}, total, "100.00"},
		{"the order's coupon is the payment's", []string{"payments.1.coupon_amount", "12.5", "coupon", `{"amount":12.5}`}, total, "87.50"},
		{"tax", []string{"taxes", `{"amount":1.5,"currency_id":"BRL"}`}, func(o hub.Order) any { return amount(o.Totals.GrandTotal) + strconv.FormatBool(o.TaxIncluded) }, "101.50false"},
		{"no tax in another currency", []string{"taxes", `{"amount":0,"currency_id":"ARS"}`}, func(o hub.Order) any { return o.Totals.Tax == nil && o.TaxIncluded }, true},
		{"total that the items do not explain", []string{"total_amount", "101"}, func(o hub.Order) any { return amount(o.Totals.Adjustment) }, "1.00"},
		{"refund", []string{"payments.1.transaction_amount_refunded", "30"}, refunded, "30.00 of 70.00"},
		{"refunded without an amount", []string{"payments.1.status", `"refunded"`, "payments.1.transaction_amount_refunded", "null"}, refunded, "100.00 of 0.00"},
		{"refunded with an amount", []string{"payments.1.status", `"refunded"`, "payments.1.transaction_amount_refunded", "40"}, refunded, "40.00 of 60.00"},
		{"a refund that no payment names", []string{"status", `"partially_refunded"`}, refunded, "unknown of unknown"},
		{"refund in another currency", []string{"payments.1.currency_id", `"USD"`, "payments.1.transaction_amount_refunded", "4"}, refunded, "unknown of unknown"},
		{"no payments", []string{"payments", "[]"}, refunded, "unknown of 100.00"},
		{"cancelled", []string{"status", `"cancelled"`}, func(o hub.Order) any { return amount(o.Totals.CurrentTotal) + " " + string(o.PaymentStatus) }, "0.00 paid"},
		{"cancelled before it was paid", []string{"status", `"cancelled"`, "payments", "[]"}, func(o hub.Order) any { return o.PaymentStatus }, hub.PaymentVoided},
		{"unfulfilled is cancelled only when paid", []string{"tags", `["unfulfilled"]`, "status", `"confirmed"`}, func(o hub.Order) any { return o.Status }, hub.StatusOpen},
		{"fraud", []string{"tags", `["paid","fraud_risk_detected"]`}, func(o hub.Order) any { return o.HoldReason }, "fraud_risk_detected"},
		{"delivered by tag is not believed", []string{"tags", `["paid","delivered"]`}, func(o hub.Order) any { return o.Fulfillment }, hub.FulfillmentStatus("")},
		{"buyer reduced to an id", []string{"buyer", `{"id":7}`}, func(o hub.Order) any { return o.Buyer.ExternalID + o.Buyer.Name }, "7"},
		{"nobody", []string{"buyer", `{}`}, func(o hub.Order) any { return o.Buyer == nil }, true},
		{"masked", []string{"buyer", `{"id":7,"first_name":"M****a","last_name":"***","nickname":"*"}`}, func(o hub.Order) any { return o.Buyer.Name == "" && o.Buyer.Attributes == nil }, true},
		{"status detail as object", []string{"status_detail", `{"code":"","description":null}`}, func(o hub.Order) any { return o.Status }, hub.StatusOpen},
		{"the same item twice", []string{"order_items", `[{"item":{"id":"MLB1"},"quantity":1,"unit_price":60},{"item":{"id":"MLB1"},"quantity":1,"unit_price":40}]`}, func(o hub.Order) any { return o.Lines[0].ExternalID + " " + o.Lines[1].ExternalID }, "MLB1 MLB1#2"},
		{"free", []string{"order_items.0.unit_price", "0", "order_items.0.full_unit_price", "0", "total_amount", "0"}, func(o hub.Order) any { return amount(o.Totals.GrandTotal) }, "0.00"},
	})
}

// TestFetchedFields reads one field of an order with all that belongs to it at a time.
func TestFetchedFields(t *testing.T) {
	freight := func(o hub.Order) any { return amount(o.Totals.Shipping) + " " + string(o.Totals.Basis) }
	seller := func(o hub.Order) any { return amount(o.Settlement.SellerShipping) }
	goods := func(o hub.Order) any { return o.Fulfillment }
	check(t, file(t, "pack_first.json"), []field{
		{"as fetched", nil, freight, "19.90 computed"},
		{"no costs", []string{"costs", "[]", "shipments.0.lead_time.cost", "18"}, freight, "18.00 computed"},
		{"the seller's part without costs", []string{"costs", removed}, seller, "unknown"},
		{"costs of another shipment", []string{"costs.0.shipment_id", "44000000009", "shipments.0.lead_time", "null"}, freight, "unknown partial"},
		{"old format", []string{"costs", removed, "shipments.0.lead_time", removed, "shipments.0.shipping_option", `{"id":1,"name":"Normal","cost":7.5,"list_cost":56.7,"currency_id":"BRL"}`}, freight, "7.50 computed"},
		{"nothing costs anything", []string{"costs", removed, "shipments.0.lead_time", removed}, freight, "unknown partial"},
		{"another currency", []string{"shipments.0.lead_time.currency_id", `"USD"`}, freight, "unknown partial"},
		{"no shipments yet", []string{"shipments", "[]"}, freight, "unknown partial"},
		{"shipments not read", []string{"shipments", removed}, freight, "unknown partial"},
		{"one object for a list", []string{"shipments", `{"id":44000000001,"status":"shipped","shipping_option":{"cost":3}}`, "costs", removed}, freight, "3.00 computed"},
		{"only the way back", []string{"shipments", `[{"id":44000000002,"type":"return","status":"delivered"},{"id":44000000003,"type":"return_to_buyer","status":"shipped"}]`}, freight, "unknown partial"},
		{"the way back first", []string{"shipments", `[{"id":44000000002,"type":"return","status":"delivered","shipping_option":{"cost":20}},{"id":44000000001,"type":"forward","status":"shipped","shipping_option":{"cost":0}}]`}, freight, "19.90 computed"},
		{"pack not read", []string{"pack", removed}, freight, "unknown partial"},
		{"pack not read and free", []string{"pack", removed, "costs.0.costs.receiver.cost", "0"}, freight, "0.00 computed"},
		{"pack without this order", []string{"pack.orders", `[{"id":7}]`}, freight, "unknown partial"},
		{"not the first of the pack", []string{"pack.orders", `[{"id":2000010000000009},{"id":7}]`}, freight, "0.00 computed"},
		{"first by number, not by text", []string{"pack.orders", `[{"id":2000010000000009},{"id":10000000000000009}]`}, freight, "19.90 computed"},
		{"the seller's part not of the first", []string{"pack.orders", `[{"id":2000010000000009},{"id":7}]`}, seller, "0.00"},
		{"the seller's part among several", []string{"costs.0.costs.senders", `[{"user_id":9,"cost":99},{"user_id":"500001","cost":4.2}]`}, seller, "4.20"},
		{"a pack of one", []string{"order.pack_id", "null", "pack", removed}, freight, "19.90 computed"},
		{"returned", []string{"returns", `[{"status":"delivered","subtype":"return_total","orders":[{"order_id":"2000010000000009"}]}]`}, goods, hub.Returned},
		{"some returned", []string{"returns", `[{"status":"delivered","subtype":"return_partial","orders":[{"order_id":2000010000000009}]}]`}, goods, hub.Unfulfilled},
		{"on the way back", []string{"returns", `[{"status":"shipped","subtype":"return_total","orders":[{"order_id":2000010000000009}]}]`}, goods, hub.Unfulfilled},
		{"another order's return", []string{"returns", `[{"status":"delivered","subtype":"return_total","orders":[{"order_id":7}]}]`}, goods, hub.Unfulfilled},
		{"delivered completes", []string{"shipments.0.status", `"delivered"`, "shipments.0.substatus", "null"}, func(o hub.Order) any { return o.Status }, hub.StatusCompleted},
		{"platform's warehouse", []string{"shipments.0.logistic.type", `"fulfillment"`}, func(o hub.Order) any { return o.FulfilledBy }, "platform"},
		{"no discounts resource", []string{"discounts", removed}, func(o hub.Order) any {
			return amount(o.Totals.DiscountPlatform) + " " + o.Discounts[0].FundedBy + " " + o.Discounts[1].Kind
		}, "unknown unknown order"},
		{"no discounts in it", []string{"discounts.details", "[]"}, func(o hub.Order) any { return amount(o.Totals.DiscountPlatform) }, "0.00"},
		{"person of the billing data", []string{"order.buyer.first_name", "null", "order.buyer.last_name", "null", "billing_info.buyer.billing_info.attributes", `{"customer_type":"CO"}`}, func(o hub.Order) any { return o.Buyer.Name + "|" + o.Buyer.Company }, "Lanterns Ltda|"},
		{"hidden address", []string{"shipments.0.destination", `{"receiver_name":null,"shipping_address":{"address_line":"XXXXXXX","street_name":"XXXXXXX","zip_code":"XXXXXXX","city":{"name":null}}}`}, func(o hub.Order) any { return o.Buyer.ShippingAddress == nil }, true},
		{"a country code that is none", []string{"shipments.0.destination.shipping_address.country", `{"id":"BRA","name":"Brasil"}`}, func(o hub.Order) any {
			return o.Buyer.ShippingAddress.CountryCode + o.Buyer.ShippingAddress.Country
		}, "Brasil"},
		{"address line", []string{"shipments.0.destination.shipping_address", `{"address_line":"Calle 1","zip_code":1234}`}, func(o hub.Order) any { return o.Buyer.ShippingAddress.Line1 + o.Buyer.ShippingAddress.PostalCode }, "Calle 11234"},
	})
}

// TestEnriched: only a reading in which nothing was missing counts as one of what belongs to the order.
func TestEnriched(t *testing.T) {
	whole := file(t, "pack_first.json")
	version := read(t, whole).Order.SourceUpdatedAt
	for name, c := range map[string]struct {
		changes []string
		want    time.Time
		lacks   string
	}{
		"whole":             {nil, time.Date(2026, 3, 2, 14, 0, 5, 0, time.UTC), ""},
		"absent parts":      {[]string{"absent", `["billing_info","discounts"]`}, time.Date(2026, 3, 2, 14, 0, 5, 0, time.UTC), ""},
		"content missing":   {[]string{"partial", `["shipping","buyer","shipping"]`}, time.Time{}, "buyer shipping"},
		"no platform clock": {[]string{"read_at", removed}, version, ""},
		"neither":           {[]string{"read_at", removed, "partial", `["seller"]`}, time.Time{}, "seller"},
	} {
		got := read(t, edited(t, whole, c.changes...))
		if lacks := strings.Join(got.Lacks, " "); !got.EnrichedAt.Equal(c.want) || lacks != c.lacks {
			t.Errorf("%s: %v without %q", name, got.EnrichedAt, lacks)
		}
	}
	if got := read(t, file(t, "bare.json")); !got.EnrichedAt.IsZero() || len(got.Lacks) != len(belongings) {
		t.Errorf("bare: %v without %v", got.EnrichedAt, got.Lacks)
	}
}

// TestPackFreight: the freight of a pack is in one of its orders.
func TestPackFreight(t *testing.T) {
	sum, sellers := int64(0), int64(0)
	for _, name := range []string{"pack_first.json", "pack_second.json"} {
		o := read(t, file(t, name)).Order
		sum, sellers = sum+o.Totals.Shipping.Minor, sellers+o.Settlement.SellerShipping.Minor
	}
	if sum != 1990 || sellers != 745 {
		t.Errorf("the buyer pays %d, the seller %d", sum, sellers)
	}
}

// TestRecordedBilling adds each recorded answer about tax data to an order.
func TestRecordedBilling(t *testing.T) {
	for name, want := range map[string]string{
		"billing_info_old_shape_mlc.json": "111111111 ana muñoz||Calle Ejemplo 123",
		"billing_mco_person.json":         "73160000 Adrian Garces||Pasaje Beethoven #10-11",
		"billing_mla_company.json":        "307722738 |Apple Argentina|Aysen 30",
		"billing_mlb_cpf.json":            "32659430 María Lupita Gomez Blanco||Nicolau de Marcos 05",
		"billing_mlc_person.json":         "159321126 Tamara nicolt larenas reyes||Pasaje Beethoven 56",
		"billing_mlm_final_consumer.json": "CUPU800825569 Juan Soraes Sanchez||Calle 134A #18A 05",
		"billing_mpe_person.json":         "70999999 Adrian Garces||",
	} {
		b := read(t, edited(t, file(t, "pack_second.json"), "billing_info", string(recorded(t, name)), "order.buyer", `{"id":7}`)).Order.Buyer
		line := ""
		if b.BillingAddress != nil {
			line = b.BillingAddress.Line1
		}
		if got := b.TaxID + " " + b.Name + "|" + b.Company + "|" + line; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestRecordedShipments reads the recorded list of shipments, the discounts and the pack with an order.
func TestRecordedShipments(t *testing.T) {
	o := read(t, edited(t, file(t, "pack_second.json"), "order.pack_id", "null", "pack", removed, "costs", removed,
		"shipments", string(recorded(t, "order_shipments_forward_and_return.json")))).Order
	if o.Fulfillment != hub.Delivered || amount(o.Totals.Shipping) != "0.00" || len(o.Fulfillments) != 1 || o.Fulfillments[0].ShippedAt.Format(time.DateOnly) != "2026-04-09" {
		t.Errorf("%s, freight %s, %d parcels", o.Fulfillment, amount(o.Totals.Shipping), len(o.Fulfillments))
	}
	for name, part := range map[string]string{"order_shipments_hosted_view.json": "shipments", "order_discounts.json": "discounts", "pack_two_orders.json": "pack"} {
		changes := []string{part, string(recorded(t, name))}
		if part == "pack" {
			changes = append(changes, "order.pack_id", "2000006181551917", "order.id", "2000009047707726")
		}
		o := read(t, edited(t, file(t, "pack_second.json"), changes...)).Order
		switch part {
		case "pack":
			if amount(o.Totals.Shipping) != "19.90" {
				t.Errorf("the lowest order of the recorded pack pays %s", amount(o.Totals.Shipping))
			}
		case "discounts":
			if amount(o.Totals.DiscountPlatform) != "893.40" || len(o.Discounts) != 2 {
				t.Errorf("the platform pays %s in %d discounts", amount(o.Totals.DiscountPlatform), len(o.Discounts))
			}
		case "shipments":
			if len(o.Fulfillments) != 1 || o.Fulfillments[0].ExternalID != "46803546483" {
				t.Errorf("parcels %+v", o.Fulfillments)
			}
		}
	}
}

// TestManyLines: an order may have thousands of lines though none was seen with more than one.
func TestManyLines(t *testing.T) {
	line := []byte(`{"item":{"id":"MLB1","title":"Lanterna","seller_sku":"L"},"quantity":2,"unit_price":10.01,"full_unit_price":12.00,"sale_fee":1.5}`)
	lines := bytes.Repeat(append(line, ','), 3000)
	o := read(t, edited(t, file(t, "bare.json"), "order_items", "["+strings.TrimSuffix(string(lines), ",")+"]", "total_amount", "60060.00", "coupon", `{"amount":0.07}`)).Order
	if len(o.Lines) != 3000 || amount(o.Totals.Items) != "72000.00" || amount(o.Totals.GrandTotal) != "60059.93" || amount(o.Totals.Adjustment) != "0.00" || amount(o.Settlement.Commission) != "9000.00" {
		t.Errorf("%d lines, items %s, total %s", len(o.Lines), amount(o.Totals.Items), amount(o.Totals.GrandTotal))
	}
	seen := map[string]bool{}
	for _, l := range o.Lines {
		seen[l.ExternalID] = true
	}
	if len(seen) != 3000 {
		t.Errorf("%d ids for 3000 lines", len(seen))
	}
	t.Logf("%d lines", len(o.Lines))
}

// TestSkimOthers: a pack, a shipment or a claim has an id and a time, and is no order.
func TestSkimOthers(t *testing.T) {
	for name, body := range map[string]string{
		"pack":     `{"id":2000006181551917,"status":"released","date_created":"2024-08-15T17:38:30.000-0400","last_updated":"2024-08-15T17:42:52.000-0400","orders":[{"id":7}]}`,
		"wrapped":  `{"order":{"id":7,"status":"paid","date_created":"2024-08-15T17:38:30.000-0400"}}`,
		"no order": `{"id":7,"order_items":[]}`, "list": `[{"id":7}]`, "nothing": ``,
	} {
		if got := New().Skim(driver.Delivery{Body: []byte(body)}); got != (driver.Gist{}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := New().Skim(driver.Delivery{Body: edited(t, file(t, "pack_first.json"), "order.buyer.id", "-1", "costs", `"x"`)}); got.ExternalID != "2000010000000009" || got.SourceUpdatedAt.IsZero() || got.Total != nil {
		t.Errorf("an order with broken costs: %+v", got)
	}
}

// TestSplitRefuses: no order vanishes without a word.
func TestSplitRefuses(t *testing.T) {
	for document, code := range map[string]hub.Code{
		`"x"`: hub.CodeWrongType, `[7]`: hub.CodeWrongType, `[null]`: hub.CodeMissing, `{"results":null}`: hub.CodeMissing, `{"results":{}}`: hub.CodeWrongType,
		`{"results":[{"id":1},"x"]}`: hub.CodeWrongType, ``: hub.CodeMalformed, `{"id":1} x`: hub.CodeMalformed,
	} {
		if parts, err := New().Split([]byte(document)); hub.CodeOf(err) != code || parts != nil {
			t.Errorf("%s: %d parts, %v", document, len(parts), err)
		}
	}
}

// TestShop takes a user id and nothing else.
func TestShop(t *testing.T) {
	for name, want := range map[string]string{"468424240": "468424240", " 9223372036854775807\n": "9223372036854775807"} {
		if got, err := New().Shop(name); err != nil || got != want {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "0", "-1", "+7", "007", "1.0", "1e3", "７", "TESTUSER7", "1 2", "1/2", "9223372036854775808", "1\x00", "me"} {
		if got, err := New().Shop(name); hub.CodeOf(err) != "shop_invalid" || hub.PathOf(err) != "shop" || got != "" {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

// TestReadHoldsTheSeller: a notification for another seller than the connection's is none of its business.
func TestReadHoldsTheSeller(t *testing.T) {
	body := []byte(notification("orders_v2", "/orders/7"))
	n := driver.Notice{Topic: "orders_v2", Unproven: true}
	if _, err := New().Read(driver.Delivery{Notice: n, Account: "500002", Body: body}); hub.CodeOf(err) != hub.CodeShopMismatch || hub.PathOf(err) != "user_id" {
		t.Errorf("another seller's: %v", err)
	}
	if _, err := New().Account([]byte(`{"topic":"items"}`)); hub.CodeOf(err) != hub.CodeMissing {
		t.Errorf("nobody's: %v", err)
	}
}
