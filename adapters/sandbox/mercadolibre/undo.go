package mercadolibre

// cancel calls an order off that is not on its way, and gives back what was paid. In Mexico a sale whose money goes to the
// buyer's account stays paid and has the tag unfulfilled; its payment names no refund (U).
func (p *Platform) cancel(o *order) ([]event, bool) {
	if o.undone() || o.shipment != nil && o.shipment.status != "ready_to_ship" {
		return nil, false
	}
	events := []event{}
	if paid := o.paid(); paid != nil && o.style.undonePaid {
		o.tags["unfulfilled"] = true
	} else {
		group, code, by := "seller", "out_of_stock", "seller"
		if p.streams.quirks.IntN(2) == 0 {
			group, code, by = "buyer", "cancel_purchase_by_buyer", "buyer"
		}
		if p.streams.quirks.IntN(8) == 0 {
			group = "respondent" // a real one, and not in the documentation's list
		}
		o.status, o.cancelled = "cancelled", &cancelled{group, code, by, p.second()}
		if paid != nil {
			p.giveBack(o, paid.amount-paid.refunded)
			events = append(events, paid.told())
		}
	}
	if s := o.shipment; s != nil && p.nothingLeft(s) {
		p.move(s, "cancelled", "closed_by_user")
		events = append(events, s.told())
	}
	if o.pack != nil {
		o.pack.updated = p.second()
	}
	p.touch(o)
	return append(events, o.told()), true
}

// nothingLeft says whether no order of a parcel is to be delivered any more.
func (p *Platform) nothingLeft(s *shipment) bool {
	for _, o := range s.orders {
		if !o.undone() {
			return false
		}
	}
	return true
}

// refundPart gives back a part of the money: a quarter of what is left, and never all of it.
func (p *Platform) refundPart(o *order) ([]event, bool) {
	paid := o.paid()
	if o.undone() || paid == nil {
		return nil, false
	}
	part := o.seller.site.round((paid.amount - paid.refunded) / 4)
	if part == 0 {
		return nil, false
	}
	p.giveBack(o, part)
	o.status = "partially_refunded"
	p.touch(o)
	return []event{paid.told(), o.told()}, true
}

// dispute goes through the life of a claim.
func (p *Platform) dispute(o *order, action Action) ([]event, bool) {
	open := o.openClaim()
	switch {
	case action == Claim:
		if open != nil || o.undone() || o.paid() == nil {
			return nil, false
		}
		made := p.complain(o)
		return []event{made.told("claims"), o.told()}, true
	case open == nil:
		return nil, false
	case action == Settle:
		if open.back {
			return nil, false
		}
		p.close(open, "item_changed", "mediator")
		return []event{open.told("claims_actions"), o.told()}, true
	}
	return p.bringBack(o, open, action)
}

// bringBack goes through a return: the order itself changes only at its end.
func (p *Platform) bringBack(o *order, c *claim, action Action) ([]event, bool) {
	switch {
	case action == Return && !c.back && o.shipment != nil && o.shipment.status == "delivered" && !o.undone():
		c.back, c.returned, c.updated, c.parcel = true, "label_generated", p.second(), p.sendBack(o)
		return []event{c.told("claims_actions"), c.parcel.told()}, true
	case action == ReturnSent && c.back && c.returned == "label_generated":
		c.returned, c.updated = "shipped", p.second()
		p.move(c.parcel, "shipped", "")
		return []event{c.parcel.told(), c.told("claims_actions")}, true
	case action == Returned && c.back && c.returned == "shipped":
		c.returned, c.paidBack = "delivered", p.second()
		p.move(c.parcel, "delivered", "")
		paid := o.paid()
		p.giveBack(o, paid.amount-paid.refunded)
		o.status, o.cancelled = "cancelled", &cancelled{"mediations", "return_closed", "meli", p.second()}
		p.close(c, "payment_refunded", "mediator")
		return []event{c.parcel.told(), c.told("claims_actions"), paid.told(), o.told()}, true
	}
	return nil, false
}
