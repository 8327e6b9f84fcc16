package mercadolibre

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hub"
	"hub/adapters/driver/strictjson"
)

// basket is a pack of which some orders were cancelled before there was a parcel, some were split off, and some are another
// seller's.
type basket struct {
	orders    []int64
	foreign   []int64           // of other sellers: listed in the pack or not, and in no answer about a parcel
	parcel    map[int64]int     // of each order; none: it was cancelled before
	cost      map[int]freightOf // of each parcel
	packLists []int64           // what the pack shows to this app
	packTells bool
}

type freightOf struct{ buyer, seller int64 }

func drawBasket(t *rapid.T) basket {
	ids := rapid.SliceOfNDistinct(rapid.Int64Range(1, 1<<62), 2, 7, rapid.ID).Draw(t, "ids")
	b := basket{parcel: map[int64]int{}, cost: map[int]freightOf{}, packTells: rapid.IntRange(0, 3).Draw(t, "pack") > 0}
	amount := rapid.Int64Range(0, 100_000)
	for i, id := range ids {
		if i > 0 && rapid.IntRange(0, 3).Draw(t, "foreign") == 0 {
			b.foreign = append(b.foreign, id)
			if rapid.Bool().Draw(t, "shown") {
				b.packLists = append(b.packLists, id)
			}
			continue
		}
		b.orders, b.packLists = append(b.orders, id), append(b.packLists, id)
		if rapid.IntRange(0, 3).Draw(t, "cancelled") > 0 {
			n := rapid.IntRange(0, 1).Draw(t, "parcel")
			b.parcel[id] = n
			b.cost[n] = freightOf{amount.Draw(t, "buyer"), amount.Draw(t, "seller")}
		}
	}
	return b
}

// document is what Fetch makes of one of the orders.
func (b basket) document(t *rapid.T, id int64) []byte {
	order := object{
		"id": id, "pack_id": 9, "date_created": "2026-01-01T00:00:00.000-04:00", "last_updated": "2026-01-01T00:00:00.000-04:00", "currency_id": "BRL",
		"status": "cancelled", "total_amount": 10, "seller": object{"id": 5}, "order_items": []object{{"item": object{"id": "MLB1"}, "quantity": 1, "unit_price": 10}},
	}
	whole := object{"order": order}
	if b.packTells {
		var list []object
		for _, other := range b.packLists {
			list = append(list, object{"id": other})
		}
		whole["pack"] = object{"id": 9, "orders": list}
	}
	if n, there := b.parcel[id]; there {
		order["status"] = "paid"
		var items []object
		for _, other := range b.orders {
			if in, travels := b.parcel[other]; travels && in == n {
				items = append(items, object{"order_id": other, "item_id": "MLB1"})
			}
		}
		whole["shipments"] = []object{{"id": 30 + n, "status": "shipped"}}
		whole["items"] = []object{{"shipment_id": 30 + n, "items": items}}
		money := func(minor int64) json.Number { return json.Number(hub.Money{Minor: minor, Currency: "BRL"}.Amount()) }
		whole["costs"] = []object{{"shipment_id": 30 + n, "costs": object{
			"receiver": object{"cost": money(b.cost[n].buyer)}, "senders": []object{{"user_id": 5, "cost": money(b.cost[n].seller)}},
		}}}
	}
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Whichever orders of a pack were cancelled before there was a parcel, split off or are another seller's, in whatever order ours
// are read: what the buyer pays for each parcel is on exactly one order that lives, and so is what the seller pays.
func TestFreightOfLivingOrders(t *testing.T) {
	d := New()
	baskets, parcels, orphans := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		b := drawBasket(t)
		var buyer, seller int64
		bearers := map[int]int{}
		for _, id := range rapid.Permutation(b.orders).Draw(t, "reading") {
			draft, err := d.Order(b.document(t, id))
			if err != nil {
				t.Fatal(err)
			}
			o := draft.Order
			n, lives := b.parcel[id]
			if !lives {
				if o.Totals.Shipping != nil && o.Totals.Shipping.Minor != 0 {
					t.Fatalf("%d is cancelled and bears %v", id, o.Totals.Shipping)
				}
				continue
			}
			if o.Totals.Shipping == nil || o.Settlement == nil || o.Settlement.SellerShipping == nil || o.Totals.Basis == hub.BasisPartial {
				t.Fatalf("the freight of %d is not known: %+v", id, o.Totals)
			}
			if o.Totals.GrandTotal.Minor != 1000+o.Totals.Shipping.Minor || o.ShippingLines[0].Price.Minor != o.Totals.Shipping.Minor {
				t.Fatalf("%d: total %v with freight %v, a line of %v", id, o.Totals.GrandTotal, o.Totals.Shipping, o.ShippingLines[0].Price)
			}
			if o.Totals.Shipping.Minor > 0 {
				bearers[n]++
			}
			buyer, seller = buyer+o.Totals.Shipping.Minor, seller+o.Settlement.SellerShipping.Minor
		}
		for n, cost := range b.cost {
			if buyer, seller = buyer-cost.buyer, seller-cost.seller; bearers[n] > 1 {
				t.Fatalf("parcel %d is on %d orders", n, bearers[n])
			}
			parcels++
		}
		if buyer != 0 || seller != 0 {
			t.Fatalf("the orders have %d more than the buyer paid, and %d more than the seller", buyer, seller)
		}
		if _, lives := b.parcel[slices.Min(append(slices.Clone(b.orders), b.foreign...))]; !lives && len(b.parcel) > 0 {
			orphans++
		}
		baskets++
	})
	if orphans == 0 {
		t.Error("the first order of a pack was always in a parcel")
	}
	t.Logf("%d packs with %d parcels, the lowest id of %d packs is in none; 0 lost, 0 counted twice", baskets, parcels, orphans)
}

// What a search tells of an order is its total without the freight, and nothing where the entry is not whole.
func TestListedTotal(t *testing.T) {
	d, told, none := New(), 0, 0
	rapid.Check(t, func(t *rapid.T) {
		g := generate(t)
		document := g.document()
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		draft, err := d.Order(text)
		if err != nil {
			t.Fatal(err)
		}
		order := document["order"].(object)
		lacks := rapid.SampledFrom([]string{"", "", "", "total_amount", "taxes", "payments"}).Draw(t, "lacks")
		delete(order, lacks)
		if text, err = json.Marshal(order); err != nil {
			t.Fatal(err)
		}
		entry, err := strictjson.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		seen, err := d.seen(entry)
		if err != nil {
			t.Fatal(err)
		}
		got := seen.Total
		if lacks != "" {
			if none++; got != nil {
				t.Fatalf("%v without %s", got, lacks)
			}
			return
		}
		want, err := draft.Order.Totals.GrandTotal.Sub(*draft.Order.Totals.Shipping)
		if err != nil || got == nil || *got != want {
			t.Fatalf("%v is listed, the order's is %v (%v)", got, want, err)
		}
		told++
	})
	t.Logf("%d totals told and right, %d not told", told, none)
}
