package mercadolibre

import (
	"strings"

	"hub"
	"hub/adapters/driver/strictjson"
)

// buyer reads the person: from the order, which may have no more than an id, the shipment, which hides the address until the
// order is paid, and the billing information, which is a resource of its own.
func (d *decoder) buyer(order strictjson.Value, p parcels) *hub.Buyer {
	own := order.Get("buyer")
	b := hub.Buyer{
		ExternalID: d.id(own.Get("id")),
		Name:       d.fullName(own, "first_name", "last_name"),
		Email:      d.person(own.Get("email")),
		Phone:      d.phone(own.Get("phone")),
		Note:       d.comments(order),
	}
	if nickname := d.person(own.Get("nickname")); nickname != "" {
		b.Attributes = []hub.Note{{Name: "nickname", Value: nickname}}
	}
	for _, v := range p.forward {
		if b.ShippingAddress == nil {
			b.ShippingAddress = d.destination(v)
		}
	}
	d.billing(order, &b)
	if b.ExternalID == "" && b.Name == "" && b.Email == "" && b.Phone == "" && b.TaxID == "" && b.Company == "" &&
		b.Note == "" && b.BillingAddress == nil && b.ShippingAddress == nil && len(b.Attributes) == 0 {
		return nil
	}
	return &b
}

// comments is what the buyer wrote, where it is a text (U).
func (d *decoder) comments(order strictjson.Value) string {
	if v := order.Get("comments"); v.Kind() == strictjson.String {
		return d.person(v)
	}
	return ""
}

// fullName joins the first and the last name.
func (d *decoder) fullName(v strictjson.Value, first, last string) string {
	return join(" ", d.person(v.Get(first)), d.person(v.Get(last)))
}

// phone joins what orders of ten years ago have in parts.
func (d *decoder) phone(v strictjson.Value) string {
	if v.Kind() != strictjson.Object {
		return d.person(v)
	}
	return join(" ", d.person(v.Get("area_code")), d.person(v.Get("number")))
}

// destination reads where a shipment goes, in its new, its old and its oldest shape.
func (d *decoder) destination(shipment strictjson.Value) *hub.Address {
	to := shipment.Get("destination")
	v := firstValue(to.Get("shipping_address"), shipment.Get("receiver_address"))
	if !d.Is(v, strictjson.Object) {
		return nil
	}
	a := d.address(v)
	a.Name = firstOf(d.person(to.Get("receiver_name")), d.person(v.Get("receiver_name")))
	a.Phone = firstOf(d.person(to.Get("receiver_phone")), d.person(v.Get("receiver_phone")))
	return given(a)
}

// address reads a place. Brazil needs the neighbourhood, and Chile, Ecuador and Peru have no postal codes here.
func (d *decoder) address(v strictjson.Value) hub.Address {
	state, country := v.Get("state"), v.Get("country")
	line := join(" ", d.person(v.Get("street_name")), d.person(v.Get("street_number")))
	a := hub.Address{
		Line1:        firstOf(line, d.person(v.Get("address_line"))),
		Line2:        join(", ", d.person(v.Get("comment")), d.named(v.Get("neighborhood"))),
		City:         firstOf(d.named(v.Get("city")), d.person(v.Get("city_name"))),
		Province:     d.named(state),
		ProvinceCode: firstOf(d.person(state.Get("id")), d.person(state.Get("code"))),
		PostalCode:   d.person(v.Get("zip_code")),
		Country:      d.named(country),
		CountryCode:  firstOf(d.person(country.Get("id")), d.person(v.Get("country_id"))),
	}
	if len(a.CountryCode) != 2 {
		a.CountryCode = ""
	}
	return a
}

// named reads {id, name} or a plain text.
func (d *decoder) named(v strictjson.Value) string {
	if v.Kind() == strictjson.Object {
		return d.person(v.Get("name"))
	}
	return d.person(v)
}

// given returns nil for an address with nothing in it.
func given(a hub.Address) *hub.Address {
	if a == (hub.Address{}) {
		return nil
	}
	return &a
}

// billing reads the tax data: the resource of today, its predecessor with pairs of type and value, or what orders of ten
// years ago have in the buyer.
func (d *decoder) billing(order strictjson.Value, b *hub.Buyer) {
	info := d.whole.billing.Get("buyer").Get("billing_info")
	if old := d.whole.billing.Get("billing_info"); old.Given() {
		d.pairs(old, b)
		return
	}
	if !d.Is(info, strictjson.Object) {
		if own := order.Get("buyer").Get("billing_info"); d.Is(own, strictjson.Object) {
			b.TaxID = d.person(own.Get("doc_number"))
		}
		return
	}
	name := d.fullName(info, "name", "last_name")
	b.TaxID = d.person(info.Get("identification").Get("number"))
	attributes := info.Get("attributes")
	if kind := d.word(firstValue(attributes.Get("cust_type"), attributes.Get("customer_type"))); d.means("billing_info.cust_type", kind, oursPerson) == "company" {
		b.Company = name
	} else {
		b.Name = firstOf(b.Name, name)
	}
	if v := info.Get("address"); d.Is(v, strictjson.Object) {
		if a := d.address(v); a != (hub.Address{}) {
			a.Name, a.Company = name, b.Company
			b.BillingAddress = &a
		}
	}
}

// pairs reads the predecessor of the billing resource: a list of type and value.
func (d *decoder) pairs(info strictjson.Value, b *hub.Buyer) {
	said := make(map[string]string)
	for _, v := range d.each(info.Get("additional_info")) {
		said[strings.ToUpper(d.Name(v.Get("type"), maxName))] = d.person(v.Get("value"))
	}
	name := firstOf(said["BUSINESS_NAME"], join(" ", said["FIRST_NAME"], said["LAST_NAME"]))
	b.TaxID = firstOf(d.person(info.Get("doc_number")), said["DOC_NUMBER"])
	b.Company = said["BUSINESS_NAME"]
	if b.Company == "" {
		b.Name = firstOf(b.Name, name)
	}
	a := hub.Address{
		Line1: join(" ", said["STREET_NAME"], said["STREET_NUMBER"]), Line2: join(", ", said["COMMENT"], said["NEIGHBORHOOD"]),
		City: said["CITY_NAME"], Province: said["STATE_NAME"], ProvinceCode: said["STATE_CODE"], PostalCode: said["ZIP_CODE"],
		CountryCode: said["COUNTRY_ID"],
	}
	if a != (hub.Address{}) {
		a.Name, a.Company = name, b.Company
		b.BillingAddress = &a
	}
}
