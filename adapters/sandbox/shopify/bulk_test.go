package shopify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const bulkRun = `mutation($q:String!){bulkOperationRunQuery(query:$q){bulkOperation{id status objectCount} userErrors{field message code}}}`

const bulkOrders = `{orders{edges{node{id name lineItems{edges{node{id sku}}}}}}}`

// bulkStart runs a bulk query and returns its id, or "" and what is wrong.
func bulkStart(t *testing.T, p *Platform, token, version, query string) (id, problem, code string) {
	t.Helper()
	_, _, answer := ask(t, p, token, version, bulkRun, map[string]any{"q": query})
	run := at(t, answer, "data", "bulkOperationRunQuery")
	if list := at(t, run, "userErrors").([]any); len(list) > 0 {
		if at(t, run, "bulkOperation") != nil {
			t.Error("refused and started")
		}
		return "", at(t, list, 0, "message").(string), fmt.Sprint(at(t, list, 0, "code"))
	}
	return at(t, run, "bulkOperation", "id").(string), "", ""
}

func bulkState(t *testing.T, p *Platform, token, id string) map[string]any {
	t.Helper()
	d := data(t, p, token, `query($id:ID!){bulkOperation(id:$id){status errorCode objectCount rootObjectCount fileSize url}}`, map[string]any{"id": id})
	op, _ := d["bulkOperation"].(map[string]any)
	return op
}

// TestBulkRules: the refusals of recorded answers.
func TestBulkRules(t *testing.T) {
	p, token, _ := rig(t, nil)
	for query, want := range map[string]string{
		`{shop{id}}`:          "Bulk queries must contain at least one connection.",
		`{orders{nodes{id}}}`: "All connection fields in a bulk query must select their contents using 'edges' > 'node', e.g: 'orders { edges { node {'. Selecting via 'nodes' is not supported. Invalid connection fields: 'orders'.",
		`mutation{appUninstall{userErrors{message}}}`:                               "Invalid operation type. Only `query` operations are supported.",
		`{orders{edges{node{id refunds{refundLineItems{edges{node{quantity}}}}}}}}`: "Queries that contain a connection field within a list field are not currently supported.",
		`{node(id:"gid://shopify/Order/1"){id}}`:                                    "Bulk queries cannot contain a top level `node` field.",
		`{orders{edges{node{id shippingLines{edges{node{title}}}}}}}`:               "The connection 'shippingLines' must implement the Node interface.",
		`{orders{edges{node{id colour}}}}`:                                          "Invalid bulk query: Field 'colour' doesn't exist on type 'Order'",
	} {
		id, problem, code := bulkStart(t, p, token.Access, "2026-10", query)
		if id != "" || problem != want || code != "INVALID" {
			t.Errorf("%s: %q %s", query, problem, code)
		}
	}
	if _, problem, _ := bulkStart(t, p, token.Access, "2026-10", ""); !strings.HasPrefix(problem, "Invalid bulk query: syntax error") {
		t.Errorf("%q", problem)
	}
}

// TestBulkLife: five at once, then a refusal that names them; each ends, tells so and has a file, whose address ends.
func TestBulkLife(t *testing.T) {
	p, token, in := rig(t, func(s *AppSpec) { s.Hooks = []Hook{{[]string{"bulk_operations/finish"}, testHook}} })
	for range 20 {
		act(t, p, Create, 0)
	}
	var ids []string
	for range bulkAtOnce {
		id, problem, _ := bulkStart(t, p, token.Access, "2026-10", bulkOrders)
		if problem != "" {
			t.Fatal(problem)
		}
		ids = append(ids, id)
	}
	id, problem, code := bulkStart(t, p, token.Access, "2026-10", bulkOrders)
	if id != "" || code != "OPERATION_IN_PROGRESS" || !strings.Contains(problem, strings.Join(ids, ", ")) {
		t.Errorf("%q %s", problem, code)
	}
	if s := bulkState(t, p, token.Access, ids[0]); s["status"] != "CREATED" || s["url"] != nil {
		t.Errorf("%v", s)
	}
	d := data(t, p, token.Access, `mutation($id:ID!){bulkOperationCancel(id:$id){bulkOperation{status} userErrors{message}}}`, map[string]any{"id": ids[4]})
	if at(t, d, "bulkOperationCancel", "bulkOperation", "status") != "CANCELING" {
		t.Errorf("%v", d)
	}
	p.Advance(t.Context(), time.Minute)
	told := map[string]int{}
	for _, body := range in.bodies {
		for _, status := range []string{"completed", "canceled"} {
			if bytes.Contains(body, []byte(`"status":"`+status+`"`)) && bytes.Contains(body, []byte(`"error_code":null`)) {
				told[status]++
			}
		}
	}
	if len(in.bodies) != 5 || told["completed"] != 4 || told["canceled"] != 1 {
		t.Errorf("%d deliveries told of it: %v", len(in.bodies), told)
	}
	if s := bulkState(t, p, token.Access, ids[4]); s["status"] != "CANCELED" || s["url"] != nil {
		t.Errorf("%v", s)
	}
	s := bulkState(t, p, token.Access, ids[0])
	if s["status"] != "COMPLETED" || s["rootObjectCount"] != "20" {
		t.Fatalf("%v", s)
	}
	checkFile(t, p, s)
	p.Advance(t.Context(), bulkLife)
	if status, _ := load(p, s["url"].(string), ""); status != http.StatusForbidden {
		t.Errorf("after a week: %d", status)
	}
	if s := bulkState(t, p, token.Access, ids[0]); s["status"] != "EXPIRED" || s["url"] != nil {
		t.Errorf("%v", s)
	}
	if s := bulkState(t, p, token.Access, "gid://shopify/BulkOperation/1"); s != nil {
		t.Errorf("%v", s)
	}
}

