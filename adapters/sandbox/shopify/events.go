package shopify

import (
	"slices"
	"time"

	"hub"
)

// Action is something that happens to an order.
type Action string

// The actions. Each is told under its own topics and under orders/updated, with one X-Shopify-Event-Id.
const (
	Create      Action = "create"
	Pay         Action = "pay"
	FulfillPart Action = "fulfill_part"
	Fulfill     Action = "fulfill"
	Edit        Action = "edit" // takes one piece off
	Note        Action = "note"
	RefundOne   Action = "refund"     // one piece
	RefundAll   Action = "refund_all" // all that is left
	Cancel      Action = "cancel"     // gives back what was paid
	Delete      Action = "delete"     // of a cancelled order
)

// OrderState is an order as it stands.
type OrderState struct {
	ID           int64     `json:"id,string"`
	Name         string    `json:"name"` // "#1001"
	Updated      time.Time `json:"updated_at"`
	CurrentTotal string    `json:"current_total"` // in the shop's currency
	Deleted      bool      `json:"deleted"`
}

// Act does something to an order, or places one (Create, id 0), and tells whoever has subscribed. An order that cannot
// take the action is KindConflict, one that does not exist KindNotFound.
func (p *Platform) Act(domain string, action Action, id int64) (OrderState, error) {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.shop(domain)
	if s == nil {
		return OrderState{}, notFound("acting on an order", "shop")
	}
	var o *Order
	if action == Create {
		o = s.Place()
		s.orders = append(s.orders, o)
	} else if o = s.order(id); o == nil {
		return OrderState{}, notFound("acting on an order", "order")
	}
	messages, ok := o.act(action)
	if !ok {
		return OrderState{}, &hub.Error{Kind: hub.KindConflict, Op: "acting on an order: it cannot take " + string(action)}
	}
	event := p.event()
	for _, i := range s.installs {
		for _, m := range messages {
			m.orderID, m.updated = o.ID, o.Updated
			p.tell(i, event, m)
		}
	}
	return o.state(), nil
}

// act changes the order and says what is to be told.
func (o *Order) act(action Action) (messages []message, ok bool) {
	switch action {
	case Create:
		return o.whole("orders/create"), true
	case Note:
		o.Annotate("Please ring twice")
		return o.whole("orders/updated"), true
	case Delete:
		if o.Cancelled.IsZero() {
			return nil, false
		}
		o.touch()
		o.deleted = true
		return []message{{topic: "orders/delete", body: object{"id": o.ID}}}, true
	}
	refunds, parcels := len(o.refunds), len(o.parcels)
	topic, ok := o.change(action)
	if !ok {
		return nil, false
	}
	return append(o.partsTold(action, refunds, parcels), o.whole(topic, "orders/updated")...), true
}

// change does what only an order that is not called off can take, and returns the topic beside orders/updated, if any.
func (o *Order) change(action Action) (topic string, ok bool) {
	if !o.Cancelled.IsZero() {
		return "", false
	}
	switch action {
	case Pay:
		if ok = o.payment == 0; ok {
			o.Pay()
		}
		return "orders/paid", ok
	case FulfillPart:
		return "orders/partially_fulfilled", o.ShipPart()
	case Fulfill:
		if ok = o.Fulfillment != "fulfilled" && len(o.unsent()) > 0; ok {
			o.Ship()
		}
		return "orders/fulfilled", ok
	case Edit:
		return "orders/edited", o.Edit()
	case RefundOne:
		return "", o.payment != 0 && o.Refund()
	case RefundAll:
		return "", o.RefundAll()
	case Cancel:
		if o.payment != 0 {
			o.CancelPaid()
		} else {
			o.Cancel()
		}
		return "orders/cancelled", true
	}
	return "", false
}

// partsTold are the messages about the parts that an action made.
func (o *Order) partsTold(action Action, refunds, parcels int) (messages []message) {
	for _, r := range o.refunds[refunds:] {
		messages = append(messages, message{topic: "refunds/create", body: o.refund(r)},
			message{topic: "order_transactions/create", body: o.transaction(r.transaction, "refund", r.amount, stamp(r.at))})
	}
	for i, f := range o.parcels[parcels:] {
		messages = append(messages, message{topic: "fulfillments/create", body: o.fulfillment(parcels+i, f)})
	}
	if action == Pay {
		messages = append(messages, message{topic: "order_transactions/create", body: o.transaction(o.payment, "sale", o.paid, stamp(o.paidAt))})
	}
	return messages
}

// whole tells of the order as a whole under some topics. orders/edited has a body of its own.
func (o *Order) whole(topics ...string) (messages []message) {
	for _, topic := range slices.Compact(topics) {
		switch topic {
		case "":
		case "orders/edited":
			messages = append(messages, message{topic: topic, body: o.edit(o.shop.id())})
		default:
			messages = append(messages, message{topic: topic, body: o.resource(), stale: o.stale})
		}
	}
	return messages
}

func (s *store) order(id int64) *Order {
	i := slices.IndexFunc(s.orders, func(o *Order) bool { return o.ID == id && !o.deleted })
	if i < 0 {
		return nil
	}
	return s.orders[i]
}

func (o *Order) state() OrderState {
	return OrderState{o.ID, o.name(), o.Updated, o.CurrentTotal(), o.deleted}
}

// Orders lists the orders of a shop as they stand, deleted ones too, in the order of their making.
func (p *Platform) Orders(domain string) (list []OrderState) {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.shop(domain)
	if s == nil {
		return nil
	}
	for _, o := range s.orders {
		list = append(list, o.state())
	}
	return list
}

// Privacy tells customers/data_request or customers/redact about the buyer of an order to every app that names an address
// for it, installed or not.
func (p *Platform) Privacy(domain, topic string, orderID int64) error {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.shop(domain)
	if s == nil || s.order(orderID) == nil || s.order(orderID).customer == 0 {
		return notFound("telling a privacy topic", "order with a buyer")
	}
	o := s.order(orderID)
	body := object{
		"shop_id": s.id, "shop_domain": s.Domain,
		"customer": object{"id": o.customer, "email": o.email(), "phone": phoneNumber},
	}
	switch topic {
	case "customers/data_request":
		body["orders_requested"], body["data_request"] = []int64{o.ID}, object{"id": s.Shop.id()}
	case "customers/redact":
		body["orders_to_redact"] = []int64{o.ID}
	default:
		return hub.Errorf(hub.KindInvalid, "telling a privacy topic", "not one of a customer")
	}
	for _, a := range p.apps {
		p.privacy(a, s, topic, body)
	}
	return nil
}
