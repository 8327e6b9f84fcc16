package intake

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"hub"
	"hub/gdpr"
	"hub/internal/orders"
)

// fault is what goes wrong with one transaction.
type fault int

const (
	fine  fault = iota
	down        // unavailable, nothing done
	lost        // outcome unknown, not committed
	kept        // outcome unknown, committed
	twice       // the closure runs twice, the first time for nothing
)

var errSurprise = errors.New("surprise")

// memory is all shards in memory, as the contracts of the ports say, with faults.
type memory struct {
	mu     sync.Mutex
	shards map[hub.ShardID]*rows
	busy   map[hub.ShardID]chan struct{} // one transaction at a time
	calls  int
	next   func(shard hub.ShardID, call int) fault
	refuse func(hub.ExternalID) error // of orders.Save
}

// rows is one shard.
type rows struct {
	orders  map[orders.Key]orders.Stored
	changes []hub.Change
	claims  map[Delivery]bool
	raws    map[hub.RawRef]Raw
	notes   map[Note]int
	parked  map[hub.ParkedID]Parked
	places  map[gdpr.Holding]bool
	fenced  map[gdpr.SubjectID]bool
	records []record
	erased  map[hub.TenantID]time.Time // of the newest entry in the shard's ledger
}

// record is an audit record.
type record struct {
	action string
	tenant hub.TenantID
	count  int64
	actor  hub.Actor
}

func newMemory(shards ...hub.ShardID) *memory {
	m := &memory{shards: map[hub.ShardID]*rows{}, busy: map[hub.ShardID]chan struct{}{}}
	for _, s := range shards {
		m.busy[s] = make(chan struct{}, 1)
		m.shards[s] = &rows{
			orders: map[orders.Key]orders.Stored{}, claims: map[Delivery]bool{}, raws: map[hub.RawRef]Raw{},
			notes: map[Note]int{}, parked: map[hub.ParkedID]Parked{},
			places: map[gdpr.Holding]bool{}, fenced: map[gdpr.SubjectID]bool{}, erased: map[hub.TenantID]time.Time{},
		}
	}
	return m
}

func (r *rows) clone() *rows {
	return &rows{
		maps.Clone(r.orders), slices.Clone(r.changes), maps.Clone(r.claims), maps.Clone(r.raws), maps.Clone(r.notes),
		maps.Clone(r.parked), maps.Clone(r.places), maps.Clone(r.fenced), slices.Clone(r.records), maps.Clone(r.erased),
	}
}

// Of puts the tenants whose name ends in b on shard s2.
func (m *memory) Of(t hub.TenantID) hub.ShardID {
	if t != "" && t[len(t)-1] == 'b' {
		return "s2"
	}
	return "s1"
}

type memoryTx struct {
	rows      *rows
	committed *[]func()
}

func (memoryTx) Now() time.Time      { return time.Now().UTC() }
func (memoryTx) Epoch() int64        { return 1 }
func (t memoryTx) OnCommit(f func()) { *t.committed = append(*t.committed, f) }

func (m *memory) Do(ctx context.Context, shard hub.ShardID, f func(context.Context, hub.Tx) error) error {
	m.busy[shard] <- struct{}{}
	defer func() { <-m.busy[shard] }()
	what := m.fault(shard)
	if err := ctx.Err(); err != nil {
		return err
	}
	if what == down {
		return &hub.Error{Kind: hub.KindUnavailable, Op: "beginning", Subject: string(shard)}
	}
	if what == twice {
		_ = f(ctx, memoryTx{m.of(shard).clone(), new([]func())})
	}
	work, committed := m.of(shard).clone(), new([]func())
	if err := f(ctx, memoryTx{work, committed}); err != nil {
		return err
	}
	if what != lost {
		m.mu.Lock()
		m.shards[shard] = work
		m.mu.Unlock()
		for _, f := range *committed {
			f()
		}
	}
	if what == lost || what == kept {
		return &hub.Error{Kind: hub.KindUnknown, Op: "committing", Subject: string(shard)}
	}
	return nil
}

