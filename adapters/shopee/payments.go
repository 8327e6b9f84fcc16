package shopee

import (
	"hub"
)

// payments reads how the buyer paid: payment_info where it is told (Brazil), else the name of the method alone.
func (d *decoder) payments(o *hub.Order) {
	at := d.unix(get(d.order, "pay_time"))
	for v := range d.list(get(d.order, "payment_info")).Items() {
		o.Payments = append(o.Payments, hub.Payment{
			Provider:   d.code(get(v, "payment_method")),
			ExternalID: d.code(get(v, "transaction_id")),
			Amount:     stated(d.money(v, "payment_amount")),
			CreatedAt:  at,
		})
	}
	if method := d.code(get(d.order, "payment_method")); method != "" && len(o.Payments) == 0 {
		o.Payments = []hub.Payment{{Provider: method, CreatedAt: at}}
	}
}
