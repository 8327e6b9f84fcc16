package bus

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"hub"
)

const (
	tenantA = hub.TenantID("ten_01arz3ndektsv4rrffq69g5fa0")
	orderA  = hub.OrderID("ord_01arz3ndektsv4rrffq69g5fa4")
	changeA = hub.ChangeID("evt_01arz3ndektsv4rrffq69g5fa8")
)

// change is a change as the feed has it.
func change(sequence int64) hub.Change {
	doc, err := json.Marshal(hub.Order{
		ID: orderA, TenantID: tenantA, ConnectionID: "con_01arz3ndektsv4rrffq69g5fac", Platform: hub.Shopify, Revision: 1,
		Number: "#1 <&> \"platform\":\"other\"", Lines: []hub.Line{{SKU: "A", Quantity: 1}},
	})
	if err != nil {
		panic(err)
	}
	return hub.Change{
		ID: changeA, Tenant: tenantA, Stream: hub.StreamOrders, Sequence: sequence, Type: hub.OrderCreated,
		Time: time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC), OrderID: orderA, Revision: 1, Doc: doc,
	}
}

// published compiles the published schema.
func published(t testing.TB) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for name, text := range Schemas() {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("hub:///schemas/"+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile("hub://" + dataSchema)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// valid holds an event's bytes to the schema.
func valid(t testing.TB, s *jsonschema.Schema, event []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func TestEvent(t *testing.T) {
	c := change(7)
	m, err := encode(c, maxDocument)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"specversion":"1.0","id":"evt_01arz3ndektsv4rrffq69g5fa8","source":"/hub/ten_01arz3ndektsv4rrffq69g5fa0/orders",` +
		`"type":"order.created","subject":"ord_01arz3ndektsv4rrffq69g5fa4","time":"2026-01-02T03:04:05.678901Z",` +
		`"datacontenttype":"application/json","dataschema":"/schemas/order-event-1.json","data":{"tenant_id":"ten_01arz3ndektsv4rrffq69g5fa0",` +
		`"sequence":7,"order_id":"ord_01arz3ndektsv4rrffq69g5fa4","revision":1,"order":` + string(c.Doc) + `}}`
	if string(m.Data) != want {
		t.Errorf("got  %s\nwant %s", m.Data, want)
	}
	if m.Subject != "hub.ten_01arz3ndektsv4rrffq69g5fa0.orders.shopify.created" {
		t.Errorf("subject %s", m.Subject)
	}
	if len(m.Header) != 3 || m.Header.Get(jetstream.MsgIDHeader) != string(changeA) || m.Header.Get(HeaderSequence) != "7" {
		t.Errorf("headers %v", m.Header)
	}
	u, ok := uuidOf(changeA)
	parts := strings.Split(m.Header.Get(HeaderTrace), "-")
	if !ok || len(parts) != 4 || parts[0] != "00" || parts[1] != hex.EncodeToString(u[:]) || len(parts[2]) != 16 || parts[3] != "00" ||
		strings.Trim(parts[2], "0") == "" {
		t.Errorf("trace %v of %x", parts, u)
	}
	if err := valid(t, published(t), m.Data); err != nil {
		t.Error(err)
	}
}

func TestThinEvents(t *testing.T) {
	s := published(t)
	c := change(1)
	for name, limit := range map[string]int{"fits": len(c.Doc), "too large": len(c.Doc) - 1} {
		m, err := encode(c, limit)
		if err != nil {
			t.Fatal(err)
		}
		if err := valid(t, s, m.Data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		e, err := decode(m.Data, m.Header)
		if err != nil || e.Thin != (name == "too large") || e.Thin == bytes.Equal(e.Order, c.Doc) || e.Sequence != 1 || e.Revision != 1 {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	c.Doc = nil // what has no document has nothing to send
	if m, err := encode(c, maxDocument); err != nil || !bytes.Contains(m.Data, []byte(`"thin":true`)) {
		t.Errorf("without a document: %s, %v", m.Data, err)
	}
}

// The schema refuses what must never be in an event.
func TestSchemaRefuses(t *testing.T) {
	s := published(t)
	for _, doc := range []string{
		`"buyer":{"name":"x"}`, `"lines":[{"properties":[]}]`, `"discounts":[{"code":"x"}]`, `"discounts":[{"title":"x"}]`,
		`"fulfillments":[{"tracking_number":"x"}]`, `"fulfillments":[{"tracking_url":"x"}]`, `"platform":""`,
	} {
		c := change(1)
		c.Doc = append(append(bytes.TrimSuffix(c.Doc, []byte("}")), ','), doc+"}"...)
		m, err := encode(c, maxDocument)
		if err != nil {
			t.Fatal(err)
		}
		if valid(t, s, m.Data) == nil {
			t.Errorf("the schema takes %s", doc)
		}
	}
	m, err := encode(change(1), maxDocument)
	if err != nil {
		t.Fatal(err)
	}
	both := bytes.Replace(m.Data, []byte(`"revision":1,`), []byte(`"revision":1,"thin":true,`), 1)
	if valid(t, s, both) == nil {
		t.Error("the schema takes an event that is thin and is not")
	}
}

func TestSubjects(t *testing.T) {
	for _, x := range []struct {
		what string
		edit func(*hub.Change)
		want string // "" is an error
	}{
		{"cancelled", func(c *hub.Change) { c.Type = hub.OrderCancelled }, "hub." + string(tenantA) + ".orders.shopify.cancelled"},
		{"no platform", func(c *hub.Change) { c.Doc = []byte(`{"id":"x"}`) }, "hub." + string(tenantA) + ".orders.unknown.created"},
		{"a platform that is no word", func(c *hub.Change) { c.Doc = []byte(`{"platform":"a.>"}`) }, "hub." + string(tenantA) + ".orders.unknown.created"},
		{"a dot in the tenant", func(c *hub.Change) { c.Tenant = "a.b" }, ""},
		{"a wildcard as tenant", func(c *hub.Change) { c.Tenant = "*" }, ""},
		{"no tenant", func(c *hub.Change) { c.Tenant = "" }, ""},
		{"no verb", func(c *hub.Change) { c.Type = "order" }, ""},
		{"another stream", func(c *hub.Change) { c.Stream = "payments" }, ""},
		{"a line end in the id", func(c *hub.Change) { c.ID = "a\r\nb" }, ""},
		{"no number", func(c *hub.Change) { c.Sequence = 0 }, ""},
	} {
		c := change(1)
		x.edit(&c)
		got, err := Subject(c)
		if got != x.want || (err == nil) != (x.want != "") || err != nil && hub.KindOf(err) != hub.KindPermanent {
			t.Errorf("%s: %q, %v; want %q", x.what, got, err, x.want)
		}
	}
}

// What is spliced is what encoding/json would have written, for any text in any member.
func TestSplicingIsEncoding(t *testing.T) {
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"\u2028", "<&>", "\xff\xfe", "\"\\", "é\x00"}))
		doc, err := json.Marshal(map[string]string{"platform": "shopify", text.Draw(t, "key"): text.Draw(t, "value")})
		if err != nil {
			t.Fatal(err)
		}
		c := hub.Change{
			ID: "evt_1", Tenant: "ten_1", Stream: hub.StreamOrders, Sequence: rapid.Int64Range(1, 1<<62).Draw(t, "sequence"),
			Type: hub.OrderUpdated, Time: time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "s"), rapid.Int64Range(0, 999999999).Draw(t, "ns")),
			OrderID: hub.OrderID(text.Draw(t, "order")), Revision: rapid.Int64().Draw(t, "revision"), Doc: doc,
		}
		limit := rapid.SampledFrom([]int{0, maxDocument}).Draw(t, "limit")
		m, err := encode(c, limit)
		if err != nil {
			t.Fatal(err)
		}
		type data struct {
			Tenant   hub.TenantID    `json:"tenant_id"`
			Sequence int64           `json:"sequence"`
			Order    hub.OrderID     `json:"order_id"`
			Revision int64           `json:"revision"`
			Doc      json.RawMessage `json:"order,omitempty"`
			Thin     bool            `json:"thin,omitempty"`
		}
		d := data{c.Tenant, c.Sequence, c.OrderID, c.Revision, doc, false}
		if limit == 0 {
			d.Doc, d.Thin = nil, true
		}
		want, err := json.Marshal(struct {
			Spec    string         `json:"specversion"`
			ID      hub.ChangeID   `json:"id"`
			Source  string         `json:"source"`
			Type    hub.ChangeType `json:"type"`
			Subject hub.OrderID    `json:"subject"`
			Time    time.Time      `json:"time"`
			Content string         `json:"datacontenttype"`
			Schema  string         `json:"dataschema"`
			Data    data           `json:"data"`
		}{"1.0", c.ID, "/hub/ten_1/orders", c.Type, c.OrderID, c.Time.UTC(), contentType, dataSchema, d})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Data, want) {
			t.Fatalf("got  %s\nwant %s", m.Data, want)
		}
	})
	t.Logf("%d events", runs)
}

// The reader of messages takes foreign bytes.
func FuzzDecode(f *testing.F) {
	m, err := encode(change(1), maxDocument)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m.Data)
	f.Add([]byte(`{"specversion":"1.0"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decode(data, nil)
		if err == nil && (e.ID == "" || e.Tenant == "" || e.Sequence <= 0 || e.Thin != (e.Order == nil)) {
			t.Errorf("took %q as %+v", data, e)
		}
		if err != nil && hub.CodeOf(err) != CodeEvent {
			t.Errorf("refused %q with %v", data, err)
		}
	})
}
