package shopee

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"hub"
)

type object = map[string]any

// generated is an order made up by rapid: the sums are worked out here, in minor units, apart from the driver.
type generated struct {
	Currency                                        hub.Currency
	Lines                                           []generatedLine
	Shipping, Items, Discount, Total                int64
	SellerVoucher, ShopeeVoucher, Coins, Promo, Pix int64
	Tax, Fee, Packaging                             int64
}

type generatedLine struct{ Original, Discounted, Quantity, Seller, Shopee int64 }

func generate(t *rapid.T) generated {
	amount := rapid.Int64Range(0, 1_000_000_000)
	g := generated{
		Currency: rapid.SampledFrom([]hub.Currency{"SGD", "VND", "IDR", "TWD", "COP", "CLP", "BRL"}).Draw(t, "currency"),
		Shipping: amount.Draw(t, "shipping"), SellerVoucher: amount.Draw(t, "seller voucher"), ShopeeVoucher: amount.Draw(t, "shopee voucher"),
		Coins: amount.Draw(t, "coins"), Promo: amount.Draw(t, "promotion"), Pix: amount.Draw(t, "pix"), Tax: amount.Draw(t, "tax"),
		Fee: amount.Draw(t, "fee"), Packaging: amount.Draw(t, "packaging"),
	}
	for i := range rapid.IntRange(1, 12).Draw(t, "lines") {
		l := generatedLine{Original: rapid.Int64Range(1, 1_000_000_000).Draw(t, fmt.Sprint("price ", i)), Quantity: rapid.Int64Range(1, 1000).Draw(t, "quantity")}
		l.Discounted = rapid.Int64Range(1, l.Original).Draw(t, "discounted")
		off := (l.Original - l.Discounted) * l.Quantity
		l.Shopee = rapid.Int64Range(0, off).Draw(t, "rebate")
		l.Seller = off - l.Shopee
		g.Items += l.Original * l.Quantity
		g.Discount += off
		g.Lines = append(g.Lines, l)
	}
	return g
}

// money spells an amount as a JSON number.
func (g generated) money(minor int64) json.RawMessage {
	return json.RawMessage(hub.Money{Minor: minor, Currency: g.Currency}.Amount())
}

// order is what get_order_detail answers.
func (g generated) order(total int64) object {
	lines := []object{}
	for i, l := range g.Lines {
		lines = append(lines, object{
			"item_id": i + 1, "model_id": 0, "item_name": "x", "model_quantity_purchased": l.Quantity,
			"model_original_price": g.money(l.Original), "model_discounted_price": g.money(l.Discounted),
		})
	}
	return object{
		"order_sn": "A1", "order_status": "COMPLETED", "currency": g.Currency, "update_time": 1767312000, "item_list": lines,
		"estimated_shipping_fee": g.money(g.Shipping), "total_amount": g.money(total),
	}
}

// fetched is the same with its escrow, with or without what the checkout said.
func (g generated) fetched(total int64, checkout bool) object {
	items, seller, shopee := []object{}, int64(0), int64(0)
	for i, l := range g.Lines {
		seller, shopee = seller+l.Seller, shopee+l.Shopee
		items = append(items, object{
			"item_id": i + 1, "model_id": 0, "quantity_purchased": l.Quantity,
			"original_price": g.money(l.Original * l.Quantity), "discounted_price": g.money(l.Discounted * l.Quantity),
		})
	}
	income := object{
		"buyer_total_amount": g.money(total), "seller_discount": g.money(seller), "shopee_discount": g.money(shopee),
		"original_shopee_discount": g.money(shopee), "voucher_from_seller": g.money(g.SellerVoucher),
		"voucher_from_shopee": g.money(g.ShopeeVoucher), "coins": g.money(g.Coins), "payment_promotion": g.money(g.Promo),
		"pix_discount": g.money(g.Pix), "buyer_paid_shipping_fee": g.money(g.Shipping), "cross_border_tax": g.money(g.Tax),
		"buyer_transaction_fee": g.money(g.Fee), "buyer_paid_packaging_fee": g.money(g.Packaging), "items": items,
	}
	escrow := object{"order_sn": "A1", "order_income": income}
	if checkout {
		escrow["buyer_payment_info"] = object{
			"merchant_subtotal": g.money(g.Items - g.Discount), "seller_voucher": g.money(-g.SellerVoucher),
			"shopee_voucher": g.money(-g.ShopeeVoucher), "shopee_coins_redeemed": g.money(-g.Coins),
			"credit_card_promotion": g.money(g.Promo), "discount_pix": g.money(-g.Pix), "shipping_fee": g.money(g.Shipping),
			"buyer_tax_amount": g.money(g.Tax), "initial_buyer_txn_fee": g.money(g.Fee), "buyer_paid_packaging_fee": g.money(g.Packaging),
		}
	}
	return object{"order": g.order(total), "escrow": escrow, "returns": []object{}, "enriched_at": "2026-01-03T00:00:00Z"}
}

// TestIdentity: whatever an order is made of, its parts explain its total to the last unit: without the escrow what the
// order itself tells, with it everything, whichever of its two blocks is read.
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
	check := func(t *rapid.T, g generated, name string, got *hub.Money, want int64) {
		if got == nil || *got != (hub.Money{Minor: want, Currency: g.Currency}) {
			t.Fatalf("%s is %v, want %s", name, got, g.money(want))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		g := generate(t)
		plain := g.Items - g.Discount + g.Shipping
		bare := read(t, g.order(plain)).Totals
		check(t, g, "items", bare.Items, g.Items)
		check(t, g, "discount", bare.Discount, g.Discount)
		check(t, g, "adjustment", bare.Adjustment, 0)
		vouchers := g.SellerVoucher + g.ShopeeVoucher + g.Coins + g.Promo + g.Pix
		total := max(0, plain-vouchers+g.Tax+g.Fee+g.Packaging)
		rest := total - (plain - vouchers + g.Tax + g.Fee + g.Packaging)
		for _, checkout := range []bool{false, true} {
			o := read(t, g.fetched(total, checkout))
			shopee := int64(0)
			for _, l := range g.Lines {
				shopee += l.Shopee
			}
			check(t, g, "items", o.Totals.Items, g.Items)
			check(t, g, "discount", o.Totals.Discount, g.Discount+vouchers)
			check(t, g, "platform", o.Totals.DiscountPlatform, shopee+g.ShopeeVoucher+g.Coins+g.Promo)
			check(t, g, "fees", o.Totals.Fees, g.Fee+g.Packaging)
			check(t, g, "adjustment", o.Totals.Adjustment, rest)
			if sum := *o.Totals.GrandTotal; sum.Minor != total || o.Check() != nil {
				t.Fatalf("total %s, %v", sum, o.Check())
			}
		}
		orders, lines = orders+1, lines+len(g.Lines)
	})
	t.Logf("%d generated orders with %d lines, bare and with both spellings of the escrow", orders, lines)
}
