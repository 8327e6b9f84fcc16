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

func openIntake(t testing.TB, dir string) *gdpr.IntakeKeys {
	t.Helper()
	return openIntakeUnder(t, dir, root)
}

func openIntakeUnder(t testing.TB, dir string, r gdpr.Root) *gdpr.IntakeKeys {
	t.Helper()
	k, err := gdpr.OpenIntakeKeys(ctx, dir, []gdpr.Root{r})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestIntakeRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "intake")
	b, err := openIntake(t, dir).Use().Seal(nil, walPlace, []byte(canary))
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
	if _, err := again.Use().Seal(nil, gdpr.Place{Table: "wal"}, nil); hub.KindOf(err) != hub.KindInvalid {
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
	record, err := intake.Use().Seal(nil, place, []byte(canary))
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

	for _, other := range []gdpr.Root{gdpr.NewRoot(1, [32]byte{9, 2, 3}), gdpr.NewRoot(2, [32]byte{1, 2, 3})} {
		for _, beside := range [][]gdpr.Root{{other}, {gdpr.NewRoot(1, [32]byte{7}), other}} {
			_, err := gdpr.OpenIntakeKeys(ctx, dir, beside)
			if code := hub.CodeOf(err); code != gdpr.CodeRootMismatch && code != gdpr.CodeRootGone || hub.Parkable(err) {
				t.Errorf("wrong root: %v", err)
			}
		}
	}
	if _, err := gdpr.OpenIntakeKeys(ctx, dir, nil); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("no root: %v", err)
	}
	for at := range whole {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 0x10
		for _, b := range [][]byte{damaged, whole[:at]} {
			write(t, name, b)
			if _, err := gdpr.OpenIntakeKeys(ctx, dir, []gdpr.Root{root}); hub.KindOf(err) != hub.KindPermanent || hub.CodeOf(err) != hub.CodeUnreadable {
				t.Fatalf("damage at byte %d: %v", at, err)
			}
			if at >= 36 && len(b) == len(whole) {
				continue // what lies behind the header shows its damage to the right root only
			}
			if _, err := gdpr.ReplaceIntakeKeys(ctx, dir, []gdpr.Root{gdpr.NewRoot(9, [32]byte{9})}); err == nil {
				t.Fatalf("damage at byte %d looks like a root that is gone", at)
			}
			if !bytes.Equal(read(t, name), b) {
				t.Fatal("a damaged file was replaced")
			}
		}
	}
	for what, b := range map[string][]byte{
		"one byte more": append(bytes.Clone(whole), 0), "one key more": append(bytes.Clone(whole), make([]byte, 48)...),
		"of the first version": append([]byte("hubintk\x01"), make([]byte, 104)...), "huge": make([]byte, 1<<20),
	} {
		write(t, name, b)
		if _, err := gdpr.OpenIntakeKeys(ctx, dir, []gdpr.Root{root}); hub.KindOf(err) != hub.KindPermanent {
			t.Errorf("%s: %v", what, err)
		}
	}
	write(t, name, whole)
	for _, m := range []os.FileMode{0o640, 0o604, 0o610} {
		chmod(t, name, m)
		if _, err := gdpr.OpenIntakeKeys(ctx, dir, []gdpr.Root{root}); hub.KindOf(err) != hub.KindForbidden {
			t.Errorf("mode %o: %v", m, err)
		}
	}
	chmod(t, name, 0o400)
	openIntake(t, dir)
	mode(t, name, 0o600)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := gdpr.OpenIntakeKeys(ended, dir, []gdpr.Root{root}); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("ended context: %v", err)
	}
}

// TestCheckChangesNothing: a doctor may look while the hub runs.
func TestCheckChangesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "intake")
	if err := gdpr.CheckIntakeKeys(dir, []gdpr.Root{root}); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("no file: %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("it made the folder")
	}
	openIntake(t, dir)
	before := read(t, filepath.Join(dir, "intake.key"))
	if err := gdpr.CheckIntakeKeys(dir, []gdpr.Root{root}); err != nil {
		t.Error(err)
	}
	if err := gdpr.CheckIntakeKeys(dir, []gdpr.Root{gdpr.NewRoot(1, [32]byte{9})}); hub.CodeOf(err) != gdpr.CodeRootMismatch {
		t.Errorf("another root: %v", err)
	}
	if !bytes.Equal(before, read(t, filepath.Join(dir, "intake.key"))) {
		t.Error("it changed the file")
	}
}

