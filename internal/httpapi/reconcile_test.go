package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"hub"
	"hub/internal/reconcile"
)

// dayKeeping has one statement of each tenant's shop, and a list of as many as are asked for.
type dayKeeping struct {
	key    reconcile.Key
	asked  []string
	filter reconcile.Filter
	err    error
}

func newDayKeeping(t *testing.T) *dayKeeping {
	key, err := reconcile.NewKey(bytes.NewReader(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return &dayKeeping{key: key}
}

// statementOf is the id of a party's statement.
func statementOf(p party) string { return strings.Replace(string(p.id), "ten_", "rec_", 1) }

func (d *dayKeeping) Ask(_ context.Context, n reconcile.Name, day reconcile.Day) (int64, error) {
	d.asked = append(d.asked, fmt.Sprint(n.Tenant, " ", n.Connection, " ", day))
	return 4, d.err
}

func (d *dayKeeping) Statement(_ context.Context, t hub.TenantID, id reconcile.ID) (reconcile.Signed, error) {
	if string(id) != statementOf(party{id: t}) {
		return reconcile.Signed{}, &hub.Error{Kind: hub.KindNotFound, Op: "reading a statement"}
	}
	total := &hub.Money{Minor: 7, Currency: "BRL"}
	side := &reconcile.Side{Orders: 1, MoneyKnown: true, Money: []hub.Money{*total}}
	return d.key.Sign(reconcile.Statement{
		Version: reconcile.Version, ID: id, Tenant: t, Account: "a<b>&c", Platform: hub.Shopify, Day: "2026-02-28", State: reconcile.Different,
		Unknown: &reconcile.Cause{Code: "x"}, Compared: []string{"orders"}, Listed: side, Held: side, Acked: side,
		Unacked: []reconcile.Waiting{{OrderID: "ord_1", ExternalID: "2"}}, Open: 1,
		Differences: []reconcile.Difference{{Kind: reconcile.Amount, ExternalID: "2", OrderID: "ord_1", ParkedID: "prk_1", Platform: &reconcile.View{Total: total}, Hub: &reconcile.View{Cancelled: true}}},
	})
}

func (d *dayKeeping) List(_ context.Context, t hub.TenantID, f reconcile.Filter, after reconcile.ID, limit int) (list []reconcile.Entry, err error) {
	d.filter = f
	for i := range 3 {
		id := reconcile.ID(fmt.Sprint(statementOf(party{id: t}), i))
		if id > after && len(list) < limit {
			list = append(list, reconcile.Entry{ID: id, Connection: "con_1", Day: "2026-02-28", Revision: int64(i), State: reconcile.Unknown, Code: "away", MadeAt: testTime})
		}
	}
	return list, d.err
}

func (d *dayKeeping) Public() reconcile.PublicKey { return d.key.Public() }

// What is served verifies as it is, under the key that is served, and is described.
func TestStatementVerifies(t *testing.T) {
	l := newLab(t)
	got := l.want(l.do("GET", "/v1/reconciliations/"+statementOf(l.a), l.a.keys[erpRole], ""), 200, "")
	keys := l.want(l.do("GET", "/v1/reconciliations/keys", l.a.keys[auditor], ""), 200, "")
	first := keys.body["data"].([]any)[0].(map[string]any)
	for _, form := range []string{"pem", "public_key"} {
		key, err := reconcile.ParsePublicKey([]byte(first[form].(string)))
		if err != nil || key.ID() != first["key_id"] {
			t.Fatalf("%s: %v", form, err)
		}
		if st, _, err := reconcile.Verify(got.Body.Bytes(), key); err != nil || st.Tenant != l.a.id || st.Account != "a<b>&c" {
			t.Errorf("%s: %+v, %v", form, st, err)
		}
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, got.Body.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	if _, _, err := reconcile.Verify(pretty.Bytes(), l.days.Public()); err != nil {
		t.Errorf("printed prettily: %v", err)
	}
	l.want(l.do("GET", "/v1/reconciliations/"+statementOf(l.b), l.a.keys[erpRole], ""), 404, "reconciliation_not_found")
}

func TestListReconciliations(t *testing.T) {
	l := newLab(t)
	path := "/v1/reconciliations?connection_id=con_1&day_from=2026-02-01&day_to=2026-02-28&state=unknown&limit=2"
	got := l.want(l.do("GET", path, l.a.keys[merchant], ""), 200, "")
	if want := (reconcile.Filter{Connection: "con_1", From: "2026-02-01", To: "2026-02-28", State: reconcile.Unknown}); l.days.filter != want {
		t.Errorf("filter %+v", l.days.filter)
	}
	cursor, _ := got.body["next_cursor"].(string)
	if len(got.body["data"].([]any)) != 2 || cursor == "" || !strings.Contains(got.Header().Get("Link"), "day_from=2026-02-01") {
		t.Errorf("%s %v", got.Body, got.Header())
	}
	got = l.want(l.do("GET", path+"&cursor="+cursor, l.a.keys[merchant], ""), 200, "")
	if len(got.body["data"].([]any)) != 1 || got.body["next_cursor"] != nil {
		t.Error(got.Body)
	}
	l.want(l.do("GET", strings.Replace(path, "state=unknown", "state=equal", 1)+"&cursor="+cursor, l.a.keys[merchant], ""), 422, "cursor_invalid")
	for _, bad := range []string{"day_from=yesterday", "day_to=2026-02-30", "state=fine"} {
		l.want(l.do("GET", "/v1/reconciliations?"+bad, l.a.keys[merchant], ""), 422, "request_invalid")
	}
}

func TestAskReconciliation(t *testing.T) {
	l := newLab(t)
	ask := func(key string, c hub.ConnectionID, day string, status int, code string) reply {
		return l.want(l.do("POST", "/v1/reconciliations", key, fmt.Sprintf(`{"connection_id":"%s","day":"%s"}`, c, day)), status, code)
	}
	own := l.a.connection.ID
	got := ask(l.a.keys[merchant], own, "2026-02-28", 202, "")
	where := "/v1/reconciliations?connection_id=" + string(own) + "&day_from=2026-02-28&day_to=2026-02-28"
	if got.Header().Get("Location") != where || got.body["after_revision"] != 4.0 {
		t.Errorf("%v %s", got.Header(), got.Body)
	}
	l.want(l.do("GET", where, l.a.keys[merchant], ""), 200, "")
	got = ask(l.operator, own, "2026-02-28", 202, "")
	l.want(l.do("GET", got.Header().Get("Location"), l.operator, ""), 200, "")
	ask(l.a.keys[merchant], l.b.connection.ID, "2026-02-28", 404, "connection_not_found")
	ask(l.a.keys[merchant], own, "2026-02-30", 422, "request_invalid")
	l.days.err = hub.Invalid(reconcile.CodeDayInFuture, "day")
	ask(l.a.keys[merchant], own, "2026-03-28", 422, "day_in_future")
	want := fmt.Sprint([]string{fmt.Sprint(l.a.id, " ", own, " 2026-02-28"), fmt.Sprint(l.a.id, " ", own, " 2026-02-28"), fmt.Sprint(l.a.id, " ", own, " 2026-03-28")})
	if fmt.Sprint(l.days.asked) != want {
		t.Errorf("asked %v", l.days.asked)
	}
}
