package shopify

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzGraphQL feeds the reader, the checker and the executor with anything: the answer is JSON with data or errors, and
// nothing panics.
func FuzzGraphQL(f *testing.F) {
	for _, query := range []string{
		`{shop{id name}}`, `query A($n:Int!=3,$q:String){orders(first:$n,query:$q,sortKey:UPDATED_AT,reverse:true){edges{cursor node{id ...f}} pageInfo{endCursor}}} fragment f on Order{name lineItems(first:2){nodes{title}}}`,
		`mutation{webhookSubscriptionCreate(topic:ORDERS_CREATE,webhookSubscription:{uri:"https://a.example.com",format:JSON}){webhookSubscription{id} userErrors{field message}}}`,
		`{order(id:"gid://shopify/Order/1"){discountApplications(first:1){nodes{value{... on MoneyV2{amount} ... on PricingPercentageValue{percentage}} ... on AutomaticDiscountApplication{title}}}}}`,
		`{a:shop{id} b:shop@skip(if:true){id} ...@include(if:false){shop{name}}}`, `{shop{id(x:["""block""",1.5e3,-2,{a:[null,true,X]}])}}`, "#c\n{__typename}", `{"\u00e9"`, `{shop{...f}} fragment f on Shop{...g} fragment g on Shop{...f}`,
		`{webhookSubscriptions(first:1,after:"MA=="){nodes{id}}}`, `query($t:[WebhookSubscriptionTopic!]){webhookSubscriptions(last:1,topics:$t){edges{cursor}}}`,
	} {
		f.Add(query, `{"n":2,"q":"updated_at:>2026-01-01","t":["ORDERS_PAID"]}`)
	}
	p, token, _ := rig(f, nil)
	for range 3 {
		o := act(f, p, Create, 0)
		act(f, p, Pay, o.ID)
	}
	f.Fuzz(func(t *testing.T, query, variables string) {
		if !json.Valid([]byte(variables)) {
			variables = "null"
		}
		quoted, err := json.Marshal(query)
		if err != nil {
			t.Skip("no text")
		}
		r := httptest.NewRequest(http.MethodPost, "/admin/api/2026-10/graphql.json", strings.NewReader(`{"query":`+string(quoted)+`,"variables":`+variables+`}`))
		r.Host = testShop
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Shopify-Access-Token", token.Access)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		var answer map[string]json.RawMessage
		if err := json.Unmarshal(w.Body.Bytes(), &answer); w.Code != http.StatusOK || err != nil || answer["data"] == nil && answer["errors"] == nil {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
