package intake

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
	"hub/internal/orders"
)

// Pipeline turns deliveries into committed rows: read, identify, seal, then one transaction. Drainers and replays share
// it. It keeps no state of its own and is safe for concurrent use.
type Pipeline struct {
	Platforms map[hub.Platform]driver.Storefront
	Keys      *gdpr.Keys
	Shards    hub.Shards
	Orders    *orders.Service
	Repo      Repo
	IDs       hub.IDSource
	// Lacking is told, after the commit, of how many orders were read without parts that the platform may tell later, and
	// have a fetch coming because of it; nil is nobody. It must not block.
	Lacking func(orders int)
}

// prepare does everything that needs no transaction, on all processors. An error that comes with an item, by its place in
// the slice, concerns that item alone; err concerns the whole batch, as when the vault is down. The same items may be
// prepared again.
func (p *Pipeline) prepare(ctx context.Context, items []*item) (failed map[int]error, err error) {
	failed = map[int]error{}
	p.each(items, failed, func(it *item) error { return it.read(p.Platforms) })
	if err := p.identify(ctx, items, failed); err != nil {
		return nil, err
	}
	seals, err := p.seals(ctx, items, failed)
	if err != nil {
		return nil, err
	}
	p.each(items, failed, func(it *item) error { return it.seal(seals[it], p.IDs) })
	return failed, nil
}

// each calls f for the items that have not failed yet and adds those that fail.
func (p *Pipeline) each(items []*item, failed map[int]error, f func(*item) error) {
	errs := make([]error, len(items))
	parallel(len(items), func(i int) {
		if failed[i] == nil {
			errs[i] = f(items[i])
		}
	})
	for i, err := range errs {
		if err != nil {
			failed[i] = err
		}
	}
}

// identify asks for the keys of each tenant once. A tenant whose keys do not open fails its own items only. A try makes no
// keys.
func (p *Pipeline) identify(ctx context.Context, items []*item, failed map[int]error) error {
	type asked struct {
		tenant hub.TenantID
		dry    bool
	}
	type answer struct {
		keys *gdpr.TenantKeys
		err  error
	}
	answers := map[asked]answer{}
	for i, it := range items {
		if failed[i] != nil {
			continue
		}
		q := asked{it.head.Tenant, it.dry}
		a, known := answers[q]
		if !known {
			ask := p.Keys.Tenant
			if it.dry {
				ask = p.Keys.Peek
			}
			a.keys, a.err = ask(ctx, it.head.Tenant)
			answers[q] = a
		}
		switch {
		case passing(a.err):
			return a.err
		case a.err != nil:
			failed[i] = a.err
		default:
			it.identify(a.keys)
		}
	}
	return nil
}

// seals gets the keys of all items in one call to the vault.
func (p *Pipeline) seals(ctx context.Context, items []*item, failed map[int]error) (map[*item][]*gdpr.Seal, error) {
	var holders []gdpr.Holder
	ends := make([]int, len(items))
	for i, it := range items {
		if failed[i] == nil {
			if it.parked != nil && it.parked.ID == "" {
				it.parked.ID = hub.ParkedID(p.IDs.New(hub.ParkedPrefix))
			}
			holders = append(holders, it.holders()...)
		}
		ends[i] = len(holders)
	}
	seals, err := p.Keys.Seals(ctx, holders)
	if err != nil {
		return nil, err
	}
	of := make(map[*item][]*gdpr.Seal, len(items))
	start := 0
	for i, it := range items {
		of[it] = seals[start:ends[i]]
		start = ends[i]
	}
	return of, nil
}

// drained is the action of the audit record of one batch.
const drained = "orders.drain"

// commit brings prepared items of one shard into it, in one transaction, with one audit record of those that are new.
func (p *Pipeline) commit(ctx context.Context, shard hub.ShardID, items []*item) error {
	return p.transact(ctx, shard, items, func(ctx context.Context, tx hub.Tx) error { return p.take(ctx, tx, items, drained, "") })
}

