package store_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"hub"
	"hub/internal/hubtest/mariadb"
	"hub/internal/store"
)

// dialects runs a test on fresh, unmigrated databases of each kind.
func dialects(t *testing.T, test func(*testing.T, store.Config)) {
	t.Run("SQLite", func(t *testing.T) { test(t, sqliteConfig(t.TempDir())) })
	t.Run("MariaDB", func(t *testing.T) { test(t, mysqlConfig(t, mariadb.Shared(t))) })
}

// refused requires Open to refuse with a code and a text that says what to do.
func refused(t *testing.T, c store.Config, code hub.Code, fix string) {
	t.Helper()
	s, err := store.Open(context.Background(), c)
	if err == nil {
		s.Close(context.Background())
	}
	if hub.KindOf(err) != hub.KindPermanent || hub.CodeOf(err) != code || !strings.Contains(err.Error(), fix) {
		t.Errorf("Open: %v (%v), want %s with %q", err, hub.KindOf(err), code, fix)
		return
	}
	for _, secret := range []string{"hub-test-password", "127.0.0.1"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows a DSN: %v", err)
		}
	}
	t.Logf("refused: %v", err)
}

func TestOrderOfDSNsMeansNothing(t *testing.T) {
	dialects(t, func(t *testing.T, c store.Config) {
		migrated(t, c)
		tenant := hub.TenantID("ten_1")
		for range 2 {
			s := opened(t, c)
			if ids := s.ShardIDs(); !slices.Equal(ids, []hub.ShardID{"s0", "s1"}) || s.Map().Version() != 1 {
				t.Errorf("shards %v, map %d", ids, s.Map().Version())
			}
			var changes []hub.Change
			err := s.Do(t.Context(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
				return s.Feed().Append(ctx, tx, []hub.Change{{Tenant: tenant, Stream: hub.StreamOrders, ID: "evt_1"}})
			})
			if err == nil {
				changes, err = s.ERP().Changes(t.Context(), tenant, hub.StreamOrders, 0, 10)
			}
			if err != nil || len(changes) == 0 {
				t.Fatal(err)
			}
			t.Logf("DSNs in an order: tenant on %s, %d changes", s.Of(tenant), len(changes))
			s.Close(context.Background())
			slices.Reverse(c.Shards)
		}
		s := opened(t, c)
		if changes, err := s.ERP().Changes(t.Context(), tenant, hub.StreamOrders, 0, 10); err != nil || len(changes) != 2 {
			t.Errorf("%d changes, %v", len(changes), err)
		}
	})
}

