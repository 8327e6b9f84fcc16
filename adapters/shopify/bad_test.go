package shopify

import (
	"bytes"
	"strings"
	"testing"

	"hub"
	"hub/adapters/adaptertest"
)

// badDocuments are orders with one thing wrong. None may be accepted, and each must be told by code and place.
func badDocuments(t *testing.T) (bad []adaptertest.Bad) {
	base := file(t, "multicurrency.rest.json")
	one := func(name string, code hub.Code, path string, changes ...string) {
		bad = append(bad, adaptertest.Bad{Name: name, Document: edited(t, base, changes...), Code: code, Path: path})
	}
	for _, m := range []string{"id", "updated_at", "line_items"} {
		one("no "+m, hub.CodeMissing, m, m, removed)
		one("null "+m, hub.CodeMissing, m, m, "null")
	}
	one("null grand total", hub.CodeMissing, "total_price", "total_price_set", "null", "total_price", "null")
	one("no currency anywhere", hub.CodeMissing, "currency", "currency", removed, "total_price_set", removed)
	for id, code := range map[string]hub.Code{
		"0": hub.CodeOutOfRange, "-1": hub.CodeOutOfRange, "1.5": hub.CodeOutOfRange, "1e3": hub.CodeOutOfRange,
		"9223372036854775808": hub.CodeOutOfRange, `"abc"`: hub.CodeOutOfRange, `""`: hub.CodeOutOfRange,
		`"007"`: hub.CodeOutOfRange, `"7\u0000"`: hub.CodeOutOfRange, "true": hub.CodeWrongType, "[7]": hub.CodeWrongType,
		`"` + strings.Repeat("7", 65) + `"`:  hub.CodeTooLong,
		`"` + strings.Repeat("x", 200) + `"`: hub.CodeTooLong,
	} {
		one("id "+id, code, "id", "id", id)
		one("line id "+id, code, "line_items[0].id", "line_items.0.id", id)
	}
	one("gid without number", hub.CodeOutOfRange, "id", "id", `"gid://shopify/Order/"`)
	one("another kind's gid", hub.CodeWrongType, "line_items[0].id", "line_items.0.id", `"gid://shopify/Order/7"`)
	one("no line id", hub.CodeMissing, "line_items[0].id", "line_items.0.id", removed)
	for quantity, code := range map[string]hub.Code{
		"-1": hub.CodeOutOfRange, "1.0": hub.CodeOutOfRange, "1e2": hub.CodeOutOfRange, `"2"`: hub.CodeWrongType,
		"9223372036854775808": hub.CodeOutOfRange, "null": hub.CodeMissing,
	} {
		one("quantity "+quantity, code, "line_items[0].quantity", "line_items.0.quantity", quantity)
	}
	one("quantity × price", hub.CodeMoneyOverflow, "line_items[0]", "line_items.0.quantity", "9007199254740993")
	one("current quantity", hub.CodeOutOfRange, "line_items[0].current_quantity", "line_items.0.current_quantity", "-2")
	one("long SKU", hub.CodeTooLong, "line_items[0].sku", "line_items.0.sku", `"`+strings.Repeat("s", 256)+`"`)
	one("NUL in SKU", hub.CodeOutOfRange, "line_items[0].sku", "line_items.0.sku", `"a\u0000b"`)
	one("C1 control in number", hub.CodeOutOfRange, "name", "name", `"#1\u009b"`)
	money(one)
	texts(t, base, one, &bad)
	graphqlBad(t, &bad)
	return bad
}

func money(one func(name string, code hub.Code, path string, changes ...string)) {
	const at = "line_items.0.price_set.shop_money.amount"
	const path = "line_items[0].price_set.shop_money.amount"
	for amount, code := range map[string]hub.Code{
		`"1.001"`: hub.CodeMoneyInvalid, `"1,00"`: hub.CodeMoneyInvalid, `"+1.00"`: hub.CodeMoneyInvalid, `" 1.00"`: hub.CodeMoneyInvalid,
		`"1e2"`: hub.CodeMoneyInvalid, "1e2": hub.CodeMoneyInvalid, `""`: hub.CodeMoneyInvalid, `"NaN"`: hub.CodeMoneyInvalid,
		`"92233720368547758.08"`: hub.CodeMoneyOverflow, "null": hub.CodeMissing, "true": hub.CodeWrongType, "[]": hub.CodeWrongType,
	} {
		one("price "+amount, code, path, at, amount)
	}
	one("negative price", hub.CodeOutOfRange, "line_items[0].price_set", at, `"-1.00"`)
	one("negative total", hub.CodeOutOfRange, "total_price_set", "total_price_set.shop_money.amount", `"-0.01"`)
	one("negative discount", hub.CodeOutOfRange, "total_discounts_set", "total_discounts_set.shop_money.amount", `"-0.01"`)
	one("negative in the buyer's currency", hub.CodeOutOfRange, "total_tax_set", "total_tax_set.presentment_money.amount", `"-0.01"`)
	one("no price at all", hub.CodeMissing, "line_items[0].price", "line_items.0.price_set", "null", "line_items.0.price", removed)
	one("unknown currency", hub.CodeCurrencyUnknown, "currency", "currency", `"XXX"`)
	one("currency in lower case", hub.CodeCurrencyUnknown, "currency", "currency", `"usd"`)
	one("mixed shop money", hub.CodeCurrencyMixed, "total_tax_set.shop_money.currency_code", "total_tax_set.shop_money.currency_code", `"EUR"`)
	one("mixed buyer's money", hub.CodeCurrencyMixed, "total_tax_set.presentment_money.currency_code", "total_tax_set.presentment_money.currency_code", `"USD"`)
	one("refund in a third currency", hub.CodeCurrencyMixed, "refunds[0].transactions[0].currency", "refunds.0.transactions.0.amount_set", "null", "refunds.0.transactions.0.currency", `"GBP"`)
	one("sum of totals", hub.CodeMoneyOverflow, "totals", "total_price_set.shop_money.amount", `"92233720368547758.07"`, "total_discounts_set.shop_money.amount", `"92233720368547758.07"`)
}

