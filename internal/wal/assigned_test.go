package wal_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"hub/internal/wal"
	"hub/internal/wal/waltest"
)

// TestAssigned: an index counts from the moment it is given out, before anything is durable, and also for whoever gave up.
func TestAssigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := waltest.New(1)
		fs, shut, gate := gated(disk)
		l := open(t, logDir, small(fs))
		add(t, l, "one", "two")
		shut.Store(true)
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		if _, err := l.Append(ctx, []byte("three")); !errors.Is(err, wal.ErrOutcomeUnknown) {
			t.Fatal(err)
		}
		if l.Synced() != 2 || l.Assigned() != 3 {
			t.Errorf("synced %d, assigned %d", l.Synced(), l.Assigned())
		}
		shut.Store(false)
		gate <- struct{}{}
		synctest.Wait()
		l.Close()
		if again := open(t, logDir, small(disk)); again.Synced() != 3 || again.Assigned() != 3 {
			t.Errorf("after a restart: synced %d, assigned %d", again.Synced(), again.Assigned())
		}
	})
}

// TestAssignedAfterRefusal: what a full disk refused is given out again, unless a part of it is on the disk and could not be
// wiped off: then a crash may bring the record back, and it counts until it is wiped.
func TestAssignedAfterRefusal(t *testing.T) {
	for _, stuck := range []bool{false, true} {
		disk := waltest.New(1)
		l := open(t, logDir, small(disk))
		add(t, l, "one", "two")
		writes := 0
		disk.Plan(func(s waltest.Step) waltest.Fault {
			if s.Kind != waltest.Write {
				return waltest.None
			}
			writes++
			return pick(writes == 1 || stuck, waltest.NoSpace)
		})
		_, err := l.Append(background, make([]byte, 1000))
		want := wal.Index(2)
		if stuck {
			want = 3
		}
		if !errors.Is(err, wal.ErrFull) || errors.Is(err, wal.ErrOutcomeUnknown) != stuck || l.Assigned() != want {
			t.Errorf("remainder stays %v: assigned %d, want %d, %v", stuck, l.Assigned(), want, err)
		}
		if _, err := l.Append(background, []byte("three")); errors.Is(err, wal.ErrFull) != stuck || stuck && l.Assigned() != 3 {
			t.Errorf("the next one: %v, assigned %d", err, l.Assigned())
		}
		if stuck { // the remainder is wiped off, then the next one is refused and wiped off at once
			writes = 0
			disk.Plan(func(s waltest.Step) waltest.Fault {
				if s.Kind == waltest.Write {
					writes++
				}
				return pick(s.Kind == waltest.Write && writes == 2, waltest.NoSpace)
			})
			if _, err := l.Append(background, []byte("three")); !errors.Is(err, wal.ErrFull) || l.Assigned() != 2 {
				t.Errorf("wiped off: assigned %d, %v", l.Assigned(), err)
			}
		}
		disk.Plan(nil)
		if _, err := l.Append(background, []byte("more")); err != nil || l.Assigned() != l.Synced() {
			t.Errorf("with space again: assigned %d, synced %d, %v", l.Assigned(), l.Synced(), err)
		}
	}
}
