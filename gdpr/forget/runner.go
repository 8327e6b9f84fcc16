package forget

import (
	"context"
	"sync"
	"time"

	"hub"
	"hub/gdpr"
)

// CodeApprovalNeeded: a cycle would kill so many persons that somebody has to say that number.
const CodeApprovalNeeded hub.Code = "approval_needed"

// CodeKeysVanished: keys are gone that no entry of the ledger names. They can be put back while no cycle has ended.
const CodeKeysVanished hub.Code = "keys_vanished"

// CodeKeysDamaged: a cycle found keys or index tags that do not open, so it cannot wrap them again, and whatever copy of them
// still opens would not after it. It waits, once for each of them, for somebody to put them back from a copy of the vault: while
// they are no more than ten, for twelve hours, because the dead have a promise too; if they are more, until somebody approves
// their number together with that of the kills; and if they are more than ten thousand, until the vault was restored.
const CodeKeysDamaged hub.Code = "keys_damaged"

// CodeElsewhere: another hub runs the cycle.
const CodeElsewhere hub.Code = "forget_cycle_elsewhere"

// lease is for how long a leader may be silent before another one goes on.
const lease = time.Minute

// Runner runs forget cycles. Any hub may: one leads at a time.
type Runner struct {
	Keys     *gdpr.Keys
	Cycles   Cycles
	Roots    gdpr.RootStore
	Instance string // that leads
	Clock    hub.Clock

	one sync.Mutex // of several Runs of this hub, each waits for the one before it
}

// Run begins a cycle if something is pending, or goes on with the one that runs, as far as it gets, and returns it. Nothing
// to do is the zero Cycle. A cycle in PhaseSealed waits for the hubs in WaitsFor and is no error: the next Run goes on.
//
// Every step is durable before the next one begins and may be repeated, so after an error, or a kill, any hub calls Run
// again; Loop does. CodeElsewhere means that another hub leads, hub.CodeStaleEpoch that it took over meanwhile. With
// CodeApprovalNeeded nothing has happened, and the Cycle says how many persons would die: Run with at least that number goes
// on. With CodeKeysVanished and CodeKeysDamaged nothing was destroyed: once the rows are back in the vault, Run goes on. A
// damaged row that nobody puts back stays in the vault, unreadable for good. The Cycle names it and so does each later one that
// comes to its slot, but none waits for it again.
func (r *Runner) Run(ctx context.Context, approve int64) (c Cycle, err error) {
	defer hub.Wrap(&err, "forget cycle", "")
	r.one.Lock()
	defer r.one.Unlock()
	unlock, err := r.Roots.Lock(ctx)
	if err != nil {
		return c, elsewhere(err)
	}
	defer unlock()
	s := session{Runner: r, approve: approve}
	if err := s.lead(ctx); err != nil {
		return c, elsewhere(err)
	}
	defer func() {
		if hub.CodeOf(err) != hub.CodeStaleEpoch {
			s.release(ctx)
		}
	}()
	if c, err = r.Cycles.Current(ctx); err != nil {
		return c, err
	}
	if c.Number == 0 || c.Phase == PhaseDone {
		if c, err = s.begin(ctx, c); err != nil || c.Number == 0 {
			return c, err
		}
	}
	return s.goOn(ctx, c)
}

// elsewhere gives the conflict of whoever came second its code.
func elsewhere(err error) error {
	if hub.KindOf(err) != hub.KindConflict {
		return err
	}
	return &hub.Error{Kind: hub.KindConflict, Code: CodeElsewhere, Err: err}
}

// tries is how often a step is repeated that somebody came between who added a week to the keyring.
const tries = 5

// goOn takes steps until the cycle is done or waits.
func (s *session) goOn(ctx context.Context, c Cycle) (Cycle, error) {
	for left := tries; c.Phase != PhaseDone; {
		if err := s.lead(ctx); err != nil {
			return c, err
		}
		next, err := s.step(ctx, c)
		if hub.CodeOf(err) == gdpr.CodeKeyringStale && left > 0 {
			left--
			continue
		}
		if err != nil || len(next.WaitsFor) > 0 {
			return next, err
		}
		c, left = next, tries
	}
	return c, nil
}

// session is one Run: what it was allowed, and the word of the vault that it leads.
type session struct {
	*Runner
	approve int64
	epoch   int64
	until   time.Time
	counted *Pending // by begin, when this Run has begun the cycle
}

// lead becomes the leader or stays it; the lease is renewed when half of it is over.
func (s *session) lead(ctx context.Context) (err error) {
	now := s.Clock().UTC()
	if s.epoch != 0 && s.until.Sub(now) > lease/2 {
		return nil
	}
	epoch, err := s.Cycles.Lead(ctx, s.Instance, now, now.Add(lease))
	if err != nil {
		return err
	}
	if s.epoch != 0 && s.epoch != epoch {
		return &hub.Error{Kind: hub.KindConflict, Code: hub.CodeStaleEpoch, Op: "leading", Subject: s.Instance}
	}
	s.epoch, s.until = epoch, now.Add(lease)
	return nil
}

// release lets another hub lead at once. If it does not work the lease runs out.
func (s *session) release(ctx context.Context) {
	now := s.Clock().UTC()
	_, _ = s.Cycles.Lead(ctx, s.Instance, now, now)
}

// step does what is next.
func (s *session) step(ctx context.Context, c Cycle) (Cycle, error) {
	switch c.Phase {
	case PhaseBegun:
		return s.key(ctx, c)
	case PhaseKeyed:
		return s.rewrap(ctx, c)
	case PhaseRewrapped:
		return s.seal(ctx, c)
	case PhaseSealed:
		return s.finish(ctx, c)
	}
	return c, hub.Errorf(hub.KindInternal, "going on", "unknown phase %q", c.Phase)
}

func (s *session) save(ctx context.Context, c Cycle) (Cycle, error) {
	return c, s.Cycles.Save(ctx, s.epoch, c)
}

func (s *session) now() time.Time { return s.Clock().UTC().Truncate(time.Microsecond) }
