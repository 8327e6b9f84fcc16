package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// sqliteLine is the queue in front of SQLite's one writer, and the connection behind it with its prepared statements:
// preparing a multi-row INSERT costs more than running it.
type sqliteLine struct {
	db    *sql.DB
	token chan struct{} // has one element while nobody writes; whoever took it owns everything below

	closed bool
	conn   *sql.Conn            // nil before the first transaction and after a connection that could not roll back
	stmts  map[string]*sql.Stmt // of conn, by text; few, because multi-row statements have few sizes
}

func newSQLiteLine(db *sql.DB) *sqliteLine {
	l := &sqliteLine{db: db, token: make(chan struct{}, 1)}
	l.token <- struct{}{}
	return l
}

// begin waits for its turn and opens a transaction that holds SQLite's write lock from the start.
func (l *sqliteLine) begin(ctx context.Context) (session, error) {
	select {
	case <-l.token:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := l.start(ctx); err != nil {
		l.token <- struct{}{}
		return nil, err
	}
	return &sqliteSession{l}, nil
}

func (l *sqliteLine) start(ctx context.Context) error {
	if l.closed {
		return sql.ErrConnDone
	}
	if l.conn == nil {
		conn, err := l.db.Conn(ctx)
		if err != nil {
			return err
		}
		l.conn, l.stmts = conn, map[string]*sql.Stmt{}
	}
	_, err := l.conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	if err != nil {
		l.drop() // it may have begun all the same: the context can end in between
	}
	return err
}

// drop gives the connection up. Closing it rolls back what is open.
func (l *sqliteLine) drop() {
	for _, stmt := range l.stmts {
		stmt.Close()
	}
	_ = l.conn.Raw(func(any) error { return driver.ErrBadConn }) // database/sql closes a connection that calls itself bad
	l.conn.Close()
	l.conn, l.stmts = nil, nil
}

// close waits for the writer and gives the connection back. Closing twice does nothing more.
func (l *sqliteLine) close(ctx context.Context) error {
	select {
	case <-l.token:
	case <-ctx.Done():
		return fail("waiting for the last transaction", ctx.Err())
	}
	if l.conn != nil {
		for _, stmt := range l.stmts {
			stmt.Close()
		}
		l.conn.Close()
		l.conn = nil
	}
	l.closed = true
	l.token <- struct{}{}
	return nil
}

// prepared returns the statement of a query, prepared once for the life of the connection.
func (l *sqliteLine) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := l.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := l.conn.PrepareContext(ctx, query)
	if err == nil {
		l.stmts[query] = stmt
	}
	return stmt, err
}

// sqliteSession is the transaction of whoever holds the token.
type sqliteSession struct{ l *sqliteLine }

func (s *sqliteSession) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	stmt, err := s.l.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

func (s *sqliteSession) execRows(ctx context.Context, query string, args []any, _ int) error {
	_, err := s.exec(ctx, query, args)
	return err
}

func (s *sqliteSession) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	stmt, err := s.l.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// commit cannot be interrupted: its outcome would be unknown for no reason.
func (s *sqliteSession) commit() error {
	_, err := s.l.conn.ExecContext(context.Background(), "COMMIT")
	if err != nil {
		s.l.drop()
	}
	s.l.token <- struct{}{}
	return err
}

func (s *sqliteSession) rollback() {
	if _, err := s.l.conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
		s.l.drop() // SQLite may have rolled back by itself, then there was nothing to roll back
	}
	s.l.token <- struct{}{}
}
