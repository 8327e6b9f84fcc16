package shopee

import (
	"strings"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// term is one word of the platform and the question that it answers.
type term struct {
	field, value, ours string
}

func dictionary() map[term]string {
	words := make(map[term]string, len(statusRows))
	for _, r := range statusRows {
		words[term{r[0], r[1], r[2]}] = r[3]
	}
	return words
}

// Statuses returns the table.
func (*Driver) Statuses() []driver.StatusRow {
	rows := make([]driver.StatusRow, 0, len(statusRows))
	for _, r := range statusRows {
		rows = append(rows, driver.StatusRow{Field: r[0], Value: r[1], Ours: r[2], Means: r[3]})
	}
	return rows
}

// The fields of ours that the table speaks of.
const (
	oursStatus      = "status"
	oursPayment     = "payment_status"
	oursFulfillment = "fulfillment_status"
	oursCancel      = "cancel_reason_code"
	oursFulfilledBy = "fulfilled_by"
	oursParcel      = "fulfillments.status"
	oursRefunds     = "refunds"
)

// statuses translates the platform's words. Amounts are never asked; quantities are, for whether all of an order came
// back. Words without a row are kept for people to read.
func (d *decoder) statuses(o *hub.Order) {
	word := d.need(d.order, "order_status")
	o.Status = hub.OrderStatus(d.means("order_status", word, oursStatus))
	o.PaymentStatus = hub.PaymentStatus(d.payment(word))
	o.Fulfillment = hub.FulfillmentStatus(d.also("order_status", word, oursFulfillment))
	d.fulfillment(o)
	if o.Status == hub.StatusCancelled {
		if o.CancelReason = d.means("cancel_reason", get(d.order, "cancel_reason"), oursCancel); o.CancelReason == "" {
			o.CancelReason = d.means("cancel_by", get(d.order, "cancel_by"), oursCancel)
		}
	}
	if len(o.Refunds) > 0 {
		o.PaymentStatus = hub.PaymentPartiallyRefunded
		if d.refunds.everything(o.Lines) {
			o.PaymentStatus = hub.PaymentRefunded
			if d.refunds.goods {
				o.Fulfillment = hub.Returned
			}
		}
	}
}

// payment asks the table with what else the order says about its money: pay_time is null until it is paid, and an order
// with cash on delivery is ready to ship without being paid.
func (d *decoder) payment(word strictjson.Value) string {
	paid := get(d.order, "pay_time")
	switch {
	case !d.unix(paid).IsZero():
		return d.also("order_status with pay_time", word, oursPayment)
	case d.Bool(get(d.order, "cod")):
		return d.also("order_status with cod", word, oursPayment)
	case paid.Kind() != strictjson.Absent:
		return d.also("order_status without pay_time", word, oursPayment)
	}
	return d.also("order_status", word, oursPayment)
}

// fulfillment asks the packages, where the order's word is behind them: some Brazilian channels keep READY_TO_SHIP, and
// of a split order one package leaves before the other. Packages that were cancelled do not count.
func (d *decoder) fulfillment(o *hub.Order) {
	if o.Status != hub.StatusOpen || o.Fulfillment != hub.Unfulfilled && o.Fulfillment != hub.Fulfilled {
		return
	}
	counts := map[string]int{}
	parcels := 0
	for v := range d.list(get(d.order, "package_list")).Items() {
		if means := d.also("package_list.logistics_status", get(v, "logistics_status"), oursFulfillment); means != "" {
			counts[means]++
			parcels++
		}
	}
	delivered, left := counts[string(hub.Delivered)], counts[string(hub.Delivered)]+counts[string(hub.Fulfilled)]
	switch {
	case parcels == 0:
	case delivered == parcels:
		o.Fulfillment = hub.Delivered
	case left == parcels:
		o.Fulfillment = hub.Fulfilled
	case left > 0:
		o.Fulfillment = hub.PartiallyFulfilled
	}
}

// means looks a word up. What the table does not know goes into platform_status as "order_status=WORD".
func (d *decoder) means(field string, value strictjson.Value, ours string) string {
	word := d.word(value)
	means, found := d.words[term{field, word, ours}]
	if !found && word != "" {
		d.strange = append(d.strange, field+"="+shown(word))
	}
	return means
}

// also looks a word up that means has told about already.
func (d *decoder) also(field string, value strictjson.Value, ours string) string {
	return d.words[term{field, d.word(value), ours}]
}

func (d *decoder) word(value strictjson.Value) string {
	word := strings.TrimSpace(d.Name(value, maxName))
	if word == "-" {
		return ""
	}
	return word
}

// shown keeps a word that looks like one of a list. Anything else could be about a person, which platform_status is not
// for.
func shown(word string) string {
	if len(word) > 64 {
		return "?"
	}
	for i := range len(word) {
		if c := word[i]; c != '_' && c != ' ' && c != '/' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return "?"
		}
	}
	return word
}
