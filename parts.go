package hub

import (
	"strings"
	"unicode"
)

// PersonalPart names one sealed part of an order. An order with one person has PartBuyer only, with everything in it. With
// several, each has a part, and what cannot be attributed to one of them is shared: it dies with the first of them.
type PersonalPart string

// The parts.
const (
	PartBuyer     PersonalPart = "buyer"
	PartRecipient PersonalPart = "recipient" // the shipping address
	PartPayer     PersonalPart = "payer"     // the billing address
	PartShared    PersonalPart = "shared"    // free text, line properties, discount codes, parcels
)

// PersonalParts lists them in the order in which they are joined.
func PersonalParts() []PersonalPart {
	return []PersonalPart{PartBuyer, PartRecipient, PartPayer, PartShared}
}

// Apart returns the names, as FoldName makes them, of a recipient and of a payer who are other people than the buyer. An
// empty one means that there is none, or that nothing tells that person from the buyer.
func (b *Buyer) Apart() (recipient, payer string) {
	if b == nil {
		return "", ""
	}
	buyer := FoldName(b.Name)
	if buyer == "" { // who pays is the buyer, if nobody says otherwise
		buyer = FoldName(b.BillingAddress.name())
	}
	other := func(a *Address) string {
		if name := FoldName(a.name()); buyer != "" && name != buyer {
			return name
		}
		return ""
	}
	return other(b.ShippingAddress), other(b.BillingAddress)
}

func (a *Address) name() string {
	if a == nil {
		return ""
	}
	return a.Name
}

// FoldName makes spellings of one name equal that differ in case or in white space only. Two names that are equal to
// strings.EqualFold have one folded form.
func FoldName(name string) string {
	return strings.Map(foldRune, strings.Join(strings.Fields(name), " "))
}

// foldRune returns the least of the runes that differ from r in case only.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}

// Parts divides the personal part among the people of the order. With nobody apart all of it is the buyer's. Otherwise the
// recipient has the shipping address, the payer the billing address, the buyer what describes the buyer, and the rest is
// shared. Parts with nothing in them are absent. The parts share slices with p.
func (p Personal) Parts(recipientApart, payerApart bool) map[PersonalPart]Personal {
	parts := make(map[PersonalPart]Personal, 4)
	add := func(part PersonalPart, p Personal) {
		if !p.Empty() {
			parts[part] = p
		}
	}
	if !recipientApart && !payerApart {
		add(PartBuyer, p)
		return parts
	}
	shared := Personal{Lines: p.Lines, Discounts: p.Discounts, Fulfillments: p.Fulfillments}
	if p.Buyer != nil {
		own, free := *p.Buyer, freeText(p.Buyer)
		if recipientApart && own.ShippingAddress != nil {
			add(PartRecipient, Personal{Buyer: &Buyer{ShippingAddress: own.ShippingAddress}})
			own.ShippingAddress = nil
		}
		if payerApart && own.BillingAddress != nil {
			add(PartPayer, Personal{Buyer: &Buyer{BillingAddress: own.BillingAddress}})
			own.BillingAddress = nil
		}
		own.Note, own.Attributes, own.Tags = "", nil, nil
		add(PartBuyer, Personal{Buyer: &own})
		shared.Buyer = free
	}
	add(PartShared, shared)
	return parts
}

// freeText is what the shop or the buyer typed about the order: it can name anybody. It is nil when there is none.
func freeText(b *Buyer) *Buyer {
	if b.Note == "" && b.Attributes == nil && b.Tags == nil {
		return nil
	}
	return &Buyer{Note: b.Note, Attributes: b.Attributes, Tags: b.Tags}
}

// JoinParts puts together what is left of the parts: for every p, JoinParts(p.Parts(…)) equals p. The fields of a part that
// is absent, because its person was erased, are absent. A part adds its own fields and no others.
func JoinParts(parts map[PersonalPart]Personal) Personal {
	p := parts[PartBuyer]
	var b Buyer
	if p.Buyer != nil {
		b = *p.Buyer
		p.Buyer = &b
	}
	for _, part := range PersonalParts()[1:] {
		from, ok := parts[part]
		if !ok {
			continue
		}
		if part == PartShared {
			p.Lines, p.Discounts, p.Fulfillments = from.Lines, from.Discounts, from.Fulfillments
		}
		if from.Buyer == nil {
			continue
		}
		p.Buyer = &b
		switch part {
		case PartRecipient:
			b.ShippingAddress = from.Buyer.ShippingAddress
		case PartPayer:
			b.BillingAddress = from.Buyer.BillingAddress
		case PartShared:
			b.Note, b.Attributes, b.Tags = from.Buyer.Note, from.Buyer.Attributes, from.Buyer.Tags
		}
	}
	return p
}
