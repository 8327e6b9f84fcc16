package shopify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
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

	shop      *Shop
	processed time.Time // when the buyer ordered
	created   time.Time // when the record was made
	lines     []line
	shipping  int64
	method    int64 // id of the shipping line
	customer  int64 // 0: a guest without a name
	person    int
	note      string
	refunds   []refund
	parcels   []parcel
	payment   int64 // id of the transaction that paid; 0: not paid
	paidAt    time.Time
	paid      int64
	edited    bool
	removed   int64 // what edits took off, in minor units
	deleted   bool
	stale     object // the resource as it was before the last change
}

// parcel is a fulfilment.
type parcel struct {
	id    int64
	at    time.Time
	lines []refundLine // line and quantity
}

type line struct {
	id                   int64
	sku, title, variant  string
	quantity, current    int64
	price, discount, tax int64 // price of one; discount and tax of the whole line
}

func (l line) subtotal() int64 { return l.price * l.quantity }

// refund is money given back: for goods, and beyond that for tax and shipping.
type refund struct {
	id, transaction, amount int64
	lines                   []refundLine
	at                      time.Time
}

// refundLine is some pieces of a line.
type refundLine struct{ line, quantity, amount int64 }

// beyond is the part of a refund that is for no goods.
func (r refund) beyond() int64 {
	rest := r.amount
	for _, l := range r.lines {
		rest -= l.amount
	}
	return rest
}

// Pay marks the order as paid.
func (o *Order) Pay() {
	o.touch()
	o.Financial, o.payment, o.paidAt, o.paid = "paid", o.shop.id(), o.Updated, o.current()
}

// Ship marks all of it as sent, in one parcel with what no earlier one took.
func (o *Order) Ship() { o.touch(); o.Fulfillment = "fulfilled"; o.pack(len(o.lines)) }

// ShipPart sends the first line that no parcel has, when another one stays; false when there is no part to send.
func (o *Order) ShipPart() bool {
	if len(o.unsent()) < 2 {
		return false
	}
	o.touch()
	o.Fulfillment = "partial"
	o.pack(1)
	return true
}

// pack makes a parcel of the first n lines that no parcel has.
func (o *Order) pack(n int) {
	left := o.unsent()
	left = left[:min(n, len(left))]
	if len(left) > 0 {
		o.parcels = append(o.parcels, parcel{id: o.shop.id(), at: o.Updated, lines: left})
	}
}

// unsent are the pieces that no parcel took and that are still wanted.
func (o *Order) unsent() (left []refundLine) {
	for _, l := range o.lines {
		if l.current > 0 && !slices.ContainsFunc(o.parcels, func(p parcel) bool { return p.has(l.id) }) {
			left = append(left, refundLine{line: l.id, quantity: l.current})
		}
	}
	return left
}

// sent is the fulfillment_status of a line, which goes whole.
func (o *Order) sent(line int64) string {
	if slices.ContainsFunc(o.parcels, func(p parcel) bool { return p.has(line) }) {
		return "fulfilled"
	}
	return ""
}

func (p parcel) has(line int64) bool {
	return slices.ContainsFunc(p.lines, func(l refundLine) bool { return l.line == line })
}

// Edit takes one piece off the order before it is sent; false when nothing can be taken off.
func (o *Order) Edit() bool {
	for i := range o.lines {
		l := &o.lines[i]
		if l.current > 0 && l.quantity > 1 && o.Fulfillment == "" {
			o.touch()
			l.current--
			o.edited = true
			o.removed += l.price
			return true
		}
	}
	return false
}

// Annotate changes the note, which changes nothing that is paid for.
func (o *Order) Annotate(note string) { o.touch(); o.note = note }

// RefundAll gives back all that is left of what was paid; false when nothing is left, or nothing was paid.
func (o *Order) RefundAll() bool {
	left := o.paid - o.Refunded()
	if left <= 0 || o.payment == 0 {
		return false
	}
	o.touch()
	r := refund{id: o.shop.id(), transaction: o.shop.id(), amount: left, at: o.Updated}
	for i := range o.lines {
		l := &o.lines[i]
		if amount := min(l.price*l.current, r.beyond()); l.current > 0 {
			r.lines = append(r.lines, refundLine{l.id, l.current, amount})
			l.current = 0
		}
	}
	o.refunds = append(o.refunds, r)
	o.removed = o.Total() - o.Refunded() // what an edit took off after the payment was owed, and is paid back with the rest
	o.Financial = "refunded"
	return true
}

// Cancel calls it off.
func (o *Order) Cancel() { o.touch(); o.Cancelled, o.Financial = o.Updated, "voided" }

