package gdpr

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
)

// crashDisk is the real disk until a step crashes; from then on nothing works, as for a process that was killed. With
// late, the fatal step is carried out and then reported as failed; with half, a file is written in part; with once, only
// that step fails and the process goes on. A power cut takes the changes of names that no SyncDir has put on the disk, or
// the content that no Sync has, or both.
type crashDisk struct {
	quickDisk
	left             int // steps until the crash; negative: never
	late, half, once bool
	cut              cut
	attic            string // keeps what a power cut may bring back
	names            []change
	contents         []change
}

// change is something that a power cut may undo.
type change struct {
	of   string // the folder of a name, the attic's link of a content
	undo func() error
}

type cut int

const (
	noCut cut = iota
	cutNames
	cutContents
	cutAll
)

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
			d.named(p, func() error { return os.RemoveAll(p) })
		}
		return d.quickDisk.Mkdir(dir)
	})
}

func (d *crashDisk) named(name string, undo func() error) {
	d.names = append(d.names, change{filepath.Dir(name), undo})
}

// keep gives a file a second name that no power cut takes.
func (d *crashDisk) keep(name string) string {
	link := filepath.Join(d.attic, rand.Text())
	if err := os.Link(name, link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		panic(err)
	}
	return link
}

// restore brings name back to what it was when it was kept.
func restore(link, name string) func() error {
	return func() error {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Link(link, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
}

func (d *crashDisk) Create(name string) (file, error) { return d.open(name, d.quickDisk.Create) }

func (d *crashDisk) Open(name string) (file, error) { return d.open(name, d.quickDisk.Open) }

func (d *crashDisk) open(name string, open func(string) (file, error)) (f file, err error) {
	link := ""
	err = d.step(func() error {
		before := d.keep(name)
		if f, err = open(name); err != nil {
			return err
		}
		d.named(name, restore(before, name))
		link = d.keep(name)
		old, err := os.ReadFile(link)
		d.contents = append(d.contents, change{link, func() error { return os.WriteFile(link, old, 0) }})
		return err
	})
	return crashFile{f, d, link}, err
}

type crashFile struct {
	file
	d    *crashDisk
	link string
}

func (f crashFile) Write(b []byte) (n int, err error) {
	if f.d.left == 0 && f.d.half {
		b, f.d.late = b[:len(b)/2], true
	}
	return n, f.d.step(func() error { n, err = f.file.Write(b); return err })
}

func (f crashFile) Sync() error {
	return f.d.step(func() error {
		f.d.contents = without(f.d.contents, f.link)
		return f.file.Sync()
	})
}

func without(list []change, of string) []change {
	return slices.DeleteFunc(slices.Clone(list), func(c change) bool { return c.of == of })
}

func (d *crashDisk) Link(from, to string) error {
	return d.step(func() error {
		d.named(to, func() error { return os.Remove(to) })
		return d.quickDisk.Link(from, to)
	})
}

func (d *crashDisk) Rename(from, to string) error {
	return d.step(func() error {
		d.named(to, restore(d.keep(to), to))
		d.named(from, restore(d.keep(from), from))
		return d.quickDisk.Rename(from, to)
	})
}

func (d *crashDisk) Remove(name string) error {
	return d.step(func() error {
		d.named(name, restore(d.keep(name), name))
		return d.quickDisk.Remove(name)
	})
}

func (d *crashDisk) SyncDir(dir string) error {
	return d.step(func() error {
		d.names = without(d.names, filepath.Clean(dir))
		return d.quickDisk.SyncDir(dir)
	})
}

// next is the disk of the process that comes after this one.
func (d *crashDisk) next() *crashDisk {
	return &crashDisk{left: -1, attic: d.attic, names: d.names, contents: d.contents}
}

func (d *crashDisk) powerCut(t *testing.T) {
	undo := func(list []change) {
		for _, c := range slices.Backward(list) {
			if err := c.undo(); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
	}
	if d.cut == cutAll || d.cut == cutContents {
		undo(d.contents)
	}
	if d.cut == cutAll || d.cut == cutNames {
		undo(d.names)
	}
	if d.cut != noCut {
		d.names, d.contents = nil, nil
	}
}

// histories runs f with a crash at each step, in each way, with each power cut after it, until f survives.
func histories(t *testing.T, f func(t *testing.T, d *crashDisk) (survived bool)) {
	runs := 0
	for _, way := range []crashDisk{{}, {late: true}, {half: true}, {once: true}, {once: true, late: true}, {once: true, half: true}} {
		for cut := noCut; cut <= cutAll; cut++ {
			for step := 0; ; step++ {
				d := way
				d.left, d.cut, d.attic = step, cut, t.TempDir()
				runs++
				if f(t, &d) {
					if step < 5 {
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

// quickDisk skips what makes files durable.
type quickDisk struct{ osDisk }

func (quickDisk) SyncDir(string) error { return nil }

func (d quickDisk) Create(name string) (file, error) {
	f, err := d.osDisk.Create(name)
	return quickFile{f}, err
}

type quickFile struct{ file }

func (quickFile) Sync() error { return nil }

// storeOn is a root store on a disk that fails.
func storeOn(dir string, d disk) *FileRoots {
	return &FileRoots{dir: dir, disk: d, clock: func() time.Time { return time.Unix(1_800_000_000, 0).UTC() }}
}

// TestRootSurvivesCrashes: after a crash anywhere in Create there is no root or a whole one, never a half one; what
// Create or Load returned is still there after a power cut; and no copy of a key is left beside it.
func TestRootSurvivesCrashes(t *testing.T) {
	ctx := context.Background()
	histories(t, func(t *testing.T, d *crashDisk) bool {
		dir := filepath.Join(t.TempDir(), "data", "keys")
		if err := os.Mkdir(filepath.Dir(dir), 0o700); err != nil {
			t.Fatal(err)
		}
		created, err := storeOn(dir, d).Create(ctx, 1)
		survived := err == nil
		d.powerCut(t)
		next := d.next()
		store := storeOn(dir, next)
		loaded, err := store.Load(ctx)
		if hub.KindOf(err) == hub.KindNotFound && err != nil {
			if survived {
				t.Fatalf("the root that Create returned is lost: %v", err)
			}
			root, err := store.Create(ctx, 1)
			if err != nil {
				t.Fatalf("creating after a crash: %v", err)
			}
			loaded = []Root{root}
		} else if err != nil {
			t.Fatalf("loading after a crash: %v", err)
		}
		if survived && *created.key != *loaded[0].key {
			t.Fatal("another root")
		}
		noTemp(t, filepath.Join(dir, "forget"))
		next.cut = cutAll
		next.powerCut(t)
		last, err := storeOn(dir, quickDisk{}).Load(ctx)
		if err != nil || len(last) != 1 || *last[0].key != *loaded[0].key {
			t.Fatalf("what was returned did not survive a power cut: %v", err)
		}
		return survived
	})
}

// TestDestroyedRootStaysGone: after a crash anywhere in Destroy the newer root loads, alone or beside a whole older one;
// once there is a receipt, no power cut brings the older one back, and no file in the folder holds a byte of its key.
func TestDestroyedRootStaysGone(t *testing.T) {
	ctx := context.Background()
	back := 0
	histories(t, func(t *testing.T, d *crashDisk) bool {
		dir := t.TempDir()
		if _, err := storeOn(dir, quickDisk{}).Create(ctx, 1); err != nil {
			t.Fatal(err)
		}
		second, err := storeOn(dir, quickDisk{}).Create(ctx, 2)
		if err != nil {
			t.Fatal(err)
		}
		old, err := os.ReadFile(filepath.Join(dir, "forget", "root.1"))
		if err != nil {
			t.Fatal(err)
		}
		secret := old[len(rootMagic)+4 : rootSize-4]
		temp := filepath.Join(dir, "forget", "root.1"+tempMark+"x") // of a Create that died
		if err := os.WriteFile(temp, old, 0o600); err != nil {
			t.Fatal(err)
		}
		// What the medium holds, whatever it is called.
		blocks := []string{d.keep(filepath.Join(dir, "forget", "root.1")), d.keep(temp)}
		_, err = storeOn(dir, d).Destroy(ctx, 1)
		survived := err == nil
		d.powerCut(t)
		next := d.next()
		store := storeOn(dir, next)
		if roots := newestIs(t, store, second); len(roots) == 2 {
			back++
			if survived || !bytes.Equal(roots[0].key[:], secret) {
				t.Fatal("the old root is there after its receipt, or is half there")
			}
		}
		receipt, err := store.Destroy(ctx, 1)
		if err != nil || receipt.Generation != 1 || receipt.GoneAt.IsZero() || receipt.Method == "" {
			t.Fatalf("destroying after a crash: %+v, %v", receipt, err)
		}
		next.cut = d.cut
		next.powerCut(t)
		if roots := newestIs(t, storeOn(dir, quickDisk{}), second); len(roots) != 1 {
			t.Fatal("the root came back after its receipt")
		}
		nowhere(t, filepath.Join(dir, "forget"), secret)
		if !survived {
			blocks = blocks[:1] // the other one was swept away
		}
		for _, name := range blocks {
			if b, err := os.ReadFile(name); err != nil || bytes.Contains(b, secret) {
				t.Fatalf("the blocks still hold the key: %v", err)
			}
		}
		return survived
	})
	if back == 0 {
		t.Error("no crash left the old root: they did not fall where they should")
	}
}

// newestIs loads the roots, of which the last must be this one.
func newestIs(t *testing.T, store *FileRoots, want Root) []Root {
	t.Helper()
	roots, err := store.Load(context.Background())
	if err != nil || *roots[len(roots)-1].key != *want.key {
		t.Fatalf("loading: %v", err)
	}
	return roots
}

func nowhere(t *testing.T, dir string, secret []byte) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || bytes.Contains(b, secret) || strings.HasPrefix(e.Name(), goneName) {
			t.Fatalf("%s is left: %v", e.Name(), err)
		}
	}
}

// TestLocksThatDoNotWork: a file system on which two can hold the lock is refused.
func TestLocksThatDoNotWork(t *testing.T) {
	dir := t.TempDir()
	if _, err := storeOn(dir, quickDisk{}).Create(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]disk{"everybody holds it": laxDisk{}, "there are none": lockless{}} {
		if _, err := storeOn(dir, d).Lock(context.Background()); hub.KindOf(err) != hub.KindPermanent || !strings.Contains(err.Error(), "HUB_KEYS") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type laxDisk struct{ quickDisk }

func (laxDisk) Lock(name string) (io.Closer, error) { return os.Create(name) }

type lockless struct{ quickDisk }

func (lockless) Lock(string) (io.Closer, error) { return nil, errors.ErrUnsupported }
