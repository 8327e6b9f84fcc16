package mercadolibre

import (
	"time"
)

// order is the sale of one item, of any quantity.
type order struct {
	id       int64
	seller   *seller
	buyer    buyer
	pack     *pack     // nil: none
	shipment *shipment // nil: not made yet, or never
	pickup   bool      // buyer and seller arrange it: there will never be a shipment

	item           item
	quantity       int64
	unit, full     int64 // what one costs, and what it would cost without its discount
	fee            int64 // the platform's, for one
	coupon         int64 // the buyer's, on the whole order
	couponBySeller int64 // what of it the seller pays
	bySeller       int64 // what of the item's discount the seller pays
	tax            int64 // that is added to the price

	status    string
	cancelled *cancelled
	payments  []*payment
	claims    []*claim
	tags      map[string]bool // those that do not follow from the rest

	created, closed, updated time.Time // whole seconds, as they are told
	style                    style
	body, listed             []byte // as it is printed, until it changes
}

// item is what was sold.
type item struct {
	id, title, sku, variation string
	variationID               int64
}

// buyer is who bought. What of it is shown is a matter of the order's style.
type buyer struct {
	id       int64
	person   int // of people
	place    place
	billing  int64 // id of the billing information
	document string
	company  bool
	zip      string
}

// cancelled says why an order was.
type cancelled struct {
	group, code, by string
	at              time.Time
}

// pack is a basket.
type pack struct {
	id               int64
	family           int64 // the pack that this one was split from; 0: none
	orders           []*order
	shipment         *shipment
	created, updated time.Time
}

// style is how one order is spelt: recorded answers differ in all of it.
type style struct {
	how        spelling
	textIDs    bool // ids of people and payments are texts
	bareBuyer  bool // the buyer is no more than an id
	noisyFee   bool // sale_fee is printed as a sum of doubles
	stockList  bool // stock is a list
	gross      bool // gross_price and discounts are there, and full_unit_price is not
	topCoupon  bool // the coupon is printed at the top, too
	bothTimes  bool // date_last_updated is printed beside last_updated
	unsaid     bool // a payment that was given back whole does not say how much
	undonePaid bool // a cancelled sale whose money goes to the buyer's account stays paid
	slowParcel bool // the shipment's id comes later than the payment
}

// The first ids of their kinds. Orders and packs share a range of sixteen digits; one is never the other.
const (
	firstOrder    = 2_000_009_713_000_000
	firstShipment = 44_028_000_000
	firstPayment  = 91_776_000_000
	firstClaim    = 5_256_000_000
	firstBuyer    = 1_325_000_000
	firstBilling  = 776_121_809_000_000_000
	firstItem     = 3_737_000_000
)

// unpaid are the words for an order that nobody paid yet. What decides between them is not documented, so it is drawn (U).
var unpaid = [...]string{"confirmed", "confirmed", "payment_required", "payment_in_process"}

// place makes an order, unpaid. The pack, if there is one, takes it in.
func (p *Platform) place(s *seller, who buyer, in *pack) *order {
	r := p.streams.quirks
	where := s.site
	sold := catalogue[r.IntN(len(catalogue))]
	o := &order{
		id: p.id("order", firstOrder), seller: s, buyer: who, pack: in, status: unpaid[r.IntN(len(unpaid))], tags: map[string]bool{},
		item:     item{id: where.id + digitsOf(p.id("item", firstItem)), title: sold.title, sku: sold.sku, variation: sold.variation},
		quantity: 1 + r.Int64N(6), unit: where.price(sold.price), created: p.second(), pickup: r.IntN(12) == 0,
	}
	if sold.variation != "" {
		o.item.variationID = 180_000_000_000 + r.Int64N(1_000_000)
	}
	o.updated, o.full = o.created, o.unit
	o.style = newStyle(r.IntN)
	o.style.undonePaid = where.id == "MLM" && r.IntN(2) == 0
	if r.IntN(3) == 0 {
		o.full = o.unit + where.round(o.unit*15/100)
		o.bySeller = []int64{0, (o.full - o.unit) * o.quantity, where.round((o.full - o.unit) * o.quantity / 2)}[r.IntN(3)]
	}
	if r.IntN(4) == 0 {
		o.coupon = where.round(o.unit / 10)
		o.couponBySeller = []int64{0, o.coupon, where.round(o.coupon / 2)}[r.IntN(3)]
	}
	if (where.id == "MCO" || where.id == "MLU") && r.IntN(4) == 0 {
		o.tax = where.round(o.unit * o.quantity * 19 / 100)
	}
	o.fee = o.unit * 13 / 100
	o.tags["catalog"] = r.IntN(3) == 0
	s.orders = append(s.orders, o)
	p.ledger.orders[o.id], p.ledger.billing[who.billing] = o, o
	return o
}

func newStyle(draw func(int) int) style {
	return style{
		how: spelling(draw(3)), textIDs: draw(8) == 0, bareBuyer: draw(3) == 0, noisyFee: draw(10) == 0, stockList: draw(4) == 0,
		gross: draw(4) == 0, topCoupon: draw(2) == 0, bothTimes: draw(3) == 0, unsaid: draw(3) == 0, slowParcel: draw(2) == 0,
	}
}

// second is the time as orders tell it, which has whole seconds: two changes within one share it.
func (p *Platform) second() time.Time { return p.told().Truncate(time.Second) }

// touch makes a new version of the order. Its time never goes back, even when the clock does.
func (p *Platform) touch(o *order) {
	if t := p.second(); t.After(o.updated) {
		o.updated = t
	}
	o.body, o.listed = nil, nil
}

// newBuyer makes somebody up who buys in a country.
func (p *Platform) newBuyer(where *site) buyer {
	r := p.streams.quirks
	return buyer{
		id: p.id("user", firstUser) + firstBuyer - firstUser, person: r.IntN(len(people)), place: where.places[r.IntN(len(where.places))],
		billing: p.id("billing", firstBilling), document: digitsOf(10_000_000 + r.Int64N(80_000_000)), company: r.IntN(6) == 0,
		zip: where.zip,
	}
}

// total is what the goods cost, without freight, tax and coupon: the order's total_amount.
func (o *order) total() int64 { return o.unit * o.quantity }

// undone says whether nothing is to be delivered and paid any more.
func (o *order) undone() bool { return o.status == "cancelled" || o.tags["unfulfilled"] }

// paid is the payment that went through; nil before.
func (o *order) paid() *payment {
	if len(o.payments) == 0 || o.payments[len(o.payments)-1].status == "rejected" {
		return nil
	}
	return o.payments[len(o.payments)-1]
}

// openClaim is the claim that is open; nil when there is none.
func (o *order) openClaim() *claim {
	if n := len(o.claims); n > 0 && o.claims[n-1].status == "opened" {
		return o.claims[n-1]
	}
	return nil
}
