package shopee

import (
	"bytes"
	"strings"
	"testing"

	"hub"
	"hub/adapters/adaptertest"
)

// badDocuments are orders with one thing wrong. None may be accepted, and each must be told by code and place.
func badDocuments(t *testing.T) (bad []adaptertest.Bad) {
	base, fetched := file(t, "ready.json"), file(t, "returned_part.json")
	one := func(name string, code hub.Code, path string, changes ...string) {
		bad = append(bad, adaptertest.Bad{Name: name, Document: edited(t, base, changes...), Code: code, Path: path})
	}
	two := func(name string, code hub.Code, path string, changes ...string) {
		bad = append(bad, adaptertest.Bad{Name: "fetched: " + name, Document: edited(t, fetched, changes...), Code: code, Path: path})
	}
	for _, m := range []string{"order_sn", "update_time", "currency", "order_status", "item_list"} {
		one("no "+m, hub.CodeMissing, m, m, removed)
		one("null "+m, hub.CodeMissing, m, m, "null")
	}
	for number, code := range map[string]hub.Code{
		`""`: hub.CodeOutOfRange, `"A,B"`: hub.CodeOutOfRange, `"A B"`: hub.CodeOutOfRange, `"é"`: hub.CodeOutOfRange,
		`"` + strings.Repeat("A", 65) + `"`: hub.CodeTooLong, "7": hub.CodeWrongType, `"A\n"`: hub.CodeOutOfRange,
	} {
		one("number "+number, code, "order_sn", "order_sn", number)
	}
	for id, code := range map[string]hub.Code{
		"-1": hub.CodeOutOfRange, "1.5": hub.CodeOutOfRange, "1e3": hub.CodeOutOfRange, "9223372036854775808": hub.CodeOutOfRange,
		`"007"`: hub.CodeOutOfRange, `"abc"`: hub.CodeOutOfRange, "true": hub.CodeWrongType, `"` + strings.Repeat("7", 21) + `"`: hub.CodeTooLong,
	} {
		one("item "+id, code, "item_list[0].order_item_id", "item_list.0.order_item_id", id)
	}
	for quantity, code := range map[string]hub.Code{
		"-1": hub.CodeOutOfRange, "1.0": hub.CodeOutOfRange, `"2"`: hub.CodeWrongType, "null": hub.CodeMissing, "2147483649": hub.CodeOutOfRange,
	} {
		one("quantity "+quantity, code, "item_list[0].model_quantity_purchased", "item_list.0.model_quantity_purchased", quantity)
	}
	one("no item id", hub.CodeMissing, "item_list[0].item_id", "item_list.0.item_id", removed, "item_list.0.order_item_id", removed)
	one("no price", hub.CodeMissing, "item_list[0].model_original_price", "item_list.0.model_original_price", "null")
	one("price × quantity", hub.CodeMoneyOverflow, "item_list[0]", "item_list.0.model_original_price", "92233720368547758.07")
	one("negative total", hub.CodeOutOfRange, "total_amount", "total_amount", "-0.01")
	one("too many digits", hub.CodeMoneyInvalid, "total_amount", "total_amount", "46.495")
	one("an exponent", hub.CodeMoneyInvalid, "total_amount", "total_amount", "4.6e1")
	one("total as list", hub.CodeWrongType, "total_amount", "total_amount", "[46.49]")
	one("digits that VND has not", hub.CodeMoneyInvalid, "item_list[0].model_original_price", "currency", `"VND"`, "item_list.0.model_original_price", "10.5")
	one("unknown currency", hub.CodeCurrencyUnknown, "currency", "currency", `"XXX"`)
	for _, when := range []string{"1", "99999999999999", "0"} {
		one("time "+when, hub.CodeTimeInvalid, "update_time", "update_time", when)
	}
	one("time as text", hub.CodeWrongType, "update_time", "update_time", `"2026-01-01T00:00:00Z"`)
	one("before time", hub.CodeOutOfRange, "update_time", "update_time", "-1")
	one("lines as object", hub.CodeWrongType, "item_list", "item_list", "{}")
	one("address as text", hub.CodeWrongType, "recipient_address", "recipient_address", `"7 Quay Street"`)
	one("long SKU", hub.CodeTooLong, "item_list[0].model_sku", "item_list.0.model_sku", `"`+strings.Repeat("s", 256)+`"`)
	one("sum of lines", hub.CodeMoneyOverflow, "item_list[1]", "item_list.0.model_original_price", "46116860184273879", "item_list.1.model_original_price", "46116860184273879")
	two("another order's escrow", hub.CodeOutOfRange, "escrow.order_sn", "escrow.order_sn", `"260101READY001"`)
	two("another order's return", hub.CodeOutOfRange, "returns[0].order_sn", "returns.0.order_sn", `"260101READY001"`)
	two("a return in another currency", hub.CodeCurrencyMixed, "returns[0].currency", "returns.0.currency", `"SGD"`)
	two("a return without a number", hub.CodeMissing, "returns[0].return_sn", "returns.0.return_sn", removed)
	two("escrow without income", hub.CodeMissing, "escrow.order_income", "escrow.order_income", removed)
	two("escrow as list", hub.CodeWrongType, "escrow", "escrow", "[]")
	two("no total anywhere", hub.CodeMissing, "escrow.order_income.buyer_total_amount", "escrow.order_income.buyer_total_amount", removed, "order.total_amount", "null")
	two("order as text", hub.CodeWrongType, "order", "order", `"x"`)
	two("time of the escrow", hub.CodeTimeInvalid, "enriched_at", "enriched_at", `"yesterday"`)
	bad = append(bad,
		adaptertest.Bad{Name: "second total", Code: hub.CodeDuplicateKey, Path: "total_amount", Document: bytes.Replace(base, []byte(`"total_amount":`), []byte(`"total_amount":0.01,"total_amount":`), 1)},
		adaptertest.Bad{Name: "invalid UTF-8", Code: hub.CodeInvalidUTF8, Path: "item_list[0].item_name", Document: bytes.Replace(base, []byte(`"Lantern"`), []byte("\"Lan\xfftern\""), 1)},
		adaptertest.Bad{Name: "two documents", Code: hub.CodeMalformed, Document: append(bytes.Clone(base), base...)},
		adaptertest.Bad{Name: "empty", Code: hub.CodeMalformed},
		adaptertest.Bad{Name: "a list", Code: hub.CodeWrongType, Document: []byte(`[1]`)},
		adaptertest.Bad{Name: "too many lines", Code: hub.CodeTooLarge, Path: "item_list", Document: long(t, base, maxLines+1)},
	)
	return bad
}

// long returns the order with its first line n times.
func long(t testing.TB, document []byte, n int) []byte {
	t.Helper()
	const line = `{"item_id":101,"item_name":"Lantern","model_id":7,"model_quantity_purchased":3,"model_original_price":1.10,"model_discounted_price":1.05}`
	return edited(t, document, "item_list", "["+strings.Repeat(line+",", n-1)+line+"]")
}
