package app_test

import (
	"cmp"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hub"
	"hub/gdpr"
	"hub/internal/app"
	"hub/internal/config"
	"hub/internal/hubtest"
)

// settings are those of a small hub on a folder, without a bootstrap key.
func settings(t *testing.T, data string) config.Config {
	t.Helper()
	cfg, _, err := config.Load(config.Input{Flags: map[string]string{
		"data": data, "sqlite_shards": "1", "listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0",
	}})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// once opens a hub on a folder, runs it and stops it at once, and returns the error of opening.
func once(t *testing.T, data string) error {
	t.Helper()
	h, err := app.Open(t.Context(), settings(t, data), app.Options{LogSegment: 16 << 20, Logger: hubtest.Logger(t)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Run(ctx); err != nil {
		t.Errorf("stopping: %v", err)
	}
	return nil
}

// TestLostKeysAreNotMadeAnew takes away what an existing folder cannot do without. A hub that made new keys would accept
// webhooks and never be able to read what it had accepted before.
func TestLostKeysAreNotMadeAnew(t *testing.T) {
	for _, lost := range []string{"intake/intake.key", "intake", "forget"} {
		data := filepath.Join(t.TempDir(), "data")
		if err := once(t, data); err != nil {
			t.Fatal(err)
		}
		aside := filepath.Join(t.TempDir(), "aside")
		if err := os.Rename(filepath.Join(data, lost), aside); err != nil {
			t.Fatal(err)
		}
		if err := once(t, data); err == nil {
			t.Errorf("without %s the hub starts as if nothing was lost", lost)
		}
		failing := ""
		for _, c := range app.Doctor(t.Context(), settings(t, data)) {
			if c.Status == "failed" && c.Fix != "" {
				failing += c.Name + ","
			}
			if strings.Contains(c.Detail, "not made yet") {
				t.Errorf("without %s doctor says %+v", lost, c)
			}
		}
		if want := map[string]string{"forget": "root key,"}[lost]; failing != cmp.Or(want, "intake key,") {
			t.Errorf("without %s doctor names %q", lost, failing)
		}
		if _, err := os.Stat(filepath.Join(data, lost)); err == nil && lost != "intake" {
			t.Errorf("%s was made anew", lost)
		}
		if err := os.RemoveAll(filepath.Join(data, lost)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(aside, filepath.Join(data, lost)); err != nil {
			t.Fatal(err)
		}
		if err := once(t, data); err != nil {
			t.Errorf("with %s back: %v", lost, err)
		}
	}
}

// TestSealedVaultGetsNoNewRoot is the first start of a new hub beside an old vault, before the root is mounted: nothing
// is made that would be in the way once it is.
func TestSealedVaultGetsNoNewRoot(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if err := once(t, data); err != nil {
		t.Fatal(err)
	}
	aside := t.TempDir()
	for _, gone := range []string{"forget", "intake", "wal"} { // a new hub has none of them
		if err := os.Rename(filepath.Join(data, gone), filepath.Join(aside, gone)); err != nil {
			t.Fatal(err)
		}
	}
	if err := once(t, data); hub.KindOf(err) != hub.KindPermanent || !strings.Contains(err.Error(), "HUB_KEYS") {
		t.Errorf("without the root: %v", err)
	}
	for _, made := range []string{"forget", "intake"} {
		if entries, err := os.ReadDir(filepath.Join(data, made)); len(entries) > 0 {
			t.Errorf("%s was made: %v, %v", made, entries, err)
		}
	}
	_ = os.Remove(filepath.Join(data, "forget"))
	if err := os.Rename(filepath.Join(aside, "forget"), filepath.Join(data, "forget")); err != nil {
		t.Fatal(err)
	}
	if err := once(t, data); err != nil {
		t.Errorf("with the root: %v", err)
	}
}

// TestDamagedKeyring flips a bit of the row that everything personal hangs on: whoever starts the hub, or asks doctor why it
// does not start, is told what to do.
func TestDamagedKeyring(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if err := once(t, data); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(data, "vault.db"))
	if err != nil {
		t.Fatal(err)
	}
	var blob []byte
	if err := db.QueryRow("SELECT sealed FROM vault_keyrings").Scan(&blob); err != nil {
		t.Fatal(err)
	}
	blob[len(blob)/2] ^= 1
	if _, err := db.Exec("UPDATE vault_keyrings SET sealed = ?", blob); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := once(t, data); hub.CodeOf(err) != gdpr.CodeKeyringDamaged || !strings.Contains(err.Error(), "newest copy") {
		t.Errorf("a damaged keyring: %v", err)
	}
	to := filepath.Join(t.TempDir(), "backup")
	if _, err := app.Backup(t.Context(), settings(t, data), app.BackupOptions{VaultTo: to, Version: "1", Clock: app.SystemClock}); hub.CodeOf(err) != gdpr.CodeKeyringDamaged {
		t.Errorf("a copy of it: %v", err)
	}
	if names := tree(t, to); !slices.Equal(names, []string{"manifest.json", "vault.db"}) {
		t.Errorf("the copy, which somebody may need, holds %v", names)
	}
	for _, c := range app.Doctor(t.Context(), settings(t, data)) {
		if c.Name == "keyring" && c.Status == "failed" {
			return
		}
	}
	t.Error("doctor says nothing of it")
}

// TestForeignRootIsRefused starts a hub with the root of another one.
func TestForeignRootIsRefused(t *testing.T) {
	own, other := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	for _, data := range []string{own, other} {
		if err := once(t, data); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(own, "forget")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(other, "forget"), filepath.Join(own, "forget")); err != nil {
		t.Fatal(err)
	}
	err := once(t, own)
	if err == nil || !strings.Contains(err.Error(), "HUB_KEYS") || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == '\uFFFD' }) {
		t.Errorf("a foreign root: %q", err)
	}
	for _, c := range app.Doctor(t.Context(), settings(t, own)) {
		if c.Name == "root key" && c.Status != "failed" {
			t.Errorf("doctor: %+v", c)
		}
	}
}

// TestFolderOpenToEverybodyIsRefused: whoever may write there may swap keys.
func TestFolderOpenToEverybodyIsRefused(t *testing.T) {
	data := t.TempDir()
	if err := os.Chmod(data, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := once(t, data); hub.KindOf(err) != hub.KindForbidden {
		t.Errorf("a folder that everybody may write to: %v", err)
	}
}

// TestFirstOperatorKey: the text is in the file before the key is good, so a crash in between locks nobody out.
func TestFirstOperatorKey(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if err := os.MkdirAll(filepath.Join(data, "operator.key.next"), 0o700); err != nil { // the file cannot be written
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "operator.key.next", "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := once(t, data); err == nil {
		t.Fatal("the hub starts although nobody can have the operator key")
	}
	if err := os.RemoveAll(filepath.Join(data, "operator.key.next")); err != nil {
		t.Fatal(err)
	}
	if err := once(t, data); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(data, "operator.key")); err != nil || !strings.HasPrefix(string(text), "hub_live_") {
		t.Errorf("the key file holds %d bytes: %v", len(text), err)
	}
}

// TestDoctorChangesNothing looks at a folder before and after.
func TestDoctorChangesNothing(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "none")
	app.Doctor(t.Context(), settings(t, empty))
	if _, err := os.Stat(empty); err == nil {
		t.Error("doctor made the data folder")
	}
	data := filepath.Join(t.TempDir(), "data")
	if err := once(t, data); err != nil {
		t.Fatal(err)
	}
	before := listing(t, data)
	for _, c := range app.Doctor(t.Context(), settings(t, data)) {
		if c.Status == "failed" {
			t.Errorf("%+v", c)
		}
	}
	if after := listing(t, data); after != before {
		t.Errorf("doctor changed the folder:\n%s\nto\n%s", before, after)
	}
}

// listing names the files of a folder with their sizes and times.
func listing(t *testing.T, folder string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			b.WriteString(path + " " + info.ModTime().String() + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
