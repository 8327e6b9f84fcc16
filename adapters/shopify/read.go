package shopify

import (
	"strings"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// Account reads the shop that a body names by its myshopify domain: shop_domain in privacy topics, myshopify_domain in
// the Shop resource. Order bodies name none.
func (*Driver) Account(body []byte) (string, error) {
	v, err := strictjson.Parse(body)
	if err != nil {
		return "", reading(err)
	}
	var r strictjson.Reader
	account := ""
	for _, name := range shopFields {
		named := v.Get(name)
		domain := strings.ToLower(r.Name(named, maxName))
		if account != "" && domain != "" && domain != account {
			r.Fail(hub.CodeShopMismatch, named)
		}
		if domain != "" {
			account = domain
		}
	}
	if account == "" {
		r.FailAt(hub.CodeMissing, func() string { return shopFields[0] })
	}
	if r.Err() != nil {
		return "", reading(r.Err())
	}
	return account, nil
}

// shopFields are the members by which a body names its shop.
var shopFields = [...]string{"shop_domain", "myshopify_domain"}

// Read turns a delivery into what it means. The body decides: a full order is an order under any topic that concerns
// orders, and only the body that Shopify sends for a deletion deletes.
func (dr *Driver) Read(d driver.Delivery) (driver.Reading, error) {
	m := meaningOf(d.Topic)
	if m == unknown {
		return driver.Reading{}, &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeTopicUnknown, Op: "reading shopify delivery"}
	}
	v, err := strictjson.Parse(d.Body)
	if err != nil {
		return driver.Reading{}, reading(err)
	}
	if err := sameShop(v, d.Account); err != nil {
		return driver.Reading{}, reading(err)
	}
	result, err := dr.read(m, v, d)
	if err != nil {
		return driver.Reading{}, reading(err)
	}
	return result, nil
}

func (dr *Driver) read(m meaning, v strictjson.Value, d driver.Delivery) (driver.Reading, error) {
	switch {
	case m == unhandled:
		return driver.Reading{}, &hub.Error{
			Kind: hub.KindPermanent, Code: hub.CodeTopicUnknown, Op: "reading shopify delivery: topic not handled yet",
		}
	case m == permission: // the topic is not signed, so this asks for a look and says nothing
		return driver.Reading{Hints: []driver.Hint{{Kind: driver.HintConnection}}}, nil
	case m == unrelated:
		return driver.Reading{Ignored: "the topic says nothing about orders"}, nil
	case m == full || looksFull(v):
		draft, err := dr.order(v)
		if err != nil {
			return driver.Reading{}, err
		}
		return driver.Reading{Drafts: []driver.Draft{draft}}, nil
	case m == deletion:
		return dr.deleted(v, d)
	}
	return hint(v)
}

// sameShop holds a shop named in the body against the one that the delivery was sent to.
func sameShop(v strictjson.Value, account string) error {
	var r strictjson.Reader
	for _, name := range shopFields {
		if named := v.Get(name); named.Given() && !strings.EqualFold(r.Name(named, maxName), account) {
			r.Fail(hub.CodeShopMismatch, named)
		}
	}
	return r.Err()
}

// looksFull recognises an order by what only orders have together.
func looksFull(v strictjson.Value) bool {
	return v.Get("total_price").Given() && v.Get("line_items").Given() && v.Get("financial_status").Kind() != strictjson.Absent
}

// deleted reads the body of orders/delete: the id and nothing else that is given. Anything with more in it is another
// resource under this topic, and its id is not an order's.
func (dr *Driver) deleted(v strictjson.Value, d driver.Delivery) (driver.Reading, error) {
	var dec decoder
	if v.Kind() != strictjson.Object {
		dec.Fail(hub.CodeWrongType, v)
	}
	id := dec.needID(v, "id", "Order")
	for name, member := range v.Members() {
		if name == "admin_graphql_api_id" {
			dec.id(member, "Order")
		} else if name != "id" && member.Given() {
			dec.Fail(hub.CodeWrongType, member)
		}
	}
	if dec.Err() != nil {
		return driver.Reading{}, dec.Err()
	}
	at := d.ReceivedAt
	if !d.TriggeredAt.IsZero() && (d.TriggeredAt.Before(at) || at.IsZero()) {
		at = d.TriggeredAt // a header that claims the future is not believed
	}
	draft := driver.Draft{Deleted: at.UTC()}
	draft.Order.Platform, draft.Order.ExternalID = hub.Shopify, hub.ExternalID(id)
	draft.Order.Source.Rules = rules
	return driver.Reading{Drafts: []driver.Draft{draft}}, nil
}

// hint reads the order that a body refers to: order_id in refunds, transactions, fulfilments and returns (U), inside
// order_edit in orders/edited (U).
func hint(v strictjson.Value) (driver.Reading, error) {
	var dec decoder
	if v.Kind() != strictjson.Object {
		dec.Fail(hub.CodeWrongType, v)
	}
	at, name := v, "order_id"
	if edit := v.Get("order_edit"); edit.Given() {
		at = edit
	} else if order := v.Get("order"); order.Given() {
		at, name = order, "id"
	}
	id := dec.needID(at, name, "Order")
	if dec.Err() != nil {
		return driver.Reading{}, dec.Err()
	}
	return driver.Reading{Hints: []driver.Hint{{Kind: "order", ExternalID: hub.ExternalID(id)}}}, nil
}
