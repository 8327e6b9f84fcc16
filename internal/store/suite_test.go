package store_test

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver behind raw

	"hub/internal/hubtest/mariadb"
	"hub/internal/store"
	"hub/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if os.Getenv(writerVariable) != "" {
		os.Exit(writerProcess())
	}
	os.Exit(mariadb.Main(m))
}

// settings is a Config without databases.
func settings() store.Config {
	return store.Config{Clock: storetest.Clock(), IDs: storetest.IDs(), Contact: 2 * time.Second}
}

// sqliteConfig names files that do not exist yet.
func sqliteConfig(dir string) store.Config {
	c := settings()
	c.Control, c.Vault = "sqlite:"+dir+"/control.db", "sqlite:"+dir+"/vault.db"
	c.Shards = []string{"sqlite:" + dir + "/a.db", "sqlite:" + dir + "/b.db"}
	return c
}

// mysqlConfig names empty databases.
func mysqlConfig(t testing.TB, server *mariadb.Server) store.Config {
	c := settings()
	c.Control, c.Vault = "mysql:"+server.NewDatabase(t), "mysql:"+server.NewDatabase(t)
	c.Shards = []string{"mysql:" + server.NewDatabase(t), "mysql:" + server.NewDatabase(t)}
	return c
}

// migrated migrates.
func migrated(t testing.TB, c store.Config) store.Config {
	t.Helper()
	if err := store.Migrate(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// opened opens a store until the end of the test.
func opened(t testing.TB, c store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

// raw opens a connection beside the store.
func raw(t *testing.T, name string) *sql.DB {
	kind, dsn, _ := strings.Cut(name, ":")
	if kind == "sqlite" {
		dsn += "?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(kind, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, storetest.Fixture{Config: migrated(t, sqliteConfig(t.TempDir())), Raw: raw})
}

func TestMariaDB(t *testing.T) {
	c := migrated(t, mysqlConfig(t, mariadb.Shared(t)))
	storetest.Run(t, storetest.Fixture{Config: c, Raw: raw, Many: true})
}
