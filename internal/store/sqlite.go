package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"modernc.org/sqlite"
)

// openSQLite makes the pools of a SQLite file: one connection that writes, as SQLite has one writer at a time anyway, and
// several that read and cannot write. Nothing is opened yet.
func openSQLite(s source, cfg Config) (write, read *sql.DB, err error) {
	if strings.Contains(s.dsn, "?") || strings.Contains(s.dsn, ":memory:") {
		return nil, nil, refuse(CodeNotDurable, s.name, "a SQLite database is named by its path alone, without options")
	}
	if s.purpose == forLooking {
		read, err = lookSQLite(s)
		return read, read, err
	}
	readers := cfg.Readers
	if readers == 0 {
		readers = 4
	}
	write, err = sqlitePool(s, 1, "mode=rw", checkSQLite, append([]string{
		"page_size(8192)",          // an order and its row mostly fit on one page; decided when the file is made
		"cache_size(-32768)",       // KiB
		"wal_autocheckpoint(4096)", // pages: a drained batch does not checkpoint each time
		"journal_size_limit(67108864)",
		"temp_store(2)", // in memory: a multi-row INSERT writes each page that it changes to a temporary file otherwise
	}, sqlitePragmas...))
	if err != nil {
		return nil, nil, err
	}
	read, err = sqlitePool(s, readers, "mode=rw", checkSQLite, append([]string{"cache_size(-8192)", "query_only(1)"}, sqlitePragmas...))
	return write, read, err
}

// sqlitePragmas are set on each connection and read back.
var sqlitePragmas = []string{
	"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)",
}

// lookSQLite makes a pool that changes nothing. A file without a log is at rest and is read as immutable: opened otherwise
// SQLite would make a log and an index beside it.
func lookSQLite(s source) (*sql.DB, error) {
	mode := "mode=ro"
	log, err := os.Stat(s.dsn + "-wal")
	_, noIndex := os.Stat(s.dsn + "-shm")
	if err != nil || log.Size() == 0 && noIndex != nil {
		mode = "mode=ro&immutable=1"
	}
	asIs := func(context.Context, driver.Conn, string) error { return nil } // the hub sets them on its own connections
	return sqlitePool(s, 1, mode, asIs, []string{"busy_timeout(5000)", "query_only(1)"})
}

// sqlitePool makes a pool whose connections open what is there and never make a file.
func sqlitePool(s source, size int, mode string, check func(context.Context, driver.Conn, string) error, pragmas []string) (*sql.DB, error) {
	q := url.Values{"_txlock": {"immediate"}}
	for _, p := range pragmas {
		q.Add("_pragma", p)
	}
	path := (&url.URL{Path: s.dsn}).EscapedPath()
	connector, err := sqlite.NewConnector("file:" + path + "?" + mode + "&" + q.Encode())
	if err != nil {
		return nil, refuse(CodeNotDurable, s.name, "the path cannot be used")
	}
	db := sql.OpenDB(checked{connector, func(ctx context.Context, c driver.Conn) error { return check(ctx, c, s.name) }})
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// checkSQLite reads the settings back that durability and erasure rest on: SQLite ignores a pragma that it cannot obey.
func checkSQLite(ctx context.Context, c driver.Conn, name string) error {
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1",
	} {
		row, err := firstRow(ctx, c, "PRAGMA "+pragma)
		if err != nil {
			return fail("reading the settings of database "+name, err)
		}
		if got := text(row[0]); got != want {
			return refuse(CodeNotDurable, name,
				"PRAGMA %s is %s and must be %s; put the file on a local disk, WAL mode does not work on network file systems", pragma, got, want)
		}
	}
	return nil
}

// checked is a connector whose connections are checked before anybody gets them, so that a server which changed, or was
// exchanged behind a proxy, is noticed at the next connection.
type checked struct {
	driver.Connector
	check func(context.Context, driver.Conn) error
}

// Connect implements driver.Connector.
func (c checked) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.check(ctx, conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// firstRow runs a query without arguments on a bare connection.
func firstRow(ctx context.Context, c driver.Conn, query string) ([]driver.Value, error) {
	rows, err := c.(driver.QueryerContext).QueryContext(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	row := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(row); err != nil {
		if err == io.EOF {
			return nil, words("the answer is empty")
		}
		return nil, err
	}
	for i, v := range row { // the driver reuses the buffers of its rows
		if b, ok := v.([]byte); ok {
			row[i] = string(b)
		}
	}
	return row, nil
}

// text renders a setting.
func text(v driver.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case int64, uint64:
		return fmt.Sprint(v)
	}
	return "unknown"
}
