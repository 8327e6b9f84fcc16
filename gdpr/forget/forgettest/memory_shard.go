package forgettest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// Head implements forget.Shard.
func (m *Memory) Head(ctx context.Context, shard hub.ShardID) (head forget.Entry, err error) {
	err = m.read(ctx, "Head", shard, func(d *data) { head = d.head })
	return head, err
}

// ShardEntries implements forget.Shard.
func (m *Memory) ShardEntries(ctx context.Context, shard hub.ShardID, after string, limit int) (page []forget.Entry, err error) {
	err = m.read(ctx, "ShardEntries", shard, func(d *data) {
		ids := sorted(d.entries, func(id string, _ forget.Entry) bool { return id > after }, strings.Compare)
		for _, id := range ids[:min(len(ids), limit)] {
			page = append(page, d.entries[id])
		}
	})
	return page, err
}

// Apply implements forget.Shard.
func (m *Memory) Apply(_ context.Context, t hub.Tx, entries []forget.Entry, head *forget.Entry) (fresh []forget.Entry, err error) {
	d := t.(tx).d
	for _, e := range entries {
		if _, ok := d.entries[e.ID]; !ok {
			fresh = append(fresh, e)
		}
		d.entries[e.ID] = e
		if e.What == forget.Killed || e.What == forget.Fenced && d.states[e.Subject] == "" {
			d.states[e.Subject] = e.What
		}
		if e.What == forget.Killed {
			delete(d.idle, e.Subject)
		}
	}
	switch {
	case head == nil:
	case head.Number > d.head.Number:
		d.head = *head
	case head.Number == 0 && head.ID == d.head.ID:
		d.head = forget.Entry{}
	}
	return fresh, nil
}

// Count implements forget.Shard.
func (m *Memory) Count(ctx context.Context, tenant hub.TenantID, subjects []gdpr.SubjectID) (rows map[gdpr.Location]int64, err error) {
	rows = map[gdpr.Location]int64{}
	err = m.read(ctx, "Count", m.of(tenant), func(d *data) {
		seen := map[address]bool{}
		for h := range d.places {
			a := address{h.Tenant, h.Place, h.Row}
			if h.Tenant == tenant && slices.Contains(subjects, h.Subject) && !seen[a] {
				seen[a] = true
				rows[h.Place]++
			}
		}
	})
	return rows, err
}

// Anybody implements forget.Shard.
func (m *Memory) Anybody(ctx context.Context) (all map[gdpr.Location]forget.Anybody, err error) {
	all = map[gdpr.Location]forget.Anybody{}
	err = m.read(ctx, "Anybody", m.of(hub.Operator), func(d *data) {
		for a, r := range d.rows {
			if a.tenant == hub.Operator && len(r.Values) > 0 {
				all[a.place] = forget.Anybody{Rows: all[a.place].Rows + 1, Until: max(all[a.place].Until, r.Expires)}
			}
		}
	})
	return all, err
}

// OrdersOf implements forget.Shard.
func (m *Memory) OrdersOf(ctx context.Context, tenant hub.TenantID, subject gdpr.SubjectID, after hub.OrderID, limit int) (ids []hub.OrderID, err error) {
	err = m.read(ctx, "OrdersOf", m.of(tenant), func(d *data) {
		for h := range d.places {
			if h.Tenant == tenant && h.Subject == subject && h.Place == gdpr.InOrders && h.Row > string(after) {
				ids = append(ids, hub.OrderID(h.Row))
			}
		}
		slices.Sort(ids)
		ids = ids[:min(len(ids), limit)]
	})
	return ids, err
}

// Visit implements forget.Shard.
func (m *Memory) Visit(_ context.Context, t hub.Tx, place gdpr.Location, subjects []gdpr.SubjectID, limit int) (v forget.Visited, more bool, err error) {
	d := t.(tx).d
	v.Place = place
	lines := sorted(d.places, func(h gdpr.Holding, _ bool) bool {
		return h.Place == place && slices.Contains(subjects, h.Subject)
	}, func(a, b gdpr.Holding) int {
		return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Subject, b.Subject))
	})
	more = len(lines) > limit
	for _, h := range lines[:min(len(lines), limit)] {
		v.Looked++
		a := address{h.Tenant, place, h.Row}
		if d.empty(a, subjects) {
			v.Found, v.Acted = v.Found+1, v.Acted+1
		}
		delete(d.places, h)
	}
	return v, more, nil
}

