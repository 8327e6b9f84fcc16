package shopify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/adaptertest"
	"hub/adapters/driver"
)

var update = flag.Bool("update", false, "write testdata/*.want.json instead of comparing them")

const account = "lantern-works.myshopify.com"

// TestConformance runs the suite with our own samples.
func TestConformance(t *testing.T) {
	adaptertest.Run(t, adaptertest.Harness{
		Driver:          New(),
		Sign:            sign,
		SignatureHeader: "X-Shopify-Hmac-Sha256",
		Account:         account,
		Deliveries:      deliveries(t),
		Orders:          pairs(t),
		Bad:             badDocuments(t),
		Strange:         strange(t),
		Envelope:        envelopes,
		Words:           documentedWords(),
	})
}

// sign makes the headers of a delivery as shopify.dev describes them.
func sign(body []byte, secret string, n driver.Notice) http.Header {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	h := http.Header{}
	h.Set("X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	h.Set("X-Shopify-Topic", n.Topic)
	h.Set("X-Shopify-Shop-Domain", n.Account)
	h.Set("X-Shopify-Webhook-Id", n.DeliveryID)
	h.Set("X-Shopify-Triggered-At", n.TriggeredAt.Format(time.RFC3339Nano))
	h.Set("X-Shopify-API-Version", n.APIVersion)
	return h
}

func notice(topic string) driver.Notice {
	return driver.Notice{
		Topic: topic, DeliveryID: "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043", Account: account,
		TriggeredAt: time.Date(2026, 3, 2, 10, 30, 1, 123456789, time.UTC), APIVersion: "2026-10",
		Duty: slices.Contains([]string{"customers/data_request", "customers/redact", "shop/redact"}, topic),
	}
}

// deliveries are bodies under right and wrong topics.
func deliveries(t *testing.T) []adaptertest.Delivery {
	order := file(t, "multicurrency.rest.json")
	const id = "5100000000102"
	d := func(name, topic, body string, want adaptertest.Meaning, id hub.ExternalID, code hub.Code) adaptertest.Delivery {
		return adaptertest.Delivery{Name: topic + " " + name, Notice: notice(topic), Body: []byte(body), Want: want, ID: id, Code: code}
	}
	var all []adaptertest.Delivery
	for _, topic := range strings.Fields("orders/create orders/updated orders/paid orders/cancelled orders/fulfilled orders/partially_fulfilled") {
		all = append(all, d("order", topic, string(order), adaptertest.WantDraft, id, ""))
	}
	for _, topic := range strings.Fields("orders/delete orders/edited refunds/create fulfillments/update") {
		all = append(all, d("with an order", topic, string(order), adaptertest.WantDraft, id, ""))
	}
	const refund = `{"id":4001,"order_id":5100000000102,"note":"dented \/ wet","refund_line_items":[],"transactions":[]}`
	for _, topic := range strings.Fields("refunds/create order_transactions/create tender_transactions/create fulfillments/create fulfillments/update returns/request") {
		all = append(all, d("reference", topic, refund, adaptertest.WantHint, id, ""))
	}
	return append(all,
		d("edit", "orders/edited", `{"order_edit":{"id":7,"order_id":5100000000102,"line_items":{"additions":[],"removals":[]}}}`, adaptertest.WantHint, id, ""),
		d("return", "returns/approve", `{"id":7,"order":{"id":5100000000102,"admin_graphql_api_id":"gid:\/\/shopify\/Order\/5100000000102"}}`, adaptertest.WantHint, id, ""),
		d("deletion", "orders/delete", `{"id":820982911946154508}`, adaptertest.WantDeleted, "820982911946154508", ""),
		d("deletion with nulls", "orders/delete", `{"id":7,"email":null,"admin_graphql_api_id":"gid:\/\/shopify\/Order\/7"}`, adaptertest.WantDeleted, "7", ""),
		d("refund", "orders/delete", refund, adaptertest.WantError, "", hub.CodeWrongType),
		d("product", "orders/delete", `{"id":7,"admin_graphql_api_id":"gid:\/\/shopify\/Product\/7"}`, adaptertest.WantError, "", hub.CodeWrongType),
		d("deletion", "orders/create", `{"id":820982911946154508}`, adaptertest.WantError, "", hub.CodeMissing),
		d("list", "orders/create", `[{"id":820982911946154508}]`, adaptertest.WantError, "", hub.CodeWrongType),
		d("no reference", "refunds/create", `{"id":4001}`, adaptertest.WantError, "", hub.CodeMissing),
		d("null reference", "tender_transactions/create", `{"id":4001,"order_id":null}`, adaptertest.WantError, "", hub.CodeMissing),
		d("product", "products/update", `{"id":7,"title":"Lantern"}`, adaptertest.WantIgnored, "", ""),
		d("cart", "carts/update", `{"id":"abc","line_items":[]}`, adaptertest.WantIgnored, "", ""),
		d("risk", "orders/risk_assessment_changed", `{"order_id":7}`, adaptertest.WantIgnored, "", ""),
		d("shop", "shop/update", `{"id":7,"myshopify_domain":"Lantern-Works.myshopify.com"}`, adaptertest.WantIgnored, "", ""),
		d("shop", "app/uninstalled", `{"id":7,"myshopify_domain":"lantern-works.myshopify.com"}`, adaptertest.WantHint, "", ""),
		d("privacy", "customers/redact", `{"shop_id":1,"shop_domain":"lantern-works.myshopify.com","customer":{"email":"mira@example.test"}}`, adaptertest.WantError, "", hub.CodeTopicUnknown),
		d("privacy", "shop/redact", `{"shop_id":1,"shop_domain":"LANTERN-works.myshopify.com"}`, adaptertest.WantError, "", hub.CodeTopicUnknown),
		d("another's", "customers/data_request", `{"shop_id":1,"shop_domain":"other-shop.myshopify.com"}`, adaptertest.WantError, "", hub.CodeShopMismatch),
		d("another's", "shop/update", `{"id":7,"myshopify_domain":"other-shop.myshopify.com"}`, adaptertest.WantError, "", hub.CodeShopMismatch),
		d("made up", "orders/teleported", `{"order_id":7}`, adaptertest.WantError, "", hub.CodeTopicUnknown),
		d("made up", "warp/engaged", `{"order_id":7}`, adaptertest.WantError, "", hub.CodeTopicUnknown),
		d("no action", "orders/", `{"order_id":7}`, adaptertest.WantError, "", hub.CodeTopicUnknown),
		d("other case", "Orders/Create", string(order), adaptertest.WantError, "", hub.CodeTopicUnknown),
		d("cut", "orders/create", string(order[:len(order)/2]), adaptertest.WantError, "", hub.CodeMalformed),
	)
}

// pairs are complete orders in both spellings, with what they must become.
func pairs(t *testing.T) (orders []adaptertest.Order) {
	names, err := filepath.Glob("testdata/*.rest.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, path := range names {
		name := strings.TrimSuffix(filepath.Base(path), ".rest.json")
		rest, graphql := file(t, name+".rest.json"), file(t, name+".graphql.json")
		if *update {
			write(t, name, rest)
		}
		orders = append(orders, adaptertest.Order{
			Name: name, Documents: [][]byte{rest, graphql}, Adjustment: hub.Zero(currencyOf(t, rest)).Amount(),
			Want: file(t, name+".want.json"),
		})
	}
	return orders
}

func currencyOf(t *testing.T, document []byte) hub.Currency {
	t.Helper()
	var o struct{ Currency hub.Currency }
	if err := json.Unmarshal(document, &o); err != nil {
		t.Fatal(err)
	}
	return o.Currency
}

func write(t *testing.T, name string, document []byte) {
	t.Helper()
	draft, err := New().Order(document)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(draft.Order)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", name+".want.json"), append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func envelopes(orders [][]byte) []adaptertest.Envelope {
	each := func(before, between, after string) []byte {
		return []byte(before + string(bytes.Join(orders, []byte(between))) + after)
	}
	return []adaptertest.Envelope{
		{Name: "orders", Document: each(`{"orders":[`, ",", `]}`)},
		{Name: "orders and more", Document: each(`{"next":null,"orders":[`, ",", `],"count":3}`)},
		{Name: "wrapped, one after another", Document: each(`{"order":`, `}{"order":`, `,"notice":"x"}`)},
		{Name: "list", Document: each(" [", "\n,", "] \n")},
		{Name: "list of wrapped", Document: each(`[{"order":`, `},{"order":`, `}]`)},
		{Name: "JSON lines", Document: each("", "\n", "\n")},
		{Name: "JSON lines with carriage returns", Document: each("\n", "\r\n\r\n", "")},
		{Name: "GraphQL nodes", Document: each(`{"data":{"orders":{"nodes":[`, ",", `],"pageInfo":{"hasNextPage":false}}},"extensions":{}}`)},
		{Name: "GraphQL edges", Document: each(`{"data":{"orders":{"edges":[{"cursor":"a","node":`, `},{"node":`, `}]}}}`)},
		{Name: "GraphQL node list", Document: each(`{"data":{"nodes":[`, ",", `]}}`)},
		{Name: "GraphQL single answers", Document: each(`{"data":{"order":`, `}}`+"\n"+`{"data":{"order":`, `}}`)},
		{Name: "GraphQL by node", Document: each(`{"data":{"node":`, `}}`+"\n"+`{"data":{"node":`, `}}`)},
	}
}