func (m *memory) fault(shard hub.ShardID) fault {
	m.mu.Lock()
	m.calls++
	next, calls := m.next, m.calls
	m.mu.Unlock()
	if next == nil {
		return fine
	}
	return next(shard, calls)
}

// of returns the committed rows; they are replaced, never changed.
func (m *memory) of(shard hub.ShardID) *rows {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.shards[shard]
}

// set changes the script while drains run.
func (m *memory) set(next func(hub.ShardID, int) fault, refuse func(hub.ExternalID) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next, m.refuse = next, refuse
}

func (m *memory) done() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

func (m *memory) Lock(_ context.Context, tx hub.Tx, keys []orders.Key) (map[orders.Key]orders.Stored, error) {
	found := map[orders.Key]orders.Stored{}
	for _, k := range keys {
		if row, ok := tx.(memoryTx).rows.orders[k]; ok {
			found[k] = row
		}
	}
	return found, nil
}

// Lost implements orders.Repo: no row here is ever lost.
func (m *memory) Lost(context.Context, hub.Tx, []orders.Key) (map[orders.Key]orders.Stored, error) {
	return nil, nil
}

func (m *memory) Save(_ context.Context, tx hub.Tx, list []orders.Stored) error {
	m.mu.Lock()
	refuse := m.refuse
	m.mu.Unlock()
	for _, row := range list {
		if len(row.External) > maxResource {
			return hub.Invalid(hub.CodeTooLong, "external_id")
		}
		if refuse != nil && refuse(row.External) != nil {
			return refuse(row.External)
		}
		row.New = false
		tx.(memoryTx).rows.orders[row.Key] = row
	}
	return nil
}

func (m *memory) Append(_ context.Context, tx hub.Tx, changes []hub.Change) error {
	r := tx.(memoryTx).rows
	r.changes = append(r.changes, changes...)
	return nil
}

func (m *memory) Claim(_ context.Context, tx hub.Tx, list []Delivery) ([]bool, error) {
	fresh := make([]bool, len(list))
	for i, d := range list {
		if len(d.Resource) > maxResource {
			return nil, hub.Invalid(hub.CodeTooLong, "resource")
		}
		r := tx.(memoryTx).rows
		fresh[i] = !r.claims[d]
		r.claims[d] = true
	}
	return fresh, nil
}

func (m *memory) KeepRaw(_ context.Context, tx hub.Tx, raws []Raw) error {
	for _, raw := range raws {
		tx.(memoryTx).rows.raws[raw.Ref] = raw
	}
	return nil
}

func (m *memory) Note(_ context.Context, tx hub.Tx, notes []Note) error {
	for _, n := range notes {
		tx.(memoryTx).rows.notes[n]++
	}
	return nil
}

func (m *memory) Park(_ context.Context, tx hub.Tx, parked []Parked) error {
	for _, p := range parked {
		tx.(memoryTx).rows.parked[p.ID] = p
	}
	return nil
}

func (m *memory) Record(ctx context.Context, tx hub.Tx, action string, tenant hub.TenantID, count int64) error {
	r := tx.(memoryTx).rows
	r.records = append(r.records, record{action, tenant, count, hub.ActorOf(ctx)})
	return nil
}

func (m *memory) Erased(_ context.Context, tx hub.Tx, t hub.TenantID, since time.Time) (bool, error) {
	at, ok := tx.(memoryTx).rows.erased[t]
	return ok && !at.Before(since), nil
}

// erase writes an entry into the ledger of a tenant's shard: while no transaction runs, or from next.
func (m *memory) erase(t hub.TenantID, at time.Time) {
	work := m.of(m.Of(t)).clone()
	work.erased[t] = at
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shards[m.Of(t)] = work
}

// Hold implements gdpr.Register.
func (m *memory) Hold(_ context.Context, tx hub.Tx, holdings []gdpr.Holding) error {
	r := tx.(memoryTx).rows
	for _, h := range holdings {
		if r.fenced[h.Subject] {
			return &hub.Error{Kind: hub.KindConflict, Code: gdpr.CodeSubjectFenced, Op: "holding", Subject: string(h.Subject)}
		}
		r.places[h] = true
	}
	return nil
}

