package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"hub"
	"hub/internal/relay"
)

// Relay implements relay.Outbox on all shards. The feed is the outbox: beside it one row a line says how far it was told.
type Relay struct{ s *Store }

var _ relay.Outbox = Relay{}

// Relay returns what is committed and not told yet.
func (s *Store) Relay() Relay { return Relay{s} }

// reign is the row that says who tells.
type reign struct {
	leader string
	epoch  int64
	until  int64
}

// reign locks the row until the end of the transaction.
func (t *tx) reign(ctx context.Context, op string) (r reign, err error) {
	err = t.query(ctx, op, "SELECT leader, epoch, leads_until FROM relay WHERE one = 1"+t.d.dialect.forUpdate, nil, func(rows *sql.Rows) error {
		return rows.Scan(&r.leader, &r.epoch, &r.until)
	})
	return r, err
}

func notLeader(op string, shard hub.ShardID) error {
	return &hub.Error{Kind: hub.KindConflict, Code: relay.CodeNotLeader, Op: op, Subject: string(shard)}
}

// Lead implements relay.Outbox.
func (r Relay) Lead(ctx context.Context, shard hub.ShardID, holder string, d time.Duration) (epoch int64, err error) {
	const op = "leading the relay"
	if err := within(op, field{"holder", holder, maxInstance}); err != nil {
		return 0, err
	}
	err = r.change(ctx, shard, func(ctx context.Context, t *tx) error {
		now, err := t.reign(ctx, op)
		switch {
		case err != nil:
			return err
		case now.leader == holder:
		case now.leader != "" && moment(now.until).After(t.now) && moment(now.until).Sub(t.now) <= 2*d: // more comes from a wrong clock
			return t.poison(notLeader(op, shard))
		default:
			now.epoch++
		}
		epoch = now.epoch
		_, err = t.exec(ctx, op, "UPDATE relay SET leader = ?, epoch = ?, leads_until = ? WHERE one = 1", holder, epoch, micros(t.now.Add(d)))
		return err
	})
	if err != nil {
		return 0, err
	}
	return epoch, nil
}

// change runs a transaction on a shard.
func (r Relay) change(ctx context.Context, shard hub.ShardID, f func(context.Context, *tx) error) error {
	d, err := r.s.find(ctx, shard)
	if err != nil {
		return err
	}
	return r.s.do(ctx, d, f)
}

// Resign implements relay.Outbox.
func (r Relay) Resign(ctx context.Context, shard hub.ShardID, holder string) error {
	return r.change(ctx, shard, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, "resigning from the relay", "UPDATE relay SET leader = '', leads_until = 0 WHERE one = 1 AND leader = ?", holder)
		return err
	})
}

// Behind implements relay.Outbox. It reads the heads of all lines after the given one, which are small, and one change of
// each line that is behind.
func (r Relay) Behind(ctx context.Context, shard hub.ShardID, after relay.Line, limit int) (list []relay.Place, err error) {
	d, err := r.s.find(ctx, shard)
	if err != nil {
		return nil, err
	}
	const query = "SELECT h.tenant_id, h.stream, h.sequence, COALESCE(r.told, 0), COALESCE(r.position, 0), COALESCE(f.time, 0)" +
		" FROM feed_head h LEFT JOIN relay_lines r ON r.tenant_id = h.tenant_id AND r.stream = h.stream" +
		" LEFT JOIN feed f ON f.tenant_id = h.tenant_id AND f.stream = h.stream AND f.sequence = COALESCE(r.told, 0) + 1" +
		" WHERE h.tenant_id >= ? AND (h.tenant_id > ? OR h.stream > ?) AND h.sequence > COALESCE(r.told, 0)" +
		" ORDER BY h.tenant_id, h.stream LIMIT ?"
	tenant := string(after.Tenant)
	err = d.query(ctx, "looking for what is not told", query, []any{tenant, tenant, string(after.Stream), limit}, func(rows *sql.Rows) error {
		var p relay.Place
		var since int64
		err := rows.Scan(&p.Tenant, &p.Stream, &p.Head, &p.Told, &p.Position, &since)
		p.Since = moment(since)
		list = append(list, p)
		return err
	})
	return list, err
}

// relayFence compares the epoch with the newest and keeps that from changing until the end.
func (t *tx) relayFence(ctx context.Context, op string, shard hub.ShardID, epoch int64) error {
	now, err := t.reign(ctx, op)
	if err == nil && now.epoch != epoch {
		err = t.poison(notLeader(op, shard))
	}
	return err
}

// Tell implements relay.Outbox.
func (r Relay) Tell(ctx context.Context, shard hub.ShardID, epoch int64, places []relay.Place, m relay.Mark) error {
	const op = "storing how far was told"
	if err := within(op, field{"change", string(m.Change), maxID}); err != nil {
		return err
	}
	sorted := slices.SortedFunc(slices.Values(places), func(a, b relay.Place) int { return relay.Compare(a.Line, b.Line) })
	return r.change(ctx, shard, func(ctx context.Context, t *tx) error {
		if err := t.relayFence(ctx, op, shard, epoch); err != nil {
			return err
		}
		in := insertion{op: op, table: "relay_lines", columns: []string{"tenant_id", "stream", "told", "position"},
			tail: t.d.dialect.upsert("tenant_id, stream", "told", "position")}
		err := t.insert(ctx, in, len(sorted), func(i int, row *row) {
			p := sorted[i]
			row.add(string(p.Tenant), string(p.Stream), p.Told, int64(p.Position))
		})
		if err != nil {
			return err
		}
		return t.saveMark(ctx, op, m)
	})
}

func (t *tx) saveMark(ctx context.Context, op string, m relay.Mark) error {
	_, err := t.exec(ctx, op, "UPDATE relay SET created = ?, position = ?, change_id = ?, told_at = ? WHERE one = 1",
		micros(m.Created), int64(m.Position), string(m.Change), micros(m.At))
	return err
}

// Marked implements relay.Outbox.
func (r Relay) Marked(ctx context.Context, shard hub.ShardID) (m relay.Mark, err error) {
	const op = "reading the mark of the stream"
	d, err := r.s.find(ctx, shard)
	if err != nil {
		return m, err
	}
	err = d.query(ctx, op, "SELECT created, position, change_id, told_at FROM relay WHERE one = 1", nil, func(rows *sql.Rows) error {
		var created, at, position int64
		err := rows.Scan(&created, &position, &m.Change, &at)
		m.Created, m.At, m.Position = moment(created), moment(at), uint64(position)
		return err
	})
	if err == nil {
		err = d.flushed(ctx)
	}
	return m, err
}
