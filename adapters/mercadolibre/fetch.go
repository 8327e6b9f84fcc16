package mercadolibre

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// Headers of calls. Without the first a shipment comes in a shape that is no longer documented; the second is the way to the
// list of an order's shipments as it will be the only one.
const (
	headerNewFormat = "X-Format-New"
	headerNewDomain = "X-New-Domain"
	headerMissing   = "X-Content-Missing"
)

// Fetch reads orders with all that belongs to them. Orders of one pack share their answers.
func (dr *Driver) Fetch(ctx context.Context, c driver.Caller, ids []hub.ExternalID) (driver.Fetched, error) {
	var fetched driver.Fetched
	if len(ids) > dr.Limits().FetchAtOnce {
		return fetched, &hub.Error{Kind: hub.KindInvalid, Code: "too_many_ids", Op: "fetching mercadolibre orders"}
	}
	seen := make(map[string]answer206)
	for _, id := range ids {
		if !isID(string(id)) { // it would become a part of an address
			fetched.Missing = append(fetched.Missing, id)
			continue
		}
		g := &gatherer{ctx: ctx, caller: c, seen: seen}
		g.order(string(id))
		if g.err == nil && g.parts.order == nil {
			fetched.Missing = append(fetched.Missing, id)
			continue
		}
		if g.enrich(); g.err != nil {
			return driver.Fetched{}, g.err
		}
		if g.parts.readAt.IsZero() {
			g.parts.readAt = g.at
		}
		fetched.Documents = append(fetched.Documents, g.parts.print())
	}
	return fetched, nil
}

// answer206 is an answer that was read, and what the platform says is missing in it.
type answer206 struct {
	value   strictjson.Value
	missing []string
	at      time.Time
}

// gatherer reads one order and what belongs to it, and keeps the first failure.
type gatherer struct {
	ctx    context.Context
	caller driver.Caller
	seen   map[string]answer206 // answers that other orders can use, too
	err    error
	parts  parts
	top    strictjson.Value // the order
	at     time.Time        // the platform's clock when it told the order
	market bool             // it was found among the orders of Global Selling
}

// ask makes a call and parses its answer. found is false for what is not there, or not ours; every other failure is kept.
func (g *gatherer) ask(c driver.Call, kinds ...strictjson.Kind) (got answer206, found bool) {
	if g.err != nil {
		return got, false
	}
	key := c.Path + "?" + c.Query.Encode()
	if old, ok := g.seen[key]; ok {
		return old, true
	}
	a, err := g.caller.Call(g.ctx, c)
	if err != nil {
		if hub.KindOf(err) != hub.KindNotFound {
			g.err = err
		}
		return got, false
	}
	if a.Status == http.StatusNoContent {
		return got, false
	}
	v, err := strictjson.Parse(a.Body)
	if err != nil || !slices.Contains(kinds, v.Kind()) {
		g.err = unreadable(c.Name)
		return got, false
	}
	got = answer206{value: v, at: clock(a)}
	if a.Status == http.StatusPartialContent {
		got.missing = missing(a.Header, c.Name)
	}
	g.seen[key] = got
	return got, true
}

