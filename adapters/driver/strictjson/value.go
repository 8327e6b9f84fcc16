package strictjson

import (
	"iter"
	"strconv"
	"strings"
)

// Value is one value of a parsed document, or an absent one. It is a small reference, to be passed by value.
type Value struct {
	d  *document
	at uint32
}

// Kind returns the JSON type; Absent for the zero Value and for a member that is not there.
func (v Value) Kind() Kind {
	if v.d == nil {
		return Absent
	}
	return v.d.nodes[v.at].kind
}

// Given reports whether the value is there and not null.
func (v Value) Given() bool { return v.Kind() > Null }

// Get returns the member of that exact name; absent when there is none or when v is not an object.
func (v Value) Get(name string) Value {
	if v.Kind() != Object {
		return Value{}
	}
	nodes := v.d.nodes
	for at, end := v.at+1, v.end(); at < end; at = nodes[at+1].next {
		n := &nodes[at]
		if n.escaped {
			if unescape(v.d.text[n.start:n.end]) == name {
				return Value{v.d, at + 1}
			}
		} else if int(n.end-n.start) == len(name) && string(v.d.text[n.start:n.end]) == name {
			return Value{v.d, at + 1}
		}
	}
	return Value{}
}

// end is the first node behind v. A container that is still open, as in a document that failed, ends with the nodes.
func (v Value) end() uint32 {
	if next := v.d.nodes[v.at].next; next != 0 {
		return next
	}
	return uint32(len(v.d.nodes))
}

// Items yields the elements of an array; nothing for anything else.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != Array {
			return
		}
		for at, end := v.at+1, v.end(); at < end; at = v.d.nodes[at].next {
			if !yield(Value{v.d, at}) {
				return
			}
		}
	}
}

// Members yields the members of an object in the order of the text; nothing for anything else.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != Object {
			return
		}
		for at, end := v.at+1, v.end(); at < end; at = v.d.nodes[at+1].next {
			if !yield(v.d.string(at), Value{v.d, at + 1}) {
				return
			}
		}
	}
}

// Len counts the elements of an array; 0 for anything else.
func (v Value) Len() int {
	n := 0
	for range v.Items() {
		n++
	}
	return n
}

// Text returns what a string means, the text of a number, "true" or "false"; "" for anything else.
func (v Value) Text() string {
	switch v.Kind() {
	case String:
		return v.d.string(v.at)
	case Number, Bool:
		return string(v.Raw())
	}
	return ""
}

// Raw returns the value's text in the document, without the quotes for a string. It must not be changed.
func (v Value) Raw() []byte {
	if v.d == nil {
		return nil
	}
	n := v.d.nodes[v.at]
	return v.d.text[n.start:n.end]
}

func (d *document) string(at uint32) string {
	n := d.nodes[at]
	if n.escaped {
		return unescape(d.text[n.start:n.end])
	}
	return string(d.text[n.start:n.end])
}

// Path tells where the value is, as in line_items[2].price; "" for the document itself and for an absent value. It is
// found by walking down from the top, so that reading without failure never pays for it.
func (v Value) Path() string {
	if v.d == nil {
		return ""
	}
	var b strings.Builder
	for at := uint32(0); at != v.at; {
		container := Value{v.d, at}
		if child, ok := container.childAround(v.at, &b); ok {
			at = child
			continue
		}
		break
	}
	return b.String()
}

// childAround finds the child that holds the node target and writes the step to it.
func (v Value) childAround(target uint32, b *strings.Builder) (child uint32, ok bool) {
	holds := func(c Value) bool { return target >= c.at && target < c.end() }
	if v.Kind() == Array {
		i := 0
		for c := range v.Items() {
			if holds(c) {
				b.WriteString("[" + strconv.Itoa(i) + "]")
				return c.at, true
			}
			i++
		}
		return 0, false
	}
	for name, c := range v.Members() {
		if holds(c) {
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(shown(name))
			return c.at, true
		}
	}
	return 0, false
}

// Join returns the path of the member name of the object at path, for members that are not there.
func (v Value) Join(name string) string {
	if path := v.Path(); path != "" {
		return path + "." + name
	}
	return name
}

// shown returns a member's name as paths print it. Names are the sender's, and paths are kept in clear: one that does not look
// like those of platforms, which begin in lower case and have few digits, could be anything: an e-mail address, somebody's
// name or tax number, a forged log line.
func shown(name string) string {
	const mostDigits = 3
	digits := 0
	for i := range len(name) {
		switch c := name[i]; {
		case c == '_', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z' && i > 0:
		case c >= '0' && c <= '9' && i > 0:
			digits++
		default:
			return "?"
		}
	}
	if name == "" || len(name) > 64 || digits > mostDigits {
		return "?"
	}
	return name
}