func load(p *Platform, address, ranges string) (int, []byte) {
	r := httptest.NewRequest(http.MethodGet, address, nil)
	if ranges != "" {
		r.Header.Set("Range", ranges)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

// checkFile reads a file whole and in ranges: a line for each object, lines with their parent.
func checkFile(t *testing.T, p *Platform, s map[string]any) {
	t.Helper()
	status, file := load(p, s["url"].(string), "")
	if status != http.StatusOK || fmt.Sprint(len(file)) != s["fileSize"] {
		t.Fatalf("%d, %d bytes of %v", status, len(file), s["fileSize"])
	}
	if status, _ := load(p, strings.Replace(s["url"].(string), "Signature=", "Signature=0", 1), ""); status != http.StatusForbidden {
		t.Errorf("a wrong signature: %d", status)
	}
	if status, part := load(p, s["url"].(string), "bytes=10-19"); status != http.StatusPartialContent || !bytes.Equal(part, file[10:20]) {
		t.Errorf("%d %q", status, part)
	}
	roots, lines := map[string]bool{}, 0
	for line := range bytes.Lines(file) {
		var v struct {
			ID, Name, SKU string
			Parent        string `json:"__parentId"`
		}
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		if v.Parent == "" {
			roots[v.ID] = true
		} else if lines++; !roots[v.Parent] || v.SKU == "" || bytes.Contains(line, []byte("lineItems")) {
			t.Errorf("%s", line)
		}
	}
	if len(roots) != 20 || fmt.Sprint(len(roots)+lines) != s["objectCount"] {
		t.Errorf("%d orders and %d lines of %v", len(roots), lines, s["objectCount"])
	}
}

// TestBulkWithoutRight: an operation that may not read ends as failed, and so does one that a fault hits; before 2026-01 only
// one runs at a time.
func TestBulkWithoutRight(t *testing.T) {
	p, token, in := rig(t, func(s *AppSpec) { s.Hooks = []Hook{{[]string{"bulk_operations/finish"}, testHook}} }, "read_products")
	id, _, _ := bulkStart(t, p, token.Access, "2026-10", bulkOrders)
	p.Advance(t.Context(), time.Minute)
	if s := bulkState(t, p, token.Access, id); s["status"] != "FAILED" || s["errorCode"] != "ACCESS_DENIED" || s["url"] != nil {
		t.Errorf("%v", s)
	}
	if len(in.bodies) != 1 || !bytes.Contains(in.bodies[0], []byte(`"error_code":"access_denied"`)) || !bytes.Contains(in.bodies[0], []byte(`"status":"failed"`)) {
		t.Errorf("%q told of it", in.bodies)
	}
	p = Open(Options{Start: begin.AddDate(-1, 0, 0)})
	if _, err := p.AddApp(spec()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.AddShop(ShopSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	made, err := p.Install(testApp, testShop, []string{"read_orders"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.FaultNext(BulkFail, 1); err != nil {
		t.Fatal(err)
	}
	id, _, _ = bulkStart(t, p, made.Access, "2025-10", bulkOrders)
	if _, _, code := bulkStart(t, p, made.Access, "2025-10", bulkOrders); code != "OPERATION_IN_PROGRESS" {
		t.Errorf("a second one: %s", code)
	}
	p.Advance(t.Context(), time.Minute)
	if _, _, answer := ask(t, p, made.Access, "2025-10", `query($id:ID!){node(id:$id){...on BulkOperation{status errorCode}}}`, map[string]any{"id": id}); at(t, answer, "data", "node", "status") != "FAILED" {
		t.Errorf("%v", answer)
	}
}

// TestBulkRuns: starting an operation waits for nothing, also where it runs at once; it is RUNNING, with a growing count and no
// file, until its time is over.
func TestBulkRuns(t *testing.T) {
	p, token, _ := rig(t, nil)
	for range 3 * bulkSlice {
		act(t, p, Create, 0)
	}
	id, _, _ := bulkStart(t, p, token.Access, "2026-10", bulkOrders)
	p.Advance(t.Context(), bulkBegins)
	if s := bulkState(t, p, token.Access, id); s["status"] != "RUNNING" || s["rootObjectCount"] != fmt.Sprint(3*bulkSlice) || s["url"] != nil || s["fileSize"] != nil {
		t.Errorf("%v", s)
	}
	p.Advance(t.Context(), time.Minute)
	if s := bulkState(t, p, token.Access, id); s["status"] != "COMPLETED" {
		t.Errorf("%v", s)
	}
	synctest.Test(t, func(t *testing.T) {
		p.o.Unlimited = true
		c := &call{platform: p, install: p.shops[0].installs[0], version: "2026-10"}
		p.line.Lock()
		answer, refused := c.runBulk(map[string]any{"query": bulkOrders})
		b := p.bulk[len(p.bulk)-1]
		if refused != nil || b.status != "CREATED" || len(b.file) > 0 || at(t, answer, "bulkOperation", "status") != "CREATED" {
			t.Errorf("%v, %s with %d bytes", answer, b.status, len(b.file))
		}
		p.line.Unlock()
		synctest.Wait()
		p.line.Lock()
		defer p.line.Unlock()
		if b.status != "COMPLETED" || b.roots != 3*bulkSlice {
			t.Errorf("%s, %d orders", b.status, b.roots)
		}
	})
}

// TestNodes: orders by id in one question, null for what is not there, and charged for each.
func TestNodes(t *testing.T) {
	p, token, _ := rig(t, nil)
	o := act(t, p, Create, 0)
	act(t, p, Pay, o.ID)
	for range 3 {
		if _, err := p.Act(testShop, RefundOne, o.ID); err == nil {
			break
		}
	}
	d := data(t, p, token.Access, `query($ids:[ID!]!){nodes(ids:$ids){__typename id ... on Order{name refunds{id}}}}`, map[string]any{"ids": []string{gid("Order", o.ID), gid("Order", 5), "gid://shopify/Nothing/1"}})
	if at(t, d, "nodes", 0, "name") != o.Name || at(t, d, "nodes", 0, "__typename") != "Order" || at(t, d, "nodes", 1) != nil || at(t, d, "nodes", 2) != nil {
		t.Errorf("%v", d)
	}
	refund := at(t, d, "nodes", 0, "refunds", 0, "id")
	d = data(t, p, token.Access, `query($id:ID!){node(id:$id){... on Refund{refundLineItems(first:5){nodes{quantity lineItem{id}} pageInfo{hasNextPage}}}}}`, map[string]any{"id": refund})
	if at(t, d, "node", "refundLineItems", "nodes", 0, "lineItem", "id") == nil {
		t.Errorf("%v", d)
	}
	ids := make([]string, 251)
	for i := range ids {
		ids[i] = gid("Order", o.ID)
	}
	if _, _, answer := ask(t, p, token.Access, "2026-10", `query($ids:[ID!]!){nodes(ids:$ids){id}}`, map[string]any{"ids": ids}); at(t, answer, "errors", 0, "extensions", "code") != "MAX_INPUT_SIZE_EXCEEDED" {
		t.Errorf("%v", answer["errors"])
	}
}

// TestAppUninstallsItself: the mutation ends the tokens like an uninstall by the merchant.
func TestAppUninstallsItself(t *testing.T) {
	p, token, _ := rig(t, nil)
	data(t, p, token.Access, `mutation{appUninstall{userErrors{message}}}`, nil)
	if status, _, _ := ask(t, p, token.Access, "2026-10", `{shop{id}}`, nil); status != http.StatusUnauthorized {
		t.Errorf("%d", status)
	}
}
