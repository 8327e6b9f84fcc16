package erp

import (
	"context"
	"time"

	"hub"
)

// Filter selects orders of one tenant; empty fields select all.
type Filter struct {
	Connection   hub.ConnectionID
	Platform     hub.Platform
	Status       hub.OrderStatus
	External     hub.ExternalID
	UpdatedSince time.Time // stored by the hub at or after
}

// Row is an order as the list serves it.
type Row struct {
	ID  hub.OrderID
	Doc []byte // P3 JSON
}

// Ack is one client's word that it has booked an order.
type Ack struct {
	Tenant    hub.TenantID
	Client    string // the client name of the API key
	Order     hub.OrderID
	Reference string    // the client's own, such as its document number
	At        time.Time // of the first acknowledgement
}

// Reader reads one tenant's rows from its shard. It returns nothing that a crash of the database could take back: rows of
// a transaction whose log is not flushed yet are flushed first.
type Reader interface {
	// Changes returns up to limit changes with a sequence above after, in order, without holes. It stops after the one
	// with which the documents exceed MaxPageBytes. An after above the last change is KindConflict: the reader has seen
	// changes that a restored database does not have.
	Changes(ctx context.Context, tenant hub.TenantID, stream hub.Stream, after int64, limit int) ([]hub.Change, error)
	// Orders returns up to limit orders with an id after the given one, in the order of ids, and stops like Changes. Orders of which only the
	// deletion is known are left out.
	Orders(ctx context.Context, tenant hub.TenantID, f Filter, after hub.OrderID, limit int) ([]Row, error)
	// Order returns one; another tenant's is KindNotFound like a missing one.
	Order(ctx context.Context, tenant hub.TenantID, id hub.OrderID) (Row, error)
}

// Acks keeps acknowledgements.
type Acks interface {
	// Acknowledge stores a, or returns what is stored for the same client and order, durable in both cases. An order
	// that the tenant does not have is KindNotFound.
	Acknowledge(ctx context.Context, a Ack) (stored Ack, err error)
}
