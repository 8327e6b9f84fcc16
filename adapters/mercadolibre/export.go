package mercadolibre

import (
	"context"

	"hub"
	"hub/adapters/driver"
)

// exportPage is how many orders a part of an export has: each takes seven calls or so.
const exportPage = 10

// Export reads the orders of a window by when they were placed, newest hours first, each with all that belongs to it. There
// is no bulk export: a part is a page of a search, and what a part needs is in its cursor, so nothing can be lost at the
// platform. Inside a list the platform sorts by the day of closing.
func (dr *Driver) Export(ctx context.Context, c driver.Caller, w driver.Window, cursor string) (driver.Part, error) {
	from, to := hours(w)
	p := place{from: from, to: to}
	if cursor != "" {
		var err error
		if p, err = placeAt(cursor); err != nil {
			return driver.Part{}, err
		}
	}
	l, p, err := narrowed(ctx, c, driver.ByCreation, p, newest)
	if err != nil {
		return driver.Part{}, err
	}
	ids := make([]hub.ExternalID, 0, len(l.results))
	for _, v := range l.results {
		seen, err := dr.seen(v)
		if err != nil {
			return driver.Part{}, unreadable(searchName)
		}
		ids = append(ids, seen.ExternalID)
	}
	read, err := dr.Fetch(ctx, c, ids)
	if err != nil {
		return driver.Part{}, err
	}
	part := driver.Part{Documents: read.Documents}
	if cursor == "" {
		part.Total = l.whole
	}
	if p.to.Before(to) {
		part.Reached = p.to
	}
	if p.offset += len(l.results); p.offset < l.total {
		part.Next = p.text()
		return part, nil
	}
	part.Reached = p.from
	if p.from.After(from) {
		part.Next = place{from: from, to: p.from}.text()
	}
	return part, nil
}
