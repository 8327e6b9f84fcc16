package shopify

import (
	"encoding/json"
	"fmt"
)

// The parts of an order that are also the bodies of topics of their own.

func (o *Order) refundList() []object {
	list := []object{}
	for _, r := range o.refunds {
		list = append(list, o.refund(r))
	}
	return list
}

func (o *Order) refund(r refund) object {
	lines := []object{}
	for i, l := range r.lines {
		lines = append(lines, object{
			"id": r.id + int64(i) + 1, "line_item_id": l.line, "quantity": l.quantity, "restock_type": "return",
			"subtotal": json.Number(o.shop.money(l.amount)), "subtotal_set": o.bag(l.amount),
			"total_tax": json.Number(o.shop.money(0)), "total_tax_set": o.bag(0),
		})
	}
	adjustments := []object{}
	if rest := r.beyond(); rest != 0 {
		adjustments = append(adjustments, object{
			"id": r.transaction + 1, "order_id": o.ID, "refund_id": r.id, "kind": "refund_discrepancy", "reason": "Refund discrepancy",
			"amount": o.shop.money(-rest), "amount_set": o.bag(-rest), "tax_amount": o.shop.money(0), "tax_amount_set": o.bag(0),
		})
	}
	return object{
		"id": r.id, "created_at": stamp(r.at), "order_id": o.ID, "order_adjustments": adjustments,
		"transactions": []object{o.transaction(r.transaction, "refund", r.amount, stamp(r.at))}, "refund_line_items": lines,
	}
}

func (o *Order) transaction(id int64, kind string, amount int64, at string) object {
	return object{
		"id": id, "kind": kind, "status": "success", "gateway": "shopify_payments", "amount": o.shop.money(amount),
		"amount_set": o.bag(amount), "currency": o.shop.Currency, "created_at": at, "processed_at": at, "order_id": o.ID,
	}
}

func (o *Order) parcelList() []object {
	list := []object{}
	for i, f := range o.parcels {
		list = append(list, o.fulfillment(i, f))
	}
	return list
}

func (o *Order) fulfillment(i int, f parcel) object {
	lines := []object{}
	for _, l := range f.lines {
		lines = append(lines, object{"id": l.line, "quantity": l.quantity})
	}
	number := f.number()
	return object{
		"id": f.id, "order_id": o.ID, "name": fmt.Sprintf("#%d.%d", o.Number, i+1), "status": "success", "service": "manual",
		"created_at": stamp(f.at), "updated_at": stamp(f.at), "tracking_company": "Example Post", "tracking_number": number,
		"tracking_numbers": []string{number}, "tracking_url": nil, "tracking_urls": []string{}, "shipment_status": nil,
		"line_items": lines, "location_id": placeID, "admin_graphql_api_id": gid("Fulfillment", f.id),
	}
}

func (f parcel) number() string { return fmt.Sprintf("EX%d", f.id) }

// edit is the body of orders/edited; its shape is (U).
func (o *Order) edit(id int64) object {
	removals := []object{}
	for _, l := range o.lines {
		if l.current < l.quantity {
			removals = append(removals, object{"id": l.id, "delta": l.quantity - l.current})
		}
	}
	return object{"order_edit": object{
		"id": id, "order_id": o.ID, "created_at": stamp(o.Updated), "committed_at": stamp(o.Updated), "notify_customer": false,
		"line_items": object{"additions": []object{}, "removals": removals},
		"discounts":  object{"line_item": object{"additions": []object{}, "removals": []object{}}},
	}}
}

// resource is the Shop, the body of app/uninstalled.
func (s *store) resource() object {
	return object{
		"id": s.id, "name": s.name, "domain": s.Domain, "myshopify_domain": s.Domain, "currency": s.Currency, "country_code": "US",
		"email": "owner@example.com", "plan_name": "basic", "primary_locale": "en", "timezone": "(GMT+00:00) UTC", "iana_timezone": "Etc/UTC",
		"created_at": stamp(s.opened), "updated_at": stamp(s.now),
	}
}

// gid is an identifier as GraphQL spells it.
func gid(kind string, id int64) string { return fmt.Sprintf("gid://shopify/%s/%d", kind, id) }
