package mercadolibre

import (
	"net/http"
	"strconv"
	"time"
)

// claim is what a buyer demands of an order.
type claim struct {
	id               int64
	order            *order
	status, stage    string
	resolution       string // how it ended
	closedBy         string
	back             bool      // the goods are to come back
	parcel           *shipment // in which they do; nil: not made yet, or never
	returned         string    // the status of the return
	paidBack         time.Time
	created, updated time.Time
}

// complain opens a claim.
func (p *Platform) complain(o *order) *claim {
	made := &claim{id: p.id("claim", firstClaim), order: o, status: "opened", stage: "claim", created: p.second(), updated: p.second()}
	o.claims = append(o.claims, made)
	p.ledger.claims[made.id] = made
	p.touch(o)
	return made
}

// close ends a claim.
func (p *Platform) close(c *claim, resolution, by string) {
	c.status, c.resolution, c.closedBy, c.updated = "closed", resolution, by, p.second()
	p.touch(c.order)
}

// resource prints the claim. Its type is mediations also while its stage is claim.
func (c *claim) resource() object {
	o := c.order
	where := o.seller.site
	related := []string{}
	if c.back {
		related = append(related, "return")
	}
	made := object{
		"id": c.id, "resource_id": o.id, "status": c.status, "type": "mediations", "stage": c.stage, "parent_id": nil, "resource": "order",
		"reason_id": "PDD9549", "fulfilled": true, "quantity_type": "total", "claimed_quantity": o.quantity, "claim_version": number("2.0"),
		"players": []object{
			{"role": "complainant", "type": "buyer", "user_id": o.buyer.id, "available_actions": []any{}},
			{"role": "respondent", "type": "seller", "user_id": o.seller.id, "available_actions": []any{}},
		},
		"resolution": nil, "site_id": where.id, "date_created": where.stamp(c.created), "last_updated": where.stamp(c.updated),
		"related_entities": related,
	}
	if c.status == "closed" {
		benefited := "complainant"
		if c.resolution != "payment_refunded" {
			benefited = "respondent"
		}
		made["resolution"] = object{
			"reason": c.resolution, "date_created": where.stamp(c.updated), "benefited": []string{benefited}, "closed_by": c.closedBy,
			"applied_coverage": false,
		}
	}
	return made
}

// ownClaim finds the claim that a path names, of the caller.
func (p *Platform) ownClaim(c call) (*claim, *reply) {
	id, given := c.number("id")
	found := p.ledger.claims[id]
	var refused reply
	switch {
	case !given:
		refused = badRequest("bad_request", "Invalid claim id")
	case found == nil:
		refused = failure{Status: http.StatusNotFound, Error: "not_found", Message: "Claim not found"}.reply()
	case found.order.seller != c.seller():
		refused = forbidden().reply()
	default:
		return found, nil
	}
	return nil, &refused
}

func (p *Platform) claim(c call) reply {
	found, refused := p.ownClaim(c)
	if refused != nil {
		return *refused
	}
	return ok(found.resource())
}

// claimSearch lists the claims of an order. Without a filter it is refused.
func (p *Platform) claimSearch(c call) reply {
	q := c.URL.Query()
	text := q.Get("order_id")
	if text == "" && q.Get("resource") == "order" {
		text = q.Get("resource_id")
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return badRequest("bad_request", "at least one filter is needed; this sandbox has order_id, or resource with resource_id")
	}
	list := []object{}
	if o := p.ledger.orders[id]; o != nil && o.seller == c.seller() {
		for _, found := range o.claims {
			list = append(list, found.resource())
		}
	}
	return ok(object{"paging": object{"total": len(list), "offset": 0, "limit": 30}, "data": list})
}

// claimReturns prints how the goods of a claim come back. Its times are in UTC with an offset, its quantities are texts.
func (p *Platform) claimReturns(c call) reply {
	found, refused := p.ownClaim(c)
	if refused != nil {
		return *refused
	}
	if !found.back {
		return failure{Status: http.StatusNotFound, Error: "not_found", Message: "Return not found"}.reply()
	}
	o, quantity := found.order, strconv.FormatInt(found.order.quantity, 10)+".0"
	parcels := []object{}
	if found.parcel != nil {
		parcels = append(parcels, object{"shipment_id": found.parcel.id, "status": found.parcel.status, "type": "return", "tracking_number": nil})
	}
	const stamp = "2006-01-02T15:04:05.000-07:00"
	made := object{
		"id": found.id + 52_000_000_000, "claim_id": found.id, "status": found.returned, "subtype": "return_total", "status_money": "retained",
		"resource_type": "order", "resource_id": o.id, "refund_at": "delivered", "shipments": parcels, "date_created": found.created.UTC().Format(stamp),
		"last_updated": found.updated.UTC().Format(stamp), "date_closed": nil, "related_entities": []any{}, "intermediate_check": false,
		"orders": []object{{
			"order_id": o.id, "item_id": o.item.id, "variation_id": nil, "context_type": "total", "total_quantity": quantity, "return_quantity": quantity,
		}},
	}
	if !found.paidBack.IsZero() {
		made["status_money"], made["date_closed"] = "refunded", found.paidBack.UTC().Format(stamp)
	}
	return ok(made)
}
