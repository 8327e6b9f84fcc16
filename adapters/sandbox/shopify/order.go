package shopify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Order is one order of the shop, as it stands now.
type Order struct {
	ID          int64
	Number      int
	Updated     time.Time // its version: whole seconds
	Financial   string    // financial_status
	Fulfillment string    // fulfillment_status, "" is null
	Cancelled   time.Time

	shop     *Shop
	created  time.Time
	lines    []line
	shipping int64
	method   int64 // id of the shipping line
	customer int64 // 0: a guest without a name
	person   int
	refunds  []refund
}

type line struct {
	id                   int64
	sku, title, variant  string
	quantity, current    int64
	price, discount, tax int64 // price of one; discount and tax of the whole line
}

func (l line) subtotal() int64 { return l.price * l.quantity }

type refund struct {
	id, transaction, line, quantity, amount int64
	at                                      time.Time
}

// Pay marks the order as paid.
func (o *Order) Pay() { o.touch(); o.Financial = "paid" }

// Ship marks all of it as sent.
func (o *Order) Ship() { o.touch(); o.Fulfillment = "fulfilled" }

// Cancel calls it off.
func (o *Order) Cancel() { o.touch(); o.Cancelled, o.Financial = o.Updated, "voided" }

// Refund gives back one piece of the first line that has one left; false when there is none.
func (o *Order) Refund() bool {
	for i := range o.lines {
		l := &o.lines[i]
		if l.current == 0 {
			continue
		}
		o.touch()
		l.current--
		o.Financial = "partially_refunded"
		o.refunds = append(o.refunds, refund{
			id: o.shop.id(), transaction: o.shop.id(), line: l.id, quantity: 1, amount: l.price, at: o.Updated,
		})
		return true
	}
	return false
}

func (o *Order) touch() { o.Updated = o.shop.tick() }

// Total is the order's total_price in minor units.
func (o *Order) Total() int64 {
	total := o.shipping
	for _, l := range o.lines {
		total += l.subtotal() - l.discount + l.tax
	}
	return total
}

// Refunded is what has been given back, in minor units.
func (o *Order) Refunded() (sum int64) {
	for _, r := range o.refunds {
		sum += r.amount
	}
	return sum
}

type object = map[string]any

// Body is the order as a webhook carries it: the REST resource, compact, slashes escaped.
func (o *Order) Body() []byte {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(o.resource()); err != nil {
		panic("sandbox: " + err.Error()) // maps of strings and numbers always encode
	}
	return bytes.ReplaceAll(bytes.TrimSpace(b.Bytes()), []byte("/"), []byte(`\/`))
}

func (o *Order) resource() object {
	s := o.shop
	var items, discounts, taxes int64
	lines := make([]object, len(o.lines))
	for i, l := range o.lines {
		items, discounts, taxes = items+l.subtotal(), discounts+l.discount, taxes+l.tax
		lines[i] = o.line(l)
	}
	r := object{
		"id": o.ID, "admin_graphql_api_id": fmt.Sprintf("gid://shopify/Order/%d", o.ID), "app_id": 580111,
		"name": fmt.Sprintf("#%d", o.Number), "number": o.Number - 1000, "order_number": o.Number,
		"created_at": stamp(o.created), "processed_at": stamp(o.created), "updated_at": stamp(o.Updated),
		"cancelled_at": nullable(o.Cancelled), "cancel_reason": nil, "closed_at": nil, "confirmed": true, "test": false,
		"currency": s.Currency, "presentment_currency": s.Currency, "taxes_included": false, "duties_included": false,
		"financial_status": o.Financial, "fulfillment_status": null(o.Fulfillment), "source_name": "web",
		"payment_gateway_names": []string{"shopify_payments"}, "tags": "", "note": nil, "note_attributes": []object{},
		"subtotal_price": s.money(items - discounts), "total_line_items_price": s.money(items),
		"total_discounts": s.money(discounts), "total_tax": s.money(taxes), "total_tip_received": s.money(0),
		"total_outstanding": s.money(0), "discount_codes": []object{}, "line_items": lines, "fulfillments": []object{},
		"shipping_lines": []object{o.shippingLine()}, "refunds": o.refundList(), "tax_lines": []object{},
		"discount_applications": applications(discounts),
		"order_status_url":      fmt.Sprintf("https://%s/1/orders/%d/authenticate?key=example", s.Domain, o.ID),
	}
	for name, amount := range map[string]int64{
		"subtotal_price_set": items - discounts, "total_line_items_price_set": items, "total_discounts_set": discounts,
		"total_tax_set": taxes, "total_price_set": o.Total(), "current_total_price_set": o.current(),
		"total_shipping_price_set": o.shipping,
	} {
		r[name] = o.bag(amount)
	}
	r["total_price"], r["current_total_price"] = s.money(o.Total()), s.money(o.current())
	o.buyer(r)
	return r
}

