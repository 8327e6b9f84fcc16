package erp

import (
	"bytes"
	"errors"
)

// errFit says that personal data belongs to a place that the document does not have, or has filled.
var errFit = errors.New("a place is missing or taken")

// splice puts personal fields into an order's document: each member behind those of the object that it belongs to. All
// that was there stays byte for byte and in its order, so that a client sees the same record with and without; decoding
// the result gives what hub.Join gives. It is appended to room.
func splice(room []byte, doc []byte, p *pieces) ([]byte, error) {
	s := splicer{walk: walk{text: doc}, out: room}
	if !s.enter('{') {
		return nil, errFit
	}
	var found [len(listFields)]bool
	for s.more('}') {
		name, err := s.name()
		if err != nil || p.person && string(name) == partFields[0] {
			return nil, errFit
		}
		list := listOf(name)
		if list < 0 || len(p.lists[list]) == 0 || found[list] {
			s.skip()
			continue
		}
		found[list] = true
		if err := s.list(list, p.lists[list]); err != nil {
			return nil, err
		}
	}
	if s.bad {
		return nil, errFit
	}
	for list, elements := range p.lists {
		if len(elements) > 0 && !found[list] {
			return nil, errFit
		}
	}
	if p.person {
		s.open()
		s.buyer(p)
	}
	return append(s.out, doc[s.copied:]...), nil
}

// listOf is the number of a list that can have personal fields, -1 for everything else.
func listOf(name []byte) int {
	for i, of := range listNames {
		if string(name) == of {
			return i
		}
	}
	return -1
}

// splicer reads a document and copies it with what is inserted.
type splicer struct {
	walk
	out    []byte
	copied int // of the document
}

// list reads a list that has all of these elements, which are in the order of their places, and adds what belongs to them.
func (s *splicer) list(list int, elements []piece) error {
	if !s.enter('[') {
		return errFit
	}
	for at := 0; s.more(']'); at++ {
		if len(elements) == 0 || elements[0].at != at {
			s.skip()
			continue
		}
		if err := s.element(list, &elements[0]); err != nil {
			return err
		}
		elements = elements[1:]
	}
	if s.bad || len(elements) > 0 {
		return errFit
	}
	return nil
}

// element reads an object that has none of the members yet, and adds them.
func (s *splicer) element(list int, more *piece) error {
	if !s.enter('{') {
		return errFit
	}
	for s.more('}') {
		name, err := s.name()
		if err != nil {
			return err
		}
		for i, value := range more.values {
			if value != nil && string(name) == listFields[list][i] {
				return errFit
			}
		}
		s.skip()
	}
	if s.bad {
		return errFit
	}
	s.insert(list, more)
	return nil
}

// insert puts members before the brace that was read last, in the order of their names: so it was from the beginning, and a
// page that was read once is the same for ever.
func (s *splicer) insert(list int, more *piece) {
	order := [...]int{0, 1}
	if list == linesList {
		order = [...]int{propertiesField, 0}
	}
	for _, i := range order {
		if more.values[i] != nil {
			s.open()
			s.member(listFields[list][i], more.values[i])
		}
	}
}

// open copies the document up to the brace that was read last, unless that was done, and makes room for one more member.
func (s *splicer) open() {
	before := bytes.TrimRight(s.text[s.copied:s.at-1], " \t\r\n")
	s.out = append(s.out, before...)
	s.copied += len(before)
	if s.out[len(s.out)-1] != '{' {
		s.out = append(s.out, ',')
	}
}

// buyer adds the person.
func (s *splicer) buyer(p *pieces) {
	s.out = append(s.out, `"buyer":{`...)
	first := true
	for i, value := range p.buyer {
		if value == nil {
			continue
		}
		if !first {
			s.out = append(s.out, ',')
		}
		first = false
		s.member(buyerFields[i], value)
	}
	s.out = append(s.out, '}')
}

func (s *splicer) member(name string, value []byte) {
	s.out = append(append(append(append(s.out, '"'), name...), `":`...), value...)
}
