package mercadolibre

import (
	"hub"
	"hub/adapters/driver/strictjson"
)

// discounts fills the order's discounts, puts the coupon on the lines, and totals both. Who pays is known from the discounts
// resource only.
func (d *decoder) discounts(order strictjson.Value, o *hub.Order, s *sums) {
	coupon := d.coupon(order)
	s.coupon = coupon
	o.Totals.Discount = stated(d.plus(s.off, coupon, order))
	if details := d.whole.discounts; details.Given() {
		o.Totals.DiscountPlatform = stated(d.details(details, o))
	} else {
		d.unexplained(order, o, s.off, coupon)
	}
	d.spread(coupon, o, order)
}

// coupon is what the buyer's coupon takes off. Orders of today have it in their payments only, one for each order (U); one
// that was turned down took nothing.
func (d *decoder) coupon(order strictjson.Value) (sum hub.Money) {
	if own := d.money(order.Get("coupon").Get("amount")); known(own) {
		return own
	}
	for _, p := range d.each(order.Get("payments")) {
		switch d.word(p.Get("status")) {
		case "rejected", "cancelled":
			continue
		}
		if amount := p.Get("coupon_amount"); amount.Given() && d.isOurs(p) {
			sum = d.plus(sum, d.money(amount), amount)
		}
	}
	return sum
}

// details reads what impacted the price, and returns what of it the platform pays. A cashback is money that the buyer gets
// later, so it is no discount.
func (d *decoder) details(v strictjson.Value, o *hub.Order) (byPlatform hub.Money) {
	byPlatform = hub.Zero(d.currency)
	for _, detail := range d.each(v.Get("details")) {
		kind := d.means("discounts.type", d.word(detail.Get("type")), oursDiscount)
		if kind == "" {
			continue
		}
		total, seller := hub.Zero(d.currency), hub.Zero(d.currency)
		for _, item := range d.each(detail.Get("items")) {
			amounts := item.Get("amounts")
			total = d.plus(total, d.money(d.Need(amounts, "total")), amounts)
			seller = d.plus(seller, d.money(amounts.Get("seller")), amounts)
		}
		platform := d.minus(total, seller, detail)
		if platform.Minor < 0 {
			d.Fail(hub.CodeOutOfRange, detail)
		}
		byPlatform = d.plus(byPlatform, platform, detail)
		supplier := detail.Get("supplier")
		o.Discounts = append(o.Discounts, hub.Discount{
			Code:     d.label(detail.Get("coupon").Get("id")),
			Title:    firstOf(d.label(supplier.Get("meli_campaign")), d.label(supplier.Get("offer_id"))),
			Kind:     kind,
			FundedBy: fundedBy(total, seller),
			Amount:   stated(total), PlatformAmount: stated(platform),
		})
	}
	return byPlatform
}

func fundedBy(total, seller hub.Money) string {
	switch {
	case total.Minor == 0:
		return "unknown"
	case seller.Minor == 0:
		return "platform"
	case seller == total:
		return "seller"
	}
	return "shared"
}

// unexplained lists what was taken off where nothing says by whom.
func (d *decoder) unexplained(order strictjson.Value, o *hub.Order, off, coupon hub.Money) {
	if off.Minor > 0 {
		o.Discounts = append(o.Discounts, hub.Discount{Kind: "item", FundedBy: "unknown", Amount: stated(off)})
	}
	if coupon.Minor > 0 {
		o.Discounts = append(o.Discounts, hub.Discount{
			Code: d.label(order.Get("coupon").Get("id")), Kind: "order", FundedBy: "unknown", Amount: stated(coupon),
		})
	}
}

// spread takes the coupon off the lines, by what they cost, so that they sum up to what was paid for the goods.
func (d *decoder) spread(coupon hub.Money, o *hub.Order, order strictjson.Value) {
	if coupon.Minor == 0 || len(o.Lines) == 0 || d.Err() != nil {
		return
	}
	weights := make([]int64, 0, len(o.Lines))
	for _, l := range o.Lines {
		weights = append(weights, l.Total.Minor)
	}
	parts, err := coupon.Allocate(weights)
	if err != nil {
		d.Fail(hub.CodeOf(err), order.Get("order_items"))
		return
	}
	for i := range o.Lines {
		l := &o.Lines[i]
		l.Discount = stated(d.plus(*l.Discount, parts[i], order))
		l.Total = stated(d.minus(*l.Total, parts[i], order))
	}
}

// isOurs reports whether a payment is in the order's currency, as all that were ever seen are.
func (d *decoder) isOurs(payment strictjson.Value) bool {
	own := payment.Get("currency_id")
	return !own.Given() || d.Currency(own) == d.currency
}
