package store

import (
	"context"
	"database/sql"

	"hub"
	"hub/internal/intake"
)

// OpenByCode counts open parked deliveries on all shards by their code, for people who watch the hub; what a crash may
// take back is counted, too.
func (i Intake) OpenByCode(ctx context.Context) (map[hub.Code]int64, error) {
	const op = "counting parked deliveries"
	counts := map[hub.Code]int64{}
	for _, shard := range i.s.ShardIDs() {
		d, err := i.s.find(ctx, shard)
		if err != nil {
			return nil, err
		}
		query := "SELECT code, COUNT(*) FROM parked WHERE state = ? GROUP BY code"
		err = d.query(ctx, op, query, []any{string(intake.ParkedOpen)}, func(r *sql.Rows) error {
			var code hub.Code
			var n int64
			err := r.Scan(&code, &n)
			counts[code] += n
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}
