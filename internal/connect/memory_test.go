package connect

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"hub"
	"hub/gdpr"
)

// base is the control database in memory, as the contracts of this package say.
type base struct {
	mu    sync.Mutex
	clock *clock
	steps map[[32]byte]Step
	rows  map[hub.ConnectionID]*row
	shops []NewShop
	audit []string

	released map[hub.ConnectionID]bool
	graves   []Ended
	hidden   []NewShop // stored, and in no directory yet
}

type row struct {
	Stored
	epoch  int64
	holder string
	until  time.Time
	notes  []Intent
	begun  map[int64]time.Time
}

func newBase(c *clock) *base {
	return &base{clock: c, steps: map[[32]byte]Step{}, rows: map[hub.ConnectionID]*row{}, released: map[hub.ConnectionID]bool{}}
}

// clock is set by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (b *base) Put(_ context.Context, s Step) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.steps[s.Hash] = s
	return nil
}

func (b *base) Look(_ context.Context, kind StepKind, hash [32]byte) (Step, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.steps[hash]; ok && s.Kind == kind {
		return s, nil
	}
	return Step{}, &hub.Error{Kind: hub.KindNotFound}
}

func (b *base) Take(_ context.Context, kind StepKind, hash [32]byte) (Step, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.steps[hash]
	if !ok || s.Kind != kind {
		return Step{}, &hub.Error{Kind: hub.KindNotFound}
	}
	delete(b.steps, hash)
	return s, nil
}

func (b *base) Connect(ctx context.Context, n NewShop, g Grant) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.free(n.Shop); err != nil {
		return err
	}
	b.shops = append(b.shops, n)
	b.give(n.ID, n.Tenant, g)
	b.audit = append(b.audit, "connect "+string(hub.ActorOf(ctx).Key))
	return nil
}

// free says whether nobody else has a shop.
func (b *base) free(s Shop) error {
	if slices.ContainsFunc(slices.Concat(b.shops, b.hidden), func(o NewShop) bool {
		return o.Platform == s.Platform && o.Environment == s.Environment && o.Account == s.Account && o.ID != s.ID && !b.released[o.ID]
	}) {
		return &hub.Error{Kind: hub.KindConflict, Code: "shop_taken"}
	}
	return nil
}

func (b *base) Reconnect(ctx context.Context, s Shop, g Grant, seen int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.rows[s.ID]; seen != 0 && (r == nil || r.Generation != seen || !r.lives() || !slices.ContainsFunc(b.shops, func(o NewShop) bool { return o.ID == s.ID && o.App == s.App })) {
		return &hub.Error{Kind: hub.KindConflict, Code: "shop_taken"}
	}
	if err := b.free(s); err != nil {
		return err
	}
	if r := b.rows[s.ID]; r != nil && r.Life != g.Life {
		return &hub.Error{Kind: hub.KindConflict, Code: "shop_taken"}
	}
	delete(b.released, s.ID)
	for i := range b.shops {
		if b.shops[i].ID == s.ID {
			b.shops[i].App = s.App
		}
	}
	b.give(s.ID, s.Tenant, g)
	b.audit = append(b.audit, "reconnect "+string(hub.ActorOf(ctx).Key))
	return nil
}

func (b *base) give(id hub.ConnectionID, t hub.TenantID, g Grant) {
	r := b.rows[id]
	if r == nil {
		r = &row{begun: map[int64]time.Time{}}
		b.rows[id] = r
	}
	r.epoch++
	r.holder, r.until, r.notes = "", time.Time{}, nil
	r.Stored = Stored{
		Connection: id, Tenant: t, Generation: r.Generation + 1, Sealed: g.Sealed, AccessUntil: g.AccessUntil, RefreshUntil: g.RefreshUntil,
		GrantUntil: g.GrantUntil, Standing: OK, DueAt: g.DueAt, ConnectedAt: g.At, RefreshedAt: g.At, Report: r.Report, CheckedAt: r.CheckedAt,
		Life: r.Life,
	}
}

func (b *base) End(_ context.Context, id hub.ConnectionID, t hub.TenantID, code hub.Code, seen int64) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rows[id]
	switch {
	case r == nil && (seen != 0 || b.released[id]), r != nil && (r.Standing == Disconnected || seen != 0 && seen != r.Generation):
		return false, nil
	case r != nil:
		b.graves = append(b.graves, Ended{id, t, r.Life})
		r.epoch++
		r.Life++
		r.notes, r.Sealed, r.Previous, r.Standing, r.Code, r.DueAt = nil, nil, nil, Disconnected, code, time.Time{}
	}
	b.audit = append(b.audit, "end")
	b.released[id] = true
	return true, nil
}

func (b *base) Ended(context.Context, int) ([]Ended, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.graves), nil
}

func (b *base) Killed(_ context.Context, dead Ended) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.graves = slices.DeleteFunc(b.graves, func(e Ended) bool { return e.Connection == dead.Connection && e.Life == dead.Life })
	return nil
}

func (b *base) Note(_ context.Context, id hub.ConnectionID, generation int64, n Note) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rows[id]
	same := r != nil && r.Generation == generation
	if r == nil || !same && !r.ConnectedAt.Equal(n.ConnectedAt) {
		return nil
	}
	if n.Worked && same {
		r.Previous = nil
	}
	if n.Report != nil {
		r.Report, r.CheckedAt = n.Report, n.CheckedAt
	}
	if !n.GrantUntil.IsZero() {
		r.GrantUntil = n.GrantUntil
	}
	r.Started = r.Started || n.Started && same
	return nil
}

