package mercadolibre

import (
	"slices"

	"hub"
	"hub/adapters/driver/strictjson"
)

// parcels are the shipments of an order to the buyer.
type parcels struct {
	forward []strictjson.Value // without those that were cancelled while others were not
	old     bool               // it is the order itself that holds the only one, in a format of ten years ago
	none    bool               // the seller and the buyer arrange it, so there will never be one
	first   bool               // the order has the lowest id of its pack, or is alone
	pack    bool               // it is known which order of the pack is the first
	words   []string           // what each of forward says of the goods, in our words
	held    string             // why one of them waits
}

// parcels reads the shipments. Return shipments are not ours: returns say what came back.
func (d *decoder) parcels(order strictjson.Value, o *hub.Order) (p parcels) {
	p.none = d.hasTag(order, "no_shipping")
	p.first, p.pack = d.firstOfPack(o)
	p.forward, p.old = d.live(order)
	for _, v := range p.forward {
		status, detail := d.word(v.Get("status")), d.word(v.Get("substatus"))
		means := d.means("shipments.status", status, oursFulfillment)
		if detail != "" {
			at := status + "/" + detail
			means = firstOf(d.means("shipments.substatus", at, oursFulfillment), means)
			p.held = firstOf(p.held, d.means("shipments.substatus", at, oursHold))
		}
		p.words = append(p.words, means)
		o.FulfilledBy = firstOf(d.fulfiller(v), o.FulfilledBy)
		o.LocationID = firstOf(o.LocationID, d.label(v.Get("origin").Get("node")))
		o.Fulfillments = append(o.Fulfillments, d.fulfillment(v))
	}
	if p.none {
		o.FulfilledBy = "seller"
	}
	for i := range o.Lines {
		o.Lines[i].RequiresShipping = !p.none
	}
	return p
}

// fulfiller says who packs and hands over: the platform where the goods lie in its warehouse, else the seller. Ways of
// travelling are added often, so one that the table does not know is a seller's.
func (d *decoder) fulfiller(v strictjson.Value) string {
	word := d.word(firstValue(v.Get("logistic").Get("type"), v.Get("logistic_type")))
	if means, listed := d.look("logistic.type", word, oursFulfilledBy); listed || word == "" {
		return means
	}
	return "seller"
}

// live returns the shipments that go to the buyer. Orders of ten years ago hold their only one themselves.
func (d *decoder) live(order strictjson.Value) (forward []strictjson.Value, old bool) {
	var cancelled []strictjson.Value
	list := d.each(d.whole.shipments)
	if own := order.Get("shipping"); len(list) == 0 && own.Get("status").Given() {
		list, old = append(list, own), true
	}
	for _, v := range list {
		direction := d.word(firstValue(v.Get("type"), v.Get("logistic").Get("direction")))
		if direction != "" && d.means("shipments.type", direction, oursDirection) != "to_buyer" {
			continue
		}
		if d.word(v.Get("status")) == "cancelled" {
			cancelled = append(cancelled, v)
		} else {
			forward = append(forward, v)
		}
	}
	if len(forward) == 0 && len(cancelled) > 0 {
		forward = cancelled[len(cancelled)-1:] // none is left of those that the buyer chose one after another
	}
	return forward, old
}

// firstValue returns the first value that is given.
func firstValue(values ...strictjson.Value) strictjson.Value {
	for _, v := range values {
		if v.Given() {
			return v
		}
	}
	return strictjson.Value{}
}

func (d *decoder) fulfillment(v strictjson.Value) hub.Fulfillment {
	return hub.Fulfillment{
		ExternalID:     d.id(v.Get("id")),
		Status:         d.word(v.Get("status")),
		Carrier:        d.label(v.Get("tracking_method")),
		TrackingNumber: firstOf(d.label(v.Get("tracking_number")), d.label(v.Get("shippingCode"))),
		ShippedAt:      d.moment(v.Get("status_history").Get("date_shipped")).UTC(),
	}
}

