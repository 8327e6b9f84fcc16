package shopee

import "strings"

// fieldSet is the optional fields that get_order_detail was asked for, and how it was asked.
type fieldSet uint64

// optionalFields are those that only come when they are asked for (reference of get_order_detail); their place in the list
// is their bit.
var optionalFields = [...]string{
	"buyer_user_id", "buyer_username", "estimated_shipping_fee", "recipient_address", "actual_shipping_fee", "goods_to_declare",
	"note", "note_update_time", "item_list", "pay_time", "dropshipper", "dropshipper_phone", "split_up", "buyer_cancel_reason",
	"cancel_by", "cancel_reason", "actual_shipping_fee_confirmed", "buyer_cpf_id", "fulfillment_flag", "pickup_done_time",
	"package_list", "shipping_carrier", "payment_method", "total_amount", "invoice_data", "order_chargeable_weight_gram",
	"return_request_due_date", "edt", "payment_info", "international_label",
}

// Bits behind those of the fields.
const (
	askedPending fieldSet = 1 << 62 // request_order_status_pending
	askedClear   fieldSet = 1 << 63 // the app sees personal data
)

// fieldsOf reads response_optional_fields. A name that is none is a wrong parameter (U).
func fieldsOf(list string) (set fieldSet, ok bool) {
	if list == "" {
		return 0, true
	}
	for name := range strings.SplitSeq(list, ",") {
		bit := fieldBit(strings.TrimSpace(name))
		if bit == 0 {
			return 0, false
		}
		set |= bit
	}
	return set, true
}

func fieldBit(name string) fieldSet {
	for i, known := range optionalFields {
		if known == name {
			return 1 << i
		}
	}
	return 0
}

func (f fieldSet) has(bit fieldSet) bool { return f&bit != 0 }

// printer prints the members of one order that were asked for.
type printer struct {
	text
	asked fieldSet
	o     *order
}

// wants reports whether an optional field was asked for.
func (t *printer) wants(name string) bool { return t.asked.has(fieldBit(name)) }

// The same as those of text, for optional fields.
func (t *printer) optStr(name, value string) {
	if t.wants(name) {
		t.str(name, value)
	}
}

func (t *printer) optNull(name, value string) {
	if t.wants(name) {
		t.null(name, value)
	}
}

func (t *printer) optNum(name string, n int64) {
	if t.wants(name) {
		t.num(name, n)
	}
}

func (t *printer) optFlag(name string, yes bool) {
	if t.wants(name) {
		t.flag(name, yes)
	}
}

// optTime is a time that is null until it has come.
func (t *printer) optTime(name string, at int64) {
	switch {
	case !t.wants(name):
	case at == 0:
		t.raw(name, "null")
	default:
		t.num(name, at)
	}
}
