package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"hub"
)

// database is one database of the hub. It is made without a connection; the first success of ready makes it usable.
type database struct {
	source
	cfg   Config
	write *sql.DB
	read  *sql.DB
	line  *sqliteLine // SQLite's one writer; nil on MySQL
	// admit is asked at the first contact, once the schema is known to fit, and says whether this is the database it
	// should be.
	admit func(context.Context, *database) error

	contact singleflight.Group
	open    atomic.Bool // ready succeeded

	shard hub.ShardID // of a shard, set before open
	epoch int64       // of a shard, set before open

	barrier    barrier
	barrierRow int // which row this hub updates
	marks      marks
	living     living // of a shard
	unfiled    unfiled

	prepared sync.Map // SQLite: query → *sql.Stmt of the readers
}

// openDatabase makes the pools.
func openDatabase(s source, cfg Config, admit func(context.Context, *database) error) (*database, error) {
	d := &database{source: s, cfg: cfg, admit: admit}
	var err error
	if s.dialect == sqliteDialect {
		d.write, d.read, err = openSQLite(s, cfg)
		d.line = newSQLiteLine(d.write)
	} else {
		d.write, d.read, err = openMySQL(s, cfg)
	}
	if err != nil {
		return nil, err
	}
	d.barrier.pass, d.barrierRow = d.passBarrier, 1
	if s.role == roleShard {
		id := cfg.IDs()
		d.barrierRow = int(id[len(id)-1]) % barrierRows
	}
	return d, nil
}

// ready returns nil when the database has been reached and found to be the right one. Callers that come while somebody
// tries share the result. A database that is not there is KindUnavailable, one that must not be used KindPermanent; both
// may change, so each call tries again.
func (d *database) ready(ctx context.Context) error {
	if d.open.Load() {
		return nil
	}
	done := d.contact.DoChan("", func() (any, error) {
		if d.open.Load() {
			return nil, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.cfg.Contact)
		defer cancel()
		if err := d.meet(ctx); err != nil {
			return nil, err
		}
		d.open.Store(true)
		return nil, nil
	})
	select {
	case r := <-done:
		return r.Err
	case <-ctx.Done():
		return fail("reaching database "+d.name, ctx.Err())
	}
}

// meet is the first contact. It goes through the readers: SQLite's one writer may be taken.
func (d *database) meet(ctx context.Context) error {
	if d.dialect == sqliteDialect {
		if there, err := d.holds(); err != nil {
			return err
		} else if !there {
			return d.missing()
		}
	}
	if err := d.read.PingContext(ctx); err != nil {
		return fail("reaching database "+d.name, err)
	}
	if err := checkSchema(ctx, d); err != nil {
		return err
	}
	return d.admit(ctx, d)
}

// close ends the pools. What SQLite has in its log goes into the file, and the log is emptied: deleted rows are in it.
func (d *database) close(ctx context.Context) error {
	var err error
	if d.line != nil {
		err = d.line.close(ctx)
	}
	d.prepared.Range(func(_, stmt any) bool { stmt.(*sql.Stmt).Close(); return true })
	d.read.Close()
	if d.dialect == sqliteDialect && d.purpose == forUse && d.open.Swap(false) {
		if _, e := d.write.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); e != nil && err == nil {
			err = fail("checkpointing database "+d.name, e)
		}
	}
	d.write.Close()
	return err
}

// errEnough is how a scan ends a query before its last row.
var errEnough = errors.New("enough rows")

// query reads outside of a transaction. SQLite's statements are prepared once; there are few different ones.
func (d *database) query(ctx context.Context, op, query string, args []any, scan func(*sql.Rows) error) error {
	rows, err := d.rows(ctx, query, args)
	if err != nil {
		return fail(op, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err == errEnough {
			return nil
		} else if err != nil {
			return fail(op, err)
		}
	}
	return fail(op, rows.Err())
}

func (d *database) rows(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	if d.dialect != sqliteDialect {
		return d.read.QueryContext(ctx, query, args...)
	}
	stmt, ok := d.prepared.Load(query)
	if !ok {
		fresh, err := d.read.PrepareContext(ctx, query)
		if err != nil {
			return nil, err
		}
		if stmt, ok = d.prepared.LoadOrStore(query, fresh); ok {
			fresh.Close()
		}
	}
	return stmt.(*sql.Stmt).QueryContext(ctx, args...)
}
