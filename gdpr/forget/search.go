package forget

import (
	"bytes"
	"net/url"
	"slices"
	"strconv"
	"unicode/utf8"

	"hub/gdpr"
)

// names reports whether text, of which nothing is known but that it could not be parsed, holds one of the identifiers. It
// would rather find too much: a delivery that is emptied without need is fetched again by reconciliation.
func names(text []byte, identifiers []gdpr.Identifier) bool {
	for _, form := range [][]byte{text, unescaped(text), percentDecoded(text)} {
		form = bytes.ToLower(form)
		for _, id := range identifiers {
			if form != nil && named(form, id) {
				return true
			}
		}
	}
	return false
}

// short is below how many bytes a number must stand alone, since it would be a part of many others.
const short = 7

// subscriber is how many last digits of a telephone number are compared, because the country or a 0 may be in front.
const subscriber = 9

// named looks for one identifier in text in lower case.
func named(text []byte, id gdpr.Identifier) bool {
	value := bytes.ToLower([]byte(id.Value))
	switch id.Kind {
	case gdpr.IdentifierPhone:
		if n := len(value); n > subscriber {
			value = value[n-subscriber:]
		}
		return contains(text, value, " ()-./+\t\u00a0", len(value) < short)
	case gdpr.IdentifierTaxID:
		return contains(text, value, " .-/", len(value) < short)
	case gdpr.IdentifierEmail:
		return contains(text, value, "", false)
	}
	return contains(text, value, "", true)
}

// contains reports whether value is in text when the bytes of skip are left out of the text between its bytes. alone says
// that no letter or digit may stand next to it.
func contains(text, value []byte, skip string, alone bool) bool {
	if len(value) == 0 {
		return false
	}
	for at := 0; at < len(text); at++ {
		next := bytes.IndexByte(text[at:], value[0])
		if next < 0 {
			return false
		}
		at += next
		end, ok := matches(text, at, value, skip)
		if ok && (!alone || (at == 0 || !wordByte(text[at-1])) && (end == len(text) || !wordByte(text[end]))) {
			return true
		}
	}
	return false
}

// matches compares value with what stands at a place, and returns where that ends.
func matches(text []byte, at int, value []byte, skip string) (end int, ok bool) {
	for i, b := range value {
		for i > 0 && at < len(text) && bytes.IndexByte([]byte(skip), text[at]) >= 0 {
			at++
		}
		if at == len(text) || text[at] != b {
			return 0, false
		}
		at++
	}
	return at, true
}

func wordByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= utf8.RuneSelf
}

// unescaped undoes the escapes of JSON strings wherever they stand, also in text that is no JSON; nil when there are none.
func unescaped(text []byte) []byte {
	if !bytes.Contains(text, []byte{'\\'}) {
		return nil
	}
	out := make([]byte, 0, len(text))
	for at := 0; at < len(text); at++ {
		if text[at] != '\\' || at+1 == len(text) {
			out = append(out, text[at])
			continue
		}
		at++
		switch b := text[at]; b {
		case 'n', 't', 'r', 'b', 'f':
			out = append(out, ' ')
		case 'u':
			code, err := strconv.ParseUint(string(text[at+1:min(at+5, len(text))]), 16, 32)
			if err != nil || at+5 > len(text) {
				continue
			}
			out, at = utf8.AppendRune(out, rune(code)), at+4
		default:
			out = append(out, b)
		}
	}
	return out
}

// percentDecoded undoes the escapes of forms and URLs; nil when there are none.
func percentDecoded(text []byte) []byte {
	if !bytes.Contains(text, []byte{'%'}) {
		return nil
	}
	parts := bytes.Split(text, []byte{'%'})
	out := slices.Clone(parts[0])
	for _, part := range parts[1:] {
		if len(part) >= 2 {
			if decoded, err := url.PathUnescape("%" + string(part[:2])); err == nil {
				out = append(append(out, decoded...), part[2:]...)
				continue
			}
		}
		out = append(append(out, '%'), part...)
	}
	return out
}
