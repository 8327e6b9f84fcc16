package forget

import (
	"context"

	"hub"
	"hub/gdpr"
)

// CleanExpired empties the values of one shard whose lots have expired: their keys die with the next forget cycle, and they
// open nowhere from the end of their week on. Each transaction is durable; a repetition finds what is left. Loop repeats it.
func (f *Forgetter) CleanExpired(ctx context.Context, shard hub.ShardID) (all []Visited, err error) {
	defer hub.Wrap(&err, "cleaning what expired", string(shard))
	before := gdpr.WeekOf(f.Clock())
	for _, place := range gdpr.Locations() {
		v := Visited{Place: place, Method: "week of expiry over, values emptied"}
		err := f.repeat(ctx, shard, &v, func(ctx context.Context, tx hub.Tx) (Visited, bool, error) {
			return f.Shard.Expired(ctx, tx, place, before, visitRows)
		})
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}
