package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// Visit implements forget.Shard. limit counts lines of the register. Parked deliveries are not registered, so asking for
// them is an error: they are opened and searched (Unparsed, Empty).
func (u Subjects) Visit(ctx context.Context, token hub.Tx, place gdpr.Location, subjects []gdpr.SubjectID, limit int) (done forget.Visited, more bool, err error) {
	const op = "emptying what subjects hold"
	t, err := open(token, op)
	if err != nil {
		return done, false, err
	}
	v, err := u.vessel(op, place)
	if err == nil && place == gdpr.InParked {
		err = &hub.Error{Kind: hub.KindInvalid, Op: op, Path: "place", Err: words("nobody is registered there")}
	}
	if err != nil {
		return done, false, t.poison(err)
	}
	lines, more, err := t.linesOf(ctx, op, place, subjects, limit)
	if err != nil {
		return done, false, err
	}
	var ids []string
	for _, l := range lines {
		ids = append(ids, l.Row)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	keys, err := v.keysOf(ctx, t, op, ids)
	if err != nil {
		return done, false, err
	}
	rows, err := v.lock(ctx, t, op, keys)
	if err != nil {
		return done, false, err
	}
	who := make(map[gdpr.SubjectID]bool, len(subjects))
	for _, id := range subjects {
		who[id] = true
	}
	done, err = t.clear(ctx, op, v, "erasure.visit", rows, who, lines)
	return done, more, err
}

// linesOf reads up to limit lines of the register.
func (t *tx) linesOf(ctx context.Context, op string, place gdpr.Location, subjects []gdpr.SubjectID, limit int) (lines []gdpr.Holding, more bool, err error) {
	sorted := slices.Compact(slices.Sorted(slices.Values(subjects)))
	sel := selection{op: op, columns: "subject_id, row_id, tenant_id", table: "subject_places" + t.d.dialect.by(primary),
		keys: []string{"subject_id"}, and: " AND place = '" + string(place) + "'",
		tail: " ORDER BY subject_id, row_id LIMIT " + strconv.Itoa(limit+1)}
	err = t.find(ctx, sel, len(sorted), func(i int, r *row) { r.add(string(sorted[i])) }, func(r *sql.Rows) error {
		h := gdpr.Holding{Place: place}
		err := r.Scan(&h.Subject, &h.Row, &h.Tenant)
		if len(lines) < limit {
			lines = append(lines, h)
		} else {
			more = true
		}
		return err
	})
	return lines, more, err
}

// clear empties locked rows of what belongs to the subjects (nil: of everything), drops the lines, and those of everybody
// else of whom a row holds nothing any more, and writes one audit record if anything was emptied.
func (t *tx) clear(ctx context.Context, op string, v *vessel, action string, rows []vesselRow, who map[gdpr.SubjectID]bool, lines []gdpr.Holding) (forget.Visited, error) {
	var list []emptying
	done := deed{action: action}
	lines = slices.Clone(lines)
	for i := range rows {
		w := &rows[i]
		e, dropped := v.whose(w, who)
		list = append(list, e)
		for _, id := range dropped {
			lines = append(lines, gdpr.Holding{Tenant: w.tenant, Subject: id, Place: v.place, Row: w.id})
		}
		done.tenant = common(done.tenant, w.tenant, i == 0)
	}
	visited := forget.Visited{Place: v.place, Looked: int64(len(rows)), Found: found(list), Method: v.method}
	if err := v.empty(ctx, t, op, list); err != nil {
		return visited, err
	}
	if who != nil && v.erased != "" {
		err := t.execKeys(ctx, op, "UPDATE "+v.table+" SET "+v.erased+" WHERE", v.key, len(rows), func(i int, r *row) { addTexts(r, rows[i].key) })
		if err != nil {
			return visited, err
		}
	}
	var idle []forget.Idle
	for _, l := range lines {
		if !who[l.Subject] {
			idle = append(idle, forget.Idle{Tenant: l.Tenant, Subject: l.Subject})
		}
	}
	if err := t.maybeIdle(ctx, op, idle); err != nil {
		return visited, err
	}
	if err := t.dropPlaces(ctx, op, lines); err != nil {
		return visited, err
	}
	visited.Acted = visited.Found
	if done.count = visited.Acted; done.count == 0 {
		return visited, nil
	}
	return visited, t.record(ctx, done)
}

// Expired implements forget.Shard. limit counts rows.
func (u Subjects) Expired(ctx context.Context, token hub.Tx, place gdpr.Location, before gdpr.Week, limit int) (done forget.Visited, more bool, err error) {
	const op = "emptying what has aged out"
	t, err := open(token, op)
	if err != nil {
		return done, false, err
	}
	v, err := u.vessel(op, place)
	if err != nil {
		return done, false, t.poison(err)
	}
	keys, more, err := v.aged(ctx, t, op, before, limit)
	if err != nil {
		return done, false, err
	}
	rows, err := v.lock(ctx, t, op, keys)
	if err != nil {
		return done, false, err
	}
	rows = slices.DeleteFunc(rows, func(w vesselRow) bool { return w.expires == "" || w.expires >= before }) // written anew meanwhile
	done, err = t.clear(ctx, op, v, "retention.expire", rows, nil, nil)
	return done, more, err
}

// aged returns the primary keys of rows that aged out before a week. It locks nothing: locks are taken in the order of the
// keys, afterwards.
func (v *vessel) aged(ctx context.Context, t *tx, op string, before gdpr.Week, limit int) (keys [][]string, more bool, err error) {
	columns := v.key[0]
	for _, c := range v.key[1:] {
		columns += ", " + c
	}
	query := "SELECT " + columns + " FROM " + v.table + t.d.dialect.by(v.table+"_expires") + " WHERE expires > '' AND expires < ? ORDER BY expires LIMIT ?"
	err = t.query(ctx, op, query, []any{string(before), limit + 1}, func(r *sql.Rows) error {
		key := make([]string, len(v.key))
		into := make([]any, len(key))
		for i := range key {
			into[i] = &key[i]
		}
		keys = append(keys, key)
		return r.Scan(into...)
	})
	if len(keys) > limit {
		keys, more = keys[:limit], true
	}
	return keys, more, err
}

// Empty implements forget.Shard. What is empty already, or another tenant's, is left alone.
func (Subjects) Empty(ctx context.Context, token hub.Tx, tenant hub.TenantID, ids []hub.ParkedID) error {
	const op = "emptying parked deliveries"
	t, err := open(token, op)
	if err != nil {
		return err
	}
	if err := t.owns(op, tenant); err != nil {
		return err
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(ids)))
	var full []string
	sel := selection{op: op, columns: "id, tenant_id", table: "parked" + t.d.dialect.by(primary), keys: []string{"id"},
		and: " AND sealed IS NOT NULL", tail: t.d.dialect.forUpdate}
	err = t.find(ctx, sel, len(sorted), func(i int, r *row) { r.add(string(sorted[i])) }, func(r *sql.Rows) error {
		var id string
		var its hub.TenantID
		err := r.Scan(&id, &its)
		if its == tenant {
			full = append(full, id)
		}
		return err
	})
	if err != nil || len(full) == 0 {
		return err
	}
	err = t.execKeys(ctx, op, "UPDATE parked SET sealed = NULL, expires = '', state = 'dropped', code = '"+string(CodeErased)+"' WHERE", []string{"id"},
		len(full), func(i int, r *row) { r.add(full[i]) })
	if err != nil {
		return err
	}
	return t.record(ctx, deed{action: "erasure.empty", tenant: tenant, count: int64(len(full))})
}
