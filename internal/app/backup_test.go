package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver behind query

	"hub"
	"hub/internal/app"
	"hub/internal/config"
	"hub/internal/hubtest"
	"hub/internal/store"
)

// query runs a statement on a database file beside the hub and returns the first value of its answer.
func query(t *testing.T, path, text string, args ...any) (value string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=rw&_pragma=busy_timeout(5000)&_pragma=secure_delete(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(text, args...).Scan(&value); err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

// mark writes a word into the shard, the control database and the vault of a hub.
func mark(t *testing.T, data, word string, ledger int) {
	t.Helper()
	query(t, filepath.Join(data, "shards", "0.db"), "INSERT INTO acknowledgements (tenant_id, client, order_id, reference, acknowledged_at) VALUES ('ten_1', 'c', ?, ?, 1)", word, word)
	query(t, filepath.Join(data, "shards", "0.db"), "INSERT INTO feed_head VALUES ('ten_1', 'orders', ?) ON CONFLICT DO UPDATE SET sequence = ?", ledger, ledger)
	query(t, filepath.Join(data, "control.db"), "INSERT INTO tenants (id, name, created_at) VALUES (?, ?, 1)", "ten_"+word, word)
	query(t, filepath.Join(data, "vault.db"), "INSERT INTO vault_tombstones VALUES (CAST(? AS BLOB), 1, 1)", word)
	query(t, filepath.Join(data, "vault.db"), "UPDATE vault_state SET ledger = ?", ledger)
}

// marks reads the words back: shard, control, vault.
func marks(t *testing.T, data string) string {
	t.Helper()
	words := func(file, column, table string) string {
		return query(t, filepath.Join(data, file), "SELECT GROUP_CONCAT(w, '+') FROM (SELECT CAST("+column+" AS TEXT) AS w FROM "+table+" ORDER BY w DESC)")
	}
	return words("shards/0.db", "reference", "acknowledgements") + " " + words("control.db", "name", "tenants") + " " + words("vault.db", "hash", "vault_tombstones")
}

func clock() time.Time { return time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC) }

// backed makes a hub with the mark "old", backs it up, and marks it "new".
func backed(t *testing.T) (cfg config.Config, to string) {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	if err := once(t, data); err != nil {
		t.Fatal(err)
	}
	cfg, to = settings(t, data), filepath.Join(t.TempDir(), "backup")
	mark(t, data, "old", 1)
	for _, name := range []string{"sign.1", "sign.0"} {
		if err := os.WriteFile(filepath.Join(data, "keep", name), []byte("a key to keep"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := app.Backup(t.Context(), cfg, app.BackupOptions{To: to, Version: "1", Clock: clock}); err != nil {
		t.Fatal(err)
	}
	mark(t, data, "new", 2)
	return cfg, to
}

// tree lists the files below a folder, with slashes.
func tree(t *testing.T, folder string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		files = append(files, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestBackupBesideAHub copies while a hub serves and somebody writes, to a folder of its own for the vault.
func TestBackupBesideAHub(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	cfg := settings(t, data)
	h, err := app.Open(t.Context(), cfg, app.Options{LogSegment: 16 << 20, Logger: hubtest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	mark(t, data, "old", 7)
	to, vault := filepath.Join(t.TempDir(), "a", "b"), filepath.Join(t.TempDir(), "vault")
	b, err := app.Backup(t.Context(), cfg, app.BackupOptions{To: to, VaultTo: vault, Version: "1", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(tree(t, to), " "); got != "keep/statements.key manifest.json shards/control.db shards/shard-0.db" {
		t.Errorf("the backup holds %s", got)
	}
	if got := strings.Join(tree(t, vault), " "); got != "manifest.json vault.db" {
		t.Errorf("the vault's folder holds %s", got)
	}
	for _, folder := range []string{to, vault} {
		ownersOnly(t, folder)
		if _, err := app.Backup(t.Context(), cfg, app.BackupOptions{To: folder, VaultTo: filepath.Join(t.TempDir(), "v"), Clock: clock}); hub.KindOf(err) != hub.KindConflict {
			t.Errorf("into a folder that is not empty: %v", err)
		}
	}
	if _, err := app.Restore(t.Context(), cfg, app.RestoreOptions{From: to, Clock: clock}); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("restoring under a running hub: %v", err)
	}
	var m app.Manifest
	text, err := os.ReadFile(filepath.Join(vault, "manifest.json"))
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil || m.KeepUntil == nil || !m.KeepUntil.Equal(clock().Add(24*time.Hour)) || m.Vault == nil || m.Vault.Ledger != 7 || m.Files[0].Schema == 0 {
		t.Errorf("manifest of the vault: %s %v", text, err)
	}
	if i := slices.IndexFunc(b.Manifests, func(m app.Manifest) bool { return m.Kind == "data" }); i < 0 || len(b.Manifests[i].Feeds) != 1 || b.Manifests[i].Feeds[0].Sequence != 7 {
		t.Errorf("manifests %+v", b.Manifests)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	alone := filepath.Join(t.TempDir(), "alone")
	if _, err := app.Backup(t.Context(), cfg, app.BackupOptions{VaultTo: alone, Clock: clock}); err != nil || len(tree(t, alone)) != 2 {
		t.Errorf("the vault alone, of a stopped hub: %v", err)
	}
}

func ownersOnly(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestBackupThatFailsLeavesNothing takes a shard away; the second attempt may use the same folder.
func TestBackupThatFailsLeavesNothing(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if err := once(t, data); err != nil {
		t.Fatal(err)
	}
	cfg, to := settings(t, data), filepath.Join(t.TempDir(), "to")
	options := app.BackupOptions{To: to, Clock: clock}
	vault := filepath.Join(data, "vault.db")
	if err := os.Rename(vault, vault+".aside"); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Backup(t.Context(), cfg, options); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("without a vault: %v", err)
	}
	if got := tree(t, to); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
	if err := os.Rename(vault+".aside", vault); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Backup(t.Context(), cfg, options); err != nil {
		t.Error(err)
	}
	for name, wrong := range map[string]app.BackupOptions{"nothing": {}, "one folder": {To: "x", VaultTo: "x/"}} {
		wrong.Clock = clock
		if _, err := app.Backup(t.Context(), cfg, wrong); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := app.Backup(t.Context(), settings(t, filepath.Join(t.TempDir(), "none")), app.BackupOptions{To: filepath.Join(t.TempDir(), "x"), Clock: clock}); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("of no hub: %v", err)
	}
}

// TestDatabasesOnServersAreNotCopied: their own tools do that.
func TestDatabasesOnServersAreNotCopied(t *testing.T) {
	const secret = "hub:canary@tcp(127.0.0.1:1)/x"
	for _, setting := range []string{"HUB_VAULT", "HUB_CONTROL"} {
		cfg, _, err := config.Load(config.Input{Flags: map[string]string{"data": t.TempDir()}, Environ: []string{setting + "=mysql:" + secret}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = app.Backup(t.Context(), cfg, app.BackupOptions{To: filepath.Join(t.TempDir(), "x"), Clock: clock})
		if hub.CodeOf(err) != store.CodeOnServers || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", setting, err)
		}
		if _, err := app.Restore(t.Context(), cfg, app.RestoreOptions{From: "x", Clock: clock}); hub.CodeOf(err) != store.CodeOnServers {
			t.Errorf("%s: %v", setting, err)
		}
	}
}

// TestRestoreKeepsTheVault puts old shards under the present vault.
func TestRestoreKeepsTheVault(t *testing.T) {
	cfg, to := backed(t)
	if err := os.Remove(filepath.Join(cfg.Keys, "keep", "sign.1")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sign.0", "sign.2"} {
		if err := os.WriteFile(filepath.Join(cfg.Keys, "keep", name), []byte("newer"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cursor := filepath.Join(cfg.Data, "audit", "outbox.cursor")
	if _, err := os.Stat(cursor); err != nil {
		t.Fatalf("the hub had no drainer of audit rows: %v", err)
	}
	log := tree(t, filepath.Join(cfg.Data, "wal"))
	r, err := app.Restore(t.Context(), cfg, app.RestoreOptions{From: to, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	if got := marks(t, cfg.Data); got != "old old old+new" {
		t.Errorf("shard, control and vault hold %s", got)
	}
	if len(r.Restored) != 2 || len(r.Aside) != 2 || len(r.Feeds) != 1 || r.Feeds[0].Sequence != 1 {
		t.Errorf("%+v", r)
	}
	if _, err := os.Stat(cursor); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the drainer of audit rows would not look again: %v", err)
	}
	if got := tree(t, filepath.Join(cfg.Data, "wal")); !slices.Equal(got, log) {
		t.Errorf("the log has %v, had %v", got, log)
	}
	for name, want := range map[string]string{"sign.0": "newer", "sign.1": "a key to keep", "sign.2": "newer"} {
		if b, err := os.ReadFile(filepath.Join(cfg.Keys, "keep", name)); string(b) != want {
			t.Errorf("%s holds %q: %v", name, b, err)
		}
	}
	aside := filepath.Join(cfg.Data, "replaced-20260701T120000.000000Z", "control.db")
	if got := query(t, aside, "SELECT COUNT(*) FROM tenants"); got != "2" {
		t.Errorf("moved aside: %s", got)
	}
	if err := once(t, cfg.Data); err != nil {
		t.Errorf("starting on it: %v", err)
	}
}

// TestRestoreListsRevivedKeys: what was revoked since the backup is good again, and named; what was made since is gone, and
// what was revoked before stays so. Nothing is left beside the databases by looking.
func TestRestoreListsRevivedKeys(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if err := once(t, data); err != nil {
		t.Fatal(err)
	}
	cfg, to := settings(t, data), filepath.Join(t.TempDir(), "backup")
	control := filepath.Join(data, "control.db")
	add := func(id string, revoked int) {
		query(t, control, "INSERT INTO api_keys (id, tenant_id, role, client, scopes, hash, created_at, revoked_at) VALUES (?, '', 'operator', 'c', '', ?, 1, ?) RETURNING id",
			id, []byte(id), revoked)
	}
	add("key_b", 0)
	add("key_a", 0)
	add("key_good", 0)
	add("key_before", 5)
	if _, err := app.Backup(t.Context(), cfg, app.BackupOptions{To: to, Version: "1", Clock: clock}); err != nil {
		t.Fatal(err)
	}
	query(t, control, "UPDATE api_keys SET revoked_at = 9 WHERE id IN ('key_a', 'key_b') RETURNING id")
	add("key_since", 9)
	r, err := app.Restore(t.Context(), cfg, app.RestoreOptions{From: to, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Revived, []hub.KeyID{"key_a", "key_b"}) {
		t.Errorf("good again are %v", r.Revived)
	}
	for _, path := range tree(t, data) {
		if strings.Contains(path, "restoring") {
			t.Errorf("left behind: %s", path)
		}
	}
	again, err := app.Restore(t.Context(), cfg, app.RestoreOptions{From: to, Clock: func() time.Time { return clock().Add(time.Hour) }})
	if err != nil || len(again.Revived) != 0 {
		t.Errorf("restored again: %v, %v", again.Revived, err)
	}
}

// TestVaultNeverGoesBack tries every way to get an old vault.
func TestVaultNeverGoesBack(t *testing.T) {
	cfg, to := backed(t)
	vault, present := filepath.Join(to, "vault"), filepath.Join(cfg.Data, "vault.db")
	both := app.RestoreOptions{From: to, VaultFrom: vault, Clock: clock}
	refusedWith := func(what string, code hub.Code, o app.RestoreOptions) {
		t.Helper()
		_, err := app.Restore(t.Context(), cfg, o)
		if hub.KindOf(err) != hub.KindConflict || hub.CodeOf(err) != code {
			t.Errorf("%s: %v", what, err)
		}
	}
	refusedWith("a newer entry of the ledger", app.CodeOlderVault, both)
	for _, change := range []string{
		"UPDATE vault_state SET ledger = 1, revision = 1000", "UPDATE vault_state SET revision = 0, generation = 1000",
		"UPDATE vault_state SET generation = 0",
	} {
		query(t, present, change)
		if change != "UPDATE vault_state SET generation = 0" {
			refusedWith(change, app.CodeOlderVault, both)
		}
	}
	query(t, present, "UPDATE vault_state SET ledger = ?, revision = ?, generation = ?", 1, 0, 0)
	query(t, present, "INSERT INTO vault_keys (id, kind, tenant_id, tag, wrapped, connection_id, class, week, created_at) VALUES ('sub_1', 'subject', 'ten_1', x'01', x'01', '', '', '', 1)")
	refusedWith("one more person", app.CodeOlderVault, app.RestoreOptions{VaultFrom: vault, Clock: clock})

	if err := os.WriteFile(present, []byte("no database, and no reason to take another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Restore(t.Context(), cfg, both); err == nil || hub.KindOf(err) == hub.KindConflict {
		t.Errorf("a damaged vault is replaced: %v", err)
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(present + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	refusedWith("no vault to keep", app.CodeNoVault, app.RestoreOptions{From: to, Clock: clock})
	roots, err := filepath.Glob(filepath.Join(cfg.Keys, "forget", "root.*"))
	if err != nil || len(roots) != 1 {
		t.Fatalf("roots %v: %v", roots, err)
	}
	later := roots[0] + "9"
	if err := os.Rename(roots[0], later); err != nil {
		t.Fatal(err)
	}
	refusedWith("a copy whose root is destroyed", "", both)
	if err := os.Rename(later, roots[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Restore(t.Context(), cfg, both); err != nil {
		t.Errorf("with its vault: %v", err)
	}
	if got := marks(t, cfg.Data); got != "old old old" {
		t.Errorf("shard, control and vault hold %s", got)
	}
	if err := once(t, cfg.Data); err != nil {
		t.Errorf("starting on it: %v", err)
	}
}

// TestDamagedBackupChangesNothing flips a bit of every file in turn, and takes each away.
func TestDamagedBackupChangesNothing(t *testing.T) {
	cfg, to := backed(t)
	if err := os.Remove(filepath.Join(cfg.Data, "vault.db")); err != nil {
		t.Fatal(err)
	}
	o := app.RestoreOptions{From: to, VaultFrom: filepath.Join(to, "vault"), Clock: clock}
	tried := 0
	for _, name := range tree(t, to) {
		path := filepath.Join(to, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damages := map[string][]byte{"cut": whole[:len(whole)/2], "gone": nil}
		for i := range 4 { // in a manifest these are signs, digits and letters
			flipped := bytes.Clone(whole)
			flipped[len(flipped)*i/4+2] ^= 1
			damages["flipped "+string(rune('1'+i))] = flipped
		}
		for what, content := range damages {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if content != nil {
				if err := os.WriteFile(path, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before := listing(t, cfg.Data)
			if _, err := app.Restore(t.Context(), cfg, o); err == nil {
				t.Fatalf("%s %s: it was restored", name, what)
			}
			if after := listing(t, cfg.Data); after != before {
				t.Errorf("%s %s: the data folder changed from\n%s\nto\n%s", name, what, before, after)
			}
			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			tried++
		}
	}
	if _, err := app.Restore(t.Context(), cfg, o); err != nil {
		t.Errorf("whole again: %v", err)
	}
	t.Logf("%d damages refused", tried)
}

// TestKindsOfBackupsAreNotMixedUp gives the vault's folder for the other one, and folders that are no backups.
func TestKindsOfBackupsAreNotMixedUp(t *testing.T) {
	cfg, to := backed(t)
	for name, o := range map[string]app.RestoreOptions{
		"vault as data": {From: filepath.Join(to, "vault")}, "data as vault": {VaultFrom: to}, "no backup": {From: t.TempDir()},
		"another number of shards": {From: to},
	} {
		c := cfg
		if name == "another number of shards" {
			c.Store.Shards = 2
		}
		o.Clock = clock
		if _, err := app.Restore(t.Context(), c, o); hub.KindOf(err) != hub.KindPermanent {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := app.Restore(t.Context(), cfg, app.RestoreOptions{Clock: clock}); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("nothing: %v", err)
	}
}

// TestOtherInstallationIsNotOverwritten restores onto another hub's folder.
func TestOtherInstallationIsNotOverwritten(t *testing.T) {
	_, to := backed(t)
	other := filepath.Join(t.TempDir(), "other")
	if err := once(t, other); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Restore(t.Context(), settings(t, other), app.RestoreOptions{From: to, Clock: clock}); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("onto another installation: %v", err)
	}
}

var errCut = errors.New("cut")

// databases opens those of a hub as its start does, which is what refuses a mixture.
func databases(t *testing.T, data string) error {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{
		Shards: []string{"sqlite:" + filepath.Join(data, "shards", "0.db")}, Control: "sqlite:" + filepath.Join(data, "control.db"),
		Vault: "sqlite:" + filepath.Join(data, "vault.db"), Clock: clock, IDs: app.NewIDs(),
	})
	if err != nil {
		return err
	}
	return s.Close(t.Context())
}

// TestDrillRestoreInterrupted stops a restore before its steps, every other one without HUB_DRILL=1, with a vault that stays and with one that is lost. A hub
// then starts on the old set, or not at all; the same command again completes it.
func TestDrillRestoreInterrupted(t *testing.T) {
	stride := 2
	if os.Getenv("HUB_DRILL") == "1" {
		stride = 1
	}
	cfg, to := backed(t)
	crashed(t, cfg.Data)
	for name, o := range map[string]app.RestoreOptions{
		"vault kept": {From: to, Clock: clock}, "vault lost": {From: to, VaultFrom: filepath.Join(to, "vault"), Clock: clock},
	} {
		t.Run(name, func(t *testing.T) {
			old, refused, steps := 0, 0, 0
			for at := 0; ; at += stride {
				c := copied(t, cfg)
				if o.VaultFrom != "" {
					lose(t, c)
				}
				n := 0
				interrupted := o
				interrupted.Observe = func(string) error {
					if n++; n > at {
						return errCut
					}
					return nil
				}
				_, err := app.Restore(t.Context(), c, interrupted)
				if err == nil {
					steps = at
					break
				}
				if !errors.Is(err, errCut) {
					t.Fatal(err)
				}
				switch err := databases(t, copied(t, c).Data); {
				case hub.CodeOf(err) == store.CodeWrongShards:
					refused++
				case err != nil:
					t.Errorf("after %d steps: %v", at, err)
				case o.VaultFrom == "" && marks(t, c.Data) == "old+new old+new old+new":
					old++
				case o.VaultFrom != "" && marks(t, c.Data) == "old+new old+new old": // the vault alone, as if only that had been asked for
					old++
				default:
					t.Errorf("after %d steps a hub starts on a mixture", at)
				}
				if _, err := app.Restore(t.Context(), c, o); err != nil {
					t.Fatalf("after %d steps, again: %v", at, err)
				}
				want := "old old old+new"
				if o.VaultFrom != "" {
					want = "old old old"
				}
				if got := marks(t, c.Data); got != want {
					t.Errorf("after %d steps, again: %s, want %s", at, got, want)
				}
				if n := query(t, filepath.Join(c.Data, "control.db"), "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'in_the_log'"); n != "0" {
					t.Errorf("after %d steps, again: the log of the old database was put into the new one", at)
				}
				if err := databases(t, c.Data); err != nil {
					t.Errorf("after %d steps, again: %v", at, err)
				}
			}
			if refused == 0 || steps < 7 {
				t.Error("nothing was interrupted")
			}
			t.Logf("%d interruptions in %d steps: the hub starts on the old shards after %d, not at all after %d; 0 mixtures", old+refused, steps, old, refused)
		})
	}
}

// crashed leaves logs beside the databases, as a hub does that was killed: the newest commits are in them alone.
func crashed(t *testing.T, data string) {
	t.Helper()
	for _, name := range []string{"shards/0.db", "control.db", "vault.db"} {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(data, name)+"?_pragma=wal_autocheckpoint(0)")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		if _, err := db.Exec("CREATE TABLE in_the_log (x INTEGER)"); err != nil {
			t.Fatal(err)
		}
	}
}

// copied copies the databases and keys of a data folder.
func copied(t *testing.T, cfg config.Config) config.Config {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	for _, name := range tree(t, cfg.Data) {
		if top, _, _ := strings.Cut(name, "/"); top == "wal" || top == "audit" {
			continue // large, and no start is refused for them
		}
		b, err := os.ReadFile(filepath.Join(cfg.Data, name))
		to := filepath.Join(data, name)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(to), 0o700)
		}
		if err == nil {
			err = os.WriteFile(to, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return settings(t, data)
}

// lose takes the vault away.
func lose(t *testing.T, cfg config.Config) {
	t.Helper()
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(cfg.Data, "vault.db"+end)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// TestRestoreOntoANewDisk has only the root left, as when HUB_KEYS is on another volume.
func TestRestoreOntoANewDisk(t *testing.T) {
	cfg, to := backed(t)
	id, err := os.ReadFile(filepath.Join(cfg.Data, "instance"))
	if err != nil {
		t.Fatal(err)
	}
	fresh := settings(t, filepath.Join(t.TempDir(), "new"))
	fresh.Keys = cfg.Keys
	o := app.RestoreOptions{From: to, VaultFrom: filepath.Join(to, "vault"), Clock: clock}
	if _, err := app.Restore(t.Context(), fresh, o); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(fresh.Data, "instance")); !bytes.Equal(got, id) {
		t.Errorf("the instance is %q, was %q: %v", got, id, err)
	}
	h, err := app.Open(t.Context(), fresh, app.Options{LogSegment: 16 << 20, Logger: hubtest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := h.Run(ctx); err != nil {
		t.Error(err)
	}
	if got := marks(t, fresh.Data); got != "old old old" {
		t.Errorf("shard, control and vault hold %s", got)
	}
}
