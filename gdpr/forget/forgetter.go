package forget

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"hub"
	"hub/gdpr"
)

// batch bounds what one call to the vault or one transaction is about.
const batch = 500

// tombstoneMonths is for how long an erased person is not written again by news of orders placed before the erasure.
const tombstoneMonths = 24

// Parts is what a Forgetter works with. All but Months is required.
type Parts struct {
	Keys        *gdpr.Keys
	Vault       gdpr.Vault
	Ledger      Ledger
	Shards      hub.Shards
	Shard       Shard
	Connections func(context.Context, hub.TenantID) ([]hub.ConnectionID, error) // of a tenant, removed ones included
	IDs         hub.IDSource
	Clock       hub.Clock
	Months      int // that tombstones live; 0 means 24
}

// Forgetter has the steps of which an erasure is made. Each may be repeated after any error and by any hub, and goes on where
// the last try ended; nothing but Reconcile repeats them by itself. It is safe for concurrent use.
type Forgetter struct {
	Parts
	mu    sync.Mutex
	ready map[hub.ShardID]error // what Ready answers; absent before the first Reconcile
	heads map[hub.ShardID]Entry // the last that was seen of each shard
}

// New returns a Forgetter. No shard is ready before it was reconciled.
func New(p Parts) *Forgetter {
	p.Months = cmp.Or(p.Months, tombstoneMonths)
	return &Forgetter{Parts: p, ready: map[hub.ShardID]error{}, heads: map[hub.ShardID]Entry{}}
}

// Find returns the candidates for a request: all living persons of the tenant whom any of the identifiers leads to, sorted.
// Somebody has to choose among them, because a household shares a telephone. It changes nothing.
func (f *Forgetter) Find(ctx context.Context, tenant hub.TenantID, identifiers []gdpr.Identifier) (found []gdpr.SubjectID, err error) {
	defer hub.Wrap(&err, "finding persons", string(tenant))
	connections, err := f.Connections(ctx, tenant)
	if err != nil {
		return nil, err
	}
	for _, id := range identifiers {
		list, err := f.Keys.Find(ctx, tenant, connections, id)
		if err != nil {
			return nil, err
		}
		found = append(found, list...)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// Plan is what an erasure is about to touch.
type Plan struct {
	Rows   map[gdpr.Location]int64 // by place, all places; InParked is what has to be opened and searched
	Orders int64
	// Anybody is what no erasure comes to, by place, all places: it may hold data of anybody, also of these persons, and dies by
	// its age. Whoever answers them says so.
	Anybody map[gdpr.Location]Anybody
}

// Plan counts. It changes nothing, and what is stored afterwards is not in it.
func (f *Forgetter) Plan(ctx context.Context, tenant hub.TenantID, subjects []gdpr.SubjectID) (p Plan, err error) {
	defer hub.Wrap(&err, "planning an erasure", string(tenant))
	if err := f.check(ctx, tenant, subjects); err != nil {
		return p, err
	}
	rows, err := f.Shard.Count(ctx, tenant, subjects)
	if err != nil {
		return p, err
	}
	anybody, err := f.Shard.Anybody(ctx)
	if err != nil {
		return p, err
	}
	p.Rows, p.Anybody = make(map[gdpr.Location]int64), make(map[gdpr.Location]Anybody)
	for _, place := range gdpr.Locations() {
		p.Rows[place], p.Anybody[place] = rows[place], anybody[place]
	}
	p.Orders = rows[gdpr.InOrders]
	for _, err := range f.unparsed(ctx, tenant) {
		if err != nil {
			return p, err
		}
		p.Rows[gdpr.InParked]++
	}
	return p, nil
}

// Orders yields the ids of all orders that hold data of a person, a page at a time: for notices to those who were served it.
func (f *Forgetter) Orders(ctx context.Context, tenant hub.TenantID, subject gdpr.SubjectID) iter.Seq2[hub.OrderID, error] {
	return pages(batch, func(after hub.OrderID, limit int) ([]hub.OrderID, error) {
		return f.Shard.OrdersOf(ctx, tenant, subject, after, limit)
	}, func(id hub.OrderID) hub.OrderID { return id })
}

// pages yields what page returns, from the beginning to the first short page; an error is the last that it yields.
func pages[T any, K ~string](limit int, page func(after K, limit int) ([]T, error), key func(T) K) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for after := K(""); ; {
			list, err := page(after, limit)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, v := range list {
				if !yield(v, nil) {
					return
				}
				after = key(v)
			}
			if len(list) < limit {
				return
			}
		}
	}
}

// check refuses persons who are not the tenant's. Whose key is gone passes: a step that is repeated must.
func (f *Forgetter) check(ctx context.Context, tenant hub.TenantID, subjects []gdpr.SubjectID) error {
	for part := range slices.Chunk(subjects, batch) {
		ids := make([]string, len(part))
		for i, s := range part {
			if !hub.ValidID(gdpr.SubjectPrefix, string(s)) {
				return unknownPerson(s)
			}
			ids[i] = string(s)
		}
		rows, err := f.Vault.ByID(ctx, ids)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Tenant != tenant {
				return unknownPerson(gdpr.SubjectID(row.ID))
			}
		}
	}
	return nil
}

func unknownPerson(s gdpr.SubjectID) error {
	return &hub.Error{Kind: hub.KindNotFound, Op: "looking for person", Subject: string(s)}
}

// now is the time of an entry: UTC, whole microseconds.
func (f *Forgetter) now() time.Time { return f.Clock().UTC().Truncate(time.Microsecond) }

// unique returns the subjects sorted and each once, so that everybody locks them in the same order.
func unique(subjects []gdpr.SubjectID) []gdpr.SubjectID {
	list := slices.Clone(subjects)
	slices.Sort(list)
	return slices.Compact(list)
}
