package wal_test

import (
	"strings"
	"testing"

	"hub/internal/wal"
	"hub/internal/wal/waltest"
)

// script is a short life of a log. It gives what was acknowledged.
func script(disk *waltest.CrashFS) (acked []string, at wal.Index) {
	l, err := wal.Open(logDir, small(disk))
	if err != nil {
		return nil, 0
	}
	defer l.Close()
	for i := range 12 {
		p := string(rune('a'+i)) + strings.Repeat("z", 900)
		if _, err := l.Append(background, []byte(p)); err != nil {
			break
		}
		acked = append(acked, p)
		if i != 8 {
			continue
		}
		if c, err := l.Cursor("drain"); err == nil && c.Advance(6) == nil {
			at = 6
		}
	}
	return acked, at
}

// TestRestart lets each step of a short life go wrong, or be the last one of a
// process, without a power cut. The next process appends, then the power is
// cut: what either had acknowledged or shown must be there.
func TestRestart(t *testing.T) {
	plans := map[string]func(n int) func(waltest.Step) waltest.Fault{
		"fails": func(n int) func(waltest.Step) waltest.Fault {
			return func(s waltest.Step) waltest.Fault { return pick(s.N == n, waltest.Failed) }
		},
		"fails though done": func(n int) func(waltest.Step) waltest.Fault {
			return func(s waltest.Step) waltest.Fault { return pick(s.N == n, waltest.Done) }
		},
		"is not reached": func(n int) func(waltest.Step) waltest.Fault {
			return func(s waltest.Step) waltest.Fault { return pick(s.N >= n, waltest.Dead) }
		},
	}
	for name, plan := range plans {
		restarts := 0
		for seed := range uint64(seeds(3)) {
			for n := 1; ; n++ {
				disk := waltest.New(seed)
				disk.Plan(plan(n))
				acked, at := script(disk)
				if steps, _ := disk.Counts(); steps < n {
					break
				}
				restart(t, disk.Kill(), acked, at)
				restarts++
				if t.Failed() {
					t.Fatalf("step %d %s, seed %d", n, name, seed)
				}
			}
		}
		t.Logf("a step %s: restarts %d", name, restarts)
	}
}

func restart(t *testing.T, disk *waltest.CrashFS, acked []string, at wal.Index) {
	t.Helper()
	l := open(t, logDir, small(disk))
	shown := all(t, l)
	place := cursor(t, l, "drain").At()
	if len(shown) < len(acked) || place < at {
		t.Errorf("after a restart: %d records of %d, cursor at %d of %d", len(shown), len(acked), place, at)
	}
	names, err := disk.List(logDir)
	if err != nil || strings.Contains(strings.Join(names, " "), ".tmp") {
		t.Errorf("files left: %v, %v", names, err)
	}
	add(t, l, "next")
	for range 3 {
		after := open(t, logDir, small(disk.Crash()))
		got := all(t, after)
		if len(got) != len(shown)+1 || cursor(t, after, "drain").At() < place {
			t.Errorf("after the crash: %d records of %d", len(got), len(shown)+1)
		}
		after.Close()
	}
	l.Close()
}

// TestCrashInTrim has removals reach the disk in any order.
func TestCrashInTrim(t *testing.T) {
	gaps := 0
	for seed := range uint64(seeds(30)) {
		disk := waltest.New(seed)
		l := open(t, logDir, small(disk))
		fill(t, l, 100)
		if err := cursor(t, l, "drain").Advance(100); err != nil {
			t.Fatal(err)
		}
		var found *waltest.CrashFS
		disk.Watch(func(s waltest.Step, crash func() *waltest.CrashFS) {
			if s.Kind == waltest.SyncDir {
				found = crash()
			}
		})
		if n, err := l.Trim(); n < 3 || err != nil {
			t.Fatal(n, err)
		}
		disk.Watch(nil)
		names, err := found.List(logDir)
		if err != nil {
			t.Fatal(err)
		}
		after, err := wal.Open(logDir, small(found))
		if err != nil {
			t.Fatalf("seed %d, found %v: %v", seed, names, err)
		}
		if after.Synced() != 100 || cursor(t, after, "drain").At() != 100 {
			t.Errorf("seed %d: synced to %d", seed, after.Synced())
		}
		left, err := found.List(logDir)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) < len(names) {
			gaps++
		}
		after.Close()
		l.Close()
	}
	t.Logf("crashes in a trim %d, with a gap between segments %d", seeds(30), gaps)
	if gaps == 0 {
		t.Error("no gap was met")
	}
}
