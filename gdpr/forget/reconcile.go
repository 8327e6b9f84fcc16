package forget

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"hub"
	"hub/gdpr"
)

// Reconcile brings the ledgers of the vault and of one shard together: what a crash left on one side only, and what a
// restore of either took away. The vault first gets what only the shard knows, and kills it again; the shard then gets what
// only the vault knows, and its values are emptied. It is repeated by Loop, on every hub; several at a time do no harm.
//
// The first one in a process compares every entry of the shard with the vault. Later ones trust that while the vault still
// knows the shard's head by number and id: an old vault that has gone on counting has given the number to another entry. They
// trust it no more once the shard's own head went back, as when an old copy of the shard is restored under a running hub.
func (f *Forgetter) Reconcile(ctx context.Context, shard hub.ShardID) (err error) {
	defer hub.Wrap(&err, "reconciling ledgers", string(shard))
	if err := f.Keys.Refresh(ctx); err != nil {
		return err
	}
	head, err := f.Shard.Head(ctx, shard)
	if err != nil {
		return err
	}
	f.sawHead(shard, head)
	known, err := f.knows(ctx, head)
	if err != nil {
		return err
	}
	if !known || f.Ready(shard) != nil {
		if err := f.restore(ctx, shard, known); err != nil {
			return err
		}
	}
	after := head.Number
	if !known { // what the shard was told by another ledger is told again from the beginning
		if err := f.apply(ctx, shard, nil, &Entry{ID: head.ID}); err != nil {
			return err
		}
		after = 0
	}
	if err := f.catchUp(ctx, shard, after); err != nil {
		return err
	}
	f.setReady(shard, nil)
	return nil
}

// ReconcileAll reconciles these shards, all of them although some fail.
func (f *Forgetter) ReconcileAll(ctx context.Context, shards []hub.ShardID) error {
	var errs []error
	for _, s := range shards {
		errs = append(errs, f.Reconcile(ctx, s))
	}
	return errors.Join(errs...)
}

// Ready is nil once a shard was reconciled since this process started, unless the vault was found behind since and has not
// been made good yet. Before it is nil, personal data of the shard must not be served: erased persons may be in it, or in
// the vault. KindUnavailable.
func (f *Forgetter) Ready(shard hub.ShardID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err, known := f.ready[shard]
	if !known {
		err = &hub.Error{Kind: hub.KindUnavailable, Code: CodeNotReconciled, Op: "reading personal data", Subject: string(shard)}
	}
	return err
}

// CodeNotReconciled: the ledgers of shard and vault were not compared yet.
const CodeNotReconciled hub.Code = "not_reconciled"

// CodeShardBehind: the shard lacks entries that it had, as after the restore of an old copy under a running hub.
const CodeShardBehind hub.Code = "shard_behind"

// CodeVaultBehind: the vault lacks entries that a shard has, as after the restore of an old copy.
const CodeVaultBehind hub.Code = "vault_behind"

func (f *Forgetter) setReady(shard hub.ShardID, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ready[shard] = err
}

func behind(shard hub.ShardID) error {
	return &hub.Error{Kind: hub.KindUnavailable, Code: CodeVaultBehind, Op: "reading personal data", Subject: string(shard)}
}

// lookBack looks at the heads of shards. One that is before what it was, or another one, belongs to an old copy that somebody
// put in the place of the shard: the shard is not ready until it was reconciled in full. A shard that does not answer serves
// nothing either, so that is nobody's trouble here.
func (f *Forgetter) lookBack(ctx context.Context, shards []hub.ShardID) {
	for _, shard := range shards {
		limited, cancel := context.WithTimeout(ctx, lookTimeout)
		head, err := f.Shard.Head(limited, shard)
		cancel()
		if err == nil {
			f.sawHead(shard, head)
		}
	}
}

// lookTimeout keeps a shard that hangs from holding up the poll of the vault.
const lookTimeout = time.Second

// sawHead remembers the head of a shard, which is not ready when the head went back.
func (f *Forgetter) sawHead(shard hub.ShardID, head Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.heads[shard]
	f.heads[shard] = head
	if back := head.Number < last.Number || head.Number == last.Number && head.ID != last.ID; back && f.ready[shard] == nil {
		f.ready[shard] = &hub.Error{Kind: hub.KindUnavailable, Code: CodeShardBehind, Op: "reading personal data", Subject: string(shard)}
	}
}

// movedHead remembers a head that this process has set, be it back after a restore.
func (f *Forgetter) movedHead(shard hub.ShardID, head Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heads[shard] = head
}

// doubt makes all shards unready until they are reconciled in full.
func (f *Forgetter) doubt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for shard := range f.ready {
		f.ready[shard] = behind(shard)
	}
}

// knows reports whether the vault has the entry under the same number.
func (f *Forgetter) knows(ctx context.Context, head Entry) (bool, error) {
	if head.ID == "" {
		return true, nil
	}
	found, err := f.Ledger.EntriesByID(ctx, []string{head.ID})
	if err != nil {
		return false, err
	}
	e, ok := found[head.ID]
	return ok && e.Number == head.Number, nil
}

