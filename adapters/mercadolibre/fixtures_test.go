package mercadolibre

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hub"
	"hub/adapters/driver"
)

// shared returns a path in the folder of recorded payloads beside the repository, which is not part of it.
func shared(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("recorded payloads are not here: %v", err)
	}
	return path
}

// recorded reads one recorded payload.
func recorded(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(shared(t, "fixtures/mercadolibre/"+name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// expected is what a recorded order must become, worked out by hand from the mapping table.
type expected struct {
	grand, items, discount, current, basis, commission, payment, status, fulfillment string
	refunded, tax                                                                    string // "" is not known
	version, strange                                                                 string
}

// orders are all order payloads of the folder, bare as they are. None has an adjustment, so the table of those that do is
// empty.
var orders = map[string]expected{
	"order_mlb_cancelled_refunded.json":    {"139.80", "139.80", "0.00", "0.00", "partial", "23.06", "refunded", "cancelled", "", "139.80", "", "2026-06-15T15:02:44Z", "cancel_detail.group=respondent"},
	"order_mlb_in_pack_two_units.json":     {"125.92", "144.74", "18.82", "125.92", "partial", "22.14", "paid", "open", "", "0.00", "", "2024-11-01T13:37:20Z", ""},
	"order_mlb_old_gpupo.json":             {"499.00", "499.00", "0.00", "499.00", "partial", "", "paid", "open", "unfulfilled", "0.00", "", "2013-05-27T14:04:07Z", ""},
	"order_mlb_six_units_variation.json":   {"237.12", "249.60", "12.48", "237.12", "partial", "84.06", "paid", "open", "", "0.00", "", "2025-06-08T20:21:29Z", ""},
	"order_mlb_test_paid_no_shipping.json": {"1500.00", "1500.00", "0.00", "1500.00", "platform", "165.00", "paid", "open", "unfulfilled", "0.00", "", "2026-06-05T21:44:00Z", ""},
	"order_mlc_clp_in_single_pack.json":    {"52240", "54990", "2750", "52240", "partial", "5746", "paid", "open", "", "0", "", "2025-11-11T16:33:06Z", ""},
	"order_mlm_gross_price.json":           {"880.00", "1562.00", "682.00", "880.00", "partial", "", "paid", "open", "", "0.00", "", "2026-01-05T13:32:15Z", ""},
	"cbt_order_usd_mlm.json":               {"15.10", "15.10", "0.00", "15.10", "partial", "2.64", "paid", "open", "", "0.00", "0.00", "2020-01-31T22:03:36Z", ""},
}

// TestRecordedOrders reads every recorded order and holds it against the mapping table. By construction nothing is left
// unexplained, so what the parts come to is checked against the platform's own total_amount.
func TestRecordedOrders(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "fixtures/mercadolibre"), "*order_*.json"))
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, path := range files {
		name := filepath.Base(path)
		if name == "order_notfound_gpupo.json" || name == "order_discounts.json" || strings.HasPrefix(name, "order_shipments_") {
			continue
		}
		want, listed := orders[name]
		if !listed {
			t.Errorf("%s: a recorded order that nothing is expected of", name)
			continue
		}
		parts, err := New().Split(recorded(t, name))
		if err != nil || len(parts) != 1 {
			t.Errorf("%s: %d orders, %v", name, len(parts), err)
			continue
		}
		draft, err := New().Order(parts[0])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := told(draft.Order); got != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, want)
		}
		if a := draft.Order.Totals.Adjustment; a.Minor != 0 || !draft.EnrichedAt.IsZero() {
			t.Errorf("%s: adjustment %s, enriched %v", name, a, draft.EnrichedAt)
		}
		read++
	}
	if read != len(orders) {
		t.Errorf("read %d orders, want %d", read, len(orders))
	}
	t.Logf("%d recorded orders, identity and mapping held, adjustment 0 in all", read)
}

func told(o hub.Order) expected {
	text := func(m *hub.Money) string {
		if m == nil {
			return ""
		}
		return m.Amount()
	}
	e := expected{
		grand: text(o.Totals.GrandTotal), items: text(o.Totals.Items), discount: text(o.Totals.Discount), current: text(o.Totals.CurrentTotal),
		basis: string(o.Totals.Basis), payment: string(o.PaymentStatus), status: string(o.Status), fulfillment: string(o.Fulfillment),
		refunded: text(o.Totals.Refunded), tax: text(o.Totals.Tax), strange: o.PlatformStatus,
		version: o.SourceUpdatedAt.Format("2006-01-02T15:04:05Z07:00"),
	}
	if o.Settlement != nil {
		e.commission = text(o.Settlement.Commission)
	}
	return e
}

// TestRecordedOthers reads what is no order: it is refused with a reason, and never taken for one.
func TestRecordedOthers(t *testing.T) {
	for name, want := range map[string]hub.Code{
		"order_notfound_gpupo.json": hub.CodeMissing, "cbt_orders_search_scroll.json": hub.CodeMissing, "order_discounts.json": hub.CodeMissing,
		"order_shipments_forward_and_return.json": hub.CodeMissing, "pack_two_orders.json": hub.CodeMissing, "claim_closed_mediation.json": hub.CodeMissing,
	} {
		parts, err := New().Split(recorded(t, name))
		if err != nil || len(parts) == 0 {
			t.Errorf("%s: %d parts, %v", name, len(parts), err)
			continue
		}
		if _, err := New().Order(parts[0]); hub.CodeOf(err) != want || !hub.Parkable(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRecordedNotifications reads every recorded notification through the door and behind it.
func TestRecordedNotifications(t *testing.T) {
	for name, want := range map[string]struct {
		app, account string
		hint         driver.Hint
	}{
		"notification_orders_v2.json":              {"5503910054141466", "468424240", driver.Hint{Kind: "order", ExternalID: "2195160686"}},
		"notification_orders_v2_with_actions.json": {"6456467593802500", "3430803000", driver.Hint{Kind: "order", ExternalID: "2000016796107272"}},
		"cbt_notification_marketplace_orders.json": {"2069392825111111", "123456789", driver.Hint{Kind: "order", ExternalID: "1499111111"}},
		"notification_shipments.json":              {"12341234", "1234", driver.Hint{Kind: "shipment", ExternalID: "40546549876"}},
		"notification_items.json":                  {"2069392825111111", "123456789", driver.Hint{}},
		"notification_stock_location.json":         {"213123389095511", "123456789", driver.Hint{}},
	} {
		body := recorded(t, name)
		n, err := New().Verify(driver.Signed{Body: body, ClientID: want.app})
		if err != nil || !n.Unproven || n.Probe || n.Account != want.account || n.TriggeredAt.IsZero() {
			t.Errorf("%s: %+v, %v", name, n, err)
			continue
		}
		if _, err := New().Verify(driver.Signed{Body: body, ClientID: "1"}); hub.KindOf(err) != hub.KindUnauthentic {
			t.Errorf("%s: another app's is accepted: %v", name, err)
		}
		account, err := New().Account(body)
		if err != nil || account != want.account {
			t.Errorf("%s: account %q, %v", name, account, err)
		}
		got, err := New().Read(driver.Delivery{Notice: n, Account: account, Body: body})
		if err != nil || len(got.Drafts) > 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		} else if want.hint != (driver.Hint{}) && (len(got.Hints) != 1 || got.Hints[0] != want.hint) {
			t.Errorf("%s: %+v", name, got)
		} else if want.hint == (driver.Hint{}) && got.Ignored == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