// missing reads what a 206 says it lacks, by the platform's names: buyer, feedback, mediations, seller, shipping. The first
// of them and the last change an order; feedback is in no order of ours. A 206 that names nothing lacks whatever it is.
func missing(h http.Header, name string) (parts []string) {
	for part := range strings.SplitSeq(h.Get(headerMissing), ",") {
		part = strings.ToLower(strings.TrimSpace(part))
		if part == "feedback" || !isWord(part) || part == "" {
			continue
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 && h.Get(headerMissing) == "" {
		parts = append(parts, name)
	}
	return parts
}

// forgive drops a refusal of the last call that would be one the next time, too: a right that the app lacks, a call that
// does not go with this order.
func (g *gatherer) forgive() {
	if g.err != nil && (hub.KindOf(g.err) == hub.KindForbidden || hub.CodeOf(g.err) == CodeRefused) {
		g.err = nil
	}
}

// order reads the order itself; one that the marketplace does not know may be one of Global Selling (U: that it is told so).
func (g *gatherer) order(id string) {
	got, found := g.ask(get("order", "/orders/"+id, nil), strictjson.Object)
	if !found && g.err == nil {
		got, found = g.ask(get("marketplace_order", "/marketplace/orders/"+id, nil), strictjson.Object)
		g.market = found
		g.forgive() // what other accounts are told there is not documented
	}
	if !found {
		return
	}
	var r strictjson.Reader
	if numericID(&r, got.value.Get("id")) != id { // another order's under this id would be stored as it
		g.err = unreadable("order")
		return
	}
	g.top, g.at, g.parts.order = got.value, got.at, got.value.Raw()
	g.parts.partial = append(g.parts.partial, got.missing...)
}

// part reads what belongs to the order but is not needed: where the platform refuses it, the order comes without.
func (g *gatherer) part(name string, c driver.Call, kinds ...strictjson.Kind) (v strictjson.Value, found bool) {
	failed := g.err != nil
	got, found := g.ask(c, kinds...)
	if !failed {
		g.forgive()
	}
	if !found && g.err == nil {
		g.parts.lacks(name)
	}
	if !found || g.err != nil {
		return strictjson.Value{}, false
	}
	if g.parts.readAt.IsZero() {
		g.parts.readAt = got.at
	}
	g.parts.partial = append(g.parts.partial, got.missing...)
	return got.value, true
}

// enrich reads what belongs to the order. Of Global Selling only the shipment is read.
func (g *gatherer) enrich() {
	if g.err != nil {
		return
	}
	if g.market {
		if id := g.id(g.top.Get("shipping").Get("id")); id != "" {
			g.shipment(id, "/marketplace/shipments/"+id)
		}
		return
	}
	if pack := g.id(g.top.Get("pack_id")); pack != "" {
		if v, ok := g.part("pack", get("pack", "/packs/"+pack, nil), strictjson.Object); ok {
			g.parts.pack = v.Raw()
		}
	}
	g.shipments()
	g.billing()
	if g.discounted() {
		if v, ok := g.part("discounts", get("discounts", g.path("/discounts"), nil), strictjson.Object); ok {
			g.parts.discounts = v.Raw()
		}
	}
	g.claims()
}

// id reads an id that may be absent; anything else than an id is none, for it becomes a part of an address.
func (g *gatherer) id(v strictjson.Value) string {
	var r strictjson.Reader
	return numericID(&r, v)
}

// path is an address below the order's.
func (g *gatherer) path(below string) string { return "/orders/" + g.id(g.top.Get("id")) + below }

// tagged reports whether the order has one of the tags.
func (g *gatherer) tagged(tags ...string) bool {
	for v := range g.top.Get("tags").Items() {
		if slices.Contains(tags, v.Text()) {
			return true
		}
	}
	return false
}

// shipments reads the list, and each shipment that goes to the buyer with its costs. The list is an array in the view of
// today and one object in the old one; none at all is told by 204 or 404.
func (g *gatherer) shipments() {
	if g.tagged("no_shipping") {
		return
	}
	call := get("order_shipments", g.path("/shipments"), nil)
	call.Header = http.Header{headerNewDomain: {"true"}}
	v, ok := g.part("order_shipments", call, strictjson.Array, strictjson.Object)
	if !ok && g.err == nil {
		if id := g.id(g.top.Get("shipping").Get("id")); id != "" {
			g.parcel(id)
		}
		return
	}
	list := slices.Collect(v.Items())
	if v.Kind() == strictjson.Object {
		list = append(list, v)
	}
	for _, one := range list {
		if kind := one.Get("type").Text(); kind != "" && kind != "forward" {
			g.parts.shipments = append(g.parts.shipments, one.Raw())
		} else if id := g.id(one.Get("id")); id != "" {
			g.parcel(id)
		}
	}
}

// parcel reads one shipment to the buyer, what it costs and, where several orders may share it, what is in it.
func (g *gatherer) parcel(id string) {
	g.shipment(id, "/shipments/"+id)
	call := get("shipment_costs", "/shipments/"+id+"/costs", nil)
	call.Header = http.Header{headerNewFormat: {"true"}}
	if v, ok := g.part("costs", call, strictjson.Object); ok {
		g.parts.costs = append(g.parts.costs, parcelPart{id, v.Raw()})
	}
	if !g.packed() {
		return
	}
	if v, ok := g.part("items", shipmentItems(id), strictjson.Array); ok {
		g.parts.items = append(g.parts.items, parcelPart{id, v.Raw()})
	}
}

// packed reports whether the order shares its pack with others, as far as is known. Most packs are of one.
func (g *gatherer) packed() bool {
	if g.id(g.top.Get("pack_id")) == "" {
		return false
	}
	pack, err := strictjson.Parse(g.parts.pack)
	return err != nil || pack.Get("orders").Len() != 1
}

// shipmentItems asks for the things in a parcel, each of which names its order. A seller sees no others'.
func shipmentItems(id string) driver.Call {
	call := get("shipment_items", "/shipments/"+id+"/items", nil)
	call.Header = http.Header{headerNewFormat: {"true"}}
	return call
}

func (g *gatherer) shipment(id, path string) {
	call := get("shipment", path, nil)
	call.Header = http.Header{headerNewFormat: {"true"}}
	v, ok := g.part("shipments", call, strictjson.Object)
	if ok && g.id(v.Get("id")) != id {
		g.err = unreadable("shipment")
	}
	if ok {
		g.parts.shipments = append(g.parts.shipments, v.Raw())
	}
}

// billing reads the buyer's tax data, whose address has the country's site and an id that the order names.
func (g *gatherer) billing() {
	id := g.id(g.top.Get("buyer").Get("billing_info").Get("id"))
	site := g.top.Get("context").Get("site").Text()
	if _, known := sites[site]; id == "" || !known {
		return
	}
	if v, ok := g.part("billing_info", get("billing_info", "/orders/billing-info/"+site+"/"+id, nil), strictjson.Object); ok {
		g.parts.billing = v.Raw()
	}
}

// discounted reports whether anything says that the price was reduced.
func (g *gatherer) discounted() bool {
	some := func(v strictjson.Value) bool { return strings.Trim(v.Text(), "0.") != "" }
	if g.tagged("order_has_discount") || some(g.top.Get("coupon").Get("amount")) {
		return true
	}
	for p := range g.top.Get("payments").Items() {
		if some(p.Get("coupon_amount")) {
			return true
		}
	}
	return false
}

// claims reads the claims of the order, and the returns of those that have one.
func (g *gatherer) claims() {
	if !g.tagged("claim_opened", "claim_closed") && g.top.Get("mediations").Len() == 0 {
		return
	}
	q := url.Values{"order_id": {g.id(g.top.Get("id"))}, "limit": {"100"}}
	v, ok := g.part("claims", get("claims", "/post-purchase/v1/claims/search", q), strictjson.Object)
	if !ok {
		return
	}
	list := v.Get("data")
	if list.Kind() != strictjson.Array {
		g.err = unreadable("claims")
		return
	}
	g.parts.claims = list.Raw()
	for claim := range list.Items() {
		id := g.id(claim.Get("id"))
		if id == "" || !hasReturn(claim) {
			continue
		}
		if v, ok := g.part("returns", get("returns", "/post-purchase/v2/claims/"+id+"/returns", nil), strictjson.Object, strictjson.Array); ok {
			g.parts.returns = append(g.parts.returns, v.Raw())
		}
	}
}

// hasReturn reports whether a claim has a return, by what it names or by its type.
func hasReturn(claim strictjson.Value) bool {
	for v := range claim.Get("related_entities").Items() {
		if v.Text() == "return" {
			return true
		}
	}
	kind := claim.Get("type").Text()
	return kind == "return" || kind == "returns"
}
