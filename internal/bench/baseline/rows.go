package baseline

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite" // the driver
)

// Source names a database and the tables of it that matter.
type Source struct {
	SQLite string // path of the file, or
	MySQL  string // DSN of the Go driver
	Tables []string
}

// Table is a table with all its rows.
type Table struct {
	Name    string
	Create  []string // statements that make it and its indexes
	Columns []string
	Rows    [][]any
	Bytes   int64 // of all values, numbers counted as 8
}

// Open opens the database with the durability that the hub demands: SQLite in WAL mode with synchronous=FULL, MySQL as
// the server is configured.
func (s Source) Open() (*sql.DB, error) {
	if s.SQLite != "" {
		q := url.Values{"_txlock": {"immediate"}}
		for _, p := range []string{
			"page_size(8192)", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(1)", "busy_timeout(5000)",
			"cache_size(-32768)", "wal_autocheckpoint(4096)",
		} {
			q.Add("_pragma", p)
		}
		return sql.Open("sqlite", "file:"+s.SQLite+"?"+q.Encode())
	}
	cfg, err := mysql.ParseDSN(s.MySQL)
	if err != nil {
		return nil, err
	}
	cfg.InterpolateParams, cfg.Collation, cfg.MaxAllowedPacket = true, "utf8mb4_bin", 16<<20
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// Read reads the tables.
func (s Source) Read(ctx context.Context) (tables []Table, err error) {
	db, err := s.Open()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	for _, name := range s.Tables {
		t := Table{Name: name}
		if t.Create, err = s.definition(ctx, db, name); err != nil {
			return nil, err
		}
		if err := t.fill(ctx, db); err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, nil
}

func (s Source) definition(ctx context.Context, db *sql.DB, table string) (create []string, err error) {
	if s.MySQL != "" {
		var name, text string
		err = db.QueryRowContext(ctx, "SHOW CREATE TABLE "+table).Scan(&name, &text)
		return []string{text}, err
	}
	rows, err := db.QueryContext(ctx, "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC", table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		create = append(create, text)
	}
	return create, rows.Err()
}

func (t *Table) fill(ctx context.Context, db *sql.DB) error {
	return t.take(db.QueryContext(ctx, "SELECT * FROM "+t.Name))
}

// take adds what a query of all columns returned.
func (t *Table) take(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	if t.Columns, err = rows.Columns(); err != nil {
		return err
	}
	for rows.Next() {
		row, places := make([]any, len(t.Columns)), make([]any, len(t.Columns))
		for i := range row {
			places[i] = &row[i]
		}
		if err := rows.Scan(places...); err != nil {
			return err
		}
		for _, v := range row {
			t.Bytes += width(v)
		}
		t.Rows = append(t.Rows, row)
	}
	return rows.Err()
}

func width(v any) int64 {
	switch v := v.(type) {
	case nil:
		return 0
	case []byte:
		return int64(len(v))
	case string:
		return int64(len(v))
	}
	return 8
}

// Inserter writes rows as plainly as it can be done: multi-row INSERTs, some rows a transaction.
type Inserter struct {
	DB          *sql.DB
	Transaction int  // rows
	Statement   int  // rows
	Connections int  // that insert at the same time
	Prepared    bool // keep the statement; else its arguments are written into it
}

// Make creates the tables.
func (n Inserter) Make(ctx context.Context, tables []Table) error {
	for _, t := range tables {
		for _, text := range t.Create {
			if _, err := n.DB.ExecContext(ctx, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// Insert writes all rows, one table after the other.
func (n Inserter) Insert(ctx context.Context, tables []Table) error {
	for _, t := range tables {
		if err := n.table(ctx, t); err != nil {
			return fmt.Errorf("inserting into %s: %w", t.Name, err)
		}
	}
	return nil
}

func (n Inserter) table(ctx context.Context, t Table) error {
	var kept *sql.Stmt
	if n.Prepared {
		var err error
		if kept, err = n.DB.PrepareContext(ctx, t.insert(n.Statement)); err != nil {
			return err
		}
		defer kept.Close()
	}
	var group errgroup.Group
	group.SetLimit(n.Connections)
	for start := 0; start < len(t.Rows); start += n.Transaction {
		chunk := t.Rows[start:min(start+n.Transaction, len(t.Rows))]
		group.Go(func() error { return n.transaction(ctx, t, kept, chunk) })
	}
	return group.Wait()
}

func (n Inserter) transaction(ctx context.Context, t Table, kept *sql.Stmt, rows [][]any) error {
	tx, err := n.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit it does nothing
	if kept != nil {
		kept = tx.StmtContext(ctx, kept)
	}
	for len(rows) > 0 {
		size := min(n.Statement, len(rows))
		args := make([]any, 0, size*len(t.Columns))
		for _, row := range rows[:size] {
			args = append(args, row...)
		}
		if kept != nil && size == n.Statement {
			_, err = kept.ExecContext(ctx, args...)
		} else {
			_, err = tx.ExecContext(ctx, t.insert(size), args...)
		}
		if err != nil {
			return err
		}
		rows = rows[size:]
	}
	return tx.Commit()
}

func (t Table) insert(rows int) string {
	one := "(" + strings.TrimSuffix(strings.Repeat("?,", len(t.Columns)), ",") + ")"
	return "INSERT INTO " + t.Name + " (" + strings.Join(t.Columns, ",") + ") VALUES " +
		strings.TrimSuffix(strings.Repeat(one+",", rows), ",")
}
