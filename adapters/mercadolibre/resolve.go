package mercadolibre

import (
	"context"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// Orders finds the orders that a shipment, a payment or a claim belongs to, as the seller's own token shows them.
func (*Driver) Orders(ctx context.Context, c driver.Caller, kind string, id hub.ExternalID) ([]hub.ExternalID, error) {
	if !isID(string(id)) {
		return nil, judged(hub.KindNotFound, "")
	}
	r := &resolver{gatherer: gatherer{ctx: ctx, caller: c, seen: make(map[string]answer206)}}
	r.of(kind, string(id), 0)
	if r.err != nil {
		return nil, r.err
	}
	if len(r.found) == 0 {
		return nil, judged(hub.KindNotFound, "")
	}
	return r.found, nil
}

type resolver struct {
	gatherer
	found []hub.ExternalID
}

// deepest is how far one resource may lead to another: a claim to a shipment, and that to orders.
const deepest = 2

func (r *resolver) of(kind, id string, depth int) {
	if id == "" || depth > deepest {
		return
	}
	switch kind {
	case "order":
		r.add(id)
	case "shipment":
		r.shipment(id)
	case "payment":
		r.payment(id)
	case "claim":
		r.claim(id, depth)
	case "purchase", "pack": // the documentation does not say that a purchase is a pack (U)
		r.pack(id)
	}
}

// add notes an order once.
func (r *resolver) add(id string) {
	for _, known := range r.found {
		if id == string(known) {
			return
		}
	}
	if id != "" {
		r.found = append(r.found, hub.ExternalID(id))
	}
}

// shipment asks for its items.
func (r *resolver) shipment(id string) {
	got, _ := r.ask(shipmentItems(id), strictjson.Array)
	for item := range got.value.Items() {
		r.add(r.id(item.Get("order_id")))
	}
}

// payment asks for the collection. The documentation does not print one: older public programs find the order in it by these
// names (U).
func (r *resolver) payment(id string) {
	got, _ := r.ask(get("payment", "/collections/"+id, nil), strictjson.Object)
	r.forgive() // the order's own notification comes anyway
	v := got.value
	if inner := v.Get("collection"); inner.Given() {
		v = inner
	}
	r.add(r.id(firstValue(v.Get("order_id"), v.Get("order").Get("id"))))
}

// claim asks what it is about: an order, a shipment, a payment or a purchase.
func (r *resolver) claim(id string, depth int) {
	got, found := r.ask(get("claim", "/post-purchase/v1/claims/"+id, nil), strictjson.Object)
	if !found {
		return
	}
	about := got.value.Get("resource").Text()
	if about == "claim" {
		return
	}
	r.of(about, r.id(got.value.Get("resource_id")), depth+1)
}

// pack asks for the orders of a pack.
func (r *resolver) pack(id string) {
	got, _ := r.ask(get("pack", "/packs/"+id, nil), strictjson.Object)
	for v := range got.value.Get("orders").Items() {
		r.add(r.id(v.Get("id")))
	}
}
