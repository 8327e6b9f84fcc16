package intake

import (
	"context"
	"errors"
	"time"

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

// erasedBefore is how far the clocks of hubs may be apart when a delivery's receipt is compared with an erasure.
const erasedBefore = 10 * time.Minute

// move brings the delivery to its tenant, which may live on another shard, and settles its row. It is claimed there like any
// delivery, so that a move that died in between is repeated without a second effect. What cannot be applied there is parked
// there.
//
// No erasure in the tenant has searched the delivery, for it was nobody's. So when the tenant's ledger has anything of the
// time since it was received, nothing of a person comes along.
func (p *Parking) move(ctx context.Context, row Parked, it *item, target Endpoint) (ReplayResult, error) {
	if p.Ready != nil {
		if err := p.Ready(target.Tenant); err != nil {
			return ReplayResult{}, err
		}
	}
	it.head.Tenant, it.head.Connection, it.delivery.Account, it.kept = target.Tenant, target.Connection, target.Account, false
	err := p.arrive(ctx, row, it)
	if hub.Parkable(err) && it.parked == nil {
		it.park(err)
		err = p.arrive(ctx, row, it)
	}
	if err != nil {
		return ReplayResult{}, err
	}
	result := ReplayResult{ID: row.ID, State: ParkedReplayed, Outcome: ReplayMoved, MovedTo: target.Connection}
	if it.parked != nil {
		result.Code, result.Path = it.parked.Code, it.parked.Path
	}
	return result, nil
}

// errErased: somebody was erased while the delivery was prepared.
var errErased = errors.New("somebody was erased meanwhile")

// arrive prepares the item and commits it on its tenant's shard, if the row is still open.
func (p *Parking) arrive(ctx context.Context, row Parked, it *item) error {
	to := p.Pipeline.Shards.Of(it.head.Tenant)
	if !it.bare {
		err := p.Pipeline.Shards.Do(ctx, to, func(ctx context.Context, tx hub.Tx) error { return p.unerased(ctx, tx, row, it) })
		if err != nil && !errors.Is(err, errErased) {
			return err
		}
		it.bare = err != nil
	}
	err := p.handOver(ctx, to, row, it)
	if errors.Is(err, errErased) {
		it.bare = true
		err = p.handOver(ctx, to, row, it)
	}
	if errors.Is(err, errDry) {
		err = nil
	}
	return err
}

// unerased is errErased when the tenant's ledger has anything of the time since the delivery was received.
func (p *Parking) unerased(ctx context.Context, tx hub.Tx, row Parked, it *item) error {
	erased, err := p.Pipeline.Repo.Erased(ctx, tx, it.head.Tenant, row.ReceivedAt.Add(-erasedBefore))
	if err == nil && erased {
		err = errErased
	}
	return err
}

// handOver settles the row and takes the item on the shard of its tenant. On two shards the second transaction runs, and
// commits, inside of the first, which holds the row and commits last: so nobody can drop the row in between, and a move that
// dies between the commits finds its claim when it is repeated. It is always the operator's shard that waits, so two moves
// never wait for each other in a circle.
func (p *Parking) handOver(ctx context.Context, to hub.ShardID, row Parked, it *item) error {
	items := []*item{it}
	failed, err := p.Pipeline.prepare(ctx, items)
	if err == nil {
		err = failed[0]
	}
	if err != nil {
		return err
	}
	take := func(ctx context.Context, tx hub.Tx) error {
		if !it.bare {
			if err := p.unerased(ctx, tx, row, it); err != nil {
				return err
			}
		}
		if err := p.Pipeline.take(ctx, tx, items, moved, it.head.Tenant); err != nil {
			return err
		}
		return dryEnd(it)
	}
	row.State = ParkedReplayed
	from := p.Pipeline.Shards.Of(row.Tenant)
	if from == to {
		return p.Pipeline.transact(ctx, to, items, func(ctx context.Context, tx hub.Tx) error {
			if err := p.Pipeline.Repo.Settle(ctx, tx, row); err != nil {
				return err
			}
			return take(ctx, tx)
		})
	}
	return p.Pipeline.Shards.Do(ctx, from, func(ctx context.Context, tx hub.Tx) error {
		if err := p.Pipeline.Repo.Settle(ctx, tx, row); err != nil {
			return err
		}
		return p.Pipeline.transact(ctx, to, items, take)
	})
}
