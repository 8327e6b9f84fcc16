package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"hub"
	"hub/gdpr"
)

// vessel is a table whose rows hold sealed values, and how they are emptied.
type vessel struct {
	place   gdpr.Location
	table   string
	key     []string // primary key
	id      string   // what the register calls a row
	sealed  []string // columns
	nothing string   // an emptied column
	ended   string   // further assignments when nothing is left
	erased  string   // assignments to every row that an erasure came to
	method  string
}

var vessels = map[gdpr.Location]*vessel{
	gdpr.InOrders: {
		place: gdpr.InOrders, table: "orders", key: []string{"connection_id", "external_id"}, id: "id",
		sealed: []string{"personal", "recipient", "payer", "shared"}, nothing: "NULL",
		erased: "erased = 1", method: "sealed parts set to NULL",
	},
	gdpr.InRaws: {
		place: gdpr.InRaws, table: "raws", key: []string{"raw_ref"}, id: "raw_ref",
		sealed: []string{"sealed"}, nothing: "x''", // the column is never NULL
		method: "payload set to nothing",
	},
	gdpr.InParked: {
		place: gdpr.InParked, table: "parked", key: []string{"id"}, id: "id",
		sealed: []string{"sealed"}, nothing: "NULL", ended: ", state = 'dropped', code = '" + string(CodeExpired) + "'",
		method: "delivery set to NULL and dropped",
	},
}

func (s Subjects) vessel(op string, place gdpr.Location) (*vessel, error) {
	v := vessels[place]
	if v == nil {
		return nil, &hub.Error{Kind: hub.KindInvalid, Op: op, Path: "place", Err: words("no such place")}
	}
	return v, nil
}

// headerBytes is more than the header of any envelope has: with up to 32 subjects it ends after 568 bytes, and what follows
// must be 28 bytes or more. Values are of any size and only their headers are looked at.
const headerBytes = 1024

// vesselRow is one row, locked.
type vesselRow struct {
	key     []string
	id      string
	tenant  hub.TenantID
	expires gdpr.Week
	parts   [][]byte // the beginning of each sealed column
}

// lock reads rows by their primary keys and locks them until the transaction ends, in the order in which writers do.
func (v *vessel) lock(ctx context.Context, t *tx, op string, keys [][]string) (rows []vesselRow, err error) {
	slices.SortFunc(keys, slices.Compare)
	columns := append(slices.Clone(v.key), v.id, "tenant_id", "expires")
	for _, c := range v.sealed {
		columns = append(columns, "SUBSTR("+c+", 1, "+strconv.Itoa(headerBytes)+")")
	}
	sel := selection{op: op, columns: strings.Join(columns, ", "), table: v.table + t.d.dialect.by(primary), keys: v.key, tail: t.d.dialect.forUpdate}
	err = t.find(ctx, sel, len(keys), func(i int, r *row) { addTexts(r, keys[i]) }, func(r *sql.Rows) error {
		w := vesselRow{key: make([]string, len(v.key)), parts: make([][]byte, len(v.sealed))}
		var into []any
		for i := range w.key {
			into = append(into, &w.key[i])
		}
		into = append(into, &w.id, &w.tenant, &w.expires)
		for i := range w.parts {
			into = append(into, &w.parts[i])
		}
		err := r.Scan(into...)
		rows = append(rows, w)
		return err
	})
	return rows, err
}

func addTexts(r *row, texts []string) {
	for _, s := range texts {
		r.add(s)
	}
}

// keysOf returns the primary keys of rows that the register names. Rows that are gone are absent.
func (v *vessel) keysOf(ctx context.Context, t *tx, op string, ids []string) (keys [][]string, err error) {
	if len(v.key) == 1 {
		for _, id := range ids {
			keys = append(keys, []string{id})
		}
		return keys, nil
	}
	sel := selection{op: op, columns: strings.Join(v.key, ", "), table: v.table, keys: []string{v.id}}
	err = t.find(ctx, sel, len(ids), func(i int, r *row) { r.add(ids[i]) }, func(r *sql.Rows) error {
		key := make([]string, 2)
		keys = append(keys, key)
		return r.Scan(&key[0], &key[1])
	})
	return keys, err
}

// emptying is what is to go from one row.
type emptying struct {
	row  *vesselRow
	gone []bool // by sealed column
	all  bool   // nothing stays
}

// whose says what goes from a row when the given subjects go; nil are all. What is damaged so that it does not say whose it
// is opens for nobody any more, and goes with the first of them.
func (v *vessel) whose(w *vesselRow, who map[gdpr.SubjectID]bool) (e emptying, dropped []gdpr.SubjectID) {
	e = emptying{row: w, gone: make([]bool, len(w.parts)), all: true}
	var named, stay []gdpr.SubjectID
	for i, part := range w.parts {
		if len(part) == 0 {
			continue
		}
		ids, readable := gdpr.SubjectsOf(part)
		if who == nil || !readable || slices.ContainsFunc(ids, func(id gdpr.SubjectID) bool { return who[id] }) {
			e.gone[i] = true
			named = append(named, ids...)
			continue
		}
		e.all = false
		stay = append(stay, ids...)
	}
	for _, id := range named {
		if !slices.Contains(stay, id) && !slices.Contains(dropped, id) {
			dropped = append(dropped, id)
		}
	}
	return e, dropped
}

// empty empties rows: one statement for each column, and one for rows of which nothing stays.
func (v *vessel) empty(ctx context.Context, t *tx, op string, list []emptying) error {
	set := func(assignments string, wanted func(e *emptying) bool) error {
		var rows []*vesselRow
		for i := range list {
			if wanted(&list[i]) {
				rows = append(rows, list[i].row)
			}
		}
		return t.execKeys(ctx, op, "UPDATE "+v.table+" SET "+assignments+" WHERE", v.key, len(rows),
			func(i int, r *row) { addTexts(r, rows[i].key) })
	}
	for i, c := range v.sealed {
		if err := set(c+" = "+v.nothing, func(e *emptying) bool { return e.gone[i] }); err != nil {
			return err
		}
	}
	return set("expires = ''"+v.ended, func(e *emptying) bool { return e.all })
}

// found is how many rows hold something that goes.
func found(list []emptying) (n int64) {
	for _, e := range list {
		if slices.Contains(e.gone, true) {
			n++
		}
	}
	return n
}
