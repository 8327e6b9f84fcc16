package shopify

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// seeds adds every sample, whole and as the splitter cuts it.
func seeds(f *testing.F) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) == 0 {
		f.Fatalf("no samples: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		if parts, err := New().Split(text); err == nil && len(parts) == 1 {
			f.Add(parts[0])
		}
	}
	f.Add([]byte(`{"id":1,"updated_at":"2026-01-01T00:00:00Z","currency":"USD","total_price":"1.00","line_items":[]}`))
}

// FuzzOrder: never a panic; what is refused is parkable; what is accepted adds up, prints, and is the same twice.
func FuzzOrder(f *testing.F) {
	seeds(f)
	d := New()
	f.Fuzz(func(t *testing.T, document []byte) {
		draft, err := d.Order(document)
		if err != nil {
			if !hub.Parkable(err) {
				t.Fatalf("not parkable: %v", err)
			}
			return
		}
		if err := draft.Order.Check(); err != nil {
			t.Fatal(err)
		}
		first, err := json.Marshal(draft.Order)
		if err != nil {
			t.Fatal(err)
		}
		var back hub.Order
		if err := json.Unmarshal(first, &back); err != nil {
			t.Fatalf("the order does not read back: %v", err)
		}
		again, err := d.Order(document)
		if second, _ := json.Marshal(again.Order); err != nil || string(second) != string(first) {
			t.Fatalf("two readings differ: %v", err)
		}
	})
}

// FuzzSplit: never a panic, refusals are parkable, and each part splits into itself or is refused when read.
func FuzzSplit(f *testing.F) {
	seeds(f)
	f.Add([]byte(`[{"order":{"id":1}},{"id":2}] {"orders":[{}]}`))
	d := New()
	f.Fuzz(func(t *testing.T, document []byte) {
		parts, err := d.Split(document)
		if err != nil {
			if !hub.Parkable(err) {
				t.Fatalf("not parkable: %v", err)
			}
			return
		}
		size := 0
		for _, part := range parts {
			size += len(part)
			if !json.Valid(part) {
				t.Fatal("a part is not JSON")
			}
		}
		if size > len(document) {
			t.Fatal("more came out than went in")
		}
	})
}

// FuzzSkim: never a panic, nothing of a body that is another shop's, and what it finds is what the whole order says, or
// nothing at all where that cannot be read. It is the same twice.
func FuzzSkim(f *testing.F) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) == 0 {
		f.Fatalf("no samples: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		parts, err := New().Split(text)
		if err != nil {
			continue
		}
		for _, part := range parts {
			for _, topic := range []string{"orders/create", "orders/delete", "products/update", ""} {
				f.Add(topic, "shop.myshopify.com", part)
			}
		}
	}
	f.Add("orders/create", "", []byte(`{"id":1,"updated_at":"2026-01-01T00:00:00Z","currency":"USD","total_price":"x","line_items":[]}`))
	f.Add("orders/create", "", []byte(`{"id":1,"updated_at":"yesterday","currency":"USD","total_price":"1.00","line_items":[]}`))
	d := New()
	f.Fuzz(func(t *testing.T, topic, account string, body []byte) {
		delivery := driver.Delivery{Notice: driver.Notice{Topic: topic}, Account: account, Body: body}
		gist := d.Skim(delivery)
		if again := d.Skim(delivery); !reflect.DeepEqual(again, gist) {
			t.Fatalf("two readings differ: %+v, %+v", gist, again)
		}
		if gist.Total != nil {
			if _, known := gist.Total.Currency.Exponent(); !known {
				t.Fatalf("a total without a currency: %+v", gist.Total)
			}
		}
		if !gist.SourceUpdatedAt.IsZero() && gist.SourceUpdatedAt.Location() != time.UTC {
			t.Fatalf("a time that is not UTC: %v", gist.SourceUpdatedAt)
		}
		draft, err := d.Order(body)
		if err != nil || reflect.DeepEqual(gist, driver.Gist{}) {
			return
		}
		o := draft.Order
		if gist.ExternalID != o.ExternalID || !gist.SourceUpdatedAt.Equal(o.SourceUpdatedAt) || !reflect.DeepEqual(gist.Total, o.Totals.GrandTotal) {
			t.Fatalf("skimmed %+v of an order %s of %v, %+v", gist, o.ExternalID, o.SourceUpdatedAt, o.Totals.GrandTotal)
		}
	})
}

// FuzzVerify: no header is good for a body that it was not made for, whatever it looks like.
func FuzzVerify(f *testing.F) {
	f.Add("RQ2AYveLJ1h/wRSgaEZDw8O0uXhKbmazm12igMIJv+8=", "orders/create", "shop.myshopify.com", "2026-01-01T00:00:00Z", []byte("{}"))
	d := New()
	f.Fuzz(func(t *testing.T, signature, topic, shop, triggered string, body []byte) {
		header := http.Header{
			"X-Shopify-Hmac-Sha256": {signature}, "X-Shopify-Topic": {topic}, "X-Shopify-Shop-Domain": {shop},
			"X-Shopify-Triggered-At": {triggered},
		}
		if _, err := d.Verify(driver.Signed{Header: header, Body: body, Secrets: []string{"a secret that no fuzzer knows"}}); hub.KindOf(err) != hub.KindUnauthentic {
			t.Fatalf("accepted: %v", err)
		}
		n := notice("orders/create")
		signed := sign(body, "secret", n)
		for name, value := range map[string]string{"X-Shopify-Topic": topic, "X-Shopify-Shop-Domain": shop, "X-Shopify-Triggered-At": triggered} {
			signed[name] = []string{value}
		}
		got, err := d.Verify(driver.Signed{Header: signed, Body: body, Secrets: []string{"secret"}})
		if err != nil && hub.KindOf(err) != hub.KindInvalid {
			t.Fatal(err)
		}
		if len(got.Topic) > maxHeader || len(got.Account) > maxHeader {
			t.Fatal("an unbounded header")
		}
	})
}
