package strictjson

import (
	"errors"

	"hub"
)

// Each calls f for each of several documents that follow one another, as in JSON lines, until it fails. There is at least
// one: an input of white space only is CodeMalformed.
func Each(text []byte, f func(Value) error) error {
	for first := true; first || len(trimSpace(text)) > 0; first = false {
		v, rest, err := Next(text)
		if err != nil {
			return err
		}
		if err := f(v); err != nil {
			return err
		}
		text = rest
	}
	return nil
}

// Read has f make something of one document. Errors without an operation get this one.
func Read[T any](op string, text []byte, f func(Value) (T, error)) (made T, err error) {
	v, err := Parse(text)
	if err == nil {
		made, err = f(v)
	}
	if err != nil {
		var none T
		return none, Named(op, err)
	}
	return made, nil
}

// Named names the operation on an error that has none.
func Named(op string, err error) error {
	var e *hub.Error
	if errors.As(err, &e) && e.Op == "" {
		named := *e
		named.Op = op
		return &named
	}
	return err
}
