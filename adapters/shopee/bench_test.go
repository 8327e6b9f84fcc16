package shopee

import (
	"net/http"
	"strconv"
	"testing"

	"hub/adapters/driver"
)

func BenchmarkOrder(b *testing.B) {
	d := New()
	for name, document := range map[string][]byte{
		"bare": file(b, "ready.json"), "fetched": file(b, "returned_part.json"), "3000 lines": long(b, file(b, "ready.json"), 3000),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(document)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Order(document); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	d := New()
	body := []byte(`{"data":{"items":[],"ordersn":"260101READY001","status":"PROCESSED","update_time":` + strconv.Itoa(1767312000) + `},"shop_id":727720655,"code":3,"timestamp":1767312000}`)
	push := driver.Signed{Header: http.Header{"Authorization": {signature(hookURL, body, "key")}}, Body: body, URL: hookURL, Secrets: []string{"other", "key"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Verify(push); err != nil {
			b.Fatal(err)
		}
	}
}
