package adaptertest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"hub/adapters"
	"hub/adapters/driver"
	sandbox "hub/adapters/sandbox/shopify"
	"hub/adapters/shopify"
)

// still is a clock for platforms whose time does not matter.
func still() time.Time { return start.Add(24 * time.Hour) }

// BenchmarkBackfill is the driver's half of a backfill from an unlimited sandbox over loopback: export, and each document
// read once, as whoever stores it does. The sandbox takes its share of the same machine; share-of-platform tells how much
// of the time its answers took.
func BenchmarkBackfill(b *testing.B) {
	for _, orders := range []int{1000, 5000} {
		b.Run(strconv.Itoa(orders), func(b *testing.B) {
			p := sandbox.Open(sandbox.Options{Seed: 7, Start: start, Loopback: true, Unlimited: true})
			served := &timed{next: p}
			server := httptest.NewServer(served)
			defer server.Close()
			if _, err := p.AddApp(sandbox.AppSpec{ClientID: "hub", Secrets: []string{oldSecret}, Customers: true, Fields: []string{"name", "address", "phone", "email"}}); err != nil {
				b.Fatal(err)
			}
			if _, err := p.AddShop(sandbox.ShopSpec{Name: "conform"}); err != nil {
				b.Fatal(err)
			}
			if err := p.Trade(sandboxShop, orders, 10*time.Second, 10*time.Second); err != nil {
				b.Fatal(err)
			}
			p.Advance(context.Background(), 24*time.Hour)
			tokens, err := p.Install("hub", sandboxShop, []string{"read_orders", "read_all_orders", "read_customers", "read_products"})
			if err != nil {
				b.Fatal(err)
			}
			d := shopify.New()
			front := adapters.New(d, driver.App{ClientID: "hub", Environment: "sandbox", Base: server.URL}, adapters.Options{
				Clock: time.Now, Tokens: &keeper{token: tokens.Access},
			})
			c := front.Caller(adapters.Shop{Account: sandboxShop}, adapters.Backfill)
			documents, bytes := 0, 0
			served.took = 0
			for b.Loop() {
				cursor := ""
				for {
					part, err := d.Export(b.Context(), c, driver.Window{By: driver.ByCreation, From: start.Add(-time.Hour), To: still().Add(24 * time.Hour)}, cursor)
					if err != nil {
						b.Fatal(err)
					}
					for _, document := range part.Documents {
						if _, err := d.Order(document); err != nil {
							b.Fatal(err)
						}
						documents, bytes = documents+1, bytes+len(document)
					}
					if cursor = part.Next; cursor == "" {
						break
					}
					if part.Wait > 0 { // the platform writes the file
						<-time.After(time.Millisecond)
					}
				}
			}
			b.ReportMetric(float64(documents)/b.Elapsed().Seconds(), "documents/s")
			b.ReportMetric(float64(bytes)/float64(max(1, documents)), "B/document")
			b.ReportMetric(float64(served.took)/float64(b.Elapsed()), "share-of-platform")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// timed adds up how long answers take; they come one at a time.
type timed struct {
	next http.Handler
	took time.Duration
}

func (t *timed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	t.next.ServeHTTP(w, r)
	t.took += time.Since(began)
}
