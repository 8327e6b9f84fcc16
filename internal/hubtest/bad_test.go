package hubtest_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"hub/adapters/sandbox/shopify"
	"hub/internal/app"
	"hub/internal/demo"
	"hub/internal/hubtest"
)

// goodBody is an order that is applied.
func goodBody() string {
	return string(shopify.New("bad-input.myshopify.com", secret, 9, time.Now()).Place().Body())
}

// swap replaces one thing in a good body, and must find it.
func swap(t *testing.T, old, new string) string {
	t.Helper()
	body := goodBody()
	if !strings.Contains(body, old) {
		t.Fatalf("%q is not in the body", old)
	}
	return strings.Replace(body, old, new, 1)
}

// edit changes members of a good order.
func edit(t *testing.T, change func(order map[string]any)) string {
	t.Helper()
	var order map[string]any
	d := json.NewDecoder(strings.NewReader(goodBody()))
	d.UseNumber()
	if err := d.Decode(&order); err != nil {
		t.Fatal(err)
	}
	change(order)
	body, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// manyLines is an order that is within the bound of the door and, spelled out, beyond that of a row.
func manyLines(t *testing.T, n int) string {
	t.Helper()
	return edit(t, func(o map[string]any) {
		lines := make([]map[string]any, n)
		for i := range lines {
			lines[i] = map[string]any{"id": i + 1, "price": "1.00", "quantity": 1, "title": "a"}
		}
		o["line_items"] = lines
	})
}

// total gives a good order another total.
func total(t *testing.T, amount string) string {
	t.Helper()
	return edit(t, func(o map[string]any) {
		o["total_price"] = amount
		o["total_price_set"].(map[string]any)["shop_money"].(map[string]any)["amount"] = amount
	})
}

// badInputs are bodies with a right signature that must be parked, and the code that a merchant sees.
func badInputs(t *testing.T) map[string]struct{ body, code string } {
	type bad = struct{ body, code string }
	good := goodBody()
	return map[string]bad{
		"malformed":              {`{"id":1,`, "malformed_json"},
		"truncated":              {good[:len(good)/2], "malformed_json"},
		"empty":                  {``, "malformed_json"},
		"not an object":          {`[1,2]`, ""},
		"trailing garbage":       {good + `x`, "malformed_json"},
		"deeply nested":          {`{"id":1,"note_attributes":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, "too_deep"},
		"duplicate key":          {`{"id":1,` + good[1:], "duplicate_key"},
		"invalid UTF-8":          {swap(t, `"currency":"USD"`, "\"currency\":\"USD\",\"note2\":\"\xff\xfe\""), "invalid_utf8"},
		"NaN":                    {swap(t, `"total_tip_received":"0.00"`, `"total_tip_received":NaN`), "malformed_json"},
		"wrong type":             {swap(t, `"line_items":[`, `"line_items":{"a":1},"x":[`), "wrong_type"},
		"unknown currency":       {swap(t, `"currency":"USD"`, `"currency":"XQX"`), "currency_unknown"},
		"missing id":             {edit(t, func(o map[string]any) { delete(o, "id") }), "missing_field"},
		"huge quantity":          {swap(t, `"quantity":`, `"quantity":99999999999999999999999999`), ""},
		"date without zone":      {swap(t, `"updated_at":"`, `"updated_at":"2026-01-02T03:04:05","was":"`), "time_invalid"},
		"more digits than cents": {total(t, "1.2345"), "money_invalid"},
		"absurd money":           {total(t, "99999999999999999999999.00"), "money_overflow"},
		"40,000 lines":           {manyLines(t, 40_000), "too_large"},
		"negative quantity":      {swap(t, `"quantity":`, `"quantity":-`), ""},
		"an amount in words":     {total(t, "twelve"), "money_invalid"},
	}
}

// TestBadInputIsParkedWithAReason sends everything that an order should not be. Nothing is silent, nothing crashes, a good
// order among them is applied, and no reason quotes a value.
func TestBadInputIsParkedWithAReason(t *testing.T) {
	h := hubtest.Start(t, hubtest.Embedded("1"), "", app.Options{Logger: hubtest.Logger(t)})
	shop, err := hubtest.Connect(t.Context(), h.Operator, "Bad input", "shopify", "bad-input", secret)
	if err != nil {
		t.Fatal(err)
	}
	inputs := badInputs(t)
	known, codes := map[string]bool{}, map[string]int{}
	for name, bad := range inputs {
		send(t, shop, []byte(bad.body))
		p := awaitParked(t, h.Operator, shop.Tenant, name, known)
		codes[p.Code]++
		switch {
		case p.Code == "" || bad.code != "" && p.Code != bad.code:
			t.Errorf("%s is parked as %q at %q, want %q", name, p.Code, p.Path, bad.code)
		case strings.Contains(p.Path, "twelve") || strings.Contains(p.Path, "XQX"):
			t.Errorf("%s: the path %q quotes a value", name, p.Path)
		}
	}
	send(t, shop, []byte(goodBody()))
	if n := awaitChanges(t, shop.ERP, 1); n != 1 {
		t.Errorf("%d changes, want the one good order", n)
	}
	t.Logf("%d bad bodies, %d parked, by code %v", len(inputs), len(known), codes)
}

// parkedRow is what the API shows of a parked delivery.
type parkedRow struct {
	ID    string `json:"parked_id"`
	Code  string `json:"code"`
	Path  string `json:"path"`
	State string `json:"state"`
}

// awaitParked returns the one parked delivery that is not known yet, once it is there.
func awaitParked(t *testing.T, operator demo.Client, tenant, name string, known map[string]bool) parkedRow {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for ; ; <-time.After(20 * time.Millisecond) {
		var list struct {
			Data []parkedRow `json:"data"`
		}
		if err := operator.Do(ctx, http.MethodGet, "/v1/parked?limit=250&tenant="+tenant, nil, &list); err != nil {
			t.Errorf("%s is not parked: %v", name, err)
			return parkedRow{Code: "none"}
		}
		for _, row := range list.Data {
			if !known[row.ID] {
				known[row.ID] = true
				return row
			}
		}
	}
}

// TestTheDoorRefuses checks what must not get in at all.
func TestTheDoorRefuses(t *testing.T) {
	h := hubtest.Start(t, hubtest.Embedded("1"), "", app.Options{})
	shop, err := hubtest.Connect(t.Context(), h.Operator, "Refused", "shopify", "refused", secret)
	if err != nil {
		t.Fatal(err)
	}
	good := []byte(goodBody())
	for name, c := range map[string]struct {
		url    string
		secret string
		body   []byte
		want   int
	}{
		"a wrong signature":    {shop.HookURL, "another secret", good, http.StatusUnauthorized},
		"no such endpoint":     {shop.HookURL + "x", secret, good, http.StatusNotFound},
		"no such platform":     {strings.Replace(shop.HookURL, "shopify", "nowhere", 1), secret, good, http.StatusNotFound},
		"a body of ten MiB":    {shop.HookURL, secret, bytes.Repeat([]byte("a"), 10<<20), http.StatusRequestEntityTooLarge},
		"the endpoint in caps": {strings.Replace(shop.HookURL, "/hooks/shopify/", "/hooks/shopify/A", 1), secret, good, http.StatusNotFound},
	} {
		mac := hmac.New(sha256.New, []byte(c.secret))
		mac.Write(c.body)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url, bytes.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Shopify-Topic", "orders/create")
		request.Header.Set("X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		answer.Body.Close()
		if answer.StatusCode != c.want {
			t.Errorf("%s is answered %d, want %d", name, answer.StatusCode, c.want)
		}
	}
	if page, err := shop.ERP.Feed(t.Context(), 0, 10, 0); err != nil || len(page.Data) != 0 {
		t.Errorf("something got in: %v, %v", page, err)
	}
}
