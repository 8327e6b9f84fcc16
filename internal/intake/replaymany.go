package intake

import (
	"context"

	"hub"
	"hub/gdpr"
)

// Replays is what became of a page of parked deliveries.
type Replays struct {
	Results []ReplayResult
	Next    hub.ParkedID // the last that was dealt with
	More    bool         // others follow it
}

// ReplayMany replays up to limit open parked deliveries of a tenant after the given id, each by itself, in the order of
// ids. What is settled meanwhile, cannot be read, or fails for a reason of its own, is a result and no error. Passing trouble
// ends the page early; before the first delivery it is the error. Calling it again with Next goes on, and calling it again with the same
// id finds only what is still open. A dry run tries each delivery against what is stored, not against the tries before it.
func (p *Parking) ReplayMany(ctx context.Context, t hub.TenantID, f ParkedFilter, after hub.ParkedID, limit int, dry bool) (Replays, error) {
	f.State = ParkedOpen
	rows, err := p.Reader.Parked(ctx, t, f, after, limit+1)
	if err != nil {
		return Replays{}, err
	}
	done := Replays{Next: after, More: len(rows) > limit}
	for i, row := range rows[:min(limit, len(rows))] {
		result, err := p.one(ctx, t, row.ID, dry)
		if err != nil && i == 0 {
			return Replays{}, err
		}
		if err != nil {
			done.More = true
			return done, nil
		}
		done.Results, done.Next = append(done.Results, result), row.ID
	}
	return done, nil
}

// one replays one of many.
func (p *Parking) one(ctx context.Context, t hub.TenantID, id hub.ParkedID, dry bool) (ReplayResult, error) {
	result, err := p.Replay(ctx, t, id, dry)
	switch {
	case err == nil, passing(err), overtaken(err):
		return result, err
	case hub.CodeOf(err) != gdpr.CodeKeyGone && hub.CodeOf(err) != CodeParkedSettled:
		return ReplayResult{ID: id, State: ParkedOpen, Outcome: ReplayStays, Code: hub.CodeOf(err), Path: hub.PathOf(err)}, nil
	}
	key := hub.CodeOf(err) == gdpr.CodeKeyGone
	row, err := p.Reader.ParkedByID(ctx, t, id)
	if key {
		if row.Sealed == nil {
			row.State = ParkedDropped // also when a dry run left it open
		}
		return ReplayResult{ID: id, State: row.State, Outcome: ReplayGone, Code: gdpr.CodeKeyGone}, err
	}
	return ReplayResult{ID: id, State: row.State, Outcome: ReplaySettled, Code: row.Code}, err
}
