package shopee

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
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

func recorded(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(shared(t, filepath.Join("fixtures/shopee", name)))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// adjustments are the orders whose own parts do not explain their total, each with its reason. Every other recorded
// order must have an adjustment of zero.
var adjustments = map[string]struct{ amount, reason string }{
	"order_detail_sg_completed_card.json": {"-15.00", "without the escrow a voucher or coins of 15.00 are not told"},
	"order_detail_vn_cod_masked.json":     {"-20881", "without the escrow vouchers, coins and the freight's rebate are not told"},
	"with escrow_detail.json":             {"-0.70", "documentation sample: filler numbers that add up to nothing"},
}

// TestRecordedOrders reads every recorded order.
func TestRecordedOrders(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "fixtures/shopee"), "order_detail_*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		parts, err := New().Split(recorded(t, name))
		if err != nil || len(parts) != 1 {
			t.Errorf("%s: %d orders, %v", name, len(parts), err)
			continue
		}
		explained(t, name, parts[0])
	}
	if len(files) != 2 {
		t.Errorf("%d orders, want 2", len(files))
	}
	t.Logf("%d recorded orders, %d listed adjustments", len(files), len(adjustments))
}

func explained(t *testing.T, name string, document []byte) driver.Draft {
	t.Helper()
	draft, err := New().Order(document)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	want, listed := adjustments[name]
	got := draft.Order.Totals.Adjustment
	if listed && got.Amount() != want.amount || !listed && got.Minor != 0 {
		t.Errorf("%s: adjustment %s, in the table %q", name, got.Amount(), want.amount)
	}
	return draft
}

// TestRecordedMapping holds the recorded orders against the table of the order model, value by value.
func TestRecordedMapping(t *testing.T) {
	type want struct {
		number, status, payment, fulfillment, items, discount, shipping, grand, current, sku, buyer, recipient, phone string
		cod                                                                                                           bool
	}
	for name, w := range map[string]want{
		"order_detail_sg_completed_card.json": {"210930KJDNF06T", "completed", "paid", "delivered", "3000.00", "0.00", "3.99", "2988.99", "2988.99", "", "258065", "Buyer", "", false},
		"order_detail_vn_cod_masked.json":     {"2404098R48U37H", "completed", "paid", "delivered", "300000", "252000", "5000", "32119", "32119", "QAZ-SADOER-05", "1170319091", "", "", true},
	} {
		parts, err := New().Split(recorded(t, name))
		if err != nil {
			t.Fatal(err)
		}
		draft := explained(t, name, parts[0])
		o, sums := draft.Order, draft.Order.Totals
		got := want{
			string(o.ExternalID), string(o.Status), string(o.PaymentStatus), string(o.Fulfillment), sums.Items.Amount(), sums.Discount.Amount(),
			sums.Shipping.Amount(), sums.GrandTotal.Amount(), sums.CurrentTotal.Amount(), o.Lines[0].SKU, string(draft.Subject),
			o.Buyer.ShippingAddress.Name, o.Buyer.ShippingAddress.Phone, o.COD,
		}
		if got != w {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, w)
		}
		if sums.Basis != hub.BasisPartial || sums.Tax != nil || !o.TaxIncluded || sums.DiscountPlatform != nil || sums.Refunded != nil || o.Settlement != nil || !draft.EnrichedAt.IsZero() {
			t.Errorf("%s: basis %s, tax %v, platform %v, refunded %v", name, sums.Basis, sums.Tax, sums.DiscountPlatform, sums.Refunded)
		}
	}
}

// TestRecordedEscrow puts the recorded escrow beside an order of its number. Its numbers are fillers, so what is held is
// where each one goes.
func TestRecordedEscrow(t *testing.T) {
	var answer struct{ Response json.RawMessage }
	if err := json.Unmarshal(recorded(t, "escrow_detail.json"), &answer); err != nil {
		t.Fatal(err)
	}
	order := edited(t, file(t, "ready.json"), "order_sn", `"220725D58XURJS"`, "order_status", `"COMPLETED"`, "item_list",
		`[{"item_id":800062998,"model_id":0,"item_name":"x","model_quantity_purchased":1,"model_original_price":139,"model_discounted_price":0}]`)
	document := edited(t, []byte(`{"enriched_at":"2026-01-03T00:00:00Z"}`), "order", string(order), "escrow", string(answer.Response))
	draft := explained(t, "with escrow_detail.json", document)
	o := draft.Order
	for _, x := range []struct {
		name string
		got  *hub.Money
		want string
	}{
		{"grand_total", o.Totals.GrandTotal, "99.00"}, {"items", o.Totals.Items, "139.00"}, {"discount", o.Totals.Discount, "40.30"},
		{"discount_platform", o.Totals.DiscountPlatform, "20.20"}, {"shipping", o.Totals.Shipping, "0.10"}, {"tax", o.Totals.Tax, "0.40"},
		{"fees", o.Totals.Fees, "0.50"}, {"refunded", o.Totals.Refunded, "0.10"}, {"current_total", o.Totals.CurrentTotal, "98.90"},
		{"commission", o.Settlement.Commission, "0.10"}, {"service_fee", o.Settlement.ServiceFee, "0.10"},
		{"payment_fee", o.Settlement.PaymentFee, "0.10"}, {"seller_shipping", o.Settlement.SellerShipping, "-10.00"},
		{"net", o.Settlement.Net, "100.00"}, {"line", o.Lines[0].Subtotal, "139.00"}, {"line discount", o.Lines[0].Discount, "60.10"},
	} {
		if x.got == nil || x.got.Amount() != x.want {
			t.Errorf("%s is %v, want %s", x.name, x.got, x.want)
		}
	}
	if o.TaxIncluded || !o.Settlement.Final || o.Totals.Basis != hub.BasisPlatform || draft.EnrichedAt.IsZero() {
		t.Errorf("tax included %v, final %v, basis %s, enriched %s", o.TaxIncluded, o.Settlement.Final, o.Totals.Basis, draft.EnrichedAt)
	}
}

