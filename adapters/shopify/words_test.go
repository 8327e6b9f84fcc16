package shopify

import (
	"strings"
	"testing"

	"hub/adapters/adaptertest"
)

// documentedWords are the values that the Admin API 2026-07 lists for an order, by field.
func documentedWords() (words []adaptertest.Word) {
	const fulfilment = "PENDING OPEN SUCCESS CANCELLED ERROR FAILURE"
	lists := map[string]string{
		"financial_status":                    "pending authorized partially_paid paid partially_refunded refunded voided expired",
		"displayFinancialStatus":              "PENDING AUTHORIZED PARTIALLY_PAID PAID PARTIALLY_REFUNDED REFUNDED VOIDED EXPIRED",
		"fulfillment_status":                  "partial fulfilled restocked pending",
		"displayFulfillmentStatus":            "UNFULFILLED PARTIALLY_FULFILLED FULFILLED RESTOCKED PENDING_FULFILLMENT OPEN IN_PROGRESS ON_HOLD SCHEDULED REQUEST_DECLINED",
		"cancel_reason":                       "customer declined fraud inventory staff other",
		"cancelReason":                        "CUSTOMER DECLINED FRAUD INVENTORY STAFF OTHER",
		"transactions.kind":                   "SALE AUTHORIZATION CAPTURE VOID REFUND CHANGE EMV_AUTHORIZATION SUGGESTED_REFUND",
		"transactions.status":                 "SUCCESS FAILURE PENDING ERROR AWAITING_RESPONSE UNKNOWN",
		"returnStatus":                        "NO_RETURN RETURN_REQUESTED IN_PROGRESS INSPECTION_COMPLETE RETURNED RETURN_FAILED",
		"fulfillments.status":                 strings.ToLower(fulfilment),
		"fulfillments.status (GraphQL)":       fulfilment,
		"fulfillmentOrders.status":            "OPEN IN_PROGRESS CANCELLED INCOMPLETE CLOSED SCHEDULED ON_HOLD",
		"fulfillments.displayStatus":          "ATTEMPTED_DELIVERY CANCELED CONFIRMED DELAYED DELIVERED FAILURE FULFILLED CARRIER_PICKED_UP IN_TRANSIT LABEL_PRINTED LABEL_PURCHASED LABEL_VOIDED MARKED_AS_FULFILLED NOT_DELIVERED OUT_FOR_DELIVERY READY_FOR_PICKUP PICKED_UP SUBMITTED",
		"refunds.refundLineItems.restockType": "RETURN CANCEL LEGACY_RESTOCK NO_RESTOCK",
		"disputes.status":                     "NEEDS_RESPONSE UNDER_REVIEW WON LOST ACCEPTED CHARGE_REFUNDED PREVENTED",
	}
	for field, values := range lists {
		for value := range strings.FieldsSeq(values) {
			words = append(words, adaptertest.Word{Field: field, Value: value})
		}
	}
	for _, field := range []string{"financial_status", "fulfillment_status", "displayFinancialStatus", "cancel_reason"} {
		words = append(words, adaptertest.Word{Field: field})
	}
	return words
}

// strange are orders with words that nobody documented.
func strange(t *testing.T) []adaptertest.Strange {
	rest := file(t, "guest.rest.json")
	split, err := New().Split(file(t, "guest.graphql.json"))
	if err != nil {
		t.Fatal(err)
	}
	const want = "financial_status=on_the_moon fulfillment_status=beamed cancel_reason=boredom"
	return []adaptertest.Strange{
		{Name: "REST", Status: want, Document: edited(t, rest, "financial_status", `"on_the_moon"`, "fulfillment_status", `"beamed"`, "cancel_reason", `"boredom"`)},
		{Name: "GraphQL", Status: want, Document: edited(t, split[0], "displayFinancialStatus", `"ON_THE_MOON"`, "displayFulfillmentStatus", `"BEAMED"`, "cancelReason", `"BOREDOM"`)},
		{Name: "not selected", Status: "", Document: edited(t, split[0], "displayFinancialStatus", removed, "displayFulfillmentStatus", removed)},
	}
}

// TestWordsDecide walks the table: each word must give what its row says, amounts notwithstanding.
func TestWordsDecide(t *testing.T) {
	rest := file(t, "cancelled.rest.json")
	split, err := New().Split(file(t, "cancelled.graphql.json"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, row := range New().Statuses() {
		document := rest
		switch row.Field {
		case "displayFinancialStatus", "displayFulfillmentStatus", "cancelReason":
			document = split[0]
		case "financial_status", "fulfillment_status", "cancel_reason":
		default:
			continue
		}
		value := `"` + row.Value + `"`
		if row.Value == "" {
			value = "null"
		}
		draft, err := New().Order(edited(t, document, row.Field, value))
		if err != nil {
			t.Errorf("%s %q: %v", row.Field, row.Value, err)
			continue
		}
		got := map[string]string{
			"payment_status": string(draft.Order.PaymentStatus), "fulfillment_status": string(draft.Order.Fulfillment),
			"cancel_reason_code": draft.Order.CancelReason,
		}[row.Ours]
		if got != row.Means || draft.Order.PlatformStatus != "" {
			t.Errorf("%s %q: %q, want %q (platform_status %q)", row.Field, row.Value, got, row.Means, draft.Order.PlatformStatus)
		}
		n++
	}
	t.Logf("%d words decided as their rows say", n)
}