func texts(t *testing.T, base []byte, one func(name string, code hub.Code, path string, changes ...string), bad *[]adaptertest.Bad) {
	for _, when := range []string{`"2026-03-01"`, `"2026-03-01T09:00:00"`, `"2026-02-30T09:00:00Z"`, `"now"`, `""`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59-14:00"`} {
		one("time "+when, hub.CodeTimeInvalid, "updated_at", "updated_at", when)
		one("placed "+when, hub.CodeTimeInvalid, "processed_at", "processed_at", when)
	}
	one("time as number", hub.CodeWrongType, "updated_at", "updated_at", "1772355600")
	one("lines as object", hub.CodeWrongType, "line_items", "line_items", "{}")
	one("refunds as text", hub.CodeWrongType, "refunds", "refunds", `"none"`)
	one("customer as list", hub.CodeWrongType, "customer", "customer", "[]")
	one("test as text", hub.CodeWrongType, "test", "test", `"true"`)
	one("title as object", hub.CodeWrongType, "line_items[0].title", "line_items.0.title", `{"en":"x"}`)
	*bad = append(*bad,
		adaptertest.Bad{Name: "second total", Code: hub.CodeDuplicateKey, Path: "total_price", Document: bytes.Replace(base, []byte(`"total_price":`), []byte(`"total_price":"0.01","total_price":`), 1)},
		adaptertest.Bad{Name: "second total, escaped", Code: hub.CodeDuplicateKey, Path: "total_price", Document: bytes.Replace(base, []byte(`"total_price":`), []byte(`"total\u005fprice":"0.01","total_price":`), 1)},
		adaptertest.Bad{Name: "invalid UTF-8", Code: hub.CodeInvalidUTF8, Path: "line_items[0].title", Document: bytes.Replace(base, []byte(`"title":"Lantern"`), []byte("\"title\":\"Lan\xfftern\""), 1)},
		adaptertest.Bad{Name: "lone surrogate", Code: hub.CodeInvalidUTF8, Path: "line_items[0].title", Document: bytes.Replace(base, []byte(`"title":"Lantern"`), []byte(`"title":"Lan\ud83dtern"`), 1)},
		adaptertest.Bad{Name: "two documents", Code: hub.CodeMalformed, Document: append(bytes.Clone(base), base...)},
		adaptertest.Bad{Name: "empty", Code: hub.CodeMalformed},
		adaptertest.Bad{Name: "too deep", Code: hub.CodeTooDeep, Path: "customer" + strings.Repeat("[0]", 63), Document: edited(t, base, "customer", strings.Repeat("[", 65)+strings.Repeat("]", 65))},
		adaptertest.Bad{Name: "other case is another member", Code: hub.CodeMissing, Path: "id", Document: bytes.Replace(base, []byte(`{"id":`), []byte(`{"ID":`), 1)},
	)
}

func graphqlBad(t *testing.T, bad *[]adaptertest.Bad) {
	split, err := New().Split(file(t, "refund_partial_shipping.graphql.json"))
	if err != nil {
		t.Fatal(err)
	}
	one := func(name string, code hub.Code, path string, changes ...string) {
		*bad = append(*bad, adaptertest.Bad{Name: "GraphQL " + name, Document: edited(t, split[0], changes...), Code: code, Path: path})
	}
	one("draft order", hub.CodeWrongType, "id", "id", `"gid://shopify/DraftOrder/7"`)
	one("another page of lines", hub.CodeMissing, "lineItems", "lineItems.pageInfo", `{"hasNextPage":true}`)
	one("connection without nodes", hub.CodeMissing, "lineItems.edges", "lineItems", `{}`)
	one("edge without node", hub.CodeMissing, "lineItems.edges[0].node", "lineItems", `{"edges":[{}]}`)
	one("total in another currency", hub.CodeCurrencyMixed, "totalPriceSet.shopMoney.currencyCode", "totalPriceSet.shopMoney.currencyCode", `"USD"`)
	one("no total", hub.CodeMissing, "totalPriceSet", "totalPriceSet", removed)
	one("line without id", hub.CodeMissing, "lineItems.edges[0].node.id", "lineItems.edges.0.node.id", removed)
}
