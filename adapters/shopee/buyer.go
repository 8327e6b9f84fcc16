package shopee

import (
	"hub"
	"hub/adapters/driver/strictjson"
)

// person reads the buyer. The platform tells no name but the recipient's, and masks what the seller may not see; the
// user name is a nickname, and kept as such.
func (d *decoder) person() *hub.Buyer {
	b := hub.Buyer{
		ExternalID:      d.id(get(d.order, "buyer_user_id")),
		TaxID:           d.personal(get(d.order, "buyer_cpf_id")),
		ShippingAddress: d.address(get(d.order, "recipient_address")),
		Note:            d.label(get(d.order, "message_to_seller")),
	}
	if a := b.ShippingAddress; a != nil {
		b.Name, b.Phone = a.Name, a.Phone
	}
	add := func(name, text string) {
		if text != "" {
			b.Attributes = append(b.Attributes, hub.Note{Name: name, Value: text})
		}
	}
	add("note", d.label(get(d.order, "note"))) // the seller's own
	for _, name := range [...]string{"buyer_username", "dropshipper", "dropshipper_phone"} {
		add(name, d.personal(get(d.order, name)))
	}
	if b.ExternalID == "" && b.TaxID == "" && b.ShippingAddress == nil && b.Note == "" && len(b.Attributes) == 0 {
		return nil
	}
	return &b
}

// address reads the recipient; one that is masked whole is none. full_address holds all of the other members too, in the
// country's own order. Region is the country, which a mask can hide as well.
func (d *decoder) address(v strictjson.Value) *hub.Address {
	if !d.Is(v, strictjson.Object) {
		return nil
	}
	a := hub.Address{
		Name:        d.personal(get(v, "name")),
		Line1:       d.personal(get(v, "full_address")),
		City:        d.personal(get(v, "city")),
		Province:    d.personal(get(v, "state")),
		PostalCode:  d.personal(get(v, "zipcode")),
		CountryCode: d.personal(get(v, "region")),
		Phone:       d.personal(get(v, "phone")),
	}
	a.Line2 = d.personal(get(v, "district"))
	if town := d.personal(get(v, "town")); town != "" && a.Line2 != "" {
		a.Line2 = town + ", " + a.Line2
	} else if town != "" {
		a.Line2 = town
	}
	if a == (hub.Address{}) {
		return nil
	}
	return &a
}