func (b *base) Unstarted(_ context.Context, before time.Time, _ int) (list []hub.ConnectionID, _ error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, r := range b.rows {
		if !r.Started && r.Standing == OK && r.ConnectedAt.Before(before) {
			list = append(list, id)
		}
	}
	return list, nil
}

func (b *base) Get(_ context.Context, id hub.ConnectionID) (Stored, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.rows[id]; r != nil {
		return r.Stored, nil
	}
	return Stored{}, &hub.Error{Kind: hub.KindNotFound}
}

func (b *base) Due(_ context.Context, now time.Time, limit int) (list []Due, _ error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(b.rows)) {
		if b.rows[id].due(now) && len(list) < limit {
			list = append(list, Due{id, b.rows[id].Generation})
		}
	}
	return list, nil
}

func (b *base) Lease(_ context.Context, id hub.ConnectionID, holder string, d time.Duration) (Leased, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, now := b.rows[id], b.clock.time()
	if r == nil {
		return Leased{}, &hub.Error{Kind: hub.KindNotFound}
	}
	if r.holder != "" && r.holder != holder && r.until.After(now) {
		return Leased{}, &hub.Error{Kind: hub.KindConflict, Code: CodeBusy}
	}
	r.epoch++
	r.holder, r.until = holder, now.Add(d)
	l := Leased{Stored: r.Stored, Epoch: r.epoch}
	for _, n := range r.notes {
		if at, ok := r.begun[n.Epoch]; ok {
			n.Begun, n.Since = true, now.Sub(at)
		}
		l.Errands = append(l.Errands, n)
	}
	return l, nil
}

func stale() error { return &hub.Error{Kind: hub.KindConflict, Code: hub.CodeStaleEpoch} }

func (b *base) Save(_ context.Context, id hub.ConnectionID, epoch int64, o Outcome) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rows[id]
	if r == nil || r.epoch != epoch {
		return stale()
	}
	r.holder, r.until = "", time.Time{}
	r.Standing, r.Code, r.Attempts, r.DueAt = o.Standing, o.Code, o.Attempts, o.DueAt
	if g := o.Next; g != nil {
		r.Previous, r.Sealed, r.notes = r.Sealed, g.Sealed, nil
		r.Generation++
		r.AccessUntil, r.RefreshUntil, r.RefreshedAt = g.AccessUntil, g.RefreshUntil, g.At
		if !g.GrantUntil.IsZero() {
			r.GrantUntil = g.GrantUntil
		}
	}
	r.notes = slices.DeleteFunc(r.notes, func(n Intent) bool {
		_, begun := r.begun[n.Epoch]
		return slices.Contains(o.Settled, n.Epoch) || !begun
	})
	return nil
}

func (b *base) Intend(_ context.Context, e Intent) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rows[e.Connection]
	if r == nil || r.epoch != e.Epoch {
		return stale()
	}
	r.notes = append(r.notes, e)
	r.Standing = Refreshing
	return nil
}

func (b *base) Begin(_ context.Context, id hub.ConnectionID, epoch int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rows[id]
	if r == nil || r.epoch != epoch {
		return stale()
	}
	r.begun[epoch] = b.clock.time()
	return nil
}

func (b *base) Answer(_ context.Context, id hub.ConnectionID, epoch int64, sealed []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rows[id]
	if r == nil {
		return &hub.Error{Kind: hub.KindNotFound}
	}
	for i := range r.notes {
		if r.notes[i].Epoch == epoch {
			r.notes[i].Answer = sealed
			r.DueAt = time.Unix(1, 0)
			return nil
		}
	}
	return &hub.Error{Kind: hub.KindNotFound}
}

// vault seals by writing the place and the key's life in front.
type vault struct {
	away bool
	only string          // table that it is away for
	dead map[string]bool // keys, by owner
	err  error           // of kills
}

func lifeOf(o gdpr.CredentialOwner) string {
	return string(o.Connection) + "#" + strconv.FormatInt(o.Life, 10)
}

func (v *vault) SealCredential(_ context.Context, o gdpr.CredentialOwner, p gdpr.Place, plain []byte) ([]byte, error) {
	return append([]byte(lifeOf(o)+"|"+string(p.Tenant)+p.Table+p.Row+"|"), plain...), nil
}

func (v *vault) OpenCredential(_ context.Context, p gdpr.Place, envelope []byte) ([]byte, error) {
	if v.away && (v.only == "" || v.only == p.Table) {
		return nil, &hub.Error{Kind: hub.KindUnavailable, Code: gdpr.CodeVaultStale}
	}
	key, rest, _ := bytes.Cut(envelope, []byte("|"))
	if v.dead[string(key)] {
		return nil, &hub.Error{Kind: hub.KindNotFound, Code: gdpr.CodeKeyGone}
	}
	text, ok := bytes.CutPrefix(rest, []byte(string(p.Tenant)+p.Table+p.Row+"|"))
	if !ok {
		return nil, &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeUnreadable}
	}
	return text, nil
}

func (v *vault) KillCredential(_ context.Context, _ hub.TenantID, o gdpr.CredentialOwner) error {
	if v.err == nil {
		if v.dead == nil {
			v.dead = map[string]bool{}
		}
		v.dead[lifeOf(o)] = true
	}
	return v.err
}
