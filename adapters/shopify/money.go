package shopify

import (
	"hub"
	"hub/adapters/driver/strictjson"
)

// pair is one amount in both currencies. Either is the zero Money, which has no currency, where it is not known; buyer
// always is when the buyer saw the shop's currency. Values, not pointers: most amounts are only summed.
type pair struct {
	shop, buyer hub.Money
}

func (p pair) given() bool { return known(p.shop) }

func known(m hub.Money) bool { return m.Currency != "" }

// stated is the amount as the order model holds it: nil when it is not known.
func stated(m hub.Money) *hub.Money {
	if !known(m) {
		return nil
	}
	return &m
}

// money reads an amount that cannot be negative.
func (d *decoder) money(v strictjson.Value, rest, graphql, flat string) pair {
	p := d.signed(v, rest, graphql, flat)
	if p.shop.Minor < 0 || p.buyer.Minor < 0 {
		at := d.get(v, rest, graphql)
		if !at.Given() {
			at = v.Get(flat)
		}
		d.Fail(hub.CodeOutOfRange, at)
	}
	return p
}

// signed reads a money bag (rest or graphql name), or where there is none the flat REST field in the shop's currency.
// Orders older than the bags have flat fields only. The bag wins: beside it the flat field is only another spelling,
// and in refunds a float.
func (d *decoder) signed(v strictjson.Value, rest, graphql, flat string) (p pair) {
	bag := d.get(v, rest, graphql)
	if d.Is(bag, strictjson.Object) {
		p.shop = d.half(d.get(bag, "shop_money", "shopMoney"), d.shop)
		if d.buyer != "" {
			p.buyer = d.half(d.get(bag, "presentment_money", "presentmentMoney"), d.buyer)
		}
	}
	if !p.given() && !d.graphql && flat != "" {
		p.shop = d.Money(v.Get(flat), d.shop)
	}
	if !known(p.buyer) && p.given() && p.shop.Minor == 0 {
		p.buyer = hub.Zero(d.buyer) // nothing is nothing in every currency
	}
	return p
}

// half reads {amount, currency_code}, which must be in that currency.
func (d *decoder) half(v strictjson.Value, c hub.Currency) hub.Money {
	if !d.Is(v, strictjson.Object) {
		return hub.Money{}
	}
	name := "currency_code"
	if d.graphql {
		name = "currencyCode"
	}
	if code := d.Need(v, name); d.Currency(code) != c {
		d.Fail(hub.CodeCurrencyMixed, code)
	}
	return d.Money(d.Need(v, "amount"), c)
}

// none is zero in both currencies, where sums begin.
func (d *decoder) none() pair { return pair{hub.Zero(d.shop), hub.Zero(d.buyer)} }

// plus adds, for the value at v. What one side does not know the sum does not know.
func (d *decoder) plus(a, b pair, v strictjson.Value) pair {
	return pair{d.both(a.shop, b.shop, v, hub.Money.Add), d.both(a.buyer, b.buyer, v, hub.Money.Add)}
}

// minus subtracts, for the value at v.
func (d *decoder) minus(a, b pair, v strictjson.Value) pair {
	return pair{d.both(a.shop, b.shop, v, hub.Money.Sub), d.both(a.buyer, b.buyer, v, hub.Money.Sub)}
}

func (d *decoder) both(a, b hub.Money, v strictjson.Value, op func(hub.Money, hub.Money) (hub.Money, error)) hub.Money {
	if !known(a) || !known(b) {
		return hub.Money{}
	}
	result, err := op(a, b)
	if err != nil {
		d.Fail(hub.CodeOf(err), v)
	}
	return result
}

// times multiplies by a count, for the value at v.
func (d *decoder) times(p pair, n int64, v strictjson.Value) pair {
	one := func(m hub.Money) hub.Money {
		product, err := m.Mul(n)
		if err != nil {
			d.Fail(hub.CodeOf(err), v)
		}
		return product
	}
	return pair{one(p.shop), one(p.buyer)}
}
