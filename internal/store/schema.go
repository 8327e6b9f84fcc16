package store

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"

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

// newest returns the version that this hub's statements are written for.
func (d *database) newest() (version int64) {
	files, err := fs.ReadDir(d.folder(), ".")
	if err != nil {
		panic(err) // embedded
	}
	for _, f := range files {
		number, _, _ := strings.Cut(f.Name(), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			panic(err) // a test reads every name
		}
		version = max(version, n)
	}
	return version
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
	options := []goose.ProviderOption{
		goose.WithTableName("schema_" + string(d.role)), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()),
	}
	if d.dialect == mysqlDialect {
		locker, err := lock.NewMySQLTableLocker(lock.WithTableName("schema_lock"), lock.WithTableLockTimeout(200*time.Millisecond, 600))
		if err != nil {
			return fail(op, err)
		}
		options = append(options, goose.WithLocker(locker))
	}
	provider, err := goose.NewProvider(goose.Dialect(d.dialect.goose), d.write, d.folder(), options...)
	if err != nil {
		return fail(op, err)
	}
	// A database that is newer than this hub is left alone; checkSchema will refuse it.
	if _, err := provider.Up(ctx); err != nil {
		return migrationError(op, err)
	}
	return nil
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