// Unparsed implements forget.Shard.
func (m *Memory) Unparsed(ctx context.Context, tenant hub.TenantID, after hub.ParkedID, limit int) (page []forget.Unparsed, err error) {
	err = m.read(ctx, "Unparsed", m.of(tenant), func(d *data) {
		for a, r := range d.rows {
			if a.tenant == tenant && a.place == gdpr.InParked && a.id > string(after) && len(r.Values[""]) > 0 {
				page = append(page, forget.Unparsed{ID: hub.ParkedID(a.id), Sealed: slices.Clone(r.Values[""])})
			}
		}
		slices.SortFunc(page, func(a, b forget.Unparsed) int { return cmp.Compare(a.ID, b.ID) })
		page = page[:min(len(page), limit)]
	})
	return page, err
}

// Empty implements forget.Shard.
func (m *Memory) Empty(_ context.Context, t hub.Tx, tenant hub.TenantID, ids []hub.ParkedID) error {
	for _, id := range ids {
		clear(t.(tx).d.rows[address{tenant, gdpr.InParked, string(id)}].Values)
	}
	return nil
}

// Expired implements forget.Shard.
func (m *Memory) Expired(_ context.Context, t hub.Tx, place gdpr.Location, before gdpr.Week, limit int) (v forget.Visited, more bool, err error) {
	d := t.(tx).d
	v.Place = place
	old := sorted(d.rows, func(a address, r Row) bool {
		return a.place == place && r.Expires != "" && r.Expires < before && len(r.Values) > 0
	}, func(a, b address) int { return cmp.Compare(a.id, b.id) })
	for _, a := range old[:min(len(old), limit)] {
		d.empty(a, nil)
		v.Looked, v.Found, v.Acted = v.Looked+1, v.Found+1, v.Acted+1
	}
	return v, len(old) > limit, nil
}

// empty drops what a row holds of subjects, nil: all that it holds, and the lines of everybody else of whom nothing stays.
func (d *data) empty(a address, who []gdpr.SubjectID) (found bool) {
	var gone, stay []gdpr.SubjectID
	for part, value := range d.rows[a].Values {
		list, ok := gdpr.SubjectsOf(value)
		if who != nil && ok && !slices.ContainsFunc(list, func(s gdpr.SubjectID) bool { return slices.Contains(who, s) }) {
			stay = append(stay, list...)
			continue
		}
		delete(d.rows[a].Values, part)
		gone, found = append(gone, list...), true
	}
	for _, s := range gone {
		if slices.Contains(stay, s) || slices.Contains(who, s) {
			continue
		}
		d.idle[s] = a.tenant
		delete(d.places, gdpr.Holding{Tenant: a.tenant, Subject: s, Place: a.place, Row: a.id})
	}
	return found
}

// Idle implements forget.Shard.
func (m *Memory) Idle(ctx context.Context, shard hub.ShardID, after gdpr.SubjectID, limit int) (list []forget.Idle, err error) {
	err = m.read(ctx, "Idle", shard, func(d *data) {
		for s, tenant := range d.idle {
			if s > after {
				list = append(list, forget.Idle{Tenant: tenant, Subject: s})
			}
		}
		slices.SortFunc(list, forget.Idle.Compare)
		list = list[:min(len(list), limit)]
	})
	return list, err
}

// Retire implements forget.Shard.
func (m *Memory) Retire(_ context.Context, t hub.Tx, subjects []gdpr.SubjectID) (ended []gdpr.SubjectID, err error) {
	d := t.(tx).d
	for _, s := range slices.Compact(slices.Sorted(slices.Values(subjects))) {
		holds, perhaps := d.holds(s)
		switch _, idle := d.idle[s]; {
		case !idle:
		case holds || d.states[s] == forget.Killed:
			delete(d.idle, s)
		case !perhaps:
			d.states[s] = forget.Fenced
			maps.DeleteFunc(d.places, func(h gdpr.Holding, _ bool) bool { return h.Subject == s })
			ended = append(ended, s)
		}
	}
	return ended, nil
}

// holds reports whether rows hold something of a subject. An order does when one of its values names it, and perhaps when it
// is lost, or one does not say whose it is.
func (d *data) holds(s gdpr.SubjectID) (holds, perhaps bool) {
	for h := range d.places {
		if h.Subject != s {
			continue
		}
		row, found := d.rows[address{h.Tenant, h.Place, h.Row}]
		holds, perhaps = holds || h.Place != gdpr.InOrders, perhaps || !found
		for _, value := range row.Values {
			list, ok := gdpr.SubjectsOf(value)
			holds, perhaps = holds || slices.Contains(list, s), perhaps || !ok
		}
	}
	return holds, perhaps
}
