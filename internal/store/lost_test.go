package store_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hub"
	"hub/internal/store"
)

// refusedToMigrate requires Migrate to refuse, and on SQLite, where it migrates, Open as well.
func refusedToMigrate(t *testing.T, c store.Config, want ...string) {
	t.Helper()
	err := store.Migrate(t.Context(), c)
	if hub.KindOf(err) != hub.KindPermanent || hub.CodeOf(err) != store.CodeWrongShards {
		t.Errorf("Migrate: %v (%v)", err, hub.KindOf(err))
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("Migrate: %v, want %q", err, w)
		}
	}
	if strings.HasPrefix(c.Control, "sqlite") {
		refused(t, c, store.CodeWrongShards, want[0])
	}
	t.Logf("refused: %v", err)
}

// untouched requires a database to be as nobody ever used it.
func untouched(t *testing.T, name string) {
	t.Helper()
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok {
		if made, _ := filepath.Glob(path + "*"); len(made) > 0 {
			t.Errorf("made %v", made)
		}
		return
	}
	var tables int
	err := raw(t, name).QueryRow("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()").Scan(&tables)
	if err != nil || tables > 0 {
		t.Errorf("%d tables made, %v", tables, err)
	}
}

// TestFreshDatabaseInPlaceOfALostOne puts a database that nobody used in the place of each one of an installation.
func TestFreshDatabaseInPlaceOfALostOne(t *testing.T) {
	dialects(t, func(t *testing.T, c store.Config) {
		all, fresh := c, c.Shards[1]
		c.Shards = c.Shards[:1]
		migrated(t, c)
		for _, lost := range []struct {
			change func(*store.Config)
			want   []string
		}{
			{func(c *store.Config) { c.Shards = []string{fresh} }, []string{"s0", "registered", "shard ", "bring back what is lost"}},
			{func(c *store.Config) { c.Vault = fresh }, []string{"vault", "has had a vault", "bring it back"}},
			{func(c *store.Config) { c.Control = fresh }, []string{"the control database is lost", "bring it back"}},
		} {
			wrong := c
			lost.change(&wrong)
			refusedToMigrate(t, wrong, lost.want...)
			untouched(t, fresh)
		}
		s := opened(t, migrated(t, c))
		s.Close(context.Background())
		s = opened(t, migrated(t, all)) // nothing is lost: growth
		if err := s.Do(t.Context(), "s1", func(context.Context, hub.Tx) error { return nil }); err != nil {
			t.Error(err)
		}
		var shards int
		if err := raw(t, c.Control).QueryRow("SELECT COUNT(*) FROM shards").Scan(&shards); err != nil || shards != 2 {
			t.Errorf("%d shards registered, %v", shards, err)
		}
	})
}

// TestLostFileComesBack takes each file of a SQLite hub away, as a late mount does, and puts it back: also as an empty file,
// and while the hub is to grow.
func TestLostFileComesBack(t *testing.T) {
	dir := t.TempDir()
	c := migrated(t, sqliteConfig(dir))
	grown := c
	grown.Shards = append(slices.Clone(c.Shards), "sqlite:"+dir+"/new.db")
	for file, want := range map[string]string{"b.db": "s1", "vault.db": "has had a vault", "control.db": "is lost"} {
		path, aside := filepath.Join(dir, file), filepath.Join(t.TempDir(), file)
		if err := os.Rename(path, aside); err != nil {
			t.Fatal(err)
		}
		before := names(t, dir)
		refusedToMigrate(t, c, want, path)
		refusedToMigrate(t, grown, want, path)
		if after := names(t, dir); !slices.Equal(before, after) {
			t.Errorf("without %s: files %v, were %v", file, after, before)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		refusedToMigrate(t, c, want, path)
		if info, err := os.Stat(path); err != nil || info.Size() > 0 {
			t.Errorf("the empty %s was written to: %v", file, err)
		}
		if err := os.Rename(aside, path); err != nil {
			t.Fatal(err)
		}
		s := opened(t, c)
		if ids := s.ShardIDs(); !slices.Equal(ids, []hub.ShardID{"s0", "s1"}) {
			t.Errorf("shards %v", ids)
		}
		s.Close(t.Context())
	}
	opened(t, grown)
}

// TestVaultOfAnOlderHub has a control database that remembers no vault: it learns of the one there is.
func TestVaultOfAnOlderHub(t *testing.T) {
	dir := t.TempDir()
	c := migrated(t, sqliteConfig(dir))
	control := raw(t, c.Control)
	if _, err := control.Exec("UPDATE installation SET vault_adopted = 0"); err != nil {
		t.Fatal(err)
	}
	opened(t, c).Close(t.Context())
	if err := os.Remove(filepath.Join(dir, "vault.db")); err != nil {
		t.Fatal(err)
	}
	refusedToMigrate(t, c, "has had a vault")
}

// TestFirstStartBesideServers has an embedded control database and shards on a server that is down.
func TestFirstStartBesideServers(t *testing.T) {
	dir := t.TempDir()
	c := sqliteConfig(dir)
	c.Shards = []string{"mysql:hub:hub-test-password@tcp(127.0.0.1:1)/x"}
	refused(t, c, store.CodeSchema, "run hub migrate")
	if made := names(t, dir); len(made) > 0 {
		t.Errorf("made %v", made)
	}
	migrated(t, sqliteConfig(dir))
	for _, table := range []string{"shards", "slot_map"} { // as after a migration that ended half-way
		if _, err := raw(t, c.Control).Exec("DELETE FROM " + table); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, c, store.CodeSchema, "start the shard databases and run hub migrate")
}

// TestModesOfFiles makes a hub in folders that do not exist and looks at the files while it runs.
func TestModesOfFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	c := sqliteConfig(dir)
	c.Shards = []string{"sqlite:" + dir + "/shards/0.db", "sqlite:" + dir + "/shards/1.db"}
	s := opened(t, migrated(t, c))
	for _, shard := range s.ShardIDs() {
		if err := s.Do(t.Context(), shard, func(context.Context, hub.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if want := map[bool]os.FileMode{true: 0o700, false: 0o600}[e.IsDir()]; err == nil && info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		files++
		return err
	})
	if err != nil || files < 2+3*len(c.Shards) {
		t.Errorf("%d files and folders, %v", files, err)
	}
	t.Logf("%d files and folders", files)
}
