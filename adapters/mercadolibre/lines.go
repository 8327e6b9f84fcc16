package mercadolibre

import (
	"strconv"

	"hub"
	"hub/adapters/driver/strictjson"
)

// sums are what the lines of an order come to.
type sums struct {
	items hub.Money // before discounts
	sold  hub.Money // Σ unit price × quantity, which the platform's total is of
	fees  hub.Money // the platform's commission; not known when no line says one
	off   hub.Money // what the prices were reduced by, without the coupon

	coupon hub.Money // the buyer's; not known when nothing speaks of one
}

// lines reads the items, of which a real order has one, of any quantity.
func (d *decoder) lines(order strictjson.Value, o *hub.Order) (s sums) {
	s.items, s.sold, s.off = hub.Zero(d.currency), hub.Zero(d.currency), hub.Zero(d.currency)
	taken := make(map[string]int)
	items := d.Need(order, "order_items")
	d.Is(items, strictjson.Array)
	for v := range items.Items() {
		if d.Err() != nil {
			return s
		}
		line, sold, fee := d.line(v)
		taken[line.ExternalID]++
		if n := taken[line.ExternalID]; n > 1 { // the platform has no id for a line
			line.ExternalID += "#" + strconv.Itoa(n)
		}
		if line.Subtotal == nil {
			return s
		}
		s.items, s.sold = d.plus(s.items, *line.Subtotal, v), d.plus(s.sold, sold, v)
		s.off, s.fees = d.plus(s.off, *line.Discount, v), d.plus(s.fees, fee, v)
		if o.LocationID == "" {
			o.LocationID = d.store(v)
		}
		o.Lines = append(o.Lines, line)
	}
	return s
}

// line reads one item. Its discount is what the price was reduced by; the coupon comes later.
func (d *decoder) line(v strictjson.Value) (l hub.Line, sold, fee hub.Money) {
	item := d.Need(v, "item")
	quantity := d.Count(d.Need(v, "quantity"))
	price := d.money(d.Need(v, "unit_price"))
	sold = d.times(price, quantity, v)
	subtotal := d.gross(v, quantity, sold)
	discount := d.minus(subtotal, sold, v)
	product, variant := d.productID(item), d.label(item.Get("variation_id"))
	l = hub.Line{
		ExternalID:       join("-", product, variant),
		SKU:              firstOf(d.label(item.Get("seller_sku")), d.label(item.Get("seller_custom_field"))),
		ProductID:        product,
		VariantID:        variant,
		Title:            d.Text(item.Get("title")),
		VariantTitle:     d.variation(item),
		Quantity:         quantity,
		UnitPrice:        d.unit(subtotal, quantity),
		Subtotal:         stated(subtotal),
		Discount:         stated(discount),
		Total:            stated(sold),
		RequiresShipping: true,
	}
	// sale_fee is for one unit: six units of 39.52 with a fee of 14.01, two of 69.90 with 11.53 (U, arithmetic of samples).
	return l, sold, d.times(d.money(v.Get("sale_fee")), quantity, v)
}

// productID reads the item's id, which has letters: MLB3737188005.
func (d *decoder) productID(item strictjson.Value) string { return d.Name(d.Need(item, "id"), maxName) }

// gross is what the line would have cost without reductions: gross_price, which is for all units, else full_unit_price for
// each, if it is in the same currency. A price below the one that was paid is no gross price.
func (d *decoder) gross(v strictjson.Value, quantity int64, sold hub.Money) hub.Money {
	gross := d.money(v.Get("gross_price"))
	if other := v.Get("full_unit_price_currency_id"); !known(gross) && (!other.Given() || d.Currency(other) == d.currency) {
		gross = d.times(d.money(v.Get("full_unit_price")), quantity, v)
	}
	if known(gross) && gross.Minor >= sold.Minor {
		return gross
	}
	return sold
}

// unit is the price of one before reductions; nil when it is not exact.
func (d *decoder) unit(subtotal hub.Money, quantity int64) *hub.Money {
	if !known(subtotal) || quantity == 0 || subtotal.Minor%quantity != 0 {
		return nil
	}
	return &hub.Money{Minor: subtotal.Minor / quantity, Currency: subtotal.Currency}
}

// variation names the variation by its values: "Rosa-claro / GG".
func (d *decoder) variation(item strictjson.Value) (title string) {
	for _, v := range d.each(item.Get("variation_attributes")) {
		title = join(" / ", title, d.Text(v.Get("value_name")))
	}
	return title
}

// store is where the goods lie: the seller's store, else the platform's node. Real orders hold an object, one page of the
// documentation a list.
func (d *decoder) store(v strictjson.Value) string {
	for _, s := range d.each(v.Get("stock")) {
		if id := firstOf(d.label(s.Get("store_id")), d.label(s.Get("node_id")), d.label(s.Get("network_node_id"))); id != "" {
			return id
		}
	}
	return ""
}
