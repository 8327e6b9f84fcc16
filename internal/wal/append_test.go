package wal_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hub/internal/wal"
	"hub/internal/wal/waltest"
)

// TestGroupCommit shows that appenders who wait together share one fsync, and
// that nobody sees a record before it.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := waltest.New(1)
		fs, shut, gate := gated(disk)
		l := open(t, logDir, small(fs))
		r, err := l.Reader(1)
		if err != nil {
			t.Fatal(err)
		}
		shut.Store(true)
		var wg sync.WaitGroup
		var indexes [9]bool
		for range 8 {
			wg.Go(func() {
				index, err := l.Append(background, []byte("together"))
				if err != nil {
					t.Error(err)
				}
				indexes[index] = true
			})
			synctest.Wait() // the first is in its fsync, the others queue
		}
		if _, ok, err := r.TryNext(); ok || err != nil || l.Synced() != 0 {
			t.Errorf("before the fsync: record %v, synced %d, %v", ok, l.Synced(), err)
		}
		before, _ := disk.Counts()
		gate <- struct{}{}
		gate <- struct{}{}
		wg.Wait()
		after, _ := disk.Counts()
		// The first fsync, then one write and one fsync for the other seven.
		if after-before != 3 || l.Synced() != 8 || indexes != [9]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true} {
			t.Errorf("steps %d, synced %d, indexes %v", after-before, l.Synced(), indexes)
		}
		shut.Store(false)
		l.Close()
	})
}

func TestAppendContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs, shut, gate := gated(waltest.New(1))
		o := small(fs)
		o.MaxBatchBytes = 64
		l := open(t, logDir, o)
		shut.Store(true)
		ctx, cancel := context.WithCancel(background)
		errs := make(chan error, 3)
		for i := range 3 {
			go func() {
				_, err := l.Append(ctx, []byte(fmt.Sprintf("%d with a payload that fills a batch", i)))
				errs <- err
			}()
			synctest.Wait()
		}
		cancel()
		unknown := 0
		for range 3 {
			err := <-errs
			if !errors.Is(err, context.Canceled) {
				t.Errorf("after cancelling: %v", err)
			}
			if errors.Is(err, wal.ErrOutcomeUnknown) {
				unknown++
			}
		}
		if _, err := l.Append(ctx, nil); !errors.Is(err, context.Canceled) || errors.Is(err, wal.ErrOutcomeUnknown) {
			t.Errorf("appending with an ended context: %v", err)
		}
		gate <- struct{}{}
		gate <- struct{}{}
		synctest.Wait()
		// One was being synced, one was queued, the third waited for room.
		if unknown != 2 || l.Synced() != 2 {
			t.Errorf("unknown outcomes %d, synced %d", unknown, l.Synced())
		}
		shut.Store(false)
		l.Close()
	})
}

// TestStopped fails one fsync of a segment, of a cursor and of the directory;
// each stops the log for good and is never tried again.
func TestStopped(t *testing.T) {
	for _, victim := range []string{"00000000000000000001.seg", "drain.cursor", logDir} {
		disk := waltest.New(1)
		l := open(t, logDir, small(disk))
		c, err := l.Cursor("drain")
		if err != nil {
			t.Fatal(err)
		}
		add(t, l, "one", "two")
		syncs := 0
		disk.Plan(func(s waltest.Step) waltest.Fault {
			name := strings.TrimSuffix(s.Name, ".tmp")
			if (s.Kind == waltest.Sync || s.Kind == waltest.SyncDir) && name == victim {
				syncs++
				return waltest.Failed
			}
			return waltest.None
		})
		switch victim {
		case "drain.cursor":
			err = c.Advance(2)
		case logDir:
			_, err = l.Cursor("second")
		default:
			_, err = l.Append(background, []byte("three"))
			if !errors.Is(err, wal.ErrOutcomeUnknown) {
				t.Errorf("%s: its own record: %v", victim, err)
			}
		}
		disk.Plan(nil)
		var first *wal.StoppedError
		if !errors.As(err, &first) {
			t.Fatalf("%s: %v", victim, err)
		}
		checkStopped(t, l, c, first)
		if err := l.Close(); !errors.Is(err, wal.ErrStopped) || syncs != 1 {
			t.Errorf("%s: closing: %v, fsyncs %d", victim, err, syncs)
		}
	}
}

func checkStopped(t *testing.T, l *wal.Log, c *wal.Cursor, first *wal.StoppedError) {
	t.Helper()
	if got := len(readAll(l)); got != 2 {
		t.Errorf("durable records readable after the stop: %d", got)
	}
	calls := map[string]func() error{
		"append":       func() error { _, err := l.Append(background, nil); return err },
		"append again": func() error { _, err := l.Append(background, nil); return err },
		"trim":         func() error { _, err := l.Trim(); return err },
		"advance":      func() error { return c.Advance(2) },
		"cursor":       func() error { _, err := l.Cursor("third"); return err },
		"next": func() error {
			r, err := l.Reader(3)
			if err == nil {
				_, err = r.Next(background)
			}
			return err
		},
	}
	for name, call := range calls {
		var again *wal.StoppedError
		if err := call(); !errors.As(err, &again) || again != first || errors.Is(err, wal.ErrOutcomeUnknown) {
			t.Errorf("%s after the stop: %v", name, err)
		}
	}
}

