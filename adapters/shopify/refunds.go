package shopify

import (
	"hub"
	"hub/adapters/driver/strictjson"
)

// refunds reads what was given back, and returns the money that really moved: unknown in a currency in which one refund
// does not say it.
func (d *decoder) refunds(order strictjson.Value, o *hub.Order) (refunded pair) {
	list := order.Get("refunds")
	if !list.Given() {
		return d.money(order, "", "totalRefundedSet", "")
	}
	refunded = d.none()
	for v := range d.list(list) {
		amount := d.moved(v)
		refunded = d.plus(refunded, amount, v)
		r := hub.Refund{
			ExternalID: d.id(v.Get("id"), ""),
			CreatedAt:  d.Time(d.get(v, "created_at", "createdAt")).UTC(),
			Amount:     stated(amount.shop),
		}
		for line := range d.list(d.get(v, "refund_line_items", "refundLineItems")) {
			r.Lines = append(r.Lines, d.refundLine(line))
		}
		o.Refunds = append(o.Refunds, r)
	}
	return refunded
}

// moved sums the refund transactions that succeeded. Pending and failed ones moved nothing.
func (d *decoder) moved(refund strictjson.Value) (sum pair) {
	list := refund.Get("transactions")
	if !list.Given() {
		return d.money(refund, "", "totalRefundedSet", "")
	}
	sum = d.none()
	for v := range d.list(list) {
		if d.word(v.Get("kind")) == "refund" && d.word(v.Get("status")) == "success" {
			sum = d.plus(sum, d.transacted(v), v)
		}
	}
	return sum
}

// transacted is the amount of a transaction. REST has an amount in the transaction's own currency, which is the buyer's
// on a multi-currency order: it is the shop's money only where it says so, and no rate of ours makes it so otherwise.
func (d *decoder) transacted(v strictjson.Value) pair {
	if p := d.money(v, "amount_set", "amountSet", ""); p.given() || d.graphql {
		return p
	}
	currency := v.Get("currency")
	switch c := d.Currency(currency); {
	case c == d.shop, c == "" && d.buyer == "":
		return d.money(v, "", "", "amount")
	case c == d.buyer && c != "":
		return pair{buyer: d.Money(v.Get("amount"), c)}
	case c != "":
		d.Fail(hub.CodeCurrencyMixed, currency)
	}
	return pair{}
}

// refundLine reads the goods given back. Its amount is what the line's total lost: subtotal, and tax where it is not
// included.
func (d *decoder) refundLine(v strictjson.Value) hub.RefundLine {
	l := hub.RefundLine{Quantity: d.Count(v.Get("quantity"))}
	if d.graphql {
		l.LineExternalID = d.needID(d.Need(v, "lineItem"), "id", "LineItem")
	} else {
		l.LineExternalID = d.needID(v, "line_item_id", "LineItem")
	}
	amount := d.money(v, "subtotal_set", "subtotalSet", "subtotal")
	tax := d.money(v, "total_tax_set", "totalTaxSet", "total_tax")
	if amount.given() && tax.given() && !d.taxIncluded {
		amount = d.plus(amount, tax, v)
	}
	l.Amount = stated(amount.shop)
	return l
}
