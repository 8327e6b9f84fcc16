package shopee

import (
	"strconv"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver/strictjson"
)

// Bounds of what Shopee makes, in bytes. Order numbers have 14 characters and return numbers 15; ids are int64.
const (
	maxNumber = 64
	maxID     = 20
	maxName   = 255
)

// maxLines bounds the lines of one order. Shopee documents no limit; carts end far below.
const maxLines = 10_000

// decoder reads one order. Both escrow and returns are absent until they are known.
type decoder struct {
	strictjson.Reader
	words    map[term]string
	currency hub.Currency
	order    strictjson.Value
	escrow   strictjson.Value
	returns  strictjson.Value
	strange  []string // words that the status table does not know
	refunds  refunds
}

// get returns a member by its name, or by its name with a blank behind it, as a real answer had it.
func get(v strictjson.Value, name string) strictjson.Value {
	if member := v.Get(name); member.Kind() != strictjson.Absent {
		return member
	}
	return v.Get(name + " ")
}

// need returns a member that must be there and not null.
func (d *decoder) need(v strictjson.Value, name string) strictjson.Value {
	member := get(v, name)
	if !member.Given() {
		d.FailAt(hub.CodeMissing, func() string { return v.Join(name) })
	}
	return member
}

// list returns the elements of an array; what is absent or null has none, anything else is CodeWrongType.
func (d *decoder) list(v strictjson.Value) strictjson.Value {
	if d.Is(v, strictjson.Array) {
		return v
	}
	return strictjson.Value{}
}

// id reads an int64 identifier, a number or (as some answers spell it) a string. Zero means none, and is "".
func (d *decoder) id(v strictjson.Value) string {
	if !v.Given() || d.Err() != nil {
		return ""
	}
	if k := v.Kind(); k != strictjson.Number && k != strictjson.String {
		d.Fail(hub.CodeWrongType, v)
		return ""
	}
	text := v.Text()
	if text == "" || text == "0" {
		return ""
	}
	if len(text) > maxID {
		d.Fail(hub.CodeTooLong, v)
		return ""
	}
	if n, err := strconv.ParseInt(text, 10, 64); err != nil || n <= 0 || text[0] < '1' || text[0] > '9' {
		d.Fail(hub.CodeOutOfRange, v)
		return ""
	}
	return text
}

// number reads an order or return number: letters and digits, for it becomes part of a list with commas.
func (d *decoder) number(v strictjson.Value) hub.ExternalID {
	text := d.Name(v, maxNumber)
	if d.Err() == nil && !isNumber(text) {
		d.Fail(hub.CodeOutOfRange, v)
		return ""
	}
	return hub.ExternalID(text)
}

func isNumber(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return text != "" && len(text) <= maxNumber
}

// unix reads seconds since 1970. Zero and null mean that it did not happen.
func (d *decoder) unix(v strictjson.Value) time.Time {
	seconds := d.Count(v)
	if seconds == 0 {
		return time.Time{}
	}
	if seconds < earliest || seconds > latest {
		d.Fail(hub.CodeTimeInvalid, v)
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// label reads text that is shown as it is; Shopee prints a blank, and in places "-", where there is none.
func (d *decoder) label(v strictjson.Value) string {
	text := strings.TrimSpace(d.Text(v))
	if text == "-" {
		return ""
	}
	return text
}

// code reads a name that identifies something of the seller's, with the same blanks.
func (d *decoder) code(v strictjson.Value) string {
	return strings.TrimSpace(d.Name(v, maxName))
}

// personal reads text about a person. What Shopee masks ("P******n", "****") is absent.
func (d *decoder) personal(v strictjson.Value) string {
	text := d.label(v)
	if strings.Contains(text, "**") || strings.Trim(text, "*") == "" {
		return ""
	}
	return text
}
