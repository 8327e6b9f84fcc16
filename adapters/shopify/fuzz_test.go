package shopify

import (
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"hub"
	"hub/adapters/adaptertest"
	"hub/adapters/driver"
)

// FuzzOrder: see adaptertest.
func FuzzOrder(f *testing.F) {
	f.Add([]byte(`{"id":1,"updated_at":"2026-01-01T00:00:00Z","currency":"USD","total_price":"1.00","line_items":[]}`))
	adaptertest.FuzzOrder(f, New())
}

// FuzzSplit: see adaptertest.
func FuzzSplit(f *testing.F) {
	f.Add([]byte(`[{"order":{"id":1}},{"id":2}] {"orders":[{}]}`))
	adaptertest.FuzzSplit(f, New())
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
