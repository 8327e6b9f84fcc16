package store

import (
	"context"
	"database/sql"
	"time"

	"hub"
	"hub/internal/relay"
)

// rewindStep is how many changes of a line are looked at in one statement.
const rewindStep = 1000

// Rewind implements relay.Outbox. What it reads it reads before its transaction: changes that are committed meanwhile come
// after everything that it looks at.
func (r Relay) Rewind(ctx context.Context, shard hub.ShardID, epoch int64, since time.Time) error {
	const op = "rewinding the relay"
	d, err := r.s.find(ctx, shard)
	if err != nil {
		return err
	}
	var lines []relay.Place
	err = d.query(ctx, op, "SELECT r.tenant_id, r.stream, r.told, h.sequence FROM relay_lines r JOIN feed_head h"+
		" ON h.tenant_id = r.tenant_id AND h.stream = r.stream ORDER BY r.tenant_id, r.stream", nil, func(rows *sql.Rows) error {
		var p relay.Place
		err := rows.Scan(&p.Tenant, &p.Stream, &p.Told, &p.Head)
		lines = append(lines, p)
		return err
	})
	if err != nil {
		return err
	}
	var back []relay.Place
	for _, p := range lines {
		before, err := d.before(ctx, op, p, since)
		if err != nil {
			return err
		}
		if before < p.Told {
			p.Told = before
			back = append(back, p)
		}
	}
	return r.change(ctx, shard, func(ctx context.Context, t *tx) error {
		if err := t.relayFence(ctx, op, shard, epoch); err != nil {
			return err
		}
		if _, err := t.exec(ctx, op, "UPDATE relay_lines SET position = 0"); err != nil {
			return err
		}
		// Few statements for many lines: the row that leads is locked meanwhile, and must be extended before it lapses.
		told := t.d.dialect.fresh("told")
		in := insertion{op: op, table: "relay_lines", columns: []string{"tenant_id", "stream", "told", "position"},
			tail: t.d.dialect.onDuplicate("tenant_id, stream", "told = "+t.d.dialect.smaller+"(relay_lines.told, "+told+")")}
		err := t.insert(ctx, in, len(back), func(i int, row *row) {
			row.add(string(back[i].Tenant), string(back[i].Stream), back[i].Told, int64(0))
		})
		if err != nil {
			return err
		}
		return t.saveMark(ctx, op, relay.Mark{})
	})
}

// before returns the number of the last change before the first that was made at a time or later. It looks from the end
// backwards and stops at a stretch without any such: there is no index on the time, and what it passes is read again anyway
// to be told. So clocks that were put back or differ do no harm within a stretch.
func (d *database) before(ctx context.Context, op string, p relay.Place, since time.Time) (int64, error) {
	first := p.Head + 1
	for end := p.Head; end > 0; end -= rewindStep {
		found := int64(0)
		err := d.query(ctx, op, "SELECT COALESCE(MIN(sequence), 0) FROM feed WHERE tenant_id = ? AND stream = ?"+
			" AND sequence > ? AND sequence <= ? AND time >= ?",
			[]any{string(p.Tenant), string(p.Stream), end - rewindStep, end, micros(since)},
			func(rows *sql.Rows) error { return rows.Scan(&found) })
		if err != nil {
			return 0, err
		}
		if found == 0 {
			break
		}
		first = found
	}
	return first - 1, nil
}
