package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// Subjects implements gdpr.Register and forget.Shard: which rows of the shards hold data of whom, who is being erased, and
// how what they hold goes.
//
// All transactions lock in one order: rows of orders by their keys, then lines of subjects, then lines of places. Writers
// of personal data share the lock of a subject's line and the fence takes it alone, so a write that is committed after the
// fence does not exist.
type Subjects struct{ s *Store }

var (
	_ gdpr.Register = Subjects{}
	_ forget.Shard  = Subjects{}
)

// Subjects returns the register of all shards.
func (s *Store) Subjects() Subjects { return Subjects{s} }

// subjectState is where a subject stands on a shard. It only moves forward.
type subjectState string

const (
	subjectLive    subjectState = "live"
	subjectErasing subjectState = "erasing" // fenced
	subjectErased  subjectState = "erased"  // the key is gone
)

// rank orders the states.
func (s subjectState) rank() int {
	return slices.Index([]subjectState{subjectLive, subjectErasing, subjectErased}, s)
}

// subjectLine is the line of a subject on its shard.
type subjectLine struct {
	id     gdpr.SubjectID
	tenant hub.TenantID
	state  subjectState
	at     int64
}

var (
	subjectColumns = []string{"subject_id", "tenant_id", "state", "at"}
	placeColumns   = []string{"subject_id", "place", "row_id", "tenant_id"}
	placeKey       = placeColumns[:3]
)

// Hold implements gdpr.Register.
func (Subjects) Hold(ctx context.Context, token hub.Tx, holdings []gdpr.Holding) error {
	const op = "registering personal data"
	t, err := open(token, op)
	if err != nil {
		return err
	}
	owners := make(map[gdpr.SubjectID]hub.TenantID, len(holdings))
	for _, h := range holdings {
		err := within(op, field{"place", string(h.Place), maxPlace}, field{"row", h.Row, maxID})
		if err != nil {
			return t.poison(err)
		}
		owners[h.Subject] = h.Tenant
	}
	fenced, err := t.share(ctx, op, owners)
	if err != nil {
		return err
	}
	if len(fenced) > 0 {
		return t.poison(&hub.Error{Kind: hub.KindConflict, Code: gdpr.CodeSubjectFenced, Op: op, Subject: string(fenced[0])})
	}
	return t.place(ctx, op, holdings)
}

// share locks the lines of subjects against a fence until the transaction ends, makes those that are missing, and returns
// those that are fenced, sorted. A line that somebody else makes at the same moment runs the transaction again.
func (t *tx) share(ctx context.Context, op string, owners map[gdpr.SubjectID]hub.TenantID) (fenced []gdpr.SubjectID, err error) {
	sorted := make([]gdpr.SubjectID, 0, len(owners))
	for id, tenant := range owners {
		if err := t.owns(op, tenant); err != nil {
			return nil, err
		}
		if err := within(op, field{"subject_id", string(id), maxID}, field{"tenant_id", string(tenant), maxID}); err != nil {
			return nil, t.poison(err)
		}
		sorted = append(sorted, id)
	}
	slices.Sort(sorted)
	known, err := t.subjects(ctx, op, sorted, t.d.dialect.forShare)
	if err != nil {
		return nil, err
	}
	var fresh []subjectLine
	for _, id := range sorted {
		line, ok := known[id]
		switch {
		case !ok:
			fresh = append(fresh, subjectLine{id, owners[id], subjectLive, micros(t.now)})
		case line.tenant != owners[id]:
			return nil, t.poison(&hub.Error{Kind: hub.KindInternal, Op: op, Subject: string(id), Err: words("the subject is another tenant's")})
		case line.state != subjectLive:
			fenced = append(fenced, id)
		}
	}
	if len(fenced) > 0 {
		return fenced, nil // the caller writes nothing
	}
	return nil, t.addSubjects(ctx, op, fresh, "")
}

// subjects reads lines of subjects, sorted, with a lock.
func (t *tx) subjects(ctx context.Context, op string, sorted []gdpr.SubjectID, lock string) (map[gdpr.SubjectID]subjectLine, error) {
	known := make(map[gdpr.SubjectID]subjectLine, len(sorted))
	sel := selection{op: op, columns: "subject_id, tenant_id, state, at", table: "subjects" + t.d.dialect.by(primary),
		keys: []string{"subject_id"}, tail: lock}
	err := t.find(ctx, sel, len(sorted), func(i int, r *row) { r.add(string(sorted[i])) }, func(r *sql.Rows) error {
		var l subjectLine
		err := r.Scan(&l.id, &l.tenant, &l.state, &l.at)
		if err == nil && l.state.rank() < 0 {
			err = &hub.Error{Kind: hub.KindInternal, Op: op, Subject: string(l.id), Err: words("its state is unknown")}
		}
		known[l.id] = l
		return err
	})
	return known, err
}

// addSubjects writes lines in the order of their ids.
func (t *tx) addSubjects(ctx context.Context, op string, lines []subjectLine, tail string) error {
	slices.SortFunc(lines, func(a, b subjectLine) int { return cmp.Compare(a.id, b.id) })
	in := insertion{op: op, table: "subjects", columns: subjectColumns, tail: tail}
	return t.insert(ctx, in, len(lines), func(i int, r *row) {
		l := &lines[i]
		r.add(string(l.id), string(l.tenant), string(l.state), l.at)
	})
}

// place writes the lines of places that are new. Asking first which are known would cost a statement more.
func (t *tx) place(ctx context.Context, op string, holdings []gdpr.Holding) error {
	sorted := slices.SortedFunc(slices.Values(holdings), compareHoldings)
	sorted = slices.CompactFunc(sorted, func(a, b gdpr.Holding) bool { return compareHoldings(a, b) == 0 })
	in := insertion{op: op, table: "subject_places", columns: placeColumns,
		tail: t.d.dialect.keep("subject_id, place, row_id", "subject_places", "tenant_id")}
	return t.insert(ctx, in, len(sorted), func(i int, r *row) {
		h := &sorted[i]
		r.add(string(h.Subject), string(h.Place), h.Row, string(h.Tenant))
	})
}

func compareHoldings(a, b gdpr.Holding) int {
	return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Place, b.Place), cmp.Compare(a.Row, b.Row))
}

// dropPlaces deletes lines of places.
func (t *tx) dropPlaces(ctx context.Context, op string, holdings []gdpr.Holding) error {
	sorted := slices.SortedFunc(slices.Values(holdings), compareHoldings)
	return t.execKeys(ctx, op, "DELETE FROM subject_places WHERE", placeKey, len(sorted), func(i int, r *row) {
		r.add(string(sorted[i].Subject), string(sorted[i].Place), sorted[i].Row)
	})
}
