package shopify

import (
	"hub"
	"hub/adapters/driver/strictjson"
)

// totals are the sums of an order in both currencies.
type totals struct {
	items, discount, byPlatform, shipping, tax, duties, tip, fees pair
	grand, current, outstanding, refunded, cashRounded            pair
}

// sum reads the totals that the order states itself.
func (d *decoder) sum(v strictjson.Value, t *totals) {
	t.grand = d.grandTotal(v)
	t.discount = d.money(v, "total_discounts_set", "totalDiscountsSet", "total_discounts")
	t.tax = d.money(v, "total_tax_set", "totalTaxSet", "total_tax")
	t.duties = d.money(v, "original_total_duties_set", "originalTotalDutiesSet", "")
	t.fees = d.money(v, "original_total_additional_fees_set", "originalTotalAdditionalFeesSet", "")
	t.tip = d.tip(v)
	t.current = d.signed(v, "current_total_price_set", "currentTotalPriceSet", "current_total_price")
	t.outstanding = d.signed(v, "", "totalOutstandingSet", "total_outstanding")
	if d.graphql {
		rounding := v.Get("totalCashRoundingAdjustment")
		t.cashRounded = d.signed(rounding, "", "paymentSet", "")
	} else {
		t.cashRounded = d.signed(v, "total_cash_rounding_payment_adjustment_set", "", "")
	}
}

// grandTotal reads the amount that no order can do without.
func (d *decoder) grandTotal(v strictjson.Value) pair {
	grand := d.money(v, "total_price_set", "totalPriceSet", "total_price")
	if !grand.given() {
		name := "total_price"
		if d.graphql {
			name = "totalPriceSet"
		}
		d.FailAt(hub.CodeMissing, func() string { return v.Join(name) })
	}
	return grand
}

// tip reads the tip. REST states it in the shop's currency only; what the buyer saw of it is on its line.
func (d *decoder) tip(v strictjson.Value) pair {
	p := d.money(v, "", "totalTipReceivedSet", "total_tip_received")
	if p.given() && !known(p.buyer) {
		p.buyer = d.tipLines.buyer
	}
	return p
}

// in returns the totals in one of the currencies.
func (t totals) in(side func(pair) hub.Money) hub.Totals {
	of := func(p pair) *hub.Money { return stated(side(p)) }
	return hub.Totals{
		Items: of(t.items), Discount: of(t.discount), DiscountPlatform: of(t.byPlatform), Shipping: of(t.shipping),
		Tax: of(t.tax), Duties: of(t.duties), Tip: of(t.tip), Fees: of(t.fees), GrandTotal: of(t.grand),
		CurrentTotal: of(t.current), Outstanding: of(t.outstanding), Refunded: of(t.refunded),
		CashRounding: of(t.cashRounded), Basis: hub.BasisPlatform,
	}
}

// explain fills the totals in both currencies, with the adjustment that each needs, and checks the order.
func (d *decoder) explain(t totals, o *hub.Order) error {
	t.byPlatform = d.none() // Shopify pays for no discount
	o.Totals = t.in(func(p pair) hub.Money { return p.shop })
	if !t.refunded.given() && len(o.Refunds) > 0 {
		o.Totals.Basis = hub.BasisPartial
	}
	if err := explained(&o.Totals, o, "totals"); err != nil {
		return err
	}
	if d.buyer != "" && known(t.grand.buyer) {
		seen := t.in(func(p pair) hub.Money { return p.buyer })
		seen.Outstanding = nil // REST states it in the shop's currency only
		if err := explained(&seen, o, "presentment.totals"); err != nil {
			return err
		}
		o.Presentment = &hub.Presentment{Currency: d.buyer, Totals: seen}
	}
	return o.Check()
}

func explained(t *hub.Totals, o *hub.Order, path string) error {
	if err := t.Explain(o.TaxIncluded, o.DutiesIncluded); err != nil {
		return hub.Invalid(hub.CodeOf(err), path)
	}
	return nil
}