func TestMigrateTwiceAndAtOnce(t *testing.T) {
	dialects(t, func(t *testing.T, c store.Config) {
		var wg sync.WaitGroup
		n := 1
		if strings.HasPrefix(c.Control, "mysql") { // an embedded hub is one process with one Migrate
			n = 3
		}
		for range n {
			wg.Go(func() {
				if err := store.Migrate(context.Background(), c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		migrated(t, c)
		if ids := opened(t, c).ShardIDs(); len(ids) != 2 {
			t.Errorf("shards %v after %d migrations", ids, n+1)
		}
	})
}

func TestNewShardOwnsNothingYet(t *testing.T) {
	dialects(t, func(t *testing.T, c store.Config) {
		all := c.Shards
		c.Shards = all[:1]
		migrated(t, c)
		c.Shards = []string{all[1], all[0]}
		s := opened(t, migrated(t, c))
		if ids := s.ShardIDs(); !slices.Equal(ids, []hub.ShardID{"s0"}) {
			t.Errorf("owners %v", ids)
		}
		if err := s.Do(t.Context(), "s1", func(context.Context, hub.Tx) error { return nil }); err != nil {
			t.Error(err)
		}
	})
}

func TestWrongShardsAreRefused(t *testing.T) {
	dialects(t, func(t *testing.T, c store.Config) {
		migrated(t, c)
		for _, shards := range [][]string{c.Shards[:1], {c.Shards[0], c.Shards[0]}, {}} {
			wrong := c
			wrong.Shards = shards
			refused(t, wrong, store.CodeWrongShards, "")
		}
		missing := c
		missing.Shards = c.Shards[1:]
		refused(t, missing, store.CodeWrongShards, "configure the others too")
	})
}

// TestOtherInstallationIsRefused mixes databases of two installations.
func TestOtherInstallationIsRefused(t *testing.T) {
	server := mariadb.Shared(t)
	for _, c := range [][2]store.Config{
		{sqliteConfig(t.TempDir()), sqliteConfig(t.TempDir())}, {mysqlConfig(t, server), mysqlConfig(t, server)},
	} {
		mine, theirs := migrated(t, c[0]), migrated(t, c[1])
		mixed := mine
		mixed.Shards = []string{mine.Shards[0], theirs.Shards[1]}
		refused(t, mixed, store.CodeWrongShards, "another installation")
		mixed = mine
		mixed.Vault = theirs.Vault
		refused(t, mixed, store.CodeWrongShards, "another installation")
		if err := store.Migrate(t.Context(), mixed); hub.CodeOf(err) != store.CodeWrongShards {
			t.Errorf("migrating a mixture: %v", err)
		}
	}
}

// TestCopyOfAShardIsRefused has the files of one shard twice, as after a restore to the wrong place.
func TestCopyOfAShardIsRefused(t *testing.T) {
	dir := t.TempDir()
	c := migrated(t, sqliteConfig(dir))
	b, err := os.ReadFile(filepath.Join(dir, "a.db"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "copy.db"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.Shards = append(c.Shards, "sqlite:"+dir+"/copy.db")
	refused(t, c, store.CodeWrongShards, "remove it")
}

func TestSchemaIsChecked(t *testing.T) {
	dialects(t, func(t *testing.T, c store.Config) {
		mysql := strings.HasPrefix(c.Control, "mysql")
		if mysql { // SQLite migrates when it is opened
			refused(t, c, store.CodeSchema, "run hub migrate")
		}
		migrated(t, c)
		for _, db := range []struct{ name, table string }{{c.Shards[1], "schema_shard"}, {c.Vault, "schema_vault"}, {c.Control, "schema_control"}} {
			change := func(query string) {
				t.Helper()
				if _, err := raw(t, db.name).Exec(strings.Replace(query, "TABLE", db.table, 1)); err != nil {
					t.Fatal(err)
				}
			}
			change("INSERT INTO TABLE (version_id, is_applied) VALUES (999, 1)")
			refused(t, c, store.CodeSchema, "run a newer hub")
			change("DELETE FROM TABLE WHERE version_id = 999")
			if mysql {
				change("UPDATE TABLE SET version_id = version_id - 1")
				refused(t, c, store.CodeSchema, "run hub migrate")
				change("UPDATE TABLE SET version_id = version_id + 1")
			}
		}
		opened(t, c)
	})
}

func TestNamesOfDatabases(t *testing.T) {
	for name, want := range map[string]string{
		"postgres://x": "neither", "": "neither", "sqlite:": "neither", "sqlite:/x/y.db?_pragma=synchronous(OFF)": "without options", "sqlite::memory:": "without options",
		"mysql:hub:secret@tcp(127.0.0.1:1)/": "names no database", "mysql:hub:secret@nonsense": "looks like",
		"mysql:hub:secret@tcp(127.0.0.1:1)/x?innodb_flush_log_at_trx_commit=0": "remove it",
		"mysql:hub:secret@tcp(127.0.0.1:1)/x?sql_mode=''":                      "remove it",
		"mysql:hub:secret@tcp(127.0.0.1:1)/x?transaction_isolation=0":          "remove it",
	} {
		c := sqliteConfig(t.TempDir())
		c.Vault = name
		_, err := store.Open(t.Context(), c)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
}

// TestCloseEmptiesSQLiteLogs holds that deleted bytes do not stay in a write-ahead log behind a stopped hub, also while
// somebody else, such as a backup, has the file open.
func TestCloseEmptiesSQLiteLogs(t *testing.T) {
	dir := t.TempDir()
	c := sqliteConfig(dir)
	s := opened(t, c)
	for _, name := range c.Shards {
		if _, err := raw(t, name).Exec("UPDATE barrier SET passed = 1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "[ab].db-wal"))
	if err != nil || len(logs) != 2 {
		t.Fatalf("logs %v, %v", logs, err)
	}
	for _, log := range logs {
		if info, err := os.Stat(log); err != nil || info.Size() > 0 {
			t.Errorf("%s has bytes: %v", filepath.Base(log), err)
		}
	}
}