// CancelPaid calls off an order that was paid: what was paid is given back.
func (o *Order) CancelPaid() {
	if !o.RefundAll() {
		o.touch()
	}
	o.Cancelled = o.Updated
}

// Refund gives back one piece of the first line that has one left; false when there is none.
func (o *Order) Refund() bool {
	for i := range o.lines {
		l := &o.lines[i]
		if l.current == 0 || o.Refunded()+l.price > o.receivable() { // more than was paid cannot be given back
			continue
		}
		o.touch()
		l.current--
		o.Financial = "partially_refunded"
		o.refunds = append(o.refunds, refund{
			id: o.shop.id(), transaction: o.shop.id(), amount: l.price, at: o.Updated, lines: []refundLine{{l.id, 1, l.price}},
		})
		return true
	}
	return false
}

// receivable is what was paid, or is to be paid.
func (o *Order) receivable() int64 {
	if o.payment == 0 {
		return o.Total()
	}
	return o.paid
}

func (o *Order) touch() {
	if o.shop.clock != nil {
		o.stale = o.resource()
	}
	o.Updated = o.shop.tick()
}

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
func (o *Order) Body() []byte { return compact(o.resource()) }

// compact prints a resource as the platform does.
func compact(r object) []byte {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(r); err != nil {
		panic("sandbox: " + err.Error()) // maps of strings and numbers always encode
	}
	return bytes.ReplaceAll(bytes.TrimSpace(b.Bytes()), []byte("/"), []byte(`\/`))
}

func (o *Order) resource() object {
	s := o.shop
	source, place := s.source()
	var items, discounts, taxes int64
	lines := make([]object, len(o.lines))
	for i, l := range o.lines {
		items, discounts, taxes = items+l.subtotal(), discounts+l.discount, taxes+l.tax
		lines[i] = o.line(l)
	}
	r := object{
		"id": o.ID, "admin_graphql_api_id": gid("Order", o.ID), "app_id": 580111,
		"name": o.name(), "number": o.Number - 1000, "order_number": o.Number,
		"created_at": stamp(o.created), "processed_at": stamp(o.processed), "updated_at": stamp(o.Updated),
		"cancelled_at": nullable(o.Cancelled), "cancel_reason": nil, "closed_at": nil, "confirmed": true, "test": false,
		"currency": s.Currency, "presentment_currency": s.Currency, "taxes_included": false, "duties_included": false,
		"financial_status": o.Financial, "fulfillment_status": null(o.Fulfillment), "source_name": source, "location_id": place,
		"payment_gateway_names": []string{"shopify_payments"}, "tags": "", "note": null(o.note), "note_attributes": []object{},
		"subtotal_price": s.money(items - discounts), "total_line_items_price": s.money(items),
		"total_discounts": s.money(discounts), "total_tax": s.money(taxes), "total_tip_received": s.money(0),
		"total_outstanding": s.money(o.outstanding()), "discount_codes": []object{}, "line_items": lines, "fulfillments": o.parcelList(),
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
	return o.Total() - o.Refunded() - o.removed
}

// outstanding is what the buyer still owes; less than nothing is owed to the buyer.
func (o *Order) outstanding() int64 {
	if o.payment == 0 {
		return o.current()
	}
	return o.current() - (o.paid - o.Refunded())
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
		"gift_card": false, "requires_shipping": true, "fulfillment_status": null(o.sent(l.id)), "properties": []object{},
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

func (o *Order) name() string { return fmt.Sprintf("#%d", o.Number) }

func (o *Order) email() string { return fmt.Sprintf("buyer%d@example.com", o.customer) }

// phoneNumber is everybody's.
const phoneNumber = "+1 555 0100"

// buyer adds the person, or the nulls of an order without one.
func (o *Order) buyer(r object) {
	r["customer"], r["email"], r["phone"] = nil, "", nil
	r["billing_address"], r["shipping_address"] = nil, nil
	if o.customer == 0 {
		return
	}
	p := people[o.person]
	email := o.email()
	address := object{
		"first_name": p.first, "last_name": p.last, "name": p.first + " " + p.last, "address1": p.street,
		"address2": "", "city": p.city, "zip": p.zip, "country": p.country, "country_code": p.country,
		"phone": phoneNumber, "company": nil, "province": nil, "province_code": nil, "latitude": json.Number("1.5"),
		"longitude": json.Number("-2.25"),
	}
	r["email"], r["contact_email"], r["phone"] = email, email, phoneNumber
	r["billing_address"], r["shipping_address"] = address, address
	r["customer"] = object{
		"id": o.customer, "email": email, "first_name": p.first, "last_name": p.last, "phone": phoneNumber,
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
