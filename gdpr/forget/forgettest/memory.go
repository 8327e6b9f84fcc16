package forgettest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// Row is one row with sealed values. Orders have them by part, the other places have one, under the empty part.
type Row struct {
	Tenant  hub.TenantID
	Place   gdpr.Location
	ID      string
	Values  map[hub.PersonalPart][]byte
	Expires gdpr.Week
}

// Memory is hub.Shards, forget.Shard and gdpr.Register in memory. Transactions of all shards run one after another.
type Memory struct {
	Faults Faults

	clock  hub.Clock
	of     func(hub.TenantID) hub.ShardID
	mu     sync.Mutex
	shards map[hub.ShardID]*data
}

var (
	_ hub.Shards    = (*Memory)(nil)
	_ forget.Shard  = (*Memory)(nil)
	_ gdpr.Register = (*Memory)(nil)
)

// data is what the database of a shard would hold.
type data struct {
	states  map[gdpr.SubjectID]forget.What
	places  map[gdpr.Holding]bool
	entries map[string]forget.Entry
	head    forget.Entry
	rows    map[address]Row
	idle    map[gdpr.SubjectID]hub.TenantID
}

type address struct {
	tenant hub.TenantID
	place  gdpr.Location
	id     string
}

// NewMemory returns empty shards. of says which one a tenant is on.
func NewMemory(clock hub.Clock, of func(hub.TenantID) hub.ShardID) *Memory {
	return &Memory{clock: clock, of: of, shards: map[hub.ShardID]*data{}}
}

func (m *Memory) shard(id hub.ShardID) *data {
	if m.shards[id] == nil {
		m.shards[id] = &data{states: map[gdpr.SubjectID]forget.What{}, places: map[gdpr.Holding]bool{},
			entries: map[string]forget.Entry{}, rows: map[address]Row{}, idle: map[gdpr.SubjectID]hub.TenantID{}}
	}
	return m.shards[id]
}

func (d *data) clone() *data {
	c := *d
	c.states, c.places, c.entries, c.idle = maps.Clone(d.states), maps.Clone(d.places), maps.Clone(d.entries), maps.Clone(d.idle)
	c.rows = make(map[address]Row, len(d.rows))
	for a, r := range d.rows {
		c.rows[a] = r.clone()
	}
	return &c
}

func (r Row) clone() Row {
	values := make(map[hub.PersonalPart][]byte, len(r.Values))
	for part, v := range r.Values {
		values[part] = bytes.Clone(v)
	}
	r.Values = values
	return r
}

// tx is the token of a transaction, with what it has changed.
type tx struct {
	d   *data
	now time.Time
}

func (t tx) Now() time.Time  { return t.now }
func (t tx) Epoch() int64    { return 1 }
func (t tx) OnCommit(func()) {}

// Of implements hub.Shards.
func (m *Memory) Of(t hub.TenantID) hub.ShardID { return m.of(t) }

// Do implements hub.Shards.
func (m *Memory) Do(ctx context.Context, shard hub.ShardID, f func(context.Context, hub.Tx) error) error {
	return m.Faults.around(ctx, "Do", func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		t := tx{m.shard(shard).clone(), m.clock().UTC().Truncate(time.Microsecond)}
		if err := f(ctx, t); err != nil {
			return err
		}
		m.shards[shard] = t.d
		return nil
	})
}

// read runs f on one shard outside of a transaction.
func (m *Memory) read(ctx context.Context, method string, shard hub.ShardID, f func(*data)) error {
	return m.Faults.around(ctx, method, func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		f(m.shard(shard))
		return nil
	})
}

// Put stores a row, replacing it. It registers nothing: see Hold.
func (m *Memory) Put(_ context.Context, t hub.Tx, r Row) error {
	t.(tx).d.rows[address{r.Tenant, r.Place, r.ID}] = r.clone()
	return nil
}

// Settle drops the bytes of a parked delivery as its replay does.
func (m *Memory) Settle(_ context.Context, t hub.Tx, tenant hub.TenantID, id hub.ParkedID) error {
	d := t.(tx).d
	d.empty(address{tenant, gdpr.InParked, string(id)}, nil)
	return nil
}

// Values returns what a row holds now.
func (m *Memory) Values(ctx context.Context, t hub.TenantID, place gdpr.Location, id string) (values map[hub.PersonalPart][]byte, err error) {
	err = m.read(ctx, "Values", m.of(t), func(d *data) { values = d.rows[address{t, place, id}].clone().Values })
	return values, err
}

// Rows returns all rows of a shard.
func (m *Memory) Rows(shard hub.ShardID) (all []Row) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.shard(shard).rows {
		all = append(all, r.clone())
	}
	return all
}

// Copy returns the content of a shard, as a backup.
func (m *Memory) Copy(shard hub.ShardID) *Backup {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Backup{m.shard(shard).clone()}
}

// Restore replaces the content of a shard.
func (m *Memory) Restore(shard hub.ShardID, b *Backup) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shards[shard] = b.d.clone()
}

// Backup is a copy of a shard.
type Backup struct{ d *data }

// Hold implements gdpr.Register.
func (m *Memory) Hold(_ context.Context, t hub.Tx, holdings []gdpr.Holding) error {
	d := t.(tx).d
	for _, h := range holdings {
		if d.states[h.Subject] != "" {
			return &hub.Error{Kind: hub.KindConflict, Code: gdpr.CodeSubjectFenced, Op: "registering", Subject: string(h.Subject)}
		}
		d.places[h] = true
	}
	return nil
}

// Leave implements gdpr.Register.
func (m *Memory) Leave(_ context.Context, t hub.Tx, left []gdpr.Holding) error {
	for _, h := range left {
		t.(tx).d.idle[h.Subject] = h.Tenant
	}
	return nil
}

// sorted returns what matches of a map's keys, in order.
func sorted[K comparable, V any](m map[K]V, match func(K, V) bool, compare func(a, b K) int) (list []K) {
	for k, v := range m {
		if match(k, v) {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, compare)
	return list
}
