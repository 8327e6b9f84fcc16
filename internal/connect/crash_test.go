package connect

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// fuse is the life of a process: at its last step it dies, before or after the step was done, and does nothing more.
type fuse struct {
	left  int // steps; 0 burns for ever
	after bool
	dead  bool
	taken int
}

var errDead = errors.New("killed")

func (f *fuse) step(do func() error) error {
	if f.dead {
		return errDead
	}
	f.taken++
	if f.left--; f.left != 0 {
		return do()
	}
	f.dead = true
	if f.after {
		_ = do() // nobody hears of it
	}
	return errDead
}

// mortal is the database as a process sees it that may die.
type mortal struct {
	*base
	*fuse
}

func (m mortal) Lease(ctx context.Context, id hub.ConnectionID, holder string, d time.Duration) (l Leased, err error) {
	err = m.step(func() error { l, err = m.base.Lease(ctx, id, holder, d); return err })
	return l, err
}

func (m mortal) Save(ctx context.Context, id hub.ConnectionID, epoch int64, o Outcome) error {
	return m.step(func() error { return m.base.Save(ctx, id, epoch, o) })
}

func (m mortal) Intend(ctx context.Context, e Intent) error {
	return m.step(func() error { return m.base.Intend(ctx, e) })
}

func (m mortal) Begin(ctx context.Context, id hub.ConnectionID, epoch int64) error {
	return m.step(func() error { return m.base.Begin(ctx, id, epoch) })
}

func (m mortal) Answer(ctx context.Context, id hub.ConnectionID, epoch int64, sealed []byte) error {
	return m.step(func() error { return m.base.Answer(ctx, id, epoch, sealed) })
}

// keeper is a process of its own. What it does may be put off, as if it stood still: all of it, or its answer.
type keeper struct {
	*town
	hub      *fuse
	own      *fuse
	postpone string // "", "all" or "answer"
}

func (k keeper) Send(ctx context.Context, e Errand) error {
	work := func() error {
		store := Errands(mortal{k.base, k.own})
		if k.postpone == "answer" {
			store = slow{store, k.town}
		}
		return Perform(context.WithoutCancel(ctx), e, k.endpoint, store, func(context.Context, time.Duration) bool { return false })
	}
	return k.hub.step(func() error {
		if k.postpone == "all" {
			k.later = append(k.later, func() { _ = work() })
			return nil
		}
		return work()
	})
}

// slow answers later.
type slow struct {
	Errands
	*town
}

func (s slow) Answer(ctx context.Context, id hub.ConnectionID, epoch int64, sealed []byte) error {
	s.later = append(s.later, func() { _ = s.Errands.Answer(ctx, id, epoch, sealed) })
	return nil
}

// wire that dies with the hub: the call of a hub that makes it itself.
type within struct {
	*town
	hub *fuse
}

func (s within) Send(ctx context.Context, e Errand) error {
	return Perform(ctx, e, s.endpoint, mortal{s.base, s.hub}, func(context.Context, time.Duration) bool { return false })
}

// life is one life of a hub: it dies at a step, or never.
func (w *town) life(name string, f *fuse, postpone string) {
	r := w.hub(name)
	db := mortal{w.base, f}
	r.Tokens, r.Errands = db, db
	r.Keeper = keeper{w, f, &fuse{}, postpone}
	r.Direct = within{w, f}
	_ = r.Look(w.Context())
}

func rounds(often, drill int) int {
	switch {
	case os.Getenv("HUB_DRILL") != "":
		return drill
	case testing.Short():
		return often / 5
	}
	return often
}

// A hub is killed at every step of a refresh, at once before and at once after; its keeper lives on. Whoever comes next, the
// same hub or another, brings the connection to the pair that the platform takes, and no spent token is shown to a platform
// that takes each once.
func TestDrillKilledAtEveryStep(t *testing.T) {
	for name, rotation := range map[string]driver.Rotation{"single use": single, "repeats": repeats} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t, rotation)
			w.connected("con_1", "1")
			random := rand.New(rand.NewPCG(1, 2))
			n, kills, most := rounds(1000, 20_000), 0, 0
			for i := range n {
				s, _ := w.stored("con_1")
				before := s.Generation
				w.clock.add(s.DueAt.Sub(w.clock.time()) + time.Second)
				f := &fuse{left: 1 + i/2%7, after: i%2 == 1}
				w.life("hub-1", f, "")
				if f.dead {
					kills++
				}
				most = max(most, f.taken)
				for looks := 0; ; looks++ {
					if s, _ := w.stored("con_1"); s.Generation > before && !s.due(w.clock.time()) && s.Standing == OK {
						break
					}
					if looks > 20 {
						s, _ := w.stored("con_1")
						t.Fatalf("round %d: after %d looks it stands at %s (%s)", i, looks, s.Standing, s.Code)
					}
					w.life([]string{"hub-1", "hub-2"}[random.IntN(2)], &fuse{}, "")
					w.clock.add(time.Duration(random.IntN(60)) * time.Second)
				}
				w.alive("con_1", "1")
				if t.Failed() {
					t.Fatalf("round %d", i)
				}
			}
			if w.endpoint.spent > 0 || most < 5 {
				t.Errorf("%d uses of a spent token, at most %d steps", w.endpoint.spent, most)
			}
			t.Logf("%d refreshes, %d kills, %d steps each, %d calls, %d spent tokens used, 0 connections lost", n, kills, most, w.endpoint.asked, w.endpoint.spent)
		})
	}
}

// Keepers stand still at the worst moments and wake up whenever it pleases them, while hubs die: a pair that the platform gave
// is not lost, however late it comes.
func TestDrillZombies(t *testing.T) {
	w := newTown(t, single)
	w.connected("con_1", "1")
	random := rand.New(rand.NewPCG(3, 4))
	n, woken, needed := rounds(1000, 20_000), 0, 0
	for i := range n {
		s, _ := w.stored("con_1")
		before := s.Generation
		w.clock.add(max(s.DueAt.Sub(w.clock.time()), 0) + time.Second)
		for looks := 0; ; looks++ {
			s, _ := w.stored("con_1")
			if s.Standing == ReconnectNeeded {
				needed++
			}
			if s.Generation > before && len(w.later) == 0 && s.Standing == OK && !s.due(w.clock.time()) {
				break
			}
			if looks > 500 {
				t.Fatalf("round %d: stands at %s (%s)", i, s.Standing, s.Code)
			}
			switch random.IntN(4) {
			case 0:
				if len(w.later) > 0 {
					at := random.IntN(len(w.later))
					work := w.later[at]
					w.later = append(w.later[:at], w.later[at+1:]...)
					work()
					woken++
				}
			case 1:
				w.clock.add(time.Duration(random.IntN(100)) * time.Second)
			default:
				mode := []string{"", "all", "answer"}[random.IntN(3)]
				if looks > 50 {
					mode = ""
				}
				w.life([]string{"hub-1", "hub-2", "hub-3"}[random.IntN(3)], &fuse{left: random.IntN(20)}, mode)
			}
		}
		w.alive("con_1", "1")
		if t.Failed() {
			t.Fatalf("round %d", i)
		}
	}
	t.Logf("%d refreshes, %d keepers woke up late, %d looks at a connection that seemed lost, %d spent tokens used, 0 connections lost", n, woken, needed, w.endpoint.spent)
}
