package shopee

import (
	"hub"
)

// totals fills the sums of the order: from the escrow when it is known, else from the order alone.
func (d *decoder) totals(s sums, o *hub.Order) {
	if d.escrow.Given() {
		d.paid(s, o)
	} else {
		d.unpaid(s, o)
	}
	if d.Err() != nil {
		return
	}
	grand := *o.Totals.GrandTotal
	switch {
	case o.Status == hub.StatusCancelled:
		o.Totals.CurrentTotal = stated(d.zero())
	case o.Totals.Refunded != nil:
		o.Totals.CurrentTotal = stated(d.minus(grand, *o.Totals.Refunded, d.order))
	default:
		o.Totals.CurrentTotal = &grand
	}
}

// unpaid reads the totals without the escrow. The freight is an estimate, and total_amount only comes after the payment:
// without it the total is what the parts say.
func (d *decoder) unpaid(s sums, o *hub.Order) {
	t := &o.Totals
	t.Basis = hub.BasisPartial
	t.Items, t.Discount = stated(s.items), stated(s.discount)
	shipping := d.money(d.order, "estimated_shipping_fee")
	t.Shipping = stated(shipping)
	if known(s.discount) && s.discount.Minor != 0 {
		o.Discounts = []hub.Discount{{Kind: "item", FundedBy: byUnknown, Amount: stated(s.discount)}}
	}
	if known(d.refunds.amount) {
		t.Refunded = stated(d.refunds.amount)
	}
	grand := d.grandTotal()
	if !known(grand) {
		grand = d.and(s.items, shipping, d.order)
		if known(s.discount) {
			grand = d.minus(grand, s.discount, d.order)
		}
	}
	t.GrandTotal = &grand
}

// grandTotal is what the buyer paid as the order says it.
func (d *decoder) grandTotal() hub.Money { return d.money(d.order, "total_amount") }

// paid reads the totals from the escrow.
func (d *decoder) paid(s sums, o *hub.Order) {
	income := d.Need(d.escrow, "order_income")
	grand := d.money(income, "buyer_total_amount")
	if !known(grand) {
		grand = d.grandTotal()
	}
	if !known(grand) {
		d.FailAt(hub.CodeMissing, func() string { return income.Join("buyer_total_amount") })
		return
	}
	p, ok := d.atCheckout(s.items)
	if !ok || !d.explains(p, s.items, grand) {
		p = d.inIncome()
	}
	o.TaxIncluded = !known(p.tax) || p.tax.Minor == 0
	if o.TaxIncluded {
		p.tax = hub.Money{} // nothing was added; what the prices contain is not told
	}
	o.Discounts = d.discounts(p)
	refunded := d.refunded()
	o.Totals = hub.Totals{
		Items: stated(s.items), Discount: stated(p.discount), DiscountPlatform: stated(p.byPlatform),
		Shipping: stated(p.shipping), Tax: stated(p.tax), Fees: stated(p.fees), GrandTotal: &grand,
		Refunded: &refunded, Basis: hub.BasisPlatform,
	}
}

// explains reports whether the parts add up to the total to the last unit.
func (d *decoder) explains(p parts, items, grand hub.Money) bool {
	t := hub.Totals{
		Items: &items, Discount: stated(p.discount), Shipping: stated(p.shipping), Tax: stated(p.tax), Fees: stated(p.fees),
		GrandTotal: &grand,
	}
	return t.Explain(false, false) == nil && t.Adjustment.Minor == 0
}

// discounts lists the kinds of discount that took something off. The seller's code is told when there is one only, for
// nothing says which of several took what.
func (d *decoder) discounts(p parts) (list []hub.Discount) {
	for _, x := range p.off {
		if !known(x.amount) || x.amount.Minor == 0 {
			continue
		}
		entry := hub.Discount{Kind: x.kind, FundedBy: x.funded, Amount: stated(x.amount)}
		if x.funded == byPlatform {
			entry.PlatformAmount = stated(x.amount)
		}
		if x.kind == "order" && x.funded == bySeller {
			entry.Code = d.sellerCode()
		}
		list = append(list, entry)
	}
	return list
}

func (d *decoder) sellerCode() (code string) {
	codes := d.escrow.Get("order_income").Get("seller_voucher_code")
	if codes.Len() != 1 {
		return ""
	}
	for only := range codes.Items() {
		code = d.label(only)
	}
	return code
}
