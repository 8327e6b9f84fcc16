package intake

import (
	"context"

	"hub"
	"hub/gdpr"
)

// ReplayResult says what a replay did, or would do.
type ReplayResult struct {
	State ParkedState `json:"state"`
	Code  hub.Code    `json:"code,omitempty"` // why it stays parked
	Path  string      `json:"path,omitempty"`
}

// Parking shows parked deliveries and deals with them.
type Parking struct {
	Pipeline *Pipeline
	Reader   ParkedReader
}

// List returns up to limit parked deliveries of a tenant after the given id.
func (p *Parking) List(ctx context.Context, t hub.TenantID, f ParkedFilter, after hub.ParkedID, limit int) ([]Parked, error) {
	return p.Reader.Parked(ctx, t, f, after, limit)
}

// Replay tries one open parked delivery again, under today's rules. It applies it and marks it replayed in one
// transaction, or leaves it open with today's reason. It is KindConflict when it is not open, and with gdpr.CodeKeyGone when
// its bytes can never be read again, because they were erased or are past their retention: such a one is dropped.
func (p *Parking) Replay(ctx context.Context, t hub.TenantID, id hub.ParkedID) (ReplayResult, error) {
	row, it, err := p.open(ctx, t, id)
	if err != nil {
		return ReplayResult{}, err
	}
	failed, err := p.Pipeline.prepare(ctx, []*item{it})
	if err == nil {
		err = failed[0]
	}
	if err == nil && it.parked == nil {
		row.State = ParkedReplayed
		err = p.settle(ctx, row, it)
	}
	if err != nil && !hub.Parkable(err) {
		return ReplayResult{}, err
	}
	if err == nil && it.parked == nil {
		return ReplayResult{State: ParkedReplayed}, nil
	}
	if it.parked == nil {
		it.park(err)
	}
	row.State, row.Code, row.Path = ParkedOpen, it.parked.Code, it.parked.Path
	if err := p.settle(ctx, row, &item{}); err != nil {
		return ReplayResult{}, err
	}
	return ReplayResult{State: ParkedOpen, Code: row.Code, Path: row.Path}, nil
}

// settle moves the row and applies the item in one transaction.
func (p *Parking) settle(ctx context.Context, row Parked, it *item) error {
	shard := p.Pipeline.Shards.Of(row.Tenant)
	return p.Pipeline.transact(ctx, shard, []*item{it}, func(ctx context.Context, tx hub.Tx) error {
		if err := p.Pipeline.Repo.Settle(ctx, tx, row); err != nil {
			return err
		}
		return p.Pipeline.apply(ctx, tx, []*item{it})
	})
}

// Drop gives up one open parked delivery: its bytes go, its row stays.
func (p *Parking) Drop(ctx context.Context, t hub.TenantID, id hub.ParkedID) error {
	row, err := p.Reader.ParkedByID(ctx, t, id)
	if err != nil {
		return err
	}
	row.State = ParkedDropped
	return p.settle(ctx, row, &item{})
}

// open loads a parked delivery and makes an item of it. One that was parked because its bytes do not open has none: it
// stays as it is.
func (p *Parking) open(ctx context.Context, t hub.TenantID, id hub.ParkedID) (Parked, *item, error) {
	row, err := p.Reader.ParkedByID(ctx, t, id)
	if err != nil {
		return Parked{}, nil, err
	}
	if row.State != ParkedOpen {
		return Parked{}, nil, &hub.Error{Kind: hub.KindConflict, Code: "parked_settled", Op: opReplay, Subject: string(id)}
	}
	it := &item{kept: true, head: Head{Platform: row.Platform, Tenant: t, Connection: row.Connection, ReceivedAt: row.ReceivedAt}}
	switch {
	case row.Sealed == nil && row.Code == hub.CodeUnreadable:
		it.record = []byte{}
		it.park(unreadable(opReplay, string(id)))
		return row, it, nil
	case row.Sealed == nil:
		return Parked{}, nil, p.gone(ctx, row)
	}
	plain, err := p.Pipeline.Keys.Open(ctx, gdpr.ParkedPlace(t, id), row.Sealed)
	if hub.CodeOf(err) == gdpr.CodeKeyGone {
		return Parked{}, nil, p.gone(ctx, row)
	}
	if err != nil {
		return Parked{}, nil, err
	}
	it.delivery, err = decodeDelivery(plain)
	return row, it, err
}

const opReplay = "replaying"

// gone drops a delivery of which nothing is left to read, and says so. A key that is gone never comes back.
func (p *Parking) gone(ctx context.Context, row Parked) error {
	row.State = ParkedDropped
	if err := p.settle(ctx, row, &item{}); err != nil {
		return err
	}
	return &hub.Error{Kind: hub.KindConflict, Code: gdpr.CodeKeyGone, Op: opReplay, Subject: string(row.ID)}
}
