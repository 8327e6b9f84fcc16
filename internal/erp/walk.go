package erp

import (
	"bytes"
	"encoding/json"
	"strings"
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
func (w *walk) name() (string, error) {
	from := w.at
	w.peek()
	start := w.at
	w.quoted()
	if w.bad {
		return "", errFit
	}
	raw := w.text[start:w.at]
	if !w.take(':') {
		return "", errFit
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	var name string
	if err := json.Unmarshal(w.text[from:w.at-1], &name); err != nil {
		return "", err
	}
	return name, nil
}

// quoted reads a string.
func (w *walk) quoted() {
	if !w.take('"') {
		return
	}
	for ; w.at < len(w.text); w.at++ {
		switch w.text[w.at] {
		case '\\':
			w.at++
		case '"':
			w.at++
			return
		}
	}
	w.bad = true
}

// skip reads a value.
func (w *walk) skip() {
	for depth := 0; !w.bad; {
		switch c := w.peek(); c {
		case 0:
			w.bad = true
			return
		case '"':
			w.quoted()
		case '{', '[':
			depth++
			w.at++
			continue
		case '}', ']':
			depth--
			w.at++
		case ',', ':':
			if depth == 0 {
				w.bad = true
				return
			}
			w.at++
			continue
		default:
			for w.at < len(w.text) && strings.IndexByte(" \t\r\n,:{}[]\"", w.text[w.at]) < 0 {
				w.at++
			}
		}
		if depth <= 0 {
			w.bad = w.bad || depth < 0
			return
		}
	}
}
