package store

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"

	"hub"
	"hub/internal/relay"
)

// span is a part of what is wanted of one line: the numbers from first to last.
type span struct {
	want        int // its index
	first, last int64
}

// Bounds of one statement that reads changes. What a statement returns beyond the bound on bytes is read and thrown away.
const (
	spanChanges = 128 // of one span
	readChanges = 256 // of one statement
)

// Changes implements relay.Outbox. It reads ranges of numbers, many in one statement. What it returns was committed, and is
// durable when it returns, as ERP.Changes does it.
func (r Relay) Changes(ctx context.Context, shard hub.ShardID, wants []relay.Want, maxBytes int) ([]relay.Page, error) {
	d, err := r.s.find(ctx, shard)
	if err != nil {
		return nil, err
	}
	pages := make([]relay.Page, len(wants))
	left, full := maxBytes, false
	for spans := divide(wants); len(spans) > 0 && !full; {
		n, count := 0, int64(0)
		for n < len(spans) && (n == 0 || count+spans[n].last-spans[n].first < readChanges) {
			count += spans[n].last - spans[n].first + 1
			n++
		}
		n = d.dialect.statement.size(n, d.dialect.statement.keys)
		if left, full, err = d.spans(ctx, wants, spans[:n], pages, left); err != nil {
			return nil, err
		}
		spans = spans[n:]
		if full || left <= 0 {
			full = true
			for _, s := range spans {
				pages[s.want].More = true
			}
		}
	}
	for i, w := range wants {
		if len(pages[i].Changes) >= w.Limit {
			pages[i].More = true
		}
	}
	return pages, d.settledPages(ctx, pages)
}

// divide cuts what is wanted into spans.
func divide(wants []relay.Want) (spans []span) {
	for i, w := range wants {
		for first, end := w.After+1, w.After+int64(w.Limit); first <= end; first += spanChanges {
			spans = append(spans, span{want: i, first: first, last: min(first+spanChanges-1, end)})
		}
	}
	return spans
}

// spans reads some spans in one statement and appends what follows in each line. It returns how many bytes are left, and
// whether something did not fit.
func (d *database) spans(ctx context.Context, wants []relay.Want, spans []span, pages []relay.Page, left int) (int, bool, error) {
	const part = "(tenant_id = ? AND stream = ? AND sequence >= ? AND sequence <= ?)"
	var args []any
	index := map[relay.Line]int{}
	for _, s := range spans {
		l := wants[s.want].Line
		index[l] = s.want
		args = append(args, string(l.Tenant), string(l.Stream), s.first, s.last)
	}
	query := d.dialect.ranges("SELECT tenant_id, stream, sequence, id, type, time, order_id, revision, doc FROM feed", part, len(spans))
	full := false
	found := map[int][]hub.Change{}
	some := slices.ContainsFunc(pages, func(p relay.Page) bool { return len(p.Changes) > 0 })
	err := d.query(ctx, "reading what is not told", query, args, func(rows *sql.Rows) error {
		var c hub.Change
		var time int64
		err := rows.Scan(&c.Tenant, &c.Stream, &c.Sequence, &c.ID, &c.Type, &time, &c.OrderID, &c.Revision, &c.Doc)
		if err != nil {
			return err
		}
		if some && len(c.Doc) > left {
			full = true
			return errEnough
		}
		some, left = true, left-len(c.Doc)
		c.Time = moment(time)
		want := index[relay.Line{Tenant: c.Tenant, Stream: c.Stream}]
		found[want] = append(found[want], c)
		return nil
	})
	for _, s := range spans {
		joinPage(&pages[s.want], wants[s.want].After, found[s.want])
		delete(found, s.want)
		pages[s.want].More = pages[s.want].More || full
	}
	return left, full, err
}

// joinPage appends the changes that follow without a hole. They come in the order of their numbers, but nothing promises it.
func joinPage(p *relay.Page, after int64, found []hub.Change) {
	slices.SortFunc(found, func(a, b hub.Change) int { return cmp.Compare(a.Sequence, b.Sequence) })
	for _, c := range found {
		if c.Sequence != after+int64(len(p.Changes))+1 {
			p.More = true
			return
		}
		p.Changes = append(p.Changes, c)
	}
}

// settledPages returns when all that was read is durable, as settled does it for one page.
func (d *database) settledPages(ctx context.Context, pages []relay.Page) error {
	if !d.dialect.sharesLog {
		return nil
	}
	open := map[head]hub.Change{} // the last change of each line that is not known to be flushed
	for _, p := range pages {
		if len(p.Changes) == 0 {
			continue
		}
		last := p.Changes[len(p.Changes)-1]
		if h := (head{last.Tenant, last.Stream}); !d.marks.covers(h, last.Sequence) {
			open[h] = last
		}
	}
	if len(open) == 0 {
		return nil
	}
	if err := d.flushed(ctx); err != nil {
		return err
	}
	const op = "reading again what is not told"
	heads := slices.SortedFunc(maps.Keys(open), compareHeads)
	again := map[head]hub.ChangeID{}
	where := selection{op: op, columns: "tenant_id, stream, id", table: "feed", keys: []string{"tenant_id", "stream", "sequence"}}
	err := d.find(ctx, where, len(heads), func(i int, r *row) {
		r.add(string(heads[i].tenant), string(heads[i].stream), open[heads[i]].Sequence)
	}, func(rows *sql.Rows) error {
		var h head
		var id hub.ChangeID
		err := rows.Scan(&h.tenant, &h.stream, &id)
		again[h] = id
		return err
	})
	if err != nil {
		return err
	}
	for h, c := range open {
		if again[h] != c.ID {
			return &hub.Error{Kind: hub.KindUnavailable, Op: op, Err: words("the database was restarted and took the change back")}
		}
		d.marks.raise(h, c.Sequence)
	}
	return nil
}
