package shopee

import (
	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

var _ driver.Skimmer = (*Driver)(nil)

// Skim reads the gist of a full order, each field with the reader that Read uses for it. Pushes have none.
func (*Driver) Skim(delivery driver.Delivery) (gist driver.Gist) {
	v, err := strictjson.Parse(delivery.Body)
	if err != nil || v.Kind() != strictjson.Object || v.Get("code").Kind() != strictjson.Absent ||
		v.Get("order_sn").Kind() == strictjson.Absent && !isFetched(v) {
		return driver.Gist{}
	}
	each := func(read func(*decoder)) bool {
		d := &decoder{}
		d.open(v)
		read(d)
		return d.Err() == nil
	}
	got := gist
	var total hub.Money
	if each(func(d *decoder) { got.ExternalID = d.number(d.need(d.order, "order_sn")) }) {
		gist.ExternalID = got.ExternalID
	}
	if each(func(d *decoder) { got.SourceUpdatedAt = d.updated() }) {
		gist.SourceUpdatedAt = got.SourceUpdatedAt
	}
	if each(func(d *decoder) {
		d.currency = d.Currency(d.need(d.order, "currency"))
		if total = d.money(d.escrow.Get("order_income"), "buyer_total_amount"); !known(total) {
			total = d.grandTotal()
		}
	}) {
		gist.Total = stated(total)
	}
	return gist
}
