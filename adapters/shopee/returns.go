package shopee

import (
	"hub"
	"hub/adapters/driver/strictjson"
)

// refunds is what the returns of an order add up to.
type refunds struct {
	amount   hub.Money        // unknown without an accepted return
	quantity map[string]int64 // of each item and model that came or comes back
	goods    bool             // some of it in a parcel, not money alone
}

// readReturns reads the returns whose money the buyer got: ACCEPTED is the word for it (U). The others are still decided
// upon, or came to nothing.
func (d *decoder) readReturns(o *hub.Order) {
	d.refunds.quantity = map[string]int64{}
	lines := lineNames(d, o)
	for v := range d.list(d.returns).Items() {
		if sn := v.Get("order_sn"); sn.Given() && d.number(sn) != o.ExternalID {
			d.Fail(hub.CodeOutOfRange, sn) // another order's return
		}
		if d.means("returns.status", d.need(v, "status"), oursRefunds) != "paid" || d.Err() != nil {
			continue
		}
		if c := v.Get("currency"); c.Given() && d.Currency(c) != d.currency {
			d.Fail(hub.CodeCurrencyMixed, c)
		}
		amount := d.money(v, "refund_amount")
		r := hub.Refund{
			ExternalID: string(d.number(d.need(v, "return_sn"))), CreatedAt: d.unix(v.Get("create_time")), Amount: stated(amount),
		}
		d.refunds.amount = d.and(d.refunds.amount, amount, v)
		d.refunds.goods = d.refunds.goods || d.Bool(v.Get("needs_logistics"))
		for item := range d.list(v.Get("item")).Items() {
			r.Lines = append(r.Lines, d.returned(item, lines))
		}
		o.Refunds = append(o.Refunds, r)
	}
}

// lineNames finds the lines by item and model; of several alike the first stands for all.
func lineNames(d *decoder, o *hub.Order) map[string]string {
	if !d.returns.Given() {
		return nil
	}
	names := make(map[string]string, len(o.Lines))
	for _, l := range o.Lines {
		if _, taken := names[l.ProductID+"/"+l.VariantID]; !taken {
			names[l.ProductID+"/"+l.VariantID] = l.ExternalID
		}
	}
	return names
}

// returned reads one item of a return. Its own refund_amount is only told to some shops; without it the amount is not
// known, for item_price does not say how much of it was paid.
func (d *decoder) returned(v strictjson.Value, lines map[string]string) hub.RefundLine {
	name := d.itemName(v)
	quantity := d.Count(v.Get("amount"))
	d.refunds.quantity[name] += min(quantity, 1<<31)
	return hub.RefundLine{LineExternalID: lines[name], Quantity: quantity, Amount: stated(d.money(v, "refund_amount"))}
}

// everything reports whether all that was bought is in accepted returns.
func (r refunds) everything(lines []hub.Line) bool {
	bought := map[string]int64{}
	for _, l := range lines {
		bought[l.ProductID+"/"+l.VariantID] += l.Quantity
	}
	for name, n := range bought {
		if r.quantity[name] < n {
			return false
		}
	}
	return len(bought) > 0
}

// refunded is what the buyer got back, once the escrow is known: the accepted returns; else drc_adjustable_refund, which
// is what the buyer got in a partial return; else seller_return_refund, which is the price of those goods before the
// vouchers' share. In the documentation's own example of a partial return total − drc_adjustable_refund is, to the last
// unit, what the remaining parts add up to.
func (d *decoder) refunded() hub.Money {
	if known(d.refunds.amount) {
		return d.refunds.amount
	}
	income := d.escrow.Get("order_income")
	for _, name := range [...]string{"drc_adjustable_refund", "seller_return_refund"} {
		if m := d.off(income, name); m.Minor != 0 {
			return m
		}
	}
	return d.zero()
}
