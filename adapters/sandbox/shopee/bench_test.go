package shopee

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// BenchmarkBackfill is what the platform does for each order of a backfill: its share of a list of 100, of two details of
// 50 and of five batches of 20, without a network. first prints every body, again has them.
func BenchmarkBackfill(b *testing.B) {
	p := open(b, Options{Unlimited: true}, nil, "VN")
	const orders = 100
	var numbers []string
	for range orders {
		o := p.act(b, Create, "")
		p.act(b, Pay, o.ID)
		numbers = append(numbers, o.ID)
	}
	p.Advance(b.Context(), time.Hour)
	ask := func(method, target, body string) {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(method, "http://127.0.0.1:1"+target, strings.NewReader(body)))
		if w.Code != http.StatusOK || strings.HasPrefix(w.Body.String(), `{"error":"e`) {
			b.Fatal(w.Body)
		}
	}
	targets := []string{p.link(api+"order/get_order_list", p.token.Access, p.shop, p.window("create_time"))}
	for i := 0; i < orders; i += 50 {
		targets = append(targets, p.link(api+"order/get_order_detail", p.token.Access, p.shop, url.Values{
			"order_sn_list": {strings.Join(numbers[i:i+50], ",")}, "response_optional_fields": {everything()},
		}))
	}
	escrow := p.link(api+"payment/get_escrow_detail_batch", p.token.Access, p.shop, nil)
	for _, fresh := range []bool{true, false} {
		b.Run(map[bool]string{true: "first", false: "again"}[fresh], func(b *testing.B) {
			for b.Loop() {
				if fresh {
					for _, o := range p.shops[p.listed[0].id].orders {
						o.detail, o.escrow = cached{}, cached{}
					}
				}
				for _, target := range targets {
					ask(http.MethodGet, target, "")
				}
				for i := 0; i < orders; i += 20 {
					ask(http.MethodPost, escrow, `{"order_sn_list":["`+strings.Join(numbers[i:i+20], `","`)+`"]}`)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*orders), "ns/order")
		})
	}
}