// restore gives the vault the entries of a shard that it lacks. While it lacks some the shard is not ready.
func (f *Forgetter) restore(ctx context.Context, shard hub.ShardID, known bool) error {
	if !known {
		f.setReady(shard, behind(shard))
	}
	var lost []Entry
	for after := ""; ; {
		page, err := f.Shard.ShardEntries(ctx, shard, after, batch)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		missing, err := f.missing(ctx, page)
		if err != nil {
			return err
		}
		lost, after = append(lost, missing...), page[len(page)-1].ID
	}
	if len(lost) == 0 {
		return nil
	}
	f.setReady(shard, behind(shard))
	return f.push(ctx, lost)
}

// missing returns the entries that the vault does not know by their ids.
func (f *Forgetter) missing(ctx context.Context, page []Entry) (list []Entry, err error) {
	ids := make([]string, len(page))
	for i, e := range page {
		ids[i] = e.ID
	}
	found, err := f.Ledger.EntriesByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, e := range page {
		if _, ok := found[e.ID]; !ok {
			list = append(list, e)
		}
	}
	return list, nil
}

// push writes entries into the vault again and does to its keys what they say: all fences first, because a tombstone
// follows from tags that a kill deletes.
func (f *Forgetter) push(ctx context.Context, lost []Entry) error {
	groups := make(map[group][]Entry)
	for _, e := range lost {
		g := group{e.What, e.Tenant, personal(e)}
		groups[g] = append(groups[g], e)
	}
	order := []What{Fenced, Killed, Emptied}
	for _, g := range slices.SortedFunc(maps.Keys(groups), func(a, b group) int {
		return cmp.Or(slices.Index(order, a.what)-slices.Index(order, b.what), cmp.Compare(a.tenant, b.tenant))
	}) {
		list := groups[g]
		slices.SortFunc(list, func(a, b Entry) int { return cmp.Compare(a.Number, b.Number) })
		for part := range slices.Chunk(list, batch) {
			if err := f.pushGroup(ctx, g, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// group is what one call to the vault can be about.
type group struct {
	what   What
	tenant hub.TenantID
	person bool
}

func (f *Forgetter) pushGroup(ctx context.Context, g group, entries []Entry) (err error) {
	switch {
	case g.what == Emptied:
		_, err = f.Ledger.Note(ctx, entries)
	case g.what == Fenced:
		_, err = f.fence(ctx, g.tenant, entries)
	case g.person:
		_, err = f.kill(ctx, g.tenant, entries)
	default:
		for _, e := range entries {
			if credential(e) {
				if _, err := f.Ledger.Kill(ctx, []Entry{e}, nil); err != nil {
					return err
				}
				continue
			}
			connection := hub.ConnectionID(e.Subject)
			if string(e.Subject) == string(e.Tenant) {
				connection = ""
			}
			if _, err := f.killLots(ctx, e, connection, true); err != nil {
				return err
			}
		}
	}
	return err
}

// personal reports whether the entry is about a person.
func personal(e Entry) bool { return strings.HasPrefix(string(e.Subject), gdpr.SubjectPrefix) }

// catchUp applies the vault's entries after a number to a shard. The head moves over a page when everything that the page
// asks for is done, so a crash repeats the page.
func (f *Forgetter) catchUp(ctx context.Context, shard hub.ShardID, after int64) error {
	for {
		page, err := f.Ledger.Entries(ctx, after, batch)
		if err != nil || len(page) == 0 {
			return err
		}
		head := page[len(page)-1]
		mine := slices.DeleteFunc(page, func(e Entry) bool { return f.Shards.Of(e.Tenant) != shard })
		if err := f.obey(ctx, shard, mine); err != nil {
			return err
		}
		if err := f.apply(ctx, shard, nil, &head); err != nil {
			return err
		}
		f.movedHead(shard, head)
		after = head.Number
	}
}

// obey does on a shard what entries of its tenants say.
func (f *Forgetter) obey(ctx context.Context, shard hub.ShardID, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if err := f.apply(ctx, shard, entries, nil); err != nil {
		return err
	}
	var dead []gdpr.SubjectID
	emptied := make(map[hub.TenantID][]Entry)
	for _, e := range entries {
		switch {
		case e.What == Emptied:
			emptied[e.Tenant] = append(emptied[e.Tenant], e)
		case e.What == Killed && personal(e):
			dead = append(dead, e.Subject)
		}
	}
	for _, place := range gdpr.Locations() {
		if place == gdpr.InParked { // nobody is registered there
			continue
		}
		if _, err := f.visit(ctx, shard, place, unique(dead)); err != nil {
			return err
		}
	}
	for tenant, list := range emptied {
		if err := f.empty(ctx, tenant, list); err != nil {
			return err
		}
	}
	return nil
}
