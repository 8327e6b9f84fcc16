package gdpr_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hub"
	"hub/gdpr"
)

func roots(dir string) *gdpr.FileRoots { return gdpr.OpenFileRoots(dir, clock, dir) }

func createRoot(t *testing.T, dir string) gdpr.Root {
	t.Helper()
	r, err := roots(dir).Create(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sameRoot seals under one and opens under the other.
func sameRoot(t *testing.T, a, b gdpr.Root) {
	t.Helper()
	dir := t.TempDir()
	if _, err := gdpr.OpenIntakeKeys(ctx, dir, []gdpr.Root{a}); err != nil {
		t.Fatal(err)
	}
	if err := gdpr.CheckIntakeKeys(dir, []gdpr.Root{b}); err != nil {
		t.Errorf("the roots differ: %v", err)
	}
}

func TestFileRoots(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	store := roots(dir)
	if _, err := store.Load(ctx); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("Load of nothing: %v", err)
	}
	created := createRoot(t, dir)
	loaded, err := store.Load(ctx)
	if err != nil || len(loaded) != 1 || loaded[0].Generation != 1 {
		t.Fatalf("%v, %v", loaded, err)
	}
	sameRoot(t, created, loaded[0])
	if _, err := store.Create(ctx, 1); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("second Create: %v", err)
	}
	again, err := store.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sameRoot(t, created, again[0])
	mode(t, filepath.Join(dir, "forget"), 0o700)
	mode(t, filepath.Join(dir, "keep"), 0o700)
	mode(t, filepath.Join(dir, "forget", "root.1"), 0o600)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := store.Load(ended); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("ended context: %v", err)
	}
	if _, err := store.Create(ended, 1); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("ended context: %v", err)
	}
	if _, err := store.Destroy(ended, 1); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("ended context: %v", err)
	}
	if _, err := store.Lock(ended); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("ended context: %v", err)
	}
}

// TestGenerations goes through a forget cycle: both roots load, the older one dies once, and no generation comes again.
func TestGenerations(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	store := roots(dir)
	first := createRoot(t, dir)
	if _, err := store.Destroy(ctx, 1); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("destroying the only root: %v", err)
	}
	if _, err := store.Create(ctx, 0); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("generation 0: %v", err)
	}
	var last gdpr.Root
	for generation := 2; generation <= 10; generation += 8 { // names that sort in another order than numbers
		var err error
		if last, err = store.Create(ctx, generation); err != nil {
			t.Fatal(err)
		}
	}
	list, err := store.Load(ctx)
	if err != nil || len(list) != 3 || list[0].Generation != 1 || list[2].Generation != 10 {
		t.Fatalf("%v, %v", list, err)
	}
	sameRoot(t, first, list[0])
	sameRoot(t, last, list[2])
	for _, generation := range []int{1, 9, 10} {
		if _, err := store.Create(ctx, generation); hub.KindOf(err) != hub.KindConflict {
			t.Errorf("creating generation %d below or at 10: %v", generation, err)
		}
	}
	for range 2 {
		receipt, err := store.Destroy(ctx, 1)
		if err != nil || receipt.Generation != 1 || !receipt.GoneAt.Equal(clock()) || !receipt.SameVolume || receipt.Method == "" {
			t.Fatalf("%+v, %v", receipt, err)
		}
	}
	if list, err = store.Load(ctx); err != nil || len(list) != 2 || list[0].Generation != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	if receipt, err := gdpr.OpenFileRoots(dir, clock, "").Destroy(ctx, 2); err != nil || receipt.SameVolume {
		t.Errorf("with the vault on a server: %+v, %v", receipt, err)
	}
	if _, err := roots(t.TempDir()).Destroy(ctx, 1); err == nil {
		t.Error("a folder whose disk is not mounted looks like one whose root is gone")
	}
}

func TestRootLock(t *testing.T) {
	dir := t.TempDir()
	createRoot(t, dir)
	unlock, err := roots(dir).Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := roots(dir).Lock(ctx); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("a second cycle: %v", err)
	}
	if _, err := roots(dir).Load(ctx); err != nil {
		t.Errorf("reading beside a cycle: %v", err)
	}
	unlock()
	unlock, err = roots(dir).Lock(ctx)
	if err != nil {
		t.Fatalf("after the first: %v", err)
	}
	unlock()
}

