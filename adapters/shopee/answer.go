package shopee

import (
	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// answer reads what a call brought. A failure is the platform's, and it may answer better the next time.
type answer struct {
	decoder
	top strictjson.Value
}

// openAnswer reads an answer that Judge took for a success.
func openAnswer(a driver.Answer) *answer {
	v, err := strictjson.Parse(a.Body)
	opened := &answer{top: v}
	if err != nil || v.Kind() != strictjson.Object {
		opened.Fail(hub.CodeMalformed, v)
	}
	return opened
}

// response is the member that most answers wrap.
func (a *answer) response() strictjson.Value { return a.Need(a.top, "response") }

// err names a failure by its place in the answer, in the terms of a call.
func (a *answer) err(name string) error {
	failed := a.decoder.Err()
	if failed == nil {
		return nil
	}
	return &hub.Error{
		Kind: hub.KindUnavailable, Code: driver.CodeUnreadable, Op: "reading the answer of shopee " + name, Path: hub.PathOf(failed),
	}
}
