package audit_test

import (
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"hub/internal/audit"
	"hub/internal/wal/waltest"
)

// TestDrillHistories commits rows, drains, and lets the process die or the power fail at any step of the disk, while databases
// fail with and without having done what they were asked. In the end every row is in the log once and in no database.
func TestDrillHistories(t *testing.T) {
	seeds := uint64(80)
	if os.Getenv("HUB_DRILL") == "1" {
		seeds = 20_000
	}
	var sum counts
	for seed := range seeds {
		h := history{t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 7)), fs: waltest.New(seed), outbox: newOutbox("a", "b", "c")}
		h.run()
		sum.add(h.counts)
		if t.Failed() {
			break
		}
	}
	t.Logf("%d histories: %d rows, %d processes, %d kills, %d power cuts, %d faults of the disk, %d of databases; %d lost, %d double",
		seeds, sum.rows, sum.processes, sum.kills, sum.cuts, sum.disk, sum.databases, sum.lost, sum.double)
	if sum.kills == 0 || sum.cuts == 0 || sum.disk == 0 || sum.databases == 0 {
		t.Error("the histories hit nothing")
	}
}

type counts struct{ rows, processes, kills, cuts, disk, databases, lost, double int }

func (c *counts) add(o counts) {
	c.rows, c.processes, c.kills, c.cuts = c.rows+o.rows, c.processes+o.processes, c.kills+o.kills, c.cuts+o.cuts
	c.disk, c.databases, c.lost, c.double = c.disk+o.disk, c.databases+o.databases, c.lost+o.lost, c.double+o.double
}

type history struct {
	t      *testing.T
	seed   uint64
	rand   *rand.Rand
	fs     *waltest.CrashFS
	outbox *outbox
	counts
}

func (h *history) run() {
	h.outbox.fault = flaky(h.rand, 6)
	for range 2 + h.rand.IntN(5) {
		h.process()
	}
	h.databases = h.outbox.faults
	h.outbox.fault = nil
	h.fs.Plan(nil)
	h.last()
}

// process is one life of the hub: it ends by itself, is killed, or loses power.
func (h *history) process() {
	h.processes++
	dies := 1 + h.rand.IntN(120)
	faulty, luck := h.rand.IntN(3) == 0, rand.New(rand.NewPCG(h.rand.Uint64(), 1)) // the log's own goroutines draw from it
	base, _ := h.fs.Counts()
	h.fs.Plan(func(s waltest.Step) waltest.Fault {
		switch {
		case s.N-base >= dies:
			return waltest.Dead
		case faulty && luck.IntN(25) == 0:
			return waltest.NoSpace + waltest.Fault(luck.IntN(3))
		}
		return waltest.None
	})
	h.live()
	_, faults := h.fs.Counts()
	h.disk += faults
	if h.rand.IntN(2) == 0 {
		h.kills++
		h.fs = h.fs.Kill()
		return
	}
	h.cuts++
	h.fs = h.fs.Crash()
}

func (h *history) live() {
	log, err := openLog(h.fs)
	if err != nil {
		return
	}
	d, err := audit.NewDrainer(log, h.outbox, slog.New(slog.DiscardHandler))
	for range h.rand.IntN(8) {
		for _, name := range h.outbox.names {
			n := h.rand.IntN(6)
			if h.rand.IntN(20) == 0 {
				n = 300
			}
			h.outbox.commit(name, n)
			h.rows += n
		}
		if err == nil {
			_ = d.Drain(h.t.Context()) // what failed is tried again
		}
	}
	// The process ends here without Close; what Close does besides is to free the goroutines of the log.
	h.fs.Plan(func(waltest.Step) waltest.Fault { return waltest.Dead })
	_ = log.Close()
}

// last is a life without faults, after which the books must balance.
func (h *history) last() {
	log, err := openLog(h.fs)
	if err != nil {
		h.t.Fatalf("seed %d: %v", h.seed, err)
	}
	defer log.Close()
	d, err := audit.NewDrainer(log, h.outbox, slog.New(slog.DiscardHandler))
	if err == nil {
		err = d.Drain(h.t.Context())
	}
	if err != nil {
		h.t.Fatalf("seed %d: %v", h.seed, err)
	}
	found := inLog(h.t, log)
	for source, want := range h.outbox.all {
		got := slices.Clone(found[source])
		slices.Sort(got)
		unique := slices.Compact(slices.Clone(got))
		h.double += len(got) - len(unique)
		h.lost += len(want) - len(unique)
		if !slices.Equal(found[source], want) {
			h.t.Errorf("seed %d: database %s: %d rows, %d in the log, %d of them different, or their order changed", h.seed, source, len(want), len(got), len(unique))
		}
	}
	if n := h.outbox.waiting(); n > 0 {
		h.t.Errorf("seed %d: %d rows still wait", h.seed, n)
	}
	if cursor, err := log.Cursor(audit.CursorName); err != nil || cursor.At() != log.Synced() {
		h.t.Errorf("seed %d: the cursor is at %d of %d: %v", h.seed, cursor.At(), log.Synced(), err)
	}
}
