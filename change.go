package hub

import "time"

// Stream is one of a tenant's numbered sequences of changes.
type Stream string

// StreamOrders holds the changes of orders.
const StreamOrders Stream = "orders"

// ChangeType says what a change is about.
type ChangeType string

// The types of changes in StreamOrders. The first revision of an order is always OrderCreated, whatever brought it.
const (
	OrderCreated   ChangeType = "order.created"
	OrderUpdated   ChangeType = "order.updated"
	OrderCancelled ChangeType = "order.cancelled"
	OrderRefunded  ChangeType = "order.refunded"
	OrderDeleted   ChangeType = "order.deleted"
)

// Change is one entry of a tenant's feed: a fact that was committed, never altered afterwards.
type Change struct {
	ID       ChangeID
	Tenant   TenantID
	Stream   Stream
	Sequence int64 // from 1, dense, in commit order; the store assigns it last, before COMMIT
	Type     ChangeType
	Time     time.Time // the transaction's time
	OrderID  OrderID
	Revision int64
	Doc      []byte // the order's P3 fields as JSON, exactly as every page will serve them
}
