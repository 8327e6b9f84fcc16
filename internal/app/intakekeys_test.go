package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/internal/config"
	"hub/internal/wal"
)

// numbers is a log that says what it is told.
type numbers struct{ assigned, consumed atomic.Uint64 }

func (n *numbers) Assigned() wal.Index { return wal.Index(n.assigned.Load()) }
func (n *numbers) Consumed() wal.Index { return wal.Index(n.consumed.Load()) }

var testRoots = []gdpr.Root{gdpr.NewRoot(1, [32]byte{1}), gdpr.NewRoot(2, [32]byte{2})}

// tended opens the keys of a folder, in a new process.
func tended(t *testing.T, dir string, roots ...gdpr.Root) (*intakeKeys, *numbers) {
	t.Helper()
	keys, err := gdpr.OpenIntakeKeys(t.Context(), dir, roots)
	if err != nil {
		t.Fatal(err)
	}
	log := &numbers{}
	k := &intakeKeys{IntakeKeys: keys, folder: dir, logger: slog.New(slog.DiscardHandler)}
	k.follow(log)
	return k, log
}

func holds(t *testing.T, c *sealedCopy, want string) {
	t.Helper()
	if got, err := c.Load(); err != nil || string(got) != want {
		t.Fatalf("the copy holds %q, %v; want %q", got, err, want)
	}
}

// size tells how many keys the file holds.
func size(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "intake.key"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestCopiesFollowTheKeys: a copy is sealed again before the key that it was sealed under dies, in every process; when that
// fails, no key dies.
func TestCopiesFollowTheKeys(t *testing.T) {
	dir := t.TempDir()
	k, _ := tended(t, dir, testRoots[0])
	one := size(t, dir)
	c := k.copy("directory.sealed")
	if _, err := c.Load(); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("no copy: %v", err)
	}
	if err := c.Save([]byte("who may come in")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := k.tend(t.Context()); err != nil || size(t, dir) != one {
			t.Fatalf("%d bytes of keys, %v", size(t, dir), err)
		}
		holds(t, c, "who may come in")
		k, _ = tended(t, dir, testRoots[0])
		c = k.copy("directory.sealed")
		holds(t, c, "who may come in")
	}
	obstacle := filepath.Join(dir, "directory.sealed.next", "x")
	if err := os.MkdirAll(obstacle, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := k.tend(t.Context()); err == nil || size(t, dir) == one {
		t.Fatalf("the copy cannot be saved, and its key died: %v", err)
	}
	again, _ := tended(t, dir, testRoots[0])
	holds(t, again.copy("directory.sealed"), "who may come in")
	if err := os.RemoveAll(filepath.Dir(obstacle)); err != nil {
		t.Fatal(err)
	}
	if err := k.tend(t.Context()); err != nil || size(t, dir) != one {
		t.Errorf("%d bytes of keys, %v", size(t, dir), err)
	}
}

// TestMoveTakesEverything: the move to another root waits for the drain, and takes the copies along.
func TestMoveTakesEverything(t *testing.T) {
	dir := t.TempDir()
	k, log := tended(t, dir, testRoots[0])
	c := k.copy("shards.sealed")
	if err := c.Save([]byte("map")); err != nil {
		t.Fatal(err)
	}
	log.assigned.Store(3)
	for _, drained := range []uint64{0, 2, 3} {
		log.consumed.Store(drained)
		moved, err := k.moveTo(t.Context(), testRoots[1])
		if err != nil || moved != (drained == 3) {
			t.Fatalf("drained up to %d of 3: moved %v, %v", drained, moved, err)
		}
	}
	next, _ := tended(t, dir, testRoots[1])
	holds(t, next.copy("shards.sealed"), "map")
}

// TestCopiesAmongRotations saves, rotates and drops at once: what was saved last is there, for the next process, too.
func TestCopiesAmongRotations(t *testing.T) {
	dir := t.TempDir()
	k, _ := tended(t, dir, testRoots[0])
	c := k.copy("directory.sealed")
	if err := c.Save([]byte("-1")); err != nil {
		t.Fatal(err)
	}
	const saves = 20
	var all sync.WaitGroup
	var stop atomic.Bool
	all.Go(func() {
		defer stop.Store(true)
		for i := range saves {
			if err := c.Save(fmt.Append(nil, i)); err != nil {
				t.Error(err)
			}
		}
	})
	rotations := 0
	for ; !stop.Load() || rotations < 5; rotations++ {
		if err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := k.tend(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Load(); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
	holds(t, c, fmt.Sprint(saves-1))
	next, _ := tended(t, dir, testRoots[0])
	holds(t, next.copy("directory.sealed"), fmt.Sprint(saves-1))
	t.Logf("%d saves, %d rotations, 0 lost", saves, rotations)
}

// TestRootDestroyedWhileStopped: a hub that was stopped with an empty log starts with new keys; one whose log holds
// something says what is lost and changes nothing.
func TestRootDestroyedWhileStopped(t *testing.T) {
	for _, records := range []int{0, 1} {
		h := &Hub{
			cfg: config.Config{Data: t.TempDir(), Store: config.Store{Kind: config.SQLite, Shards: 1}},
			o:   Options{LogSegment: 1 << 20}.withDefaults(), ids: NewIDs(),
		}
		h.cfg.Keys = h.cfg.Data
		if err := h.openKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		c := h.intake.copy("directory.sealed")
		if err := c.Save([]byte("x")); err != nil {
			t.Fatal(err)
		}
		fill(t, h.path("wal"), records)
		if _, err := h.roots.Create(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		if err := h.openKeys(t.Context()); err != nil || h.intake.Generation() != 1 {
			t.Fatalf("in the middle of a cycle: %v", err)
		}
		if _, err := h.roots.Destroy(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		before := size(t, h.path("intake"))
		err := h.openKeys(t.Context())
		if records > 0 {
			if hub.KindOf(err) != hub.KindPermanent || size(t, h.path("intake")) != before {
				t.Errorf("with a delivery in the log: %v", err)
			}
			continue
		}
		if err != nil || h.intake.Generation() != 2 {
			t.Fatalf("with an empty log: %v", err)
		}
		if _, err := h.intake.copy("directory.sealed").Load(); hub.KindOf(err) != hub.KindNotFound {
			t.Errorf("a copy that nothing opens is not the same as none: %v", err)
		}
	}
}

// fill makes a log with one drained record and some that are not.
func fill(t *testing.T, dir string, undrained int) {
	t.Helper()
	l, err := wal.Open(dir, wal.Options{Now: time.Now, SegmentBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for range 1 + undrained {
		if _, err := l.Append(context.Background(), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	c, err := l.Cursor("shard-s1")
	if err == nil {
		err = c.Advance(1)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
