package mercadolibre

import (
	"slices"
	"time"
)

// OrderState is an order as it stands: what a hub must end up with. Amounts are decimals with the digits of ISO 4217.
type OrderState struct {
	ID        int64     `json:"id,string"`
	Pack      int64     `json:"pack_id,string,omitempty"`
	Updated   time.Time `json:"last_updated"`
	Status    string    `json:"status"`    // the order's own word
	Shipment  string    `json:"shipment"`  // the parcel's own word; "" when there is none
	Cancelled bool      `json:"cancelled"` // by its status, or as a paid sale that is tagged unfulfilled
	Currency  string    `json:"currency"`

	// Total is what the buyer pays: goods and tax and, once for each parcel, the freight, less the coupon. The freight is on
	// the order with the lowest id of those in the parcel. Complete: nothing of it is to come, such as a parcel that does not
	// exist yet.
	Total    string `json:"total"`
	Freight  string `json:"freight"`
	Complete bool   `json:"complete"`
	// Refunded is what the payments say was given back, Current what is left of Total: nothing of a cancelled order.
	Refunded string `json:"refunded"`
	Current  string `json:"current_total"`
}

// state adds up the order, by arithmetic of its own: no printed number is read.
func (o *order) state() OrderState {
	where := o.seller.site
	freight, complete := o.freight()
	total := o.unit*o.quantity + o.tax + freight
	var refunded int64
	if paid := o.paid(); paid != nil {
		total -= o.coupon
		refunded = paid.refunded
	}
	current := total - refunded
	if o.undone() {
		current = 0
	}
	s := OrderState{
		ID: o.id, Updated: o.updated, Status: o.status, Cancelled: o.undone(), Currency: where.currency, Total: where.decimal(total),
		Freight: where.decimal(freight), Complete: complete, Refunded: where.decimal(refunded), Current: where.decimal(current),
	}
	if o.pack != nil {
		s.Pack = o.pack.id
	}
	if o.shipment != nil {
		s.Shipment = o.shipment.status
	}
	return s
}

// freight is the order's part of what the receiver pays for the parcel.
func (o *order) freight() (minor int64, known bool) {
	if o.shipment == nil {
		return 0, o.pickup
	}
	for _, other := range o.shipment.orders {
		if other.id < o.id {
			return 0, true
		}
	}
	return o.shipment.cost, true
}

// Orders lists the orders of a seller as they stand, in the order of their making.
func (p *Platform) Orders(account string) (list []OrderState) {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.seller(account)
	if s == nil {
		return nil
	}
	for _, o := range s.orders {
		list = append(list, o.state())
	}
	return list
}

// Order is one order as it stands; KindNotFound when the seller has none with that id.
func (p *Platform) Order(account string, id int64) (OrderState, error) {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.seller(account)
	if s == nil || !slices.Contains(s.orders, p.ledger.orders[id]) {
		return OrderState{}, notFound("reading an order", "order")
	}
	return p.ledger.orders[id].state(), nil
}
