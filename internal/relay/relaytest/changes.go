package relaytest

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"hub"
	"hub/internal/relay"
)

// ids yields identifiers that rise with time.
func ids() hub.IDSource {
	return func() (id [16]byte) {
		binary.BigEndian.PutUint64(id[:8], uint64(time.Now().UnixNano()))
		rand.Read(id[8:])
		return id
	}
}

// NewLine returns a line that nobody else has.
func NewLine() relay.Line {
	return relay.Line{Tenant: hub.TenantID(ids().New(hub.TenantPrefix)), Stream: hub.StreamOrders}
}

// Changes returns the changes of a line with the numbers from first to last, made now.
func Changes(l relay.Line, first, last int64) (list []hub.Change) {
	for n := first; n <= last; n++ {
		c := hub.Change{
			ID: hub.ChangeID(ids().New(hub.ChangePrefix)), Tenant: l.Tenant, Stream: l.Stream, Sequence: n, Type: hub.OrderUpdated,
			Time: time.Now().UTC().Truncate(time.Microsecond), OrderID: hub.OrderID(ids().New(hub.OrderPrefix)), Revision: n,
		}
		c.Doc = fmt.Appendf(nil, `{"id":%q,"platform":"shopify","revision":%d}`, c.OrderID, n)
		list = append(list, c)
	}
	return list
}
