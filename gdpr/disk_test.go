package gdpr

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hub"
)

// crashDisk is the real disk until a step crashes; from then on nothing works, as for a process that was killed. With
// late, the fatal step is carried out and then reported as failed; with half, a file is written in part; with once, only
// that step fails and the process goes on. In powerCut vanish the names that no SyncDir has put on the disk, and the
// content that no Sync has.
type crashDisk struct {
	osDisk
	left             int // steps until the crash; negative: never
	late, half, once bool
	loose            []string // names that a power cut takes
	blank            []string // files whose content a power cut takes
}

const dead = -2

var errCrash = errors.New("crashed")

func (d *crashDisk) step(do func() error) error {
	if d.left == 0 {
		if d.left = -1; !d.once {
			d.left = dead
		}
		if d.late {
			return errors.Join(do(), errCrash)
		}
		return errCrash
	}
	if d.left == dead {
		return errCrash
	}
	if d.left > 0 {
		d.left--
	}
	return do()
}

func (d *crashDisk) Mkdir(dir string) error {
	return d.step(func() error {
		for p := dir; ; p = filepath.Dir(p) {
			if _, err := os.Stat(p); err == nil {
				break
			}
			d.loose = append(d.loose, p)
		}
		return d.osDisk.Mkdir(dir)
	})
}

func (d *crashDisk) Create(name string) (f file, err error) {
	err = d.step(func() error {
		d.loose, d.blank = append(d.loose, name), append(d.blank, name)
		f, err = d.osDisk.Create(name)
		return err
	})
	return crashFile{f, d}, err
}

type crashFile struct {
	file
	d *crashDisk
}

func (f crashFile) Write(b []byte) (n int, err error) {
	if f.d.left == 0 && f.d.half {
		b, f.d.late = b[:len(b)/2], true
	}
	return n, f.d.step(func() error { n, err = f.file.Write(b); return err })
}

func (f crashFile) Sync() error {
	return f.d.step(func() error { f.d.blank = nil; return f.file.Sync() })
}

func (d *crashDisk) Link(from, to string) error {
	return d.step(func() error {
		d.loose = append(d.loose, to)
		if slices.Contains(d.blank, from) {
			d.blank = append(d.blank, to)
		}
		return d.osDisk.Link(from, to)
	})
}

func (d *crashDisk) Remove(name string) error {
	return d.step(func() error { return d.osDisk.Remove(name) })
}

func (d *crashDisk) SyncDir(dir string) error {
	return d.step(func() error {
		var still []string
		for _, name := range d.loose {
			if filepath.Dir(name) != filepath.Clean(dir) {
				still = append(still, name)
			}
		}
		d.loose = still
		return d.osDisk.SyncDir(dir)
	})
}

func (d *crashDisk) powerCut(t *testing.T) {
	for _, name := range d.blank {
		if err := os.Truncate(name, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	for _, name := range d.loose {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
}

// histories runs f with a crash at each step, in each way, with and without a power cut after it, until f survives.
func histories(t *testing.T, f func(t *testing.T, d *crashDisk, cut bool) (survived bool)) {
	runs := 0
	for _, way := range []crashDisk{{}, {late: true}, {half: true}, {once: true}, {once: true, late: true}, {once: true, half: true}} {
		for _, cut := range []bool{false, true} {
			for step := 0; ; step++ {
				d := way
				d.left = step
				runs++
				if f(t, &d, cut) {
					if step < 6 {
						t.Fatalf("only %d steps: the faults do not reach what they should", step)
					}
					break
				}
			}
		}
	}
	t.Logf("%d histories", runs)
}

func noTemp(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), tempMark) {
			t.Fatalf("a second copy of a key is left: %s", e.Name())
		}
	}
}

// TestRootSurvivesCrashes: after a crash anywhere in Create there is no root or a whole one, never a half one; what
// Create or Load returned is still there after a power cut; and no copy of a key is left beside it.
func TestRootSurvivesCrashes(t *testing.T) {
	ctx := context.Background()
	histories(t, func(t *testing.T, d *crashDisk, cut bool) bool {
		dir := filepath.Join(t.TempDir(), "data", "keys")
		if err := os.Mkdir(filepath.Dir(dir), 0o700); err != nil {
			t.Fatal(err)
		}
		created, err := (&FileRoots{dir: dir, disk: d}).Create(ctx)
		survived := err == nil
		if cut {
			d.powerCut(t)
		}
		next := &crashDisk{left: -1, loose: d.loose, blank: d.blank}
		store := &FileRoots{dir: dir, disk: next}
		loaded, err := store.Load(ctx)
		if hub.KindOf(err) == hub.KindNotFound && err != nil {
			if survived {
				t.Fatalf("the root that Create returned is lost: %v", err)
			}
			if loaded, err = store.Create(ctx); err != nil {
				t.Fatalf("creating after a crash: %v", err)
			}
		} else if err != nil {
			t.Fatalf("loading after a crash: %v", err)
		}
		if survived && *created.key != *loaded.key {
			t.Fatal("another root")
		}
		noTemp(t, filepath.Join(dir, "forget"))
		next.powerCut(t)
		last, err := OpenFileRoots(dir).Load(ctx)
		if err != nil || *last.key != *loaded.key {
			t.Fatalf("what was returned did not survive a power cut: %v", err)
		}
		return survived
	})
}

// TestIntakeKeySurvivesCrashes is the same for the intake key.
func TestIntakeKeySurvivesCrashes(t *testing.T) {
	ctx, root := context.Background(), NewRoot(1, [32]byte{1})
	histories(t, func(t *testing.T, d *crashDisk, cut bool) bool {
		dir := filepath.Join(t.TempDir(), "intake")
		made, err := openIntakeKey(ctx, d, dir, root)
		survived := err == nil
		if cut {
			d.powerCut(t)
		}
		next := &crashDisk{left: -1, loose: d.loose, blank: d.blank}
		opened, err := openIntakeKey(ctx, next, dir, root)
		if err != nil {
			t.Fatalf("opening after a crash: %v", err)
		}
		if survived && (*made.secret != *opened.secret || made.id != opened.id) {
			t.Fatal("another key")
		}
		noTemp(t, dir)
		next.powerCut(t)
		last, err := OpenIntakeKey(ctx, dir, root)
		if err != nil || *last.secret != *opened.secret {
			t.Fatalf("what was returned did not survive a power cut: %v", err)
		}
		return survived
	})
}
