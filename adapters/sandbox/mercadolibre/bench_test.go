package mercadolibre

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkAnswers is what the platform takes of a backfill: each order with its pack, parcel, costs and discounts.
func BenchmarkAnswers(b *testing.B) {
	r := newRig(b, "MLB", func(o *Options, s *AppSpec) { o.Unlimited, s.NotifyURL = true, "" })
	if err := r.Trade(r.seller, 1000, 10*time.Second, 10*time.Second); err != nil {
		b.Fatal(err)
	}
	r.pass(5 * time.Hour)
	orders := r.Orders(r.seller)
	calls := 0
	ask := func(target string, header ...string) {
		calls++
		if a := r.get(target, header...); a.status >= 500 {
			b.Fatal(a.status)
		}
	}
	for n := 0; b.Loop(); n++ {
		id := orders[n%len(orders)].ID
		o := r.ledger.orders[id]
		ask(fmt.Sprint("/orders/", id))
		if o.pack != nil {
			ask(fmt.Sprint("/packs/", o.pack.id))
		}
		ask(fmt.Sprint("/orders/", id, "/shipments"), "X-New-Domain", "true")
		if o.shipment != nil {
			ask(fmt.Sprint("/shipments/", o.shipment.id), "X-Format-New", "true")
			ask(fmt.Sprint("/shipments/", o.shipment.id, "/costs"))
		}
		ask(fmt.Sprint("/orders/billing-info/MLB/", o.buyer.billing))
		if n%50 == 0 {
			ask("/orders/search?seller=" + r.seller + "&order.status=" + everyStatus + "&limit=50")
		}
	}
	b.ReportMetric(float64(calls)/b.Elapsed().Seconds(), "calls/s")
}
