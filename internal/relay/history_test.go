package relay_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/internal/relay"
	"hub/internal/relay/relaytest"
)

// TestDrillHistories has several hubs tell one shard while they are paused beyond their lease, killed and started, every
// call fails before or after it worked, publications arrive late or by half, the stream is emptied, deleted, rolled back
// and ages, and lines are poisoned. In the end the stream must hold every change of its window, each line in order at all
// times.
func TestDrillHistories(t *testing.T) {
	seeds := uint64(120)
	if os.Getenv("HUB_DRILL") == "1" {
		seeds = 20_000
	}
	sum := counts{}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			h := newHistory(t, seed)
			h.run()
			h.check()
			sum.add(h.counts)
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("%d histories: %v", seeds, sum)
	for _, what := range []string{"changes", "messages", "faults of broker", "faults of shard", "paused", "killed", "leaders", "rewinds",
		"emptied", "deleted", "rolled back", "aged", "poisoned"} {
		if sum[what] == 0 {
			t.Errorf("the histories have no %s", what)
		}
	}
}

// counts are by what was counted.
type counts map[string]int

func (c counts) add(o counts) {
	for what, n := range o {
		c[what] += n
	}
}

type history struct {
	*bench
	seed  uint64
	rand  *rand.Rand
	luck  *rand.Rand // of the faults, drawn by whoever calls
	mu    sync.Mutex // guards luck, rate, poison
	rate  int        // one call in so many fails; 0 is none
	bad   map[hub.TenantID]bool
	hubs  []*hubRelay
	names int
	counts
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{
		seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), luck: rand.New(rand.NewPCG(seed, 2)), bad: map[hub.TenantID]bool{}, counts: counts{},
	}
	w := window
	if seed%4 == 0 {
		w = 40 * time.Second // shorter than the history
	}
	h.bench = &bench{
		T: t, outbox: relaytest.NewOutbox(time.Now), broker: &relaytest.Broker{Clock: time.Now, Window: w}, next: map[relay.Line]int64{},
	}
	for range 2 + h.rand.IntN(6) {
		h.lines = append(h.lines, relaytest.NewLine())
	}
	h.broker.Fault = func(string) relaytest.Fault { return h.fault() }
	h.outbox.Fault = func(string) relaytest.Fault { return h.fault() }
	h.broker.Refuse = func(c hub.Change) hub.Code {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.bad[c.Tenant] && c.Sequence%3 == 0 {
			return "poison"
		}
		return ""
	}
	return h
}

func (h *history) fault() relaytest.Fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rate == 0 || h.luck.IntN(h.rate) > 0 {
		return relaytest.Works
	}
	return relaytest.Before + relaytest.Fault(h.luck.IntN(4))
}

// hub starts one more hub, or one in the place of another.
func (h *history) hub() *hubRelay {
	h.names++
	limits := relay.Limits{Lines: 1 + h.rand.IntN(6), Changes: 1 + h.rand.IntN(40), Bytes: 200 + h.rand.IntN(4000), Store: 1 + h.rand.IntN(60)}
	slow := time.Duration(h.rand.IntN(3)) * 40 * time.Millisecond
	return h.start(fmt.Sprint("ins_", h.names), func(r *relay.Relay) {
		r.Limits = limits
		r.Observe = func() func() { wait(slow); return func() {} }
	})
}

func (h *history) run() {
	for range 1 + h.rand.IntN(3) {
		h.hubs = append(h.hubs, h.hub())
	}
	var restores []func()
	for range 20 + h.rand.IntN(60) {
		h.load()
		h.disturb(&restores)
		wait(time.Duration(h.rand.IntN(1500)) * time.Millisecond)
	}
	h.setRate(0)
	h.mu.Lock()
	clear(h.bad)
	h.mu.Unlock()
	wait(20 * time.Second) // who is paused wakes up, who is held tries again
	for _, x := range h.hubs {
		x.Wake(nil)
	}
	wait(2 * time.Minute)
	for _, x := range h.hubs {
		x.stop()
	}
	synctest.Wait()
}

