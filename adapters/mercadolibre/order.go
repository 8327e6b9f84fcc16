package mercadolibre

import (
	"slices"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// Order reads one order, bare or with what belongs to it.
func (dr *Driver) Order(text []byte) (driver.Draft, error) {
	return strictjson.Read(opDocument, text, dr.order)
}

// reading names the operation on an error that has none.
func reading(err error) error { return strictjson.Named(opDocument, err) }

// opDocument is what errors of documents call the operation.
const opDocument = "reading mercadolibre document"

// order maps a parsed order. What it returns satisfies hub.Order.Check.
func (dr *Driver) order(v strictjson.Value) (driver.Draft, error) {
	d := &decoder{words: dr.words, whole: open(v)}
	if !d.Is(v, strictjson.Object) {
		d.Fail(hub.CodeWrongType, v)
		return driver.Draft{}, d.Err()
	}
	order := d.whole.order
	o := hub.Order{Platform: hub.MercadoLibre, Source: hub.Source{Rules: rules}}
	d.head(order, &o)
	o.Currency = d.readCurrency(order)
	sums := d.lines(order, &o)
	d.discounts(order, &o, &sums)
	paid := d.payments(order, &o)
	parcels := d.parcels(order, &o)
	d.statuses(order, &o, parcels, paid)
	d.total(order, &o, &sums, parcels, paid)
	d.settlement(order, &o, sums, parcels)
	o.Buyer = d.buyer(order, parcels)
	draft := driver.Draft{EnrichedAt: d.enrichedAt(o.SourceUpdatedAt), Lacks: d.lacks()}
	if d.Err() != nil {
		return driver.Draft{}, d.Err()
	}
	if err := o.Totals.Explain(o.TaxIncluded, o.DutiesIncluded); err != nil {
		return driver.Draft{}, hub.Invalid(hub.CodeOf(err), "totals")
	}
	if err := o.Check(); err != nil {
		return driver.Draft{}, err
	}
	draft.Order = o
	if o.Buyer != nil {
		draft.Subject = hub.ExternalID(o.Buyer.ExternalID)
	}
	return draft, nil
}

// head reads what is neither money nor a list.
func (d *decoder) head(order strictjson.Value, o *hub.Order) {
	o.ExternalID = d.orderID(order)
	o.Number = string(o.ExternalID)
	o.PackID = d.id(order.Get("pack_id"))
	o.Channel = d.word(order.Get("context").Get("channel"))
	o.SourceUpdatedAt = d.updated(order)
	if t := d.moment(order.Get("date_created")); !t.IsZero() {
		o.PlacedAt, o.PlacedAtLocal = t.UTC(), t.Format(time.RFC3339Nano)
	}
}

// orderID reads what the order is known by.
func (d *decoder) orderID(order strictjson.Value) hub.ExternalID {
	return hub.ExternalID(d.needID(order, "id"))
}

// updated reads the time that guards the order's version: the larger of the two that the platform prints, which differ in
// one reply. Orders of before 2014, and samples of the documentation, print none; then it is when the order was made, which
// any version that has one supersedes.
func (d *decoder) updated(order strictjson.Value) time.Time {
	t := later(d.moment(order.Get("last_updated")), d.moment(order.Get("date_last_updated")))
	if t.IsZero() {
		t = later(d.moment(order.Get("date_created")), d.moment(order.Get("date_closed")))
	}
	if t.IsZero() {
		d.FailAt(hub.CodeMissing, func() string { return order.Join("last_updated") })
	}
	return t.UTC()
}

// enrichedAt is when the parts beside the order were read: not at all for a bare order, and as good as not at all when the
// platform could not load some of them. Without the platform's clock it is the order's own version, so that a whole reading
// still wins over the others.
func (d *decoder) enrichedAt(version time.Time) time.Time {
	read := d.moment(d.whole.readAt).UTC()
	switch {
	case !d.whole.fetched || len(d.each(d.whole.partial)) > 0:
		return time.Time{}
	case read.IsZero():
		return version
	}
	return read
}

// belongings are the parts of a fetched document beside the order.
var belongings = []string{"billing_info", "claims", "costs", "discounts", "items", "pack", "returns", "shipments"}

// lacks names what the platform could not load just now; of a bare order, all that belongs to one.
func (d *decoder) lacks() (names []string) {
	if !d.whole.fetched {
		return slices.Clone(belongings)
	}
	for _, v := range d.each(d.whole.partial) {
		names = append(names, d.word(v))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// readCurrency reads the one currency of the order; an item in another one is refused. Samples without it have it at the item.
func (d *decoder) readCurrency(order strictjson.Value) hub.Currency {
	code := order.Get("currency_id")
	items := d.each(order.Get("order_items"))
	if !code.Given() && len(items) > 0 {
		code = items[0].Get("currency_id")
	}
	if !code.Given() {
		d.FailAt(hub.CodeMissing, func() string { return order.Join("currency_id") })
		return ""
	}
	d.currency = d.Currency(code)
	for _, item := range items {
		if own := item.Get("currency_id"); own.Given() && d.Currency(own) != d.currency {
			d.Fail(hub.CodeCurrencyMixed, own)
		}
	}
	return d.currency
}

// tags reads the order's tags.
func (d *decoder) tags(order strictjson.Value) (tags []string) {
	for _, v := range d.each(order.Get("tags")) {
		tags = append(tags, d.word(v))
	}
	return tags
}

// hasTag reports whether the order has that tag.
func (d *decoder) hasTag(order strictjson.Value, tag string) bool {
	return slices.ContainsFunc(d.tags(order), func(t string) bool { return strings.EqualFold(t, tag) })
}