// applications names the discount that the allocations of the lines point to.
func applications(discounts int64) []object {
	if discounts == 0 {
		return []object{}
	}
	return []object{{
		"type": "automatic", "title": "Ten off", "target_type": "line_item", "target_selection": "entitled",
		"allocation_method": "each", "value_type": "percentage", "value": "10.0",
	}}
}

// current is what is left of the total after refunds.
func (o *Order) current() int64 {
	if !o.Cancelled.IsZero() {
		return 0
	}
	return o.Total() - o.Refunded()
}

func (o *Order) line(l line) object {
	s := o.shop
	allocations := []object{}
	if l.discount > 0 {
		allocations = append(allocations, object{
			"amount": s.money(l.discount), "amount_set": o.bag(l.discount), "discount_application_index": 0,
		})
	}
	return object{
		"id": l.id, "sku": l.sku, "title": l.title, "name": l.title + " - " + l.variant, "variant_title": null(l.variant),
		"product_id": 632910392, "variant_id": 39072856, "vendor": "Example Goods", "quantity": l.quantity,
		"current_quantity": l.current, "price": s.money(l.price), "price_set": o.bag(l.price), "taxable": true,
		"gift_card": false, "requires_shipping": true, "fulfillment_status": null(o.Fulfillment), "properties": []object{},
		"total_discount": s.money(0), "total_discount_set": o.bag(0), "discount_allocations": allocations, "duties": []object{},
		"tax_lines": []object{{
			"title": "Sales tax", "rate": json.Number("0.07"), "price": s.money(l.tax), "price_set": o.bag(l.tax), "channel_liable": false,
		}},
	}
}

func (o *Order) shippingLine() object {
	return object{
		"id": o.method, "title": "Standard", "code": "STD", "carrier_identifier": nil, "source": "shopify",
		"price": o.shop.money(o.shipping), "price_set": o.bag(o.shipping), "discounted_price": o.shop.money(o.shipping),
		"discounted_price_set": o.bag(o.shipping), "discount_allocations": []object{}, "tax_lines": []object{},
	}
}

func (o *Order) refundList() []object {
	list := []object{}
	for _, r := range o.refunds {
		list = append(list, object{
			"id": r.id, "created_at": stamp(r.at), "order_id": o.ID, "order_adjustments": []object{},
			"transactions": []object{{
				"id": r.transaction, "kind": "refund", "status": "success", "gateway": "shopify_payments",
				"amount": o.shop.money(r.amount), "amount_set": o.bag(r.amount), "currency": o.shop.Currency,
				"created_at": stamp(r.at), "processed_at": stamp(r.at), "order_id": o.ID,
			}},
			"refund_line_items": []object{{
				"id": r.id + 1, "line_item_id": r.line, "quantity": r.quantity, "restock_type": "return",
				"subtotal": json.Number(o.shop.money(r.amount)), "subtotal_set": o.bag(r.amount),
				"total_tax": json.Number(o.shop.money(0)), "total_tax_set": o.bag(0),
			}},
		})
	}
	return list
}

// buyer adds the person, or the nulls of an order without one.
func (o *Order) buyer(r object) {
	r["customer"], r["email"], r["phone"] = nil, "", nil
	r["billing_address"], r["shipping_address"] = nil, nil
	if o.customer == 0 {
		return
	}
	p := people[o.person]
	email := fmt.Sprintf("buyer%d@example.com", o.customer)
	address := object{
		"first_name": p.first, "last_name": p.last, "name": p.first + " " + p.last, "address1": p.street,
		"address2": "", "city": p.city, "zip": p.zip, "country": p.country, "country_code": p.country,
		"phone": "+1 555 0100", "company": nil, "province": nil, "province_code": nil, "latitude": json.Number("1.5"), "longitude": json.Number("-2.25"),
	}
	r["email"], r["contact_email"], r["phone"] = email, email, "+1 555 0100"
	r["billing_address"], r["shipping_address"] = address, address
	r["customer"] = object{
		"id": o.customer, "email": email, "first_name": p.first, "last_name": p.last, "phone": "+1 555 0100",
		"tags": "", "note": nil, "state": "disabled", "verified_email": true,
	}
}

func (o *Order) bag(minor int64) object {
	m := object{"amount": o.shop.money(minor), "currency_code": o.shop.Currency}
	return object{"shop_money": m, "presentment_money": m}
}

func stamp(t time.Time) string { return t.Format(time.RFC3339) }

func nullable(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// CurrentTotal is what is owed now, as the platform prints it.
func (o *Order) CurrentTotal() string { return o.shop.money(o.current()) }
