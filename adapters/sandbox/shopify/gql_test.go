package shopify

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestGraphQLRefuses: mistakes in a document are errors in the shape of the real API, with status 200 and no data.
func TestGraphQLRefuses(t *testing.T) {
	p, token, _ := rig(t, nil)
	for name, c := range map[string]struct {
		query     string
		variables map[string]any
		code      string
		text      string
	}{
		"unknown field":        {`{orders(first:1){nodes{id colour}}}`, nil, "undefinedField", "Field 'colour' doesn't exist on type 'Order'"},
		"unknown root":         {`{sku{id}}`, nil, "undefinedField", "Field 'sku' doesn't exist on type 'QueryRoot'"},
		"unknown argument":     {`{orders(first:1,colour:2){nodes{id}}}`, nil, "argumentNotAccepted", "colour"},
		"missing argument":     {`mutation M { webhookSubscriptionCreate(webhookSubscription:{uri:"x"}){userErrors{message}} }`, nil, "missingRequiredArguments", "Field 'webhookSubscriptionCreate' is missing required arguments: topic"},
		"null argument":        {`{order(id:null){id}}`, nil, "argumentLiteralsIncompatible", "Argument 'id' on Field 'order' has an invalid value (null). Expected type 'ID!'."},
		"unknown topic":        {`mutation{webhookSubscriptionCreate(topic:SHOP_REDACT,webhookSubscription:{uri:"https://a.example.com"}){userErrors{message}}}`, nil, "argumentLiteralsIncompatible", "SHOP_REDACT"},
		"string for an enum":   {`{orders(first:1,sortKey:"ID"){nodes{id}}}`, nil, "argumentLiteralsIncompatible", "sortKey"},
		"no selection":         {`{shop}`, nil, "selectionMismatch", "Field must have selections"},
		"selection on scalar":  {`{shop{id{x}}}`, nil, "selectionMismatch", "Selections can't be made on scalars"},
		"no page size":         {`{orders{nodes{id}}}`, nil, "BAD_REQUEST", "you must provide one of first or last"},
		"page too large":       {`{orders(first:251){nodes{id}}}`, nil, "MAX_INPUT_SIZE_EXCEEDED", "251"},
		"bad variable":         {`query($n:Int!){orders(first:$n){nodes{id}}}`, map[string]any{"n": "x"}, "INVALID_VARIABLE", "Variable $n of type Int! was provided invalid value"},
		"missing variable":     {`query($n:Int!){orders(first:$n){nodes{id}}}`, nil, "INVALID_VARIABLE", "$n"},
		"undeclared variable":  {`{orders(first:$n){nodes{id}}}`, nil, "variableNotDefined", "$n"},
		"unknown fragment":     {`{shop{...f}}`, nil, "useAndDefineFragment", "f"},
		"endless fragment":     {`{shop{...f}} fragment f on Shop{...f}`, nil, "infiniteLoop", "f"},
		"another kind's id":    {`{order(id:"gid://shopify/Product/1"){id}}`, nil, "argumentLiteralsIncompatible", "Invalid global id"},
		"too expensive":        {`{orders(first:250){nodes{lineItems(first:4){nodes{id}}}}}`, nil, "MAX_COST_EXCEEDED", "1250"},
		"no syntax":            {`{orders(`, nil, "", "syntax error"},
		"variable mistyped":    {`query Q($id:Int!){order(id:$id){id}}`, map[string]any{"id": 5}, "variableMismatch", "Type mismatch on variable $id and argument id (Int! / ID!)"},
		"variable may be null": {`query($id:ID){order(id:$id){id}}`, map[string]any{"id": "gid://shopify/Order/1"}, "variableMismatch", "(ID / ID!)"},
		"variable for a list":  {`query($id:ID!){nodes(ids:$id){id}}`, map[string]any{"id": "gid://shopify/Order/1"}, "variableMismatch", "(ID! / [ID!]!)"},
		"variable in a list":   {`query($id:String!){nodes(ids:[$id]){id}}`, map[string]any{"id": "gid://shopify/Order/1"}, "variableMismatch", "(String! / ID!)"},
		"variable in an input": {`mutation($u:Int!){webhookSubscriptionCreate(topic:SHOP_UPDATE,webhookSubscription:{uri:$u}){userErrors{message}}}`, map[string]any{"u": 5}, "variableMismatch", "argument uri (Int! / String)"},
		"variable unused":      {`query Q($n:Int){shop{id}}`, map[string]any{"n": 5}, "variableNotUsed", "Variable $n is declared by Q but not used"},
		"fragment unused":      {`{shop{id}} fragment f on Shop{id}`, nil, "useAndDefineFragment", "Fragment f was defined, but not used"},
		"unknown directive":    {`{shop @idempotent(key:"x"){id}}`, nil, "undefinedDirective", "Directive @idempotent is not defined"},
		"two operations":       {`query A{shop{id}} query B{shop{id}}`, nil, "", "operation name"},
		"a foreign cursor":     {`{orders(first:1,after:"x"){nodes{id}}}`, nil, "BAD_REQUEST", "Invalid cursor"},
	} {
		status, _, answer := ask(t, p, token.Access, "2026-10", c.query, c.variables)
		if status != http.StatusOK || answer["errors"] == nil {
			t.Errorf("%s: %d %v", name, status, answer)
			continue
		}
		first := at(t, answer, "errors", 0)
		code := ""
		if extensions, ok := first.(map[string]any)["extensions"].(map[string]any); ok {
			code, _ = extensions["code"].(string)
		}
		if code != c.code || !strings.Contains(at(t, first, "message").(string), c.text) {
			t.Errorf("%s: %v", name, first)
		}
	}
}

