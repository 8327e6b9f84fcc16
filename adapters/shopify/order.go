package shopify

import (
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// Order reads one bare order in either spelling.
func (dr *Driver) Order(document []byte) (driver.Draft, error) {
	return strictjson.Read(opDocument, document, dr.order)
}

// reading names the operation on an error that has none.
func reading(err error) error { return strictjson.Named(opDocument, err) }

// opDocument is what errors of documents call the operation.
const opDocument = "reading shopify document"

// order maps a parsed order. What it returns satisfies hub.Order.Check.
func (dr *Driver) order(v strictjson.Value) (driver.Draft, error) {
	d := &decoder{words: dr.words, graphql: isGraphQL(v)}
	if !d.Is(v, strictjson.Object) {
		d.Fail(hub.CodeWrongType, v)
		return driver.Draft{}, d.Err()
	}
	o := hub.Order{Platform: hub.Shopify, FulfilledBy: "seller", Source: hub.Source{Rules: rules}}
	d.head(v, &o)
	d.when(v, &o)
	d.currencies(v, &o)
	d.discounts(v, &o)
	sums := totals{items: d.lines(v, &o), shipping: d.shippingLines(v, &o)}
	d.priceDiscounts(&o)
	d.fulfillments(v, &o)
	d.statuses(v, &o)
	d.payments(v, &o)
	sums.refunded = d.refunds(v, &o)
	o.Buyer = d.person(v)
	if d.sum(v, &sums); d.Err() != nil {
		return driver.Draft{}, d.Err()
	}
	if err := d.explain(sums, &o); err != nil {
		return driver.Draft{}, err
	}
	draft := driver.Draft{Order: o}
	if o.Buyer != nil {
		draft.Subject = hub.ExternalID(o.Buyer.ExternalID)
	}
	return draft, nil
}

// isGraphQL tells the spellings apart by what only GraphQL has: a gid where REST has a number, or a bag in camel case.
func isGraphQL(v strictjson.Value) bool {
	return strings.HasPrefix(v.Get("id").Text(), "gid:") || v.Get("legacyResourceId").Given() ||
		v.Get("totalPriceSet").Given()
}

// head reads what is neither money nor a list.
func (d *decoder) head(v strictjson.Value, o *hub.Order) {
	o.ExternalID = d.orderID(v)
	o.Number = d.Name(v.Get("name"), maxName)
	o.Channel = d.Name(d.get(v, "source_name", "sourceName"), maxName)
	o.Test = d.Bool(v.Get("test"))
	o.TaxIncluded = d.Bool(d.get(v, "taxes_included", "taxesIncluded"))
	o.DutiesIncluded = d.Bool(d.get(v, "duties_included", "dutiesIncluded"))
	o.LocationID = d.linked(v, "location_id", "retailLocation")
	d.taxIncluded = o.TaxIncluded
}

// orderID reads what the order is known by.
func (d *decoder) orderID(v strictjson.Value) hub.ExternalID {
	if id := v.Get("legacyResourceId"); d.graphql && id.Given() && !v.Get("id").Given() {
		return hub.ExternalID(d.id(id, ""))
	}
	return hub.ExternalID(d.needID(v, "id", "Order"))
}

// when reads the version and when the order was placed. An order without updated_at has no version to guard, so it is
// refused. It was placed at processed_at, the date that Shopify shows and reports by: created_at is when the record was
// made, which for an imported order is the day of the import.
func (d *decoder) when(v strictjson.Value, o *hub.Order) {
	o.SourceUpdatedAt = d.updated(v)
	placed := d.get(v, "processed_at", "processedAt")
	if !placed.Given() {
		placed = d.get(v, "created_at", "createdAt")
	}
	if t := d.Time(placed); !t.IsZero() {
		o.PlacedAt, o.PlacedAtLocal = t.UTC(), t.Format(time.RFC3339Nano)
	}
}

// updated reads the time that guards the order's version.
func (d *decoder) updated(v strictjson.Value) time.Time {
	name := "updated_at"
	if d.graphql {
		name = "updatedAt"
	}
	return d.Time(d.Need(v, name)).UTC()
}

// currencies reads what the shop books in and, where it is another one, what the buyer saw. A GraphQL selection may
// leave the codes out; then the total says them.
func (d *decoder) currencies(v strictjson.Value, o *hub.Order) {
	bag := d.get(v, "total_price_set", "totalPriceSet")
	code, fallback := "currency", d.get(d.get(bag, "shop_money", "shopMoney"), "currency_code", "currencyCode")
	if d.graphql {
		code = "currencyCode"
	}
	shop := v.Get(code)
	if !shop.Given() && fallback.Given() {
		shop = fallback
	}
	if !shop.Given() {
		d.FailAt(hub.CodeMissing, func() string { return v.Join(code) })
	}
	d.shop = d.Currency(shop)
	o.Currency = d.shop
	seen := d.get(v, "presentment_currency", "presentmentCurrencyCode")
	if !seen.Given() {
		seen = d.get(d.get(bag, "presentment_money", "presentmentMoney"), "currency_code", "currencyCode")
	}
	if c := d.Currency(seen); c != d.shop {
		d.buyer = c
	}
}
