package mercadolibre

import (
	"bytes"
	"strings"
	"testing"

	"hub"
	"hub/adapters/adaptertest"
)

// badDocuments are orders with one thing wrong. None may be accepted, and each must be told by code and place.
func badDocuments(t *testing.T) (bad []adaptertest.Bad) {
	base, whole := file(t, "bare.json"), file(t, "pack_first.json")
	one := func(name string, code hub.Code, path string, changes ...string) {
		bad = append(bad, adaptertest.Bad{Name: name, Document: edited(t, base, changes...), Code: code, Path: path})
	}
	two := func(name string, code hub.Code, path string, changes ...string) {
		bad = append(bad, adaptertest.Bad{Name: "fetched: " + name, Document: edited(t, whole, changes...), Code: code, Path: path})
	}
	one("no id", hub.CodeMissing, "id", "id", removed)
	one("null id", hub.CodeMissing, "id", "id", "null")
	one("no items", hub.CodeMissing, "order_items", "order_items", removed)
	one("no version", hub.CodeMissing, "last_updated", "last_updated", "null", "date_created", "null", "date_closed", removed)
	one("no currency", hub.CodeMissing, "currency_id", "currency_id", "null", "order_items.0.currency_id", removed)
	for id, code := range map[string]hub.Code{
		"0": hub.CodeOutOfRange, "-1": hub.CodeOutOfRange, "1.5": hub.CodeOutOfRange, "2e15": hub.CodeOutOfRange, `"abc"`: hub.CodeOutOfRange,
		"9223372036854775808": hub.CodeOutOfRange, `"007"`: hub.CodeOutOfRange, `""`: hub.CodeOutOfRange, "true": hub.CodeWrongType,
		`"` + strings.Repeat("7", 21) + `"`: hub.CodeTooLong,
	} {
		one("id "+id, code, "id", "id", id)
		one("pack "+id, code, "pack_id", "pack_id", id)
		one("payment "+id, code, "payments[0].id", "payments.0.id", id)
		one("buyer "+id, code, "buyer.id", "buyer.id", id)
	}
	for quantity, code := range map[string]hub.Code{
		"-1": hub.CodeOutOfRange, "1.5": hub.CodeOutOfRange, `"2"`: hub.CodeWrongType, "null": hub.CodeMissing, "9223372036854775808": hub.CodeOutOfRange,
	} {
		one("quantity "+quantity, code, "order_items[0].quantity", "order_items.0.quantity", quantity)
	}
	for amount, code := range map[string]hub.Code{
		"1.001": hub.CodeMoneyInvalid, "1e2": hub.CodeMoneyInvalid, `"1,00"`: hub.CodeMoneyInvalid, `""`: hub.CodeMoneyInvalid,
		"92233720368547758.08": hub.CodeMoneyOverflow, "true": hub.CodeWrongType, "[]": hub.CodeWrongType, "-0.01": hub.CodeOutOfRange,
	} {
		one("price "+amount, code, "order_items[0].unit_price", "order_items.0.unit_price", amount)
		one("total "+amount, code, "total_amount", "total_amount", amount)
		one("refund "+amount, code, "payments[1].transaction_amount_refunded", "payments.1.transaction_amount_refunded", amount)
		one("coupon "+amount, code, "coupon.amount", "coupon", `{"amount":`+amount+`}`)
		two("freight "+amount, code, "costs[0].costs.receiver.cost", "costs.0.costs.receiver.cost", amount)
		two("seller's freight "+amount, code, "costs[0].costs.senders[0].cost", "costs.0.costs.senders.0.cost", amount)
		two("discount "+amount, code, "discounts.details[0].items[0].amounts.total", "discounts.details.0.items.0.amounts.total", amount)
	}
	one("no price", hub.CodeMissing, "order_items[0].unit_price", "order_items.0.unit_price", "null")
	one("no item", hub.CodeMissing, "order_items[0].item", "order_items.0.item", "null")
	one("no item id", hub.CodeMissing, "order_items[0].item.id", "order_items.0.item.id", removed)
	one("price × quantity", hub.CodeMoneyOverflow, "order_items[0]", "order_items.0.quantity", "9007199254740993")
	one("unknown currency", hub.CodeCurrencyUnknown, "currency_id", "currency_id", `"VEF"`)
	one("item in another currency", hub.CodeCurrencyMixed, "order_items[0].currency_id", "order_items.0.currency_id", `"USD"`)
	one("tax in another currency", hub.CodeCurrencyMixed, "taxes.currency_id", "taxes", `{"amount":1.5,"currency_id":"ARS"}`)
	one("digits that CLP has not", hub.CodeMoneyInvalid, "order_items[0].sale_fee", "currency_id", `"CLP"`, "order_items.0.currency_id", `"CLP"`)
	for _, when := range []string{`"2026-03-01"`, `"2026-03-01T09:00:00"`, `"2026-02-30T09:00:00.000-04:00"`, `"now"`, `""`, `"2026-03-01T09:00:00.000-4:00"`, `"2026-03-01T09:00:00.000-04000"`} {
		one("time "+when, hub.CodeTimeInvalid, "last_updated", "last_updated", when)
	}
	one("time as number", hub.CodeWrongType, "last_updated", "last_updated", "1772355600")
	one("items as object", hub.CodeWrongType, "order_items", "order_items", "{}")
	one("tags as text", hub.CodeWrongType, "tags", "tags", `"paid"`)
	one("status as number", hub.CodeWrongType, "status", "status", "7")
	one("long SKU", hub.CodeTooLong, "order_items[0].item.seller_sku", "order_items.0.item.seller_sku", `"`+strings.Repeat("s", 256)+`"`)
	one("NUL in SKU", hub.CodeOutOfRange, "order_items[0].item.seller_sku", "order_items.0.item.seller_sku", `"a\u0000b"`)
	two("another pack", hub.CodeOutOfRange, "pack.id", "pack.id", "2000020000000002")
	two("no price for a discount", hub.CodeMissing, "discounts.details[0].items[0].amounts.total", "discounts.details.0.items.0.amounts.total", "null")
	two("the seller pays more than all", hub.CodeOutOfRange, "discounts.details[0]", "discounts.details.0.items.0.amounts.seller", "41")
	two("partial as text", hub.CodeWrongType, "partial", "partial", `"buyer"`)
	two("read at no time", hub.CodeTimeInvalid, "read_at", "read_at", `"yesterday"`)
	return append(bad,
		adaptertest.Bad{Name: "second total", Code: hub.CodeDuplicateKey, Path: "total_amount", Document: bytes.Replace(base, []byte(`"total_amount":`), []byte(`"total_amount":1,"total_amount":`), 1)},
		adaptertest.Bad{Name: "two documents", Code: hub.CodeMalformed, Document: append(bytes.Clone(base), base...)},
		adaptertest.Bad{Name: "empty", Code: hub.CodeMalformed},
		adaptertest.Bad{Name: "a list", Code: hub.CodeWrongType, Document: []byte("[]")},
		adaptertest.Bad{Name: "order and id", Code: hub.CodeMissing, Path: "order_items", Document: []byte(`{"id":7,"date_created":"2026-03-01T09:00:00Z","currency_id":"BRL","order":{"id":8}}`)},
		adaptertest.Bad{Name: "other case is another member", Code: hub.CodeMissing, Path: "id", Document: bytes.Replace(base, []byte(`{"id":2`), []byte(`{"ID":2`), 1)},
	)
}
