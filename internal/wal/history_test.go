package wal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hub/internal/wal"
	"hub/internal/wal/waltest"
)

// tally is what the histories of one test came to.
type tally struct {
	histories, crashes, nested, kills, steps, faults, stops, refusals, heals, violations int
}

func (y *tally) String() string {
	return fmt.Sprintf("histories %d, steps %d, crash points %d, crashes in recovery %d, kills %d, faults %d, "+
		"stopped logs %d, refused appends %d, heals %d, violations %d", y.histories, y.steps, y.crashes,
		y.nested, y.kills, y.faults, y.stops, y.refusals, y.heals, y.violations)
}

// seeds multiplies a number of seeds for the long drill.
func seeds(n int) int {
	if os.Getenv("HUB_DRILL") == "1" {
		return 20 * n
	}
	return n
}

// trouble is what goes wrong besides crashes.
type trouble int

const (
	noTrouble trouble = iota
	badDisk           // one step fails with EIO, done or not
	badSync           // one fsync fails
	fullDisk          // steps fail with ENOSPC, or the room is short for a while
	troubles
)

// history is one seeded run of appenders, a consumer and Trim, in which the
// power is cut before every step and each time recovery is checked.
type history struct {
	rand    *rand.Rand
	fs      *waltest.CrashFS
	wrap    func(*bugFS) // a planted bug below the log
	opened  atomic.Bool  // the planted bug works from here on, so that it meets records
	eager   bool         // a planted bug above it: the cursor moves before the drain
	trouble trouble
	tally   *tally
	log     *wal.Log
	cursor  *wal.Cursor
	model   model
	serial  int

	stopsBefore int                    // stops before this phase
	broken      atomic.Pointer[string] // the first violation
}

// model is what the outside world knows. Its lock is never held across a call
// to the log, except by crash checks, which open another one.
type model struct {
	mu      sync.Mutex
	acked   map[wal.Index]string
	tried   map[string]bool
	refused map[string]bool
	applied map[wal.Index]string // the consumer's own durable store
	low     wal.Index            // cursor acknowledged
}

func newHistory(seed uint64, trouble trouble, y *tally) *history {
	return &history{
		rand:    rand.New(rand.NewPCG(seed, 1)),
		fs:      waltest.New(seed),
		wrap:    func(*bugFS) {},
		trouble: trouble,
		tally:   y,
		model: model{
			acked: map[wal.Index]string{}, tried: map[string]bool{},
			refused: map[string]bool{}, applied: map[wal.Index]string{},
		},
	}
}

const logDir = "log"

func (h *history) options(fs wal.FS) wal.Options {
	// Each look at this clock is a second later, so no attempt is ever too soon.
	now := time.Unix(0, 0)
	return wal.Options{
		FS: fs, SegmentBytes: 8 << 10, MaxBatchBytes: 2 << 10, MaxRecord: 1500,
		Rand: rand.NewChaCha8([32]byte{1}),
		Now:  func() time.Time { now = now.Add(time.Second); return now },
	}
}

// run gives the first violation, or "".
func (h *history) run() string {
	h.tally.histories++
	for phase := 0; phase < 3 && h.broken.Load() == nil; phase++ {
		h.arm()
		if h.start() {
			for n := 3 + h.rand.IntN(4); n > 0 && h.broken.Load() == nil; n-- {
				h.act()
			}
		}
		h.end()
	}
	if v := h.broken.Load(); v != nil {
		h.tally.violations++
		return *v
	}
	return ""
}

// arm watches every step and plans the trouble.
func (h *history) arm() {
	h.fs.Watch(func(s waltest.Step, crash func() *waltest.CrashFS) {
		h.crashPoint(fmt.Sprintf("before step %d (%s %s)", s.N, s.Kind, s.Name), crash())
	})
	victim, kind := 1+h.rand.IntN(60), waltest.Failed
	if h.rand.IntN(2) == 0 {
		kind = waltest.Done
	}
	switch h.trouble {
	case badDisk:
		h.fs.Plan(func(s waltest.Step) waltest.Fault { victim--; return pick(victim == 0, kind) })
	case badSync:
		victim = victim/3 + 1
		h.fs.Plan(func(s waltest.Step) waltest.Fault {
			if s.Kind == waltest.Sync {
				victim--
			}
			return pick(victim == 0 && s.Kind == waltest.Sync, waltest.Failed)
		})
	case fullDisk:
		h.fs.Plan(func(s waltest.Step) waltest.Fault {
			if s.Kind == waltest.Sync {
				return waltest.None
			}
			victim--
			return pick(victim < 0 && victim > -8, waltest.NoSpace)
		})
		if h.rand.IntN(2) == 0 {
			h.fs.Plan(nil)
			h.fs.SetRoom(h.fs.Used() + int64(h.rand.IntN(24<<10)))
		}
	}
}

