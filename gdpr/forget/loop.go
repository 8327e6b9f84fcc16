package forget

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"hub"
	"hub/gdpr"
)

// interval is how often a cycle begins at most, and how often what expired is cleaned.
const interval = time.Hour

// patience is how long what failed is left alone: a cycle that only a person can help, and cleaning what expired. Keys under
// which nothing is left are ended as often: while a hub that died half way left one, its shard refuses that person's orders.
const patience = time.Minute

// Loop is the body of the loop that each hub runs beside its work. It is not safe for concurrent use.
type Loop struct {
	Forgetter *Forgetter
	Runner    *Runner
	ShardIDs  func() []hub.ShardID // all that there are

	trusted atomic.Pointer[time.Time] // the newest time that is believed; nil: the clock is

	seen    int64     // newest entry of the ledger that all shards were reconciled with
	started bool      // seen means something
	cleaned time.Time // when cleaning what expired was last begun
	retired time.Time // when ending idle keys was
	soiled  error     // how the last of the two ended
	stuckAt time.Time // when a cycle that runs last failed in a way that waits for somebody
	looked  glance    // at what was pending, when a cycle last found nothing to do or was refused
	lookAt  time.Time
	waiting int64 // the cycle that was seen to wait for hubs
	since   time.Time
}

// glance is all that decides whether something is pending.
type glance struct {
	ledger int64
	week   gdpr.Week
}

// Tick does what is due: it reconciles the shards when the ledger has moved or one of them went back, cleans what expired once
// an hour, ends idle keys once a minute, and runs a cycle when something is pending and the last one began an hour ago, or
// goes on with one that runs. The caller repeats it every second or so. Every part is tried although another fails; that
// another hub leads is no error; that a cycle has waited for hubs for a minute is one.
func (l *Loop) Tick(ctx context.Context) error {
	state, err := l.Forgetter.Vault.Poll(ctx, l.seen)
	if err != nil {
		return err
	}
	err = l.reconcile(ctx, state)
	if doubt := l.doubtClock(); doubt != nil {
		return errors.Join(err, doubt)
	}
	return errors.Join(err, l.clean(ctx), l.cycle(ctx, state))
}

// CodeClockDoubtful: the clock is so far ahead of the newest time that anybody has seen that what it says has expired is not
// destroyed before somebody looks.
const CodeClockDoubtful hub.Code = "clock_doubtful"

// absence is for how long a whole installation may have been off without its clock being doubted.
const absence = 8 * 24 * time.Hour

// Trust says which time is known to be right: the newest that the vault has heard of before this process, or the present one
// when a person orders a cycle. Expiry goes by the clock and cannot be undone, so a clock that jumps ahead of it is doubted.
// It is safe for concurrent use.
func (l *Loop) Trust(t time.Time) { l.trusted.Store(&t) }

// doubtClock believes a clock that goes on.
func (l *Loop) doubtClock() error {
	now, last := l.Runner.Clock(), l.trusted.Load()
	if last != nil && now.Sub(*last) > absence {
		return &hub.Error{Kind: hub.KindConflict, Code: CodeClockDoubtful, Op: "expiring", Err: hub.Errorf(hub.KindConflict, "",
			"the clock says %s, the newest time known is %s; if the clock is right, order a forget cycle",
			now.UTC().Format(time.RFC3339), last.UTC().Format(time.RFC3339))}
	}
	l.trusted.CompareAndSwap(last, &now)
	return nil
}

func (l *Loop) reconcile(ctx context.Context, state gdpr.State) error {
	l.Forgetter.lookBack(ctx, l.ShardIDs()) // a shard that went back is not ready
	if l.started && state.Ledger < l.seen {
		l.Forgetter.doubt() // an old copy of the vault was restored under this process
	} else if l.started && state.Ledger == l.seen && l.ready() {
		return nil
	}
	err := l.Forgetter.ReconcileAll(ctx, l.ShardIDs())
	if err == nil {
		l.seen, l.started = state.Ledger, true
	}
	return err
}

func (l *Loop) ready() bool {
	for _, s := range l.ShardIDs() {
		if l.Forgetter.Ready(s) != nil {
			return false
		}
	}
	return true
}

// clean cleans what expired, once an hour, and ends idle keys, once a minute. When one of them failed, perhaps for a key that
// only a person can mend, both are done again after a minute, and until then every tick tells how it ended.
func (l *Loop) clean(ctx context.Context) error {
	now := l.Runner.Clock()
	if now.Sub(l.retired) < patience {
		return l.soiled
	}
	expired := l.soiled != nil || now.Sub(l.cleaned) >= interval
	var errs []error
	for _, s := range l.ShardIDs() {
		var err error
		if expired {
			_, err = l.Forgetter.CleanExpired(ctx, s)
		}
		if err == nil && l.Forgetter.Ready(s) == nil {
			_, err = l.Forgetter.Retire(ctx, s)
		}
		errs = append(errs, err)
	}
	if l.retired = now; expired {
		l.cleaned = now
	}
	l.soiled = errors.Join(errs...)
	return l.soiled
}

func (l *Loop) cycle(ctx context.Context, state gdpr.State) error {
	c, err := l.Runner.Cycles.Current(ctx)
	if err != nil {
		return err
	}
	now := l.Runner.Clock()
	current := glance{state.Ledger, gdpr.WeekOf(now)}
	running := c.Number > 0 && c.Phase != PhaseDone
	if running && now.Sub(l.stuckAt) < patience && now.Sub(l.stuckAt) >= 0 {
		return nil
	}
	if !running && (now.Sub(c.BeganAt) < interval || current == l.looked && now.Sub(l.lookAt) < interval) {
		return nil
	}
	next, err := l.Runner.Run(ctx, 0)
	code := hub.CodeOf(err)
	l.stuckAt = time.Time{}
	if code == CodeApprovalNeeded || code == CodeKeysVanished || code == CodeKeysDamaged || hub.KindOf(err) == hub.KindPermanent {
		l.stuckAt = now
	}
	if err == nil || code == CodeApprovalNeeded || code == CodeKeysVanished {
		l.looked, l.lookAt = current, now
	}
	if code == CodeElsewhere || code == hub.CodeStaleEpoch || code == gdpr.CodeKeyringStale {
		next, err = c, nil // another hub leads, or changed the keyring
	}
	if err == nil {
		err = l.waits(next, now)
	}
	return err
}

// waits names the hubs that a cycle waits for, when that was seen to go on for longer than a running hub takes to move.
func (l *Loop) waits(c Cycle, now time.Time) error {
	if len(c.WaitsFor) == 0 {
		l.waiting = 0
		return nil
	}
	if l.waiting != c.Number {
		l.waiting, l.since = c.Number, now
	}
	if now.Sub(l.since) < patience {
		return nil
	}
	return &hub.Error{Kind: hub.KindUnavailable, Code: CodeCycleWaits, Op: "running a forget cycle", Err: hub.Errorf(hub.KindUnavailable, "",
		"cycle %d waits for %s: start them again, or say with hub instance remove that a disk is destroyed", c.Number, strings.Join(c.WaitsFor, ", "))}
}

// CodeCycleWaits: hubs have not moved to the new root for longer than one that runs takes, so the old root is still there.
const CodeCycleWaits hub.Code = "cycle_waits"
