package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"modernc.org/sqlite"

	"hub"
)

// migrations has a folder for each dialect and role. A file holds one DDL statement on MySQL, which cannot roll DDL back.
// The versions of the two dialects are the same.
//
//go:embed migrations
var migrations embed.FS

// folder returns the migrations of a database.
func (d *database) folder() fs.FS {
	sub, err := fs.Sub(migrations, "migrations/"+d.dialect.prefix+"/"+string(d.role))
	if err != nil {
		panic(err) // the path is made of constants
	}
	return sub
}

// steps returns the migrations as goose runs them. goose would also read the files itself, with eight megabytes of memory for
// each statement, to find where one ends; here all of a file is given to the driver.
func (d *database) steps() (steps []*goose.Migration) {
	folder := d.folder()
	files, err := fs.ReadDir(folder, ".")
	if err != nil {
		panic(err) // embedded
	}
	for _, f := range files {
		number, _, _ := strings.Cut(f.Name(), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			panic(err) // a test reads every name
		}
		run := func(ctx context.Context, tx *sql.Tx) error {
			text, err := fs.ReadFile(folder, f.Name())
			if err == nil {
				_, err = tx.ExecContext(ctx, string(text))
			}
			return err
		}
		steps = append(steps, goose.NewGoMigration(version, &goose.GoFunc{RunTx: run}, nil))
	}
	return steps
}

// newest returns the version that this hub's statements are written for.
func (d *database) newest() (version int64) {
	for _, step := range d.steps() {
		version = max(version, step.Version)
	}
	return version
}

// provider applies migrations.
func (d *database) provider() (*goose.Provider, error) {
	return goose.NewProvider(goose.Dialect(d.dialect.goose), d.write, nil, goose.WithGoMigrations(d.steps()...),
		goose.WithTableName("schema_"+string(d.role)), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
}

// checkSchema refuses a database whose schema is missing or another than ours.
func checkSchema(ctx context.Context, d *database) error {
	var got int64
	query := "SELECT COALESCE(MAX(version_id), 0) FROM schema_" + string(d.role)
	if err := d.read.QueryRowContext(ctx, query).Scan(&got); err != nil {
		e := fail("reading the schema version of "+d.name, err)
		var lite *sqlite.Error
		if refused(e) || errors.As(err, &lite) && lite.Code() == 1 {
			return refuse(CodeSchema, d.name, "it has no schema yet; run hub migrate")
		}
		return e
	}
	want := d.newest()
	switch {
	case got < want:
		return refuse(CodeSchema, d.name, "its schema has version %d and this hub needs %d; run hub migrate", got, want)
	case got > want:
		return refuse(CodeSchema, d.name, "its schema has version %d and this hub knows only %d; run a newer hub", got, want)
	}
	return nil
}

// up applies the migrations that are missing. Several processes may do so at once: one works, the others wait.
func (d *database) up(ctx context.Context) error {
	op := "migrating " + d.name
	if d.dialect == sqliteDialect {
		if err := d.makeFile(); err != nil {
			return err
		}
	}
	provider, err := d.provider()
	if err != nil {
		return fail(op, err)
	}
	apply := func(ctx context.Context) error {
		_, err := provider.Up(ctx)
		return err
	}
	// A database that is newer than this hub is left alone; checkSchema will refuse it.
	if d.dialect == mysqlDialect {
		err = d.resume(ctx, apply)
	} else {
		err = apply(ctx)
	}
	if err != nil {
		return migrationError(op, err)
	}
	return nil
}

// resume applies migrations on a server, which commits each change of a table by itself, before the note that it was made.
// Whoever begins writes that down, and takes it back in the end: if it is there already, somebody was killed, and then a
// change that the server refuses because it is there already was made by whoever was killed. Only the first of the missing
// ones can be that. Without the mark it is somebody else's table, and is refused.
func (d *database) resume(ctx context.Context, apply func(context.Context) error) (err error) {
	locker, err := lock.NewMySQLTableLocker(lock.WithTableName("schema_lock"), lock.WithTableLockTimeout(200*time.Millisecond, 600))
	if err != nil {
		return err
	}
	if err := locker.Lock(ctx, d.write); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, locker.Unlock(context.WithoutCancel(ctx), d.write)) }()
	killed, err := d.markRun(ctx)
	if err != nil {
		return err
	}
	err = apply(ctx)
	for made, ok := madeAlready(err); ok && killed; made, ok = madeAlready(err) {
		note := "INSERT INTO schema_" + string(d.role) + " (version_id, is_applied) VALUES (?, 1)"
		if _, err := d.write.ExecContext(ctx, note, made); err != nil {
			return err
		}
		killed = false
		err = apply(ctx)
	}
	// Of another error nobody knows whether the change was made: the mark stays, for the next run.
	if _, refused := alreadyThere(err); err != nil && !refused {
		return err
	}
	_, unmarked := d.write.ExecContext(ctx, "DELETE FROM schema_run WHERE role = ?", string(d.role))
	return errors.Join(err, unmarked)
}

// markRun notes that migrations are being applied, and reports whether that was noted already.
func (d *database) markRun(ctx context.Context) (killed bool, err error) {
	const table = "CREATE TABLE IF NOT EXISTS schema_run (role VARBINARY(16) NOT NULL PRIMARY KEY) ENGINE=InnoDB"
	if _, err := d.write.ExecContext(ctx, table); err != nil {
		return false, err
	}
	var runs int
	if err := d.write.QueryRowContext(ctx, "SELECT COUNT(*) FROM schema_run WHERE role = ?", string(d.role)).Scan(&runs); err != nil || runs > 0 {
		return runs > 0, err
	}
	_, err = d.write.ExecContext(ctx, "INSERT INTO schema_run (role) VALUES (?)", string(d.role))
	return false, err
}

// alreadyThere reports whether the server refused a change of a table because it is as it would make it, and its version.
func alreadyThere(err error) (version int64, ok bool) {
	var partial *goose.PartialError
	var my *mysql.MySQLError
	if !errors.As(err, &partial) || partial.Failed == nil || partial.Failed.Source == nil || !errors.As(partial.Err, &my) {
		return 0, false
	}
	// a table, column or key that is there, a table, or a column or key, that is gone
	return partial.Failed.Source.Version, slices.Contains([]uint16{1050, 1060, 1061, 1051, 1091}, my.Number)
}

// madeAlready is alreadyThere for the first of the migrations that were missing.
func madeAlready(err error) (version int64, ok bool) {
	var partial *goose.PartialError
	if !errors.As(err, &partial) || len(partial.Applied) > 0 {
		return 0, false
	}
	return alreadyThere(err)
}

// migrationError adds which migration failed; goose's own text quotes the statement and the driver.
func migrationError(op string, err error) error {
	var partial *goose.PartialError
	if errors.As(err, &partial) && partial.Failed != nil && partial.Failed.Source != nil {
		op += ", version " + strconv.FormatInt(partial.Failed.Source.Version, 10)
	}
	e := fail(op, err)
	if hub.KindOf(e) == hub.KindInternal {
		return refuse(CodeSchema, op, "%v", e)
	}
	return e
}
