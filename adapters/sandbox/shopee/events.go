package shopee

import (
	"context"
	"slices"
	"time"

	"hub"
)

// Action is something that happens to an order.
type Action string

// The actions. Each changes update_time; those that change the status are told by push 3, and those of parcels and returns
// by pushes of their own.
const (
	Create        Action = "create"
	Pay           Action = "pay"     // or cash on delivery is accepted
	Hold          Action = "hold"    // the platform looks at it: PENDING
	Release       Action = "release" // it has looked
	Invoice       Action = "invoice" // the fiscal note that Brazilian orders wait for
	Arrange       Action = "arrange" // the parcel is announced; its tracking number comes two minutes later
	RetryShip     Action = "retry_ship"
	PickUp        Action = "pick_up"
	Deliver       Action = "deliver"
	Complete      Action = "complete"
	RequestCancel Action = "request_cancel" // by the buyer
	RefuseCancel  Action = "refuse_cancel"  // by the seller
	Cancel        Action = "cancel"
	Lose          Action = "lose"       // the parcel
	ReturnOne     Action = "return_one" // one piece is asked back
	ReturnAll     Action = "return_all"
	AcceptReturn  Action = "accept_return"
	RefuseReturn  Action = "refuse_return"
	Note          Action = "note" // the seller's own; told by no push
)

// OrderState is an order as it stands: what a hub must end up with.
type OrderState struct {
	ID           string    `json:"order_sn"`
	Placed       time.Time `json:"create_time"`
	Updated      time.Time `json:"update_time"`
	Status       string    `json:"order_status"`  // as the order calls show it to who asks for all states
	Currency     string    `json:"currency"`      // ISO 4217
	Total        string    `json:"total"`         // what the buyer pays, with the digits of ISO 4217
	Refunded     string    `json:"refunded"`      // by accepted returns
	CurrentTotal string    `json:"current_total"` // total less refunded; 0 once it is cancelled
	Told         bool      `json:"told"`          // the platform tells the total: it was paid, or is cash on delivery
	Settled      bool      `json:"settled"`       // the escrow is known
	Cancelled    bool      `json:"cancelled"`
}

// from says in which states an order can take an action.
func from(a Action) []string {
	return map[Action][]string{
		Pay: {unpaid}, Hold: {ready}, Release: {pending}, Invoice: {invoicing}, Arrange: {ready, retryShip}, RetryShip: {processed},
		PickUp: {processed}, Deliver: {shipped}, Complete: {shipped, toConfirm}, RequestCancel: {invoicing, ready, processed},
		RefuseCancel: {inCancel}, Cancel: {unpaid, pending, invoicing, ready, processed, retryShip, inCancel}, Lose: {shipped},
		ReturnOne: {shipped, toConfirm, completed}, ReturnAll: {shipped, toConfirm, completed}, AcceptReturn: {toReturn, completed},
		RefuseReturn: {toReturn, completed},
		Note:         {unpaid, pending, invoicing, ready, processed, retryShip, shipped, toConfirm, inCancel, cancelled, toReturn, completed},
	}[a]
}

// Act does something to an order, or places one (Create, no number), and tells the apps that are let in. An order that
// cannot take the action is KindConflict, one that does not exist KindNotFound.
func (p *Platform) Act(shop string, action Action, sn string) (OrderState, error) {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.shop(shop)
	if s == nil {
		return OrderState{}, notFound("acting on an order", "shop")
	}
	if action == Create {
		o := p.place(s)
		p.tellStatus(o)
		return p.state(o), nil
	}
	o := s.bySN[sn]
	if o == nil {
		return OrderState{}, notFound("acting on an order", "order")
	}
	if !slices.Contains(from(action), o.status) || !p.change(o, action) {
		return OrderState{}, &hub.Error{Kind: hub.KindConflict, Op: "acting on an order: it cannot take " + string(action)}
	}
	return p.state(o), nil
}

// change does it and tells of it; false when the order cannot take it after all.
func (p *Platform) change(o *order, action Action) bool {
	was, now := o.shown(true), p.line.Time().Unix()
	tell := func() {}
	switch action {
	case Pay:
		p.pay(o)
	case Note:
		o.note, o.noteAt = "gift "+itoa(now), now
	case Hold:
		o.status = pending
	case Release, Invoice:
		o.status, o.invoiced = ready, o.invoiced || action == Invoice
	case RequestCancel:
		o.before, o.status, o.cancelReason = o.status, inCancel, "Buyer Request to Cancel"
	case RefuseCancel:
		o.status, o.cancelReason = o.before, ""
	case Cancel, Lose:
		o.cancel(action)
	case Arrange, RetryShip, PickUp, Deliver:
		p.move(o, action)
		tell = func() { p.tellParcel(o) }
	case Complete:
		o.status, o.scenario, o.doneAt = completed, "NORMAL", now
	case ReturnOne, ReturnAll:
		r := p.askReturn(o, action == ReturnAll)
		if r == nil {
			return false
		}
		tell = func() { p.tellReturn(r, "", returnRequested) }
	case AcceptReturn, RefuseReturn:
		r := o.decideReturn(action == AcceptReturn, now)
		if r == nil {
			return false
		}
		tell = func() { p.tellReturn(r, returnRequested, r.status) }
	}
	p.touch(o)
	if o.shown(true) != was || o.scenario == "RRAOC" && action == AcceptReturn {
		p.tellStatus(o)
	}
	tell()
	return true
}

