package mercadolibre

import (
	"net/http"
	"slices"
	"time"
)

// shipment is a parcel, to the buyer or back. Orders of one pack share one.
type shipment struct {
	id                int64
	seller            *seller
	buyer             buyer
	orders            []*order
	pack              *pack
	back              bool // it is a return
	status, substatus string
	logistic          string
	cost, list        int64 // what the receiver pays, and would pay without a subsidy
	bySeller          int64 // what the seller pays
	how               spelling

	created, updated time.Time
	shipped, arrived time.Time
	body             []byte // in the new format, until it changes
}

// dispatch makes the shipment of orders that are paid. Whoever pays knows its id at once, or a little later.
func (p *Platform) dispatch(orders []*order) *shipment {
	r, first := p.streams.quirks, orders[0]
	where := first.seller.site
	ways := [...]string{"drop_off", "xd_drop_off", "cross_docking", "self_service", "fulfillment"}
	list := where.price(1190 + 10*r.Int64N(180))
	made := &shipment{
		id: p.id("shipment", firstShipment), seller: first.seller, buyer: first.buyer, orders: orders, pack: first.pack,
		status: "ready_to_ship", substatus: "ready_to_print", logistic: ways[r.IntN(len(ways))], list: list,
		how: spelling(r.IntN(3)), created: p.second(), updated: p.second(),
	}
	switch r.IntN(3) {
	case 0:
		made.cost = list
	case 1:
		made.cost, made.bySeller = where.round(list/2), where.round(list/4)
	case 2:
		made.bySeller = list
	}
	p.ledger.shipments[made.id] = made
	for _, o := range orders {
		o.shipment = made
		p.touch(o)
	}
	if made.pack != nil {
		made.pack.shipment, made.pack.updated = made, p.second()
	}
	return made
}

// sendBack makes the shipment of a return.
func (p *Platform) sendBack(o *order) *shipment {
	made := &shipment{
		id: p.id("shipment", firstShipment), seller: o.seller, buyer: o.buyer, orders: []*order{o}, pack: o.pack, back: true,
		status: "pending", substatus: "", logistic: "xd_drop_off", list: o.seller.site.price(1190), how: o.style.how,
		created: p.second(), updated: p.second(),
	}
	p.ledger.shipments[made.id] = made
	return made
}

// move changes what happened to a parcel. Its time never goes back.
func (p *Platform) move(s *shipment, status, substatus string) {
	s.status, s.substatus, s.body = status, substatus, nil
	if t := p.second(); t.After(s.updated) {
		s.updated = t
	}
	switch status {
	case "shipped":
		s.shipped = s.updated
	case "delivered":
		s.arrived = s.updated
	}
}

// ownShipment finds the shipment that a path names, of the caller.
func (p *Platform) ownShipment(c call) (*shipment, *reply) {
	id, given := c.number("id")
	s := p.ledger.shipments[id]
	var refused reply
	switch {
	case !given:
		refused = badRequest("bad_request", "Invalid shipment id")
	case s == nil:
		refused = failure{Status: http.StatusNotFound, Error: "not_found", Message: "Shipment not found"}.reply()
	case s.seller != c.seller():
		refused = forbidden().reply()
	default:
		return s, nil
	}
	return nil, &refused
}

// shipment answers in the new format when it is asked for, else in the old one.
func (p *Platform) shipment(c call) reply {
	s, refused := p.ownShipment(c)
	if refused != nil {
		return *refused
	}
	if c.Header.Get("X-Format-New") == "true" {
		if s.body == nil {
			s.body = compact(s.resource())
		}
		return reply{status: http.StatusOK, body: s.body}
	}
	return ok(s.oldResource())
}

// shipmentItems names the order of each thing in the parcel.
func (p *Platform) shipmentItems(c call) reply {
	s, refused := p.ownShipment(c)
	if refused != nil {
		return *refused
	}
	list := []object{}
	for _, o := range s.orders {
		list = append(list, object{
			"item_id": o.item.id, "description": o.item.title, "quantity": o.quantity, "variation_id": nil, "order_id": o.id,
			"sender_id": o.seller.id, "dimensions": object{"height": 10, "width": 20, "length": 30, "weight": 480},
		})
	}
	return ok(list)
}

// shipmentCosts says who pays what of the freight.
func (p *Platform) shipmentCosts(c call) reply {
	s, refused := p.ownShipment(c)
	if refused != nil {
		return *refused
	}
	side := func(user, cost int64) object {
		return object{"user_id": user, "cost": s.money(cost), "compensation": 0, "save": 0, "discounts": []any{}, "cost_details": []any{}}
	}
	return ok(object{
		"gross_amount": s.money(s.list), "receiver": side(s.buyer.id, s.cost), "senders": []object{side(s.seller.id, s.bySeller)},
	})
}

func (p *Platform) shipmentLeadTime(c call) reply {
	s, refused := p.ownShipment(c)
	if refused != nil {
		return *refused
	}
	return ok(s.leadTime())
}

// orderShipments lists an order's parcels. The hosted view, asked for by a header, is always a list of ids and types, and 204
// when there is none yet. The old view is one parcel in the old format unless a list is asked for, and 404 (U).
func (p *Platform) orderShipments(c call) reply {
	o, refused := p.ownOrder(c)
	if refused != nil {
		return *refused
	}
	parcels := o.parcels()
	if c.Header.Get("X-New-Domain") == "true" {
		if len(parcels) == 0 {
			return reply{status: http.StatusNoContent}
		}
		list := []object{}
		for _, s := range parcels {
			list = append(list, object{"id": s.id, "type": s.direction()})
		}
		return ok(list)
	}
	if len(parcels) == 0 {
		return failure{Status: http.StatusNotFound, Error: "not_found", Message: "Shipment not found"}.reply()
	}
	list := []object{}
	for _, s := range parcels {
		list = append(list, s.oldResource())
	}
	if q := c.URL.Query(); q.Has("list") || q.Has("list_all") {
		return ok(list)
	}
	return ok(list[len(list)-1])
}

// parcels are the order's shipments. Those that come back are listed first: nobody may rely on the first.
func (o *order) parcels() (list []*shipment) {
	for _, c := range o.claims {
		if c.parcel != nil {
			list = append(list, c.parcel)
		}
	}
	slices.Reverse(list)
	if o.shipment != nil {
		list = append(list, o.shipment)
	}
	return list
}

func (s *shipment) direction() string {
	if s.back {
		return "return"
	}
	return "forward"
}
