package mercadolibre

import (
	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

var _ driver.Skimmer = (*Driver)(nil)

// Skim reads the gist of an order that was fetched. No topic brings one, so the body alone tells.
func (dr *Driver) Skim(delivery driver.Delivery) (gist driver.Gist) {
	v, err := strictjson.Parse(delivery.Body)
	if err != nil || !looksFull(open(v).order) {
		return driver.Gist{}
	}
	each := func(read func(*decoder, strictjson.Value)) bool {
		d := &decoder{words: dr.words, whole: open(v)}
		read(d, d.whole.order)
		return d.Err() == nil
	}
	got := gist
	if each(func(d *decoder, order strictjson.Value) { got.ExternalID = d.orderID(order) }) {
		gist.ExternalID = got.ExternalID
	}
	if each(func(d *decoder, order strictjson.Value) { got.SourceUpdatedAt = d.updated(order) }) {
		gist.SourceUpdatedAt = got.SourceUpdatedAt
	}
	if each(func(d *decoder, order strictjson.Value) {
		var o hub.Order
		d.head(order, &o)
		d.readCurrency(order)
		sums := d.lines(order, &o)
		d.discounts(order, &o, &sums)
		d.total(order, &o, &sums, d.parcels(order, &o), paid{})
		got.Total = o.Totals.GrandTotal
	}) {
		gist.Total = got.Total
	}
	return gist
}

// looksFull recognises an order by what only orders have together.
func looksFull(order strictjson.Value) bool {
	return order.Get("order_items").Given() && order.Get("date_created").Given() && order.Get("status").Kind() != strictjson.Absent
}