// firstOfPack reports whether the order has the lowest id among the orders of its pack, and whether that is known. The pack
// lists the orders that this app may see (U: those of other sellers in one pack).
func (d *decoder) firstOfPack(o *hub.Order) (first, known bool) {
	if o.PackID == "" {
		return true, true
	}
	orders := d.each(d.whole.pack.Get("orders"))
	if len(orders) == 0 {
		return false, false
	}
	if id := d.whole.pack.Get("id"); d.id(id) != o.PackID {
		d.Fail(hub.CodeOutOfRange, id)
	}
	lowest, mine := "", false
	for _, v := range orders {
		id := d.needID(v, "id")
		mine = mine || id == string(o.ExternalID)
		if lowest == "" || len(id) < len(lowest) || len(id) == len(lowest) && id < lowest {
			lowest = id
		}
	}
	return lowest == string(o.ExternalID), mine
}

// freight is what the buyer pays for the shipments, once for each: on the first order of the pack, nothing on the others.
// It is not known until all of them are.
func (d *decoder) freight(p parcels) (sum hub.Money, ok bool) {
	if len(p.forward) == 0 || p.old {
		return hub.Money{}, p.none
	}
	for _, v := range p.forward {
		cost, ok := d.cost(v)
		if !ok {
			return hub.Money{}, false
		}
		sum = d.plus(sum, cost, v)
	}
	switch {
	case sum.Minor == 0 || p.pack && p.first:
		return sum, true
	case p.pack:
		return hub.Zero(d.currency), true
	}
	return hub.Money{}, false
}

// cost is what the receiver pays for one shipment: the costs resource, else the shipment in its new or its old format. In
// another currency than the order's it is not known, and the costs resource names none.
func (d *decoder) cost(shipment strictjson.Value) (hub.Money, bool) {
	own := d.costsOf(shipment).Get("receiver").Get("cost")
	for _, name := range [...]string{"lead_time", "shipping_option"} {
		option := shipment.Get(name)
		if other := option.Get("currency_id"); other.Given() && d.Currency(other) != d.currency {
			return hub.Money{}, false
		}
		own = firstValue(own, option.Get("cost"))
	}
	return d.money(own), own.Given()
}

// costsOf finds what GET /shipments/{id}/costs said of a shipment.
func (d *decoder) costsOf(shipment strictjson.Value) strictjson.Value {
	id := d.id(shipment.Get("id"))
	for _, v := range d.each(d.whole.costs) {
		if id != "" && d.id(v.Get("shipment_id")) == id {
			return v.Get("costs")
		}
	}
	return strictjson.Value{}
}

// ways reads how the order travels, and puts on each the part of the freight that it is.
func (d *decoder) ways(p parcels, priced bool) (ways []hub.ShippingLine) {
	for _, v := range p.forward {
		method, option := v.Get("lead_time").Get("shipping_method"), v.Get("shipping_option")
		way := hub.ShippingLine{
			ExternalID: d.id(v.Get("id")),
			Title:      firstOf(d.Text(method.Get("name")), d.Text(option.Get("name"))),
			Code:       firstOf(d.label(method.Get("id")), d.label(option.Get("shipping_method_id"))),
			Carrier:    d.label(v.Get("tracking_method")),
		}
		if cost, ok := d.cost(v); ok && priced {
			if p.pack && !p.first {
				cost = hub.Zero(d.currency)
			}
			way.Price = stated(cost)
		}
		ways = append(ways, way)
	}
	return ways
}

// returned reports whether all units of the order are back with the seller, or in the platform's warehouse.
func (d *decoder) returned(id hub.ExternalID) bool {
	return slices.ContainsFunc(d.each(d.whole.returns), func(v strictjson.Value) bool {
		ours := slices.ContainsFunc(d.each(v.Get("orders")), func(o strictjson.Value) bool { return d.id(o.Get("order_id")) == string(id) })
		return ours && d.means("returns.status", d.word(v.Get("status")), oursFulfillment) == string(hub.Returned) &&
			d.means("returns.subtype", d.word(v.Get("subtype")), oursExtent) == "all"
	})
}
