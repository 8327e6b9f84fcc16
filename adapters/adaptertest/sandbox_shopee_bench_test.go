package adaptertest_test

import (
	"context"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"hub/adapters"
	"hub/adapters/driver"
	sandbox "hub/adapters/sandbox/shopee"
	"hub/adapters/shopee"
)

// BenchmarkShopeeBackfill is the driver's half of a backfill from an unlimited sandbox over loopback, as BenchmarkBackfill
// is for Shopify: list, details and escrows, and each document read once.
func BenchmarkShopeeBackfill(b *testing.B) {
	for _, orders := range []int{1000, 5000} {
		b.Run(strconv.Itoa(orders), func(b *testing.B) {
			p := sandbox.Open(sandbox.Options{Seed: 7, Start: start, Unlimited: true})
			served := &timed{next: p}
			server := httptest.NewServer(served)
			defer server.Close()
			if _, err := p.AddApp(sandbox.AppSpec{ClientID: shopeePartner, Key: shopeeKey, Clear: true}); err != nil {
				b.Fatal(err)
			}
			shop, err := p.AddShop(sandbox.ShopSpec{Name: "conform", Region: "MY"})
			if err != nil {
				b.Fatal(err)
			}
			if err := p.Trade(shop, orders, 10*time.Second, 10*time.Second); err != nil {
				b.Fatal(err)
			}
			p.Advance(context.Background(), 24*time.Hour)
			tokens, err := p.Install(shopeePartner, shop)
			if err != nil {
				b.Fatal(err)
			}
			d := shopee.New()
			front := adapters.New(d, driver.App{ClientID: shopeePartner, Secrets: []string{shopeeKey}, Environment: "sandbox", Base: server.URL}, adapters.Options{
				Clock: p.Now, Tokens: &keeper{token: tokens.Access}, Timeout: time.Minute, Limiter: boundless{},
			})
			c := front.Caller(adapters.Shop{Account: shop}, adapters.Backfill)
			documents, bytes := 0, 0
			served.took = 0
			for b.Loop() {
				cursor := ""
				for {
					part, err := d.Export(b.Context(), c, driver.Window{By: driver.ByCreation, From: start.Add(-time.Hour), To: start.Add(48 * time.Hour)}, cursor)
					if err != nil {
						b.Fatal(err)
					}
					for _, document := range part.Documents {
						if _, err := d.Order(document); err != nil {
							b.Fatal(err)
						}
						documents++
						bytes += len(document)
					}
					if cursor = part.Next; cursor == "" {
						break
					}
				}
			}
			if documents != b.N*orders {
				b.Fatalf("%d documents of %d orders", documents, b.N*orders)
			}
			b.ReportMetric(float64(documents)/b.Elapsed().Seconds(), "documents/s")
			b.ReportMetric(float64(bytes)/float64(documents), "B/document")
			b.ReportMetric(float64(served.took)/float64(b.Elapsed()), "share-of-platform")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// boundless is a limiter that lets everything go: the driver's own budget is a guess about the real platform.
type boundless struct{}

func (boundless) Take(context.Context, adapters.Budget, adapters.Claim) (adapters.Grant, error) {
	return adapters.Grant{}, nil
}
func (boundless) Return(adapters.Grant, adapters.Told)                 {}
func (boundless) Level(adapters.BudgetKey) (l adapters.Level, ok bool) { return l, false }
