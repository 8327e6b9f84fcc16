package shopify

import (
	"slices"
	"strings"

	"hub"
	"hub/adapters/driver/strictjson"
)

// person reads the buyer. Shopify sends null for what an app has no approval to see, so everything may be absent.
func (d *decoder) person(order strictjson.Value) *hub.Buyer {
	customer := order.Get("customer")
	if !d.Is(customer, strictjson.Object) {
		customer = strictjson.Value{}
	}
	b := hub.Buyer{
		ExternalID:      d.id(customer.Get("id"), "Customer"),
		Name:            d.fullName(customer),
		Email:           d.firstOf(order.Get("email"), order.Get("contact_email"), customer.Get("email")),
		Phone:           d.firstOf(order.Get("phone"), customer.Get("phone")),
		BillingAddress:  d.address(d.get(order, "billing_address", "billingAddress")),
		ShippingAddress: d.address(d.get(order, "shipping_address", "shippingAddress")),
		Note:            d.label(order.Get("note")),
		Attributes:      d.notes(d.get(order, "note_attributes", "customAttributes")),
		Tags:            d.tags(order.Get("tags")),
	}
	for _, a := range []*hub.Address{b.BillingAddress, b.ShippingAddress} {
		if a == nil {
			continue
		}
		if b.Name == "" {
			b.Name = a.Name
		}
		if other := a.Name != "" && hub.FoldName(a.Name) != hub.FoldName(b.Name); !other && b.Company == "" {
			b.Company = a.Company
		}
	}
	if b.ExternalID == "" && b.Name == "" && b.Email == "" && b.Phone == "" && b.Company == "" && b.Note == "" &&
		b.BillingAddress == nil && b.ShippingAddress == nil && len(b.Attributes) == 0 && len(b.Tags) == 0 {
		return nil
	}
	return &b
}

// firstOf returns the first text that is not empty.
func (d *decoder) firstOf(values ...strictjson.Value) string {
	for _, v := range values {
		if s := d.label(v); s != "" {
			return s
		}
	}
	return ""
}

// fullName joins the first and the last name.
func (d *decoder) fullName(v strictjson.Value) string {
	first, last := d.label(d.get(v, "first_name", "firstName")), d.label(d.get(v, "last_name", "lastName"))
	if name := strings.TrimSpace(first + " " + last); name != "" {
		return name
	}
	return d.label(d.get(v, "", "displayName"))
}

// address reads a postal address; one that is empty is none.
func (d *decoder) address(v strictjson.Value) *hub.Address {
	if !d.Is(v, strictjson.Object) {
		return nil
	}
	a := hub.Address{
		Name:         d.label(v.Get("name")),
		Company:      d.label(v.Get("company")),
		Line1:        d.label(v.Get("address1")),
		Line2:        d.label(v.Get("address2")),
		City:         d.label(v.Get("city")),
		Province:     d.label(v.Get("province")),
		ProvinceCode: d.label(d.get(v, "province_code", "provinceCode")),
		PostalCode:   d.label(v.Get("zip")),
		Country:      d.label(v.Get("country")),
		CountryCode:  d.label(d.get(v, "country_code", "countryCodeV2")),
		Phone:        d.label(v.Get("phone")),
	}
	if a.Name == "" {
		a.Name = d.fullName(v)
	}
	if a == (hub.Address{}) {
		return nil
	}
	return &a
}

// notes reads what somebody typed as names and values: a list of pairs, or in older carts an object. A value that is
// not text keeps its spelling.
func (d *decoder) notes(v strictjson.Value) (notes []hub.Note) {
	if v.Kind() == strictjson.Object && !d.graphql {
		for name, value := range v.Members() {
			notes = append(notes, hub.Note{Name: name, Value: spelled(value)})
		}
		return notes
	}
	for item := range d.list(v) {
		notes = append(notes, hub.Note{Name: d.label(d.get(item, "name", "key")), Value: spelled(item.Get("value"))})
	}
	return notes
}

func spelled(v strictjson.Value) string {
	if v.Kind() == strictjson.Array || v.Kind() == strictjson.Object {
		return string(v.Raw())
	}
	return v.Text()
}

// tags reads a set: one text with commas in REST, a list in GraphQL. They are sorted, for neither order means anything.
func (d *decoder) tags(v strictjson.Value) (tags []string) {
	if d.graphql {
		for tag := range d.list(v) {
			tags = append(tags, d.label(tag))
		}
	} else {
		for tag := range strings.SplitSeq(d.label(v), ",") {
			if tag = strings.TrimSpace(tag); tag != "" {
				tags = append(tags, tag)
			}
		}
	}
	slices.Sort(tags)
	return tags
}
