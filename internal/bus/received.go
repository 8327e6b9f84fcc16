package bus

import (
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"

	"hub"
)

// Event is a told change as a consumer reads it.
type Event struct {
	ID       hub.ChangeID // the same however often it is delivered or was told
	Type     hub.ChangeType
	Time     time.Time // of the change
	Tenant   hub.TenantID
	Sequence int64 // in the tenant's line, without gaps
	OrderID  hub.OrderID
	Revision int64
	Thin     bool            // the order is too large for an event: read it from the feed
	Order    json.RawMessage // P3 fields only; nil when thin
	Trace    string          // W3C traceparent
}

// envelope is the part of an event's JSON that consumers read.
type envelope struct {
	SpecVersion string         `json:"specversion"`
	ID          hub.ChangeID   `json:"id"`
	Type        hub.ChangeType `json:"type"`
	Time        time.Time      `json:"time"`
	DataSchema  string         `json:"dataschema"`
	Data        struct {
		TenantID hub.TenantID    `json:"tenant_id"`
		Sequence int64           `json:"sequence"`
		OrderID  hub.OrderID     `json:"order_id"`
		Revision int64           `json:"revision"`
		Order    json.RawMessage `json:"order"`
		Thin     bool            `json:"thin"`
	} `json:"data"`
}

// decode reads a message. One that is no event of ours is KindPermanent with CodeEvent; the error quotes nothing of it.
func decode(data []byte, h nats.Header) (Event, error) {
	var e envelope
	d := &e.Data
	if err := json.Unmarshal(data, &e); err != nil || e.SpecVersion != specVersion || e.DataSchema != dataSchema ||
		e.ID == "" || d.TenantID == "" || d.Sequence <= 0 || d.Thin != (d.Order == nil) {
		return Event{}, &hub.Error{Kind: hub.KindPermanent, Code: CodeEvent, Op: "reading event"}
	}
	return Event{
		ID: e.ID, Type: e.Type, Time: e.Time, Tenant: d.TenantID, Sequence: d.Sequence, OrderID: d.OrderID, Revision: d.Revision,
		Thin: d.Thin, Order: d.Order, Trace: h.Get(HeaderTrace),
	}, nil
}
