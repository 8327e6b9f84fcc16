package shopee

import (
	"encoding/json"
	"strconv"
)

// text is JSON that is being printed. Members keep the order in which they are added.
type text struct{ b []byte }

// comma separates what comes from what stands there already.
func (t *text) comma() {
	if n := len(t.b); n > 0 && t.b[n-1] != '{' && t.b[n-1] != '[' {
		t.b = append(t.b, ',')
	}
}

func (t *text) name(name string) {
	t.comma()
	t.b = append(t.b, '"')
	t.b = append(t.b, name...)
	t.b = append(t.b, '"', ':')
}

// open begins an object or a list, the value of a member or, without a name, an element.
func (t *text) open(name string, bracket byte) {
	if name == "" {
		t.comma()
	} else {
		t.name(name)
	}
	t.b = append(t.b, bracket)
}

func (t *text) end(bracket byte) { t.b = append(t.b, bracket) }

func (t *text) str(name, value string) {
	t.name(name)
	t.b = appendString(t.b, value)
}

// null is a text that may be none, and is null then.
func (t *text) null(name, value string) {
	if value == "" {
		t.raw(name, "null")
		return
	}
	t.str(name, value)
}

func (t *text) num(name string, n int64) {
	t.name(name)
	t.b = strconv.AppendInt(t.b, n, 10)
}

func (t *text) flag(name string, yes bool) {
	t.name(name)
	t.b = strconv.AppendBool(t.b, yes)
}

func (t *text) raw(name, value string) {
	t.name(name)
	t.b = append(t.b, value...)
}

// strs is a list of texts.
func (t *text) strs(name string, values ...string) {
	t.open(name, '[')
	for _, v := range values {
		t.comma()
		t.b = appendString(t.b, v)
	}
	t.end(']')
}

// nums is a list of numbers.
func (t *text) nums(name string, values ...int64) {
	t.open(name, '[')
	for _, n := range values {
		t.comma()
		t.b = strconv.AppendInt(t.b, n, 10)
	}
	t.end(']')
}

// amount is money as the platform prints it: a JSON number without useless zeros, 32119 or 2988.9.
func (t *text) amount(name string, minor int64, digits int) {
	t.name(name)
	t.b = append(t.b, shortest(minor, digits)...)
}

// shortest prints an amount without zeros at its end.
func shortest(minor int64, digits int) string {
	whole := decimal(minor, digits)
	if digits == 0 {
		return whole
	}
	for whole[len(whole)-1] == '0' {
		whole = whole[:len(whole)-1]
	}
	if whole[len(whole)-1] == '.' {
		whole = whole[:len(whole)-1]
	}
	return whole
}

// decimal prints an amount with so many digits behind the point.
func decimal(minor int64, digits int) string {
	if minor < 0 {
		return "-" + decimal(-minor, digits)
	}
	whole := strconv.FormatInt(minor, 10)
	if digits == 0 {
		return whole
	}
	for len(whole) <= digits {
		whole = "0" + whole
	}
	at := len(whole) - digits
	return whole[:at] + "." + whole[at:]
}

// appendString quotes a text. The platform leaves what is not ASCII as it is, and does not escape for HTML.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
			quoted, err := json.Marshal(s)
			if err != nil {
				panic("sandbox: " + err.Error()) // strings always encode
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
