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

func createRoot(t *testing.T, dir string) gdpr.Root {
	t.Helper()
	r, err := gdpr.OpenFileRoots(dir).Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sameRoot seals under one and opens under the other.
func sameRoot(t *testing.T, a, b gdpr.Root) {
	t.Helper()
	v := newVault()
	e := sealed(t, sealFor(t, gdpr.NewKeys(a, v, ids, clock, gdpr.Options{}), holder(customer("1"))), place, canary)
	if got, err := gdpr.NewKeys(b, v, ids, clock, gdpr.Options{}).Open(ctx, place, e); err != nil || string(got) != canary {
		t.Errorf("the roots differ: %v", err)
	}
}

func TestFileRoots(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	store := gdpr.OpenFileRoots(dir)
	if _, err := store.Load(ctx); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("Load of nothing: %v", err)
	}
	created := createRoot(t, dir)
	loaded, err := store.Load(ctx)
	if err != nil || loaded.Generation != 1 {
		t.Fatalf("%v, %v", loaded.Generation, err)
	}
	sameRoot(t, created, loaded)
	if _, err := store.Create(ctx); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("second Create: %v", err)
	}
	again, err := store.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sameRoot(t, created, again)
	mode(t, filepath.Join(dir, "forget"), 0o700)
	mode(t, filepath.Join(dir, "keep"), 0o700)
	mode(t, filepath.Join(dir, "forget", "root.1"), 0o600)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := store.Load(ended); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("ended context: %v", err)
	}
	if _, err := store.Create(ended); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("ended context: %v", err)
	}
}

func TestFileRootsRefuses(t *testing.T) {
	dir := t.TempDir()
	createRoot(t, dir)
	store := gdpr.OpenFileRoots(dir)
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

	for _, other := range []string{"root.2", "root.01", "root.1.bak"} {
		write(t, filepath.Join(folder, other), whole)
		expect("beside "+other, hub.KindConflict)
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		expect(other+" alone, with the content of root.1", hub.KindPermanent)
		if _, err := store.Create(ctx); hub.KindOf(err) != hub.KindConflict {
			t.Errorf("Create beside %s: %v", other, err)
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
		var roots [hubs]*gdpr.Root
		var wg sync.WaitGroup
		for i := range hubs {
			wg.Go(func() {
				r, err := gdpr.OpenFileRoots(dir).Create(ctx)
				if err == nil {
					roots[i] = &r
				} else if hub.KindOf(err) != hub.KindConflict {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		loaded, err := gdpr.OpenFileRoots(dir).Load(ctx)
		winners := 0
		for _, r := range roots {
			if r != nil {
				winners++
				sameRoot(t, *r, loaded)
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
	k := gdpr.NewKeys(r, newVault(), ids, clock, gdpr.Options{})
	holders := map[string]any{
		"root generation 1": r, "seal": sealFor(t, k, holder(customer("1"))), "vault keys": k,
		"tenant keys": tenantKeys(t, k, "ten_a"), "intake key": openIntake(t, t.TempDir()),
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
