package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"hub"
)

// insertion is a multi-row INSERT.
type insertion struct {
	op      string
	table   string
	columns []string
	tail    string // what to do with rows that exist; empty: they are a conflict that runs the transaction again
}

// row collects the arguments of rows and their size.
type row struct {
	args  []any
	bytes int
}

func (r *row) add(args ...any) {
	for _, a := range args {
		switch a := a.(type) {
		case string:
			r.bytes += len(a)
		case []byte:
			r.bytes += len(a)
		default:
			r.bytes += 8
		}
	}
	r.args = append(r.args, args...)
}

// insert writes n rows in as few statements as the bounds allow. fill adds the arguments of row i.
func (t *tx) insert(ctx context.Context, in insertion, n int, fill func(i int, r *row)) error {
	bounds, width := t.d.dialect.statement, len(in.columns)
	var batch row
	start := 0 // the first row in batch
	flush := func(end int) error {
		for start < end {
			size := bounds.size(end-start, bounds.rows)
			if err := t.execRows(ctx, in.op, in.text(size), batch.args[:size*width], batch.bytes); err != nil {
				return err
			}
			batch.args, start = batch.args[size*width:], start+size
		}
		batch = row{args: batch.args[:0]}
		return nil
	}
	for i := range n {
		before := batch.bytes
		fill(i, &batch)
		size := batch.bytes - before
		if size > maxRow {
			return t.poison(&hub.Error{Kind: hub.KindTooLarge, Code: hub.CodeTooLarge, Op: in.op, Err: words("one row exceeds 7 MiB")})
		}
		if i > start && batch.bytes > bounds.bytes {
			last := batch.args[len(batch.args)-width:]
			batch.args = batch.args[:len(batch.args)-width]
			if err := flush(i); err != nil {
				return err
			}
			batch = row{args: append([]any(nil), last...), bytes: size}
		}
		if i-start+1 >= bounds.rows {
			if err := flush(i + 1); err != nil {
				return err
			}
		}
	}
	return flush(n)
}

// text is the statement for n rows.
func (in insertion) text(n int) string {
	row := "(" + list("?", ",", len(in.columns)) + ")"
	return "INSERT INTO " + in.table + " (" + strings.Join(in.columns, ",") + ") VALUES " + list(row, ",", n) + in.tail
}

// size is how many of n rows or keys go into the next statement.
func (l limits) size(n, most int) int {
	for _, size := range l.sizes {
		if size <= n && size <= most {
			return size
		}
	}
	return min(n, most)
}

// selection is a SELECT of the rows with given keys.
type selection struct {
	op      string
	columns string
	args    []any // of the columns
	table   string
	keys    []string
	and     string // a further condition, with its leading AND
	tail    string // lock or order
}

// find reads the rows of n keys in as few statements as the bounds allow. fill adds the values of key i.
func (t *tx) find(ctx context.Context, sel selection, n int, fill func(i int, r *row), scan func(*sql.Rows) error) error {
	return eachKeys(t.d.dialect, sel, n, fill, func(query string, args []any) error {
		return t.query(ctx, sel.op, query, args, scan)
	})
}

// find does the same outside of a transaction.
func (d *database) find(ctx context.Context, sel selection, n int, fill func(i int, r *row), scan func(*sql.Rows) error) error {
	return eachKeys(d.dialect, sel, n, fill, func(query string, args []any) error {
		return d.query(ctx, sel.op, query, args, scan)
	})
}

func eachKeys(d *dialect, sel selection, n int, fill func(i int, r *row), run func(string, []any) error) error {
	return chunks(d, n, fill, func(size int, keys row) error {
		return run("SELECT "+sel.columns+" FROM "+sel.table+" WHERE "+d.among(sel.keys, size)+sel.and+sel.tail, append(slices.Clone(sel.args), keys.args...))
	})
}

// execKeys runs a statement on the rows of n keys in as few statements as the bounds allow. head ends with WHERE.
func (t *tx) execKeys(ctx context.Context, op, head string, keys []string, n int, fill func(i int, r *row)) error {
	return chunks(t.d.dialect, n, fill, func(size int, args row) error {
		_, err := t.exec(ctx, op, head+" "+t.d.dialect.among(keys, size), args.args...)
		return err
	})
}

// chunks divides n keys among statements.
func chunks(d *dialect, n int, fill func(i int, r *row), run func(size int, keys row) error) error {
	for start := 0; start < n; {
		size := d.statement.size(n-start, d.statement.keys)
		var keys row
		for i := start; i < start+size; i++ {
			fill(i, &keys)
		}
		if err := run(size, keys); err != nil {
			return err
		}
		start += size
	}
	return nil
}
