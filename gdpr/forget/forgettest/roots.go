package forgettest

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"sync"

	"hub"
	"hub/gdpr"
)

// Faults is asked around each call, before it (done is false) and after its success (done is true). Its error is what the
// caller gets, so that both a lost call and one that happened and was reported as failed can be played.
type Faults func(method string, done bool) error

// around runs one call between two questions.
func (f Faults) around(ctx context.Context, method string, call func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f != nil {
		if err := f(method, false); err != nil {
			return err
		}
	}
	err := call()
	if err == nil && f != nil {
		err = f(method, true)
	}
	return err
}

// Roots is a gdpr.RootStore in memory.
type Roots struct {
	// Locks is false for a store that cannot tell two hubs apart: everybody gets the lock.
	Locks  bool
	Faults Faults

	clock  hub.Clock
	mu     sync.Mutex
	roots  map[int]gdpr.Root
	newest int
	locked bool
}

// NewRoots returns a store with the root of generation 1.
func NewRoots(clock hub.Clock) *Roots {
	r := &Roots{Locks: true, clock: clock, roots: map[int]gdpr.Root{}}
	r.create(1)
	return r
}

// Copy returns a store of its own with the same roots, as whoever copies the medium has it.
func (r *Roots) Copy() *Roots {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &Roots{Locks: r.Locks, clock: r.clock, roots: maps.Clone(r.roots), newest: r.newest}
}

func (r *Roots) create(generation int) gdpr.Root {
	var key [32]byte
	rand.Read(key[:])
	r.roots[generation], r.newest = gdpr.NewRoot(generation, key), generation
	return r.roots[generation]
}

// Load implements gdpr.RootStore.
func (r *Roots) Load(ctx context.Context) (all []gdpr.Root, err error) {
	return all, r.Faults.around(ctx, "Load", func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, generation := range slices.Sorted(maps.Keys(r.roots)) {
			all = append(all, r.roots[generation])
		}
		return nil
	})
}

// Create implements gdpr.RootStore.
func (r *Roots) Create(ctx context.Context, generation int) (root gdpr.Root, err error) {
	return root, r.Faults.around(ctx, "Create", func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if generation <= r.newest {
			return hub.Errorf(hub.KindConflict, "creating root", "it or a newer one is there")
		}
		root = r.create(generation)
		return nil
	})
}

// Destroy implements gdpr.RootStore.
func (r *Roots) Destroy(ctx context.Context, generation int) (receipt gdpr.Receipt, err error) {
	return receipt, r.Faults.around(ctx, "Destroy", func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if generation >= r.newest {
			return hub.Errorf(hub.KindConflict, "destroying root", "no newer one is there")
		}
		delete(r.roots, generation)
		receipt = gdpr.Receipt{Generation: generation, GoneAt: r.clock(), Method: "forgotten", SameVolume: true}
		return nil
	})
}

// Lock implements gdpr.RootStore.
func (r *Roots) Lock(ctx context.Context) (unlock func(), err error) {
	free := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.locked = false
	}
	taken := false
	err = r.Faults.around(ctx, "Lock", func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.Locks && r.locked {
			return hub.Errorf(hub.KindConflict, "locking roots", "another cycle runs")
		}
		r.locked, taken = true, true
		return nil
	})
	if err != nil && taken {
		free() // whoever is told of a failure holds nothing
	}
	if err != nil {
		return nil, err
	}
	return sync.OnceFunc(free), nil
}