func readAll(l *wal.Log) (records []wal.Record) {
	r, err := l.Reader(1)
	for err == nil {
		rec, ok, err := r.TryNext()
		if !ok || err != nil {
			break
		}
		records = append(records, rec)
	}
	return records
}

// TestFullDisk lets the room end before the next segment, then gives it back.
func TestFullDisk(t *testing.T) {
	disk := waltest.New(1)
	now := time.Unix(0, 0)
	o := small(disk)
	o.Now = func() time.Time { return now }
	l := open(t, logDir, o)
	c, err := l.Cursor("drain")
	if err != nil {
		t.Fatal(err)
	}
	disk.SetRoom(disk.Used() + 4<<10)
	payload := make([]byte, 500)
	for err == nil {
		_, err = l.Append(background, payload)
	}
	if !errors.Is(err, wal.ErrFull) || !errors.Is(err, wal.ErrUnavailable) || errors.Is(err, wal.ErrOutcomeUnknown) {
		t.Fatalf("on the full disk: %v", err)
	}
	full := l.Synced()
	if err := c.Advance(full); err != nil {
		t.Errorf("advancing on the full disk: %v", err)
	}
	before, _ := disk.Counts()
	if _, err := l.Append(background, payload); !errors.Is(err, wal.ErrFull) {
		t.Errorf("again on the full disk: %v", err)
	}
	if after, _ := disk.Counts(); after != before {
		t.Errorf("%d steps to refuse again at once", after-before)
	}
	disk.SetRoom(0)
	now = now.Add(time.Second)
	if index, err := l.Append(background, payload); err != nil || index != full+1 {
		t.Errorf("with space again: %d after %d, %v", index, full, err)
	}
	if n, err := l.Trim(); n != 1 || err != nil {
		t.Errorf("trimming: %d, %v", n, err)
	}
}

// TestHalfRecord meets a full disk within a write, also while wiping it.
func TestHalfRecord(t *testing.T) {
	for seed := range uint64(15) {
		for _, wipes := range []int{0, 1, 3} {
			halfRecord(t, seed, wipes)
		}
	}
}

func halfRecord(t *testing.T, seed uint64, wipes int) {
	disk := waltest.New(seed)
	l := open(t, logDir, small(disk))
	add(t, l, "before")
	left := 1 + wipes
	disk.Plan(func(s waltest.Step) waltest.Fault {
		left--
		return pick(left >= 0, waltest.NoSpace)
	})
	big := strings.Repeat("x", 1900)
	_, err := l.Append(background, []byte(big))
	if !errors.Is(err, wal.ErrFull) || errors.Is(err, wal.ErrOutcomeUnknown) != (wipes > 0) {
		t.Fatalf("wiping fails %d times: %v", wipes, err)
	}
	if wipes == 0 {
		recoversTo(t, disk, seed, "before")
	}
	for left > 0 {
		if _, err := l.Append(background, []byte("never")); !errors.Is(err, wal.ErrFull) || errors.Is(err, wal.ErrOutcomeUnknown) {
			t.Fatalf("while wiping fails: %v", err)
		}
	}
	add(t, l, "after")
	recoversTo(t, disk, seed, "before", "after")
	l.Close()
}

// recoversTo cuts the power a few times and expects these records.
func recoversTo(t *testing.T, disk *waltest.CrashFS, seed uint64, want ...string) {
	t.Helper()
	for range 4 {
		again := open(t, logDir, small(disk.Crash()))
		got := all(t, again)
		if len(got) != len(want) || string(got[len(got)-1].Payload) != want[len(want)-1] {
			t.Fatalf("seed %d: found %d records, want %v", seed, len(got), want)
		}
		again.Close()
	}
}

// TestBadWrite fails a write with something else than a full disk.
func TestBadWrite(t *testing.T) {
	for _, fault := range []waltest.Fault{waltest.Failed, waltest.Done} {
		disk := waltest.New(1)
		l := open(t, logDir, small(disk))
		left := 1
		disk.Plan(func(waltest.Step) waltest.Fault { left--; return pick(left == 0, fault) })
		if _, err := l.Append(background, nil); !errors.Is(err, wal.ErrStopped) || !errors.Is(err, wal.ErrOutcomeUnknown) {
			t.Errorf("after a bad write: %v", err)
		}
		l.Close()
	}
}

func TestRefusedPayload(t *testing.T) {
	l := open(t, logDir, small(waltest.New(1)))
	if _, err := l.Append(background, make([]byte, 2001)); !errors.Is(err, wal.ErrTooLarge) {
		t.Errorf("a long payload: %v", err)
	}
	add(t, l, "", strings.Repeat("y", 2000))
	l.Close()
	if _, err := l.Append(background, nil); !errors.Is(err, wal.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
