package mercadolibre

import (
	"cmp"
	"slices"

	"hub"
	"hub/adapters/driver/strictjson"
)

// parcels are the shipments of an order to the buyer.
type parcels struct {
	forward []strictjson.Value // without those that were cancelled while others were not
	old     bool               // it is the order itself that holds the only one, in a format of ten years ago
	none    bool               // the seller and the buyer arrange it, so there will never be one
	bears   []bearing          // of each of forward, whether its freight is on this order
	words   []string           // what each of forward says of the goods, in our words
	held    string             // why one of them waits
}

// parcels reads the shipments. Return shipments are not ours: returns say what came back.
func (d *decoder) parcels(order strictjson.Value, o *hub.Order) (p parcels) {
	p.none = d.hasTag(order, "no_shipping")
	p.forward, p.old = d.live(order)
	pack := d.firstOfPack(o)
	for _, v := range p.forward {
		p.bears = append(p.bears, d.bearing(v, o, pack))
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

// bearing says whether what a parcel costs is on the order.
type bearing uint8

const (
	bearsUnknown bearing = iota
	bearsNothing
	bearsAll
)

// bearing puts what a parcel costs on the first of the orders whose things are in it, once. The platform names them (GET
// /shipments/{id}/items has an order_id each; developers.mercadolibre.com, "Gestionar envíos"), the seller's own alone, and so
// does every reading of every order in the parcel: an order that was cancelled before the parcel was made, one that was split off
// and one of another seller are not in it, and what the buyer pays for it is on one that lives. The order-model's rule, the
// lowest id of the pack, is the same wherever all orders of a pack travel together, and holds where the platform does not tell.
// Whether an order that is cancelled later stays among the items is (U); if it does, the freight stays with it.
func (d *decoder) bearing(shipment strictjson.Value, o *hub.Order, pack bearing) bearing {
	if o.PackID == "" {
		return bearsAll
	}
	if inside := d.inside(shipment); len(inside) > 0 {
		return first(inside, string(o.ExternalID))
	}
	return pack
}

// inside lists the orders whose things are in a parcel; none when the platform does not tell of all things.
func (d *decoder) inside(shipment strictjson.Value) (ids []string) {
	for item := range d.about(d.whole.items, "items", shipment).Items() {
		var r strictjson.Reader
		id := numericID(&r, item.Get("order_id"))
		if id == "" {
			return nil
		}
		ids = append(ids, id)
	}
	return ids
}

// firstOfPack reports whether the order is the first of its pack. The pack lists the orders that this app may see (U: those of
// other sellers in one pack).
func (d *decoder) firstOfPack(o *hub.Order) bearing {
	orders := d.each(d.whole.pack.Get("orders"))
	if o.PackID == "" || len(orders) == 0 {
		return bearsUnknown
	}
	if id := d.whole.pack.Get("id"); d.id(id) != o.PackID {
		d.Fail(hub.CodeOutOfRange, id)
	}
	var ids []string
	for _, v := range orders {
		ids = append(ids, d.needID(v, "id"))
	}
	if !slices.Contains(ids, string(o.ExternalID)) {
		return bearsUnknown
	}
	return first(ids, string(o.ExternalID))
}

// first says that the lowest of the ids bears it all.
func first(ids []string, mine string) bearing {
	lowest := slices.MinFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	if mine == lowest {
		return bearsAll
	}
	return bearsNothing
}

// freight is what the buyer pays for the shipments whose freight is on the order. It is not known until all of them are.
func (d *decoder) freight(p parcels) (sum hub.Money, ok bool) {
	if len(p.forward) == 0 || p.old {
		return hub.Money{}, p.none
	}
	sum = hub.Zero(d.currency)
	for i, v := range p.forward {
		cost, told := d.cost(v)
		if !told || cost.Minor != 0 && p.bears[i] == bearsUnknown {
			return hub.Money{}, false
		}
		if p.bears[i] == bearsAll {
			sum = d.plus(sum, cost, v)
		}
	}
	return sum, true
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
	return d.about(d.whole.costs, "costs", shipment)
}

// about finds what one list of the document says of a shipment.
func (d *decoder) about(list strictjson.Value, name string, shipment strictjson.Value) strictjson.Value {
	id := d.id(shipment.Get("id"))
	for _, v := range d.each(list) {
		if id != "" && d.id(v.Get("shipment_id")) == id {
			return v.Get(name)
		}
	}
	return strictjson.Value{}
}

// ways reads how the order travels, and puts on each the part of the freight that it is.
func (d *decoder) ways(p parcels, priced bool) (ways []hub.ShippingLine) {
	for i, v := range p.forward {
		method, option := v.Get("lead_time").Get("shipping_method"), v.Get("shipping_option")
		way := hub.ShippingLine{
			ExternalID: d.id(v.Get("id")),
			Title:      firstOf(d.Text(method.Get("name")), d.Text(option.Get("name"))),
			Code:       firstOf(d.label(method.Get("id")), d.label(option.Get("shipping_method_id"))),
			Carrier:    d.label(v.Get("tracking_method")),
		}
		if cost, ok := d.cost(v); ok && priced {
			if p.bears[i] == bearsNothing {
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
