package app

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/audit"
	"hub/internal/erp"
	"hub/internal/wal"
)

const (
	forgetEvery = time.Second
	reportEvery = time.Minute // what a hub says of itself, when nothing changed

	// mostForShopee keeps every value of a Shopee shop for less than the 90 days that the platform allows, as a value may be
	// up to 14 days older than the retention of its lot.
	mostForShopee = 76 * 24 * time.Hour
)

// retention is how long what is in a lot is kept.
func (h *Hub) retention(t hub.TenantID, c hub.ConnectionID, class gdpr.LotClass) time.Duration {
	keep := gdpr.DefaultRetention(class)
	if tenant, ok := h.tenancy.Directory.Tenant(t); ok && class == gdpr.LotOrder {
		keep = tenant.OrderRetention()
	}
	if shop, ok := h.tenancy.Directory.Connection(c); ok && shop.Platform == hub.Shopee {
		keep = min(keep, mostForShopee)
	}
	return keep
}

// openForget puts together what ends keys, and says to the vault that this hub exists: no forget cycle may destroy a root
// that its log still needs.
func (h *Hub) openForget(ctx context.Context) error {
	h.forgetter = forget.New(forget.Parts{
		Keys: h.keys, Vault: h.store.Vault(), Ledger: h.o.Observe.ledger(h.store.Vault()), Shards: h.o.Observe.shards(h.store), Shard: h.store.Subjects(),
		Connections: h.connections, IDs: h.ids, Clock: h.o.Clock,
	})
	h.runner = &forget.Runner{Keys: h.keys, Cycles: h.o.Observe.cycles(h.store.Vault()), Roots: h.o.Observe.roots(h.roots), Instance: h.instance.id, Clock: h.o.Clock}
	h.loop = &forget.Loop{Forgetter: h.forgetter, Runner: h.runner, ShardIDs: h.store.ShardIDs}
	h.chores = []*chore{
		{name: "polling the vault", do: h.keys.Refresh},
		{name: "moving to a new root", do: h.moveRoot},
		{name: "forgetting", do: h.loop.Tick},
	}
	err := h.lastSeen(ctx)
	if err == nil {
		err = h.report(ctx)
	}
	if hub.KindOf(err) == hub.KindUnavailable && exists(h.path(reportedFile)) {
		h.o.Logger.Warn("vault not reached: accepting, and draining what needs no new key", "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	if err := replaceFile(h.path(reportedFile), nil); err != nil {
		return err
	}
	return h.checkReported(ctx)
}

// lastSeen remembers the newest time at which a hub reported, before this one does: a clock far ahead of it expires nothing.
func (h *Hub) lastSeen(ctx context.Context) error {
	hubs, err := h.store.Vault().Hubs(ctx)
	var newest time.Time
	for _, other := range hubs {
		if other.SeenAt.After(newest) {
			newest = other.SeenAt
		}
	}
	if !newest.IsZero() {
		h.loop.Trust(newest)
	}
	return err
}

// reportedFile says that the vault knows of this folder for ever: no cycle ends without it, so it may accept while the vault
// is away.
const reportedFile = "intake/reported"

// checkReported looks whether the root that was reported is still there: a cycle may have ended between the two.
func (h *Hub) checkReported(ctx context.Context) error {
	roots, err := h.roots.Load(ctx)
	if err != nil {
		return err
	}
	for _, r := range roots {
		if r.Generation == h.intake.Generation() {
			return nil
		}
	}
	return hub.Errorf(hub.KindConflict, "opening intake keys", "a forget cycle has destroyed their root meanwhile; start again")
}

// report stores what this hub's folder needs.
func (h *Hub) report(ctx context.Context) error {
	return h.store.Vault().Report(ctx, forget.Hub{
		Instance: h.instance.id, Generation: h.intake.Generation(), SeenAt: h.o.Clock(),
	})
}

// connections lists those of a tenant.
func (h *Hub) connections(_ context.Context, t hub.TenantID) (ids []hub.ConnectionID, err error) {
	for _, c := range h.tenancy.Directory.List().Connections {
		if c.Tenant == t {
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
}

// personal is the use case of personal reads.
func (h *Hub) personal() *erp.Personal {
	return &erp.Personal{
		Reader: h.store.ERP(), Keys: h.keys, Disclosures: h.o.Observe.disclosures(h.store.ERP()), Clock: h.o.Clock, Logger: h.o.Logger,
		Ready: func(t hub.TenantID) error { return h.forgetter.Ready(h.store.Of(t)) }, Damaged: h.metrics.Damaged,
	}
}

// openAudit opens the log into which the audit records of this hub's own transactions go.
func (h *Hub) openAudit(context.Context) (err error) {
	h.auditLog, err = wal.Open(h.path("audit"), wal.Options{Now: h.o.Clock, SegmentBytes: auditSegment})
	if err != nil {
		return hub.Errorf(hub.KindUnavailable, "opening audit log", "%w", err)
	}
	h.audit, err = audit.NewDrainer(h.auditLog, h.store.Outbox(), h.o.Logger)
	return err
}

// auditSegment is the size of a file of the audit log, which grows slowly.
const auditSegment = 4 << 20

// forgetLoop keeps the lease on the vault's keys, the ledgers in step, and the forget cycle going, and moves this hub to a
// new root when a cycle has come so far.
func (h *Hub) forgetLoop(ctx context.Context) error {
	tick := time.NewTicker(forgetEvery)
	defer tick.Stop()
	for {
		for _, c := range h.chores {
			c.run(ctx, h.o.Logger)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// chore is something that is repeated for ever. Trouble is logged when it begins, when it is another, and when it is over;
// /readyz names it as long as it lasts.
type chore struct {
	name    string
	do      func(context.Context) error
	trouble atomic.Pointer[error]
}

func (c *chore) run(ctx context.Context, log *slog.Logger) {
	err := c.do(ctx)
	if ctx.Err() != nil {
		return
	}
	before := c.failing()
	c.trouble.Store(&err)
	if (err != nil) != (before != nil) || hub.CodeOf(err) != hub.CodeOf(before) {
		log.Warn(c.name, "failing", err != nil, "error", err)
	}
}

// failing is the error of the last run.
func (c *chore) failing() error {
	if err := c.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// moveRoot follows a forget cycle: once the keyring is sealed under a newer root, everything on this hub's disk moves to it,
// and then the vault is told, so that the old root may go.
func (h *Hub) moveRoot(ctx context.Context) error {
	h.moving.Lock()
	defer h.moving.Unlock()
	ring, err := h.keys.Keyring(ctx)
	if err != nil {
		return err
	}
	if ring.Generation() <= h.intake.Generation() {
		if now := h.o.Clock(); now.Sub(h.reported) >= reportEvery {
			if err := h.report(ctx); err != nil {
				return err
			}
			h.reported = now
		}
		return nil
	}
	roots, err := h.roots.Load(ctx)
	if err != nil {
		return err
	}
	to := roots[len(roots)-1]
	if to.Generation != ring.Generation() {
		return hub.Errorf(hub.KindUnavailable, "moving to a new root", "the keyring is of generation %d, the newest root of %d",
			ring.Generation(), to.Generation)
	}
	defer h.o.Observe.phase(PhaseMove)()
	if moved, err := h.intake.moveTo(ctx, to); err != nil || !moved {
		return err
	}
	h.reported = time.Time{} // should this report fail, the next tick repeats it
	return h.report(ctx)
}

// onDemand runs forget cycles for people, who wait for what this hub itself has still to do.
type onDemand struct{ *Hub }

// patience is how long they wait. A cycle goes on in the background afterwards.
const patience = 20 * time.Second

// Run implements httpapi.Forget.
func (h onDemand) Run(ctx context.Context, approve int64) (c forget.Cycle, err error) {
	h.loop.Trust(h.o.Clock())
	deadline, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		number := c.Number
		if c, err = h.runner.Run(ctx, approve); err == nil && c.Number == 0 && number > 0 {
			c, err = h.store.Vault().Current(ctx) // the loop has ended it meanwhile
		}
		mine := err == nil && slices.Equal(c.WaitsFor, []string{h.instance.id})
		if !mine && hub.CodeOf(err) != forget.CodeElsewhere || deadline.Err() != nil {
			return c, err
		}
		if mine {
			if err := h.moveRoot(ctx); err != nil {
				return c, err
			}
		}
		select {
		case <-time.After(tendEvery):
		case <-deadline.Done():
		}
	}
}

// Forgetter has the steps of erasures; tests and later the privacy requests drive them.
func (h *Hub) Forgetter() *forget.Forgetter { return h.forgetter }
