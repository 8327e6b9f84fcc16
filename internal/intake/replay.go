package intake

import (
	"context"
	"errors"

	"hub"
	"hub/gdpr"
	"hub/internal/orders"
)

// ReplayOutcome says what came of the delivery itself.
type ReplayOutcome string

// The outcomes of replays.
const (
	ReplayApplied   ReplayOutcome = "applied"   // a new revision of its order
	ReplayUnchanged ReplayOutcome = "unchanged" // its order is stored already as it says
	ReplayStale     ReplayOutcome = "stale"     // its order is newer already
	ReplayNoted     ReplayOutcome = "noted"     // a hint, the deletion of an order that never came, or nothing to do
	ReplayStays     ReplayOutcome = "stays"     // it cannot be applied; Code and Path say why
	// ReplayMoved: it belonged to no shop and has found its connection; with a Code it is parked there. If somebody of that
	// tenant was erased since it was received, nothing of a person came along: its order is fetched.
	ReplayMoved   ReplayOutcome = "moved"
	ReplayGone    ReplayOutcome = "gone"    // its bytes are gone, or their key is
	ReplaySettled ReplayOutcome = "settled" // it was not open any more
)

// ReplayResult says what a replay did, or would do.
type ReplayResult struct {
	ID      hub.ParkedID
	State   ParkedState // it is in now, or would be in
	Outcome ReplayOutcome
	Order   hub.OrderID      // when it is known
	Type    hub.ChangeType   // when applied
	Code    hub.Code         // why it stays parked
	Path    string           // where in the payload
	MovedTo hub.ConnectionID // when moved
}

// Parking shows parked deliveries and deals with them.
type Parking struct {
	Pipeline *Pipeline
	Reader   ParkedReader
	// Directory finds the connection of what belongs to no shop; nil finds none.
	Directory Directory
	// Ready is nil when the ledgers of a tenant's shard and of the vault agree, as forget.Forgetter says; nil asks nobody.
	Ready func(hub.TenantID) error
}

// List returns up to limit parked deliveries of a tenant after the given id.
func (p *Parking) List(ctx context.Context, t hub.TenantID, f ParkedFilter, after hub.ParkedID, limit int) ([]Parked, error) {
	return p.Reader.Parked(ctx, t, f, after, limit)
}

// Replay tries one open parked delivery again, under today's rules. It applies it and marks it replayed in one
// transaction, or leaves it open with today's reason. It is KindConflict when it is not open, and with gdpr.CodeKeyGone when
// its bytes cannot be read. It is dropped then only if there are none any more: an erasure, or the clean-up after the
// retention, has taken them, and both go by what the vault says. A key that is missed while there are bytes may come back, with
// the right vault or when the clock is right, so they stay.
//
// A dry run does the same in a transaction that is rolled back, with nothing sealed: it changes nothing, makes no keys and
// counts no attempt.
func (p *Parking) Replay(ctx context.Context, t hub.TenantID, id hub.ParkedID, dry bool) (ReplayResult, error) {
	row, it, err := p.open(ctx, t, id, dry)
	if err != nil {
		return ReplayResult{}, err
	}
	it.dry = dry
	if target, ok := p.target(row, it); ok {
		return p.move(ctx, row, it, target)
	}
	results, err := p.try(ctx, row, it)
	switch {
	case err == nil && it.parked == nil:
		return applied(row.ID, it, results), nil
	case err != nil && !hub.Parkable(err):
		return ReplayResult{}, err
	case it.parked == nil:
		it.park(err)
		it.skim(p.Pipeline.Platforms)
	}
	return p.stay(ctx, row, it)
}

// try prepares the item and, when nothing parks it, applies it and settles its row.
func (p *Parking) try(ctx context.Context, row Parked, it *item) ([]orders.Result, error) {
	failed, err := p.Pipeline.prepare(ctx, []*item{it})
	if err == nil {
		err = failed[0]
	}
	if err != nil || it.parked != nil {
		return nil, err
	}
	row.State = ParkedReplayed
	return p.settle(ctx, row, it)
}

// stay leaves the row open with today's reason. It may turn out to be superseded, now that its order is known.
func (p *Parking) stay(ctx context.Context, row Parked, it *item) (ReplayResult, error) {
	row.State, row.Code, row.Path, row.Gist = ParkedOpen, it.parked.Code, it.parked.Path, it.parked.Gist
	result := ReplayResult{ID: row.ID, State: ParkedOpen, Outcome: ReplayStays, Code: row.Code, Path: row.Path}
	if it.dry {
		return result, nil
	}
	if _, err := p.settle(ctx, row, &item{}); err != nil || row.Gist.ExternalID == "" {
		return result, err
	}
	row, err := p.Reader.ParkedByID(ctx, row.Tenant, row.ID)
	result.State = row.State
	return result, err
}

