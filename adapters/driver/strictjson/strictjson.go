// Package strictjson reads JSON that somebody else wrote, once and exactly.
//
// It promises that a document which it accepts means one thing only: no member appears twice in an object (names are
// compared byte for byte, so "Total_Price" is not total_price), all text is UTF-8 without lone surrogates, nesting is
// bounded, nothing follows the document, and numbers stay the text that was sent, never a float. Reading is one pass
// over the bytes into a flat array of nodes, linear in the input whatever the input is. Each failure is a *hub.Error of
// KindInvalid with a code of the parked list and a JSON path such as line_items[2].price; neither ever holds a value.
// A member's name appears in a path only when it looks like one (letters, digits, underscores), else as "?".
//
// It does not bound the size of the input, which the caller does, does not map into structs, and does not write JSON.
package strictjson

import (
	"math"

	"hub"
)

// MaxDepth is how deep arrays and objects may nest.
const MaxDepth = 64

// maxFirst bounds the text that the first array of nodes is sized for, because of several documents one may be short.
const maxFirst = 8 << 10

// Kind is the JSON type of a value.
type Kind uint8

// The kinds. Absent is the zero Kind, so the zero Value is an absent one.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// node is one value or member name. The nodes of a document lie in the order of its text, so a container's nodes follow
// it directly and next is the first one behind them. A member is its name's node, then its value's.
type node struct {
	start, end uint32 // where in the text; without the quotes for strings
	next       uint32 // first node behind this value; 0 while a container is still open
	kind       Kind
	escaped    bool // a string with backslashes
}

// document is one parsed text.
type document struct {
	text  []byte
	nodes []node
}

// Parse reads one document. White space may surround it, nothing else. The values keep pointing into text, which must
// not change while they are used; every string that they return is a copy.
func Parse(text []byte) (Value, error) {
	v, rest, err := Next(text)
	if err != nil {
		return Value{}, err
	}
	if len(trimSpace(rest)) > 0 {
		return Value{}, hub.Invalid(hub.CodeMalformed, "")
	}
	return v, nil
}

// Next reads the first of several documents that follow one another, as in JSON lines, and returns what is behind it.
// An input of white space only is CodeMalformed.
func Next(text []byte) (v Value, rest []byte, err error) {
	if len(text) > math.MaxInt32 {
		return Value{}, nil, &hub.Error{Kind: hub.KindTooLarge, Op: "reading JSON"}
	}
	p := parser{document: document{text: text, nodes: make([]node, 0, min(len(text), maxFirst)/8+8)}}
	p.space()
	if failed := p.value(0); failed != "" {
		return Value{}, nil, hub.Invalid(failed, Value{&p.document, p.failedAt}.Path())
	}
	return Value{&p.document, 0}, text[p.at:], nil
}

func trimSpace(text []byte) []byte {
	for len(text) > 0 && isSpace(text[0]) {
		text = text[1:]
	}
	return text
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }
