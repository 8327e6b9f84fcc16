package forget

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

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
	p, err := s.pending(ctx)
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
		if err := s.store(ctx, ring, renewed.Sealed(from, ring.Revision()+1)); err != nil {
			return c, err
		}
	}
	c.Phase, c.Ledger, c.Kills, c.Slots = PhaseKeyed, p.Ledger, p.Kills, int64(len(renewed.Old()))
	return s.save(ctx, c)
}

// pending counts, unless this Run has begun the cycle: what died since is in slots that stay dirty after it.
func (s *session) pending(ctx context.Context) (Pending, error) {
	if s.counted != nil {
		return *s.counted, nil
	}
	return s.Cycles.Pending(ctx)
}

// store stores a keyring, unless somebody has changed the one that it was made of.
func (s *session) store(ctx context.Context, of *gdpr.Keyring, ring gdpr.SealedKeyring) error {
	return s.Cycles.StoreKeyring(ctx, s.epoch, of.Revision(), ring)
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
	rewriteRows   = 2_000
	rewriteSlots  = 500
	rewriteGrowth = 4 // from one to the next
)

// What of a vault may be damaged: see CodeKeysDamaged.
const (
	mending        = 12 * time.Hour // in which somebody can put a few rows back
	mostUnreadable = 10_000
)

// rewrap moves everything that lives in slots with two keys to the newer one and counts it, some slots in one transaction:
// one at first, and then some times as many each time, as long as they hold no more rows than is good. Nothing can be added under
// the old keys any more, because an addition names the keyring's revision. What a slot should hold and does not stops the
// cycle: the old keys still open what is put back. So does, for a while and unless that was waited for before, what does not
// open; it stays as it is and is counted with the slot. Slots that were done before a crash are read again to no effect.
func (s *session) rewrap(ctx context.Context, c Cycle) (Cycle, error) {
	ring, err := s.Keys.Keyring(ctx) // read from the vault, so what was stored opens
	if err != nil {
		return c, err
	}
	c.Rows, c.Unreadable = 0, nil
	var broken []Damage
	slots, size := ring.Old(), 1
	for len(slots) > 0 {
		if err := s.lead(ctx); err != nil {
			return c, err
		}
		some := slots[:min(size, len(slots))]
		var did rewritten
		err := s.Cycles.Rewrite(ctx, s.epoch, some, func(full []Slotful) ([]Slotful, error) {
			var err error
			did, err = rewrappedAll(ring, full, c.From)
			return did.changed, err
		})
		if err != nil {
			return c, err
		}
		c.Rows += int64(did.rows)
		if broken = append(broken, did.broken...); len(broken) > mostUnreadable {
			return c, damaged("more than %d keys and tags do not open: restore the vault", mostUnreadable)
		}
		slots = slots[len(some):]
		size = min(rewriteGrowth*size, rewriteSlots, max(1, rewriteRows*len(some)/max(did.rows, 1)))
	}
	for _, d := range broken {
		c.Unreadable = append(c.Unreadable, d.Name)
	}
	if err := s.mayLose(c, broken); err != nil {
		_, saved := s.save(ctx, c) // so that everybody can see which
		return c, errors.Join(err, saved)
	}
	c.Phase, c.Known = PhaseRewrapped, c.known(broken, ring.Old())
	return s.save(ctx, c)
}

// known is what is known after damage was found in slots: what was known of them before is gone if it was not found again.
func (c Cycle) known(broken []Damage, slots []gdpr.Slot) []Damage {
	rest := slices.DeleteFunc(slices.Clone(c.Known), func(d Damage) bool {
		_, read := slices.BinarySearch(slots, d.Slot)
		return read
	})
	return append(rest, broken...)
}

// mayLose holds a cycle up that found damage which somebody may still mend. What was waited for before is not waited for again.
func (s *session) mayLose(c Cycle, broken []Damage) error {
	var names []string
	for _, d := range broken {
		if !slices.ContainsFunc(c.Known, d.equal) {
			names = append(names, d.Name)
		}
	}
	n := len(names)
	waited := s.now().Sub(c.BeganAt)
	if n == 0 || s.approve >= c.Kills+int64(n) || n <= few && waited >= mending {
		return nil
	}
	named := strings.Join(names[:min(n, few)], ", ")
	if n > few {
		return damaged("%d keys and tags do not open, among them %s: put them back from a copy of the vault, or approve %d", n, named, c.Kills+int64(n))
	}
	return damaged("%s do not open: put them back from a copy of the vault, or approve %d, or wait %s", named, c.Kills+int64(n),
		(mending - waited).Round(time.Minute))
}

func damaged(format string, args ...any) error {
	return &hub.Error{Kind: hub.KindConflict, Code: CodeKeysDamaged, Op: "wrapping again", Err: hub.Errorf(hub.KindConflict, "", format, args...)}
}

// rewritten is what became of some slots.
type rewritten struct {
	changed []Slotful // to be stored
	rows    int       // of all slots
	broken  []Damage
}

// rewrappedAll wraps what slots hold under their newest keys, on all processors.
func rewrappedAll(ring *gdpr.Keyring, full []Slotful, generation int) (did rewritten, err error) {
	type outcome struct {
		slot    Slotful
		changed bool
		broken  []Damage
		err     error
	}
	out := make([]outcome, len(full))
	var next atomic.Int64
	var wg sync.WaitGroup
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(full); i = int(next.Add(1)) - 1 {
			o := &out[i]
			o.slot, o.changed, o.broken, o.err = full[i].rewrapped(ring.Bench(), generation)
		}
	}
	for range min(len(full), runtime.GOMAXPROCS(0)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	for i, o := range out {
		if o.err != nil {
			return rewritten{}, o.err
		}
		if o.changed {
			did.changed = append(did.changed, o.slot)
		}
		did.rows += len(full[i].Keys) + len(full[i].Tags)
		did.broken = append(did.broken, o.broken...)
	}
	return did, nil
}

// rewrapped returns one slot under its newest key, with what does not open as it was, and whether anything is to be stored.
func (f Slotful) rewrapped(ring *gdpr.Keyring, generation int) (out Slotful, changed bool, broken []Damage, err error) {
	if err := f.audit(); err != nil {
		return out, false, nil, err
	}
	out = Slotful{
		Slot: f.Slot, Keys: make([]gdpr.WrappedKey, len(f.Keys)), Tags: make([]gdpr.Tag, len(f.Tags)),
		Census: &Census{Generation: generation, Keys: int64(len(f.Keys)), Digest: digest(f.Keys)},
	}
	changed = f.Census == nil || !f.Census.holds(out.Census.Keys, out.Census.Digest) || f.Counted < len(f.Keys) || len(f.Killed) > 0
	for i, k := range f.Keys {
		next, renewed, err := ring.Rewrap(k)
		if lost(err) {
			next, broken, err = k, append(broken, f.damage(k.ID, k.Sum())), nil
		}
		if err != nil {
			return out, false, nil, err
		}
		out.Keys[i], changed = next, changed || renewed
	}
	for i, t := range f.Tags {
		next, renewed, err := ring.Retag(t)
		if lost(err) {
			next, broken, err = t, append(broken, f.damage(t.Name(), t.Sum())), nil
		}
		if err != nil {
			return out, false, nil, err
		}
		out.Tags[i], changed = next, changed || renewed
	}
	return out, changed, broken, nil
}

func (f Slotful) damage(name string, sum [32]byte) Damage {
	return Damage{Name: name, Slot: f.Slot, Digest: sum[:]}
}

func (d Damage) equal(o Damage) bool {
	return d.Name == o.Name && d.Slot == o.Slot && bytes.Equal(d.Digest, o.Digest)
}

// lost reports whether a row is damaged, or so old that its key has died already. A row of another keyring is neither: then
// the vault was put together from two, and nothing may go on.
func lost(err error) bool {
	code := hub.CodeOf(err)
	return err != nil && (code == hub.CodeUnreadable || code == gdpr.CodeKeyGone)
}

// seal stores the keyring without the old keys and without the weeks that are over under the next root, and reads it back.
// The one under the old root stays beside it, with the old keys, until the cycle is done: should the next root turn out to
// be lost before that, everything that this cycle has wrapped again opens with the old one, the rows of the weeks that are
// over excepted, which are deleted here. Deleted they are before the keyring is stored, since afterwards nobody would know
// which weeks they were. What is lost with the next root all the same is what hubs have since moved to it or sealed for
// weeks that were added to its keyring.
func (s *session) seal(ctx context.Context, c Cycle) (Cycle, error) {
	ring, err := s.Keys.Keyring(ctx)
	if err != nil {
		return c, err
	}
	if ring.Generation() == c.From {
		to, err := s.next(ctx, c.To)
		if err != nil {
			return c, err
		}
		weeks := s.expired(ring)
		if _, err := s.Cycles.DropSlots(ctx, s.epoch, weeks); err != nil {
			return c, err
		}
		c.Weeks = int64(len(weeks))
		if err := s.store(ctx, ring, ring.Finished(weeks).Sealed(to, ring.Revision()+1)); err != nil {
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

// finish destroys the old root once every hub has moved. The keyring under it, which nothing opens any more, goes with the
// word that the cycle is done. A hub reports what it moved to itself, so one that is gone blocks the cycle until it is back
// or an operator removes it.
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
	if _, err := s.root(ctx, c.To); err != nil { // it is still there
		return c, err
	}
	if c.Receipt, err = s.destroy(ctx, c); err != nil {
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
