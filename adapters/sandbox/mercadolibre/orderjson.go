package mercadolibre

import (
	"slices"
	"time"
)

// stamp prints a time as orders do: milliseconds and an offset with a colon.
func (s *site) stamp(t time.Time) string {
	return t.In(s.location()).Format("2006-01-02T15:04:05.000-07:00")
}

// stampOr is null for a time that never was.
func (s *site) stampOr(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return s.stamp(t)
}

// who prints an id of a person or a payment.
func (o *order) who(id int64) any {
	if o.style.textIDs {
		return digitsOf(id)
	}
	return id
}

// resource prints the order.
func (o *order) resource() object {
	where := o.seller.site
	made := object{
		"id": o.id, "date_created": where.stamp(o.created), "last_updated": where.stamp(o.updated), "date_closed": where.stampOr(o.closed),
		"pack_id": nil, "fulfilled": nil, "buying_mode": "buy_equals_pay", "shipping_cost": nil, "mediations": o.mediations(),
		"total_amount": o.money(o.total()), "paid_amount": o.money(o.paidAmount()), "order_items": []object{o.line()}, "currency_id": where.currency,
		"payments": o.printedPayments(), "shipping": object{"id": nil}, "status": o.status, "status_detail": nil, "tags": o.allTags(),
		"internal_tags": []any{}, "static_tags": []any{}, "feedback": object{"seller": nil, "buyer": nil},
		"context": object{"channel": "marketplace", "site": where.id, "flows": []any{}}, "seller": object{"id": o.who(o.seller.id)},
		"buyer": o.printedBuyer(), "taxes": object{"amount": nil, "currency_id": nil, "id": nil}, "cancel_detail": nil,
		"manufacturing_ending_date": nil, "order_request": object{"change": nil, "return": nil},
	}
	if o.pack != nil {
		made["pack_id"] = o.pack.id
	}
	if o.shipment != nil {
		made["shipping"] = object{"id": o.shipment.id}
	}
	if o.tax > 0 {
		made["taxes"] = object{"amount": o.money(o.tax), "currency_id": where.currency, "id": nil}
	}
	if o.coupon > 0 && o.style.topCoupon && o.paid() != nil {
		made["coupon"] = object{"id": nil, "amount": o.money(o.coupon)}
	}
	if c := o.cancelled; c != nil {
		made["cancel_detail"] = object{
			"group": c.group, "code": c.code, "description": "Cancelado", "requested_by": c.by, "date": where.stamp(c.at), "application_id": nil,
		}
	}
	if o.style.bothTimes {
		made["date_last_updated"] = o.updated.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return made
}

func (o *order) money(minor int64) number { return o.seller.site.amount(minor, o.style.how) }

// line prints the one item. Its fee is for one unit.
func (o *order) line() object {
	where, i := o.seller.site, o.item
	fee := o.money(o.fee)
	if o.style.noisyFee {
		fee = where.noisy(o.fee)
	}
	thing := object{
		"id": i.id, "title": i.title, "category_id": where.id + "188658", "variation_id": nil, "seller_custom_field": nil,
		"variation_attributes": []any{}, "warranty": "Garantía del vendedor: 15 días", "condition": "new", "seller_sku": i.sku,
		"global_price": nil, "net_weight": nil, "user_product_id": where.id + "U" + i.id[3:], "release_date": nil,
	}
	if i.variationID != 0 {
		thing["variation_id"] = i.variationID
		thing["variation_attributes"] = []object{{"id": "COLOR", "name": "Color", "value_id": nil, "value_name": i.variation}}
	}
	made := object{
		"item": thing, "quantity": o.quantity, "requested_quantity": object{"measure": "unit", "value": o.quantity}, "picked_quantity": nil,
		"unit_price": o.money(o.unit), "currency_id": where.currency, "manufacturing_days": nil, "sale_fee": fee,
		"listing_type_id": "gold_special", "base_exchange_rate": nil, "base_currency_id": nil, "element_id": nil, "discounts": nil, "bundle": nil,
		"stock": object{"store_id": nil, "node_id": where.currency + digitsOf(o.seller.id)},
	}
	if o.style.stockList {
		made["stock"] = []object{{"store_id": "54936888", "network_node_id": "163942"}}
	}
	if o.style.gross {
		off := o.money(o.full - o.unit)
		made["gross_price"] = o.money(o.full * o.quantity)
		made["discounts"] = []object{{"amounts": object{"full": off, "seller": off}}}
		return made
	}
	made["full_unit_price"], made["full_unit_price_currency_id"] = o.money(o.full), where.currency
	return made
}

// printedBuyer is more or less of the buyer: from nothing but an id to a name and a way to the tax data.
func (o *order) printedBuyer() object {
	b := o.buyer
	if o.style.bareBuyer {
		return object{"id": o.who(b.id)}
	}
	who := people[b.person]
	return object{
		"id": o.who(b.id), "nickname": nickname(who.first, b.id), "first_name": who.first, "last_name": who.last,
		"billing_info": object{"id": digitsOf(b.billing)},
	}
}

// mediations lists the claims, which the order knows by their ids only.
func (o *order) mediations() []object {
	list := []object{}
	for _, c := range o.claims {
		list = append(list, object{"id": c.id})
	}
	return list
}

// allTags are the tags that were put on the order and those that follow from it.
func (o *order) allTags() (tags []string) {
	add := func(tag string, when bool) {
		if when {
			tags = append(tags, tag)
		}
	}
	delivered := o.shipment != nil && o.shipment.status == "delivered"
	add("pack_order", o.pack != nil)
	add("order_has_discount", o.full > o.unit || o.coupon > 0)
	add("no_shipping", o.pickup)
	add("paid", o.paid() != nil)
	add("not_paid", o.paid() == nil)
	add("delivered", delivered)
	add("not_delivered", !delivered)
	add("claim_opened", o.openClaim() != nil)
	add("claim_closed", o.openClaim() == nil && len(o.claims) > 0)
	for tag, on := range o.tags {
		add(tag, on)
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// entry prints the order as a search does: with date_last_updated in UTC, and a last_updated that may be older.
func (o *order) entry() []byte {
	if o.listed == nil {
		made := o.resource()
		made["date_last_updated"] = o.updated.UTC().Format("2006-01-02T15:04:05.000Z")
		if o.style.bothTimes {
			made["date_last_updated"] = o.updated.UTC().Format("2006-01-02T15:04:05.000+00:00")
			behind := o.updated.Add(-2 * time.Second)
			if behind.Before(o.created) {
				behind = o.created
			}
			made["last_updated"] = o.seller.site.stamp(behind)
		}
		o.listed = compact(made)
	}
	return o.listed
}

// whole prints the order, once for each version.
func (o *order) whole() []byte {
	if o.body == nil {
		o.body = compact(o.resource())
	}
	return o.body
}