// TestRecordedPushes reads every recorded push.
func TestRecordedPushes(t *testing.T) {
	for name, want := range map[string]string{
		"push_01_main_account_authorised.json": "ignored", "push_01_shop_authorised.json": "ignored",
		"push_02_expired.json": driver.HintConnection, "push_02_shop_deauthorised.json": driver.HintConnection,
		"push_03_order_in_cancel.json": "230103BWFUSJ1C", "push_03_order_processed.json": "220810QSK8S7BX",
		"push_03_order_unpaid_br.json": "2501080NKAMXA8", "push_04_tracking_number.json": "220809MDBFYFT2", "push_29_return_update.json": "241128EDQ9YKJ0",
	} {
		body := recorded(t, name)
		shop, err := New().Account(body)
		if several := strings.Contains(name, "main_account") || strings.Contains(name, "shop_deauthorised"); several != (hub.CodeOf(err) == hub.CodeMissing) {
			t.Errorf("%s: shop %q, %v", name, shop, err)
		}
		got, err := New().Read(driver.Delivery{Account: shop, Body: body})
		what := string(hub.CodeOf(err))
		if got.Ignored != "" {
			what = "ignored"
		}
		if len(got.Hints) == 1 {
			what = cmp.Or(string(got.Hints[0].ExternalID), got.Hints[0].Kind)
		}
		if what != want {
			t.Errorf("%s: %q, want %q (%v)", name, what, want, err)
		}
	}
}

// vectors are signatures that were made elsewhere.
type vectors struct {
	Vectors []struct {
		ID, Type, Path, Sign, URL, Authorization string
		PartnerID                                int64  `json:"partner_id"`
		PartnerKey                               string `json:"partner_key"`
		Timestamp                                int64
		AccessToken                              string `json:"access_token"`
		ShopID                                   int64  `json:"shop_id"`
		MerchantID                               int64  `json:"merchant_id"`
		PushKey                                  string `json:"push_key"`
		Body                                     string `json:"body_b64"`
	}
	NegativePush []negative `json:"negative_push"`
	NegativeAPI  []negative `json:"negative_api"`
}

type negative struct {
	ID, What, Authorization, Sign string
	For                           string `json:"must_be_rejected_for"`
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	text, err := os.ReadFile(shared(t, "platforms/vectors/shopee.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestPushVectors holds Verify against all of them, refusals too.
func TestPushVectors(t *testing.T) {
	all := readVectors(t)
	good, refused := 0, 0
	for _, v := range all.Vectors {
		if v.Type != "push" {
			continue
		}
		body, err := base64.StdEncoding.DecodeString(v.Body)
		if err != nil {
			t.Fatal(err)
		}
		verify := func(authorization string) (driver.Notice, error) {
			return New().Verify(driver.Signed{Header: http.Header{"Authorization": {authorization}}, Body: body, URL: v.URL, Secrets: []string{"rotated", v.PushKey}})
		}
		if n, err := verify(v.Authorization); err != nil || n.Probe != (len(body) == 0) {
			t.Errorf("%s: %+v, %v", v.ID, n, err)
		}
		good++
		for _, n := range all.NegativePush {
			if n.For != v.ID {
				continue
			}
			if _, err := verify(n.Authorization); hub.KindOf(err) != hub.KindUnauthentic {
				t.Errorf("%s (%s): accepted", n.ID, n.What)
			}
			refused++
		}
	}
	if good != 7 || refused != 8 {
		t.Errorf("%d vectors, %d refusals", good, refused)
	}
	t.Logf("%d push vectors, %d refused", good, refused)
}
