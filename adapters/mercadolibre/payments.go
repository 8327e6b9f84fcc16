package mercadolibre

import (
	"hub"
	"hub/adapters/driver/strictjson"
)

// paid is what the payments say together.
type paid struct {
	refunded hub.Money         // not known when something was given back and nothing says how much
	status   hub.PaymentStatus // the furthest that one of them went, "" when there is none
}

// payments reads the movements of the buyer's money, the refused ones too. Interest is the buyer's affair with the bank, so
// the amount is the transaction's and not what was paid in all.
func (d *decoder) payments(order strictjson.Value, o *hub.Order) (p paid) {
	list := d.each(order.Get("payments"))
	unclear := false
	for _, v := range list {
		currency := d.currency
		if !d.isOurs(v) {
			currency = d.Currency(v.Get("currency_id"))
		}
		status := d.word(v.Get("status"))
		amount := d.moneyIn(v.Get("transaction_amount"), currency)
		back := d.refundOf(v, status, amount, currency)
		if known(back) && back.Minor > 0 {
			o.Refunds = append(o.Refunds, hub.Refund{ExternalID: d.id(v.Get("id")), Amount: stated(back)})
		}
		if unclear = unclear || known(back) && currency != d.currency && back.Minor > 0; !unclear && currency == d.currency {
			p.refunded = d.plus(p.refunded, back, v)
		}
		if s := hub.PaymentStatus(d.means("payments.status", status, oursPayment)); s.Rank() > p.status.Rank() {
			p.status = s
		}
		o.Payments = append(o.Payments, hub.Payment{
			Provider: d.label(v.Get("payment_method_id")), ExternalID: d.id(v.Get("id")), Kind: d.word(v.Get("payment_type")),
			Status: status, Amount: stated(amount), CreatedAt: d.moment(v.Get("date_created")).UTC(),
		})
	}
	if len(list) > 0 && !known(p.refunded) {
		p.refunded = hub.Zero(d.currency)
	}
	if unclear {
		p.refunded = hub.Money{}
	}
	return p
}

// refundOf is what was given back of one payment. One that is refunded and does not say how much was given back whole.
func (d *decoder) refundOf(v strictjson.Value, status string, amount hub.Money, c hub.Currency) hub.Money {
	stated := d.moneyIn(v.Get("transaction_amount_refunded"), c)
	if status == "refunded" && (!known(stated) || stated.Minor == 0) {
		return amount
	}
	return stated
}
