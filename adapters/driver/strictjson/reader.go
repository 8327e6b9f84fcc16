package strictjson

import (
	"strconv"
	"time"

	"hub"
)

// Reader reads typed values and keeps the first failure, so that a mapping reads as a list of fields and is checked once.
// After a failure every method returns the zero value. A value that is absent or null is the zero value and no failure.
type Reader struct {
	err error
}

// Err returns the first failure: a *hub.Error of KindInvalid with a code of the parked list and a path.
func (r *Reader) Err() error { return r.err }

// Fail records a failure at v, unless there was one before.
func (r *Reader) Fail(code hub.Code, v Value) { r.FailAt(code, v.Path) }

// FailAt records a failure at a path that is only worked out when it is the first.
func (r *Reader) FailAt(code hub.Code, path func() string) {
	if r.err == nil {
		r.err = hub.Invalid(code, path())
	}
}

// Need returns the member, which must be there and not null.
func (r *Reader) Need(v Value, name string) Value {
	member := v.Get(name)
	if !member.Given() {
		r.FailAt(hub.CodeMissing, func() string { return v.Join(name) })
	}
	return member
}

// Is reports whether v is given with that kind; given with another one is CodeWrongType.
func (r *Reader) Is(v Value, kind Kind) bool {
	if !v.Given() || r.err != nil {
		return false
	}
	if v.Kind() != kind {
		r.Fail(hub.CodeWrongType, v)
		return false
	}
	return true
}

// Text reads a string as it is.
func (r *Reader) Text(v Value) string {
	if !r.Is(v, String) {
		return ""
	}
	return v.Text()
}

// Bool reads true or false.
func (r *Reader) Bool(v Value) bool {
	return r.Is(v, Bool) && v.Raw()[0] == 't'
}

// Name reads a string that identifies something or comes from a closed list. Longer than max bytes is CodeTooLong, a
// control character CodeOutOfRange. It is never cut: two long identifiers that begin alike are two.
func (r *Reader) Name(v Value, max int) string {
	s := r.Text(v)
	if len(s) > max {
		r.Fail(hub.CodeTooLong, v)
		return ""
	}
	if hasControl(s) {
		r.Fail(hub.CodeOutOfRange, v)
		return ""
	}
	return s
}

// hasControl finds C0, DEL and C1 control characters.
func hasControl(s string) bool {
	for _, c := range s {
		if c < ' ' || c >= 0x7f && c <= 0x9f {
			return true
		}
	}
	return false
}

// Count reads a whole number that is not negative and written without point and exponent; anything else is
// CodeOutOfRange.
func (r *Reader) Count(v Value) int64 {
	if !r.Is(v, Number) {
		return 0
	}
	n, err := strconv.ParseInt(string(v.Raw()), 10, 64)
	if err != nil || n < 0 {
		r.Fail(hub.CodeOutOfRange, v)
		return 0
	}
	return n
}

// Time reads RFC 3339 with a zone, in the years 1900 to 9998 so that every zone can print it. It keeps the offset.
func (r *Reader) Time(v Value) (t time.Time) {
	if !r.Is(v, String) {
		return time.Time{}
	}
	if err := t.UnmarshalText([]byte(v.Text())); err != nil || t.Year() < 1971 || t.Year() > 9998 {
		r.Fail(hub.CodeTimeInvalid, v)
		return time.Time{}
	}
	return t
}

// Money reads an amount, a string or a number without exponent, exactly as hub.ParseMoney does. Absent is the zero Money,
// which has no currency and is not an amount.
func (r *Reader) Money(v Value, c hub.Currency) hub.Money {
	if !v.Given() || r.err != nil {
		return hub.Money{}
	}
	if k := v.Kind(); k != String && k != Number {
		r.Fail(hub.CodeWrongType, v)
		return hub.Money{}
	}
	m, err := hub.ParseMoney(v.Text(), c)
	if err != nil {
		r.Fail(hub.CodeOf(err), v)
	}
	return m
}

// Currency reads an ISO 4217 code.
func (r *Reader) Currency(v Value) hub.Currency {
	if !r.Is(v, String) {
		return ""
	}
	c, err := hub.ParseCurrency(v.Text())
	if err != nil {
		r.Fail(hub.CodeOf(err), v)
		return ""
	}
	return c
}