func pick(yes bool, f waltest.Fault) waltest.Fault {
	if yes {
		return f
	}
	return waltest.None
}

// start opens the log; a fault may prevent it, and then the phase is over.
func (h *history) start() bool {
	fs := &bugFS{FS: h.fs, on: &h.opened}
	h.wrap(fs)
	l, err := wal.Open(logDir, h.options(fs))
	if err != nil {
		h.excuse("opening", err)
		return false
	}
	h.log = l
	h.opened.Store(true)
	h.cursor, err = l.Cursor("drain")
	if err != nil {
		h.excuse("opening a cursor", err)
		return true
	}
	return true
}

// excuse accepts an error only in a history with trouble.
func (h *history) excuse(what string, err error) {
	if h.trouble == noTrouble || errors.Is(err, wal.ErrDamaged) {
		h.fail("%s: %v", what, err)
	}
}

func (h *history) fail(format string, args ...any) {
	v := fmt.Sprintf(format, args...)
	h.broken.CompareAndSwap(nil, &v)
}

func (h *history) act() {
	h.serial++
	var wg sync.WaitGroup
	for a := range 1 + h.rand.IntN(4) {
		records := make([]string, 1+h.rand.IntN(3))
		for i := range records {
			records[i] = fmt.Sprintf("%d.%d.%d:%s", h.serial, a, i, strings.Repeat("x", h.rand.IntN(700)))
		}
		wg.Go(func() { h.append(records) })
	}
	h.consume()
	wg.Wait()
	if h.rand.IntN(2) == 0 {
		if _, err := h.log.Trim(); err != nil {
			h.excuse("trimming", err)
		}
	}
}

// end closes the log, kills the process or cuts the power, with and without
// the trouble still there.
func (h *history) end() {
	if h.log == nil {
		h.fs.Plan(nil)
		h.fs.SetRoom(0)
		h.fs = h.fs.Kill()
		return
	}
	if h.trouble == fullDisk {
		h.heal()
	}
	steps, faults := h.fs.Counts()
	h.tally.steps += steps
	h.tally.faults += faults
	old, next := h.fs, h.fs
	switch h.rand.IntN(3) {
	case 0:
		next = old.Crash()
	case 1:
		h.tally.kills++
		next = old.Kill()
	}
	if next != old {
		// The old process goes on in a world of its own.
		old.Watch(nil)
	}
	if err := h.log.Close(); err != nil {
		h.excuse("closing", err)
	}
	next.Plan(nil)
	next.SetRoom(0)
	next.Watch(nil)
	h.log, h.fs = nil, next
	h.opened.Store(false)
	h.adopt()
}

// heal gives the space back, after which appending must work again unless an
// fsync was among what failed.
func (h *history) heal() {
	h.fs.Plan(nil)
	h.fs.SetRoom(0)
	h.serial++
	p := fmt.Sprintf("%d.heal:", h.serial)
	h.append([]string{p})
	h.model.mu.Lock()
	defer h.model.mu.Unlock()
	if h.model.refused[p[:len(p)-1]] && h.tally.stops == h.stopsBefore {
		h.fail("appending fails although there is space again")
	}
	h.tally.heals++
	h.stopsBefore = h.tally.stops
}

// adopt learns what the next process will find. What it was shown must stay.
func (h *history) adopt() {
	l, err := wal.Open(logDir, h.options(h.fs))
	if err != nil {
		h.fail("recovering: %v", err)
		return
	}
	found, v := h.model.check(l)
	if v != "" {
		h.fail("recovering: %s", v)
	}
	for index, p := range found {
		h.model.acked[index] = p
	}
	if c, err := l.Cursor("drain"); err == nil {
		h.model.low = c.At()
	}
	if err := l.Close(); err != nil {
		h.fail("closing after recovery: %v", err)
	}
}
