package mercadolibre

import (
	"hub"
	"hub/adapters/driver/strictjson"
)

// total fills the totals. The platform states no grand total: it is what the goods cost, without the coupon, and tax and
// freight. Until the freight is known the basis is partial, and a later revision completes it.
func (d *decoder) total(order strictjson.Value, o *hub.Order, s *sums, p parcels, paid paid) {
	t := &o.Totals
	t.Items = stated(s.items)
	grand := d.money(order.Get("total_amount"))
	t.Basis = hub.BasisPlatform
	if !known(grand) {
		grand, t.Basis = s.sold, hub.BasisComputed
	}
	tax := d.tax(order)
	t.Tax, o.TaxIncluded = stated(tax), !known(tax)
	freight, complete := d.freight(p)
	t.Shipping = stated(freight)
	o.ShippingLines = d.ways(p, complete)
	if tax.Minor != 0 || freight.Minor != 0 || s.coupon.Minor != 0 {
		t.Basis = hub.BasisComputed
	}
	if !complete {
		t.Basis = hub.BasisPartial
	}
	grand = d.minus(d.plus(d.plus(grand, tax, order), freight, order), s.coupon, order)
	t.GrandTotal = stated(grand)
	t.Refunded = stated(d.refunded(o, paid))
	t.CurrentTotal = d.current(o, grand)
}

// tax is what the order's taxes add to the prices. None, or null, says that the prices hold it. Nothing in another currency
// is nothing; something would need a rate that is not ours to choose.
func (d *decoder) tax(order strictjson.Value) hub.Money {
	taxes := order.Get("taxes")
	if !taxes.Get("amount").Given() {
		return hub.Money{}
	}
	if other := taxes.Get("currency_id"); other.Given() {
		if c := d.Currency(other); c != d.currency {
			if d.moneyIn(taxes.Get("amount"), c).Minor != 0 {
				d.Fail(hub.CodeCurrencyMixed, other)
			}
			return hub.Money{}
		}
	}
	return d.money(taxes.Get("amount"))
}

// refunded is what was given back. Where the words say that something was and the payments name no amount, as when a sale is
// undone with money in the buyer's account (U), it is not known.
func (d *decoder) refunded(o *hub.Order, p paid) hub.Money {
	if p.refunded.Minor == 0 && (o.PaymentStatus == hub.PaymentRefunded || o.PaymentStatus == hub.PaymentPartiallyRefunded) &&
		o.Totals.GrandTotal != nil && o.Totals.GrandTotal.Minor != 0 {
		return hub.Money{}
	}
	return p.refunded
}

// current is what is owed after refunds: nothing of a cancelled order, and not known where the refunds are not.
func (d *decoder) current(o *hub.Order, grand hub.Money) *hub.Money {
	if o.Status == hub.StatusCancelled {
		return stated(hub.Zero(d.currency))
	}
	if o.Totals.Refunded == nil {
		if len(o.Payments) > 0 {
			return nil
		}
		return stated(grand)
	}
	left, err := grand.Sub(*o.Totals.Refunded)
	if err != nil || d.Err() != nil {
		d.FailAt(hub.CodeMoneyOverflow, func() string { return "totals" })
		return nil
	}
	return &left
}

// settlement is what the seller pays: the commission, and the seller's part of the freight, once for each parcel. What
// is paid out in the end the order does not say.
func (d *decoder) settlement(order strictjson.Value, o *hub.Order, s sums, p parcels) {
	freight := d.sellerFreight(order, p)
	if !known(s.fees) && !known(freight) {
		return
	}
	o.Settlement = &hub.Settlement{Commission: stated(s.fees), SellerShipping: stated(freight)}
}

func (d *decoder) sellerFreight(order strictjson.Value, p parcels) (sum hub.Money) {
	seller := d.id(order.Get("seller").Get("id"))
	for i, v := range p.forward {
		if _, ok := d.cost(v); !ok || p.bears[i] == bearsUnknown {
			return hub.Money{}
		}
		senders := d.each(d.costsOf(v).Get("senders"))
		if len(senders) == 0 {
			return hub.Money{}
		}
		for _, s := range senders {
			if user := d.id(s.Get("user_id")); user == seller || len(senders) == 1 {
				cost := d.money(s.Get("cost"))
				if known(cost) && p.bears[i] == bearsNothing {
					cost = hub.Zero(d.currency)
				}
				sum = d.plus(sum, cost, s)
			}
		}
	}
	return sum
}
