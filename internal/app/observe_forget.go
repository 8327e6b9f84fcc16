package app

import (
	"context"

	"hub/gdpr"
	"hub/gdpr/forget"
)

// cycles watches the steps of forget cycles.
func (o Observer) cycles(c forget.Cycles) forget.Cycles {
	if o == nil {
		return c
	}
	return observedCycles{c, o}
}

type observedCycles struct {
	forget.Cycles
	observe Observer
}

func (c observedCycles) Save(ctx context.Context, epoch int64, cycle forget.Cycle) error {
	defer c.observe(PhaseCycle)()
	return c.Cycles.Save(ctx, epoch, cycle)
}

func (c observedCycles) Rewrite(ctx context.Context, epoch int64, slots []gdpr.Slot, f func([]forget.Slotful) ([]forget.Slotful, error)) error {
	defer c.observe(PhaseRewrap)()
	return c.Cycles.Rewrite(ctx, epoch, slots, f)
}

func (c observedCycles) StoreKeyring(ctx context.Context, epoch, revision int64, k gdpr.SealedKeyring) error {
	defer c.observe(PhaseKeyring)()
	return c.Cycles.StoreKeyring(ctx, epoch, revision, k)
}

// ledger watches the vault's side of fences and kills.
func (o Observer) ledger(l forget.Ledger) forget.Ledger {
	if o == nil {
		return l
	}
	return observedLedger{l, o}
}

type observedLedger struct {
	forget.Ledger
	observe Observer
}

func (l observedLedger) Fence(ctx context.Context, entries []forget.Entry, owners [][]byte, stones []forget.Tombstone) ([]forget.Entry, error) {
	defer l.observe(PhaseFence)()
	return l.Ledger.Fence(ctx, entries, owners, stones)
}

func (l observedLedger) Kill(ctx context.Context, entries []forget.Entry, owners [][]byte) ([]forget.Entry, error) {
	defer l.observe(PhaseKill)()
	return l.Ledger.Kill(ctx, entries, owners)
}

// roots watches the root store.
func (o Observer) roots(r gdpr.RootStore) gdpr.RootStore {
	if o == nil {
		return r
	}
	return observedRoots{r, o}
}

type observedRoots struct {
	gdpr.RootStore
	observe Observer
}

func (r observedRoots) Create(ctx context.Context, generation int) (gdpr.Root, error) {
	defer r.observe(PhaseRoot)()
	return r.RootStore.Create(ctx, generation)
}

func (r observedRoots) Destroy(ctx context.Context, generation int) (gdpr.Receipt, error) {
	defer r.observe(PhaseRoot)()
	return r.RootStore.Destroy(ctx, generation)
}

// phase watches one call.
func (o Observer) phase(p Phase) (end func()) {
	if o == nil {
		return func() {}
	}
	return o(p)
}
