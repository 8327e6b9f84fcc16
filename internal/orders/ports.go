package orders

import (
	"context"
	"time"

	"hub"
	"hub/gdpr"
)

// Key is what an order is known by before it has an id: the platform's own identifier within one connection. A connection
// belongs to one tenant for ever, so two tenants never share a key.
type Key struct {
	Tenant     hub.TenantID
	Connection hub.ConnectionID
	External   hub.ExternalID
}

// Stored is the row of one order.
type Stored struct {
	Key
	ID        hub.OrderID
	Revision  int64 // number of versions accepted; 0 when all we know is that the platform deleted it
	Version   Version
	Status    hub.OrderStatus
	Platform  hub.Platform
	PlacedAt  time.Time // zero when the platform gives none
	DeletedAt time.Time // zero while it exists at the platform
	CreatedAt time.Time // when the hub stored it first
	UpdatedAt time.Time // when the hub stored this revision
	Doc       []byte    // the business record (P3) as JSON; nil at revision 0
	Number    string    // what the merchant and the buyer call it, "" when the platform gives none
	Personal  []byte    // hub.PartBuyer, sealed; nil when there is none
	Recipient []byte    // hub.PartRecipient, like Personal
	Payer     []byte    // hub.PartPayer, like Personal
	Shared    []byte    // hub.PartShared, like Personal; it opens only while everybody in the order is known
	SealedAt  int64     // the revision that all parts were sealed at, part of their AAD; a deletion makes a revision without sealing again
	Expires   gdpr.Week // with which the parts age out; "" when there is none
	// Erased: somebody in the order was erased. Whatever later versions call the people, a part that is gone stays gone, and
	// no payload is kept.
	Erased bool
	New    bool // not in the database yet: Save inserts it, and a row that somebody else inserted meanwhile is a conflict that runs the transaction again
}

// Rebuilt returns a row for an order whose row was lost, from the record of its last revision: the order keeps its id and its
// revisions, and whatever the platform tells is newer than it. What was already told of it is not told as news again.
func Rebuilt(key Key, record hub.Order) Stored {
	told := Incoming{Order: record}.version()
	return Stored{
		Key: key, ID: record.ID, Revision: record.Revision, Version: Version{Cancelled: told.Cancelled, Refunded: told.Refunded},
		Status: record.Status, Platform: record.Platform, PlacedAt: record.PlacedAt, DeletedAt: record.DeletedAt, Number: record.Number, New: true,
	}
}

// Repo keeps the rows of one shard. Methods take slices: one statement for many orders, in the order of their keys so that
// two transactions never wait for each other in a circle.
type Repo interface {
	// Lock reads the rows and locks them until the transaction ends. Keys without a row are absent from the map. Keys
	// are distinct.
	Lock(context.Context, hub.Tx, []Key) (map[Key]Stored, error)
	// Save writes the rows that Lock returned (or that are New), each whole.
	Save(context.Context, hub.Tx, []Stored) error
}

// Feed numbers and keeps changes.
type Feed interface {
	// Append records changes that belong to the transaction, in this order. Numbers are assigned before COMMIT.
	Append(context.Context, hub.Tx, []hub.Change) error
}
