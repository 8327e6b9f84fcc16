package store_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"hub"
	"hub/internal/store"
)

// filesOf names the database files of a store.
func filesOf(t *testing.T, c store.Config) []store.File {
	t.Helper()
	files, err := store.Files(c)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestFilesAreCopiedInOrder: what a shard refers to is made earlier in the control database and in the vault, so these are
// copied after it.
func TestFilesAreCopiedInOrder(t *testing.T) {
	var order []string
	for _, f := range filesOf(t, sqliteConfig("/x")) {
		order = append(order, f.Name+" "+f.Path)
	}
	want := []string{"shard-0.db /x/a.db", "shard-1.db /x/b.db", "control.db /x/control.db", "vault.db /x/vault.db"}
	if !slices.Equal(order, want) {
		t.Errorf("copied in the order %v", order)
	}
	c := sqliteConfig("/x")
	c.Vault = "mysql:hub:canary@tcp(127.0.0.1:1)/x"
	if _, err := store.Files(c); hub.CodeOf(err) != store.CodeOnServers || strings.Contains(err.Error(), "canary") {
		t.Errorf("a vault on a server: %v", err)
	}
}

// TestCopyBesideAWriter copies again and again while somebody commits to two tables at once: each copy holds both rows of
// a commit or none, and nothing that was committed before it began is missing.
func TestCopyBesideAWriter(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	c := migrated(t, sqliteConfig(dir))
	opened(t, c) // a hub holds the files, as it does while it serves
	shard := filesOf(t, c)[0]
	db := raw(t, c.Shards[0])
	var mu sync.Mutex
	committed, stop := 0, make(chan struct{})
	var writer sync.WaitGroup
	defer writer.Wait()
	defer close(stop)
	writer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			tx, err := db.Begin()
			if err == nil {
				_, err = tx.Exec("INSERT INTO feed_head (tenant_id, stream, sequence) VALUES (hex(randomblob(16)), 'orders', 1)")
			}
			if err == nil {
				_, err = tx.Exec("INSERT INTO raws (raw_ref, tenant_id, connection_id, external_id, received_at, sealed) VALUES (hex(randomblob(16)), '', '', '', 1, randomblob(20000))")
			}
			if err == nil {
				err = tx.Commit()
			}
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			committed++
			mu.Unlock()
		}
	})
	const copies = 8
	last := 0
	for i := range copies {
		mu.Lock()
		before := committed
		mu.Unlock()
		path := filepath.Join(to, string(rune('a'+i)))
		if err := shard.Copy(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		var heads, raws int
		var sound string
		one := raw(t, "sqlite:"+path)
		if err := one.QueryRow("SELECT (SELECT COUNT(*) FROM feed_head), (SELECT COUNT(*) FROM raws), (SELECT * FROM pragma_integrity_check)").Scan(&heads, &raws, &sound); err != nil {
			t.Fatal(err)
		}
		if heads != raws || heads < before || heads < last || sound != "ok" {
			t.Errorf("copy %d: %d and %d rows, %d were committed before it, %d in the copy before; %s", i, heads, raws, before, last, sound)
		}
		last = heads
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("copy %d: mode %o, %v", i, info.Mode().Perm(), err)
		}
	}
	if last == 0 {
		t.Error("nobody wrote meanwhile")
	}
	t.Logf("%d copies beside a writer, %d commits in the last one; 0 torn", copies, last)
}

