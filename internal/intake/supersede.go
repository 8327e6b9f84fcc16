package intake

import (
	"context"

	"hub"
	"hub/internal/orders"
)

// supersede closes what lies parked of orders that this transaction brought up to date, and what it parked itself of
// orders that are newer already. It comes after both are written: of two transactions that do one each at the same moment,
// the second then meets the row of the first, so that the end does not depend on the order of arrival.
func (p *Pipeline) supersede(ctx context.Context, tx hub.Tx, incoming []orders.Incoming, results []orders.Result, parked []Parked) error {
	newest := map[orders.Key]Newest{}
	for i, r := range results {
		if r.Outcome != orders.Applied || !incoming[i].Deleted.IsZero() {
			continue // a deletion says nothing about the versions before it
		}
		newest[incoming[i].Key] = Newest{incoming[i].Key, incoming[i].Order.SourceUpdatedAt, r.Revision} // the last of a batch is the newest
	}
	if err := p.known(ctx, tx, parked, newest); err != nil || len(newest) == 0 {
		return err
	}
	list := make([]Newest, 0, len(newest))
	for _, n := range newest {
		list = append(list, n)
	}
	return p.Repo.Supersede(ctx, tx, list)
}

// known adds what is stored of the orders of parked deliveries.
func (p *Pipeline) known(ctx context.Context, tx hub.Tx, parked []Parked, newest map[orders.Key]Newest) error {
	var keys []orders.Key
	for _, row := range parked {
		k := orders.Key{Tenant: row.Tenant, Connection: row.Connection, External: row.Gist.ExternalID}
		if row.Connection != "" && row.Gist.ExternalID != "" && !row.Gist.SourceUpdatedAt.IsZero() {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	stored, err := p.Orders.Versions(ctx, tx, keys)
	for k, row := range stored {
		newest[k] = Newest{k, row.Version.SourceUpdatedAt, row.Revision}
	}
	return err
}
