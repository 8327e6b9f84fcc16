package forget

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"hub"
	"hub/gdpr"
)

// key gives each dirty slot a new key beside the old one. The keyring stays under the old root: under the next one, which
// survives, it must never hold a key that dies. Kills since the cycle began are in it, too, so the gate is asked again.
func (s *session) key(ctx context.Context, c Cycle) (Cycle, error) {
	ring, err := s.Keys.Keyring(ctx)
	if err != nil {
		return c, err
	}
	p, err := s.Cycles.Pending(ctx)
	if err != nil {
		return c, err
	}
	if err := gate(p, max(s.approve, c.Kills)); err != nil {
		return c, err
	}
	renewed := ring.Renewed(s.dirty(ring, p))
	if !slices.Equal(renewed.Old(), ring.Old()) {
		from, err := s.root(ctx, c.From)
		if err != nil {
			return c, err
		}
		if err := s.replace(ctx, ring, renewed.Sealed(from, ring.Revision()+1)); err != nil {
			return c, err
		}
	}
	c.Phase, c.Ledger, c.Kills, c.Slots = PhaseKeyed, p.Ledger, p.Kills, int64(len(renewed.Old()))
	return s.save(ctx, c)
}

// replace stores keyrings as the only ones, unless somebody has changed the one that they were made of.
func (s *session) replace(ctx context.Context, of *gdpr.Keyring, rings ...gdpr.SealedKeyring) error {
	return s.Cycles.ReplaceKeyrings(ctx, s.epoch, of.Revision(), rings)
}

// root returns a root of the store. Where there are only newer ones, another leader has long gone on.
func (s *session) root(ctx context.Context, generation int) (gdpr.Root, error) {
	roots, err := s.Roots.Load(ctx)
	if err != nil {
		return gdpr.Root{}, err
	}
	for _, r := range roots {
		if r.Generation == generation {
			return r, nil
		}
	}
	if len(roots) > 0 && roots[0].Generation > generation {
		return gdpr.Root{}, &hub.Error{Kind: hub.KindConflict, Code: hub.CodeStaleEpoch, Op: "loading root", Subject: s.Instance}
	}
	return gdpr.Root{}, hub.Errorf(hub.KindInternal, "loading root", "generation %d is not there", generation)
}

// Bounds of one transaction that rewrites slots, as far as the one before it lets expect. Nothing is added to the vault
// meanwhile, so it should end within a fraction of a second.
const (
	rewriteRows  = 2_000
	rewriteSlots = 512
)

// rewrap moves everything that lives in slots with two keys to the newer one and counts it, some slots in one transaction:
// one at first, and then twice as many each time, as long as they hold no more rows than is good. Nothing can be added under
// the old keys any more, because an addition names the keyring's revision. What a slot should hold and does not stops the
// cycle: the old keys still open what is put back. Slots that were done before a crash are written again to no effect.
func (s *session) rewrap(ctx context.Context, c Cycle) (Cycle, error) {
	ring, err := s.Keys.Keyring(ctx) // read from the vault, so what was stored opens
	if err != nil {
		return c, err
	}
	c.Rows = 0
	slots, size := ring.Old(), 1
	for len(slots) > 0 {
		if err := s.lead(ctx); err != nil {
			return c, err
		}
		some := slots[:min(size, len(slots))]
		var rows int
		err := s.Cycles.Rewrite(ctx, s.epoch, some, func(full []Slotful) (out []Slotful, err error) {
			out, rows, err = rewrapped(ring, full, c.From)
			return out, err
		})
		if err != nil {
			return c, err
		}
		c.Rows += int64(rows)
		slots = slots[len(some):]
		size = min(2*size, rewriteSlots, max(1, rewriteRows*len(some)/max(rows, 1)))
	}
	c.Phase = PhaseRewrapped
	return s.save(ctx, c)
}

// rewrapped returns slots under their newest keys, on all processors, and how many rows they hold.
func rewrapped(ring *gdpr.Keyring, full []Slotful, generation int) (out []Slotful, rows int, err error) {
	out, errs := make([]Slotful, len(full)), make([]error, len(full))
	var next atomic.Int64
	var wg sync.WaitGroup
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(full); i = int(next.Add(1)) - 1 {
			out[i], errs[i] = full[i].rewrapped(ring, generation)
		}
	}
	for range min(len(full), runtime.GOMAXPROCS(0)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	for i, s := range full {
		if errs[i] != nil {
			return nil, 0, errs[i]
		}
		rows += len(s.Keys) + len(s.Tags)
	}
	return out, rows, nil
}

