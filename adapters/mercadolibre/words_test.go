package mercadolibre

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"hub/adapters/adaptertest"
)

// documentedWords are the values that the documentation lists for an order and what belongs to it, by field.
func documentedWords() (words []adaptertest.Word) {
	lists := map[string]string{
		"status":                 "confirmed payment_required payment_in_process partially_paid paid partially_refunded pending_cancel cancelled invalid",
		"tags":                   "paid not_paid delivered not_delivered pack_order order_has_discount catalog no_shipping test_order unfulfilled claim_opened claim_closed new_buyer_free_shipping b2b fraud_risk_detected",
		"cancel_detail.group":    "mediations fiscal buyer fraud item shipment delivery seller internal",
		"shipments.status":       "to_be_agreed pending handling ready_to_ship shipped delivered not_delivered not_verified cancelled closed error active not_specified stale_ready_to_ship stale_shipped",
		"shipments.type":         "forward return return_to_buyer return_from_triage",
		"logistic.type":          "drop_off xd_drop_off cross_docking self_service fulfillment",
		"logistic.mode":          "me1 me2 custom not_specified",
		"packs.status":           "released error pending_cancel cancelled filling filled to_be_shipped",
		"discounts.type":         "coupon discount cashback",
		"billing_info.cust_type": "co bu",
		"claims.stage":           "claim dispute recontact stale none",
		"claims.status":          "opened closed",
		"claims.type":            "mediations return fulfillment ml_case cancel_sale cancel_purchase change service",
		"returns.status":         "pending_cancel pending failed shipped pending_delivered return_to_buyer pending_expiration scheduled pending_failure label_generated cancelled not_delivered expired delivered",
		"returns.subtype":        "low_cost return_partial return_total",
		"payments.status":        "pending approved authorized in_process in_mediation rejected cancelled refunded charged_back",
		"shipments.substatus":    "ready_to_ship/printed shipped/out_for_delivery not_delivered/returned cancelled/pack_splitted pending/buffered",
	}
	for field, values := range lists {
		for value := range strings.FieldsSeq(values) {
			words = append(words, adaptertest.Word{Field: field, Value: value})
		}
	}
	return words
}

// TestCatalogue holds the table against the platform's own list of what a shipment may be.
func TestCatalogue(t *testing.T) {
	text, err := os.ReadFile(shared(t, "fixtures/mercadolibre/shipment_status_catalogue.json"))
	if err != nil {
		t.Fatal(err)
	}
	var catalogue []struct {
		ID          string
		Substatuses []struct{ ID string }
	}
	if err := json.Unmarshal(text, &catalogue); err != nil {
		t.Fatal(err)
	}
	listed := map[term]bool{}
	for _, row := range New().Statuses() {
		listed[term{row.Field, row.Value}] = true
	}
	words, details := 0, 0
	for _, s := range catalogue {
		if words++; !listed[term{"shipments.status", s.ID}] {
			t.Errorf("no row for the status %s", s.ID)
		}
		for _, detail := range s.Substatuses {
			if details++; !listed[term{"shipments.substatus", s.ID + "/" + detail.ID}] {
				t.Errorf("no row for the detail %s/%s", s.ID, detail.ID)
			}
		}
	}
	if words != 15 || details < 100 {
		t.Errorf("%d statuses with %d details", words, details)
	}
	for at := range substatusMeans {
		if !listed[term{"shipments.substatus", at}] {
			t.Errorf("%s means something and is on no list", at)
		}
	}
	t.Logf("%d statuses and %d details of shipments, each with a row", words, details)
}

// strange are orders with words that nobody documented. What does not look like a word is not repeated, and a tag that
// nobody documented is no news.
func strange(t *testing.T) []adaptertest.Strange {
	bare, whole := file(t, "bare.json"), file(t, "pack_first.json")
	return []adaptertest.Strange{
		{Name: "status", Status: "status=on_the_moon", Document: edited(t, bare, "status", `"on_the_moon"`)},
		{Name: "group", Status: "cancel_detail.group=respondent", Document: edited(t, bare, "cancel_detail", `{"group":"respondent"}`)},
		{Name: "payment", Status: "payments.status=beamed", Document: edited(t, bare, "payments.0.status", `"beamed"`)},
		{Name: "a person for a group", Status: "cancel_detail.group=?", Document: edited(t, bare, "cancel_detail", `{"group":"mira@example.test"}`)},
		{Name: "shipment", Status: "shipments.status=beamed", Document: edited(t, whole, "shipments.0.status", `"beamed"`, "shipments.0.substatus", "null")},
		{Name: "detail", Status: "shipments.substatus=shipped/on_the_moon", Document: edited(t, whole, "shipments.0.status", `"shipped"`, "shipments.0.substatus", `"on_the_moon"`)},
		{Name: "way", Status: "", Document: edited(t, whole, "shipments.0.logistic.type", `"teleport"`)},
		{Name: "tag", Status: "", Document: edited(t, bare, "tags", `["paid","on_the_moon"]`)},
	}
}

// TestWordsDecide walks the table: each word must give what its row says, amounts notwithstanding.
func TestWordsDecide(t *testing.T) {
	bare, whole := file(t, "bare.json"), file(t, "pack_first.json")
	n := 0
	for _, row := range New().Statuses() {
		quoted := `"` + row.Value + `"`
		document := bare
		var changes []string
		switch row.Field {
		case "status":
			changes = []string{"status", quoted, "payments", "[]"}
		case "cancel_detail.group":
			changes = []string{"cancel_detail", `{"group":` + quoted + `}`}
		case "payments.status":
			changes = []string{"status", `"cancelled"`, "payments", `[{"status":` + quoted + `}]`}
		case "shipments.status":
			document, changes = whole, []string{"shipments.0.status", quoted, "shipments.0.substatus", "null"}
		case "shipments.substatus":
			status, detail, _ := strings.Cut(row.Value, "/")
			document, changes = whole, []string{"shipments.0.status", `"` + status + `"`, "shipments.0.substatus", `"` + detail + `"`}
		case "logistic.type":
			document, changes = whole, []string{"shipments.0.logistic.type", quoted}
		case "tags":
			if changes = []string{"tags", `["paid",` + quoted + `]`}; row.Ours == oursFulfillment {
				changes = []string{"tags", `["no_shipping",` + quoted + `]`}
			}
		default:
			continue
		}
		draft, err := New().Order(edited(t, document, changes...))
		if err != nil {
			t.Errorf("%s %q: %v", row.Field, row.Value, err)
			continue
		}
		o := draft.Order
		got, asked := map[string]string{
			"status": string(o.Status), "payment_status": string(o.PaymentStatus), "fulfillment_status": string(o.Fulfillment),
			"cancel_reason_code": o.CancelReason, "hold_reason": o.HoldReason, "fulfilled_by": o.FulfilledBy,
		}[row.Ours]
		if asked && got != row.Means || o.PlatformStatus != "" {
			t.Errorf("%s %q: %s is %q, want %q (platform_status %q)", row.Field, row.Value, row.Ours, got, row.Means, o.PlatformStatus)
		}
		n++
	}
	t.Logf("%d words decided as their rows say", n)
}
