package hub

// The codes of input that breaks a rule. A delivery that fails with one of them is parked; the list is closed, and
// every other error is retried and shown, because parking a passing fault would hide an order.
const (
	CodeMalformed       Code = "malformed_json"      // not JSON, or cut short
	CodeDuplicateKey    Code = "duplicate_key"       // the same member twice in one object: which one is meant is not ours to guess
	CodeTooDeep         Code = "too_deep"            // nested beyond the bound
	CodeInvalidUTF8     Code = "invalid_utf8"        // text that is not UTF-8
	CodeWrongType       Code = "wrong_type"          // a member has another JSON type than documented
	CodeMissing         Code = "missing_field"       // a member that the order cannot do without
	CodeOutOfRange      Code = "number_out_of_range" // a count or identifier outside of its bounds
	CodeMoneyInvalid    Code = "money_invalid"       // not a decimal, or more digits than the currency has
	CodeMoneyOverflow   Code = "money_overflow"      // beyond int64 minor units
	CodeCurrencyUnknown Code = "currency_unknown"    // not in ISO 4217
	CodeCurrencyMixed   Code = "currency_mixed"      // amounts of one order in several currencies
	CodeTimeInvalid     Code = "time_invalid"        // not RFC 3339, or without a zone
	CodeShopMismatch    Code = "shop_mismatch"       // the body names another shop than the connection's
	CodeTopicUnknown    Code = "topic_unknown"       // a topic that this hub does not know
	CodeNoTarget        Code = "no_target"           // no connection for the account that the body names
	CodeUnreadable      Code = "unreadable"          // the sealed bytes do not open: damaged or moved
	CodeTooLarge        Code = "too_large"           // an order that no row can hold once it is spelled out
	CodeTooLong         Code = "identifier_too_long" // an identifier longer than any platform makes
)

var parkable = map[Code]bool{
	CodeMalformed: true, CodeDuplicateKey: true, CodeTooDeep: true, CodeInvalidUTF8: true, CodeWrongType: true,
	CodeMissing: true, CodeOutOfRange: true, CodeMoneyInvalid: true, CodeMoneyOverflow: true, CodeCurrencyUnknown: true,
	CodeCurrencyMixed: true, CodeTimeInvalid: true, CodeShopMismatch: true, CodeTopicUnknown: true, CodeNoTarget: true,
	CodeUnreadable: true, CodeTooLong: true, CodeTooLarge: true,
}

// Parkable reports whether err is permanent trouble with one delivery: its kind is invalid, permanent or too
// large, and its code is on the closed list.
func Parkable(err error) bool {
	switch KindOf(err) {
	case KindInvalid, KindPermanent, KindTooLarge:
		return parkable[CodeOf(err)]
	}
	return false
}

// Invalid makes the error of a field that breaks a rule.
func Invalid(code Code, path string) *Error {
	return &Error{Kind: KindInvalid, Code: code, Path: path}
}
