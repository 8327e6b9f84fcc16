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

var idleColumns = []string{"subject_id", "tenant_id"}

// maybeIdle remembers subjects of whom something is dropped in this transaction. It is called before their lines of places
// are touched: a Retire that looks at them at this moment waits for one of the two, so it sees what is left.
func (t *tx) maybeIdle(ctx context.Context, op string, list []forget.Idle) error {
	slices.SortFunc(list, forget.Idle.Compare)
	list = slices.CompactFunc(list, func(a, b forget.Idle) bool { return a.Subject == b.Subject })
	in := insertion{op: op, table: "idle_subjects", columns: idleColumns, tail: t.d.dialect.keep("subject_id", "idle_subjects", "tenant_id")}
	return t.insert(ctx, in, len(list), func(i int, r *row) { r.add(string(list[i].Subject), string(list[i].Tenant)) })
}

// maybeIdleParked does the same for the keys of parked deliveries whose bytes are about to go.
func (t *tx) maybeIdleParked(ctx context.Context, op string, ids ...hub.ParkedID) error {
	var list []forget.Idle
	sel := selection{op: op, columns: "tenant_id, SUBSTR(sealed, 1, " + strconv.Itoa(headerBytes) + ")", table: "parked" + t.d.dialect.by(primary),
		keys: []string{"id"}, and: " AND sealed IS NOT NULL"}
	err := t.find(ctx, sel, len(ids), func(i int, r *row) { r.add(string(ids[i])) }, func(r *sql.Rows) error {
		var tenant hub.TenantID
		var sealed []byte
		err := r.Scan(&tenant, &sealed)
		subjects, _ := gdpr.SubjectsOf(sealed) // of damaged bytes nobody knows whose they were
		for _, s := range subjects {
			list = append(list, forget.Idle{Tenant: tenant, Subject: s})
		}
		return err
	})
	if err != nil {
		return err
	}
	return t.maybeIdle(ctx, op, list)
}

// Leave implements gdpr.Register.
func (Subjects) Leave(ctx context.Context, token hub.Tx, left []gdpr.Holding) error {
	const op = "leaving rows"
	t, err := open(token, op)
	if err != nil {
		return err
	}
	list := make([]forget.Idle, len(left))
	for i, h := range left {
		if err := t.owns(op, h.Tenant); err != nil {
			return err
		}
		list[i] = forget.Idle{Tenant: h.Tenant, Subject: h.Subject}
	}
	return t.maybeIdle(ctx, op, list)
}

// Idle implements forget.Shard.
func (u Subjects) Idle(ctx context.Context, shard hub.ShardID, after gdpr.SubjectID, limit int) (list []forget.Idle, err error) {
	d, err := u.s.find(ctx, shard)
	if err != nil {
		return nil, err
	}
	const query = "SELECT tenant_id, subject_id FROM idle_subjects WHERE subject_id > ? ORDER BY subject_id LIMIT ?"
	return listed(ctx, d, "listing idle subjects", query, []any{string(after), limit}, func(r *sql.Rows) (i forget.Idle, err error) {
		err = r.Scan(&i.Tenant, &i.Subject)
		return i, err
	})
}

// Retire implements forget.Shard.
func (Subjects) Retire(ctx context.Context, token hub.Tx, subjects []gdpr.SubjectID) (ended []gdpr.SubjectID, err error) {
	const op = "retiring subjects"
	t, err := open(token, op)
	if err != nil {
		return nil, err
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(subjects)))
	fill := func(i int, r *row) { r.add(string(sorted[i])) }
	owners := map[gdpr.SubjectID]hub.TenantID{}
	marked := selection{op: op, columns: "subject_id, tenant_id", table: "idle_subjects" + t.d.dialect.by(primary), keys: idleColumns[:1], tail: t.d.dialect.forUpdate}
	err = t.find(ctx, marked, len(sorted), fill, func(r *sql.Rows) error {
		var i forget.Idle
		err := r.Scan(&i.Subject, &i.Tenant)
		owners[i.Subject] = i.Tenant
		return err
	})
	if err != nil {
		return nil, err
	}
	sorted = slices.DeleteFunc(sorted, func(id gdpr.SubjectID) bool { _, ok := owners[id]; return !ok }) // another hub was quicker
	lines, err := t.subjects(ctx, op, sorted, t.d.dialect.forUpdate)
	if err != nil {
		return nil, err
	}
	held, vain, err := t.held(ctx, op, sorted)
	if err != nil {
		return nil, err
	}
	var forgotten []gdpr.SubjectID
	var fresh, moved []subjectLine
	for _, id := range sorted {
		line, known := lines[id]
		switch {
		case held[id] == heldSurely || line.state == subjectErased:
			forgotten = append(forgotten, id)
			continue
		case held[id] == heldPerhaps: // it stays idle, for when the row ages out
			continue
		case !known:
			fresh = append(fresh, subjectLine{id, owners[id], subjectErasing, micros(t.now)})
		case line.state == subjectLive:
			moved = append(moved, subjectLine{id, line.tenant, subjectErasing, micros(t.now)})
		}
		ended = append(ended, id)
	}
	if err := t.notIdle(ctx, op, forgotten); err != nil {
		return nil, err
	}
	vain = slices.DeleteFunc(vain, func(h gdpr.Holding) bool { return !slices.Contains(ended, h.Subject) })
	if err := t.dropPlaces(ctx, op, vain); err != nil {
		return nil, err
	}
	if err := t.addSubjects(ctx, op, fresh, ""); err != nil {
		return nil, err
	}
	return ended, t.addSubjects(ctx, op, moved, t.d.dialect.upsert("subject_id", "state", "at"))
}

// notIdle forgets that something of subjects was dropped.
func (t *tx) notIdle(ctx context.Context, op string, subjects []gdpr.SubjectID) error {
	return t.execKeys(ctx, op, "DELETE FROM idle_subjects WHERE", idleColumns[:1], len(subjects), func(i int, r *row) { r.add(string(subjects[i])) })
}
