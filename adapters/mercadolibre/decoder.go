package mercadolibre

import (
	"strconv"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver/strictjson"
)

// Bounds of what Mercado Libre makes, in bytes. Its ids of orders, users, parcels and payments are int64; those of items and
// notifications are short texts.
const (
	maxID   = 20
	maxName = 255
)

// decoder reads one order.
type decoder struct {
	strictjson.Reader
	words    map[term][]answer
	currency hub.Currency
	strange  []string // words that the status table does not know
	whole    document
}

// document is an order and what was read beside it. Absent parts are the zero Value.
type document struct {
	order, pack, shipments, costs, items, billing, discounts, claims, returns, partial, readAt strictjson.Value

	fetched bool // it is not the order alone
}

// open tells a bare order from the document that Fetch makes.
func open(v strictjson.Value) document {
	order := v.Get("order")
	if order.Kind() != strictjson.Object || v.Get("id").Kind() != strictjson.Absent {
		return document{order: v}
	}
	return document{
		order: order, pack: v.Get("pack"), shipments: v.Get("shipments"), costs: v.Get("costs"), items: v.Get("items"), billing: v.Get("billing_info"),
		discounts: v.Get("discounts"), claims: v.Get("claims"), returns: v.Get("returns"), partial: v.Get("partial"),
		readAt: v.Get("read_at"), fetched: true,
	}
}

// each yields the elements of an array. What is absent or null has none, an object is its own only element where the
// platform prints either, and anything else is CodeWrongType.
func (d *decoder) each(v strictjson.Value) (all []strictjson.Value) {
	if v.Kind() == strictjson.Object {
		return []strictjson.Value{v}
	}
	d.Is(v, strictjson.Array)
	for item := range v.Items() {
		all = append(all, item)
	}
	return all
}

// id reads an identifier that is an int64, which the platform prints as a number or as a text. Zero, a sign, a leading zero,
// a point or more than int64 holds is CodeOutOfRange.
func (d *decoder) id(v strictjson.Value) string { return numericID(&d.Reader, v) }

// needID reads an identifier that must be there.
func (d *decoder) needID(v strictjson.Value, name string) string { return d.id(d.Need(v, name)) }

func numericID(r *strictjson.Reader, v strictjson.Value) string {
	if !v.Given() || r.Err() != nil {
		return ""
	}
	if k := v.Kind(); k != strictjson.Number && k != strictjson.String {
		r.Fail(hub.CodeWrongType, v)
		return ""
	}
	if len(v.Raw()) > maxID {
		r.Fail(hub.CodeTooLong, v)
		return ""
	}
	text := v.Text()
	if !isID(text) {
		r.Fail(hub.CodeOutOfRange, v)
		return ""
	}
	return text
}

// isID reports whether text is an id of the platform: a positive int64 in its shortest spelling.
func isID(text string) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && n > 0 && text[0] >= '1' && text[0] <= '9'
}

// label is a text or a number that names something and may be either, "" when it is absent.
func (d *decoder) label(v strictjson.Value) string {
	if v.Kind() == strictjson.Number {
		if len(v.Raw()) > maxName {
			d.Fail(hub.CodeTooLong, v)
			return ""
		}
		return v.Text()
	}
	return d.Name(v, maxName)
}

// word reads a word of a closed list.
func (d *decoder) word(v strictjson.Value) string { return strings.ToLower(d.Name(v, maxName)) }

// money reads an amount in the order's currency that cannot be negative. Absent is the zero Money, which is not an amount.
func (d *decoder) money(v strictjson.Value) hub.Money { return d.moneyIn(v, d.currency) }

func (d *decoder) moneyIn(v strictjson.Value, c hub.Currency) hub.Money {
	m := d.Money(v, c)
	if m.Minor < 0 {
		d.Fail(hub.CodeOutOfRange, v)
	}
	return m
}

func known(m hub.Money) bool { return m.Currency != "" }

// stated is the amount as the order model holds it: nil when it is not known.
func stated(m hub.Money) *hub.Money {
	if !known(m) {
		return nil
	}
	return &m
}

// plus adds, for the value at v; what is not known counts as nothing.
func (d *decoder) plus(a, b hub.Money, v strictjson.Value) hub.Money {
	return d.sum(a, b, v, hub.Money.Add)
}

// minus subtracts, for the value at v; what is not known counts as nothing.
func (d *decoder) minus(a, b hub.Money, v strictjson.Value) hub.Money {
	return d.sum(a, b, v, hub.Money.Sub)
}

func (d *decoder) sum(a, b hub.Money, v strictjson.Value, op func(hub.Money, hub.Money) (hub.Money, error)) hub.Money {
	if !known(b) || d.Err() != nil {
		return a
	}
	if !known(a) {
		a = hub.Zero(b.Currency)
	}
	result, err := op(a, b)
	if err != nil {
		d.Fail(hub.CodeOf(err), v)
	}
	return result
}

// times multiplies by a count, for the value at v.
func (d *decoder) times(m hub.Money, n int64, v strictjson.Value) hub.Money {
	if !known(m) || d.Err() != nil {
		return hub.Money{}
	}
	product, err := m.Mul(n)
	if err != nil {
		d.Fail(hub.CodeOf(err), v)
	}
	return product
}

// moment reads a time. Orders print -04:00, packs -0400, searches Z or +00:00.
func (d *decoder) moment(v strictjson.Value) time.Time {
	if !d.Is(v, strictjson.String) {
		return time.Time{}
	}
	t, ok := parseTime(v.Text())
	if !ok {
		d.Fail(hub.CodeTimeInvalid, v)
	}
	return t
}

func parseTime(text string) (t time.Time, ok bool) {
	if at := len(text) - 5; at > 0 && (text[at] == '+' || text[at] == '-') && !strings.Contains(text[at:], ":") {
		text = text[:at+3] + ":" + text[at+3:]
	}
	if err := t.UnmarshalText([]byte(text)); err != nil || t.Year() < 1971 || t.Year() > 9998 {
		return time.Time{}, false
	}
	return t, true
}

// later returns the larger of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// person reads text about a person. What the platform masks, with asterisks, or with the letter X as in its own samples (U),
// is not there.
func (d *decoder) person(v strictjson.Value) string {
	var text string
	if v.Kind() == strictjson.Number {
		text = v.Text()
	} else {
		text = strings.TrimSpace(d.Text(v))
	}
	if strings.Contains(text, "***") || text == "*" || text == "**" || len(text) > 3 && strings.Trim(text, "X") == "" {
		return ""
	}
	return text
}

// firstOf returns the first text that is not empty.
func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// join puts texts that are not empty together.
func join(separator string, texts ...string) string {
	var b strings.Builder
	for _, s := range texts {
		if s != "" && b.Len() > 0 {
			b.WriteString(separator)
		}
		b.WriteString(s)
	}
	return b.String()
}