// TestCopyHoldsNoDeletedRow: a row that was deleted before the copy is not in its bytes.
func TestCopyHoldsNoDeletedRow(t *testing.T) {
	dir := t.TempDir()
	c := migrated(t, sqliteConfig(dir))
	path := filepath.Join(t.TempDir(), "copy")
	db := raw(t, c.Shards[0]) // without secure_delete, so that the file itself keeps the bytes
	canary := strings.Repeat("canary in a deleted row ", 400)
	for _, statement := range []string{
		"INSERT INTO raws (raw_ref, tenant_id, connection_id, external_id, received_at, sealed) VALUES ('r', '', '', '', 1, ?)", "DELETE FROM raws WHERE sealed = ?",
	} {
		if _, err := db.Exec(statement, []byte(canary)); err != nil {
			t.Fatal(err)
		}
	}
	if err := filesOf(t, c)[0].Copy(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{filepath.Join(dir, "a.db"): true, path: false} {
		b, err := os.ReadFile(name)
		log, _ := os.ReadFile(name + "-wal")
		if err != nil || strings.Contains(string(b)+string(log), "canary in a deleted") != want {
			t.Errorf("%s holds the deleted row: %v, %v", filepath.Base(name), !want, err)
		}
	}
}

func TestCopyRefuses(t *testing.T) {
	dir := t.TempDir()
	c := migrated(t, sqliteConfig(dir))
	shard, to := filesOf(t, c)[0], filepath.Join(t.TempDir(), "copy")
	if err := shard.At(filepath.Join(dir, "none.db")).Copy(t.Context(), to); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("without a file: %v", err)
	}
	if err := os.WriteFile(to, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := shard.Copy(t.Context(), to); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("over another file: %v", err)
	}
	if b, err := os.ReadFile(to); string(b) != "something else" {
		t.Errorf("the other file holds %q: %v", b, err)
	}
}

// TestStateOfFiles reads what the files of a fresh installation say of themselves, and what files that are none say.
func TestStateOfFiles(t *testing.T) {
	dir := t.TempDir()
	files := filesOf(t, migrated(t, sqliteConfig(dir)))
	before := contents(t, dir)
	installation := ""
	for _, f := range files {
		st, err := f.State(t.Context())
		if err != nil || st.Installation == "" || st.Schema == 0 {
			t.Fatalf("%s: %+v, %v", f.Name, st, err)
		}
		if installation == "" {
			installation = st.Installation
		}
		if st.Installation != installation {
			t.Errorf("%s: installation %s, not %s", f.Name, st.Installation, installation)
		}
	}
	if st, err := files[1].State(t.Context()); st.Shard != "s1" {
		t.Errorf("shard %s: %v", st.Shard, err)
	}
	if _, err := files[0].At(files[3].Path).State(t.Context()); hub.CodeOf(err) != store.CodeSchema {
		t.Errorf("a vault as a shard: %v", err)
	}
	if after := contents(t, dir); len(after) != len(before) {
		t.Errorf("files %d, were %d", len(after), len(before))
	}
}

// TestVaultAges: whatever one copy knows and the other does not makes the other the older one.
func TestVaultAges(t *testing.T) {
	base := store.VaultAge{Ledger: 5, Revision: 5, Generation: 5, Keys: 5, Newest: 5, Tags: 5}
	for name, c := range map[string]struct {
		change func(*store.VaultAge)
		older  bool // the base is older than what was changed
	}{
		"same":             {func(*store.VaultAge) {}, false},
		"entry":            {func(a *store.VaultAge) { a.Ledger++ }, true},
		"revision":         {func(a *store.VaultAge) { a.Revision++ }, true},
		"root":             {func(a *store.VaultAge) { a.Generation++ }, true},
		"person":           {func(a *store.VaultAge) { a.Keys++ }, true},
		"key for another":  {func(a *store.VaultAge) { a.Newest++ }, true},
		"tag":              {func(a *store.VaultAge) { a.Tags++ }, true},
		"erasure":          {func(a *store.VaultAge) { a.Ledger++; a.Keys--; a.Tags -= 2 }, true},
		"fewer":            {func(a *store.VaultAge) { a.Keys-- }, false},
		"before a kill":    {func(a *store.VaultAge) { a.Ledger--; a.Keys++; a.Tags++ }, false},
		"older generation": {func(a *store.VaultAge) { a.Generation-- }, false},
	} {
		other := base
		c.change(&other)
		if got := base.OlderThan(other); got != c.older {
			t.Errorf("%s: older %v", name, got)
		}
	}
}
