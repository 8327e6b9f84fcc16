package mercadolibre

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// town is a platform with the orders of the two samples that share a pack.
func town(t *testing.T) *script {
	t.Helper()
	s := newScript(t)
	first, second := file(t, "pack_first.json"), file(t, "pack_second.json")
	s.says("/orders/2000010000000009", 200, member(t, first, "order"))
	s.says("/orders/2000010000000011", 200, member(t, second, "order"))
	s.says("/packs/2000020000000001", 200, member(t, first, "pack"))
	for _, id := range []string{"2000010000000009", "2000010000000011"} {
		s.says("/orders/"+id+"/shipments", 200, `[{"id":44000000002,"type":"return"},{"id":44000000001,"type":"forward"}]`)
	}
	var shipments, costs []json.RawMessage
	if json.Unmarshal([]byte(member(t, first, "shipments")), &shipments) != nil || json.Unmarshal([]byte(member(t, first, "costs")), &costs) != nil {
		t.Fatal("the sample is broken")
	}
	s.says("/shipments/44000000001", 200, string(shipments[0]))
	s.says("/shipments/44000000001/costs", 200, member(t, costs[0], "costs"))
	s.says("/shipments/44000000001/items", 200, `[{"order_id":2000010000000009,"quantity":1},{"order_id":2000010000000011,"quantity":1}]`)
	s.says("/orders/billing-info/MLB/640000000000000001", 200, member(t, first, "billing_info"))
	s.says("/orders/2000010000000009/discounts", 200, member(t, first, "discounts"))
	return s
}