// applied makes the result of an item that was applied. Of a body with several orders it names the first.
func applied(id hub.ParkedID, it *item, results []orders.Result) ReplayResult {
	result := ReplayResult{ID: id, State: ParkedReplayed, Outcome: ReplayNoted}
	if len(results) == 0 {
		return result
	}
	first := results[0]
	if result.Order = first.Order; it.dry && first.Type == hub.OrderCreated {
		result.Order = "" // it has none yet
	}
	switch first.Outcome {
	case orders.Applied:
		result.Outcome, result.Type = ReplayApplied, first.Type
	case orders.Unchanged:
		result.Outcome = ReplayUnchanged
	case orders.Stale:
		result.Outcome = ReplayStale
	}
	return result
}

// errDry rolls a transaction back that was only a try.
var errDry = errors.New("it was only a try")

// settle moves the row and applies the item in one transaction.
func (p *Parking) settle(ctx context.Context, row Parked, it *item) (results []orders.Result, err error) {
	shard := p.Pipeline.Shards.Of(row.Tenant)
	err = p.Pipeline.transact(ctx, shard, []*item{it}, func(ctx context.Context, tx hub.Tx) (err error) {
		if err := p.Pipeline.Repo.Settle(ctx, tx, row); err != nil {
			return err
		}
		if results, err = p.Pipeline.apply(ctx, tx, []*item{it}); err != nil {
			return err
		}
		if row.State == ParkedOpen {
			if err := p.Pipeline.supersede(ctx, tx, nil, nil, []Parked{row}); err != nil {
				return err
			}
		}
		return dryEnd(it)
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	return results, err
}

// dryEnd is what a transaction of the item ends with.
func dryEnd(it *item) error {
	if it.dry {
		return errDry
	}
	return nil
}

// Drop gives up one open parked delivery: its bytes go, its row stays.
func (p *Parking) Drop(ctx context.Context, t hub.TenantID, id hub.ParkedID) error {
	row, err := p.Reader.ParkedByID(ctx, t, id)
	if err != nil {
		return err
	}
	row.State = ParkedDropped
	_, err = p.settle(ctx, row, &item{})
	return err
}

// open loads a parked delivery and makes an item of it. One that was parked because its bytes do not open has none: it
// stays as it is.
func (p *Parking) open(ctx context.Context, t hub.TenantID, id hub.ParkedID, dry bool) (Parked, *item, error) {
	row, err := p.Reader.ParkedByID(ctx, t, id)
	if err != nil {
		return Parked{}, nil, err
	}
	if row.State != ParkedOpen {
		return Parked{}, nil, &hub.Error{Kind: hub.KindConflict, Code: CodeParkedSettled, Op: opReplay, Subject: string(id)}
	}
	it := &item{kept: true, head: Head{Platform: row.Platform, App: row.App, Tenant: t, Connection: row.Connection, ReceivedAt: row.ReceivedAt}}
	switch {
	case row.Sealed == nil && row.Code == hub.CodeUnreadable:
		it.record = []byte{}
		it.park(unreadable(opReplay, string(id)))
		return row, it, nil
	case row.Sealed == nil:
		return Parked{}, nil, p.drop(ctx, row, dry)
	}
	plain, err := p.Pipeline.Keys.Open(ctx, gdpr.ParkedPlace(t, id), row.Sealed)
	if hub.CodeOf(err) == gdpr.CodeKeyGone {
		return Parked{}, nil, gone(id)
	}
	if err != nil {
		return Parked{}, nil, err
	}
	it.delivery, err = decodeDelivery(plain)
	return row, it, err
}

const opReplay = "replaying"

// CodeParkedSettled is the conflict of a parked delivery that is not open any more.
const CodeParkedSettled hub.Code = "parked_settled"

// drop settles a delivery that has no bytes, and says so.
func (p *Parking) drop(ctx context.Context, row Parked, dry bool) error {
	row.State = ParkedDropped
	if !dry {
		if _, err := p.settle(ctx, row, &item{}); err != nil {
			return err
		}
	}
	return gone(row.ID)
}

func gone(id hub.ParkedID) error {
	return &hub.Error{Kind: hub.KindConflict, Code: gdpr.CodeKeyGone, Op: opReplay, Subject: string(id)}
}