// Leave implements gdpr.Register.
func (m *memory) Leave(_ context.Context, tx hub.Tx, left []gdpr.Holding) error {
	for _, h := range left {
		if !tx.(memoryTx).rows.places[h] {
			return hub.Errorf(hub.KindInternal, "leaving", "%s was not in %s", h.Subject, h.Row)
		}
	}
	return nil
}

// fence marks subjects as being erased, as the shard's half of a fence does: while no transaction runs, or from next.
func (m *memory) fence(shard hub.ShardID, subjects ...gdpr.SubjectID) {
	work := m.of(shard).clone()
	for _, s := range subjects {
		work.fenced[s] = true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shards[shard] = work
}

func (m *memory) Supersede(_ context.Context, tx hub.Tx, list []Newest) error {
	r := tx.(memoryTx).rows
	for _, n := range list {
		for id, p := range r.parked {
			if p.Connection == n.Order.Connection && p.Gist.ExternalID == n.Order.External && p.State == ParkedOpen &&
				!p.Gist.SourceUpdatedAt.IsZero() && p.Gist.SourceUpdatedAt.Before(n.SourceUpdatedAt) {
				p.State, p.Sealed, p.Expires, p.ClosedBy = ParkedClosed, nil, "", n.Revision
				r.parked[id] = p
			}
		}
	}
	return nil
}

func (m *memory) Settle(_ context.Context, tx hub.Tx, p Parked) error {
	r := tx.(memoryTx).rows
	row, ok := r.parked[p.ID]
	if !ok || row.Tenant != p.Tenant || row.State != ParkedOpen {
		return &hub.Error{Kind: hub.KindConflict, Op: "settling"}
	}
	row.State = p.State
	if p.State == ParkedOpen {
		row.Attempts, row.Code, row.Path, row.Gist = row.Attempts+1, p.Code, p.Path, p.Gist
	} else {
		row.Sealed, row.Expires = nil, ""
	}
	r.parked[p.ID] = row
	return nil
}

func (m *memory) Parked(_ context.Context, t hub.TenantID, f ParkedFilter, after hub.ParkedID, limit int) (list []Parked, err error) {
	r := m.of(m.Of(t))
	for _, id := range slices.Sorted(maps.Keys(r.parked)) {
		p := r.parked[id]
		if p.Tenant == t && id > after && f.takes(p) && len(list) < limit {
			p.Sealed = nil
			list = append(list, p)
		}
	}
	return list, nil
}

func (f ParkedFilter) takes(p Parked) bool {
	return (f.State == "" || f.State == p.State) && (f.Code == "" || f.Code == p.Code) && (f.Platform == "" || f.Platform == p.Platform) &&
		(f.Connection == "" || f.Connection == p.Connection) && (f.Before.IsZero() || p.ReceivedAt.Before(f.Before))
}

func (m *memory) ParkedByID(_ context.Context, t hub.TenantID, id hub.ParkedID) (Parked, error) {
	p, ok := m.of(m.Of(t)).parked[id]
	if !ok || p.Tenant != t {
		return Parked{}, &hub.Error{Kind: hub.KindNotFound, Op: "reading parked"}
	}
	return p, nil
}

// Applied implements AppliedReader.
func (m *memory) Applied(_ context.Context, t hub.TenantID, f AppliedFilter, after hub.OrderID, limit int) (list []orders.Stored, more bool, err error) {
	for _, row := range m.of(m.Of(t)).orders {
		if row.Tenant == t && row.ID > after && row.Revision > 0 && (f.Connection == "" || f.Connection == row.Connection) && !row.UpdatedAt.Before(f.Since) {
			list = append(list, row)
		}
	}
	slices.SortFunc(list, func(a, b orders.Stored) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return list[:min(limit, len(list))], len(list) > limit, nil
}

// RawByRef implements AppliedReader.
func (m *memory) RawByRef(_ context.Context, t hub.TenantID, ref hub.RawRef) (Raw, error) {
	raw, ok := m.of(m.Of(t)).raws[ref]
	if !ok || raw.Order.Tenant != t || len(raw.Sealed) == 0 {
		return Raw{}, &hub.Error{Kind: hub.KindNotFound, Op: "reading payload"}
	}
	return raw, nil
}
