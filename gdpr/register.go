package gdpr

import (
	"context"

	"hub"
)

// Location is a table whose rows hold sealed data of persons.
type Location string

// The locations. The catalogue of an erasure is this list: a place that is not in it must not hold personal data.
const (
	InOrders Location = "orders"
	InRaws   Location = "raws"
	InParked Location = "parked" // sealed under the lot alone, so nobody is registered there; an erasure opens and searches it
)

// Locations lists all of them.
func Locations() []Location { return []Location{InOrders, InRaws, InParked} }

// CodeSubjectFenced: a subject is being erased, or was. Whoever wanted to write its data resolves the person again, who is
// somebody new by then or is not written at all. Whoever wanted to read it leaves it out.
const CodeSubjectFenced hub.Code = "subject_fenced"

// Holding says that a row holds sealed data of a subject.
type Holding struct {
	Tenant  hub.TenantID
	Subject SubjectID
	Place   Location
	Row     string // the order's id or the payload's reference
}

// Register keeps, on each shard, which rows hold data of which subject, and who is being erased.
type Register interface {
	// Hold locks the subjects' lines until the transaction ends, makes those that are missing, and records the holdings
	// that are new. If a subject is fenced it is KindConflict with CodeSubjectFenced, and the transaction must not commit.
	Hold(ctx context.Context, tx hub.Tx, holdings []Holding) error
	// Leave says that rows, which the transaction writes anew, hold nothing of subjects any more. The holdings stay: they tell
	// who was in a row for as long as the subject's key lives, which is until nothing of the subject is stored anywhere.
	Leave(ctx context.Context, tx hub.Tx, left []Holding) error
}
