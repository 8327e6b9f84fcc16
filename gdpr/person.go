package gdpr

import (
	"time"

	"hub"
)

// Role is what a person is in an order.
type Role string

// The roles. A recipient or a payer is a person of its own only when the name differs from the buyer's.
const (
	RoleBuyer     Role = ""
	RoleRecipient Role = "recipient"
	RolePayer     Role = "payer"
)

// SubjectRef is what tells one person of a connection from all others: the platform's customer id, or for a guest the
// order's id. A recipient or payer is known by the order, the role and the name. Subjects of two connections are never the
// same, whatever their ids, and nobody is ever merged by an e-mail address.
//
// What could not be parsed may be about anybody. It has a key of its own, as if it were a person, so that it can be
// forgotten alone when it turns out to name somebody.
type SubjectRef struct {
	Customer hub.ExternalID // exactly one of the three is set; the order for every role but the buyer
	Order    hub.ExternalID
	Unparsed hub.ParkedID
	Role     Role
	Name     string // of a recipient or payer, normalised; empty for a buyer
}

// IdentifierKind says what kind of thing a person is searched by.
type IdentifierKind string

// The kinds that have an index of their own. Order numbers and order ids are business records: the shards know them.
const (
	IdentifierEmail    IdentifierKind = "email"
	IdentifierPhone    IdentifierKind = "phone"
	IdentifierTaxID    IdentifierKind = "tax_id"
	IdentifierCustomer IdentifierKind = "external_id" // the platform's customer id, within any connection of the tenant
)

// Identifier is one thing that a person can be found by. NewIdentifier makes it.
type Identifier struct {
	Kind  IdentifierKind
	Value string // normalised
}

// Person is somebody whose data is about to be sealed.
type Person struct {
	SubjectRef
	// PlacedAt is when the order was placed, its receipt where the platform does not say: a person who was erased after
	// it is not written again, a later purchase is a new subject.
	PlacedAt    time.Time
	Identifiers []Identifier // linked to the subject, so that a request finds it; at most 8
}
