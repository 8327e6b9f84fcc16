package shopify

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
	oursPayment     = "payment_status"
	oursFulfillment = "fulfillment_status"
	oursCancel      = "cancel_reason_code"
)

// statuses translates the platform's words. Amounts are never asked. Words without a row are kept for people to read.
func (d *decoder) statuses(v strictjson.Value, o *hub.Order) {
	o.Status = hub.StatusOpen
	if d.Time(d.get(v, "cancelled_at", "cancelledAt")).IsZero() {
		if !d.Time(d.get(v, "closed_at", "closedAt")).IsZero() {
			o.Status = hub.StatusCompleted
		}
	} else {
		o.Status = hub.StatusCancelled
	}
	o.PaymentStatus = hub.PaymentStatus(d.means(v, "financial_status", "displayFinancialStatus", oursPayment))
	o.Fulfillment = hub.FulfillmentStatus(d.means(v, "fulfillment_status", "displayFulfillmentStatus", oursFulfillment))
	if o.Fulfillment == hub.Fulfilled && d.delivered > 0 && d.underWay == 0 {
		o.Fulfillment = hub.Delivered
	}
	o.CancelReason = d.means(v, "cancel_reason", "cancelReason", oursCancel)
	o.PlatformStatus = strings.Join(d.strange, " ")
}

// means looks a word up. What the table does not know goes into platform_status as "financial_status=word", in the
// spelling of REST so that both give the same.
func (d *decoder) means(v strictjson.Value, rest, graphql, ours string) string {
	field := rest
	if d.graphql {
		field = graphql
	}
	value := v.Get(field)
	if d.graphql && value.Kind() == strictjson.Absent {
		return "" // not selected, which is not null
	}
	word := d.Name(value, maxName)
	means, known := d.words[term{field, word, ours}]
	if !known && word != "" {
		d.strange = append(d.strange, rest+"="+strings.ToLower(word))
	}
	return means
}
