package mercadolibre

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// ownOrder finds the order that a path names, of the caller.
func (p *Platform) ownOrder(c call) (*order, *reply) {
	id, given := c.number("id")
	o := p.ledger.orders[id]
	var refused reply
	switch {
	case !given:
		refused = badRequest("invalid_order_id", "Invalid order id.")
	case o == nil: // a pack's id, too
		refused = failure{Status: http.StatusNotFound, Error: "order_not_found", Message: "Order not found."}.reply()
	case o.seller != c.seller():
		refused = failure{Status: http.StatusForbidden, Error: "not_owned_order", Message: "Not owned order."}.reply()
	default:
		return o, nil
	}
	return nil, &refused
}

// order prints an order, or what of it could be loaded.
func (p *Platform) order(c call) reply {
	o, refused := p.ownOrder(c)
	if refused != nil {
		return *refused
	}
	if !p.faults.Hit(p.streams.answers, APIHalf) {
		return reply{status: http.StatusOK, body: o.whole()}
	}
	made, parts := o.resource(), []string{"buyer", "feedback", "mediations", "seller", "shipping"}
	r := p.streams.answers
	r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	parts = parts[:1+r.IntN(len(parts))]
	for _, part := range parts {
		delete(made, part)
		if part == "shipping" && r.IntN(2) == 0 {
			made[part] = object{"id": nil} // the gap may look like a value
		}
	}
	return reply{status: http.StatusPartialContent, body: compact(made), missing: strings.Join(parts, ",")}
}

// orderDiscounts says what took something off the price, and who pays for it.
func (p *Platform) orderDiscounts(c call) reply {
	o, refused := p.ownOrder(c)
	if refused != nil {
		return *refused
	}
	details := []object{}
	item := func(total, seller int64) []object {
		return []object{{"id": o.item.id, "quantity": o.quantity, "amounts": object{"total": o.money(total), "seller": o.money(seller)}}}
	}
	if o.coupon > 0 {
		details = append(details, object{
			"type": "coupon", "coupon": object{"id": 569_290_732}, "supplier": object{"meli_campaign": "P-" + o.seller.site.id + "4944001"},
			"items": item(o.coupon, o.couponBySeller),
		})
	}
	if off := (o.full - o.unit) * o.quantity; off > 0 {
		details = append(details, object{
			"type": "discount", "supplier": object{"offer_id": o.item.id + "-abc123", "funding_mode": "sale_fee"}, "items": item(off, o.bySeller),
		})
	}
	if o.tags["catalog"] {
		details = append(details, object{
			"type": "cashback", "items": item(o.unit/20, 0), "supplier": object{"campaign_id": "10116144"}, "cashback": object{"id": "2251800174114906"},
		})
	}
	if len(details) == 0 {
		return failure{Status: http.StatusNotFound, Error: "not_found", Message: "Discounts not found"}.reply() // (U)
	}
	return ok(object{"details": details})
}

// billingInfo is the buyer's tax data, under the country's site and the id that the order names.
func (p *Platform) billingInfo(c call) reply {
	id, err := strconv.ParseInt(c.PathValue("id"), 10, 64)
	if err != nil {
		return badRequest("bad_request", "Invalid billing info id")
	}
	if o := p.ledger.billing[id]; o != nil && o.seller == c.seller() && o.seller.site.id == c.PathValue("site") {
		return ok(o.billing())
	}
	return failure{Status: http.StatusNotFound, Error: "not_found", Message: "Billing info not found"}.reply()
}

func (o *order) billing() object {
	where, b := o.seller.site, o.buyer
	who := people[b.person]
	kind, document := "CO", where.document
	if b.company {
		kind = "BU"
	}
	var customer any = b.id
	if where.id == "MPE" || where.id == "MLU" { // where it is a text
		customer = digitsOf(b.id)
	}
	address := object{
		"street_name": b.place.street, "street_number": b.place.number, "city_name": b.place.city, "comment": "7b",
		"neighborhood": b.place.district, "state": object{"name": b.place.state}, "country_id": where.country,
	}
	if b.zip != "" {
		address["zip_code"] = b.zip
	}
	made := object{
		"buyer": object{"cust_id": customer, "billing_info": object{
			"name": who.first, "last_name": who.last, "identification": object{"type": document, "number": b.document},
			"address": address, "attributes": object{"is_normalized": true, "cust_type": kind},
		}},
		"seller": object{"cust_id": o.seller.id},
	}
	if where.id != "MPE" {
		made["site_id"] = where.id
	}
	return made
}

// pack prints a basket. Its times have no colon in their offset.
func (p *Platform) pack(c call) reply {
	id, given := c.number("id")
	k := p.ledger.packs[id]
	switch {
	case !given:
		return badRequest("bad_request", "Invalid Parameter")
	case k == nil:
		return failure{Status: http.StatusNotFound, Error: "not_found", Message: "Pack not found"}.reply()
	case k.orders[0].seller != c.seller():
		return failure{Status: http.StatusForbidden, Error: "forbidden", Message: "No orders found."}.reply()
	}
	where := c.seller().site
	const bare = "2006-01-02T15:04:05.000-0700"
	made := object{
		"id": k.id, "status": k.status(), "status_detail": nil, "buyer": object{"id": k.orders[0].buyer.id}, "shipment": object{"id": nil},
		"date_created": k.created.In(where.location()).Format(bare), "last_updated": k.updated.In(where.location()).Format(bare),
		"family_pack_id": nil, "trash_pack_id": nil,
	}
	orders := []object{}
	for _, o := range slices.Backward(k.orders) { // in no order that means anything
		orders = append(orders, object{"id": o.id})
	}
	made["orders"] = orders
	if k.shipment != nil {
		made["shipment"] = object{"id": k.shipment.id}
	}
	if k.family != 0 {
		made["family_pack_id"] = k.family
	}
	return ok(made)
}

func (k *pack) status() string {
	if slices.ContainsFunc(k.orders, func(o *order) bool { return !o.undone() }) {
		return "released"
	}
	return "cancelled"
}
