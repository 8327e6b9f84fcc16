package intake

import (
	"context"
	"errors"

	"hub"
)

// moved is the action of the audit record in the tenant that a delivery was found to belong to.
const moved = "parked.move"

// target finds the connection of a delivery that belonged to no shop when it came. Only the app whose endpoint it came to
// can have it: whoever knows the secret of another app could sign in the name of any shop.
func (p *Parking) target(row Parked, it *item) (Endpoint, bool) {
	if row.Tenant != hub.Operator || row.Connection != "" || row.App == "" || it.record != nil || p.Directory == nil {
		return Endpoint{}, false
	}
	platform, ok := p.Pipeline.Platforms[row.Platform]
	if !ok {
		return Endpoint{}, false
	}
	account, err := platform.Account(it.delivery.Body)
	if err != nil {
		return Endpoint{}, false
	}
	return p.Directory.Account(row.Platform, row.App, account)
}

// move brings the delivery to its tenant, which may live on another shard, and then settles its row. It is claimed there
// like any delivery, so that a move that died in between is repeated without a second effect. What cannot be applied there
// is parked there.
func (p *Parking) move(ctx context.Context, row Parked, it *item, target Endpoint) (ReplayResult, error) {
	it.head.Tenant, it.head.Connection, it.delivery.Account, it.kept = target.Tenant, target.Connection, target.Account, false
	err := p.arrive(ctx, it)
	if hub.Parkable(err) && it.parked == nil {
		it.park(err)
		err = p.arrive(ctx, it)
	}
	if err != nil {
		return ReplayResult{}, err
	}
	result := ReplayResult{ID: row.ID, State: ParkedReplayed, Outcome: ReplayMoved, MovedTo: target.Connection}
	if it.parked != nil {
		result.Code, result.Path = it.parked.Code, it.parked.Path
	}
	if it.dry {
		return result, nil
	}
	row.State = ParkedReplayed
	_, err = p.settle(ctx, row, &item{})
	return result, err
}

// arrive prepares the item and commits it on its tenant's shard.
func (p *Parking) arrive(ctx context.Context, it *item) error {
	items := []*item{it}
	failed, err := p.Pipeline.prepare(ctx, items)
	if err == nil {
		err = failed[0]
	}
	if err != nil {
		return err
	}
	err = p.Pipeline.transact(ctx, p.Pipeline.Shards.Of(it.head.Tenant), items, func(ctx context.Context, tx hub.Tx) error {
		if err := p.Pipeline.take(ctx, tx, items, moved, it.head.Tenant); err != nil {
			return err
		}
		return dryEnd(it)
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	return err
}
