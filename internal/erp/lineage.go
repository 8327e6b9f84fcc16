package erp

import (
	"context"
	"time"

	"hub"
)

// MaxLineage bounds each list of one lineage.
const MaxLineage = 250

// Lineage is what the hub knows durably of one order's way. Each list is in the order of time and read by itself, so that
// what happens meanwhile may be in one and not yet in another. That a page of the feed was read is not recorded.
type Lineage struct {
	Order      hub.OrderID
	Connection hub.ConnectionID
	Platform   hub.Platform
	External   hub.ExternalID
	Revision   int64 // the newest

	Received  []Receipt
	Parked    []Parking
	Revisions []Revision
	Served    []Served
	Acks      []Ack
	Cut       bool // a list was longer than MaxLineage; its newest entries are missing

	Told      int64 // the sequence up to which the tenant's changes were published
	ToldKnown bool  // false: nobody publishes here
}

// Receipt is one delivery about the order that was taken.
type Receipt struct {
	Delivery   [32]byte  // its key
	ClaimedAt  time.Time // when it was taken into the shard
	ReceivedAt time.Time // at the door; zero when it left no payload: it said nothing new, or its people were erased
	Topic      string    // "" like ReceivedAt
	RawRef     hub.RawRef
	Kept       bool // the payload is still there
}

// Parking is one delivery of the order that could not be applied.
type Parking struct {
	ID         hub.ParkedID
	Topic      string
	Code       hub.Code
	Path       string
	State      string
	ClosedBy   int64 // revision
	ReceivedAt time.Time
	ParkedAt   time.Time
}

// Revision is one change of the order.
type Revision struct {
	Sequence        int64
	Change          hub.ChangeID
	Type            hub.ChangeType
	Time            time.Time
	Revision        int64
	SourceUpdatedAt time.Time
	Rules           string // of the normalisation
	RawRef          hub.RawRef
}

// Served is one answer in which a client got personal fields of the order.
type Served struct {
	Client   string
	Key      hub.KeyID
	At       time.Time
	Revision int64
	Fields   hub.Fields
}

// LineageReader reads what a shard knows.
type LineageReader interface {
	// Lineage returns all but what was told, with up to limit entries in each list; durable. Another tenant's order is
	// KindNotFound like a missing one.
	Lineage(ctx context.Context, t hub.TenantID, id hub.OrderID, limit int) (Lineage, error)
}

// Told knows how far the changes of a tenant were published.
type Told interface {
	// Told returns the sequence of the last published change of a stream, 0 before the first.
	Told(ctx context.Context, t hub.TenantID, s hub.Stream) (sequence int64, err error)
}

// Tracer follows one order through the hub.
type Tracer struct {
	Reader LineageReader
	Told   Told // nil: nobody publishes
}

// Lineage returns the way of one order; KindNotFound for a missing one and for another tenant's alike.
func (t *Tracer) Lineage(ctx context.Context, tenant hub.TenantID, id hub.OrderID) (Lineage, error) {
	if !hub.ValidID(hub.OrderPrefix, string(id)) {
		return Lineage{}, notFound()
	}
	l, err := t.Reader.Lineage(ctx, tenant, id, MaxLineage)
	if err != nil || t.Told == nil {
		return l, err
	}
	l.ToldKnown = true
	l.Told, err = t.Told.Told(ctx, tenant, hub.StreamOrders)
	return l, err
}
