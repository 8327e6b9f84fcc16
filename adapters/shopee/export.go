package shopee

import (
	"context"
	"time"

	"hub"
	"hub/adapters/driver"
)

// opened is 2015-01-01, before anybody sold on Shopee: a window without a beginning ends there.
const opened = 1_420_070_400

// Export reads all orders of a window, the newest 15 days first, a page of the list at a time. Escrows are read where the
// batch call tells them; an order that it leaves out is exported without, and one with returns without them: a call for each
// would make the export many times as long. Both say what they lack, and a fetch completes them. The cursor is durable; the
// list over create_time does not move.
func (*Driver) Export(ctx context.Context, c driver.Caller, w driver.Window, cursor string) (driver.Part, error) {
	from, to := seconds(w)
	if from = max(from, opened); to <= from {
		return driver.Part{}, nil
	}
	here := place{at: to}
	if cursor != "" {
		var ok bool
		if here, ok = placeOf(cursor, from, to); !ok {
			return driver.Part{}, &hub.Error{Kind: hub.KindUnavailable, Code: driver.CodeExportLost, Op: "going on with a shopee export"}
		}
	}
	start := max(here.at-longestSpan, from)
	page, next, err := list(ctx, c, w.By, start, here.at, here.cursor)
	if err != nil {
		return driver.Part{}, err
	}
	var part driver.Part
	for rest := page.Orders; len(rest) > 0; {
		some := rest[:min(len(rest), maxDetails)]
		rest = rest[len(some):]
		ids := make([]hub.ExternalID, len(some))
		for i, o := range some {
			ids[i] = o.ExternalID
		}
		orders, _, err := details(ctx, c, ids) // one that is gone since is none to export
		if err != nil {
			return driver.Part{}, err
		}
		if part.Documents, err = withMoney(ctx, c, part.Documents, orders); err != nil {
			return driver.Part{}, err
		}
	}
	reached := here.at // what lies behind it was exported before
	if next != "" {
		part.Next = place{at: here.at, cursor: next}.String()
	} else {
		reached = start
		if start > from {
			part.Next = place{at: start}.String()
		}
	}
	if reached < to {
		part.Reached = time.Unix(reached, 0).UTC()
	}
	return part, nil
}

// withMoney adds the orders to the documents, with their escrows as far as the batch call has them.
func withMoney(ctx context.Context, c driver.Caller, documents [][]byte, orders []detail) ([][]byte, error) {
	_, money, err := batches(ctx, c, orders)
	if err != nil {
		return nil, err
	}
	for _, o := range orders {
		text, err := assemble(o, money[o.id], nil)
		if err != nil {
			return nil, err
		}
		documents = append(documents, text)
	}
	return documents, nil
}
