package mercadolibre

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"hub"
)

// generated is an order made up by rapid: the sums are worked out here, in minor units, apart from the driver.
type generated struct {
	Currency                     hub.Currency
	Lines                        []generatedLine
	Tax, Freight, Coupon, Sender int64
	Pack                         []int64 // ids of the pack's orders, the first is this one's; empty: no pack
	Refunds                      []int64
	Items, Sold, Fees            int64
}

type generatedLine struct {
	Price, Off, Quantity, Fee int64
	Gross                     bool // told as gross_price, else as full_unit_price
}

func generate(t *rapid.T) generated {
	amount := rapid.Int64Range(0, 1_000_000_000)
	g := generated{
		Currency: rapid.SampledFrom([]hub.Currency{"BRL", "CLP", "COP", "CLF", "USD"}).Draw(t, "currency"),
		Tax:      amount.Draw(t, "tax"), Freight: amount.Draw(t, "freight"), Coupon: amount.Draw(t, "coupon"), Sender: amount.Draw(t, "sender"),
		Pack:    rapid.SliceOfNDistinct(rapid.Int64Range(1, 1<<62), 0, 4, rapid.ID).Draw(t, "pack"),
		Refunds: rapid.SliceOfN(amount, 1, 3).Draw(t, "refunds"),
	}
	for range rapid.IntRange(1, 8).Draw(t, "lines") {
		l := generatedLine{
			Price: amount.Draw(t, "price"), Off: amount.Draw(t, "off"), Quantity: rapid.Int64Range(0, 10_000).Draw(t, "quantity"),
			Fee: amount.Draw(t, "fee"), Gross: rapid.Bool().Draw(t, "gross"),
		}
		g.Items += (l.Price + l.Off) * l.Quantity
		g.Sold += l.Price * l.Quantity
		g.Fees += l.Fee * l.Quantity
		g.Lines = append(g.Lines, l)
	}
	return g
}

func (g generated) number(minor int64) json.Number {
	return json.Number(hub.Money{Minor: minor, Currency: g.Currency}.Amount())
}

type object = map[string]any

// document spells the order as Fetch would.
func (g generated) document() object {
	lines, payments := []object{}, []object{}
	for i, l := range g.Lines {
		line := object{"item": object{"id": "MLB" + string(rune('a'+i))}, "quantity": l.Quantity, "unit_price": g.number(l.Price), "sale_fee": g.number(l.Fee)}
		if l.Gross {
			line["gross_price"] = g.number((l.Price + l.Off) * l.Quantity)
		} else {
			line["full_unit_price"] = g.number(l.Price + l.Off)
		}
		lines = append(lines, line)
	}
	for i, r := range g.Refunds {
		payments = append(payments, object{"id": i + 1, "status": "approved", "transaction_amount": g.number(r + 1), "transaction_amount_refunded": g.number(r)})
	}
	id, whole := int64(7), object{}
	order := object{
		"date_created": "2026-01-01T00:00:00.000-04:00", "last_updated": "2026-01-01T00:00:00.000-04:00", "currency_id": g.Currency, "status": "paid",
		"total_amount": g.number(g.Sold), "order_items": lines, "payments": payments, "taxes": object{"amount": g.number(g.Tax), "currency_id": g.Currency},
		"coupon": object{"amount": g.number(g.Coupon)}, "seller": object{"id": 5},
	}
	if len(g.Pack) > 0 {
		id = g.Pack[0]
		orders := []object{}
		for _, other := range g.Pack {
			orders = append(orders, object{"id": other})
		}
		order["pack_id"], whole["pack"] = 9, object{"id": 9, "orders": orders}
	}
	order["id"], whole["order"] = id, order
	whole["shipments"] = []object{{"id": 3, "status": "shipped"}}
	whole["costs"] = []object{{"shipment_id": 3, "costs": object{"receiver": object{"cost": g.number(g.Freight)}, "senders": []object{{"user_id": 5, "cost": g.number(g.Sender)}}}}}
	return whole
}

// TestIdentity: whatever an order is made of, its parts explain its total to the last unit, and its lines what was paid for
// the goods.
func TestIdentity(t *testing.T) {
	d, orders, lines, firsts := New(), 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		g := generate(t)
		text, err := json.Marshal(g.document())
		if err != nil {
			t.Fatal(err)
		}
		draft, err := d.Order(text)
		if err != nil {
			t.Fatal(err)
		}
		o := draft.Order
		freight, sender := g.Freight, g.Sender
		for _, other := range g.Pack {
			if other < g.Pack[0] {
				freight, sender = 0, 0
			}
		}
		if freight > 0 {
			firsts++
		}
		refunded := int64(0)
		for _, r := range g.Refunds {
			refunded += r
		}
		grand := g.Sold + g.Tax + freight - g.Coupon
		paid := int64(0)
		for _, l := range o.Lines {
			paid += l.Total.Minor
		}
		for _, sum := range []struct {
			name string
			got  *hub.Money
			want int64
		}{
			{"items", o.Totals.Items, g.Items}, {"discount", o.Totals.Discount, g.Items - g.Sold + g.Coupon}, {"tax", o.Totals.Tax, g.Tax},
			{"shipping", o.Totals.Shipping, freight}, {"grand total", o.Totals.GrandTotal, grand}, {"adjustment", o.Totals.Adjustment, 0},
			{"refunded", o.Totals.Refunded, refunded}, {"current total", o.Totals.CurrentTotal, grand - refunded},
			{"commission", o.Settlement.Commission, g.Fees}, {"seller's freight", o.Settlement.SellerShipping, sender},
			{"lines", &hub.Money{Minor: paid, Currency: g.Currency}, g.Sold - g.Coupon},
		} {
			if sum.got == nil || *sum.got != (hub.Money{Minor: sum.want, Currency: g.Currency}) {
				t.Fatalf("%s is %v, want %s", sum.name, sum.got, g.number(sum.want))
			}
		}
		if err := o.Check(); err != nil {
			t.Fatal(err)
		}
		orders, lines = orders+1, lines+len(g.Lines)
	})
	t.Logf("%d generated orders with %d lines, %d of them pay freight, adjustment 0 in all", orders, lines, firsts)
}
