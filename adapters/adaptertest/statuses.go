package adaptertest

import (
	"fmt"
	"strings"
	"testing"

	"hub"
	"hub/adapters/driver"
)

// ours lists what each of our closed fields may hold.
var ours = map[string][]string{
	"status": {string(hub.StatusOpen), string(hub.StatusCompleted), string(hub.StatusCancelled)},
	"payment_status": {
		string(hub.PaymentPending), string(hub.PaymentAuthorized), string(hub.PaymentPartiallyPaid), string(hub.PaymentPaid),
		string(hub.PaymentPartiallyRefunded), string(hub.PaymentRefunded), string(hub.PaymentVoided), string(hub.PaymentExpired),
	},
	"fulfillment_status": {
		string(hub.FulfillmentNotRequired), string(hub.Unfulfilled), string(hub.PartiallyFulfilled), string(hub.Fulfilled),
		string(hub.Delivered), string(hub.Returned),
	},
}

func testStatuses(t *testing.T, h Harness) {
	rows := h.Driver.Statuses()
	seen := make(map[driver.StatusRow]bool)
	listed := make(map[Word]bool)
	for _, r := range rows {
		key := driver.StatusRow{Field: r.Field, Value: r.Value, Ours: r.Ours}
		if seen[key] {
			t.Errorf("two rows for %s %q", r.Field, r.Value)
		}
		seen[key], listed[Word{r.Field, r.Value}] = true, true
		if allowed, closed := ours[r.Ours]; closed && r.Means != "" && !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+r.Means+" ") {
			t.Errorf("%s %q means %q, which %s does not know", r.Field, r.Value, r.Means, r.Ours)
		}
	}
	for _, w := range h.Words {
		if !listed[w] {
			t.Errorf("no row for %s %q", w.Field, w.Value)
		}
	}
	rows[0].Means = "changed"
	if h.Driver.Statuses()[0].Means == "changed" {
		t.Error("the table can be changed from outside")
	}
	t.Logf("%d rows cover %d documented words", len(rows), len(h.Words))
}

// StatusTable prints the tables of all platforms as Markdown.
func StatusTable(drivers ...driver.Storefront) string {
	var b strings.Builder
	b.WriteString("# Statuses\n\nGenerated from the drivers' tables by `go test ./adapters/adaptertest -update`; do not edit.\n" +
		"An empty meaning says nothing about the order. A value without a row leaves our field empty and is kept in `platform_status`.\n")
	for _, d := range drivers {
		fmt.Fprintf(&b, "\n## %s (rules %s)\n\n| field | value | ours | means |\n|---|---|---|---|\n", d.Platform(), d.Rules())
		for _, r := range d.Statuses() {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.Field, cell(r.Value, "null"), r.Ours, cell(r.Means, ""))
		}
	}
	return b.String()
}

func cell(text, empty string) string {
	if text == "" {
		return empty
	}
	return "`" + text + "`"
}
