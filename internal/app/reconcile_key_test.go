package app

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"hub"
)

// Hubs that share a folder make one key between them, which nobody else can read, and leave nothing else behind.
func TestStatementKeyIsOne(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "keep")
	const hubs = 8
	ids := make([]string, hubs)
	var all sync.WaitGroup
	for i := range hubs {
		all.Go(func() {
			key, err := statementKey(folder)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = key.Public().ID()
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] || id == "" {
			t.Errorf("keys %q", ids)
			break
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 || entries[0].Name() != statementKeyFile {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	t.Logf("%d hubs at once, 1 key", hubs)
}

// A key that others may read, or that is damaged, is refused, and never replaced by a new one.
func TestStatementKeyIsRefused(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, statementKeyFile)
	if _, err := statementKey(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := statementKey(folder); hub.KindOf(err) != hub.KindForbidden {
		t.Errorf("readable by others: %v", err)
	}
	if err := os.WriteFile(path, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := statementKey(folder); hub.KindOf(err) != hub.KindPermanent {
		t.Errorf("damaged: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "no key" {
		t.Errorf("the damaged key was replaced: %q, %v", text, err)
	}
}
