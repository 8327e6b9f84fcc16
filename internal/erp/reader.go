package erp

import "strconv"

// reader goes through a canonical text: no white space, the members of an object in the order of their struct, none that is
// empty. Whatever is otherwise makes it bad, and it then ends everything that it is in.
type reader struct {
	text []byte
	at   int
	bad  bool
}

// is goes over a byte if it is the next.
func (r *reader) is(c byte) bool {
	if r.bad || r.at >= len(r.text) || r.text[r.at] != c {
		return false
	}
	r.at++
	return true
}

func (r *reader) want(c byte) {
	if !r.is(c) {
		r.bad = true
	}
}

// members reads an object with some of the named members, in their order; value reads the one with that place.
func (r *reader) members(names []string, value func(at int)) {
	r.want('{')
	for next, first := 0, true; !r.bad && !r.is('}'); first = false {
		if !first {
			r.want(',')
		}
		at := r.name(names[next:])
		if r.bad {
			return
		}
		value(next + at)
		next += at + 1
	}
}

// name goes over a name that is among these, and its colon.
func (r *reader) name(names []string) int {
	rest := r.text[r.at:]
	for at, name := range names {
		n := len(name)
		if len(rest) > n+2 && rest[0] == '"' && string(rest[1:n+1]) == name && rest[n+1] == '"' && rest[n+2] == ':' {
			r.at += n + 3
			return at
		}
	}
	r.bad = true
	return 0
}

// elements reads a list that is not empty.
func (r *reader) elements(value func()) {
	r.want('[')
	for first := true; !r.bad && (first || !r.is(']')); first = false {
		if !first {
			r.want(',')
		}
		value()
	}
}

// quoted goes over a string. What is inside was printed by json.Marshal and sealed.
func (r *reader) quoted() (value []byte) {
	start := r.at
	if r.want('"'); r.bad {
		return nil
	}
	end := behind(r.text, r.at)
	if r.bad = end == 0; r.bad {
		return nil
	}
	r.at = end
	return r.text[start:end]
}

// words goes over a string that holds something.
func (r *reader) words() (value []byte) {
	value = r.quoted()
	if len(value) == len(`""`) {
		r.bad = true
	}
	return value
}

// buyer goes over a field of the buyer.
func (r *reader) buyer(field int) (value []byte) {
	start := r.at
	switch field {
	case billingField, shippingField:
		r.members(addressFields[:], func(int) { r.words() })
	case attributesField:
		r.notes()
	case tagsField:
		r.elements(func() { r.quoted() })
	default:
		r.words()
	}
	return r.text[start:r.at]
}

func (r *reader) notes() {
	r.elements(func() { r.members(noteFields[:], func(int) { r.words() }) })
}

// piece reads what belongs to one element of a list: its place, then the fields.
func (r *reader) piece(list int) (p piece) {
	r.want('{')
	r.name(atField[:])
	p.at = r.number()
	for next := 0; !r.bad && !r.is('}'); {
		r.want(',')
		field := next + r.name(listFields[list][next:])
		if r.bad {
			return p
		}
		start := r.at
		if list == linesList && field == propertiesField {
			r.notes()
		} else {
			r.words()
		}
		p.values[field], next = r.text[start:r.at], field+1
	}
	return p
}

// atField is the name of the place in a list.
var atField = [...]string{"at"}

func (r *reader) number() int {
	start := r.at
	for r.at < len(r.text) && (r.text[r.at] == '-' || r.text[r.at] >= '0' && r.text[r.at] <= '9') {
		r.at++
	}
	n, err := strconv.Atoi(string(r.text[start:r.at]))
	if err != nil {
		r.bad = true
	}
	return n
}
