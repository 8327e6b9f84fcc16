package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"sync"

	"hub"
)

// Feed implements orders.Feed.
type Feed struct{ s *Store }

// Feed returns the feed of all shards.
func (s *Store) Feed() Feed { return Feed{s} }

// head names one sequence of numbers.
type head struct {
	tenant hub.TenantID
	stream hub.Stream
}

func compareHeads(a, b head) int {
	return cmp.Or(cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.stream, b.stream))
}

// Append implements orders.Feed.
func (f Feed) Append(_ context.Context, token hub.Tx, changes []hub.Change) error {
	const op = "appending to the feed"
	t, err := open(token, op)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := t.owns(op, c.Tenant); err != nil {
			return err
		}
		if err := within(op, field{"tenant", string(c.Tenant), maxID}, field{"stream", string(c.Stream), maxWord},
			field{"id", string(c.ID), maxID}, field{"type", string(c.Type), maxCode}, field{"order_id", string(c.OrderID), maxID}); err != nil {
			return t.poison(err)
		}
	}
	t.feed = append(t.feed, changes...)
	return nil
}

// number gives the appended changes their numbers and writes them. It is the last thing before COMMIT, and the rows of
// feed_head stay locked until the commit is over: the next number of a tenant is given out after the commit that holds the
// one before it, by whichever hub. So numbers have no holes and follow the order of commits.
func (t *tx) number(ctx context.Context) error {
	if len(t.feed) == 0 || t.err != nil {
		return t.err
	}
	counts := map[head]int64{}
	for _, c := range t.feed {
		counts[head{c.Tenant, c.Stream}]++
	}
	heads := make([]head, 0, len(counts))
	for h := range counts {
		heads = append(heads, h)
	}
	slices.SortFunc(heads, compareHeads) // every hub locks in the same order
	if err := t.advance(ctx, heads, counts); err != nil {
		return err
	}
	next := make(map[head]int64, len(heads))
	for h, last := range t.heads {
		next[h] = last - counts[h] + 1
	}
	return t.insert(ctx, feedRows, len(t.feed), func(i int, r *row) {
		c := &t.feed[i]
		h := head{c.Tenant, c.Stream}
		r.add(string(c.Tenant), string(c.Stream), next[h], string(c.ID), string(c.Type), micros(c.Time),
			string(c.OrderID), c.Revision, blob(c.Doc))
		next[h]++
	})
}

var feedRows = insertion{
	op: "writing the feed", table: "feed",
	columns: []string{"tenant_id", "stream", "sequence", "id", "type", "time", "order_id", "revision", "doc"},
}

// advance raises the heads by the number of changes, which locks them, and reads where they stand.
func (t *tx) advance(ctx context.Context, heads []head, counts map[head]int64) error {
	raise := insertion{
		op: "numbering the feed", table: "feed_head", columns: []string{"tenant_id", "stream", "sequence"},
		tail: t.d.dialect.onDuplicate("tenant_id, stream", "sequence = feed_head.sequence + "+t.d.dialect.fresh("sequence")),
	}
	err := t.insert(ctx, raise, len(heads), func(i int, r *row) {
		r.add(string(heads[i].tenant), string(heads[i].stream), counts[heads[i]])
	})
	if err != nil {
		return err
	}
	t.heads = make(map[head]int64, len(heads))
	where := selection{op: "reading the heads of the feed", columns: "tenant_id, stream, sequence", table: "feed_head",
		keys: []string{"tenant_id", "stream"}}
	return t.find(ctx, where, len(heads), func(i int, r *row) {
		r.add(string(heads[i].tenant), string(heads[i].stream))
	}, func(rows *sql.Rows) error {
		var h head
		var last int64
		if err := rows.Scan(&h.tenant, &h.stream, &last); err != nil {
			return err
		}
		t.heads[h] = last
		return nil
	})
}

// marks remembers for each sequence of numbers the highest that is known to be flushed to disk. It grows by one entry a
// tenant; what it forgets at a restart costs one barrier.
type marks struct {
	mu   sync.Mutex
	last map[head]int64
}

func (m *marks) raise(h head, sequence int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last == nil {
		m.last = map[head]int64{}
	}
	m.last[h] = max(m.last[h], sequence)
}

func (m *marks) covers(h head, sequence int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return sequence <= m.last[h]
}
