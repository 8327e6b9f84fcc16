package erp

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"hub"
)

// maxReference bounds a client's own reference, in characters: so the description of the API counts, and 128 of any script
// fit into the 512 bytes of the column.
const maxReference = 128

// Orders serves the current orders and takes acknowledgements.
type Orders struct {
	reader Reader
	acks   Acks
	clock  hub.Clock
}

// NewOrders returns the use case over one store.
func NewOrders(r Reader, a Acks, c hub.Clock) *Orders { return &Orders{r, a, c} }

// List is one page of a list of orders.
type List struct {
	Rows []Row
	Next hub.OrderID // where the next page starts, "" at the end
}

// List returns up to limit (1 to MaxLimit) orders that the filter selects, in the order of their ids, after the given one.
func (o *Orders) List(ctx context.Context, t hub.TenantID, f Filter, after hub.OrderID, limit int) (List, error) {
	if limit < 1 || limit > MaxLimit {
		return List{}, hub.Invalid(hub.CodeOutOfRange, "limit")
	}
	rows, err := o.reader.Orders(ctx, t, f, after, limit+1)
	if err != nil {
		return List{}, err
	}
	page, more := cut(rows, limit, func(r Row) int { return len(r.Doc) })
	list := List{Rows: page}
	if more {
		list.Next = page[len(page)-1].ID
	}
	return list, nil
}

// Order returns one order; KindNotFound for a missing one and for another tenant's alike.
func (o *Orders) Order(ctx context.Context, t hub.TenantID, id hub.OrderID) (Row, error) {
	if !hub.ValidID(hub.OrderPrefix, string(id)) {
		return Row{}, notFound()
	}
	return o.reader.Order(ctx, t, id)
}

// Acknowledge records that a client has booked an order under its own reference. Saying it again with the same reference
// returns the first acknowledgement; another reference is KindConflict, because the order may be booked twice.
func (o *Orders) Acknowledge(ctx context.Context, t hub.TenantID, client string, id hub.OrderID, reference string) (Ack, error) {
	if err := checkReference(reference); err != nil {
		return Ack{}, err
	}
	if !hub.ValidID(hub.OrderPrefix, string(id)) {
		return Ack{}, notFound()
	}
	stored, err := o.acks.Acknowledge(ctx, Ack{Tenant: t, Client: client, Order: id, Reference: reference, At: o.clock()})
	if err != nil {
		return Ack{}, err
	}
	if stored.Reference != reference {
		return Ack{}, &hub.Error{
			Kind: hub.KindConflict, Code: "acknowledged_otherwise", Op: "acknowledging order", Subject: string(id),
		}
	}
	return stored, nil
}

// checkReference wants up to maxReference characters that are seen and do not end lines or turn text around: the reference
// comes back in logs, exports and the console.
func checkReference(reference string) error {
	hidden := func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
	}
	switch {
	case utf8.RuneCountInString(reference) > maxReference:
		return hub.Invalid("reference_too_long", "reference")
	case strings.TrimSpace(reference) == "":
		return hub.Invalid("reference_blank", "reference")
	case !utf8.ValidString(reference) || strings.ContainsFunc(reference, hidden):
		return hub.Invalid("reference_characters", "reference")
	}
	return nil
}

func notFound() error {
	return &hub.Error{Kind: hub.KindNotFound, Code: "order_not_found", Op: "reading order"}
}
