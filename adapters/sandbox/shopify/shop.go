package shopify

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// Shop is one shop on the platform.
type Shop struct {
	Domain   string // its permanent domain, something.myshopify.com
	Secret   string // the app's client secret, which signs
	Currency string // ISO 4217
	Decimals int    // of the currency
	retail   bool   // a shop of bricks, whose orders are taken there

	random *rand.Rand
	clock  func() time.Time // of the platform that the shop is on; nil: its own
	now    time.Time
	last   int64 // id given out last
	number int
}

// New opens a shop. The seed decides everything that it makes up; now is when its history starts.
func New(domain, secret string, seed uint64, now time.Time) *Shop {
	s := &Shop{
		Domain: domain, Secret: secret, Currency: "USD", Decimals: 2,
		random: rand.New(rand.NewPCG(seed, 1)), now: now.Truncate(time.Second),
		last: 820_982_911_946_000_000 + int64(seed%100_000)*1_000_000_000, number: 1000,
	}
	return s
}

// placeID is where a shop of bricks is, and from where all others send.
const placeID = 905684977

// source says where orders are taken: their source_name, and the id of the place if there is one.
func (s *Shop) source() (name string, place any) {
	if s.retail {
		return "pos", int64(placeID)
	}
	return "web", nil
}

// id gives out an identifier; they grow, and no float64 holds them exactly.
func (s *Shop) id() int64 {
	s.last += 1 + s.random.Int64N(7)
	return s.last
}

// tick moves the shop's clock, which has whole seconds; on a platform it reads the platform's. Then two changes of one
// order within one second share an updated_at, as they do at the real one.
func (s *Shop) tick() time.Time {
	if s.clock != nil {
		s.now = s.clock().Truncate(time.Second)
		return s.now
	}
	s.now = s.now.Add(time.Duration(1+s.random.IntN(30)) * time.Second)
	return s.now
}

// catalogue is what the shop sells. Prices are in hundredths of the main unit.
var catalogue = [...]struct {
	sku, title, variant string
	price               int64
}{
	{"TEE-BLK-M", "Heavy cotton tee", "Black / M", 2900},
	{"TEE-WHT-L", "Heavy cotton tee", "White / L", 2900},
	{"MUG-ENA-01", "Enamel mug", "Blue", 1450},
	{"CAN-SOY-03", "Soy candle 3/4 lb", "Cedar", 2275},
	{"BAG-TOT-02", "Canvas tote", "Natural", 3800},
	{"PEN-BRS-01", "Brass pen", "", 6400},
	{"NTB-A5-DOT", "Notebook A5 \"dotted\"", "Grey", 1199},
	{"CAP-WOOL-1", "Wool cap – café", "Rust", 4550},
}

// people buy. None of them exists.
var people = [...]struct{ first, last, street, city, zip, country string }{
	{"Ana", "Souza", "Rua Exemplo 10", "São Paulo", "01000-000", "BR"},
	{"Jürgen", "Beispiel", "Musterstraße 5", "Zürich", "8000", "CH"},
	{"Mai", "Nguyễn", "12 Đường Mẫu", "Hà Nội", "100000", "VN"},
	{"Sam", "Sample", "1 Example Ave", "Springfield", "00001", "US"},
	{"花子", "見本", "見本町1-2-3", "東京", "100-0001", "JP"},
}

// Place takes an order from somebody and returns it unpaid.
func (s *Shop) Place() *Order {
	s.number++
	o := &Order{shop: s, ID: s.id(), Number: s.number, created: s.tick(), Financial: "pending"}
	o.Updated, o.processed = o.created, o.created.Add(-time.Duration(o.ID%3)*time.Second) // recorded: two seconds before
	o.grow(1 + s.random.IntN(3))
	o.shipping, o.method = s.units(590), s.id()
	if s.random.IntN(5) > 0 {
		o.customer = s.id()
		o.person = s.random.IntN(len(people))
	}
	return o
}

// grow adds lines of the catalogue.
func (o *Order) grow(n int) {
	s := o.shop
	for range n {
		item := catalogue[s.random.IntN(len(catalogue))]
		l := line{
			id: s.id(), sku: item.sku, title: item.title, variant: item.variant,
			quantity: 1 + s.random.Int64N(3), price: s.units(item.price),
		}
		l.current = l.quantity
		if s.random.IntN(4) == 0 {
			l.discount = l.price / 10
		}
		l.tax = (l.price*l.quantity - l.discount) * 7 / 100
		o.lines = append(o.lines, l)
	}
}

// units turns a price of the catalogue into the smallest unit of the shop's currency.
func (s *Shop) units(hundredths int64) int64 {
	if s.Decimals == 3 {
		return hundredths * 10
	}
	return hundredths // also as whole units of a currency without decimals: a price of 2900 yen is a price
}

// money prints an amount as the platform does: a string with the currency's decimals.
func (s *Shop) money(minor int64) string {
	if s.Decimals == 0 {
		return strconv.FormatInt(minor, 10)
	}
	if minor < 0 {
		return "-" + s.money(-minor)
	}
	digits := strconv.FormatInt(minor, 10)
	for len(digits) <= s.Decimals {
		digits = "0" + digits
	}
	at := len(digits) - s.Decimals
	return digits[:at] + "." + digits[at:]
}
