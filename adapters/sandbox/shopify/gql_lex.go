package shopify

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The reader of GraphQL: as much of the language as queries and mutations need (spec.graphql.org, October 2021), with
// bounds on what strangers send.

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenMark
	tokenName
	tokenInt
	tokenFloat
	tokenString
)

type lexeme struct {
	kind tokenKind
	text string
	at   place
}

// place is where something stands in a document, counted from 1.
type place struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

type syntaxError struct {
	at   place
	text string
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("syntax error, %s at [%d, %d]", e.text, e.at.Line, e.at.Column)
}

// lexer cuts a document into tokens.
type lexer struct {
	text string
	pos  int
	line int
	from int // where the line begins
}

func (l *lexer) place() place { return place{l.line + 1, l.pos - l.from + 1} }

func (l *lexer) fail(text string) *syntaxError { return &syntaxError{l.place(), text} }

// blank skips white space, commas and comments.
func (l *lexer) blank() {
	for ; l.pos < len(l.text); l.pos++ {
		switch c := l.text[l.pos]; {
		case c == '\n':
			l.line++
			l.from = l.pos + 1
		case c == ' ' || c == '\t' || c == '\r' || c == ',':
		case c == '#':
			for l.pos+1 < len(l.text) && l.text[l.pos+1] != '\n' {
				l.pos++
			}
		default:
			return
		}
	}
}

func (l *lexer) next() (lexeme, error) {
	l.blank()
	t := lexeme{at: l.place()}
	rest := l.text[l.pos:]
	if rest == "" {
		return t, nil
	}
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "..."):
		t.kind, t.text = tokenMark, "..."
	case strings.IndexByte("{}()[]:!$=@|&", c) >= 0:
		t.kind, t.text = tokenMark, rest[:1]
	case isNameByte(c) && !isDigit(c):
		t.kind, t.text = tokenName, span(rest, isNameByte)
	case c == '"':
		return l.quoted(t)
	case c == '-' || isDigit(c):
		return l.number(t)
	default:
		return t, l.fail("unexpected character")
	}
	l.pos += len(t.text)
	return t, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameByte(c byte) bool {
	return c == '_' || isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func span(s string, in func(byte) bool) string {
	n := 0
	for n < len(s) && in(s[n]) {
		n++
	}
	return s[:n]
}

func (l *lexer) number(t lexeme) (lexeme, error) {
	text := span(l.text[l.pos:], func(c byte) bool { return isNameByte(c) || strings.IndexByte("+-.", c) >= 0 })
	t.kind, t.text = tokenInt, text
	whole := strings.TrimPrefix(text, "-")
	if digits := span(whole, isDigit); digits != whole {
		t.kind = tokenFloat
		if digits == "" || strings.Trim(whole, "0123456789.eE+-") != "" {
			return t, l.fail("a number that is none")
		}
	}
	if whole == "" || len(whole) > 1 && whole[0] == '0' && isDigit(whole[1]) || len(text) > 40 {
		return t, l.fail("a number that is none")
	}
	l.pos += len(text)
	return t, nil
}

// quoted reads a string. Block strings are taken as they stand, without the removal of common indents.
func (l *lexer) quoted(t lexeme) (lexeme, error) {
	t.kind = tokenString
	if rest, block := strings.CutPrefix(l.text[l.pos:], `"""`); block {
		text, _, closed := strings.Cut(rest, `"""`)
		if !closed {
			return t, l.fail("an open string")
		}
		l.pos += len(text) + 6
		l.line += strings.Count(text, "\n")
		if i := strings.LastIndexByte(text, '\n'); i >= 0 {
			l.from = l.pos - len(text) - 3 + i + 1
		}
		t.text = strings.TrimSpace(text)
		return t, nil
	}
	var b strings.Builder
	for l.pos++; l.pos < len(l.text); {
		c := l.text[l.pos]
		switch {
		case c == '"':
			l.pos++
			t.text = b.String()
			return t, nil
		case c == '\n' || c < ' ' && c != '\t':
			return t, l.fail("an open string")
		case c == '\\':
			if err := l.escape(&b); err != nil {
				return t, err
			}
		default:
			b.WriteByte(c)
			l.pos++
		}
	}
	return t, l.fail("an open string")
}

func (l *lexer) escape(b *strings.Builder) error {
	rest := l.text[l.pos+1:]
	if rest == "" {
		return l.fail("an open string")
	}
	if i := strings.IndexByte(`"\/bfnrt`, rest[0]); i >= 0 {
		b.WriteByte("\"\\/\b\f\n\r\t"[i])
		l.pos += 2
		return nil
	}
	if rest[0] != 'u' || len(rest) < 5 {
		return l.fail("an unknown escape")
	}
	var r rune
	for _, c := range []byte(rest[1:5]) {
		digit := strings.IndexByte("0123456789abcdef", c|0x20)
		if digit < 0 {
			return l.fail("an unknown escape")
		}
		r = r<<4 | rune(digit)
	}
	if !utf8.ValidRune(r) {
		r = utf8.RuneError
	}
	b.WriteRune(r)
	l.pos += 6
	return nil
}
