package erp

import (
	"bytes"
	"encoding/json"
	"errors"

	"hub"
)

// errFit says that personal data belongs to a place that the document does not have, or has filled.
var errFit = errors.New("a place is missing or taken")

// splice puts personal fields into an order's document: each member behind those of the object that it belongs to. All
// that was there stays byte for byte and in its order, so that a client sees the same record with and without; decoding
// the result gives what hub.Join gives.
func splice(doc []byte, p hub.Personal) ([]byte, error) {
	own, lists, err := members(p)
	if err != nil {
		return nil, err
	}
	s := splicer{walk: walk{text: doc}}
	if !s.enter('{') {
		return nil, errFit
	}
	for s.more('}') {
		name, err := s.name()
		if err != nil {
			return nil, err
		}
		if own[name] != nil {
			return nil, errFit
		}
		if err := s.value(lists[name]); err != nil {
			return nil, err
		}
		delete(lists, name)
	}
	if s.bad || len(lists) > 0 {
		return nil, errFit
	}
	if err := s.insert(own); err != nil {
		return nil, err
	}
	return append(s.out, doc[s.copied:]...), nil
}

// object is the members of a JSON object.
type object map[string]json.RawMessage

// members takes the personal data apart: what belongs to the order itself, and what to elements of its lists, by list and
// place.
func members(p hub.Personal) (own object, lists map[string]map[int]object, err error) {
	own, lists = object{}, map[string]map[int]object{}
	if p.Buyer != nil {
		if own["buyer"], err = json.Marshal(p.Buyer); err != nil {
			return nil, nil, err
		}
		if p.Buyer = nil; p.Empty() { // most have nothing else
			return own, lists, nil
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, nil, err
	}
	var rest object
	if err := json.Unmarshal(text, &rest); err != nil {
		return nil, nil, err
	}
	for name, value := range rest {
		var elements []object
		if err := json.Unmarshal(value, &elements); err != nil {
			return nil, nil, err
		}
		lists[name] = map[int]object{}
		for _, e := range elements {
			var at int
			if err := json.Unmarshal(e["at"], &at); err != nil || lists[name][at] != nil {
				return nil, nil, errFit
			}
			delete(e, "at")
			lists[name][at] = e
		}
	}
	return own, lists, nil
}

// splicer reads a document and copies it with what is inserted.
type splicer struct {
	walk
	out    []byte
	copied int // of the document
}

// value reads the next value; when there is something for its elements it is a list that has them.
func (s *splicer) value(elements map[int]object) error {
	if len(elements) == 0 {
		s.skip()
		return nil
	}
	if !s.enter('[') {
		return errFit
	}
	left := len(elements)
	for at := 0; s.more(']'); at++ {
		more, ok := elements[at]
		if !ok {
			s.skip()
			continue
		}
		left--
		if err := s.element(more); err != nil {
			return err
		}
	}
	if s.bad || left > 0 {
		return errFit
	}
	return nil
}

// element reads an object that has none of the members yet, and adds them.
func (s *splicer) element(more object) error {
	if !s.enter('{') {
		return errFit
	}
	for s.more('}') {
		name, err := s.name()
		if err != nil {
			return err
		}
		if more[name] != nil {
			return errFit
		}
		s.skip()
	}
	if s.bad {
		return errFit
	}
	return s.insert(more)
}

// insert puts members before the brace that was read last.
func (s *splicer) insert(more object) error {
	if len(more) == 0 {
		return nil
	}
	text, err := json.Marshal(more)
	if err != nil {
		return err
	}
	before := bytes.TrimRight(s.text[s.copied:s.at-1], " \t\r\n")
	s.out = append(s.out, before...)
	if s.out[len(s.out)-1] != '{' {
		s.out = append(s.out, ',')
	}
	s.out = append(s.out, text[1:len(text)-1]...)
	s.copied += len(before)
	return nil
}
