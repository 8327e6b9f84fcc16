package forget_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// sleeper stops its process before one of the calls that change something, while the others go on.
type sleeper struct {
	forget.Cycles
	gdpr.RootStore
	at, calls int
	asleep    func()
}

func (s *sleeper) call() {
	if s.calls++; s.calls == s.at {
		s.asleep()
	}
}

func (s *sleeper) Save(ctx context.Context, epoch int64, c forget.Cycle) error {
	s.call()
	return s.Cycles.Save(ctx, epoch, c)
}

func (s *sleeper) Rewrite(ctx context.Context, epoch int64, slots []gdpr.Slot, f func([]forget.Slotful) ([]forget.Slotful, error)) error {
	s.call()
	return s.Cycles.Rewrite(ctx, epoch, slots, f)
}

func (s *sleeper) StoreKeyring(ctx context.Context, epoch, revision int64, k gdpr.SealedKeyring) error {
	s.call()
	return s.Cycles.StoreKeyring(ctx, epoch, revision, k)
}

func (s *sleeper) DropSlots(ctx context.Context, epoch int64, slots []gdpr.Slot) (int64, error) {
	s.call()
	return s.Cycles.DropSlots(ctx, epoch, slots)
}

func (s *sleeper) Create(ctx context.Context, generation int) (gdpr.Root, error) {
	s.call()
	return s.RootStore.Create(ctx, generation)
}

func (s *sleeper) Destroy(ctx context.Context, generation int) (gdpr.Receipt, error) {
	s.call()
	return s.RootStore.Destroy(ctx, generation)
}

// TestPausedLeader: a leader stops before any of its changes, another one takes over and begins another cycle; whatever the
// first one does when it wakes up is refused. The root store cannot lock here, so only the vault's epoch is in its way.
func TestPausedLeader(t *testing.T) { synctest.Test(t, bodyPausedLeader) }

func bodyPausedLeader(t *testing.T) {
	refused, whole, by := 0, 0, 4
	if drill() {
		by = 1
	}
	for at := 1; ; at += by {
		w := newWorld(t, uint64(at))
		w.roots.Locks = false
		w.populate()
		first, second := w.hubs[0], w.hubs[1]
		must(t, first.erase(customer{"ten_a", "ann"}))
		s := &sleeper{Cycles: w.vault, RootStore: w.roots, at: at}
		s.asleep = func() {
			w.now = w.now.Add(2 * time.Minute)
			w.loot()
			must(t, w.as(second, func() error { return second.cycle() }))
			must(t, w.as(second, func() error { return second.erase(customer{"ten_c", "bob"}) }))
			if at%2 == 0 {
				must(t, w.as(second, func() error { return second.cycle() }))
			}
			w.loot()
		}
		first.runner.Cycles, first.runner.Roots = s, s
		err := first.cycle()
		if s.calls < at {
			must(t, err)
			break
		}
		switch code := hub.CodeOf(err); {
		case code == hub.CodeStaleEpoch:
			refused++
		case err == nil:
			whole++
		default:
			t.Errorf("a leader that slept before change %d: %v", at, err)
		}
		w.check()
	}
	if refused < 3 {
		t.Errorf("refused %d times", refused)
	}
	t.Logf("paused before each of %d changes: refused %d, not in the way %d", refused+whole, refused, whole)
}

// TestElsewhere: where the root store locks, the second one does not even begin; nor where the lease holds.
func TestElsewhere(t *testing.T) { synctest.Test(t, bodyElsewhere) }

func bodyElsewhere(t *testing.T) {
	w := newWorld(t, 1)
	w.populate()
	must(t, w.hubs[0].erase(customer{"ten_a", "ann"}))
	unlock, err := w.roots.Lock(ctx)
	must(t, err)
	if _, err := w.hubs[1].runner.Run(ctx, 0); hub.CodeOf(err) != forget.CodeElsewhere {
		t.Errorf("the second cycle under the lock: %v", err)
	}
	unlock()
	if _, err := w.vault.Lead(ctx, "hub_1", w.now, w.now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.hubs[1].runner.Run(ctx, 0); hub.CodeOf(err) != forget.CodeElsewhere {
		t.Errorf("the second cycle under the lease: %v", err)
	}
	must(t, w.hubs[1].loop.Tick(ctx)) // which is quiet about it
}
