package shopify

import (
	"hub"
	"hub/adapters/driver/strictjson"
)

// shippingLines reads what the buyer pays for shipping, and returns the sum before discounts. Lines that an edit removed
// count, for they are part of the total as sold (U).
func (d *decoder) shippingLines(order strictjson.Value, o *hub.Order) (shipping pair) {
	list := d.get(order, "shipping_lines", "shippingLines")
	if !list.Given() {
		return d.money(order, "total_shipping_price_set", "totalShippingPriceSet", "")
	}
	shipping = d.none()
	for v := range d.list(list) {
		price := d.money(v, "price_set", "originalPriceSet", "price")
		if !price.given() {
			d.FailAt(hub.CodeMissing, func() string { return v.Join("price") })
		}
		shipping = d.plus(shipping, price, v)
		_, tax := d.taxLines(d.get(v, "tax_lines", "taxLines"))
		o.ShippingLines = append(o.ShippingLines, hub.ShippingLine{
			ExternalID: d.id(v.Get("id"), ""),
			Title:      d.label(v.Get("title")),
			Code:       d.label(v.Get("code")),
			Carrier:    d.label(d.get(v, "carrier_identifier", "carrierIdentifier")),
			Price:      stated(price.shop),
			Discount:   stated(d.shippingDiscount(v, price).shop),
			Tax:        stated(tax.shop),
		})
	}
	return shipping
}

// shippingDiscount is the sum of the allocations, else price − discounted price.
func (d *decoder) shippingDiscount(v strictjson.Value, price pair) pair {
	sum, n := d.allocations(d.get(v, "discount_allocations", "discountAllocations"))
	if n > 0 {
		return sum
	}
	if left := d.money(v, "discounted_price_set", "discountedPriceSet", "discounted_price"); left.given() {
		return d.minus(price, left, v)
	}
	return sum
}
