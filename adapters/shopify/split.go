package shopify

import (
	"bytes"

	"hub"
	"hub/adapters/driver/strictjson"
)

// Split cuts a document into bare orders: an order itself, {"order":…}, {"orders":[…]}, the GraphQL answers
// {"data":{"order"|"node"|"orders"|"nodes":…}} with connections by nodes or edges, a list of any of these, and several
// of them one after another as in JSON lines. The slices are copies. A document without any order in a place where one
// belongs is CodeMissing.
func (*Driver) Split(document []byte) ([][]byte, error) {
	var s splitter
	err := strictjson.Each(document, func(v strictjson.Value) error {
		s.any(v)
		return s.Err()
	})
	if err != nil {
		return nil, reading(err)
	}
	return s.orders, nil
}

type splitter struct {
	strictjson.Reader
	orders [][]byte
}

// any takes whatever stands at the top of a document or in a list.
func (s *splitter) any(v strictjson.Value) {
	switch {
	case v.Kind() == strictjson.Array:
		for item := range v.Items() {
			s.any(item)
		}
	case v.Kind() != strictjson.Object:
		s.Fail(hub.CodeWrongType, v)
	case v.Get("id").Kind() != strictjson.Absent:
		s.one(v) // an order has an id, an envelope has none
	case v.Get("data").Kind() != strictjson.Absent:
		s.answer(s.Need(v, "data"))
	case !s.envelope(v):
		s.one(v) // what is missing is told when it is read
	}
}

// one takes an order. None in its place is CodeMissing, so that no order vanishes silently.
func (s *splitter) one(v strictjson.Value) {
	if !v.Given() {
		s.Fail(hub.CodeMissing, v)
	}
	if s.Is(v, strictjson.Object) {
		s.orders = append(s.orders, bytes.Clone(v.Raw()))
	}
}

// answer takes the data of a GraphQL answer.
func (s *splitter) answer(data strictjson.Value) {
	if !s.Is(data, strictjson.Object) {
		return
	}
	if node := data.Get("node"); node.Given() {
		s.one(node)
	} else if nodes := data.Get("nodes"); nodes.Given() {
		s.many(nodes)
	} else if !s.envelope(data) {
		s.FailAt(hub.CodeMissing, func() string { return data.Join("order") })
	}
}

// envelope takes what is called order or orders, and reports whether there was such a member.
func (s *splitter) envelope(v strictjson.Value) bool {
	if v.Get("order").Kind() != strictjson.Absent {
		s.one(s.Need(v, "order"))
		return true
	}
	if v.Get("orders").Kind() != strictjson.Absent {
		s.many(s.Need(v, "orders"))
		return true
	}
	return false
}

// many takes a list or a connection of orders. One page of several is fine, for whoever asked turns the pages.
func (s *splitter) many(v strictjson.Value) {
	for item := range elements(&s.Reader, v, true) {
		s.one(item)
	}
}
