package erp

import (
	"encoding/json"
	"slices"

	"hub"
	"hub/gdpr"
)

// pieces is personal data of an order taken apart by field: the JSON texts of the values, as they were sealed. Nothing else
// than the fields that the tables below name is ever in it, and each of them holds something.
type pieces struct {
	person bool // there is a buyer, perhaps one of whom nothing is known
	buyer  [len(buyerFields)][]byte
	lists  [len(listFields)][]piece
}

// piece is what belongs to one element of a list.
type piece struct {
	at     int
	values [2][]byte
}

// Names of personal fields, in the order in which a part prints them. Together they are hub.PersonalFields, so that a field's
// place is its bit.
var (
	partFields    = [...]string{"buyer", "lines", "discounts", "fulfillments"}
	buyerFields   = [...]string{"external_id", "name", "email", "phone", "tax_id", "company", "billing_address", "shipping_address", "note", "attributes", "tags"}
	listFields    = [...][2]string{{"title", "properties"}, {"code", "title"}, {"tracking_number", "tracking_url"}}
	listNames     = partFields[1:]
	addressFields = [...]string{"name", "company", "line1", "line2", "city", "province", "province_code", "postal_code", "country", "country_code", "phone"}
	noteFields    = [...]string{"name", "value"}
)

// Fields that are no text, by their places.
const (
	billingField = 6 + iota
	shippingField
	noteField
	attributesField
	tagsField

	linesList       = 0
	propertiesField = 1
)

// takeApart reads a part as it was sealed: the canonical text of a hub.Personal. Anything else, such as a field that a later
// version of this program knows and this one does not, or another way of printing, is decoded and printed anew, which leaves
// only what is known here.
func takeApart(text []byte) (pieces, error) {
	p, ok := canonical(text)
	if ok {
		return p, nil
	}
	var decoded hub.Personal
	if err := json.Unmarshal(text, &decoded); err != nil {
		return pieces{}, errDamaged
	}
	text, err := json.Marshal(decoded)
	if err != nil {
		return pieces{}, errDamaged
	}
	if p, ok = canonical(text); !ok {
		return pieces{}, errDamaged
	}
	return p, nil
}

// errDamaged: what an envelope held is no personal data.
var errDamaged = &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeUnreadable, Op: opPersonal}

// canonical takes a text apart that json.Marshal printed of a hub.Personal.
func canonical(text []byte) (p pieces, ok bool) {
	r := reader{text: text}
	r.members(partFields[:], func(part int) {
		if part == 0 {
			p.person = true
			r.members(buyerFields[:], func(field int) { p.buyer[field] = r.buyer(field) })
			return
		}
		list := part - 1
		r.elements(func() { p.lists[list] = append(p.lists[list], r.piece(list)) })
	})
	return p, !r.bad && r.at == len(text)
}

// fields returns which fields there are.
func (p *pieces) fields() (f hub.Fields) {
	for i, value := range p.buyer {
		if value != nil {
			f |= 1 << i
		}
	}
	for list, elements := range p.lists {
		for _, e := range elements {
			for i, value := range e.values {
				if value != nil {
					f |= 1 << (len(p.buyer) + 2*list + i)
				}
			}
		}
	}
	return f
}

// join adds a part to those before it, in the order of hub.PersonalParts, as hub.JoinParts does: each adds its own fields
// and no others.
func (p *pieces) join(part hub.PersonalPart, from *pieces) {
	switch part {
	case hub.PartBuyer:
		*p = *from
		return
	case hub.PartRecipient:
		p.buyer[shippingField] = from.buyer[shippingField]
	case hub.PartPayer:
		p.buyer[billingField] = from.buyer[billingField]
	case hub.PartShared:
		p.lists = from.lists
		if from.person {
			copy(p.buyer[noteField:], from.buyer[noteField:])
		}
	}
	p.person = p.person || from.person
}

// openPart is one part of an order's personal data, and whose it is.
type openPart struct {
	part     hub.PersonalPart
	subjects []gdpr.SubjectID
	pieces   pieces
	size     int // of the text that they were
}

// at joins what belongs to a revision, and says whose it is. Before the revision that the parts were sealed at, lines,
// discounts and parcels may have been others, so that only the people are known.
func (o openOrder) at(revision int64) (joined pieces, subjects []gdpr.SubjectID) {
	for i := range o.parts {
		p := o.parts[i].pieces
		if revision < o.revision {
			p.lists = [len(listFields)][]piece{}
		}
		if p.fields() != 0 {
			joined.join(o.parts[i].part, &p)
			subjects = append(subjects, o.parts[i].subjects...)
		}
	}
	slices.Sort(subjects)
	return joined, slices.Compact(subjects)
}
