package strictjson

import (
	"slices"
	"unicode/utf8"

	"hub"
)

// parser is the one pass. Its methods return the code of the first failure, "" when there is none, and leave in
// failedAt the node whose path describes the place.
type parser struct {
	document
	at       int
	failedAt uint32
	hashes   []uint32 // of the member names of the objects that are open, innermost last
}

func (p *parser) fail(code hub.Code, at int) hub.Code {
	p.failedAt = uint32(at)
	return code
}

func (p *parser) space() {
	for p.at < len(p.text) && isSpace(p.text[p.at]) {
		p.at++
	}
}

// peek returns the next byte, 0 at the end: no JSON token starts with it.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// open appends the node of a value that starts here.
func (p *parser) open(kind Kind) int {
	p.nodes = append(p.nodes, node{start: uint32(p.at), kind: kind})
	return len(p.nodes) - 1
}

// shut ends the node: here in the text, and in front of the next node.
func (p *parser) shut(at int) hub.Code {
	p.nodes[at].end = uint32(p.at)
	p.nodes[at].next = uint32(len(p.nodes))
	return ""
}

func (p *parser) value(depth int) hub.Code {
	switch c := p.peek(); {
	case c == '"':
		at := p.open(String)
		if failed := p.string(at); failed != "" {
			return failed
		}
		p.nodes[at].next = uint32(len(p.nodes))
		return ""
	case c == '{' || c == '[':
		if depth >= MaxDepth {
			return p.fail(hub.CodeTooDeep, p.open(Null))
		}
		if c == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c == 't':
		return p.word("true", Bool)
	case c == 'f':
		return p.word("false", Bool)
	case c == 'n':
		return p.word("null", Null)
	}
	return p.fail(hub.CodeMalformed, p.open(Null))
}

func (p *parser) word(word string, kind Kind) hub.Code {
	at := p.open(kind)
	if len(p.text)-p.at < len(word) || string(p.text[p.at:p.at+len(word)]) != word {
		return p.fail(hub.CodeMalformed, at)
	}
	p.at += len(word)
	return p.shut(at)
}

// number reads the grammar of RFC 8259: no leading zero, no plus, digits on both sides of the point.
func (p *parser) number() hub.Code {
	at := p.open(Number)
	if p.peek() == '-' {
		p.at++
	}
	if p.peek() == '0' {
		p.at++
	} else if !p.digits() {
		return p.fail(hub.CodeMalformed, at)
	}
	if p.peek() == '.' {
		p.at++
		if !p.digits() {
			return p.fail(hub.CodeMalformed, at)
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		if !p.digits() {
			return p.fail(hub.CodeMalformed, at)
		}
	}
	return p.shut(at)
}

// digits skips decimal digits and reports whether there was one.
func (p *parser) digits() bool {
	from := p.at
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
	}
	return p.at > from
}

func (p *parser) array(depth int) hub.Code {
	at := p.open(Array)
	p.at++
	if p.space(); p.peek() == ']' {
		p.at++
		return p.shut(at)
	}
	for {
		p.space()
		if failed := p.value(depth + 1); failed != "" {
			return failed
		}
		p.space()
		switch p.peek() {
		case ',':
			p.at++
		case ']':
			p.at++
			return p.shut(at)
		default:
			return p.fail(hub.CodeMalformed, at)
		}
	}
}

func (p *parser) object(depth int) hub.Code {
	at := p.open(Object)
	p.at++
	if p.space(); p.peek() == '}' {
		p.at++
		return p.shut(at)
	}
	mark := len(p.hashes)
	for {
		if failed := p.member(at, depth); failed != "" {
			return failed
		}
		p.space()
		switch p.peek() {
		case ',':
			p.at++
		case '}':
			p.at++
			p.shut(at)
			return p.unique(at, mark)
		default:
			return p.fail(hub.CodeMalformed, at)
		}
	}
}

// member reads one name and its value.
func (p *parser) member(object, depth int) hub.Code {
	p.space()
	if p.peek() != '"' {
		return p.fail(hub.CodeMalformed, object)
	}
	name := p.open(String)
	if failed := p.string(name); failed != "" {
		return p.fail(failed, object)
	}
	n := &p.nodes[name]
	n.next = uint32(len(p.nodes))
	if n.escaped {
		p.hashes = append(p.hashes, hashOf(p.document.string(uint32(name))))
	} else {
		p.hashes = append(p.hashes, hashOf(p.text[n.start:n.end]))
	}
	p.space()
	if p.peek() != ':' {
		return p.fail(hub.CodeMalformed, object)
	}
	p.at++
	p.space()
	return p.value(depth + 1)
}

// unique refuses an object with two members of one name. Equal names have equal hashes; only when two hashes meet are
// the names themselves compared, through a map, so names made to collide cost linear time too.
func (p *parser) unique(object, mark int) hub.Code {
	hashes := p.hashes[mark:]
	p.hashes = p.hashes[:mark]
	slices.Sort(hashes)
	for i := 1; i < len(hashes); i++ {
		if hashes[i] == hashes[i-1] {
			return p.uniqueExactly(object)
		}
	}
	return ""
}

func (p *parser) uniqueExactly(object int) hub.Code {
	seen := make(map[string]struct{})
	for name, v := range (Value{&p.document, uint32(object)}).Members() {
		if _, twice := seen[name]; twice {
			return p.fail(hub.CodeDuplicateKey, int(v.at))
		}
		seen[name] = struct{}{}
	}
	return ""
}

// string reads the string that starts here into the node.
func (p *parser) string(at int) hub.Code {
	p.at++
	n := &p.nodes[at]
	n.start = uint32(p.at)
	text, seen := p.text, byte(0)
	for i := p.at; i < len(text); i++ {
		c := text[i]
		seen |= c
		switch {
		case c == '"':
			p.at, n.end = i+1, uint32(i)
			if seen >= utf8.RuneSelf && !utf8.Valid(text[n.start:i]) {
				return p.fail(hub.CodeInvalidUTF8, at)
			}
			return ""
		case c == '\\':
			n.escaped = true
			width, failed := escape(text[i:])
			if failed != "" {
				return p.fail(failed, at)
			}
			i += width - 1
		case c < ' ':
			return p.fail(hub.CodeMalformed, at)
		}
	}
	return p.fail(hub.CodeMalformed, at)
}

// hashOf is FNV-1a; see unique for the little that it decides.
func hashOf[T string | []byte](name T) uint32 {
	hash := uint32(2166136261)
	for i := range len(name) {
		hash = (hash ^ uint32(name[i])) * 16777619
	}
	return hash
}
