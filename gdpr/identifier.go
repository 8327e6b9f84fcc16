package gdpr

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"hub"
)

// longestIdentifier in bytes; an e-mail address has at most 254.
const longestIdentifier = 320

// NewIdentifier normalises what a person can be found by, so that spellings of one thing are equal: an e-mail address in
// lower case, of a telephone number the digits, of a tax id letters in upper case and digits, a customer id without space
// around it. What is empty, too long, masked by the platform ("******12") or no such thing is KindInvalid without a code;
// the error does not hold it.
func NewIdentifier(kind IdentifierKind, value string) (Identifier, error) {
	value = strings.TrimSpace(value)
	if len(value) > longestIdentifier || !utf8.ValidString(value) || kind != IdentifierCustomer && strings.Contains(value, "*") {
		return Identifier{}, noIdentifier(kind)
	}
	least := 1
	switch kind {
	case IdentifierEmail:
		value = strings.ToLower(value)
		if at := strings.LastIndexByte(value, '@'); at < 1 || at == len(value)-1 || strings.ContainsFunc(value, unicode.IsSpace) {
			return Identifier{}, noIdentifier(kind)
		}
	case IdentifierPhone:
		value, least = strings.Map(digit, value), 5
	case IdentifierTaxID:
		value, least = strings.Map(letterOrDigit, value), 4
	case IdentifierCustomer:
	default:
		return Identifier{}, hub.Errorf(hub.KindInvalid, opIdentifier, "unknown kind")
	}
	if len(value) < least {
		return Identifier{}, noIdentifier(kind)
	}
	return Identifier{Kind: kind, Value: value}, nil
}

const opIdentifier = "reading identifier"

func noIdentifier(kind IdentifierKind) error {
	return hub.Errorf(hub.KindInvalid, opIdentifier, "the value is no %s", kind)
}

// digit keeps digits, those of Arabic scripts and of full width as ASCII.
func digit(r rune) rune {
	for _, zero := range []rune{'0', '\u0660', '\u06f0', '\uff10'} {
		if r >= zero && r <= zero+9 {
			return r - zero + '0'
		}
	}
	return -1
}

func letterOrDigit(r rune) rune {
	if d := digit(r); d >= 0 {
		return d
	}
	if unicode.IsLetter(r) {
		return unicode.ToUpper(r)
	}
	return -1
}

// sound reports whether NewIdentifier may have made it and it has an index of its own.
func (i Identifier) sound() bool {
	return i.Value != "" && (i.Kind == IdentifierEmail || i.Kind == IdentifierPhone || i.Kind == IdentifierTaxID)
}