// TestKeysFollowEachOther: a record opens until its key is dropped, which waits for leases and for the drain, and then never
// again, whatever copy of it is left.
func TestKeysFollowEachOther(t *testing.T) {
	dir := t.TempDir()
	k := openIntake(t, dir)
	lease := k.Use()
	record, err := lease.Seal(nil, walPlace, []byte(canary))
	if err != nil || k.Sealed() != int64(len(record)) {
		t.Fatalf("%d bytes counted, %v", k.Sealed(), err)
	}
	if err := k.Rotate(ctx); err != nil || k.Sealed() != 0 {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what               string
		assigned, consumed uint64
		left               int
		done               bool
	}{
		{"the lease holds it", 0, 100, 2, false},
		{"the drain is not there", 7, 6, 2, true},
		{"its last index was 7, whatever came later", 9, 6, 2, false},
		{"drained", 9, 7, 1, false},
		{"there is nothing more to drop", 9, 9, 1, false},
	} {
		if c.done {
			lease.Done()
		}
		if got, err := k.Open(walPlace, record); err != nil || string(got) != canary {
			if c.assigned < 9 || c.consumed < 7 {
				t.Errorf("%s: it does not open: %v", c.what, err)
			}
		}
		left, err := k.Drop(ctx, func() uint64 { return c.assigned }, c.consumed)
		if err != nil || left != c.left {
			t.Errorf("%s: %d keys left, %v", c.what, left, err)
		}
	}
	got, err := k.Open(walPlace, record)
	gone(t, walPlace, got, err)
	got, err = openIntake(t, dir).Open(walPlace, record)
	gone(t, walPlace, got, err)
}

// TestMoveToAnotherRoot: the file goes to the next root once nothing is left that the old root can open, and an old copy of
// it then opens with nothing.
func TestMoveToAnotherRoot(t *testing.T) {
	dir := t.TempDir()
	k := openIntake(t, dir)
	next := gdpr.NewRoot(2, [32]byte{4, 5, 6})
	lease := k.Use()
	record, err := lease.Seal(nil, walPlace, []byte(canary))
	if err != nil {
		t.Fatal(err)
	}
	drained := uint64(0)
	moves := func(want bool) {
		t.Helper()
		if _, err := k.Drop(ctx, func() uint64 { return 5 }, drained); err != nil {
			t.Fatal(err)
		}
		if moved, err := k.Move(ctx, next); err != nil || moved != want {
			t.Fatalf("moved %v, %v; want %v", moved, err, want)
		}
		if want != (k.Generation() == 2) {
			t.Fatalf("generation %d", k.Generation())
		}
	}
	moves(false)
	moves(false)
	lease.Done()
	moves(false)
	if err := k.Rotate(ctx); err != nil { // under load, keys come that are as good as the one of the move
		t.Fatal(err)
	}
	if got, err := k.Open(walPlace, record); err != nil || string(got) != canary {
		t.Fatal(err)
	}
	// It has seen the new root: an old copy of HUB_KEYS is told from a root store that no cycle has touched.
	if _, err := gdpr.OpenIntakeKeys(ctx, dir, []gdpr.Root{root}); hub.CodeOf(err) != gdpr.CodeRootMismatch {
		t.Errorf("an old copy of the root store: %v", err)
	}
	drained = 5
	stolen := read(t, filepath.Join(dir, "intake.key"))
	moves(true)
	moves(true)
	if got, err := k.Open(walPlace, record); err == nil {
		t.Errorf("it opens after the move: %q", got)
	}
	if err := gdpr.CheckIntakeKeys(dir, []gdpr.Root{next}); err != nil {
		t.Error(err)
	}
	write(t, filepath.Join(dir, "intake.key"), stolen)
	if _, err := gdpr.OpenIntakeKeys(ctx, dir, []gdpr.Root{next}); hub.CodeOf(err) != gdpr.CodeRootGone {
		t.Errorf("a copy of the file from before: %v", err)
	}
}

// TestReplaceIntakeKeys is for a hub that was stopped while its root died, and for nothing else.
func TestReplaceIntakeKeys(t *testing.T) {
	dir := t.TempDir()
	record, err := openIntake(t, dir).Use().Seal(nil, walPlace, []byte(canary))
	if err != nil {
		t.Fatal(err)
	}
	third := gdpr.NewRoot(3, [32]byte{7})
	later := []gdpr.Root{third, gdpr.NewRoot(4, [32]byte{8})}
	k, err := gdpr.ReplaceIntakeKeys(ctx, dir, later)
	if err != nil || k.Generation() != 4 {
		t.Fatal(err)
	}
	got, err := k.Open(walPlace, record)
	gone(t, walPlace, got, err)
	// Now it is a sound file, which replacing leaves alone, and an old copy of the root store is refused.
	if record, err = k.Use().Seal(nil, walPlace, []byte(canary)); err != nil {
		t.Fatal(err)
	}
	if _, err := gdpr.ReplaceIntakeKeys(ctx, dir, []gdpr.Root{third}); hub.CodeOf(err) != gdpr.CodeRootMismatch {
		t.Errorf("an old copy of the root store: %v", err)
	}
	if k, err = gdpr.ReplaceIntakeKeys(ctx, dir, later); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Open(walPlace, record); err != nil || string(got) != canary {
		t.Errorf("a sound file was replaced: %v", err)
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
