package mercadolibre

import (
	"slices"
	"strings"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// term is one word of the platform.
type term struct {
	field, value string
}

// answer is what a word says about one of our fields.
type answer struct {
	ours, means string
}

// The fields of ours that the table speaks of. Those with a space are questions that only this package asks.
const (
	oursStatus      = "status"
	oursPayment     = "payment_status"
	oursFulfillment = "fulfillment_status"
	oursCancel      = "cancel_reason_code"
	oursHold        = "hold_reason"
	oursFulfilledBy = "fulfilled_by"
	oursDiscount    = "discounts.kind"
	oursTest        = "test"
	oursDirection   = "direction of a shipment"
	oursExtent      = "extent of a return"
	oursPerson      = "kind of person"
)

func dictionary() map[term][]answer {
	words := make(map[term][]answer)
	for _, r := range allRows() {
		t := term{r.Field, r.Value}
		words[t] = append(words[t], answer{r.Ours, r.Means})
	}
	return words
}

// allRows is the table: the rows that are written out, and one for each detail of a shipment's status.
func allRows() []driver.StatusRow {
	var rows []driver.StatusRow
	for _, r := range statusRows {
		rows = append(rows, driver.StatusRow{Field: r[0], Value: r[1], Ours: r[2], Means: r[3]})
	}
	for _, s := range substatuses {
		for word := range strings.FieldsSeq(s.words) {
			row := driver.StatusRow{Field: "shipments.substatus", Value: s.status + "/" + word}
			if ours, ok := substatusMeans[row.Value]; ok {
				row.Ours, row.Means = ours.ours, ours.means
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// Statuses returns the table.
func (*Driver) Statuses() []driver.StatusRow { return allRows() }

// look asks the table what a word says about one of our fields. listed: it knows the word.
func (d *decoder) look(field, word, ours string) (means string, listed bool) {
	answers, listed := d.words[term{field, word}]
	for _, a := range answers {
		if a.ours == ours {
			return a.means, true
		}
	}
	return "", listed
}

// means looks a word up. What the table does not know goes into platform_status as "field=word", once; what does not look
// like a word could be anything about anybody, and is not repeated.
func (d *decoder) means(field, word, ours string) string {
	means, listed := d.look(field, word, ours)
	if listed || word == "" {
		return means
	}
	if !isWord(word) {
		word = "?"
	}
	if note := field + "=" + word; !slices.Contains(d.strange, note) {
		d.strange = append(d.strange, note)
	}
	return means
}

// isWord reports whether text looks like a word of the platform: payment_in_process, ready_to_ship/printed.
func isWord(text string) bool {
	return len(text) <= 80 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz_/") == ""
}

// tagged returns what the first tag that speaks of one of our fields says. Tags are many and few are documented, so those
// that the table does not know are no news.
func (d *decoder) tagged(tags []string, ours string) string {
	for _, tag := range tags {
		if means, _ := d.look("tags", tag, ours); means != "" {
			return means
		}
	}
	return ""
}

// statuses translates the platform's words. Amounts are never asked. Words without a row are kept for people to read.
func (d *decoder) statuses(order strictjson.Value, o *hub.Order, p parcels, paid paid) {
	word, tags := d.word(order.Get("status")), d.tags(order)
	o.Test = d.tagged(tags, oursTest) == "true"
	o.Status = hub.OrderStatus(d.means("status", word, oursStatus))
	o.PaymentStatus = hub.PaymentStatus(d.means("status", word, oursPayment))
	if o.PaymentStatus == hub.PaymentVoided && paid.status != "" {
		o.PaymentStatus = paid.status // cancelled: the payments know what became of the money
	}
	if word == "paid" { // in Mexico a sale that is undone with money in the buyer's account stays paid
		o.Status = hub.OrderStatus(firstOf(d.tagged(tags, oursStatus), string(o.Status)))
		o.PaymentStatus = hub.PaymentStatus(firstOf(d.tagged(tags, oursPayment), string(o.PaymentStatus)))
	}
	o.Fulfillment = d.goods(o.ExternalID, p, tags)
	if o.Status == hub.StatusOpen && o.Fulfillment == hub.Delivered {
		o.Status = hub.StatusCompleted
	}
	o.CancelReason = d.means("cancel_detail.group", d.word(order.Get("cancel_detail").Get("group")), oursCancel)
	if o.Status == hub.StatusOpen {
		o.HoldReason = firstOf(d.tagged(tags, oursHold), p.held)
	}
	o.PlatformStatus = strings.Join(d.strange, " ")
}

// goods is what happened to the goods, by the shipments. The tags delivered and not_delivered are what people said of it,
// and are asked only where there is no shipment and never will be.
func (d *decoder) goods(id hub.ExternalID, p parcels, tags []string) hub.FulfillmentStatus {
	if d.returned(id) {
		return hub.Returned
	}
	if len(p.forward) == 0 {
		if p.none {
			return hub.FulfillmentStatus(d.tagged(tags, oursFulfillment))
		}
		return ""
	}
	count := make(map[hub.FulfillmentStatus]int)
	for _, means := range p.words {
		count[hub.FulfillmentStatus(means)]++
	}
	all := len(p.words)
	switch {
	case count[""] > 0:
		return ""
	case count[hub.Delivered] == all:
		return hub.Delivered
	case count[hub.Returned] == all:
		return hub.Returned
	case count[hub.Unfulfilled] == all:
		return hub.Unfulfilled
	case count[hub.Unfulfilled] > 0:
		return hub.PartiallyFulfilled
	}
	return hub.Fulfilled
}
