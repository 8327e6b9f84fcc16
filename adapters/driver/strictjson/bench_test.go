package strictjson

import (
	"encoding/json"
	"strings"
	"testing"
)

// BenchmarkParse compares with encoding/json's mere validity check on the same 8 KiB.
func BenchmarkParse(b *testing.B) {
	item := `{"id":820982911946154508,"title":"A thing of use","price":"199.00","quantity":1,"taxable":true,"vendor":null,"price_set":{"shop_money":{"amount":"199.00","currency_code":"USD"}}},`
	text := []byte("[" + strings.Repeat(item, 8<<10/len(item)) + "0]")
	b.Run("strict", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Parse(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding json valid", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if !json.Valid(text) {
				b.Fatal("not valid")
			}
		}
	})
}
