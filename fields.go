package hub

import "slices"

// Fields is a set of personal fields of an order, as a bit mask: bit n is the nth of PersonalFields. It is stored in
// disclosure records, so fields are only ever added at the end.
type Fields uint64

// The bits, in the order of PersonalFields.
const (
	fieldBuyerID Fields = 1 << iota
	fieldName
	fieldEmail
	fieldPhone
	fieldTaxID
	fieldCompany
	fieldBillingAddress
	fieldShippingAddress
	fieldNote
	fieldAttributes
	fieldTags
	fieldLineTitle
	fieldLineProperties
	fieldDiscountCode
	fieldDiscountTitle
	fieldTrackingNumber
	fieldTrackingURL
)

// PersonalFields lists the personal fields of an order by their JSON paths, at most 64. An address is one field.
func PersonalFields() []string {
	return []string{
		"buyer.external_id", "buyer.name", "buyer.email", "buyer.phone", "buyer.tax_id", "buyer.company",
		"buyer.billing_address", "buyer.shipping_address", "buyer.note", "buyer.attributes", "buyer.tags",
		"lines.title", "lines.properties", "discounts.code", "discounts.title",
		"fulfillments.tracking_number", "fulfillments.tracking_url",
	}
}

// bit returns the bit of a path, 0 for one that is not on the list.
func bit(path string) Fields {
	if at := slices.Index(PersonalFields(), path); at >= 0 {
		return 1 << at
	}
	return 0
}

// Has reports whether the field with this path is in the set.
func (f Fields) Has(path string) bool { return f&bit(path) != 0 }

// Add puts the field with this path into the set. It reports whether there is such a field.
func (f *Fields) Add(path string) bool {
	b := bit(path)
	*f |= b
	return b != 0
}

// Names lists the paths of the set, in the order of PersonalFields. Bits that a newer version of the program set have none.
func (f Fields) Names() []string {
	var names []string
	for at, path := range PersonalFields() {
		if f&(1<<at) != 0 {
			names = append(names, path)
		}
	}
	return names
}

// Fields returns which personal fields hold something.
func (p Personal) Fields() (f Fields) {
	set := func(field Fields, present bool) {
		if present {
			f |= field
		}
	}
	if b := p.Buyer; b != nil {
		set(fieldBuyerID, b.ExternalID != "")
		set(fieldName, b.Name != "")
		set(fieldEmail, b.Email != "")
		set(fieldPhone, b.Phone != "")
		set(fieldTaxID, b.TaxID != "")
		set(fieldCompany, b.Company != "")
		set(fieldBillingAddress, b.BillingAddress != nil)
		set(fieldShippingAddress, b.ShippingAddress != nil)
		set(fieldNote, b.Note != "")
		set(fieldAttributes, len(b.Attributes) > 0)
		set(fieldTags, len(b.Tags) > 0)
	}
	for _, l := range p.Lines {
		set(fieldLineTitle, l.Title != "")
		set(fieldLineProperties, len(l.Properties) > 0)
	}
	for _, d := range p.Discounts {
		set(fieldDiscountCode, d.Code != "")
		set(fieldDiscountTitle, d.Title != "")
	}
	for _, s := range p.Fulfillments {
		set(fieldTrackingNumber, s.TrackingNumber != "")
		set(fieldTrackingURL, s.TrackingURL != "")
	}
	return f
}