// take claims deliveries, applies those that are new, and records them.
func (p *Pipeline) take(ctx context.Context, tx hub.Tx, items []*item, action string, tenant hub.TenantID) error {
	claims := make([]Delivery, len(items))
	for i, it := range items {
		claims[i] = Delivery{Tenant: it.head.Tenant, Connection: it.head.Connection, Resource: it.resource, Key: it.key}
	}
	fresh, err := p.Repo.Claim(ctx, tx, claims)
	if err != nil {
		return err
	}
	first := make([]*item, 0, len(items))
	for i, it := range items {
		if fresh[i] {
			first = append(first, it)
		}
	}
	if len(first) == 0 {
		return nil
	}
	if _, err := p.apply(ctx, tx, first); err != nil {
		return err
	}
	return p.Repo.Record(ctx, tx, action, tenant, int64(len(first)))
}

// apply writes the effects of items whose deliveries are new, and returns what became of their drafts, in order.
func (p *Pipeline) apply(ctx context.Context, tx hub.Tx, items []*item) ([]orders.Result, error) {
	var (
		incoming []orders.Incoming
		raws     []Raw
		notes    []Note
		parked   []Parked
	)
	for _, it := range items {
		for _, d := range it.drafts {
			incoming = append(incoming, d.Incoming)
			raws = append(raws, d.raw)
		}
		for _, h := range it.reading.Hints {
			notes = append(notes, it.note(h))
		}
		if it.parked != nil {
			row := *it.parked
			row.ParkedAt = tx.Now()
			parked = append(parked, row)
		}
	}
	results, kept, again, err := p.decide(ctx, tx, incoming, raws)
	if err != nil {
		return nil, err
	}
	if len(kept) > 0 {
		if err := p.Repo.KeepRaw(ctx, tx, kept); err != nil {
			return nil, err
		}
	}
	if notes = append(notes, again...); len(notes) > 0 {
		if err := p.Repo.Note(ctx, tx, merge(notes)); err != nil {
			return nil, err
		}
	}
	if len(parked) > 0 {
		if err := p.Repo.Park(ctx, tx, parked); err != nil {
			return nil, err
		}
	}
	return results, p.supersede(ctx, tx, incoming, results, parked)
}

// decide applies the orders and returns the payloads that became a revision, and a hint for each order whose newest state
// had a rival with the same time, or lacks parts. A rival that lacks parts may be read like that again at once, and again:
// its fetch waits, too.
func (p *Pipeline) decide(ctx context.Context, tx hub.Tx, incoming []orders.Incoming, raws []Raw) (results []orders.Result, kept []Raw, again []Note, err error) {
	if len(incoming) == 0 {
		return nil, nil, nil, nil
	}
	if results, err = p.Orders.Apply(ctx, tx, incoming); err != nil {
		return nil, nil, nil, err
	}
	lacking := 0
	for i, r := range results {
		if r.KeepsRaw && raws[i].Ref != "" {
			kept = append(kept, raws[i])
		}
		k := incoming[i].Key
		note := Note{Tenant: k.Tenant, Connection: k.Connection, Kind: "order", ExternalID: k.External}
		poor := incoming[i].Lacks > 0
		if r.Tied && !poor {
			again = append(again, note)
		}
		if note.After = pauseFor(tx.Now().Sub(r.StoredAt)); (r.Lacking || r.Tied && poor) && note.After > 0 {
			again = append(again, note)
			lacking++
		}
	}
	if lacking > 0 && p.Lacking != nil {
		tx.OnCommit(func() { p.Lacking(lacking) })
	}
	return results, kept, again, nil
}

func (it *item) note(h driver.Hint) Note {
	return Note{Tenant: it.head.Tenant, Connection: it.head.Connection, Kind: h.Kind, ExternalID: h.ExternalID}
}

// merge keeps one note a resource, the one that waits least.
func merge(notes []Note) []Note {
	slices.SortStableFunc(notes, func(a, b Note) int { return cmp.Compare(a.After, b.After) })
	seen := map[Note]bool{}
	return slices.DeleteFunc(notes, func(n Note) bool {
		n.After = 0
		known := seen[n]
		seen[n] = true
		return known
	})
}

// parallel runs f for 0 … n−1 on all processors.
func parallel(n int, f func(int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}
