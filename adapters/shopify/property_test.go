package shopify

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hub"
)

// generated is an order made up by rapid: the sums are worked out here, in minor units, apart from the driver.
type generated struct {
	Currency                                hub.Currency
	TaxIncluded, DutiesIncluded             bool
	Lines                                   []generatedLine
	Shipping, Discount, Tax, Duties, Tip    int64
	ShippingDiscount, Items, Fees, Expected int64
}

type generatedLine struct {
	Price, Quantity, Discount, Tax int64
}

func generate(t *rapid.T) generated {
	amount := rapid.Int64Range(0, 1_000_000_000)
	g := generated{
		Currency:    rapid.SampledFrom([]hub.Currency{"USD", "JPY", "KWD", "IDR", "CLF"}).Draw(t, "currency"),
		TaxIncluded: rapid.Bool().Draw(t, "tax included"), DutiesIncluded: rapid.Bool().Draw(t, "duties included"),
		Shipping: amount.Draw(t, "shipping"), Duties: amount.Draw(t, "duties"), Tip: amount.Draw(t, "tip"), Fees: amount.Draw(t, "fees"),
	}
	g.ShippingDiscount = rapid.Int64Range(0, g.Shipping).Draw(t, "shipping discount")
	g.Discount = g.ShippingDiscount
	for i := range rapid.IntRange(0, 12).Draw(t, "lines") {
		l := generatedLine{Price: amount.Draw(t, "price"), Quantity: rapid.Int64Range(0, 10_000).Draw(t, "quantity"), Tax: amount.Draw(t, "tax")}
		l.Discount = rapid.Int64Range(0, l.Price*l.Quantity).Draw(t, fmt.Sprint("discount ", i))
		g.Items += l.Price * l.Quantity
		g.Discount += l.Discount
		g.Tax += l.Tax
		g.Lines = append(g.Lines, l)
	}
	g.Expected = g.Items - g.Discount + g.Shipping + g.Tip + g.Fees
	if !g.TaxIncluded {
		g.Expected += g.Tax
	}
	if !g.DutiesIncluded {
		g.Expected += g.Duties
	}
	return g
}

func (g generated) text(minor int64) string {
	return hub.Money{Minor: minor, Currency: g.Currency}.Amount()
}

type object = map[string]any

// rest spells the order as a webhook body.
func (g generated) rest() object {
	set := func(minor int64) object {
		return object{"shop_money": object{"amount": g.text(minor), "currency_code": g.Currency}}
	}
	lines := []object{}
	for i, l := range g.Lines {
		lines = append(lines, object{
			"id": i + 1, "product_id": 7, "title": "x", "quantity": l.Quantity, "price": g.text(l.Price),
			"tax_lines":            []object{{"title": "t", "rate": 0.1, "price": g.text(l.Tax), "price_set": set(l.Tax)}},
			"discount_allocations": []object{{"amount": g.text(l.Discount), "discount_application_index": 0}},
		})
	}
	return object{
		"id": 1, "updated_at": "2026-01-01T00:00:00Z", "currency": g.Currency, "presentment_currency": g.Currency,
		"taxes_included": g.TaxIncluded, "duties_included": g.DutiesIncluded, "total_price": g.text(g.Expected),
		"total_discounts": g.text(g.Discount), "total_tax": g.text(g.Tax), "total_tip_received": g.text(g.Tip),
		"original_total_duties_set": set(g.Duties), "original_total_additional_fees_set": set(g.Fees), "line_items": lines,
		"discount_applications": []object{{"type": "manual", "target_type": "line_item", "target_selection": "all", "title": "d"}},
		"shipping_lines": []object{{
			"id": 1, "price": g.text(g.Shipping),
			"discount_allocations": []object{{"amount": g.text(g.ShippingDiscount), "discount_application_index": 0}},
		}},
	}
}

// graphql spells the same order as the Admin API.
func (g generated) graphql() object {
	set := func(minor int64) object {
		return object{"shopMoney": object{"amount": g.text(minor), "currencyCode": g.Currency}}
	}
	allocation := func(minor int64) []object {
		return []object{{"allocatedAmountSet": set(minor), "discountApplication": object{"index": 0}}}
	}
	lines := []object{}
	for i, l := range g.Lines {
		lines = append(lines, object{
			"id": fmt.Sprint("gid://shopify/LineItem/", i+1), "product": object{"id": "gid://shopify/Product/7"}, "title": "x",
			"quantity": l.Quantity, "originalUnitPriceSet": set(l.Price), "discountAllocations": allocation(l.Discount),
			"taxLines": []object{{"title": "t", "rate": 0.1, "priceSet": set(l.Tax)}},
		})
	}
	return object{
		"id": "gid://shopify/Order/1", "updatedAt": "2026-01-01T00:00:00Z", "currencyCode": g.Currency, "presentmentCurrencyCode": g.Currency,
		"taxesIncluded": g.TaxIncluded, "dutiesIncluded": g.DutiesIncluded, "totalPriceSet": set(g.Expected),
		"totalDiscountsSet": set(g.Discount), "totalTaxSet": set(g.Tax), "totalTipReceivedSet": set(g.Tip),
		"originalTotalDutiesSet": set(g.Duties), "originalTotalAdditionalFeesSet": set(g.Fees), "lineItems": object{"nodes": lines},
		"discountApplications":     object{"nodes": []object{{"targetType": "LINE_ITEM", "targetSelection": "ALL", "title": "d"}}},
		"displayFulfillmentStatus": "UNFULFILLED",
		"shippingLines": object{"edges": []object{{"node": object{
			"id": "gid://shopify/ShippingLine/1", "originalPriceSet": set(g.Shipping), "discountAllocations": allocation(g.ShippingDiscount),
		}}}},
	}
}

// TestIdentity: whatever an order is made of, its parts explain its total to the last unit, in both spellings.
func TestIdentity(t *testing.T) {
	d, orders, lines := New(), 0, 0
	read := func(t *rapid.T, o object) hub.Order {
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		draft, err := d.Order(text)
		if err != nil {
			t.Fatal(err)
		}
		return draft.Order
	}
	rapid.Check(t, func(t *rapid.T) {
		g := generate(t)
		o := read(t, g.rest())
		for _, sum := range []struct {
			name string
			got  *hub.Money
			want int64
		}{
			{"items", o.Totals.Items, g.Items}, {"discount", o.Totals.Discount, g.Discount}, {"tax", o.Totals.Tax, g.Tax},
			{"shipping", o.Totals.Shipping, g.Shipping}, {"duties", o.Totals.Duties, g.Duties}, {"tip", o.Totals.Tip, g.Tip},
			{"fees", o.Totals.Fees, g.Fees}, {"grand total", o.Totals.GrandTotal, g.Expected}, {"adjustment", o.Totals.Adjustment, 0},
			{"shipping discount", o.ShippingLines[0].Discount, g.ShippingDiscount}, {"all allocations", o.Discounts[0].Amount, g.Discount},
		} {
			if *sum.got != (hub.Money{Minor: sum.want, Currency: g.Currency}) {
				t.Fatalf("%s is %s, want %s", sum.name, sum.got, g.text(sum.want))
			}
		}
		if err := o.Check(); err != nil {
			t.Fatal(err)
		}
		one, _ := json.Marshal(o)
		two, _ := json.Marshal(read(t, g.graphql()))
		if !slices.Equal(one, two) {
			t.Fatalf("spellings differ:\n%s\n%s", one, two)
		}
		orders, lines = orders+1, lines+len(g.Lines)
	})
	t.Logf("%d generated orders with %d lines in two spellings, adjustment 0 in all", orders, lines)
}
