package mercadolibre

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/adaptertest"
	"hub/adapters/driver"
)

var update = flag.Bool("update", false, "write testdata/*.want.json instead of comparing them")

const (
	account = "500001"
	appID   = "2069392825111111"
)

// TestConformance runs the suite with our own samples.
func TestConformance(t *testing.T) {
	adaptertest.Run(t, adaptertest.Harness{
		Driver: New(),
		Sign: func([]byte, string, driver.Notice) http.Header {
			return http.Header{"Content-Type": {"application/json"}}
		},
		Unsigned:   true,
		URL:        "https://hub.example.test/hooks/mercadolibre/x",
		ClientID:   appID,
		Account:    account,
		Deliveries: deliveries(),
		Forged:     forged(),
		Orders:     samples(t),
		Bad:        badDocuments(t),
		Strange:    strange(t),
		Envelope:   envelopes,
		Words:      documentedWords(),
	})
}

// received is when the platform says that all samples happened.
var received = time.Date(2026, 3, 1, 13, 0, 2, 81_000_000, time.UTC)

// notification makes one as the documentation prints it.
func notification(topic, resource string) string {
	return `{"_id":"5da8a1b2","topic":"` + topic + `","resource":"` + resource + `","user_id":500001,"application_id":` + appID +
		`,"sent":"2026-03-01T13:00:02.627Z","attempts":1,"received":"2026-03-01T13:00:02.081Z","actions":["site_id:mlb"]}`
}

// deliveries are the notifications that the documentation lists, in all the spellings that were seen.
func deliveries() (all []adaptertest.Delivery) {
	const id = hub.ExternalID("2000010000000011")
	add := func(name, topic, body string, want adaptertest.Meaning, id hub.ExternalID) {
		all = append(all, adaptertest.Delivery{
			Name: topic + " " + name, Body: []byte(body), Want: want, ID: id,
			Notice: driver.Notice{Topic: topic, DeliveryID: "5da8a1b2", Account: account, TriggeredAt: received, Unproven: true},
		})
	}
	one := func(topic, resource string, want adaptertest.Meaning, id hub.ExternalID) {
		add(resource, topic, notification(topic, resource), want, id)
	}
	for _, topic := range strings.Fields("orders_v2 marketplace_orders marketplace_orders_on_site") {
		one(topic, "/orders/2000010000000011", adaptertest.WantHint, id)
		one(topic, "marketplace/orders/2000010000000011", adaptertest.WantHint, id)
	}
	one("shipments", "/shipments/40546549876", adaptertest.WantHint, "40546549876")
	one("marketplace_shipments", "/marketplace/shipments/40546549876", adaptertest.WantHint, "40546549876")
	one("payments", "/collections/3043111111", adaptertest.WantHint, "3043111111")
	for _, topic := range strings.Fields("post_purchase claims claims_actions") {
		one(topic, "post-purchase/v1/claims/5108684499", adaptertest.WantHint, "5108684499")
		one(topic, "/v1/claims/5108684499", adaptertest.WantHint, "5108684499")
	}
	one("marketplace_claims", "/marketplace/claims/1041417027", adaptertest.WantHint, "1041417027")
	for topic := range strings.FieldsSeq("orders_feedback items items_prices stock-location user-products-families questions messages fbm_stock_operations flex-handshakes invoices price_suggestion catalog_item_competition_status catalog_suggestions public_offers public_candidates leads-credits vis_leads marketplace_items marketplace_questions marketplace_messages marketplace_fbm_stock marketplace_cbt_item_uptin") {
		one(topic, "/something/7", adaptertest.WantIgnored, "")
	}
	one("made_up", "/orders/7", adaptertest.WantIgnored, "")
	one("Orders_v2", "/orders/7", adaptertest.WantIgnored, "")
	for _, resource := range []string{
		"/orders/", "/orders/007", "/orders/-7", "/orders/7/", "/orders/7/feedback", "/orders/7?x=1", "/orders/../users/me", "/orders/9223372036854775808",
		"//orders/7", "https://elsewhere.example.test/orders/7", "/shipments/7", "a35cf79864a845ca9a3bf6aee59bb4d7", "/orders/%37", "/orders/7 ", "/ORDERS/7",
	} {
		one("orders_v2", resource, adaptertest.WantIgnored, "")
	}
	spell := func(name string, want adaptertest.Meaning, id hub.ExternalID, pairs ...string) {
		add(name, "orders_v2", strings.NewReplacer(pairs...).Replace(notification("orders_v2", "/orders/7")), want, id)
	}
	spell("user as text", adaptertest.WantHint, "7", `"user_id":500001`, `"user_id":"500001"`)
	spell("app as text", adaptertest.WantHint, "7", appID, `"`+appID+`"`)
	spell("id for _id", adaptertest.WantHint, "7", `"_id"`, `"id"`)
	spell("misspelt", adaptertest.WantHint, "7", `"received"`, `"recieved"`)
	spell("nanoseconds", adaptertest.WantHint, "7", `02.081Z`, `02.081000000Z`)
	return all
}

