package shopee

import (
	"slices"
	"strings"
	"time"
)

// The states of an order (developer guide 31).
const (
	unpaid    = "UNPAID"
	pending   = "PENDING"
	invoicing = "INVOICE_PENDING"
	ready     = "READY_TO_SHIP"
	processed = "PROCESSED"
	retryShip = "RETRY_SHIP"
	shipped   = "SHIPPED"
	toConfirm = "TO_CONFIRM_RECEIVE"
	inCancel  = "IN_CANCEL"
	cancelled = "CANCELLED"
	toReturn  = "TO_RETURN"
	completed = "COMPLETED"
)

// order is one order. Amounts are in the smallest unit that its region prints.
type order struct {
	shop             *store
	sn               string
	created, updated int64 // seconds since 1970
	version          int
	status           string
	before           string // the status that a refused cancellation goes back to
	cod, bundle      bool
	committed        bool // paid, or its cash on delivery was accepted
	buyer            int64
	lines            []line

	shipping, voucher, platformVoucher, coins, promotion, fee, tax int64

	paidAt, pickedAt, doneAt         int64
	escrowAt                         time.Time // zero: never
	cancelBy, cancelReason, scenario string
	note                             string
	noteAt                           int64

	parcel, logistics, tracking string
	channel                     int64
	invoiced                    bool
	returns                     []*refundCase

	detail, escrow cached
}

// line is one item of an order.
type line struct {
	id, item, model            int64
	sku, title, name, modelSKU string
	quantity                   int64
	price, reduced             int64 // of one piece: as listed, and with the seller's promotion
	rebate                     int64 // of one piece: the part of the promotion that the platform pays
	asked, returned            int64 // pieces
}

// cached is a body as it was printed for one version.
type cached struct {
	version int
	asked   fieldSet
	body    []byte
}

// listed and paid are a line's subtotals.
func (l line) listed() int64 { return l.price * l.quantity }
func (l line) paid() int64   { return l.reduced * l.quantity }

// listed is the sum of the lines as listed.
func (o *order) listed() (sum int64) {
	for _, l := range o.lines {
		sum += l.listed()
	}
	return sum
}

// subtotal is what the lines cost with the promotions on them.
func (o *order) subtotal() (sum int64) {
	for _, l := range o.lines {
		sum += l.paid()
	}
	return sum
}

// rebate is what the platform pays of the promotions.
func (o *order) rebate() (sum int64) {
	for _, l := range o.lines {
		sum += l.rebate * l.quantity
	}
	return sum
}

// total is what the buyer pays.
func (o *order) total() int64 {
	return o.subtotal() - o.voucher - o.platformVoucher - o.coins - o.promotion + o.shipping + o.fee + o.tax
}

// refunded is what the buyer got back by returns.
func (o *order) refunded() (sum int64) {
	for _, r := range o.returns {
		if r.status == returnAccepted {
			sum += r.amount
		}
	}
	return sum
}

// current is what is left of the total: nothing of a cancelled order.
func (o *order) current() int64 {
	if o.status == cancelled {
		return 0
	}
	return o.total() - o.refunded()
}

// settled says whether the platform knows the order's money by now.
func (o *order) settled(now time.Time) bool { return !o.escrowAt.IsZero() && !now.Before(o.escrowAt) }

// shown is the status as the order calls tell it. Two Brazilian channels stay at READY_TO_SHIP until the carrier has it;
// PENDING is told to those who ask for it, and is READY_TO_SHIP to others (U).
func (o *order) shown(pendingToo bool) string {
	switch {
	case o.status == processed && (o.channel == 90021 || o.channel == 90026), o.status == pending && !pendingToo:
		return ready
	}
	return o.status
}

// touch notes that the order changes now.
func (p *Platform) touch(o *order) {
	o.updated = p.line.Time().Unix()
	o.version++
	o.shop.changes.add(o, o.updated, o.version > 1)
}

// place takes an order from somebody.
func (p *Platform) place(s *store) *order {
	r, m := s.random, s.market
	o := &order{
		shop: s, created: p.line.Time().Unix(), status: unpaid, buyer: 258_000_000 + r.Int64N(1_000_000), channel: m.channel,
		cod: m.cod && r.IntN(4) == 0, logistics: "LOGISTICS_NOT_START", parcel: "OFG" + itoa(100_000_000_000_000+r.Int64N(1_000_000_000_000)),
	}
	for o.sn == "" || s.bySN[o.sn] != nil { // its date is that of UTC+8 everywhere (U)
		o.sn = p.line.Time().Add(8*time.Hour).Format("060102") + letters(r, 8)
	}
	if s.spec.Region == "BR" && r.IntN(5) == 0 {
		o.channel = 90021
	}
	p.grow(o, 1+r.IntN(3))
	o.discount()
	s.orders = append(s.orders, o)
	s.bySN[o.sn] = o
	p.touch(o)
	s.creation.add(o, o.created, false)
	return o
}

// grow adds lines.
func (p *Platform) grow(o *order, n int) {
	r := o.shop.random
	for range n {
		g := goods[r.IntN(len(goods))]
		l := line{
			id: 2_600_000_000 + p.id(), item: itemID(g.sku), sku: g.sku, title: g.title, name: g.model, modelSKU: g.modelSKU,
			quantity: 1 + r.Int64N(3), price: o.shop.market.units(g.price),
		}
		if g.model != "" {
			l.model = l.item*10 + int64(len(g.model))
		}
		l.reduced = l.price
		if r.IntN(3) == 0 {
			l.reduced -= l.price / 8
			if r.IntN(3) == 0 {
				l.rebate = (l.price - l.reduced) / 2
			}
		}
		o.lines = append(o.lines, l)
	}
}

// itemID makes an id beyond 2^33 of a seller's code, the same for all models of an item.
func itemID(sku string) int64 {
	n := int64(23_600_000_000)
	for i := range len(sku) {
		n = n*3 + int64(sku[i])
	}
	return 23_600_000_000 + n%1_000_000_000
}

// discount draws what is taken off the order and put on it.
func (o *order) discount() {
	r, m, items := o.shop.random, o.shop.market, o.subtotal()
	share := func(one int, percent int64) int64 {
		if r.IntN(one) != 0 {
			return 0
		}
		return items * percent / 100
	}
	o.shipping = m.units(199 + int64(r.IntN(4))*50)
	o.voucher, o.platformVoucher, o.coins, o.promotion = share(4, 5), share(4, 10), share(5, 1), share(9, 3)
	o.fee = share(6, 2)
	if o.shop.spec.Region == "BR" {
		o.tax = share(6, 17)
	}
	o.bundle = len(o.lines) > 1 && r.IntN(6) == 0
}

// find looks for the orders of a list of numbers; nil when one is not the shop's.
func (s *store) find(numbers string) []*order {
	var found []*order
	for sn := range strings.SplitSeq(numbers, ",") {
		o := s.bySN[sn]
		if o == nil {
			return nil
		}
		if !slices.Contains(found, o) {
			found = append(found, o)
		}
	}
	return found
}
