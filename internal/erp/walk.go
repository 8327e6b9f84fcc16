package erp

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// walk goes through a JSON text that this program has printed, without making values of it: most of a document is skipped.
// What is no JSON makes it bad, and it then ends everything that it is in.
type walk struct {
	text  []byte
	at    int
	first bool // nothing of the object or list that was entered last has been read
	bad   bool
}

// peek is the next byte that is no white space; 0 at the end.
func (w *walk) peek() byte {
	for ; w.at < len(w.text); w.at++ {
		switch c := w.text[w.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (w *walk) take(c byte) bool {
	if w.bad || w.peek() != c {
		w.bad = true
		return false
	}
	w.at++
	return true
}

// enter goes into an object or a list.
func (w *walk) enter(opening byte) bool {
	w.first = true
	return w.take(opening)
}

// more goes to the next member or element; at the end it leaves, over the closing byte.
func (w *walk) more(closing byte) bool {
	first := w.first
	w.first = false
	switch {
	case w.bad:
		return false
	case w.peek() == closing:
		w.at++
		return false
	case first:
		return true
	}
	return w.take(',')
}

// name reads the name of a member, and its colon.
func (w *walk) name() ([]byte, error) {
	w.peek()
	start := w.at
	w.quoted()
	if w.bad {
		return nil, errFit
	}
	raw := w.text[start:w.at]
	if !w.take(':') {
		return nil, errFit
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	var name string
	if err := json.Unmarshal(raw, &name); err != nil {
		return nil, err
	}
	return []byte(name), nil
}

// quoted reads a string.
func (w *walk) quoted() {
	if !w.take('"') {
		return
	}
	if w.at = behind(w.text, w.at); w.at == 0 {
		w.at, w.bad = len(w.text), true
	}
}

// behind is the place behind a string that begins before from; 0 when it has no end. Most strings are so short that looking at
// each byte here is quicker than a call of what is quick with long ones.
func behind(text []byte, from int) int {
	for ; from < len(text); from++ {
		switch text[from] {
		case '"':
			return from + 1
		case '\\':
			from++
		}
	}
	return 0
}

// skip reads a value. Inside of an object or a list it counts braces and looks no closer.
func (w *walk) skip() {
	switch w.peek() {
	case '"':
		w.quoted()
	case '{', '[':
		w.nested()
	default:
		start := w.at
		for w.at < len(w.text) && !endsWord[w.text[w.at]] {
			w.at++
		}
		w.bad = w.bad || w.at == start
	}
}

// nested reads an object or a list.
func (w *walk) nested() {
	text, depth := w.text, 0
	for at := w.at; at < len(text); at++ {
		switch c := text[at]; {
		case c == '"':
			if at = behind(text, at+1) - 1; at < 0 {
				w.bad = true
				return
			}
		case c|0x20 == '{': // a bracket, too
			depth++
		case c|0x20 == '}':
			if depth--; depth == 0 {
				w.at = at + 1
				return
			}
		}
	}
	w.bad = true
}

// endsWord is true for what ends a number, true, false and null.
var endsWord = [256]bool{' ': true, '\t': true, '\r': true, '\n': true, ',': true, ':': true, '{': true, '}': true, '[': true, ']': true, '"': true}

// integer reads a number without fraction or exponent.
func (w *walk) integer() (n int64, bad bool) {
	w.peek()
	start := w.at
	w.skip()
	n, err := strconv.ParseInt(string(w.text[start:w.at]), 10, 64)
	return n, w.bad || err != nil
}
