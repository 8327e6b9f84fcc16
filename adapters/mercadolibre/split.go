package mercadolibre

import (
	"bytes"

	"hub"
	"hub/adapters/driver/strictjson"
)

// Split cuts a document into single orders: an order itself, the document of Fetch, a search's {"results":[…]}, a list of
// any of these, and several of them one after another as in JSON lines. The slices are copies. A document without any order
// in a place where one belongs is CodeMissing. The search of Global Selling lists carts and not orders: they are cut, and
// refused when they are read.
func (*Driver) Split(text []byte) ([][]byte, error) {
	var s splitter
	err := strictjson.Each(text, func(v strictjson.Value) error {
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
	case !v.Given():
		s.Fail(hub.CodeMissing, v)
	case v.Kind() != strictjson.Object:
		s.Fail(hub.CodeWrongType, v)
	case v.Get("results").Kind() != strictjson.Absent && v.Get("id").Kind() == strictjson.Absent:
		results := s.Need(v, "results")
		s.Is(results, strictjson.Array)
		for item := range results.Items() {
			s.any(item)
		}
	default:
		s.orders = append(s.orders, bytes.Clone(v.Raw())) // what is missing is told when it is read
	}
}
