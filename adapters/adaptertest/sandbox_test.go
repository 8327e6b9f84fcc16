package adaptertest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
	sandbox "hub/adapters/sandbox/shopify"
	"hub/adapters/shopify"
)

// received is one delivery as it came over HTTP.
type received struct {
	header http.Header
	body   []byte
}

// receiver is an HTTP server that keeps what it gets.
type receiver struct {
	mu  sync.Mutex
	all []received
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		http.Error(w, "half a body", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, received{q.Header, body})
}

const (
	sandboxShop = "conform.myshopify.com"
	oldSecret   = "the oldest secret, which signs"
	newSecret   = "a newer secret"
)

// allTopics are those that the driver must read or know.
var allTopics = []string{
	"orders/create", "orders/updated", "orders/paid", "orders/cancelled", "orders/fulfilled", "orders/partially_fulfilled", "orders/edited", "orders/delete",
	"refunds/create", "order_transactions/create", "fulfillments/create",
}

// tradingSandbox is a platform with one shop that has lived through some orders, and what it has sent.
func tradingSandbox(t *testing.T, currency string, decimals int) (*sandbox.Platform, sandbox.Tokens, []received) {
	t.Helper()
	in := &receiver{}
	server := httptest.NewServer(in)
	t.Cleanup(server.Close)
	p := sandbox.Open(sandbox.Options{Seed: 11, Start: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Loopback: true})
	if _, err := p.AddApp(sandbox.AppSpec{
		ClientID: "hub", Secrets: []string{oldSecret, newSecret}, Name: "Hub", Hooks: []sandbox.Hook{{Topics: allTopics, URI: server.URL + "/hook"}},
		Customers: true, Fields: []string{"name", "address", "phone", "email"},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.AddShop(sandbox.ShopSpec{Name: "conform", Currency: currency, Decimals: decimals}); err != nil {
		t.Fatal(err)
	}
	tokens, err := p.Install("hub", sandboxShop, []string{"read_orders", "read_all_orders", "read_customers", "read_products"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.FaultNext(sandbox.Forge, 3); err != nil {
		t.Fatal(err)
	}
	if err := p.Trade(sandboxShop, 60, time.Minute, 3*time.Minute); err != nil {
		t.Fatal(err)
	}
	p.Advance(t.Context(), 24*time.Hour)
	return p, tokens, in.all
}

// TestDriverBelievesTheSandbox: two independent pieces of code agree about signatures and bodies. Every genuine delivery
// verifies under its secret and no other, forged ones do not, and each is read as what its topic means.
func TestDriverBelievesTheSandbox(t *testing.T) {
	dr := shopify.New()
	_, _, all := tradingSandbox(t, "USD", 2)
	forged, read := 0, map[string]int{}
	for _, d := range all {
		topic := d.header.Get("X-Shopify-Topic")
		notice, err := dr.Verify(driver.Signed{Header: d.header, Body: d.body, Secrets: []string{newSecret, oldSecret}})
		if hub.KindOf(err) == hub.KindUnauthentic {
			forged++
			continue
		}
		if err != nil || notice.Topic != topic || notice.Account != sandboxShop || notice.TriggeredAt.IsZero() || notice.DeliveryID == "" || notice.APIVersion != "2026-10" {
			t.Fatalf("%s: %+v, %v", topic, notice, err)
		}
		if _, err := dr.Verify(driver.Signed{Header: d.header, Body: d.body, Secrets: []string{newSecret}}); hub.KindOf(err) != hub.KindUnauthentic {
			t.Fatalf("%s: it was not the oldest secret that signed: %v", topic, err)
		}
		if _, err := dr.Verify(driver.Signed{Header: d.header, Body: bytes.ReplaceAll(d.body, []byte(`\/`), []byte("/")), Secrets: []string{oldSecret}}); bytes.Contains(d.body, []byte(`\/`)) && err == nil {
			t.Fatalf("%s: a re-serialised body verifies", topic)
		}
		what, err := dr.Read(driver.Delivery{Notice: notice, Account: sandboxShop, ReceivedAt: notice.TriggeredAt, Body: d.body})
		if err != nil || len(what.Drafts)+len(what.Hints) != 1 {
			t.Fatalf("%s: %+v, %v", topic, what, err)
		}
		read[topic]++
	}
	for _, topic := range allTopics {
		if read[topic] == 0 {
			t.Errorf("nothing came under %s", topic)
		}
	}
	if forged != 3 {
		t.Errorf("%d forged deliveries were refused, want 3", forged)
	}
	t.Logf("%d deliveries, %d forged; read: %v", len(all), forged, read)
}

// orderQuery asks for all that the driver reads.
const orderQuery = `query($id:ID!){order(id:$id){
 id legacyResourceId name createdAt processedAt updatedAt cancelledAt cancelReason closedAt test confirmed edited currencyCode presentmentCurrencyCode taxesIncluded dutiesIncluded
 displayFinancialStatus displayFulfillmentStatus returnStatus sourceName tags note email phone paymentGatewayNames discountCodes customAttributes{key value}
 customer{id firstName lastName email phone} billingAddress{...a} shippingAddress{...a}
 lineItems(first:20){nodes{id name title variantTitle sku quantity currentQuantity isGiftCard requiresShipping vendor variant{id} product{id} originalUnitPriceSet{...m} totalDiscountSet{...m}
  discountAllocations{allocatedAmountSet{...m} discountApplication{index}} taxLines{title rate priceSet{...m} channelLiable} customAttributes{key value}} pageInfo{hasNextPage}}
 shippingLines(first:5){nodes{id title code carrierIdentifier originalPriceSet{...m} discountedPriceSet{...m} discountAllocations{allocatedAmountSet{...m}} taxLines{title}}}
 discountApplications(first:5){nodes{index targetType targetSelection ... on AutomaticDiscountApplication{title} ... on DiscountCodeApplication{code} ... on ManualDiscountApplication{title} ... on ScriptDiscountApplication{title}}}
 transactions{id kind status gateway amountSet{...m} processedAt}
 refunds{id createdAt totalRefundedSet{...m} refundLineItems(first:20){nodes{lineItem{id} quantity subtotalSet{...m} totalTaxSet{...m}}} transactions(first:5){nodes{kind status amountSet{...m}}}}
 fulfillments{id status displayStatus createdAt trackingInfo{company number url}}
 totalPriceSet{...m} totalTaxSet{...m} totalDiscountsSet{...m} totalShippingPriceSet{...m} totalTipReceivedSet{...m} currentTotalPriceSet{...m} totalOutstandingSet{...m}
}} fragment m on MoneyBag{shopMoney{amount currencyCode} presentmentMoney{amount currencyCode}}
fragment a on MailingAddress{name firstName lastName company address1 address2 city zip country countryCodeV2 province provinceCode phone}`

// graphOrder asks the sandbox for an order and returns the object as it came.
func graphOrder(t *testing.T, p *sandbox.Platform, token, id string) json.RawMessage {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": orderQuery, "variables": map[string]string{"id": "gid://shopify/Order/" + id}})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/admin/api/2026-10/graphql.json", bytes.NewReader(body))
	r.Host = sandboxShop
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Shopify-Access-Token", token)
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	var answer struct {
		Data   struct{ Order json.RawMessage }
		Errors json.RawMessage
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Errors != nil || answer.Data.Order == nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return answer.Data.Order
}

// TestBothSpellingsOfTheSandbox: what the driver reads from the last webhook of an order is what it reads from the API, as
// far as both say it.
func TestBothSpellingsOfTheSandbox(t *testing.T) {
	for currency, decimals := range map[string]int{"USD": 2, "JPY": 0, "KWD": 3} {
		t.Run(currency, func(t *testing.T) {
			dr := shopify.New()
			p, tokens, all := tradingSandbox(t, currency, decimals)
			newest := map[string][]byte{}
			for _, d := range all {
				if topic := d.header.Get("X-Shopify-Topic"); topic == "orders/updated" || topic == "orders/create" {
					newest[d.header.Get("X-Shopify-Order-Id")] = d.body
				}
			}
			compared := 0
			for _, o := range p.Orders(sandboxShop) {
				if o.Deleted {
					continue
				}
				if compared%20 == 0 {
					p.Advance(t.Context(), time.Minute) // the bucket fills
				}
				fromREST, err := dr.Order(newest[fmt.Sprint(o.ID)])
				if err != nil {
					t.Fatal(err)
				}
				fromGraph, err := dr.Order(graphOrder(t, p, tokens.Access, fmt.Sprint(o.ID)))
				if err != nil {
					t.Fatal(err)
				}
				a, b := fromREST.Order, fromGraph.Order
				if total := a.Totals.CurrentTotal.Amount(); total != o.CurrentTotal {
					t.Errorf("%s: current total %s, the shop says %s", o.Name, total, o.CurrentTotal)
				}
				for _, x := range []*hub.Order{&a, &b} { // what only one spelling says
					x.Payments, x.PlacedAtLocal = nil, ""
				}
				if !reflect.DeepEqual(a, b) {
					left, _ := json.Marshal(a)
					right, _ := json.Marshal(b)
					t.Fatalf("%s\nREST    %s\nGraphQL %s", o.Name, left, right)
				}
				compared++
			}
			if compared < 50 {
				t.Errorf("only %d orders", compared)
			}
			t.Logf("%d orders in %s, read twice", compared, currency)
		})
	}
}
