package mercadolibre

import (
	"context"
	"time"

	"hub"
)

// Action is something that happens to an order.
type Action string

// The actions.
const (
	Create     Action = "create"      // one order, unpaid
	CreatePack Action = "create_pack" // a basket of two orders
	Pay        Action = "pay"         // all of the basket
	Ship       Action = "ship"        // the whole parcel; the order itself does not change by it (U)
	Deliver    Action = "deliver"
	Lose       Action = "lose"        // on the way; it goes back to the sender
	Refund     Action = "refund"      // a part of the money
	Cancel     Action = "cancel"      // before the parcel is on its way; gives back what was paid
	Claim      Action = "claim"       // opens one
	Settle     Action = "settle"      // closes the claim, and the seller keeps the money
	Return     Action = "return"      // under a claim, after the delivery: the goods are to come back
	ReturnSent Action = "return_sent" // they are on their way
	Returned   Action = "returned"    // they are there: the claim ends, the money goes back, the sale is cancelled
	Note       Action = "note"        // changes something that nobody sees
	Fraud      Action = "fraud"       // the platform tells the seller not to send it
	Split      Action = "split"       // of a basket: this order goes in a parcel of its own
)

// lateParcel is about how long a shipment may be unknown after the payment (U).
const lateParcel = 40 * time.Second

// Act does something to an order, or places one (Create and CreatePack, id 0), and tells every app with a grant. Of a basket
// it returns the first order. An order that cannot take the action is KindConflict, one that does not exist KindNotFound.
func (p *Platform) Act(account string, action Action, id int64) (OrderState, error) {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.seller(account)
	if s == nil {
		return OrderState{}, notFound("acting on an order", "seller")
	}
	if action == Create || action == CreatePack {
		o := p.sell(s, action)
		return o.state(), nil
	}
	o := p.ledger.orders[id]
	if o == nil || o.seller != s {
		return OrderState{}, notFound("acting on an order", "order")
	}
	events, ok := p.act(o, action)
	if !ok {
		return OrderState{}, &hub.Error{Kind: hub.KindConflict, Op: "acting on an order: it cannot take " + string(action)}
	}
	p.tell(s, events...)
	return o.state(), nil
}

// sell places the orders of a basket, or one, which has a pack of its own more often than not.
func (p *Platform) sell(s *seller, action Action) *order {
	who, n := p.newBuyer(s.site), 1
	var k *pack
	if action == CreatePack {
		n = 2
	}
	if n > 1 || p.streams.quirks.IntN(2) == 0 {
		k = &pack{id: p.id("order", firstOrder), created: p.second(), updated: p.second()}
		p.ledger.packs[k.id] = k
	}
	var all []*order
	for range n {
		o := p.place(s, who, k)
		all = append(all, o)
		if k != nil {
			o.pickup = false
			k.orders = append(k.orders, o)
		}
	}
	for _, o := range all {
		p.tell(s, o.told())
	}
	return all[0]
}

// act changes the order and says what is to be told.
func (p *Platform) act(o *order, action Action) ([]event, bool) {
	switch action {
	case Note:
		p.touch(o)
		return []event{o.feedbackTold(), o.told()}, true
	case Pay:
		return p.payBasket(o)
	case Ship, Deliver, Lose:
		return p.moveParcel(o, action)
	case Claim, Settle, Return, ReturnSent, Returned:
		return p.dispute(o, action)
	case Cancel:
		return p.cancel(o)
	case Refund:
		return p.refundPart(o)
	case Fraud:
		if o.undone() || o.paid() == nil || o.tags["fraud_risk_detected"] {
			return nil, false
		}
		o.tags["fraud_risk_detected"] = true
		p.touch(o)
		return []event{o.told()}, true
	case Split:
		return p.split(o)
	}
	return nil, false
}

// basket is the order with those that are paid and sent with it.
func (o *order) basket() []*order {
	if o.pack == nil {
		return []*order{o}
	}
	return o.pack.orders
}

// payBasket pays all orders of a basket that are not cancelled. Several equal notifications for one sale are normal.
func (p *Platform) payBasket(o *order) (events []event, ok bool) {
	if o.undone() || o.paid() != nil {
		return nil, false
	}
	var paid []*order
	for _, each := range o.basket() {
		if each.undone() || each.paid() != nil {
			continue
		}
		p.pay(each)
		paid = append(paid, each)
		events = append(events, each.told(), each.paid().told(), each.told())
	}
	if o.pickup {
		return events, true
	}
	if !o.style.slowParcel {
		made := p.dispatch(paid)
		return append(events, made.told()), true
	}
	p.line.At(p.line.Time().Add(about(p.streams.quirks, lateParcel)), func(context.Context) { p.dispatchLate(paid) })
	return events, true
}

// dispatchLate makes a shipment after the payment was told, of what was not cancelled since.
func (p *Platform) dispatchLate(paid []*order) {
	p.line.Lock()
	defer p.line.Unlock()
	var left []*order
	for _, o := range paid {
		if !o.undone() && o.shipment == nil {
			left = append(left, o)
		}
	}
	if len(left) == 0 {
		return
	}
	events := []event{p.dispatch(left).told()}
	for _, o := range left {
		events = append(events, o.told())
	}
	p.tell(left[0].seller, events...)
}

// moveParcel moves the parcel that the order is in. Only its arrival changes the orders, by a tag (U).
func (p *Platform) moveParcel(o *order, action Action) ([]event, bool) {
	s := o.shipment
	from := map[Action]string{Ship: "ready_to_ship", Deliver: "shipped", Lose: "shipped"}[action]
	if s == nil || s.status != from || o.undone() {
		return nil, false
	}
	switch action {
	case Ship:
		p.move(s, "shipped", "")
		return []event{s.told()}, true
	case Lose:
		p.move(s, "not_delivered", "returning_to_sender")
		return []event{s.told()}, true
	}
	p.move(s, "delivered", "")
	events := []event{s.told()}
	for _, each := range s.orders {
		p.touch(each)
		events = append(events, each.told())
	}
	return events, true
}

// split gives an order of a basket a pack and a parcel of its own.
func (p *Platform) split(o *order) ([]event, bool) {
	s, k := o.shipment, o.pack
	if s == nil || s.status != "ready_to_ship" || len(s.orders) < 2 || o.undone() {
		return nil, false
	}
	s.orders, k.orders = without(s.orders, o), without(k.orders, o)
	k.updated = p.second()
	p.move(s, s.status, s.substatus)
	o.pack = &pack{id: p.id("order", firstOrder), family: k.id, orders: []*order{o}, created: p.second(), updated: p.second()}
	p.ledger.packs[o.pack.id] = o.pack
	made := p.dispatch([]*order{o})
	events := []event{s.told(), made.told(), o.told()}
	for _, other := range k.orders { // whose freight may be theirs now
		p.touch(other)
		events = append(events, other.told())
	}
	return events, true
}

func without(list []*order, o *order) (rest []*order) {
	for _, each := range list {
		if each != o {
			rest = append(rest, each)
		}
	}
	return rest
}