// TestSelectionsMerge: what is asked for twice has both, in objects and lists, through fragments and aliases.
func TestSelectionsMerge(t *testing.T) {
	p, token, _ := rig(t, nil)
	act(t, p, Create, 0)
	d := data(t, p, token.Access, `query Q($no:Boolean!){o:orders(first:1){nodes{id} ...c} shop{name ...s} shop{id} skipped:shop@skip(if:true){id} shop@include(if:$no){currencyCode}}
		fragment c on OrderConnection{nodes{number:name totalPriceSet{shopMoney{amount}} totalPriceSet{shopMoney{currencyCode}}}} fragment s on Shop{myshopifyDomain}`, map[string]any{"no": false})
	order, shop := at(t, d, "o", "nodes", 0), at(t, d, "shop").(map[string]any)
	if at(t, order, "number") != "#1001" || at(t, order, "id") == nil || at(t, order, "totalPriceSet", "shopMoney", "amount") == nil ||
		at(t, order, "totalPriceSet", "shopMoney", "currencyCode") != "USD" || len(shop) != 3 || shop["myshopifyDomain"] != testShop || len(d) != 2 {
		t.Errorf("%v", d)
	}
}

// TestAccess: no token, a wrong version and a missing scope.
func TestAccess(t *testing.T) {
	p, token, _ := rig(t, nil, "read_products")
	if status, _, answer := ask(t, p, "shpat_wrong", "2026-10", `{shop{id}}`, nil); status != 401 || answer["errors"] == nil {
		t.Errorf("%d %v", status, answer)
	}
	if status, _, _ := ask(t, p, token.Access, "2026-11", `{shop{id}}`, nil); status != 404 {
		t.Errorf("a version that is none: %d", status)
	}
	_, _, answer := ask(t, p, token.Access, "2026-10", `{orders(first:1){nodes{id}}}`, nil)
	if at(t, answer, "errors", 0, "extensions", "code") != "ACCESS_DENIED" || !strings.Contains(at(t, answer, "errors", 0, "message").(string), "Required access: `read_orders` access scope") {
		t.Errorf("%v", answer)
	}
	if v, ok := answer["data"]; !ok || v != nil {
		t.Errorf("data is %v", v)
	}
	_, header, _ := ask(t, p, token.Access, "2024-01", `{shop{id}}`, nil)
	if got := header.Get("X-Shopify-Api-Version"); got != "2026-01" {
		t.Errorf("an expired version was served as %q", got)
	}
}

// TestThrottle: the bucket holds 2000 points and restores 100 a second; requested counts, actual is charged.
func TestThrottle(t *testing.T) {
	p, token, _ := rig(t, nil)
	const dear = `{orders(first:250){nodes{id customer{id} billingAddress{city} transactions{id}}}}` // 250 × (order + customer + transactions)
	left := func(answer map[string]any) (requested, actual any, available string) {
		cost := at(t, answer, "extensions", "cost")
		return at(t, cost, "requestedQueryCost"), at(t, cost, "actualQueryCost"), fmt.Sprint(at(t, cost, "throttleStatus", "currentlyAvailable"))
	}
	for range 3 {
		act(t, p, Create, 0)
	}
	_, _, answer := ask(t, p, token.Access, "2026-10", dear, nil)
	requested, actual, available := left(answer)
	if fmt.Sprint(requested) != "750" || fmt.Sprint(actual) == "750" || available == "2000" {
		t.Errorf("requested %v, actual %v, available %s", requested, actual, available)
	}
	p.shops[0].buckets[p.apps[0]].milli = 749_999
	status, _, answer := ask(t, p, token.Access, "2026-10", dear, nil)
	if _, actual, available := left(answer); status != 200 || at(t, answer, "errors", 0, "extensions", "code") != "THROTTLED" || answer["data"] != nil || actual != nil || available != "749" {
		t.Errorf("%d %v", status, answer)
	}
	p.Advance(t.Context(), 10*time.Millisecond) // one point
	if _, _, answer := ask(t, p, token.Access, "2026-10", dear, nil); answer["errors"] != nil {
		t.Errorf("%v", answer)
	}
	p.Advance(t.Context(), 20*time.Second)
	if _, _, answer := ask(t, p, token.Access, "2026-10", `{__typename}`, nil); fmt.Sprint(at(t, answer, "extensions", "cost", "throttleStatus", "currentlyAvailable")) != "2000" {
		t.Errorf("a full bucket: %v", answer)
	}
}

