package shopee

import (
	"slices"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// Order reads one order: bare, as get_order_detail prints it, or the hub's own document of a complete fetch.
func (dr *Driver) Order(document []byte) (driver.Draft, error) {
	return strictjson.Read(opDocument, document, dr.order)
}

// order maps a parsed order. What it returns satisfies hub.Order.Check.
func (dr *Driver) order(v strictjson.Value) (driver.Draft, error) {
	d := &decoder{words: dr.words}
	d.open(v)
	draft := driver.Draft{EnrichedAt: d.enriched(v), Lacks: d.lacks(v)}
	o := hub.Order{Platform: hub.Shopee, Source: hub.Source{Rules: rules}}
	d.head(&o)
	lines := d.lines(&o)
	d.readReturns(&o)
	d.parcels(&o)
	d.statuses(&o)
	d.payments(&o)
	o.Buyer = d.person()
	d.totals(lines, &o)
	d.settlement(&o)
	o.PlatformStatus = strings.Join(d.strange, " ")
	if d.Err() != nil {
		return driver.Draft{}, d.Err()
	}
	if err := o.Totals.Explain(o.TaxIncluded, o.DutiesIncluded); err != nil {
		return driver.Draft{}, hub.Invalid(hub.CodeOf(err), "totals")
	}
	if err := o.Check(); err != nil {
		return driver.Draft{}, hub.Invalid(hub.CodeOf(err), "totals")
	}
	draft.Order = o
	if o.Buyer != nil {
		draft.Subject = hub.ExternalID(o.Buyer.ExternalID)
	}
	return draft, nil
}

// open finds the parts of a document.
func (d *decoder) open(v strictjson.Value) {
	d.order = v
	if v.Get("order").Kind() != strictjson.Absent {
		d.order, d.escrow, d.returns = v.Get("order"), v.Get("escrow"), v.Get("returns")
	}
}

// enriched is when what belongs to the order was read, or that there is none was learned: zero for a bare order, and for one
// whose fetch could not have everything, so that it never replaces one that had.
func (d *decoder) enriched(v strictjson.Value) time.Time {
	if d.order.Kind() != strictjson.Object {
		d.Fail(hub.CodeWrongType, d.order)
	}
	at := d.Time(v.Get("enriched_at"))
	known := d.escrow.Kind() == strictjson.Absent || d.Is(d.escrow, strictjson.Object)
	if partial := d.list(v.Get("partial")); known && partial.Len() == 0 {
		return at.UTC()
	}
	return time.Time{}
}

// lacks names what belongs to the order and was not told: what the document says, or all of it where an order that was paid
// is alone.
func (d *decoder) lacks(v strictjson.Value) (names []string) {
	if d.order == v && get(v, "order_status").Text() != "UNPAID" {
		return slices.Clone(belongings)
	}
	for name := range d.list(v.Get("partial")).Items() {
		names = append(names, d.Name(name, maxName))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// head reads what is neither money nor a list.
func (d *decoder) head(o *hub.Order) {
	o.ExternalID = d.number(d.need(d.order, "order_sn"))
	o.Number = string(o.ExternalID)
	d.currency = d.Currency(d.need(d.order, "currency"))
	o.Currency = d.currency
	o.TaxIncluded = true // prices include tax everywhere; what comes on top of them is told by the escrow
	o.SourceUpdatedAt = d.updated()
	o.PlacedAt = d.unix(get(d.order, "create_time")) // the platform tells no offset
	o.ShipBy = d.unix(get(d.order, "ship_by_date"))
	o.COD = d.Bool(get(d.order, "cod"))
	o.HoldReason = d.hold()
	o.FulfilledBy = d.means("fulfillment_flag", get(d.order, "fulfillment_flag"), oursFulfilledBy)
	if sn := d.escrow.Get("order_sn"); sn.Given() && d.number(sn) != o.ExternalID {
		d.Fail(hub.CodeOutOfRange, sn) // another order's money
	}
}

// updated reads the time that guards the order's version.
func (d *decoder) updated() time.Time {
	v := d.need(d.order, "update_time")
	at := d.unix(v)
	if d.Err() == nil && at.IsZero() {
		d.Fail(hub.CodeTimeInvalid, v)
	}
	return at
}

// hold reads why the platform holds the order back: pending_terms, which are words of a closed list.
func (d *decoder) hold() string {
	var terms []string
	for term := range d.list(get(d.order, "pending_terms")).Items() {
		if name := d.Name(term, maxName); name != "" && name != "-" {
			terms = append(terms, strings.ToLower(shown(name)))
		}
	}
	return strings.Join(terms, " ")
}
