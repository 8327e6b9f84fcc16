package shopee

import (
	"strings"
	"testing"

	"hub/adapters/adaptertest"
)

// documentedWords are the values that Shopee's data definitions and reference list for an order, by field.
func documentedWords() (words []adaptertest.Word) {
	const statuses = "UNPAID PENDING INVOICE_PENDING READY_TO_SHIP PROCESSED RETRY_SHIP SHIPPED TO_CONFIRM_RECEIVE IN_CANCEL CANCELLED TO_RETURN COMPLETED"
	lists := map[string]string{
		"order_status":                  strings.ReplaceAll(statuses, " ", ","),
		"order_status with pay_time":    strings.ReplaceAll(statuses, " ", ","),
		"order_status without pay_time": strings.ReplaceAll(statuses, " ", ","),
		"order_status with cod":         strings.ReplaceAll(statuses, " ", ","),
		"package_list.logistics_status": "LOGISTICS_NOT_START,LOGISTICS_NOT_STARTED,LOGISTICS_PENDING_ARRANGE,LOGISTICS_COD_REJECTED,LOGISTICS_READY,LOGISTICS_REQUEST_CREATED,LOGISTICS_PICKUP_DONE,LOGISTICS_DELIVERY_DONE,LOGISTICS_INVALID,LOGISTICS_REQUEST_CANCELED,LOGISTICS_PICKUP_FAILED,LOGISTICS_PICKUP_RETRY,LOGISTICS_DELIVERY_FAILED,LOGISTICS_LOST",
		"fulfillment_flag":              "fulfilled_by_shopee,fulfilled_by_cb_seller,fulfilled_by_local_seller",
		"cancel_by":                     ",buyer,seller,system,Ops",
		"cancel_reason":                 "Out of Stock,Buyer Request to Cancel,Undeliverable Area,COD Unsupported,Parcel is Lost,Game Completed,Unpaid Order,Underpaid Order,Unsuccessful / Rejected Payment,Logistics Request is Cancelled,3PL pickup Fail,Failed Delivery,COD Rejected,Seller did not Ship,Transit Warehouse Cancelled,Other,Inactive Seller,Auto Cancel,Logistic Issue,Your approver did not approve order on time.,You are unable to place order at the moment.,TBC,OUT_OF_STOCK,CUSTOMER_REQUEST,UNDELIVERABLE_AREA,COD_NOT_SUPPORTED",
		"returns.status":                "REQUESTED,ACCEPTED,CANCELLED,JUDGING,CLOSED,PROCESSING,SELLER_DISPUTE",
		"pending_terms":                 "SYSTEM_PENDING,KYC_PENDING,ARRANGE_SHIPMENT_PENDING",
		"completed_scenario":            "NORMAL,RRAOC",
	}
	for field, values := range lists {
		for value := range strings.SplitSeq(values, ",") {
			words = append(words, adaptertest.Word{Field: field, Value: value})
		}
	}
	return words
}

// strange are orders with words that nobody documented. What does not look like a word is not repeated.
func strange(t *testing.T) []adaptertest.Strange {
	base := file(t, "cancelled.json")
	return []adaptertest.Strange{
		{Name: "status", Status: "order_status=ON_THE_MOON", Document: edited(t, base, "order_status", `"ON_THE_MOON"`)},
		{Name: "package", Status: "package_list.logistics_status=LOGISTICS_BEAMED", Document: edited(t, base, "package_list.0.logistics_status", `"LOGISTICS_BEAMED"`)},
		{Name: "reason", Status: "cancel_reason=boredom", Document: edited(t, base, "cancel_reason", `"boredom"`)},
		{Name: "a person for a reason", Status: "cancel_reason=?", Document: edited(t, base, "cancel_reason", `"mira@example.test"`)},
		{Name: "a number for a reason", Status: "cancel_reason=?", Document: edited(t, base, "cancel_reason", `"call 6591234567"`)},
		{Name: "blanks", Status: "", Document: edited(t, base, "cancel_reason", `" "`, "cancel_by", `" "`)},
	}
}

// TestWordsDecide walks the table: each word must give what its row says, amounts notwithstanding.
func TestWordsDecide(t *testing.T) {
	base := file(t, "ready.json")
	money := map[string][]string{
		"order_status":                  {"pay_time", removed},
		"order_status with pay_time":    {"pay_time", "1767229200"},
		"order_status without pay_time": {"pay_time", "null"},
		"order_status with cod":         {"pay_time", "null", "cod", "true"},
	}
	n := 0
	for _, row := range New().Statuses() {
		changes, asked := money[row.Field]
		changes = append([]string{"order_status", `"` + row.Value + `"`, "package_list", "null"}, changes...)
		switch row.Field {
		case "package_list.logistics_status":
			changes, asked = []string{"package_list.0.logistics_status", `"` + row.Value + `"`}, true
			if row.Means == "" {
				continue // an order whose package failed is what its own word says
			}
		case "cancel_reason":
			changes, asked = []string{"order_status", `"CANCELLED"`, "cancel_reason", `"` + row.Value + `"`}, true
		case "cancel_by":
			changes, asked = []string{"order_status", `"CANCELLED"`, "cancel_by", `"` + row.Value + `"`}, true
		case "fulfillment_flag":
			changes, asked = []string{"fulfillment_flag", `"` + row.Value + `"`}, true
		case "pending_terms":
			changes, asked = []string{"pending_terms", `["` + row.Value + `"]`}, true
		}
		if !asked {
			continue
		}
		draft, err := New().Order(edited(t, base, changes...))
		if err != nil {
			t.Errorf("%s %q: %v", row.Field, row.Value, err)
			continue
		}
		o := draft.Order
		parcel := ""
		if len(o.Fulfillments) > 0 {
			parcel = o.Fulfillments[0].Status
		}
		got := map[string]string{
			"status": string(o.Status), "payment_status": string(o.PaymentStatus), "fulfillment_status": string(o.Fulfillment),
			"cancel_reason_code": o.CancelReason, "fulfilled_by": o.FulfilledBy, "hold_reason": o.HoldReason, "fulfillments.status": parcel,
		}[row.Ours]
		if got != row.Means || o.PlatformStatus != "" {
			t.Errorf("%s %q: %s is %q, want %q (platform_status %q)", row.Field, row.Value, row.Ours, got, row.Means, o.PlatformStatus)
		}
		n++
	}
	t.Logf("%d words decided as their rows say", n)
}