// pay takes the money, or accepts cash on delivery, and plans when the escrow is known.
func (p *Platform) pay(o *order) {
	o.status, o.committed = ready, true
	if o.shop.spec.Region == "BR" {
		o.status = invoicing
	}
	if !o.cod {
		o.paidAt = p.line.Time().Unix()
	}
	o.escrowAt = p.line.Time().Add(max(0, p.o.EscrowAfter))
}

// cancel calls it off.
func (o *order) cancel(action Action) {
	switch {
	case action == Lose:
		o.cancelBy, o.cancelReason, o.logistics = "system", "Parcel is Lost", "LOGISTICS_LOST"
	case o.status == unpaid:
		o.cancelBy, o.cancelReason = "system", "Unpaid Order"
	case o.status == inCancel:
		o.cancelBy = "buyer"
	default:
		o.cancelBy, o.cancelReason = "seller", "Out of Stock"
	}
	if action != Lose {
		o.logistics = "LOGISTICS_INVALID"
	}
	o.status = cancelled
}

// trackingAfter is when the tracking number comes after the shipment was arranged (U).
const trackingAfter = 2 * time.Minute

// move goes on with the parcel.
func (p *Platform) move(o *order, action Action) {
	switch action {
	case Arrange:
		o.status, o.logistics = processed, "LOGISTICS_REQUEST_CREATED"
		p.line.At(p.line.Time().Add(trackingAfter), func(context.Context) {
			p.line.Lock()
			defer p.line.Unlock()
			if o.tracking == "" && o.status == processed {
				o.tracking = o.shop.spec.Region + itoa(2_200_000_000+p.id()) + "SPX"
				p.tellTracking(o)
			}
		})
	case RetryShip:
		o.status, o.logistics = retryShip, "LOGISTICS_PICKUP_RETRY"
	case PickUp:
		o.status, o.logistics, o.pickedAt = shipped, "LOGISTICS_PICKUP_DONE", p.line.Time().Unix()
	case Deliver:
		o.status, o.logistics = toConfirm, "LOGISTICS_DELIVERY_DONE"
		if o.cod {
			o.paidAt = p.line.Time().Unix()
		}
	}
}

// askReturn opens a return; there is one at a time (U).
func (p *Platform) askReturn(o *order, whole bool) *refundCase {
	if o.opened() != nil {
		return nil
	}
	r := o.ask(whole, p.line.Time().Unix(), p.line.Time().Add(8*time.Hour).Format("060102")+"R"+letters(o.shop.random, 8))
	if r == nil {
		return nil
	}
	o.returns = append(o.returns, r)
	o.shop.returns[r.sn] = r
	if o.status != completed {
		o.status = toReturn
	}
	return r
}

// decideReturn accepts or refuses the return that is open. An order that comes back as a whole before it was completed is
// cancelled (U); any other is completed.
func (o *order) decideReturn(accept bool, now int64) *refundCase {
	r := o.opened()
	if r == nil {
		return nil
	}
	if !accept {
		r.decide(returnClosed, now)
	} else {
		r.decide(returnAccepted, now)
	}
	switch {
	case accept && r.whole && !r.after:
		o.status, o.cancelBy, o.cancelReason = cancelled, "system", "Other"
	case o.status == toReturn:
		o.status, o.scenario, o.doneAt = completed, "NORMAL", now
	case accept:
		o.scenario = "RRAOC"
	}
	return r
}

func (p *Platform) state(o *order) OrderState {
	m := o.shop.market
	money := func(minor int64) string {
		for d := m.digits; d < m.iso; d++ {
			minor *= 10
		}
		return decimal(minor, m.iso)
	}
	return OrderState{
		ID: o.sn, Placed: time.Unix(o.created, 0).UTC(), Updated: time.Unix(o.updated, 0).UTC(), Status: o.shown(true), Currency: m.currency,
		Total: money(o.total()), Refunded: money(o.refunded()), CurrentTotal: money(o.current()), Told: o.committed,
		Settled: o.settled(p.line.Time()), Cancelled: o.status == cancelled,
	}
}

// Orders lists the orders of a shop as they stand, in the order of their making: the truth by the sandbox's own arithmetic.
func (p *Platform) Orders(shop string) (list []OrderState) {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.shop(shop)
	if s == nil {
		return nil
	}
	for _, o := range s.orders {
		list = append(list, p.state(o))
	}
	return list
}
