package shopee

import (
	"bytes"

	"hub"
	"hub/adapters/driver/strictjson"
)

// Split cuts a document into single orders: a bare order, the hub's own document of a fetch (which stays whole), the
// answer of get_order_detail {"response":{"order_list":[…]}}, {"order_list":[…]}, a list of any of these, and several of
// them one after another as in JSON lines. The slices are copies. A document without any order in a place where one
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
	case v.Get("order_sn").Kind() != strictjson.Absent || v.Get("order").Kind() != strictjson.Absent:
		s.one(v)
	case v.Get("response").Kind() != strictjson.Absent:
		response := s.Need(v, "response")
		if s.Is(response, strictjson.Object) {
			s.many(s.Need(response, "order_list"))
		}
	case v.Get("order_list").Kind() != strictjson.Absent:
		s.many(s.Need(v, "order_list"))
	case v.Get("error").Given():
		s.FailAt(hub.CodeMissing, func() string { return v.Join("response") }) // an answer that says no
	default:
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

// many takes a list of orders.
func (s *splitter) many(list strictjson.Value) {
	if !s.Is(list, strictjson.Array) {
		return
	}
	for item := range list.Items() {
		s.one(item)
	}
}
