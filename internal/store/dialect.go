package store

import (
	"strings"
)

// dialect is what differs between the databases. Everything else is SQL that all of them read alike: no RETURNING, no row
// alias, no JSON operator.
type dialect struct {
	prefix    string // of the name of a database, of the folder of its migrations
	goose     string
	forUpdate string // ends a SELECT that locks its rows
	forShare  string
	// forUpdateFree is forUpdate for those rows that nobody else has locked.
	forUpdateFree string
	larger        string // function: the larger of two values
	smaller       string
	statement     limits
	sharesLog     bool // a commit can be seen before it is flushed, so readers need the barrier
}

// limits bound one statement.
type limits struct {
	sizes []int // numbers of rows of a multi-row statement, descending to 1; nil allows any number
	rows  int   // most rows in one INSERT
	keys  int   // most keys in one SELECT
	slots int   // most slots of the vault in one statement: their rows lie together
	bytes int   // most bytes of arguments in one statement, unless one row has more
}

// SQLite: rows are cheap to add one statement after the other, as nothing crosses a wire; few sizes keep the number of
// prepared statements small. MySQL: a statement costs a round trip; 4 MiB and one more row stay below the smallest packet.
var (
	sqliteDialect = &dialect{
		prefix: "sqlite", goose: "sqlite3", larger: "max", smaller: "min",
		statement: limits{sizes: []int{128, 32, 8, 1}, rows: 256, keys: 128, slots: 32, bytes: 1 << 30},
	}
	mysqlDialect = &dialect{
		prefix: "mysql", goose: "mysql", larger: "GREATEST", smaller: "LEAST",
		forUpdate: " FOR UPDATE", forShare: " LOCK IN SHARE MODE", forUpdateFree: " FOR UPDATE SKIP LOCKED",
		statement: limits{rows: 500, keys: 100, slots: 500, bytes: 4 << 20},
		sharesLog: true,
	}
)

// by follows the name of a table and names the only index that makes sense as a path. Without it MySQL's choice depends
// on statistics, and a scan by another path would also wait for the locks of rows that it does not want.
func (d *dialect) by(index string) string {
	switch {
	case d == mysqlDialect:
		return " FORCE INDEX (" + index + ")"
	case index == primary: // has no name of its own in SQLite, and is chosen
		return ""
	}
	return " INDEXED BY " + index
}

const primary = "PRIMARY"

// upsert ends an INSERT that overwrites the columns of a row with the same key.
func (d *dialect) upsert(key string, columns ...string) string {
	sets := make([]string, len(columns))
	for i, c := range columns {
		sets[i] = c + " = " + d.fresh(c)
	}
	return d.onDuplicate(key, strings.Join(sets, ", "))
}

// onDuplicate ends an INSERT that does the assignments to a row with the same key.
func (d *dialect) onDuplicate(key, assignments string) string {
	if d == sqliteDialect {
		return " ON CONFLICT (" + key + ") DO UPDATE SET " + assignments
	}
	return " ON DUPLICATE KEY UPDATE " + assignments
}

// keep ends an INSERT that leaves a row with the same key as it is. It is no INSERT IGNORE, which would also swallow what
// does not fit. column is any of the table's.
func (d *dialect) keep(key, table, column string) string {
	if d == sqliteDialect {
		return " ON CONFLICT (" + key + ") DO NOTHING"
	}
	return d.onDuplicate(key, column+" = "+table+"."+column)
}

// fresh is, inside the assignments of an upsert, the value that was to be inserted.
func (d *dialect) fresh(column string) string {
	if d == sqliteDialect {
		return "excluded." + column
	}
	return "VALUES(" + column + ")"
}

// among is a condition that holds for the rows whose columns equal one of n rows of placeholders. SQLite uses its index
// for row values only with VALUES, MySQL and MariaDB theirs only with plain conditions.
func (d *dialect) among(columns []string, n int) string {
	if len(columns) == 1 {
		return columns[0] + " IN (" + list("?", ",", n) + ")"
	}
	row := "(" + list("?", ",", len(columns)) + ")"
	if d == sqliteDialect {
		return "(" + strings.Join(columns, ",") + ") IN (VALUES " + list(row, ",", n) + ")"
	}
	return "(" + list("("+strings.Join(columns, "=? AND ")+"=?)", " OR ", n) + ")"
}

// ranges reads n ranges of the primary key, each of which is a condition in brackets. SQLite looks for each of them in a
// SELECT of its own, and would scan the table for one with many; MySQL needs ten times as long for many SELECTs.
func (d *dialect) ranges(head, condition string, n int) string {
	if d == sqliteDialect {
		return list(head+" WHERE "+condition, " UNION ALL ", n)
	}
	return head + d.by(primary) + " WHERE " + list(condition, " OR ", n)
}

// list repeats an item n times.
func list(item, separator string, n int) string {
	return strings.TrimSuffix(strings.Repeat(item+separator, n), separator)
}
