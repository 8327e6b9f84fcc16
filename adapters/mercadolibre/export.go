package mercadolibre

import (
	"context"
	"time"

	"hub"
	"hub/adapters/driver"
)

// exportPage is how many orders a part of an export has: each takes seven calls or so.
const exportPage = 10

// Export reads the orders of a window by when they were placed, newest hours first, each with all that belongs to it. There
// is no bulk export: a part is a page of a search, and what a part needs is in its cursor, so nothing can be lost at the
// platform. Inside a list the platform sorts by the day of closing, which moves: see pass.
func (dr *Driver) Export(ctx context.Context, c driver.Caller, w driver.Window, cursor string) (driver.Part, error) {
	from, to := hours(w)
	p := place{from: from, to: to}
	if cursor != "" {
		var err error
		if p, err = placeAt(cursor); err != nil {
			return driver.Part{}, err
		}
	}
	o := newest
	if p.pass.checks() {
		o.limit = pageOrders
	}
	l, p, err := narrowed(ctx, c, driver.ByCreation, p, o)
	if err != nil {
		return driver.Part{}, err
	}
	var part driver.Part
	if part.Documents, err = dr.exported(ctx, c, l, w.To, &p); err != nil {
		return driver.Part{}, err
	}
	if cursor == "" {
		part.Total = l.whole
	}
	if p.to.Before(to) {
		part.Reached = p.to
	}
	several := p.offset > 0
	if p.offset += len(l.results); p.offset < l.total {
		part.Next = p.text()
		return part, nil
	}
	if next, more := p.again(several); more {
		part.Next = next.text()
		return part, nil
	}
	part.Reached = p.from
	if p.from.After(from) {
		part.Next = place{from: from, to: p.from}.text()
	}
	return part, nil
}

// exported reads the orders of a page whole, in a pass that does not only check the list. Those that were placed behind the
// window, in its last hour, come in while it is read.
func (dr *Driver) exported(ctx context.Context, c driver.Caller, l listed, to time.Time, p *place) ([][]byte, error) {
	ids := make([]hub.ExternalID, 0, len(l.results))
	for _, v := range l.results {
		seen, err := dr.seen(v)
		if err != nil {
			return nil, unreadable(searchName)
		}
		ids = append(ids, seen.ExternalID)
		if seen.PlacedAt.Before(to) {
			p.pass.show(seen.ExternalID)
		}
	}
	if p.pass.checks() {
		return nil, nil
	}
	read, err := dr.Fetch(ctx, c, ids)
	return read.Documents, err
}
