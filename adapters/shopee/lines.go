package shopee

import (
	"strconv"
	"strings"

	"hub"
	"hub/adapters/driver/strictjson"
)

// pricePerUnit is the one switch for an open question (U): model_original_price and model_discounted_price are read as
// prices of one unit, as nearly every public integration does; newer documentation can be read as "the subtotal when the
// quantity exceeds 1". The escrow's prices are subtotals by its documentation, and win once they are known.
const pricePerUnit = true

// sums are what the lines add up to.
type sums struct {
	items    hub.Money
	discount hub.Money // unknown as soon as one line's is
}

// lines reads the items. An order in which response_optional_fields were left out has none, and is not a whole order.
func (d *decoder) lines(o *hub.Order) sums {
	list := d.need(d.order, "item_list")
	d.Is(list, strictjson.Array)
	s := sums{items: d.zero(), discount: d.zero()}
	paid := d.escrowItems()
	names := map[string]int{}
	place, several := "", false
	for v := range list.Items() {
		if len(o.Lines) == maxLines {
			d.Fail(hub.CodeTooLarge, list)
		}
		if d.Err() != nil {
			return s
		}
		line, discount := d.line(v, paid.take(d, v), names)
		s.items = d.plus(s.items, *line.Subtotal, v)
		s.discount = d.plus(s.discount, discount, v)
		o.Lines = append(o.Lines, line)
		at := d.location(get(v, "product_location_id"))
		several = several || len(o.Lines) > 1 && at != place
		place = at
	}
	if !several {
		o.LocationID = place
	}
	return s
}

// line reads one item. paid is what the escrow says of it, absent when it says nothing.
func (d *decoder) line(v, paid strictjson.Value, names map[string]int) (hub.Line, hub.Money) {
	quantity := d.Count(d.need(v, "model_quantity_purchased"))
	if quantity > 1<<31 {
		d.Fail(hub.CodeOutOfRange, get(v, "model_quantity_purchased")) // int32 by the documentation
	}
	l := hub.Line{
		ExternalID:       d.lineID(v, names),
		SKU:              d.code(get(v, "model_sku")),
		ProductID:        d.id(get(v, "item_id")),
		VariantID:        d.id(get(v, "model_id")),
		Title:            d.label(get(v, "item_name")),
		VariantTitle:     d.label(get(v, "model_name")),
		Quantity:         quantity,
		RequiresShipping: true,
	}
	if l.SKU == "" {
		l.SKU = d.code(get(v, "item_sku")) // of the whole listing
	}
	if active := get(v, "active_qty"); active.Given() {
		n := d.Count(active)
		l.CurrentQuantity = &n
	}
	subtotal, discount := d.price(v, paid, &l)
	if !known(subtotal) {
		subtotal = d.zero() // the failure is recorded
	}
	l.Subtotal, l.Discount = &subtotal, stated(discount)
	total := subtotal
	if known(discount) {
		total = d.minus(subtotal, discount, v)
	}
	l.Total = stated(total)
	return l, discount
}

// price reads what a line costs before and what was taken off: from the escrow, which states subtotals, else from the
// order. A discounted price of 0 is what the platform prints for an item of a bundle, so it says nothing.
func (d *decoder) price(v, paid strictjson.Value, l *hub.Line) (subtotal, discount hub.Money) {
	name := "model_original_price"
	price := d.money(v, name)
	if !known(price) {
		d.FailAt(hub.CodeMissing, func() string { return v.Join(name) })
	}
	if pricePerUnit || l.Quantity == 1 {
		l.UnitPrice = stated(price)
	}
	if subtotal = d.money(paid, "original_price"); known(subtotal) {
		return subtotal, d.paidDiscount(paid, subtotal)
	}
	subtotal = d.ofLine(price, l.Quantity, v)
	reduced := d.money(v, "model_discounted_price")
	if known(reduced) && (reduced.Minor != 0 || price.Minor == 0) {
		discount = d.minus(subtotal, d.ofLine(reduced, l.Quantity, v), v)
	}
	return subtotal, discount
}

// ofLine turns a price of the order's into that of the line.
func (d *decoder) ofLine(price hub.Money, quantity int64, v strictjson.Value) hub.Money {
	if !pricePerUnit {
		return price
	}
	return d.times(price, quantity, v)
}

// paidDiscount is what the escrow says was taken off a line: the promotion, and the line's share of vouchers and coins.
func (d *decoder) paidDiscount(paid strictjson.Value, subtotal hub.Money) hub.Money {
	reduced := d.money(paid, "discounted_price")
	if !known(reduced) {
		return hub.Money{}
	}
	shares := d.total(paid, d.off, "discount_from_coin", "discount_from_voucher_shopee", "discount_from_voucher_seller")
	return d.and(d.minus(subtotal, reduced, paid), shares, paid)
}

// lineID is line_item_id, which newer orders have, else order_item_id and the model: items of one bundle share the
// former, models of one item too. What still repeats is counted.
func (d *decoder) lineID(v strictjson.Value, names map[string]int) string {
	name := d.id(get(v, "line_item_id"))
	if name == "" {
		item := d.id(get(v, "order_item_id"))
		if item == "" {
			item = d.id(d.need(v, "item_id"))
		}
		model := d.id(get(v, "model_id"))
		if model == "" {
			model = "0"
		}
		name = item + "-" + model
	}
	names[name]++
	if n := names[name]; n > 1 {
		name += "#" + strconv.Itoa(n)
	}
	return name
}

// location reads the warehouse: a text by the documentation, a list in real answers. Several are told together.
func (d *decoder) location(v strictjson.Value) string {
	if v.Kind() != strictjson.Array {
		return d.code(v)
	}
	var places []string
	for place := range v.Items() {
		places = append(places, d.code(place))
	}
	joined := strings.Join(places, ",")
	if len(joined) > maxName {
		d.Fail(hub.CodeTooLong, v)
	}
	return joined
}
