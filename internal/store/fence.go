package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

var erasureColumns = []string{"id", "number", "what", "tenant_id", "subject_id", "reason", "at", "damaged"}

func scanErasure(r *sql.Rows) (e forget.Entry, err error) {
	var at int64
	err = r.Scan(&e.ID, &e.Number, &e.What, &e.Tenant, &e.Subject, &e.Reason, &at, &e.Damaged)
	e.At = moment(at)
	return e, err
}

func addErasure(r *row, e forget.Entry) {
	r.add(e.ID, e.Number, string(e.What), string(e.Tenant), string(e.Subject), e.Reason, micros(e.At), flag(e.Damaged))
}

func checkErasure(op string, e forget.Entry) error {
	return within(op, field{"id", e.ID, maxID}, field{"what", string(e.What), maxPlace}, field{"tenant_id", string(e.Tenant), maxID},
		field{"subject_id", string(e.Subject), maxID}, field{"reason", e.Reason, maxWord})
}

// Head implements forget.Shard.
func (u Subjects) Head(ctx context.Context, shard hub.ShardID) (head forget.Entry, err error) {
	const op = "reading the head of the shard's erasures"
	d, err := u.s.find(ctx, shard)
	if err != nil {
		return head, err
	}
	err = d.query(ctx, op, "SELECT "+strings.Join(erasureColumns, ", ")+" FROM erasure_head WHERE one = 1", nil, func(r *sql.Rows) (err error) {
		head, err = scanErasure(r)
		return err
	})
	if err == nil && !d.marks.covers(erasureMark, head.Number) { // it is asked for each second
		if err = d.flushed(ctx); err == nil {
			d.marks.raise(erasureMark, head.Number)
		}
	}
	if err != nil {
		return forget.Entry{}, err
	}
	return head, nil
}

// erasureMark is the newest head of a shard that is known to be durable. An older one was replaced by it, or is an old copy's,
// and what follows from an old copy is asked of the vault.
var erasureMark = head{stream: "erasures"}

// ShardEntries implements forget.Shard.
func (u Subjects) ShardEntries(ctx context.Context, shard hub.ShardID, after string, limit int) ([]forget.Entry, error) {
	query := "SELECT " + strings.Join(erasureColumns, ", ") + " FROM erasures WHERE id > ? ORDER BY id LIMIT ?"
	return u.entries(ctx, shard, query, []any{after, limit})
}

// entries reads entries that are durable.
func (u Subjects) entries(ctx context.Context, shard hub.ShardID, query string, args []any) ([]forget.Entry, error) {
	d, err := u.s.find(ctx, shard)
	if err != nil {
		return nil, err
	}
	return listed(ctx, d, "reading the shard's erasures", query, args, scanErasure)
}

// Apply implements forget.Shard.
func (Subjects) Apply(ctx context.Context, token hub.Tx, entries []forget.Entry, head *forget.Entry) ([]forget.Entry, error) {
	const op = "fencing subjects"
	t, err := open(token, op)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if err := t.owns(op, e.Tenant); err != nil {
			return nil, err
		}
		if err := checkErasure(op, e); err != nil {
			return nil, t.poison(err)
		}
	}
	if err := t.markFence(ctx, op); err != nil { // before any line: so do those who disclose
		return nil, err
	}
	if err := t.fenceSubjects(ctx, op, entries); err != nil {
		return nil, err
	}
	fresh, err := t.addEntries(ctx, op, entries)
	if err != nil {
		return nil, err
	}
	var dead []gdpr.SubjectID
	for _, e := range entries {
		if e.What == forget.Killed && isPerson(e.Subject) {
			dead = append(dead, e.Subject)
		}
	}
	if err := t.notIdle(ctx, op, dead); err != nil {
		return nil, err
	}
	if head != nil {
		if err := t.setHead(ctx, op, *head); err != nil {
			return nil, err
		}
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	done := deed{action: "erasure.apply", count: int64(len(fresh))}
	for i, e := range fresh {
		done.tenant = common(done.tenant, e.Tenant, i == 0)
	}
	return fresh, t.record(ctx, done)
}

// common is the tenant that all have, or none.
func common(so, next hub.TenantID, first bool) hub.TenantID {
	if first || so == next {
		return next
	}
	return ""
}

