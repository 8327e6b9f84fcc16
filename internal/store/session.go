package store

import (
	"context"
	"database/sql"
)

// session is one open transaction of a database. It is used by one goroutine.
type session interface {
	exec(ctx context.Context, query string, args []any) (sql.Result, error)
	// execRows is exec for a multi-row INSERT whose arguments have about that many bytes.
	execRows(ctx context.Context, query string, args []any, bytes int) error
	query(ctx context.Context, query string, args []any) (*sql.Rows, error)
	commit() error
	rollback()
}

// begin opens a transaction.
func (d *database) begin(ctx context.Context) (session, error) {
	if d.line != nil {
		return d.line.begin(ctx)
	}
	tx, err := d.write.BeginTx(ctx, nil) // READ COMMITTED, as each of its connections was told
	if err != nil {
		return nil, err
	}
	return mysqlSession{tx}, nil
}

type mysqlSession struct{ tx *sql.Tx }

func (s mysqlSession) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	return s.tx.ExecContext(ctx, query, args...)
}

// execRows has the server prepare what is large: escaping blobs here and parsing them there costs two to three times as
// much as the round trip of a prepare. The statement is not kept, for there are many sizes.
func (s mysqlSession) execRows(ctx context.Context, query string, args []any, bytes int) error {
	if bytes < prepareFrom {
		_, err := s.exec(ctx, query, args)
		return err
	}
	stmt, err := s.tx.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer stmt.Close()
	_, err = stmt.ExecContext(ctx, args...)
	return err
}

// prepareFrom is the size in bytes from which preparing pays off, measured.
const prepareFrom = 32 << 10

func (s mysqlSession) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	return s.tx.QueryContext(ctx, query, args...)
}

func (s mysqlSession) commit() error { return s.tx.Commit() }

// rollback has no error that matters: a connection that cannot roll back is lost, and the server rolls back.
func (s mysqlSession) rollback() { _ = s.tx.Rollback() }
