package shopify

import (
	"context"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// The steps of an export: one page of the newest orders, which people see at once; then a bulk operation for the rest; or
// where the platform runs none, further pages.
const (
	stepPages = "pages"
	stepStart = "start"
	stepBulk  = "bulk"
)

// exportPlace is where an export goes on.
type exportPlace struct {
	Step  string    `json:"step"`
	To    time.Time `json:"to"`              // what is still to be exported is before
	After string    `json:"after,omitempty"` // in pages: the cursor
	Count int       `json:"count,omitempty"` // of orders in this pagination
	Done  int       `json:"done,omitempty"`  // orders that were exported in all
	ID    string    `json:"id,omitempty"`    // of the bulk operation
	At    int64     `json:"at,omitempty"`    // the byte of its file that comes next
}

// bulkWait is how long to wait before a bulk operation is asked for again.
const bulkWait = 2 * time.Second

// Export reads orders newest first. The first page is read directly, the others by one bulk operation, which costs nothing
// of the budget; where the platform refuses to run one (five run already, or a token that may not), by pages. Orders that
// the file of a bulk operation does not hold whole are read by their ids. A part may repeat orders of earlier ones.
func (dr *Driver) Export(ctx context.Context, c driver.Caller, w driver.Window, cursor string) (driver.Part, error) {
	p := exportPlace{Step: stepPages, To: ceiling(w.To)}
	if cursor != "" {
		if err := readCursor(cursor, &p); err != nil {
			return driver.Part{}, err
		}
	}
	switch p.Step {
	case stepPages:
		return dr.exportPage(ctx, c, w, p, cursor == "")
	case stepStart:
		return startBulk(ctx, c, w, p)
	case stepBulk:
		return dr.exportBulk(ctx, c, w, p)
	}
	return driver.Part{}, &hub.Error{Kind: hub.KindInvalid, Op: "reading a cursor of a shopify export"}
}

// exportPage reads one page of whole orders.
func (dr *Driver) exportPage(ctx context.Context, c driver.Caller, w driver.Window, p exportPlace, first bool) (driver.Part, error) {
	field, key := sortOf(w.By)
	variables := map[string]any{"first": ordersAtOnce, "key": key, "query": between(field, w.From, p.To)}
	if p.After != "" {
		variables["after"] = p.After
	}
	data, _, err := ask(ctx, c, question{
		name: "page", class: driver.ClassOrders, query: queries.page, variables: variables, cost: orderCost * ordersAtOnce,
	})
	if err != nil {
		return driver.Part{}, err
	}
	next, err := nextPage(data.Get("orders"))
	if err != nil {
		return driver.Part{}, err
	}
	var part driver.Part
	oldest := p.To
	for v := range data.Get("orders").Get("nodes").Items() {
		document, err := whole(ctx, c, v)
		if err != nil {
			return driver.Part{}, err
		}
		if document != nil {
			part.Documents = append(part.Documents, document)
		}
		if oldest = listedAt(v, w.By); oldest.IsZero() {
			return driver.Part{}, unreadable()
		}
	}
	p.Done += len(part.Documents)
	if next == "" {
		part.Total, part.Reached = p.Done, w.From
		return part, nil
	}
	if next == p.After || data.Get("orders").Get("nodes").Len() == 0 {
		return driver.Part{}, unreadable()
	}
	// Orders of the very second of the last one may be on the next page.
	part.Reached = oldest.Add(time.Second)
	p.After, p.Count = next, p.Count+ordersAtOnce
	if first {
		p = exportPlace{Step: stepStart, To: part.Reached, Done: p.Done}
	} else if p.Count >= anchorAfter && part.Reached.Before(p.To) {
		p = exportPlace{Step: stepPages, To: part.Reached, Done: p.Done}
	}
	part.Next = written(p)
	return part, nil
}

// listedAt is the time that a window is about: the one that the list is sorted by.
func listedAt(v strictjson.Value, by driver.By) time.Time {
	if by == driver.ByCreation {
		return instant(v.Get("processedAt"))
	}
	return instant(v.Get("updatedAt"))
}

// startBulk starts a bulk operation for what is left. A second one by mistake reads the same and is never looked at.
func startBulk(ctx context.Context, c driver.Caller, w driver.Window, p exportPlace) (driver.Part, error) {
	field, key := sortOf(w.By)
	data, _, err := ask(ctx, c, question{
		name: "bulk_start", class: driver.ClassOrders, query: queries.bulkRun, cost: 10,
		variables: map[string]any{"query": bulkQuery(key, between(field, w.From, p.To))},
	})
	if err != nil && hub.KindOf(err) != hub.KindForbidden && hub.KindOf(err) != hub.KindPermanent {
		return driver.Part{}, err
	}
	run := data.Get("bulkOperationRunQuery").Get("bulkOperation")
	if _, ok := plainID(run.Get("id"), "BulkOperation"); err != nil || !ok {
		return driver.Part{Reached: p.To, Next: written(exportPlace{Step: stepPages, To: p.To, Done: p.Done})}, nil
	}
	p = exportPlace{Step: stepBulk, To: p.To, Done: p.Done, ID: run.Get("id").Text()}
	return driver.Part{Reached: p.To, Next: written(p), Wait: bulkWait}, nil
}

// exportBulk looks after a bulk operation and reads the next piece of its file.
func (dr *Driver) exportBulk(ctx context.Context, c driver.Caller, w driver.Window, p exportPlace) (driver.Part, error) {
	data, _, err := ask(ctx, c, question{
		name: "bulk_state", class: driver.ClassOrders, query: queries.bulkAt, variables: map[string]any{"id": p.ID}, cost: 1,
	})
	if err != nil {
		return driver.Part{}, err
	}
	op := data.Get("bulkOperation")
	part := driver.Part{Reached: p.To, Total: p.Done + int(number64(op.Get("rootObjectCount")))}
	switch op.Get("status").Text() {
	case "CREATED", "RUNNING":
		part.Next, part.Wait = written(p), bulkWait
		return part, nil
	case "COMPLETED":
		return dr.readFile(ctx, c, w, p, op, part)
	case "FAILED", "CANCELED", "CANCELING":
		part.Next, part.Total = written(exportPlace{Step: stepPages, To: p.To, Done: p.Done}), 0
		return part, nil
	}
	return driver.Part{}, &hub.Error{Kind: hub.KindUnavailable, Code: driver.CodeExportLost, Op: "reading a shopify export"}
}
