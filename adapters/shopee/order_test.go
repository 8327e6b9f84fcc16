package shopee

import (
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
	base := file(t, "ready.json")
	for _, c := range []struct {
		name    string
		changes []string
		get     func(hub.Order) any
		want    any
	}{
		{"a name with a blank behind it", []string{"total_amount", removed, "total_amount ", "50"}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "50.00"},
		{"the name without one wins", []string{"total_amount ", "50"}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "46.49"},
		{"another case is another field", []string{"Total_Amount", "50"}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "46.49"},
		{"money as text", []string{"total_amount", `"46.49"`}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "46.49"},
		{"float noise", []string{"total_amount", "46.489999999999995"}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "46.49"},
		{"IDR has two digits", []string{"currency", `"IDR"`, "total_amount", "46"}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "46.00"},
		{"TWD has two digits", []string{"currency", `"TWD"`, "total_amount", "46"}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "46.00"},
		{"COP has two digits", []string{"currency", `"COP"`, "total_amount", "46"}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "46.00"},
		{"CLP has none", []string{"currency", `"CLP"`, "total_amount", "46", "estimated_shipping_fee", "4", "item_list.0.model_discounted_price", "8", "item_list.1.model_original_price", "25.0", "item_list.1.model_discounted_price", "25.00"}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "46"},
		{"the price is of one unit", nil, func(o hub.Order) any { return o.Lines[0].Subtotal.Amount() + " " + o.Lines[0].UnitPrice.Amount() }, "20.00 10.00"},
		{"a discounted price of nothing is not told", []string{"item_list.0.model_discounted_price", "0"}, func(o hub.Order) any {
			return o.Totals.Discount == nil && o.Lines[0].Discount == nil && o.Lines[0].Total.Amount() == "20.00"
		}, true},
		{"something free is", []string{"item_list.0.model_original_price", "0", "item_list.0.model_discounted_price", "0"}, func(o hub.Order) any { return o.Totals.Discount.Amount() }, "0.00"},
		{"no freight told", []string{"estimated_shipping_fee", "null"}, func(o hub.Order) any { return o.Totals.Shipping == nil && o.Totals.Adjustment.Amount() == "3.99" }, true},
		{"two prices of one item", []string{"item_list.1.item_id", "101", "item_list.1.order_item_id", "101"}, func(o hub.Order) any { return o.Lines[0].ExternalID + " " + o.Lines[1].ExternalID }, "101-0 101-201"},
		{"the same twice", []string{"item_list.1.item_id", "101", "item_list.1.order_item_id", "101", "item_list.1.model_id", "0"}, func(o hub.Order) any { return o.Lines[0].ExternalID + " " + o.Lines[1].ExternalID }, "101-0 101-0#2"},
		{"line_item_id", []string{"item_list.0.line_item_id", "9007199254740993"}, func(o hub.Order) any { return o.Lines[0].ExternalID }, "9007199254740993"},
		{"ids as text", []string{"item_list.0.item_id", `"101"`}, func(o hub.Order) any { return o.Lines[0].ProductID }, "101"},
		{"the SKU of the model", nil, func(o hub.Order) any { return o.Lines[0].SKU + " " + o.Lines[1].SKU }, "LAN LAN-RED"},
		{"one warehouse as text and as list", nil, func(o hub.Order) any { return o.LocationID }, "W1"},
		{"two warehouses", []string{"item_list.1.product_location_id", `"W2"`}, func(o hub.Order) any { return o.LocationID }, ""},
		{"masked name", []string{"recipient_address.name", `"M******e"`}, func(o hub.Order) any { return o.Buyer.Name + o.Buyer.ShippingAddress.Name }, ""},
		{"masked town", []string{"recipient_address.city", `"****"`}, func(o hub.Order) any { return o.Buyer.ShippingAddress.City }, ""},
		{"one star is a name", []string{"recipient_address.name", `"A*STAR Labs"`}, func(o hub.Order) any { return o.Buyer.Name }, "A*STAR Labs"},
		{"town and district", []string{"recipient_address.town", `"Old Town"`, "recipient_address.district", `"Harbour"`}, func(o hub.Order) any { return o.Buyer.ShippingAddress.Line2 }, "Old Town, Harbour"},
		{"the seller's note is not the buyer's", []string{"note", `"fragile"`}, func(o hub.Order) any { return o.Buyer.Note + "|" + o.Buyer.Attributes[0].Value }, "ring twice|fragile"},
		{"what somebody typed is not a mask", []string{"message_to_seller", `"**please** ring"`}, func(o hub.Order) any { return o.Buyer.Note }, "**please** ring"},
		{"tax number", []string{"buyer_cpf_id", `"39053344705"`}, func(o hub.Order) any { return o.Buyer.TaxID }, "39053344705"},
		{"nobody", []string{"buyer_user_id", "null", "buyer_username", "null", "recipient_address", "null", "message_to_seller", `""`}, func(o hub.Order) any { return o.Buyer == nil }, true},
		{"a parcel on its way", []string{"package_list.0.logistics_status", `"LOGISTICS_PICKUP_DONE"`}, func(o hub.Order) any { return o.Fulfillment }, hub.Fulfilled},
		{"a cancelled parcel does not count", []string{"order_status", `"SHIPPED"`, "package_list", `[{"logistics_status":"LOGISTICS_INVALID"},{"logistics_status":"LOGISTICS_PICKUP_DONE"}]`}, func(o hub.Order) any { return o.Fulfillment }, hub.Fulfilled},
		{"all arrived", []string{"order_status", `"SHIPPED"`, "package_list", `[{"logistics_status":"LOGISTICS_DELIVERY_DONE"}]`}, func(o hub.Order) any { return o.Fulfillment }, hub.Delivered},
		{"ship by never", []string{"ship_by_date", "0"}, func(o hub.Order) any { return o.ShipBy.IsZero() }, true},
	} {
		o := read(t, edited(t, base, c.changes...)).Order
		if got := c.get(o); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// TestEscrowFields does so with a fetched order.
func TestEscrowFields(t *testing.T) {
	base := file(t, "returned_part.json")
	const income, info = "escrow.order_income.", "escrow.buyer_payment_info."
	for _, c := range []struct {
		name    string
		changes []string
		get     func(hub.Order) any
		want    any
	}{
		{"the checkout explains the total", nil, func(o hub.Order) any { return o.Totals.Adjustment.Amount() + " " + o.Totals.Discount.Amount() }, "0 27560"},
		{"signs do not matter", []string{info + "shopee_voucher", "5260", info + "shopee_coins_redeemed", "900"}, func(o hub.Order) any { return o.Totals.Discount.Amount() }, "27560"},
		{"a checkout that does not add up is not believed", []string{info + "shopee_voucher", "-5261"}, func(o hub.Order) any { return o.Totals.Discount.Amount() + " " + o.Totals.Adjustment.Amount() }, "12070 -15490"},
		{"no checkout", []string{"escrow.buyer_payment_info", "null"}, func(o hub.Order) any { return o.Totals.Discount.Amount() }, "12070"},
		{"refunded without the returns", []string{"returns", "[]"}, func(o hub.Order) any { return o.Totals.Refunded.Amount() + " " + o.Totals.CurrentTotal.Amount() }, "25510 22930"},
		{"refunded: the price of the goods at last", []string{"returns", "[]", income + "drc_adjustable_refund", "0"}, func(o hub.Order) any { return o.Totals.Refunded.Amount() }, "28900"},
		{"no refund at all", []string{"returns", "[]", income + "drc_adjustable_refund", "0", income + "seller_return_refund", "0"}, func(o hub.Order) any { return o.Totals.Refunded.Amount() + " " + string(o.PaymentStatus) }, "0 paid"},
		{"a return that is still judged", []string{"returns.0.status", `"JUDGING"`}, func(o hub.Order) any { return len(o.Refunds) }, 0},
		{"final when completed", []string{"order.order_status", `"SHIPPED"`}, func(o hub.Order) any { return o.Settlement.Final }, false},
		{"the order's total without the escrow's", []string{income + "buyer_total_amount", removed}, func(o hub.Order) any { return o.Totals.GrandTotal.Amount() }, "48440"},
		{"an item with another quantity", []string{income + "items.0.quantity_purchased", "2", "order.item_list.0.model_discounted_price", "20000"}, func(o hub.Order) any { return o.Lines[0].Subtotal.Amount() + " " + o.Lines[0].Total.Amount() }, "33000 20000"},
		{"one item of the escrow is for one line", []string{"order.item_list.1.item_id", "101", "order.item_list.1.model_id", "0", "order.item_list.1.model_discounted_price", "20000", income + "items.1.item_id", "999"}, func(o hub.Order) any { return o.Lines[0].Total.Amount() + " " + o.Lines[1].Total.Amount() }, "23700 20000"},
		{"an item of the escrow by its line", []string{"order.item_list.0.line_item_id", "77", income + "items.0.line_item_id", "77", income + "items.0.item_id", "999", income + "items.0.discounted_price", "20000"}, func(o hub.Order) any { return o.Lines[0].Total.Amount() }, "20000"},
	} {
		o := read(t, edited(t, base, c.changes...)).Order
		if got := c.get(o); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// TestEnrichedAt: only a document that has everything says when it was read, so nothing poorer replaces it.
func TestEnrichedAt(t *testing.T) {
	base := file(t, "returned_part.json")
	at := time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		changes []string
		want    time.Time
		lacks   string
	}{
		{"whole", nil, at, ""},
		{"nothing missing", []string{"partial", "[]"}, at, ""},
		{"escrow missing", []string{"escrow", "null", "partial", `["returns","escrow","escrow"]`}, time.Time{}, "escrow returns"},
		{"escrow not there", []string{"escrow", removed}, at, ""}, // and it will not be
		{"returns missing", []string{"returns", "null", "partial", `["returns"]`}, time.Time{}, "returns"},
		{"no time", []string{"enriched_at", removed}, time.Time{}, ""},
	} {
		got := read(t, edited(t, base, c.changes...))
		if lacks := strings.Join(got.Lacks, " "); !got.EnrichedAt.Equal(c.want) || lacks != c.lacks {
			t.Errorf("%s: %s without %q, want %s without %q", c.name, got.EnrichedAt, lacks, c.want, c.lacks)
		}
	}
	ready := file(t, "ready.json")
	if got := read(t, ready); !got.EnrichedAt.IsZero() || strings.Join(got.Lacks, " ") != "escrow returns" {
		t.Errorf("a bare order was enriched at %s and lacks %q", got.EnrichedAt, got.Lacks)
	}
	if got := read(t, edited(t, ready, "order_status", `"UNPAID"`)); got.Lacks != nil {
		t.Errorf("an order that nobody paid lacks %q", got.Lacks)
	}
}

// TestLongOrder: 3,000 lines are an order like any other, and so is the most that is taken.
func TestLongOrder(t *testing.T) {
	for _, n := range []int{3000, maxLines} {
		draft := read(t, edited(t, long(t, file(t, "ready.json"), n), "total_amount", "null", "estimated_shipping_fee", "0"))
		want := hub.Money{Minor: int64(n) * 315, Currency: "SGD"}
		if got := *draft.Order.Totals.GrandTotal; got != want || len(draft.Order.Lines) != n || draft.Order.Lines[n-1].ExternalID == draft.Order.Lines[0].ExternalID {
			t.Errorf("%d lines: %d read, total %s, want %s", n, len(draft.Order.Lines), got, want)
		}
	}
}

// TestSplitRefuses: what holds no order is told where it is split, not as an order that lacks everything.
func TestSplitRefuses(t *testing.T) {
	for document, want := range map[string]string{
		notFound: "missing_field at response", `{"response":{}}`: "missing_field at response.order_list", `{"response":null}`: "missing_field at response",
		`{"response":{"order_list":[null]}}`: "missing_field at response.order_list[0]", `{"response":[]}`: "wrong_type at response", `7`: "wrong_type at ",
		`{"order_list":{}}`: "wrong_type at order_list", ``: "malformed_json at ",
	} {
		parts, err := New().Split([]byte(document))
		if got := string(hub.CodeOf(err)) + " at " + hub.PathOf(err); got != want || parts != nil {
			t.Errorf("%s: %q, want %q", document, got, want)
		}
	}
}

// TestSkimsNoPush: a push that names an order on top is still no order.
func TestSkimsNoPush(t *testing.T) {
	body := []byte(`{"code":3,"order_sn":"A1","update_time":1767312000,"currency":"SGD","total_amount":1}`)
	if got := New().Skim(driver.Delivery{Body: body}); got != (driver.Gist{}) {
		t.Errorf("%+v", got)
	}
}

// TestAccount reads the shop that a push names.
func TestAccount(t *testing.T) {
	for body, want := range map[string]string{
		`{"shop_id":7,"code":3}`: "7", `{"data":{"shop_id":7},"code":1}`: "7", `{"data":{"shopid":7},"code":2}`: "7",
		`{"data":{"shop_id_list":[7]},"code":1}`: "7", `{"shop_id":7,"data":{"shop_id":7,"shopid":"7"}}`: "7",
		`{"data":{"shop_id_list":[7,8]}}`: "missing_field", `{"data":{"merchant_id":7}}`: "missing_field", `{"data":{"main_account_id":7}}`: "missing_field",
		`{"shop_id":0}`: "missing_field", `[]`: "missing_field", `{"shop_id":7,"data":{"shopid":8}}`: "shop_mismatch",
		`{"shop_id":-7}`: "number_out_of_range", `{"shop_id":7.5}`: "number_out_of_range", `{"shop_id":[7]}`: "wrong_type", `{`: "malformed_json",
	} {
		got, err := New().Account([]byte(body))
		if got+string(hub.CodeOf(err)) != want {
			t.Errorf("%s: %q, %v", body, got, err)
		}
	}
}

// TestProbes: a trial of the address is answered whatever its signature, and is never anything else.
func TestProbes(t *testing.T) {
	for body, probe := range map[string]bool{
		"": true, `{"code":0}`: true, ` {"code":0,"data":{"ordersn":"260101READY001"},"shop_id":7} `: true,
		`{"code":"0"}`: false, `{"code":0.0}`: false, `{"code":false}`: false, `{"code":00}`: false, `{"data":{"code":0}}`: false,
		`{"code":3,"code":0}`: false, `{"Code":0}`: false, `[{"code":0}]`: false, ` `: false, "{}": false,
		`{"code":0,"x":"` + strings.Repeat("x", maxProbe) + `"}`: false,
	} {
		n, err := New().Verify(driver.Signed{Body: []byte(body), URL: hookURL, Secrets: []string{"key"}})
		if n.Probe != probe || probe != (err == nil) || !probe && hub.KindOf(err) != hub.KindUnauthentic {
			t.Errorf("%.40q: %+v, %v", body, n, err)
		}
		if n != (driver.Notice{Probe: probe}) {
			t.Errorf("%.40q: %+v", body, n)
		}
	}
}

// TestKeepsNothingMasked: no text with a run of asterisks comes out of a document that is masked all over.
func TestKeepsNothingMasked(t *testing.T) {
	text, err := json.Marshal(read(t, file(t, "unpaid_masked.json")).Order)
	if err != nil || strings.Contains(string(text), "**") {
		t.Errorf("%s, %v", text, err)
	}
}
