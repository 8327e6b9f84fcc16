package shopee

import (
	"hub"
)

// parcels reads the packages. Their tracking numbers are behind a call of their own, which the hub does not make.
func (d *decoder) parcels(o *hub.Order) {
	shipped := d.unix(get(d.order, "pickup_done_time"))
	list := d.list(get(d.order, "package_list"))
	for v := range list.Items() {
		status := get(v, "logistics_status")
		f := hub.Fulfillment{
			ExternalID: d.code(get(v, "package_number")),
			Status:     d.means("package_list.logistics_status", status, oursParcel),
			Carrier:    d.label(get(v, "shipping_carrier")),
		}
		if f.Status == "success" && list.Len() == 1 {
			f.ShippedAt = shipped // of the order: with several packages nobody knows which one's
		}
		o.Fulfillments = append(o.Fulfillments, f)
	}
}