// load commits to some lines, and tells some hub of it, or none.
func (h *history) load() {
	for range h.rand.IntN(4) {
		l := h.lines[h.rand.IntN(len(h.lines))]
		n := 1 + h.rand.IntN(5)
		if h.rand.IntN(15) == 0 {
			n = 100
		}
		h.commit(l, n)
		h.counts["changes"] += n
		if x := h.hubs[h.rand.IntN(len(h.hubs))]; h.rand.IntN(2) == 0 {
			x.Wake([]hub.TenantID{l.Tenant})
		}
	}
}

func (h *history) setRate(rate int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rate = rate
}

// disturb does one thing.
func (h *history) disturb(restores *[]func()) {
	did := func(what string) { h.counts[what]++ }
	i := h.rand.IntN(len(h.hubs))
	switch h.rand.IntN(16) {
	case 0, 1:
		did("paused")
		goOn, timer := h.hubs[i].pause(), time.After(time.Duration(1+h.rand.IntN(12))*time.Second)
		go func() { <-timer; goOn() }()
	case 2:
		did("killed")
		h.hubs[i].kill()
		go h.hubs[i].stop()
		h.hubs[i] = h.hub()
	case 3:
		did("stopped")
		go h.hubs[i].stop()
		h.hubs[i] = h.hub()
	case 4:
		did("emptied")
		h.broker.Empty()
	case 5:
		did("deleted")
		h.broker.Delete()
	case 6, 7:
		*restores = append(*restores, h.broker.Copy())
	case 8:
		if n := len(*restores); n > 0 {
			did("rolled back")
			(*restores)[h.rand.IntN(n)]()
		}
	case 9:
		did("aged")
		h.broker.Age()
	case 10:
		did("poisoned")
		h.mu.Lock()
		h.bad[h.lines[h.rand.IntN(len(h.lines))].Tenant] = true
		h.mu.Unlock()
	case 11, 12:
		h.setRate([]int{0, 3, 8, 30}[h.rand.IntN(4)])
	}
}

// check holds the stream against the feed.
func (h *history) check() {
	h.inOrder()
	entries, feed := h.broker.Entries(), h.outbox.Feed()
	ever, there := map[hub.ChangeID]bool{}, map[hub.ChangeID]bool{}
	for _, e := range entries {
		ever[e.Change] = true
	}
	for _, e := range h.broker.Live() {
		there[e.Change] = true
	}
	for l, list := range feed {
		never, missing := 0, 0
		for _, c := range list {
			if !ever[c.ID] {
				never++
			}
			if !there[c.ID] && time.Since(c.Time) < h.broker.Window {
				missing++
			}
		}
		if never+missing > 0 {
			h.Errorf("seed %d: line %s: of %d changes %d were never told, and %d of the window are not in the stream", h.seed, l.Tenant, len(list), never, missing)
		}
	}
	faults, rewinds, epoch := h.outbox.Counts()
	h.counts["messages"], h.counts["faults of broker"], h.counts["faults of shard"] = len(entries), h.broker.Faults(), faults
	h.counts["rewinds"], h.counts["leaders"] = rewinds, int(epoch)
	h.counts["told again"] = len(entries) - len(ever)
	for _, x := range h.hubs {
		if s := x.Status(); s.Held != nil {
			h.Errorf("seed %d: held at the end: %+v", h.seed, s.Held)
		}
	}
}

// inOrder requires that each line is dense and rising within each life of the stream, and holds what the feed has under
// the number.
func (h *history) inOrder() {
	type place struct {
		relay.Line
		life int
	}
	last := map[place]int64{}
	feed := h.outbox.Feed()
	wrong := 0
	for _, e := range h.broker.Entries() {
		p := place{e.Line, e.Life}
		if before, there := last[p]; there && e.Sequence != before+1 {
			wrong++
			if wrong == 1 {
				h.Errorf("seed %d: line %s, life %d: %d follows %d", h.seed, e.Tenant, e.Life, e.Sequence, before)
			}
		}
		last[p] = e.Sequence
		if i := slices.IndexFunc(feed[e.Line], func(c hub.Change) bool { return c.ID == e.Change }); int64(i+1) != e.Sequence {
			h.Errorf("seed %d: change %s has number %d", h.seed, e.Change, e.Sequence)
		}
	}
	h.counts["violations"] = wrong
}
