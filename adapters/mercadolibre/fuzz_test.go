package mercadolibre

import (
	"testing"

	"hub"
	"hub/adapters/adaptertest"
	"hub/adapters/driver"
)

// FuzzOrder: see adaptertest.
func FuzzOrder(f *testing.F) {
	f.Add([]byte(`{"id":1,"date_created":"2026-01-01T00:00:00.000-0400","currency_id":"BRL","order_items":[{"item":{"id":"M"},"quantity":1,"unit_price":1}]}`))
	adaptertest.FuzzOrder(f, New())
}

// FuzzSplit: see adaptertest.
func FuzzSplit(f *testing.F) {
	f.Add([]byte(`[{"results":[{"id":1},[{"id":2}]]}] {"results":[]}`))
	adaptertest.FuzzSplit(f, New())
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
