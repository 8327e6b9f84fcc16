package gdpr_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"hub"
	"hub/gdpr"
)

var walPlace = gdpr.Place{Table: "wal", Row: "con_1", Class: hub.P1}

func openIntake(t testing.TB, dir string) *gdpr.IntakeKey {
	t.Helper()
	k, err := gdpr.OpenIntakeKey(ctx, dir, root)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestIntakeRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "intake")
	b, err := openIntake(t, dir).Seal(nil, walPlace, []byte(canary))
	if err != nil || bytes.Contains(b, []byte(canary)) {
		t.Fatal(err)
	}
	again := openIntake(t, dir) // the next process
	if got, err := again.Open(walPlace, b); err != nil || string(got) != canary {
		t.Fatalf("%q, %v", got, err)
	}
	for name, p := range map[string]gdpr.Place{
		"tenant":  {Tenant: "ten_a", Table: "wal", Row: "con_1", Class: hub.P1},
		"table":   {Table: "directory", Row: "con_1", Class: hub.P1},
		"row":     {Table: "wal", Row: "con_2", Class: hub.P1},
		"class":   {Table: "wal", Row: "con_1", Class: hub.P2},
		"version": {Table: "wal", Row: "con_1", Class: hub.P1, Version: 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := again.Open(p, b)
			unreadable(t, p, got, err)
		})
	}
	for at := range b {
		for bit := range 8 {
			damaged := bytes.Clone(b)
			damaged[at] ^= 1 << bit
			got, err := again.Open(walPlace, damaged)
			unreadable(t, walPlace, got, err)
		}
		got, err := again.Open(walPlace, b[:at])
		unreadable(t, walPlace, got, err)
	}
	got, err := openIntake(t, t.TempDir()).Open(walPlace, b)
	gone(t, walPlace, got, err)
	if _, err := again.Seal(nil, gdpr.Place{Table: "wal"}, nil); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("incomplete place: %v", err)
	}
}

// TestFormatsAreApart: what one door sealed does not open at another, even at the same place.
func TestFormatsAreApart(t *testing.T) {
	k := keysOver(newVault())
	owner := gdpr.CredentialOwner{App: "app_1"}
	personal := sealed(t, sealFor(t, k, holder(customer("1"))), place, canary)
	credential, err := k.SealCredential(ctx, owner, place, []byte(canary))
	if err != nil {
		t.Fatal(err)
	}
	intake := openIntake(t, t.TempDir())
	record, err := intake.Seal(nil, place, []byte(canary))
	if err != nil {
		t.Fatal(err)
	}
	doors := []func([]byte) ([]byte, error){
		func(b []byte) ([]byte, error) { return k.Open(ctx, place, b) },
		func(b []byte) ([]byte, error) { return k.OpenCredential(ctx, place, b) },
		func(b []byte) ([]byte, error) { return intake.Open(place, b) },
	}
	for sealedBy, b := range [][]byte{personal, credential, record} {
		for openedBy, open := range doors {
			got, err := open(b)
			if sealedBy != openedBy {
				unreadable(t, place, got, err)
			} else if err != nil || string(got) != canary {
				t.Errorf("door %d: %q, %v", openedBy, got, err)
			}
		}
	}
}

func TestIntakeKeyFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "intake")
	openIntake(t, dir)
	name := filepath.Join(dir, "intake.key")
	whole := read(t, name)
	mode(t, dir, 0o700)
	mode(t, name, 0o600)

	for generation, key := range map[int]byte{1: 9, 2: 1} {
		_, err := gdpr.OpenIntakeKey(ctx, dir, gdpr.NewRoot(generation, [32]byte{key, 2, 3}))
		if hub.CodeOf(err) != gdpr.CodeRootMismatch || hub.Parkable(err) {
			t.Errorf("wrong root: %v", err)
		}
	}
	for at := range whole {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 0x10
		for _, b := range [][]byte{damaged, whole[:at]} {
			write(t, name, b)
			if _, err := gdpr.OpenIntakeKey(ctx, dir, root); hub.KindOf(err) != hub.KindPermanent {
				t.Fatalf("damage at byte %d: %v", at, err)
			}
			if !bytes.Equal(read(t, name), b) {
				t.Fatal("a damaged key was replaced")
			}
		}
	}
	write(t, name, append(bytes.Clone(whole), 0))
	if _, err := gdpr.OpenIntakeKey(ctx, dir, root); hub.KindOf(err) != hub.KindPermanent {
		t.Errorf("one byte more: %v", err)
	}
	write(t, name, whole)
	for _, m := range []os.FileMode{0o640, 0o604, 0o610} {
		chmod(t, name, m)
		if _, err := gdpr.OpenIntakeKey(ctx, dir, root); hub.KindOf(err) != hub.KindForbidden {
			t.Errorf("mode %o: %v", m, err)
		}
	}
	chmod(t, name, 0o400)
	openIntake(t, dir)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := gdpr.OpenIntakeKey(ended, dir, root); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("ended context: %v", err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, name string, m os.FileMode) {
	t.Helper()
	if err := os.Chmod(name, m); err != nil {
		t.Fatal(err)
	}
}

func mode(t *testing.T, name string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != want {
		t.Errorf("%s has mode %v, %v; want %v", name, info.Mode().Perm(), err, want)
	}
}
