package store_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hub"
	"hub/internal/hubtest/mariadb"
	"hub/internal/store"
	"hub/internal/store/storetest"
)

// names lists a folder.
func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// contents reads a folder: times of change and bytes. Of an index (-shm) only that it is there: it holds the marks of readers.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range names(t, dir) {
		if all[name] = ""; strings.HasSuffix(name, "-shm") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = info.ModTime().String() + string(b)
	}
	return all
}

// inspected requires Inspect to leave a folder alone and returns what is wrong, by database.
func inspected(t *testing.T, c store.Config, dir string) map[string]error {
	t.Helper()
	before := contents(t, dir)
	list, err := store.Inspect(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	after := contents(t, dir)
	for name := range maps.Keys(after) {
		if was, ok := before[name]; !ok || was != after[name] {
			t.Errorf("%s changed or new: %d bytes, were %d", name, len(after[name]), len(was))
		}
	}
	if len(after) != len(before) {
		t.Errorf("files %v, were %v", slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(before)))
	}
	wrong := map[string]error{}
	for _, h := range list {
		wrong[h.Name] = h.Err
	}
	return wrong
}

// wholesome requires four databases without a fault.
func wholesome(t *testing.T, when string, wrong map[string]error) {
	t.Helper()
	if got := slices.Sorted(maps.Keys(wrong)); !slices.Equal(got, []string{"control", "shard 0", "shard 1", "vault"}) {
		t.Errorf("%s: databases %v", when, got)
	}
	for name, err := range wrong {
		if err != nil {
			t.Errorf("%s: %s: %v", when, name, err)
		}
	}
}

func TestInspectChangesNothing(t *testing.T) {
	dir, crashed := filepath.Join(t.TempDir(), "live"), filepath.Join(t.TempDir(), "crashed")
	c := sqliteConfig(dir)
	s, ids := opened(t, c), storetest.IDs() // what it makes, the schema too, is in the logs alone until it stops
	for range 20 {
		tenant := hub.TenantID(ids.New(hub.TenantPrefix))
		err := s.Do(t.Context(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) error { return put(ctx, s, tx, newOrder(tenant, "1", ids)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	if log, err := os.Stat(filepath.Join(dir, "a.db-wal")); err != nil || log.Size() == 0 {
		t.Fatalf("the hub has no log: %v", err)
	}
	wholesome(t, "beside a hub", inspected(t, c, dir))
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil { // with -wal and -shm, as a crash leaves them
		t.Fatal(err)
	}
	wholesome(t, "after a crash", inspected(t, sqliteConfig(crashed), crashed))
	wholesome(t, "after a crash, again", inspected(t, sqliteConfig(crashed), crashed))
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wholesome(t, "after the hub", inspected(t, c, dir))
}

// TestInspectNamesMissingFiles takes every file in turn.
func TestInspectNamesMissingFiles(t *testing.T) {
	dir := t.TempDir()
	c := migrated(t, sqliteConfig(dir))
	for file, name := range map[string]string{"control.db": "control", "vault.db": "vault", "b.db": "shard 1"} {
		path := filepath.Join(dir, file)
		if err := os.Rename(path, path+".aside"); err != nil {
			t.Fatal(err)
		}
		wrong := inspected(t, c, dir)
		if err := wrong[name]; err == nil || !strings.Contains(err.Error(), path+" is missing") {
			t.Errorf("%s: %v", file, err)
		}
		t.Logf("%s: %v", name, wrong[name])
		if err := os.Rename(path+".aside", path); err != nil {
			t.Fatal(err)
		}
	}
	wholesome(t, "complete", inspected(t, c, dir))
}

func TestInspectServers(t *testing.T) {
	c := mysqlConfig(t, mariadb.Shared(t))
	c.Shards = c.Shards[:1]
	for _, ready := range []bool{false, true} {
		list, err := store.Inspect(t.Context(), c)
		if err != nil || len(list) != 3 || list[2].Name != "shard DSN 1" {
			t.Fatalf("%v, %v", list, err)
		}
		for _, h := range list {
			if (h.Err == nil) != ready {
				t.Errorf("migrated %v: %s: %v", ready, h.Name, h.Err)
			}
		}
		if !ready {
			untouched(t, c.Vault)
			migrated(t, c)
		}
	}
}