// fenceSubjects moves the subjects' lines forward, and makes those that are missing: a write may be on its way. It waits
// for everybody who shares the lines. An entry about something else than a person, such as a connection, has no line.
func (t *tx) fenceSubjects(ctx context.Context, op string, entries []forget.Entry) error {
	next := map[gdpr.SubjectID]subjectLine{}
	for _, e := range entries {
		if !strings.HasPrefix(string(e.Subject), gdpr.SubjectPrefix) {
			continue
		}
		line := subjectLine{e.Subject, e.Tenant, subjectErasing, micros(e.At)}
		if e.What == forget.Killed {
			line.state = subjectErased
		}
		if line.state.rank() > next[e.Subject].state.rank() {
			next[e.Subject] = line
		}
	}
	known, err := t.subjects(ctx, op, slices.Sorted(maps.Keys(next)), t.d.dialect.forUpdate)
	if err != nil {
		return err
	}
	var missing, moved []subjectLine
	for id, line := range next {
		switch was, ok := known[id]; {
		case !ok:
			missing = append(missing, line)
		case line.state.rank() > was.state.rank():
			moved = append(moved, line)
		}
	}
	if err := t.addSubjects(ctx, op, missing, ""); err != nil {
		return err
	}
	return t.addSubjects(ctx, op, moved, t.d.dialect.upsert("subject_id", "state", "at"))
}

// addEntries keeps the entries that the shard does not have and returns them. One that got another number keeps the new.
func (t *tx) addEntries(ctx context.Context, op string, entries []forget.Entry) (fresh []forget.Entry, err error) {
	numbers := make(map[string]int64, len(entries))
	sel := selection{op: op, columns: "id, number", table: "erasures" + t.d.dialect.by(primary), keys: []string{"id"}, tail: t.d.dialect.forUpdate}
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	slices.Sort(ids)
	err = t.find(ctx, sel, len(ids), func(i int, r *row) { r.add(ids[i]) }, func(r *sql.Rows) error {
		var id string
		var number int64
		err := r.Scan(&id, &number)
		numbers[id] = number
		return err
	})
	if err != nil {
		return nil, err
	}
	var renumbered []forget.Entry
	for _, e := range entries {
		number, ok := numbers[e.ID]
		switch {
		case !ok:
			fresh = append(fresh, e)
		case e.Number != 0 && e.Number != number:
			renumbered = append(renumbered, e)
		default:
			continue
		}
		numbers[e.ID] = e.Number // the first of equal ones counts
	}
	write := func(list []forget.Entry, tail string) error {
		sorted := slices.SortedFunc(slices.Values(list), func(a, b forget.Entry) int { return strings.Compare(a.ID, b.ID) })
		in := insertion{op: op, table: "erasures", columns: erasureColumns, tail: tail}
		return t.insert(ctx, in, len(sorted), func(i int, r *row) { addErasure(r, sorted[i]) })
	}
	if err := write(fresh, ""); err != nil {
		return nil, err
	}
	return fresh, write(renumbered, t.d.dialect.upsert("id", "number"))
}

// setHead moves the head on, or takes it away; see forget.Shard. Who is late with an older one changes nothing.
func (t *tx) setHead(ctx context.Context, op string, head forget.Entry) error {
	if err := checkErasure(op, head); err != nil {
		return t.poison(err)
	}
	if head.Number == 0 {
		_, err := t.exec(ctx, op, "DELETE FROM erasure_head WHERE one = 1 AND id = ?", head.ID)
		return err
	}
	late := false
	err := t.query(ctx, op, "SELECT number FROM erasure_head WHERE one = 1"+t.d.dialect.forUpdate, nil, func(r *sql.Rows) error {
		var number int64
		err := r.Scan(&number)
		late = head.Number <= number
		return err
	})
	if err != nil || late {
		return err
	}
	in := insertion{op: op, table: "erasure_head", columns: append([]string{"one"}, erasureColumns...), tail: t.d.dialect.upsert("one", erasureColumns...)}
	return t.insert(ctx, in, 1, func(_ int, r *row) {
		r.add(int64(1))
		addErasure(r, head)
	})
}
