package intake

import (
	"slices"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
)

// share is one part of an order's personal data and the people who are in it.
type share struct {
	part   hub.PersonalPart
	people []gdpr.Person
}

// shares divides a draft among its people: the buyer, and a recipient and a payer whose names are others. The last share is
// everybody's, also when there is one person only.
func shares(d driver.Draft, received time.Time) []share {
	placed := lotTime(d.Order.PlacedAt, received)
	buyer := d.Order.Buyer
	recipient, payer := buyer.Apart()
	list := []share{{hub.PartBuyer, []gdpr.Person{{SubjectRef: subject(d), PlacedAt: placed, Identifiers: known(buyer, recipient, payer)}}}}
	apart := func(part hub.PersonalPart, role gdpr.Role, name, phone string) {
		ref := gdpr.SubjectRef{Order: d.Order.ExternalID, Role: role, Name: name}
		list = append(list, share{part, []gdpr.Person{
			{SubjectRef: ref, PlacedAt: placed, Identifiers: identify(nil, gdpr.IdentifierPhone, phone)},
		}})
	}
	if recipient != "" {
		apart(hub.PartRecipient, gdpr.RoleRecipient, recipient, buyer.ShippingAddress.Phone)
	}
	if payer != "" {
		apart(hub.PartPayer, gdpr.RolePayer, payer, buyer.BillingAddress.Phone)
	}
	if len(list) == 1 {
		return list
	}
	var everybody []gdpr.Person
	for _, s := range list {
		everybody = append(everybody, s.people...)
	}
	return append(list, share{hub.PartShared, everybody})
}

// subject is whom an order belongs to: the platform's customer, or a guest who is known by this order only. An e-mail
// address never makes two of them one.
func subject(d driver.Draft) gdpr.SubjectRef {
	if d.Subject != "" {
		return gdpr.SubjectRef{Customer: d.Subject}
	}
	return gdpr.SubjectRef{Order: d.Order.ExternalID}
}

// known lists what the buyer can be found by. The phone numbers of the buyer's own addresses are among it: a guest often
// gives no other.
func known(b *hub.Buyer, recipient, payer string) []gdpr.Identifier {
	if b == nil {
		return nil
	}
	list := identify(nil, gdpr.IdentifierEmail, b.Email)
	list = identify(list, gdpr.IdentifierPhone, b.Phone)
	list = identify(list, gdpr.IdentifierTaxID, b.TaxID)
	if b.ShippingAddress != nil && recipient == "" {
		list = identify(list, gdpr.IdentifierPhone, b.ShippingAddress.Phone)
	}
	if b.BillingAddress != nil && payer == "" {
		list = identify(list, gdpr.IdentifierPhone, b.BillingAddress.Phone)
	}
	return list
}

// identify adds an identifier, once. A value that is none, such as a dash for a phone number, can be searched by nobody.
func identify(list []gdpr.Identifier, kind gdpr.IdentifierKind, value string) []gdpr.Identifier {
	if value == "" {
		return list
	}
	id, err := gdpr.NewIdentifier(kind, value)
	if err != nil || slices.Contains(list, id) {
		return list
	}
	return append(list, id)
}

// lotTime is the time whose week an order ages from: when it was placed. A platform that gives none, or one that is yet to
// come, must not keep it for ever, so receipt is the latest.
func lotTime(placed, received time.Time) time.Time {
	if placed.IsZero() || placed.After(received) {
		return received
	}
	return placed
}
