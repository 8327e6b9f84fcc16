package strictjson

import (
	"unicode/utf16"
	"unicode/utf8"

	"hub"
)

// escape measures the escape sequence at the start of text. A surrogate must come with its other half: alone it is
// no character, and every decoder replaces it by something else.
func escape(text []byte) (width int, failed hub.Code) {
	if len(text) < 2 {
		return 0, hub.CodeMalformed
	}
	switch text[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, ""
	case 'u':
	default:
		return 0, hub.CodeMalformed
	}
	r, ok := hex4(text[2:])
	if !ok {
		return 0, hub.CodeMalformed
	}
	if !utf16.IsSurrogate(r) {
		return 6, ""
	}
	if len(text) < 12 || text[6] != '\\' || text[7] != 'u' {
		return 0, hub.CodeInvalidUTF8
	}
	if low, ok := hex4(text[8:]); !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
		return 0, hub.CodeInvalidUTF8
	}
	return 12, ""
}

// hex4 reads four hexadecimal digits.
func hex4(text []byte) (r rune, ok bool) {
	if len(text) < 4 {
		return 0, false
	}
	for _, c := range text[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape decodes the inside of a string that the parser has accepted.
func unescape(text []byte) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			out = append(out, text[i])
			i++
			continue
		}
		if text[i+1] != 'u' {
			out = append(out, plain(text[i+1]))
			i += 2
			continue
		}
		r, _ := hex4(text[i+2:])
		i += 6
		if utf16.IsSurrogate(r) {
			low, _ := hex4(text[i+2:])
			r = utf16.DecodeRune(r, low)
			i += 6
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

// plain is the byte that a one-letter escape stands for.
func plain(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // '"', '\\' and '/'
}
