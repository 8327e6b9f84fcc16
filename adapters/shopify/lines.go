package shopify

import (
	"hub"
	"hub/adapters/driver/strictjson"
)

// lines reads the items and returns their sum, price × quantity before discounts. Tip lines are left out of both: the
// tip has a total of its own.
func (d *decoder) lines(order strictjson.Value, o *hub.Order) (items pair) {
	items, d.tipLines = d.none(), d.none()
	name := "line_items"
	if d.graphql {
		name = "lineItems"
	}
	all := d.Need(order, name)
	for v := range d.list(all) {
		if isTip(v) {
			price := d.money(v, "price_set", "originalUnitPriceSet", "price")
			d.tipLines = d.plus(d.tipLines, d.times(price, d.Count(v.Get("quantity")), v), v)
			continue
		}
		line, subtotal := d.line(v)
		if d.Err() != nil {
			return items
		}
		items = d.plus(items, subtotal, v)
		o.Lines = append(o.Lines, line)
	}
	return items
}

// isTip recognises the line that repeats total_tip_received (U): REST marks it with the gateway that took the tip.
func isTip(v strictjson.Value) bool {
	return v.Get("tip_payment_gateway").Given()
}

func (d *decoder) line(v strictjson.Value) (hub.Line, pair) {
	price := d.money(v, "price_set", "originalUnitPriceSet", "price")
	if !price.given() {
		d.FailAt(hub.CodeMissing, func() string { return v.Join("price") })
	}
	quantity := d.Count(d.Need(v, "quantity"))
	subtotal := d.times(price, quantity, v)
	taxLines, tax := d.taxLines(d.get(v, "tax_lines", "taxLines"))
	l := hub.Line{
		ExternalID:       d.needID(v, "id", "LineItem"),
		SKU:              d.Name(v.Get("sku"), maxName),
		ProductID:        d.linked(v, "product_id", "product"),
		VariantID:        d.linked(v, "variant_id", "variant"),
		Title:            d.label(v.Get("title")),
		VariantTitle:     d.label(d.get(v, "variant_title", "variantTitle")),
		Quantity:         quantity,
		UnitPrice:        stated(price.shop),
		Subtotal:         stated(subtotal.shop),
		Tax:              stated(tax.shop),
		TaxLines:         taxLines,
		GiftCard:         d.flag(d.get(v, "gift_card", "isGiftCard")),
		RequiresShipping: d.flag(d.get(v, "requires_shipping", "requiresShipping")),
		Properties:       d.notes(d.get(v, "properties", "customAttributes")),
	}
	if current := d.get(v, "current_quantity", "currentQuantity"); current.Given() {
		n := d.Count(current)
		l.CurrentQuantity = &n
	}
	// A custom item has no product. Nor has one whose product was deleted since (U): its title is then taken for
	// personal, which errs on the safe side.
	l.Custom = l.ProductID == "" && l.VariantID == ""
	discount := d.lineDiscount(v)
	l.Discount = stated(discount.shop)
	total := d.lineTotal(subtotal, discount, tax, v)
	l.Total, l.PresentmentTotal = stated(total.shop), stated(total.buyer)
	return l, subtotal
}

// lineTotal is subtotal − discount + (tax unless it is included), what is absent counting as nothing.
func (d *decoder) lineTotal(subtotal, discount, tax pair, v strictjson.Value) pair {
	total := subtotal
	if discount.given() {
		total = d.minus(total, discount, v)
	}
	if tax.given() && !d.taxIncluded {
		total = d.plus(total, tax, v)
	}
	return total
}

// linked reads the id of another object: a number in REST, an object with an id in GraphQL.
func (d *decoder) linked(v strictjson.Value, rest, graphql string) string {
	if d.graphql {
		return d.id(v.Get(graphql).Get("id"), "")
	}
	return d.id(v.Get(rest), "")
}

// lineDiscount is what was taken off a line: the sum of its allocations, which hold the line's share of order-level
// discounts too; without allocations total_discount, which holds line-level discounts only (U).
func (d *decoder) lineDiscount(v strictjson.Value) pair {
	sum, n := d.allocations(d.get(v, "discount_allocations", "discountAllocations"))
	if n > 0 {
		return sum
	}
	if own := d.money(v, "total_discount_set", "totalDiscountSet", "total_discount"); own.given() {
		return own
	}
	return sum
}

// allocations sums the parts of discounts that fell on one line, and books each to its discount application. Absent
// allocations are no pair, an empty list is zero.
func (d *decoder) allocations(list strictjson.Value) (sum pair, n int) {
	if !list.Given() {
		return pair{}, 0
	}
	sum = d.none()
	for v := range d.list(list) {
		part := d.money(v, "amount_set", "allocatedAmountSet", "amount")
		if !part.given() {
			d.FailAt(hub.CodeMissing, func() string { return v.Join("amount") })
		}
		sum = d.plus(sum, part, v)
		n++
		index := v.Get("discount_application_index")
		if d.graphql {
			index = v.Get("discountApplication").Get("index")
		}
		if i := d.Count(index); index.Given() && i < int64(len(d.applied)) {
			d.applied[i] = d.book(d.applied[i], part, v)
		}
	}
	return sum, n
}

// book adds a part to what may be nothing yet.
func (d *decoder) book(sum, part pair, v strictjson.Value) pair {
	if !sum.given() {
		return part
	}
	return d.plus(sum, part, v)
}

// taxLines reads the taxes on one line and their sum. Absent taxes are no pair, an empty list is zero.
func (d *decoder) taxLines(list strictjson.Value) (taxes []hub.TaxLine, sum pair) {
	if !list.Given() {
		return nil, pair{}
	}
	sum = d.none()
	for v := range d.list(list) {
		amount := d.money(v, "price_set", "priceSet", "price")
		if !amount.given() {
			d.FailAt(hub.CodeMissing, func() string { return v.Join("price") })
		}
		sum = d.plus(sum, amount, v)
		taxes = append(taxes, hub.TaxLine{
			Title:       d.label(v.Get("title")),
			Rate:        d.rate(v.Get("rate")),
			Amount:      stated(amount.shop),
			CollectedBy: d.collector(d.get(v, "channel_liable", "channelLiable")),
		})
	}
	return taxes, sum
}

// rate keeps the decimal fraction as it is printed; it is a JSON number in both spellings.
func (d *decoder) rate(v strictjson.Value) string {
	if v.Kind() == strictjson.Number {
		if len(v.Raw()) > maxID {
			d.Fail(hub.CodeTooLong, v)
		}
		return v.Text()
	}
	return d.Name(v, maxID)
}

// collector says who owes a tax to the state: the channel that sold, or the merchant. Null is not known.
func (d *decoder) collector(liable strictjson.Value) string {
	switch {
	case !liable.Given():
		return ""
	case d.flag(liable):
		return "platform"
	}
	return "seller"
}