// forged are bodies that are not in the form of a notification to this app. Anybody can send one that is.
func forged() (all []adaptertest.Forged) {
	add := func(name, body string) {
		all = append(all, adaptertest.Forged{Name: name, Signed: driver.Signed{Body: []byte(body), ClientID: appID, Secrets: []string{"secret"}}})
	}
	change := func(name string, pairs ...string) {
		add(name, strings.NewReplacer(pairs...).Replace(notification("orders_v2", "/orders/7")))
	}
	add("nothing", "")
	add("no JSON", "resource=/orders/7")
	add("a list", "["+notification("orders_v2", "/orders/7")+"]")
	add("two", notification("orders_v2", "/orders/7")+notification("orders_v2", "/orders/8"))
	add("a text", `"/orders/7"`)
	add("empty", "{}")
	add("cut short", notification("orders_v2", "/orders/7")[:60])
	change("another app", appID, "2069392825111112")
	change("no app", `"application_id":`+appID+`,`, "")
	change("null app", appID, "null")
	change("no user", `"user_id":500001,`, "")
	change("user is a name", `"user_id":500001`, `"user_id":"mira"`)
	change("negative user", `"user_id":500001`, `"user_id":-500001`)
	change("user in parts", `"user_id":500001`, `"user_id":500001.0`)
	change("user twice", `"user_id":500001`, `"user_id":500001,"user_id":500002`)
	change("no resource", `"resource":"/orders/7",`, "")
	change("resource is a number", `"/orders/7"`, `7`)
	change("resource too long", `/orders/7`, "/orders/"+strings.Repeat("7", 300))
	change("control character", `/orders/7`, `/orders/7\u0000`)
	change("topic is a list", `"orders_v2"`, `["orders_v2"]`)
	change("topic too long", `orders_v2`, strings.Repeat("o", 300))
	return all
}

// samples are complete orders with what they must become. Some are read bare and as a search answers them.
func samples(t *testing.T) (orders []adaptertest.Order) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, path := range names {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		if strings.HasSuffix(name, ".want") {
			continue
		}
		bare := file(t, name+".json")
		if *update {
			write(t, name, bare)
		}
		documents := [][]byte{bare}
		if name == "bare" || name == "legacy" {
			documents = append(documents, []byte(`{"query":"","results":[`+string(bare)+`],"paging":{"total":1,"offset":0,"limit":50}}`))
		}
		orders = append(orders, adaptertest.Order{Name: name, Documents: documents, Adjustment: nothing(t, bare), Want: file(t, name+".want.json")})
	}
	return orders
}

// nothing is no money in the currency of the document.
func nothing(t *testing.T, document []byte) string {
	t.Helper()
	var o struct {
		Currency hub.Currency `json:"currency_id"`
		Order    struct {
			Currency hub.Currency `json:"currency_id"`
		}
	}
	if err := json.Unmarshal(document, &o); err != nil {
		t.Fatal(err)
	}
	return hub.Zero(o.Currency + o.Order.Currency).Amount()
}

func write(t *testing.T, name string, document []byte) {
	t.Helper()
	draft, err := New().Order(document)
	if err != nil {
		t.Fatal(name, err)
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
		{Name: "search", Document: each(`{"query":"","results":[`, ",", `],"paging":{"total":9}}`)},
		{Name: "list", Document: each(" [", "\n,", "] \n")},
		{Name: "searches one after another", Document: each(`{"results":[`, `]}`+"\r\n"+`{"results":[`, `]}`)},
		{Name: "list of searches", Document: each(`[{"results":[`, `]},{"results":[`, `]}]`)},
		{Name: "JSON lines", Document: each("", "\n", "\n")},
	}
}