// rewrapped returns one slot under its newest key.
func (f Slotful) rewrapped(ring *gdpr.Keyring, generation int) (out Slotful, err error) {
	if err := f.audit(); err != nil {
		return out, err
	}
	out = Slotful{
		Slot: f.Slot, Keys: make([]gdpr.WrappedKey, len(f.Keys)), Tags: make([]gdpr.Tag, len(f.Tags)),
		Census: &Census{Generation: generation, Keys: int64(len(f.Keys)), Digest: digest(f.Keys)},
	}
	for i, k := range f.Keys {
		if out.Keys[i], _, err = ring.Rewrap(k); err != nil {
			return out, err
		}
	}
	for i, t := range f.Tags {
		if out.Tags[i], _, err = ring.Retag(t); err != nil {
			return out, err
		}
	}
	return out, nil
}

// seal stores the keyring without the old keys and without the weeks that are over under the next root, and as it is under
// the old one, so that a next root that turns out to be lost costs nothing. The rows of those weeks go first: afterwards
// nobody would know which weeks they were.
func (s *session) seal(ctx context.Context, c Cycle) (Cycle, error) {
	ring, err := s.Keys.Keyring(ctx)
	if err != nil {
		return c, err
	}
	if ring.Generation() == c.From {
		from, err := s.root(ctx, c.From)
		if err != nil {
			return c, err
		}
		to, err := s.next(ctx, c.To)
		if err != nil {
			return c, err
		}
		weeks := s.expired(ring)
		if _, err := s.Cycles.DropSlots(ctx, s.epoch, weeks); err != nil {
			return c, err
		}
		c.Weeks = int64(len(weeks))
		revision := ring.Revision() + 1
		if err := s.replace(ctx, ring, ring.Sealed(from, revision), ring.Finished(weeks).Sealed(to, revision)); err != nil {
			return c, err
		}
		if ring, err = s.Keys.Keyring(ctx); err != nil {
			return c, err
		}
	}
	if ring.Generation() != c.To || len(ring.Old()) > 0 {
		return c, hub.Errorf(hub.KindInternal, "reading the keyring back", "it is under root %d with %d old keys", ring.Generation(), len(ring.Old()))
	}
	c.Phase = PhaseSealed
	return s.save(ctx, c)
}

// next makes the root of a generation, or returns the one that a try before has made.
func (s *session) next(ctx context.Context, generation int) (gdpr.Root, error) {
	root, err := s.Roots.Create(ctx, generation)
	if hub.KindOf(err) == hub.KindConflict {
		return s.root(ctx, generation)
	}
	return root, err
}

// finish destroys the old root once every hub has moved, and the keyring under it. A hub reports what it moved to itself, so
// one that is gone blocks the cycle until it is back or an operator removes it.
func (s *session) finish(ctx context.Context, c Cycle) (Cycle, error) {
	hubs, err := s.Cycles.Hubs(ctx)
	if err != nil {
		return c, err
	}
	waits := s.waiting(hubs, c.To)
	if !slices.Equal(waits, c.WaitsFor) {
		c.WaitsFor = waits
		if c, err = s.save(ctx, c); err != nil {
			return c, err
		}
	}
	if len(waits) > 0 {
		return c, nil
	}
	to, err := s.root(ctx, c.To) // it is still there
	if err != nil {
		return c, err
	}
	if c.Receipt, err = s.destroy(ctx, c); err != nil {
		return c, err
	}
	ring, err := s.Keys.Keyring(ctx)
	if err != nil {
		return c, err
	}
	if err := s.replace(ctx, ring, ring.Sealed(to, ring.Revision()+1)); err != nil {
		return c, err
	}
	c.Phase, c.EndedAt = PhaseDone, s.now()
	return s.save(ctx, c)
}

// destroy ends the old root, and any older one that a leader who was late may have left.
func (s *session) destroy(ctx context.Context, c Cycle) (receipt gdpr.Receipt, err error) {
	roots, err := s.Roots.Load(ctx)
	if err != nil {
		return receipt, err
	}
	for _, r := range roots {
		if r.Generation < c.From {
			if _, err := s.Roots.Destroy(ctx, r.Generation); err != nil {
				return receipt, err
			}
		}
	}
	return s.Roots.Destroy(ctx, c.From)
}

// waiting names the hubs that hold something that needs an older root. This hub must have reported, or nobody has yet.
func (s *session) waiting(hubs []Hub, generation int) (names []string) {
	reported := false
	for _, h := range hubs {
		reported = reported || h.Instance == s.Instance
		if h.Generation < generation {
			names = append(names, h.Instance)
		}
	}
	if !reported {
		names = append(names, s.Instance)
	}
	return names
}
