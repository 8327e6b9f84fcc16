package gdpr

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"hub"
)

// CodeVaultStale: the vault has not answered for so long that keys in memory may have ended. Personal reads and sealing
// wait for it; the kind is KindUnavailable.
const CodeVaultStale hub.Code = "vault_stale"

const (
	leaseLength = 5 * time.Second // from the beginning of a poll that was answered
	pollAfter   = time.Second     // a younger poll is not repeated
	pollTimeout = 3 * time.Second // less than a lease: whoever waits for one poll has time for another
	opPoll      = "asking what has changed"
)

// polls lets one poll run at a time and remembers the last.
type polls struct {
	turn   chan struct{} // held by who polls; guards ledger, err and shared
	begun  atomic.Int64  // polls
	ledger int64         // up to which it is known what ended
	err    error         // of the last poll
	shared bool          // that error is not about the caller's own context
	lease  atomic.Pointer[time.Time]
}

func newPolls() polls { return polls{turn: make(chan struct{}, 1)} }

// Refresh polls the vault: keys that ended leave the cache, and a keyring that changed is read again. Hubs call it each
// second; every use of a key does as well when the last poll is older. CodeRootMismatch and CodeKeyringDamaged say that
// root store and vault do not belong together, all other trouble is KindUnavailable with CodeVaultStale.
func (k *Keys) Refresh(ctx context.Context) error { return k.refresh(ctx, true) }

// Fresh is nil within the lease.
func (k *Keys) Fresh() error {
	if k.age() > leaseLength {
		return stale(nil)
	}
	return nil
}

// Mark is a moment in the life of Keys, for FreshSince. The zero Mark is before anything was known.
type Mark struct {
	epoch uint64
	lease *time.Time
}

// Mark is taken before the first key is used for an answer.
func (k *Keys) Mark() Mark { return Mark{k.cache.now(), k.polls.lease.Load()} }

// FreshSince is nil when keys that were used since the mark may still be: within the lease, and unless keys ended in
// between, within the lease of the mark itself; left is how long that is. Fresh alone is not enough for that: a process that
// stood still may poll first, and then hold what it opened before under a new lease.
func (k *Keys) FreshSince(m Mark) (left time.Duration, err error) {
	left = leaseLength - k.age() // before the epoch, which a poll moves before it renews the lease
	if k.cache.now() != m.epoch {
		left = min(left, leaseLength-k.sinceLease(m.lease))
	}
	if left < 0 {
		return 0, stale(nil)
	}
	return left, nil
}

func stale(why error) error {
	return &hub.Error{Kind: hub.KindUnavailable, Code: CodeVaultStale, Op: opPoll, Subject: "vault", RetryAfter: time.Second, Err: why}
}

// age is how long ago the last good poll began. A machine that slept stops the monotonic clock, a clock that was set
// back stops the other, so the longer of both counts.
func (k *Keys) age() time.Duration { return k.sinceLease(k.polls.lease.Load()) }

func (k *Keys) sinceLease(lease *time.Time) time.Duration {
	if lease == nil {
		return 1 << 62
	}
	now := k.o.Monotonic()
	return max(now.Sub(*lease), now.Round(0).Sub(lease.Round(0)))
}

// ready returns the keyring within the lease, after a poll when the last one is older than a second.
func (k *Keys) ready(ctx context.Context) (*Keyring, error) {
	if k.age() > pollAfter {
		if err := k.refresh(ctx, false); err != nil && k.Fresh() != nil {
			return nil, err
		}
	}
	return k.ring.Load(), nil
}

// readyAnyway is ready for what is no personal data: the keyring in memory will do.
func (k *Keys) readyAnyway(ctx context.Context) (*Keyring, error) {
	ring, err := k.ready(ctx)
	if known := k.ring.Load(); err != nil && known != nil {
		return known, nil
	}
	return ring, err
}

// refresh polls, or takes the outcome of a poll that another caller began after this one had asked.
func (k *Keys) refresh(ctx context.Context, force bool) error {
	p := &k.polls
	seen := p.begun.Load()
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return stale(ctx.Err())
	}
	if p.begun.Load() > seen && p.shared {
		return p.err
	}
	if !force && k.age() <= pollAfter {
		return nil
	}
	p.begun.Add(1)
	limited, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	p.err = k.poll(limited)
	p.shared = p.err == nil || ctx.Err() == nil
	switch hub.CodeOf(p.err) {
	case CodeRootMismatch, CodeKeyringDamaged:
	default:
		if p.err != nil {
			p.err = stale(p.err)
		}
	}
	return p.err
}

// poll asks the vault. The lease begins before that, and only when all that has changed is known here.
func (k *Keys) poll(ctx context.Context) error {
	began := k.o.Monotonic()
	state, err := k.vault.Poll(ctx, k.polls.ledger)
	if err != nil {
		return vaultError(opPoll, err)
	}
	if state.Gap || state.Ledger < k.polls.ledger || !allKeys(state.Ended) {
		k.cache.clear()
	} else {
		k.cache.drop(state.Ended)
	}
	k.polls.ledger = state.Ledger
	if ring := k.ring.Load(); ring == nil || ring.revision != state.Revision {
		if ring, err = k.load(ctx, ring); err != nil {
			return err
		}
		if ring.revision < state.Revision {
			return hub.Errorf(hub.KindUnavailable, opKeyring, "the vault returned an older one than it announced")
		}
		k.ring.Store(ring)
	}
	k.polls.lease.Store(&began)
	return nil
}

// allKeys reports whether all of these are ids of keys that the cache would know. The end of a connection or a tenant is
// named by its id.
func allKeys(ended []string) bool {
	for _, id := range ended {
		if !strings.HasPrefix(id, SubjectPrefix) && !strings.HasPrefix(id, LotPrefix) &&
			!strings.HasPrefix(id, CredentialPrefix) && !strings.HasPrefix(id, TenantKeyPrefix) {
			return false
		}
	}
	return true
}

// leased runs f under the keyring within the lease, and again under a newer one when that is an old one. What f found is
// within the lease when it returns.
func (k *Keys) leased(ctx context.Context, f func(*Keyring) error) error {
	ring, err := k.ready(ctx)
	if err != nil {
		return err
	}
	if err := k.withRing(ctx, ring, f); err != nil {
		return err
	}
	return k.Fresh() // the process may have stood still since the lease was looked at
}