// TestCosts compares with the costs that recorded answers of the real API have.
func TestCosts(t *testing.T) {
	p, token, _ := rig(t, nil)
	for query, want := range map[string]string{
		`{webhookSubscription(id:"gid://shopify/WebhookSubscription/1"){id endpoint{callbackUrl}}}`:                                                                                                       "1",
		`mutation{webhookSubscriptionCreate(topic:SHOP_UPDATE,webhookSubscription:{uri:"https://a.example.com/1"}){webhookSubscription{id endpoint{__typename}} userErrors{message}}}`:                    "10",
		`mutation{a:webhookSubscriptionDelete(id:"gid://shopify/WebhookSubscription/1"){userErrors{message}} b:webhookSubscriptionDelete(id:"gid://shopify/WebhookSubscription/2"){userErrors{message}}}`: "20",
		`{shop{id name}}`: "1",
		`{order(id:"gid://shopify/Order/1"){totalPriceSet{shopMoney{amount} presentmentMoney{amount}}}}`: "1",
		`{orders(first:10){edges{cursor node{id}} pageInfo{hasNextPage}}}`:                               "10",
	} {
		_, _, answer := ask(t, p, token.Access, "2026-10", query, nil)
		if got := fmt.Sprint(at(t, answer, "extensions", "cost", "requestedQueryCost")); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

// TestOrderWindow: 60 days without read_all_orders, in lists and by id.
func TestOrderWindow(t *testing.T) {
	for _, all := range []bool{false, true} {
		scopes := []string{"read_orders"}
		if all {
			scopes = append(scopes, "read_all_orders")
		}
		p, token, _ := rig(t, nil, scopes...)
		o := act(t, p, Create, 0)
		count := func() int {
			d := data(t, p, token.Access, `query($id:ID!){order(id:$id){id} orders(first:5){nodes{id}}}`, map[string]any{"id": gid("Order", o.ID)})
			n := len(at(t, d, "orders", "nodes").([]any))
			if (d["order"] != nil) != (n == 1) {
				t.Errorf("list and id disagree: %v", d)
			}
			return n
		}
		p.Advance(t.Context(), 60*24*time.Hour)
		if count() != 1 {
			t.Error("hidden within 60 days")
		}
		p.Advance(t.Context(), time.Second)
		act(t, p, Note, o.ID) // a change does not make it younger
		if (count() == 1) != all {
			t.Errorf("after 60 days, all orders %v: %d", all, count())
		}
	}
}

// TestPagination walks through the orders while they change: each order that does not change is seen exactly once.
func TestPagination(t *testing.T) {
	p, token, _ := rig(t, nil)
	var ids []int64
	for range 23 {
		ids = append(ids, act(t, p, Create, 0).ID)
		p.Advance(t.Context(), time.Second)
	}
	for _, reverse := range []bool{false, true} {
		seen := map[string]int{}
		var after any
		for pages := 0; ; pages++ {
			d := data(t, p, token.Access, `query($after:String,$r:Boolean){orders(first:5,after:$after,sortKey:UPDATED_AT,reverse:$r,query:"updated_at:>='2026-11-21T12:00:00Z'"){edges{cursor node{id}} pageInfo{hasNextPage endCursor}}}`, map[string]any{"after": after, "r": reverse})
			for _, e := range at(t, d, "orders", "edges").([]any) {
				seen[at(t, e, "node", "id").(string)]++
			}
			act(t, p, Note, ids[pages%3]) // moves to the newest end
			p.Advance(t.Context(), time.Second)
			if after = at(t, d, "orders", "pageInfo", "endCursor"); at(t, d, "orders", "pageInfo", "hasNextPage") == false {
				break
			}
			if pages > 20 {
				t.Fatal("it never ends")
			}
		}
		for _, id := range ids[3:] {
			if seen[gid("Order", id)] != 1 {
				t.Errorf("reverse %v: order %d was seen %d times", reverse, id, seen[gid("Order", id)])
			}
		}
	}
}

// TestFilters of the query argument, with the real platform's way with a field that it does not know.
func TestFilters(t *testing.T) {
	p, token, _ := rig(t, nil)
	a := act(t, p, Create, 0)
	p.Advance(t.Context(), time.Hour)
	b := act(t, p, Create, 0)
	act(t, p, Pay, b.ID)
	for query, want := range map[string]int{
		``: 2, `created_at:>2026-11-21T12:00:00Z`: 1, `updated_at:<='2026-11-21T12:00:00Z'`: 1, `created_at:2026-11-21T13:00:00Z`: 1,
		fmt.Sprintf("id:%d", a.ID): 1, fmt.Sprintf("id:>%d", a.ID): 1, `financial_status:paid`: 1, `financial_status:paid AND created_at:<2026-11-21T12:30:00Z`: 0,
		`name:#1001`: 1, `status:cancelled`: 0, `status:any`: 2, `test:true`: 0, `updated_att:>2030-01-01`: 2,
	} {
		_, _, answer := ask(t, p, token.Access, "2026-10", `query($q:String){orders(first:9,query:$q){nodes{id}}}`, map[string]any{"q": query})
		if got := len(at(t, answer, "data", "orders", "nodes").([]any)); got != want {
			t.Errorf("%q: %d orders, want %d", query, got, want)
		}
		if warned := at(t, answer, "extensions").(map[string]any)["search"] != nil; warned != strings.HasPrefix(query, "updated_att") {
			t.Errorf("%q: warned %v", query, warned)
		}
	}
}

// TestProtectedData: what is not approved is null in webhooks, and null with a refusal in the API; without the first level
// there are neither orders nor topics.
func TestProtectedData(t *testing.T) {
	for name, c := range map[string]struct {
		fields  []string
		seen    []string
		refused int
	}{
		"level 1":      {nil, []string{"customer"}, 10},
		"e-mail":       {[]string{"email"}, []string{"customer", "example.com"}, 8},
		"name, phone":  {[]string{"name", "phone"}, []string{"customer", "first", "555"}, 4},
		"all of them":  {[]string{"name", "address", "phone", "email"}, []string{"customer", "first", "555", "street", "example.com"}, 0},
		"address only": {[]string{"address"}, []string{"customer", "street"}, 8},
	} {
		p, token, in := rig(t, func(s *AppSpec) { s.Fields, s.Hooks = c.fields, []Hook{{[]string{"orders/create"}, testHook}} })
		var o *Order
		for o == nil || o.customer == 0 {
			o = p.shops[0].order(act(t, p, Create, 0).ID)
		}
		p.Advance(t.Context(), 0)
		_, _, answer := ask(t, p, token.Access, "2026-10", `query($id:ID!){order(id:$id){email phone note customer{id firstName email phone} billingAddress{name firstName address1 phone countryCodeV2} shippingAddress{address1}}}`, map[string]any{"id": gid("Order", o.ID)})
		graph, err := json.Marshal(answer["data"])
		if err != nil {
			t.Fatal(err)
		}
		refused, _ := answer["errors"].([]any)
		for _, e := range refused {
			if at(t, e, "extensions", "code") != "ACCESS_DENIED" || !strings.HasPrefix(at(t, e, "message").(string), "This app is not approved to use the ") || at(t, e, "path", 0) != "order" {
				t.Errorf("%s: %v", name, e)
			}
		}
		if len(refused) != c.refused {
			t.Errorf("%s: %d refusals: %v", name, len(refused), refused)
		}
		body := strings.ReplaceAll(string(in.bodies[len(in.bodies)-1]), `\/`, "/")
		marks := map[string]string{
			"customer": fmt.Sprint(o.customer), "first": people[o.person].first, "street": people[o.person].street, "555": "555", "example.com": o.email(),
		}
		for what, mark := range marks {
			for where, text := range map[string]string{"graphql": string(graph), "webhook": body} {
				if what == "customer" { // the id is part of the e-mail address too
					mark = fmt.Sprintf("%d", o.customer)
					text = strings.ReplaceAll(text, o.email(), "")
				}
				if strings.Contains(text, mark) != slices.Contains(c.seen, what) {
					t.Errorf("%s: %s in %s: %v", name, what, where, strings.Contains(text, mark))
				}
			}
		}
		if at(t, answer, "data", "order", "billingAddress", "countryCodeV2") == nil {
			t.Errorf("%s: the country is hidden", name)
		}
	}
}

// TestDecimals: GraphQL does not pad, and REST does not drop.
func TestDecimals(t *testing.T) {
	for amount, want := range map[string]string{
		"25.00": "25.0", "12.50": "12.5", "30.03": "30.03", "0.00": "0.0", "23600": "23600.0", "1.500": "1.5", "-3.10": "-3.1",
	} {
		if got := decimal(amount); got != want {
			t.Errorf("%s: %s", amount, got)
		}
	}
	p := Open(Options{Start: begin})
	if _, err := p.AddShop(ShopSpec{Name: "acme", Currency: "JPY", Decimals: 0}); err != nil {
		t.Fatal(err)
	}
	o := p.shops[0].order(act(t, p, Create, 0).ID)
	if rest := string(o.Body()); !strings.Contains(rest, fmt.Sprintf(`"total_price":"%d"`, o.Total())) {
		t.Errorf("%s", rest)
	}
}

// TestSubscriptions: making, listing and removing through the API, in the words of recorded answers.
func TestSubscriptions(t *testing.T) {
	p, token, _ := rig(t, nil)
	const create = `mutation($uri:String,$topic:WebhookSubscriptionTopic!){webhookSubscriptionCreate(topic:$topic,webhookSubscription:{uri:$uri,format:JSON}){webhookSubscription{id uri topic apiVersion{handle}} userErrors{field message}}}`
	for uri, want := range map[string]string{
		"": "Address can't be blank", "http://example.com": "Address protocol http:// is not supported", "https://a.myshopify.com/x": "Address cannot be a Shopify or an internal domain",
		"https://127.0.0.1/x": "Address cannot be a Shopify or an internal domain", "https://10.0.0.1/x": "Address cannot be a Shopify or an internal domain",
		"http://127.0.0.1:8080/x": "Address protocol http:// is not supported", "https://localhost/x": "Address cannot be a Shopify or an internal domain",
	} {
		d := data(t, p, token.Access, create, map[string]any{"uri": uri, "topic": "ORDERS_CREATE"})
		if at(t, d, "webhookSubscriptionCreate", "webhookSubscription") != nil || at(t, d, "webhookSubscriptionCreate", "userErrors", 0, "message") != want ||
			at(t, d, "webhookSubscriptionCreate", "userErrors", 0, "field", 1) != "callbackUrl" {
			t.Errorf("%q: %v", uri, d)
		}
	}
	made := map[string]any{"uri": testHook, "topic": "ORDERS_CREATE"}
	_, _, answer := ask(t, p, token.Access, "2026-04", create, made)
	sub := at(t, answer, "data", "webhookSubscriptionCreate", "webhookSubscription")
	if at(t, sub, "uri") != testHook || at(t, sub, "apiVersion", "handle") != "2026-04" {
		t.Errorf("%v", answer)
	}
	if d := data(t, p, token.Access, create, made); at(t, d, "webhookSubscriptionCreate", "userErrors", 0, "message") != "Address for this topic has already been taken" {
		t.Errorf("%v", d)
	}
	list := data(t, p, token.Access, `{webhookSubscriptions(first:10,topics:[ORDERS_CREATE]){nodes{id topic endpoint{__typename ... on WebhookHttpEndpoint{callbackUrl}}}}}`, nil)
	if at(t, list, "webhookSubscriptions", "nodes", 0, "endpoint", "callbackUrl") != testHook {
		t.Errorf("%v", list)
	}
	const remove = `mutation($id:ID!){webhookSubscriptionDelete(id:$id){deletedWebhookSubscriptionId userErrors{message}}}`
	if d := data(t, p, token.Access, remove, map[string]any{"id": at(t, sub, "id")}); at(t, d, "webhookSubscriptionDelete", "deletedWebhookSubscriptionId") != at(t, sub, "id") {
		t.Errorf("%v", d)
	}
	if d := data(t, p, token.Access, remove, map[string]any{"id": at(t, sub, "id")}); at(t, d, "webhookSubscriptionDelete", "userErrors", 0, "message") != "Webhook subscription does not exist" {
		t.Errorf("%v", d)
	}
	p.o.Loopback = true
	if d := data(t, p, token.Access, create, map[string]any{"uri": "http://127.0.0.1:8080/x",
		"topic": "ORDERS_PAID"}); at(t, d, "webhookSubscriptionCreate", "webhookSubscription") == nil {
		t.Errorf("%v", d)
	}
}
