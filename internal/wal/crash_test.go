package wal_test

import (
	"testing"
)

// TestDrillCrashHistories cuts the power before every step of seeded histories.
func TestDrillCrashHistories(t *testing.T) {
	for trouble, name := range map[trouble]string{
		noTrouble: "sound disk", badDisk: "failing step", badSync: "failing fsync", fullDisk: "full disk",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var y tally
			for seed := range uint64(seeds(4)) {
				if v := newHistory(seed, trouble, &y).run(); v != "" {
					t.Errorf("seed %d: %s", seed, v)
				}
			}
			t.Log(&y)
			if y.crashes == 0 || y.nested == 0 || (trouble != noTrouble && y.faults+y.refusals == 0) {
				t.Error("the histories did not test what they are for")
			}
		})
	}
}

// segments is in the names of segments and of no other file.
const segments = ".seg"

// TestDrillPlantedBugs shows that the histories find what they are for.
func TestDrillPlantedBugs(t *testing.T) {
	const budget = 40
	bugs := []struct {
		name    string
		trouble trouble
		plant   func(*history)
	}{
		{"no fsync", noTrouble, func(h *history) { h.wrap = noSync(segments) }},
		{"no fsync of cursors", noTrouble, func(h *history) { h.wrap = noSync(".cursor") }},
		{"no directory fsync", noTrouble, func(h *history) { h.wrap = noSyncDir }},
		{"answer before fsync", noTrouble, func(h *history) { h.wrap = lateSync }},
		{"retry after a failed fsync", badSync, func(h *history) { h.wrap = retrySync }},
		{"cursor moved before the drain", noTrouble, func(h *history) { h.eager = true }},
	}
	for _, bug := range bugs {
		t.Run(bug.name, func(t *testing.T) {
			var y tally
			for seed := range uint64(budget) {
				h := newHistory(seed, bug.trouble, &y)
				bug.plant(h)
				if v := h.run(); v != "" {
					t.Logf("found at seed %d of %d after %d crash points: %s", seed, budget, y.crashes, v)
					return
				}
			}
			t.Errorf("not found with %d seeds; %v", budget, &y)
		})
	}
}