func TestFileRootsRefuses(t *testing.T) {
	dir := t.TempDir()
	createRoot(t, dir)
	store := roots(dir)
	folder := filepath.Join(dir, "forget")
	name := filepath.Join(folder, "root.1")
	whole := read(t, name)
	expect := func(what string, kind hub.Kind) {
		t.Helper()
		if _, err := store.Load(ctx); hub.KindOf(err) != kind || strings.Contains(err.Error(), string(whole[12:44])) {
			t.Errorf("%s: %v, want %v", what, err, kind)
		}
	}
	for _, m := range []os.FileMode{0o640, 0o604, 0o610, 0o601, 0o660, 0o777} {
		chmod(t, name, m)
		expect(fmt.Sprintf("file mode %o", m), hub.KindForbidden)
	}
	chmod(t, name, 0o600)
	for _, m := range []os.FileMode{0o750, 0o705, 0o770} {
		chmod(t, folder, m)
		expect(fmt.Sprintf("folder mode %o", m), hub.KindForbidden)
	}
	chmod(t, folder, 0o700)
	for at := range whole {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 1
		write(t, name, damaged)
		expect(fmt.Sprintf("bit of byte %d", at), hub.KindPermanent)
		write(t, name, whole[:at])
		expect(fmt.Sprintf("%d bytes", at), hub.KindPermanent)
	}
	write(t, name, append(bytes.Clone(whole), '\n'))
	expect("one byte more", hub.KindPermanent)
	write(t, name, whole)

	for _, other := range []string{"root.2", "root.01", "root.1.bak", "root.", "root.0", "root.-1", "root.+1"} {
		write(t, filepath.Join(folder, other), whole)
		expect("beside "+other, hub.KindPermanent)
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		expect(other+" alone, with the content of root.1", hub.KindPermanent)
		if _, err := store.Create(ctx, 1); err == nil {
			t.Errorf("Create beside %s", other)
		}
		write(t, name, whole)
		if err := os.Remove(filepath.Join(folder, other)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Load(ctx); err != nil {
		t.Errorf("after all repairs: %v", err)
	}
}

// TestCreateRace lets several hubs create the root of one folder at once: at most one makes it, and all that have one
// have the same.
func TestCreateRace(t *testing.T) {
	const hubs, rounds = 6, 15
	made := 0
	for range rounds {
		dir := t.TempDir()
		var winner [hubs]*gdpr.Root
		var wg sync.WaitGroup
		for i := range hubs {
			wg.Go(func() {
				r, err := roots(dir).Create(ctx, 1)
				if err == nil {
					winner[i] = &r
				} else if hub.KindOf(err) != hub.KindConflict {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		loaded, err := roots(dir).Load(ctx)
		winners := 0
		for _, r := range winner {
			if r != nil {
				winners++
				sameRoot(t, *r, loaded[0])
			}
		}
		if winners > 1 || (winners == 1) != (err == nil) {
			t.Fatalf("%d winners, then Load: %v", winners, err)
		}
		made += winners
	}
	t.Logf("%d rounds of %d hubs: %d had a winner, none had two", rounds, hubs, made)
}

// TestNoKeyIsPrinted formats everything that holds a key with every verb that a log might use.
func TestNoKeyIsPrinted(t *testing.T) {
	var key [32]byte
	copy(key[:], "0123456789abcdefghijklmnopqrstuv")
	r := gdpr.NewRoot(1, key)
	k := gdpr.NewKeys(rootsOf(r), newVault(), ids, clock, gdpr.Options{})
	holders := map[string]any{
		"root generation 1": r, "seal": sealFor(t, k, holder(customer("1"))), "vault keys": k,
		"tenant keys": tenantKeys(t, k, "ten_a"), "intake keys": openIntake(t, t.TempDir()), "intake key": openIntake(t, t.TempDir()).Use(),
	}
	for want, v := range holders {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			if got := fmt.Sprintf(verb, v); got != want {
				t.Errorf("%s prints %q, want %q", verb, got, want)
			}
		}
	}
	type wrapper struct{ root gdpr.Root } // fmt does not call methods of unexported fields
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%d"} {
		if text := fmt.Sprintf(verb, wrapper{r}); strings.Contains(text, "48 49 50") || strings.Contains(text, "3031323334353637") || strings.Contains(text, "0x30, 0x31, 0x32") {
			t.Errorf("%s inside of another struct prints %s", verb, text)
		}
	}
}
