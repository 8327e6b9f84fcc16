package mercadolibre

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"hub"
	"hub/adapters/driver"
)

// seeds adds every sample.
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
	}
	f.Add([]byte(`{"id":1,"date_created":"2026-01-01T00:00:00.000-0400","currency_id":"BRL","order_items":[{"item":{"id":"M"},"quantity":1,"unit_price":1}]}`))
}

// FuzzOrder: never a panic; what is refused is parkable; what is accepted adds up, prints, and is the same twice; and what is
// skimmed of it is what it says.
func FuzzOrder(f *testing.F) {
	seeds(f)
	d := New()
	f.Fuzz(func(t *testing.T, document []byte) {
		draft, err := d.Order(document)
		gist := d.Skim(driver.Delivery{Body: document})
		if err != nil {
			if !hub.Parkable(err) {
				t.Fatalf("not parkable: %v", err)
			}
			return
		}
		if err := draft.Order.Check(); err != nil {
			t.Fatal(err)
		}
		if gist.ExternalID != "" && gist.ExternalID != draft.Order.ExternalID || gist.Total != nil && *gist.Total != *draft.Order.Totals.GrandTotal {
			t.Fatalf("skimmed %+v", gist)
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

// FuzzSplit: never a panic, refusals are parkable, and no more comes out than went in.
func FuzzSplit(f *testing.F) {
	seeds(f)
	f.Add([]byte(`[{"results":[{"id":1},[{"id":2}]]}] {"results":[]}`))
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

// FuzzNotification: whatever comes in, a notification is at most one hint of a known kind with a plain number, for the user
// that it names itself, from the app that is expected; or it is ignored.
func FuzzNotification(f *testing.F) {
	f.Add([]byte(notification("orders_v2", "/orders/2000010000000011")))
	f.Add([]byte(notification("post_purchase", "post-purchase/v1/claims/5108684499")))
	f.Add([]byte(`{"id":"x","topic":"shipments","resource":"shipments/7","user_id":"7","application_id":"` + appID + `"}`))
	d := New()
	kinds := map[string]bool{"order": true, "shipment": true, "payment": true, "claim": true}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := d.Verify(driver.Signed{Body: body, ClientID: appID})
		if err != nil {
			if hub.KindOf(err) != hub.KindUnauthentic {
				t.Fatal(err)
			}
			return
		}
		account, err := d.Account(body)
		if err != nil || account != n.Account || !isID(account) || !n.Unproven || n.Probe || len(n.Topic) > maxName || len(n.DeliveryID) > maxName {
			t.Fatalf("%+v, %q, %v", n, account, err)
		}
		got, err := d.Read(driver.Delivery{Notice: n, Account: account, Body: body})
		if err != nil || len(got.Drafts) > 0 || len(got.Hints) > 1 || (len(got.Hints) == 0) == (got.Ignored == "") {
			t.Fatalf("%+v, %v", got, err)
		}
		for _, h := range got.Hints {
			if !kinds[h.Kind] || !isID(string(h.ExternalID)) {
				t.Fatalf("%+v", h)
			}
		}
	})
}
