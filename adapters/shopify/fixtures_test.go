package shopify

import (
	"bytes"
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

// adjustments are the orders whose own parts do not explain their total, each with its reason. Every other recorded
// order must have an adjustment of zero.
var adjustments = map[string]struct{ amount, reason string }{
	"legacy_order.json": {"-199.00", "documentation sample: three lines of 199.00, totals that count two"},
}

// TestRecordedREST reads every recorded REST order: the identity holds and nothing is left unexplained.
func TestRecordedREST(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "fixtures/shopify"), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	orders := 0
	for _, path := range files {
		name := filepath.Base(path)
		if !strings.HasPrefix(name, "rest_order_") && !strings.HasPrefix(name, "webhook_orders_") && name != "legacy_order.json" {
			continue
		}
		document, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := New().Split(document)
		if err != nil || len(parts) != 1 {
			t.Errorf("%s: %d orders, %v", name, len(parts), err)
			continue
		}
		draft, err := New().Order(parts[0])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want, listed := adjustments[name]
		got := draft.Order.Totals.Adjustment
		if listed && got.Amount() != want.amount || !listed && got.Minor != 0 {
			t.Errorf("%s: adjustment %s, in the table %q", name, got.Amount(), want.amount)
		}
		orders++
	}
	if orders != 11 {
		t.Errorf("read %d orders, want 11", orders)
	}
	t.Logf("%d REST orders, %d with a listed adjustment", orders, len(adjustments))
}

// TestRecordedGraphQL reads every order selection in the recorded answers. Most select a few fields only: then a parked
// reason is right, a panic or another kind of error is not.
func TestRecordedGraphQL(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "fixtures/shopify"), "gql_*.json"))
	if err != nil {
		t.Fatal(err)
	}
	read, refused := 0, 0
	reasons := map[string]int{}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var root any
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&root); err != nil {
			t.Fatal(err)
		}
		eachOrder(root, func(order any) {
			document, err := json.Marshal(order)
			if err != nil {
				t.Fatal(err)
			}
			draft, err := New().Order(document)
			switch {
			case err == nil && draft.Order.Check() == nil:
				read++
			case hub.Parkable(err):
				refused++
				reasons[string(hub.CodeOf(err))+" at "+hub.PathOf(err)]++
			default:
				t.Errorf("%s: %v", filepath.Base(path), err)
			}
		})
	}
	if read+refused == 0 {
		t.Error("no order selection found")
	}
	t.Logf("%d order selections: %d complete, %d partial %v", read+refused, read, refused, reasons)
}

// eachOrder calls f with every object that has an order's gid.
func eachOrder(v any, f func(any)) {
	switch v := v.(type) {
	case map[string]any:
		if id, _ := v["id"].(string); strings.HasPrefix(id, "gid://shopify/Order/") {
			f(v)
		}
		for _, member := range v {
			eachOrder(member, f)
		}
	case []any:
		for _, item := range v {
			eachOrder(item, f)
		}
	}
}

// TestCompletedGraphQL completes a recorded selection with the members that it lacks, and reads it.
func TestCompletedGraphQL(t *testing.T) {
	text, err := os.ReadFile(shared(t, "fixtures/shopify/gql_order_merchant_detail_synthetic.json"))
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct{ Response json.RawMessage }
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	parts, err := New().Split(recorded.Response)
	if err != nil || len(parts) != 1 {
		t.Fatalf("%d orders, %v", len(parts), err)
	}
	if _, err := New().Order(parts[0]); hub.CodeOf(err) != hub.CodeMissing || hub.PathOf(err) != "currencyCode" {
		t.Errorf("as recorded: %v", err)
	}
	whole := edited(t, parts[0], "totalPriceSet", `{"shopMoney":{"amount":"134.5","currencyCode":"CAD"}}`)
	draft, err := New().Order(whole)
	if err != nil {
		t.Fatal(err)
	}
	totals := draft.Order.Totals
	if totals.Adjustment.Minor != 0 || totals.Refunded.Amount() != "30.00" || totals.CurrentTotal.Amount() != "104.50" {
		t.Errorf("adjustment %s, refunded %s, current %s", totals.Adjustment, totals.Refunded, totals.CurrentTotal)
	}
}

// TestVectors holds Verify against signatures that were made elsewhere.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile(shared(t, "platforms/vectors/shopify_webhook.json"))
	if err != nil {
		t.Fatal(err)
	}
	type vector struct {
		Name, Secret, Expected string
		Body                   string `json:"body_base64"`
		Not                    string `json:"must_not_equal"`
		Digest                 string `json:"digest_of_this_body"`
	}
	var all struct{ Vectors, Negatives []vector }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	verify := func(v vector, signature string) error {
		body, err := base64.StdEncoding.DecodeString(v.Body)
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{}
		header.Set("x-shopify-hmac-sha256", signature)
		_, err = New().Verify(driver.Signed{Header: header, Body: body, Secrets: []string{v.Secret}})
		return err
	}
	for _, v := range all.Vectors {
		if err := verify(v, v.Expected); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
	for _, v := range all.Negatives {
		if err := verify(v, v.Not); hub.KindOf(err) != hub.KindUnauthentic {
			t.Errorf("%s: accepted", v.Name)
		}
		if err := verify(v, v.Digest); err != nil {
			t.Errorf("%s: its own digest: %v", v.Name, err)
		}
	}
	if len(all.Vectors) != 3 || len(all.Negatives) != 1 {
		t.Errorf("%d vectors and %d negatives", len(all.Vectors), len(all.Negatives))
	}
	t.Logf("%d vectors, %d negative", len(all.Vectors), len(all.Negatives))
}
