package orders

import (
	"context"
	"encoding/json"
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
	Lost   bool // New, and told of before: it has a revision, see Rebuilt
}

// Rebuilt returns a row for an order whose row was lost, from the change that told its last revision: the order keeps its id and
// its revisions, nothing older replaces what was told of it, and that is not told as news again. It lacks what is personal, so
// what the platform tells of the same version takes its place. A record that cannot be read leaves the identity.
func Rebuilt(key Key, last hub.Change) Stored {
	var record hub.Order
	_ = json.Unmarshal(last.Doc, &record)
	return Stored{
		Key: key, ID: last.OrderID, Revision: last.Revision, Version: Incoming{Order: record}.version(), UpdatedAt: last.Time, Doc: last.Doc,
		Status: record.Status, Platform: record.Platform, PlacedAt: record.PlacedAt, DeletedAt: record.DeletedAt, Number: record.Number,
		New: true, Lost: true,
	}
}

// Repo keeps the rows of one shard. Methods take slices: one statement for many orders, in the order of their keys so that
// two transactions never wait for each other in a circle.
type Repo interface {
	// Lock reads the rows and locks them until the transaction ends. Keys without a row are absent from the map. Keys
	// are distinct.
	Lock(context.Context, hub.Tx, []Key) (map[Key]Stored, error)
	// Lost returns, of keys without a row, those that the shard has told of: their rows were lost. Each is Rebuilt, with the
	// time when it was first stored, and Erased if somebody of its tenant was erased since then: nobody knows any more
	// whether it was somebody in this order. Keys are distinct; as a rule there is none to return.
	Lost(context.Context, hub.Tx, []Key) (map[Key]Stored, error)
	// Save writes the rows that Lock returned (or that are New), each whole.
	Save(context.Context, hub.Tx, []Stored) error
}

// Feed numbers and keeps changes.
type Feed interface {
	// Append records changes that belong to the transaction, in this order. Numbers are assigned before COMMIT.
	Append(context.Context, hub.Tx, []hub.Change) error
}
