package shopee

import (
	"slices"
	"unicode/utf8"
)

// Personal data (guide 32 and the notes of get_order_detail): what an app may not see is a text of stars, not null.

// seesBuyer says how much of a buyer the app and the seller may see. In Brazil a seller with a CPF sees the address alone,
// and one with a CNPJ name, address and CPF while the order is to be sent or comes back; nobody sees the telephone.
func (o *order) seesBuyer(asked fieldSet) (who, where, phone bool) {
	clear := asked.has(askedClear)
	if o.shop.spec.Region != "BR" {
		return clear, clear, clear
	}
	busy := slices.Contains([]string{invoicing, ready, processed, toReturn}, o.status)
	return clear && o.shop.spec.Company && busy, clear, false
}

// address prints the recipient. Taiwan's integrated channels star everything.
func (t *printer) address() {
	if !t.wants("recipient_address") {
		return
	}
	a := t.o.shop.market.address
	who, where, phone := t.o.seesBuyer(t.asked)
	if !phone {
		a.phone = "******" + a.phone[len(a.phone)-2:]
	}
	if !who {
		a.name = masked(a.name)
	}
	if !where {
		a.full = start(a.full, 2) + "******"
	}
	if t.o.shop.spec.Region == "TW" && !where {
		a = address{"****", "****", "****", "****", "****", "****", "****", "****"}
	}
	t.open("recipient_address", '{')
	for _, member := range [...][2]string{
		{"name", a.name}, {"phone", a.phone}, {"town", a.town}, {"district", a.district}, {"city", a.city}, {"state", a.state},
		{"region", t.o.shop.spec.Region}, {"zipcode", a.zip}, {"full_address", a.full},
	} {
		t.str(member[0], member[1])
	}
	t.end('}')
}

// masked is a name with its first and last character.
func masked(name string) string {
	_, size := utf8.DecodeLastRuneInString(name)
	return start(name, 1) + "******" + name[len(name)-size:]
}

// start is the first n characters.
func start(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// username is a nickname.
func (o *order) username(asked fieldSet) string {
	name := "buyer" + itoa(o.buyer%100_000)
	if who, _, _ := o.seesBuyer(asked); !who {
		return masked(name)
	}
	return name
}

// cpf is the buyer's tax number, in Brazil. Its digits are nobody's.
func (o *order) cpf(asked fieldSet) string {
	if o.shop.spec.Region != "BR" {
		return ""
	}
	if who, _, _ := o.seesBuyer(asked); !who {
		return "***********"
	}
	return "00000000191"
}
