package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"hub/gdpr"
)

// heldness says whether rows that the register names hold something of a subject.
type heldness uint8

const (
	heldNot     heldness = iota
	heldPerhaps          // a row is lost, or so damaged that it does not say whose it is
	heldSurely
)

// held says which of the subjects, whose lines the transaction has locked, rows still hold something of. Whoever only left
// an order has a line that names it in vain; of whom nothing is held those lines are returned. Payloads have a line for as long
// as they hold something, so only orders are looked at, the newest of each subject first: most often it is enough.
func (t *tx) held(ctx context.Context, op string, subjects []gdpr.SubjectID) (held map[gdpr.SubjectID]heldness, vain []gdpr.Holding, err error) {
	held = map[gdpr.SubjectID]heldness{}
	sel := selection{op: op, columns: "subject_id", table: "subject_places" + t.d.dialect.by(primary), keys: placeKey[:1],
		and: " AND place > '" + string(gdpr.InOrders) + "'"} // the first of all
	err = t.find(ctx, sel, len(subjects), func(i int, r *row) { r.add(string(subjects[i])) }, func(r *sql.Rows) error {
		var id gdpr.SubjectID
		err := r.Scan(&id)
		held[id] = heldSurely
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	lines, err := t.orderLines(ctx, op, slices.DeleteFunc(slices.Clone(subjects), func(id gdpr.SubjectID) bool { return held[id] == heldSurely }))
	for some := 1; err == nil && len(lines) > 0; some *= 4 {
		var ids []string
		for _, its := range lines {
			ids = append(ids, newest(its, some)...)
		}
		var names func(string, gdpr.SubjectID) heldness
		if names, err = t.namedBy(ctx, op, ids); err != nil {
			break
		}
		for id, its := range lines {
			for _, order := range newest(its, some) {
				held[id] = max(held[id], names(order, id))
				vain = append(vain, gdpr.Holding{Subject: id, Place: gdpr.InOrders, Row: order})
			}
			if lines[id] = its[:max(0, len(its)-some)]; held[id] == heldSurely || len(lines[id]) == 0 {
				delete(lines, id)
			}
		}
	}
	return held, slices.DeleteFunc(vain, func(h gdpr.Holding) bool { return held[h.Subject] != heldNot }), err
}

func newest(list []string, n int) []string { return list[max(0, len(list)-n):] }

// orderLines returns the ids of orders that the register names for subjects, ascending.
func (t *tx) orderLines(ctx context.Context, op string, subjects []gdpr.SubjectID) (map[gdpr.SubjectID][]string, error) {
	lines := map[gdpr.SubjectID][]string{}
	sel := selection{op: op, columns: "subject_id, row_id", table: "subject_places" + t.d.dialect.by(primary), keys: placeKey[:1],
		and: " AND place = '" + string(gdpr.InOrders) + "'"}
	err := t.find(ctx, sel, len(subjects), func(i int, r *row) { r.add(string(subjects[i])) }, func(r *sql.Rows) error {
		var id gdpr.SubjectID
		var order string
		err := r.Scan(&id, &order)
		lines[id] = append(lines[id], order)
		return err
	})
	for _, its := range lines {
		slices.Sort(its)
	}
	return lines, err
}

// namedBy reads who is named in orders. It locks no row: whoever writes a subject's data shares the subject's line first.
func (t *tx) namedBy(ctx context.Context, op string, orders []string) (func(order string, id gdpr.SubjectID) heldness, error) {
	columns := []string{"id"}
	parts := vessels[gdpr.InOrders].sealed
	for _, c := range parts {
		columns = append(columns, "SUBSTR("+c+", 1, "+strconv.Itoa(headerBytes)+")")
	}
	slices.Sort(orders)
	orders = slices.Compact(orders)
	sound, named := map[string]bool{}, map[string][]gdpr.SubjectID{}
	sel := selection{op: op, columns: strings.Join(columns, ", "), table: "orders" + t.d.dialect.by("orders_id"), keys: []string{"id"}}
	err := t.find(ctx, sel, len(orders), func(i int, r *row) { r.add(orders[i]) }, func(r *sql.Rows) error {
		var id string
		sealed := make([][]byte, len(parts))
		into := []any{&id}
		for i := range sealed {
			into = append(into, &sealed[i])
		}
		err := r.Scan(into...)
		sound[id] = true
		for _, part := range sealed {
			list, readable := gdpr.SubjectsOf(part)
			sound[id] = sound[id] && (readable || len(part) == 0)
			named[id] = append(named[id], list...)
		}
		return err
	})
	return func(order string, id gdpr.SubjectID) heldness {
		switch {
		case slices.Contains(named[order], id):
			return heldSurely
		case sound[order]:
			return heldNot
		}
		return heldPerhaps
	}, err
}
