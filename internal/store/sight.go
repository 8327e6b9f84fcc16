package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"hub"
)

// sight is what a reader saw of the orders of a tenant. Each statement that reads orders also reads the newest change, and so
// as they were at one moment: a transaction that changes the record of an order numbers a change, so the orders are durable
// once that change is. A server that was killed and started afterwards may have taken it back, and may have given its number to
// another one; reading the head in a second statement would not tell.
type sight struct {
	d     *database
	h     head
	known int64          // was durable before the first statement
	saw   sql.NullString // by the last statement: number and id of the newest change
}

// sight begins before the first statement.
func (d *database) sight(tenant hub.TenantID) *sight {
	s := &sight{d: d, h: head{tenant, hub.StreamOrders}}
	s.known = d.marks.known(s.h)
	return s
}

// column is one more for a statement that reads orders, with its arguments, to be scanned into saw.
func (s *sight) column() (column string, args []any) {
	if !s.d.dialect.sharesLog {
		return "NULL", nil
	}
	return "(SELECT CONCAT(n.sequence, ' ', n.id) FROM feed n WHERE n.tenant_id = ? AND n.stream = ? ORDER BY n.sequence DESC LIMIT 1)",
		[]any{string(s.h.tenant), string(s.h.stream)}
}

// settled returns when what the last statement saw is durable. It is asked after each statement.
func (s *sight) settled(ctx context.Context) error {
	number, id, _ := strings.Cut(s.saw.String, " ")
	last, _ := strconv.ParseInt(number, 10, 64)
	err := s.d.settled(ctx, s.h, s.known, last, hub.ChangeID(id))
	if err == nil {
		s.known = max(s.known, last)
	}
	return err
}

// known is the highest number that is known to be flushed.
func (m *marks) known(h head) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last[h]
}