func fetched(t *testing.T, s *script, ids ...hub.ExternalID) driver.Fetched {
	t.Helper()
	got, err := s.d.Fetch(t.Context(), s, ids)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// whole is a fetched document as far as tests look into it.
type whole struct {
	Partial, Absent []string
	ReadAt          string `json:"read_at"`
	Shipments       []json.RawMessage
	Returns         []json.RawMessage
}

func look(t *testing.T, document []byte) (w whole) {
	t.Helper()
	if err := json.Unmarshal(document, &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestFetch reads both orders of a pack: what they share is asked for once, and they are what the samples are.
func TestFetch(t *testing.T) {
	s := town(t)
	got := fetched(t, s, "2000010000000009", "2000010000000011", "7", "not/an/id")
	if len(got.Documents) != 2 || !slices.Equal(got.Missing, []hub.ExternalID{"7", "not/an/id"}) {
		t.Fatalf("%d documents, missing %v", len(got.Documents), got.Missing)
	}
	if asked := strings.Join(s.paths(), " "); strings.Contains(asked, "an/id") {
		t.Errorf("what is no id became an address: %s", asked)
	}
	if all := s.paths(); len(slices.Compact(slices.Sorted(slices.Values(all)))) != len(all) {
		t.Errorf("something was asked for twice: %v", all)
	}
	first := read(t, got.Documents[0])
	text, err := json.Marshal(first.Order)
	if err != nil {
		t.Fatal(err)
	}
	if want := string(file(t, "pack_first.want.json")); string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if want := s.now.Add(2 * time.Second); !first.EnrichedAt.Equal(want) { // when the second answer came
		t.Errorf("enriched at %v, want %v", first.EnrichedAt, want)
	}
	second := read(t, got.Documents[1])
	if amount(second.Order.Totals.Shipping) != "0.00" || second.Order.Buyer.TaxID == "" {
		t.Errorf("freight %s, tax id %q", amount(second.Order.Totals.Shipping), second.Order.Buyer.TaxID)
	}
	for _, c := range s.calls {
		if wants := strings.HasPrefix(c.path, "/shipments/"); wants != (c.header.Get("x-format-new") == "true") {
			t.Errorf("%s: x-format-new %q", c.path, c.header.Get("x-format-new"))
		}
	}
	t.Logf("%d calls for two orders of one pack", len(s.calls))
}

// TestFetchGaps: what is missing never makes an order fail that is there, and is named.
func TestFetchGaps(t *testing.T) {
	const id = "2000010000000009"
	for _, c := range []struct {
		name            string
		change          func(*script)
		partial, absent string
		want            string // freight and basis
		enriched        bool
	}{
		{"whole", func(*script) {}, "", "", "19.90 computed", true},
		{"content missing", func(s *script) {
			answer := s.answer["/orders/"+id](asked{})
			s.says("/orders/"+id, 206, string(answer.Body), "X-Content-Missing", "buyer, feedback")
		}, "buyer", "", "19.90 computed", false},
		{"only feedback missing", func(s *script) {
			answer := s.answer["/orders/"+id](asked{})
			s.says("/orders/"+id, 206, string(answer.Body), "X-Content-Missing", "feedback")
		}, "", "", "19.90 computed", true},
		{"something missing", func(s *script) {
			answer := s.answer["/shipments/44000000001"](asked{})
			s.says("/shipments/44000000001", 206, string(answer.Body))
		}, "shipment", "", "19.90 computed", false},
		{"a name that is none", func(s *script) {
			answer := s.answer["/orders/"+id](asked{})
			s.says("/orders/"+id, 206, string(answer.Body), "X-Content-Missing", `seller","x":"`)
		}, "", "", "19.90 computed", true},
		{"no shipments yet", func(s *script) { s.says("/orders/"+id+"/shipments", 204, "") }, "", "order_shipments", "19.90 computed", true},
		{"no shipments resource", func(s *script) { delete(s.answer, "/orders/"+id+"/shipments") }, "", "order_shipments", "19.90 computed", true},
		{"old view", func(s *script) {
			s.says("/orders/"+id+"/shipments", 200, `{"id":44000000001,"order_id":2000010000000009,"type":"forward"}`)
		}, "", "", "19.90 computed", true},
		{"costs forbidden", func(s *script) {
			s.says("/shipments/44000000001/costs", 403, `{"error":"access_denied"}`)
		}, "", "costs", "19.90 computed", true},
		{"costs and shipment forbidden", func(s *script) {
			s.says("/shipments/44000000001/costs", 403, `{}`)
			s.says("/shipments/44000000001", 403, `{}`)
		}, "", "costs shipments", "unknown partial", true},
		{"pack of others", func(s *script) { s.says("/packs/2000020000000001", 403, `{"message":"No orders found."}`) }, "", "pack", "19.90 computed", true},
		{"items forbidden", func(s *script) { s.says("/shipments/44000000001/items", 403, `{}`) }, "", "items", "19.90 computed", true},
		{"pack of others and items forbidden", func(s *script) {
			s.says("/packs/2000020000000001", 403, `{}`)
			s.says("/shipments/44000000001/items", 403, `{}`)
		}, "", "items pack", "unknown partial", true},
		{"an item of nobody", func(s *script) {
			s.says("/shipments/44000000001/items", 200, `[{"order_id":2000010000000011},{"order_id":null}]`)
		}, "", "", "19.90 computed", true},
		{"the other order alone", func(s *script) {
			s.says("/shipments/44000000001/items", 200, `[{"order_id":2000010000000011}]`)
		}, "", "", "0.00 computed", true},
		{"a pack of one", func(s *script) {
			s.says("/packs/2000020000000001", 200, `{"id":2000020000000001,"orders":[{"id":2000010000000009}]}`)
			s.says("/shipments/44000000001/items", 500, `{}`) // is not asked
		}, "", "", "19.90 computed", true},
		{"no tax data", func(s *script) { delete(s.answer, "/orders/billing-info/MLB/640000000000000001") }, "", "billing_info", "19.90 computed", true},
		{"no discounts", func(s *script) { s.says("/orders/"+id+"/discounts", 400, `{}`) }, "", "discounts", "19.90 computed", true},
	} {
		s := town(t)
		c.change(s)
		got := fetched(t, s, id)
		if len(got.Documents) != 1 {
			t.Errorf("%s: %d documents", c.name, len(got.Documents))
			continue
		}
		w, draft := look(t, got.Documents[0]), read(t, got.Documents[0])
		if p, a := strings.Join(w.Partial, " "), strings.Join(w.Absent, " "); p != c.partial || a != c.absent {
			t.Errorf("%s: partial %q, absent %q", c.name, p, a)
		}
		if lacks := strings.Join(draft.Lacks, " "); lacks != c.partial {
			t.Errorf("%s: lacks %q", c.name, lacks)
		}
		if f := amount(draft.Order.Totals.Shipping) + " " + string(draft.Order.Totals.Basis); f != c.want || draft.EnrichedAt.IsZero() == c.enriched {
			t.Errorf("%s: freight %s, enriched %v", c.name, f, draft.EnrichedAt)
		}
	}
}

// TestFetchTime: every reading has its time by the platform's clock, whatever ours says and also where there is nothing but
// the order, so that a whole one wins over one that lacked parts, and no two readings are one delivery.
func TestFetchTime(t *testing.T) {
	const id = "2000010000000051"
	s := newScript(t)
	s.says("/orders/"+id, 206, string(file(t, "no_shipping.json")), "X-Content-Missing", "buyer")
	poor := fetched(t, s, id).Documents[0]
	again := fetched(t, s, id).Documents[0]
	if read(t, poor).Lacks == nil || bytes.Equal(poor, again) {
		t.Errorf("%s, and again %s", poor, again)
	}
	for _, ahead := range []time.Duration{-4 * time.Minute, 0, 4 * time.Minute} {
		theirs := s.now.Add(ahead).Format(http.TimeFormat)
		s.says("/orders/"+id, 200, string(file(t, "no_shipping.json")), "Date", theirs)
		if got := read(t, fetched(t, s, id).Documents[0]); got.EnrichedAt.Format(http.TimeFormat) != theirs || got.Lacks != nil {
			t.Errorf("enriched %v by a clock at %s, without %v", got.EnrichedAt, theirs, got.Lacks)
		}
	}
}

// TestFetchLong: an order of 3,000 lines comes whole.
func TestFetchLong(t *testing.T) {
	const id = "2000010000000051"
	s := newScript(t)
	line := `{"item":{"id":"MLB1"},"quantity":1,"unit_price":10.01}`
	order := edited(t, file(t, "no_shipping.json"), "order_items", "["+strings.Repeat(line+",", 2999)+line+"]", "total_amount", "30030.00")
	s.says("/orders/"+id, 200, string(order))
	if o := read(t, fetched(t, s, id).Documents[0]).Order; len(o.Lines) != 3000 || amount(o.Totals.Items) != "30030.00" {
		t.Errorf("%d lines, items %s", len(o.Lines), amount(o.Totals.Items))
	}
}

// TestFetchFails: trouble that may pass makes the fetch fail, so that it is tried again and no gap is stored.
func TestFetchFails(t *testing.T) {
	const id = "2000010000000009"
	paths := []string{"/orders/" + id, "/packs/2000020000000001", "/orders/" + id + "/shipments", "/shipments/44000000001", "/shipments/44000000001/costs",
		"/shipments/44000000001/items", "/orders/billing-info/MLB/640000000000000001", "/orders/" + id + "/discounts"}
	failures := 0
	for _, path := range paths {
		for name, f := range map[string]struct {
			status int
			body   string
			kind   hub.Kind
			code   hub.Code
		}{
			"down": {503, "", hub.KindUnavailable, CodePlatform}, "too fast": {429, "{}", hub.KindThrottled, ""}, "token": {401, "{}", hub.KindUnauthentic, driver.CodeTokenRefused},
			"gone": {451, "{}", hub.KindPermanent, CodeGone}, "half": {200, `{"id":2000010000000009,"status":"pa`, hub.KindUnavailable, driver.CodeUnreadable},
			"a page": {200, `<html>`, hub.KindUnavailable, driver.CodeUnreadable}, "a text": {200, `"ok"`, hub.KindUnavailable, driver.CodeUnreadable},
			"empty": {200, ``, hub.KindUnavailable, driver.CodeUnreadable},
		} {
			s := town(t)
			s.says(path, f.status, f.body)
			got, err := s.d.Fetch(t.Context(), s, []hub.ExternalID{id})
			if hub.KindOf(err) != f.kind || hub.CodeOf(err) != f.code || err == nil || len(got.Documents) > 0 {
				t.Errorf("%s %s: %d documents, %v", path, name, len(got.Documents), err)
			}
			failures++
		}
	}
	s := town(t)
	s.says("/orders/"+id, 200, member(t, file(t, "pack_second.json"), "order"))
	if _, err := s.d.Fetch(t.Context(), s, []hub.ExternalID{id}); hub.CodeOf(err) != driver.CodeUnreadable {
		t.Errorf("another order under this id: %v", err)
	}
	if _, err := s.d.Fetch(t.Context(), s, make([]hub.ExternalID, 11)); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("too many: %v", err)
	}
	t.Logf("%d failures, none of them stored", failures)
}

// TestFetchForbidden: the address of another kind of account may refuse us, and that hides no order and fails no fetch.
func TestFetchForbidden(t *testing.T) {
	s := town(t)
	s.says("/marketplace/orders/7", 403, `{"status":403,"code":"PA_UNAUTHORIZED_RESULT_FROM_POLICIES"}`)
	s.says("/marketplace/orders/8", 400, `{"message":"Param not valid"}`)
	if got := fetched(t, s, "7", "2000010000000009", "8"); len(got.Documents) != 1 || fmt.Sprint(got.Missing) != "[7 8]" {
		t.Errorf("%d documents, missing %v", len(got.Documents), got.Missing)
	}
	s.says("/orders/2000010000000009", 403, `{"status":403,"error":"Invalid scopes","code":"FORBIDDEN"}`)
	if got, err := s.d.Fetch(t.Context(), s, []hub.ExternalID{"2000010000000009"}); hub.CodeOf(err) != CodeScope {
		t.Errorf("a scope is missing: %d documents, %v", len(got.Documents), err)
	}
}

// TestFetchReturns follows a claim to its return.
func TestFetchReturns(t *testing.T) {
	s := newScript(t)
	sample := file(t, "returned.json")
	const id = "2000010000000081"
	s.says("/orders/"+id, 200, member(t, sample, "order"))
	s.says("/orders/"+id+"/shipments", 200, member(t, sample, "shipments"))
	var shipments, returns []json.RawMessage
	if json.Unmarshal([]byte(member(t, sample, "shipments")), &shipments) != nil || json.Unmarshal([]byte(member(t, sample, "returns")), &returns) != nil {
		t.Fatal("the sample is broken")
	}
	s.says("/shipments/44000000007", 200, string(shipments[0]))
	s.says("/shipments/44000000008", 200, string(shipments[1]))
	s.says("/post-purchase/v1/claims/search", 200, `{"paging":{"total":2},"data":`+strings.Replace(member(t, sample, "claims"), "[", `[{"id":1,"type":"mediations","related_entities":[]},{"id":2,"type":"mediations","related_entities":["return"]},`, 1)+`}`)
	s.says("/post-purchase/v2/claims/5256749420/returns", 200, string(returns[0]))
	got := fetched(t, s, id)
	if o := read(t, got.Documents[0]).Order; o.Fulfillment != hub.Returned || o.PaymentStatus != hub.PaymentPartiallyRefunded {
		t.Errorf("%s %s", o.Fulfillment, o.PaymentStatus)
	}
	paths := strings.Join(s.paths(), " ")
	if !strings.Contains(paths, "/claims/2/returns") || strings.Contains(paths, "/claims/1/returns") {
		t.Errorf("asked %s", paths)
	}
	for _, c := range s.calls {
		if c.path == "/post-purchase/v1/claims/search" && c.query.Get("order_id") != id {
			t.Errorf("claims of %v", c.query)
		}
	}
}

// TestFetchOthers reads an order without shipping, and one of Global Selling.
func TestFetchOthers(t *testing.T) {
	s := newScript(t)
	s.says("/orders/2000010000000051", 200, string(file(t, "no_shipping.json")))
	s.says("/marketplace/orders/2000010000000091", 200, member(t, file(t, "cross_border.json"), "order"))
	var shipments []json.RawMessage
	if err := json.Unmarshal([]byte(member(t, file(t, "cross_border.json"), "shipments")), &shipments); err != nil {
		t.Fatal(err)
	}
	s.says("/marketplace/shipments/44000000001", 200, strings.Replace(string(shipments[0]), "44000000009", "44000000001", 1))
	got := fetched(t, s, "2000010000000051", "2000010000000091")
	if len(got.Documents) != 2 || len(got.Missing) > 0 {
		t.Fatalf("%d documents, missing %v", len(got.Documents), got.Missing)
	}
	for i, want := range []string{"delivered platform", "unfulfilled partial"} {
		if o := read(t, got.Documents[i]).Order; string(o.Fulfillment)+" "+string(o.Totals.Basis) != want {
			t.Errorf("%s %s, want %s", o.Fulfillment, o.Totals.Basis, want)
		}
	}
	for _, path := range s.paths() {
		if strings.Contains(path, "0000051/shipments") {
			t.Error("asked for the shipments of an order without any")
		}
	}
}

// TestNoAddressFromAnswers: ids in answers that are none never become a part of an address.
func TestNoAddressFromAnswers(t *testing.T) {
	s := town(t)
	const id = "2000010000000009"
	order := string(edited(t, []byte(member(t, file(t, "pack_first.json"), "order")), "pack_id", `"../users/me"`, "buyer.billing_info.id", `"1/../../users/me"`,
		"context.site", `"MLB/../x"`, "shipping.id", `"7?x=1"`))
	s.says("/orders/"+id, 200, order)
	s.says("/orders/2000010000000011", 200, string(edited(t, []byte(member(t, file(t, "pack_second.json"), "order")), "context.site", `"MLB/../x"`)))
	s.says("/orders/"+id+"/shipments", 200, `[{"id":"7/../../users/me","type":"forward"}]`)
	got := fetched(t, s, id, "2000010000000011")
	if len(got.Documents) != 2 {
		t.Fatalf("%d documents", len(got.Documents))
	}
	for _, path := range s.paths() {
		if strings.Contains(path, "users") || strings.Contains(path, "..") {
			t.Errorf("asked for %s", path)
		}
	}
}

// TestOrdersOf finds orders by what belongs to them.
func TestOrdersOf(t *testing.T) {
	s := newScript(t)
	s.says("/shipments/5/items", 200, `[{"item_id":"MLB1","order_id":21,"quantity":1},{"item_id":"MLB2","order_id":"22"},{"item_id":"MLB2","order_id":22},{"order_id":"x"}]`)
	s.says("/collections/6", 200, `{"collection":{"id":6,"order_id":23,"external_reference":"x"}}`)
	s.says("/collections/7", 200, `{"id":7,"order":{"id":24,"type":"mercadolibre"}}`)
	s.says("/collections/8", 200, `{"id":8}`)
	s.says("/collections/9", 403, `{"error":"access_denied"}`)
	for id, about := range map[string]string{"31": `"order","resource_id":2000007819609432`, "32": `"shipment","resource_id":5`, "33": `"payment","resource_id":6`, "34": `"purchase","resource_id":9`, "35": `"claim","resource_id":35`, "36": `"order","resource_id":null`} {
		s.says("/post-purchase/v1/claims/"+id, 200, `{"id":`+id+`,"resource":`+about+`}`)
	}
	s.says("/packs/9", 200, `{"id":9,"orders":[{"id":25},{"id":26}]}`)
	for _, c := range []struct {
		kind string
		id   hub.ExternalID
		want string
	}{
		{"order", "20", "[20]"}, {"shipment", "5", "[21 22]"}, {"payment", "6", "[23]"}, {"payment", "7", "[24]"}, {"claim", "31", "[2000007819609432]"},
		{"claim", "32", "[21 22]"}, {"claim", "33", "[23]"}, {"claim", "34", "[25 26]"},
	} {
		got, err := s.d.Orders(t.Context(), s, c.kind, c.id)
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s %s: %v, %v", c.kind, c.id, got, err)
		}
	}
	for kind, id := range map[string]hub.ExternalID{"payment": "8", "shipment": "404", "claim": "35", "order": "x", "planet": "5"} {
		if got, err := s.d.Orders(t.Context(), s, kind, id); hub.KindOf(err) != hub.KindNotFound || got != nil {
			t.Errorf("%s %s: %v, %v", kind, id, got, err)
		}
	}
	if _, err := s.d.Orders(t.Context(), s, "payment", "9"); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("a payment that is not shown: %v", err)
	}
	if _, err := s.d.Orders(t.Context(), s, "claim", "36"); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("a claim about nothing: %v", err)
	}
	s.says("/shipments/5/items", 500, "")
	if _, err := s.d.Orders(t.Context(), s, "claim", "32"); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("a platform that is down: %v", err)
	}
}
