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
	s := splicer{doc: doc, d: json.NewDecoder(bytes.NewReader(doc))}
	if token, err := s.d.Token(); err != nil || token != json.Delim('{') {
		return nil, errFit
	}
	for s.d.More() {
		token, err := s.d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if own[name] != nil {
			return nil, errFit
		}
		if err := s.value(lists[name]); err != nil {
			return nil, err
		}
		delete(lists, name)
	}
	if _, err := s.d.Token(); err != nil || len(lists) > 0 {
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
	text, err := json.Marshal(p)
	if err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(text, &own); err != nil {
		return nil, nil, err
	}
	lists = map[string]map[int]object{}
	for name, value := range own {
		if value[0] != '[' {
			continue
		}
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
		delete(own, name)
	}
	return own, lists, nil
}

// splicer reads a document and copies it with what is inserted.
type splicer struct {
	doc    []byte
	d      *json.Decoder
	out    []byte
	copied int // of doc
}

// value reads the next value; when there is something for its elements it is a list that has them.
func (s *splicer) value(elements map[int]object) error {
	if len(elements) == 0 {
		var skipped json.RawMessage
		return s.d.Decode(&skipped)
	}
	if token, err := s.d.Token(); err != nil || token != json.Delim('[') {
		return errFit
	}
	left := len(elements)
	for at := 0; s.d.More(); at++ {
		var there object
		if err := s.d.Decode(&there); err != nil {
			return err
		}
		more, ok := elements[at]
		if !ok {
			continue
		}
		left--
		for name := range more {
			if there[name] != nil {
				return errFit
			}
		}
		if err := s.insert(more); err != nil {
			return err
		}
	}
	if _, err := s.d.Token(); err != nil || left > 0 {
		return errFit
	}
	return nil
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
	brace := int(s.d.InputOffset()) - 1
	before := bytes.TrimRight(s.doc[s.copied:brace], " \t\r\n")
	s.out = append(s.out, before...)
	if s.out[len(s.out)-1] != '{' {
		s.out = append(s.out, ',')
	}
	s.out = append(s.out, text[1:len(text)-1]...)
	s.copied = s.copied + len(before)
	return nil
}
