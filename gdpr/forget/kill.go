package forget

import (
	"context"
	"errors"
	"maps"
	"slices"

	"hub"
	"hub/gdpr"
)

// Fence ends the use of the persons' data for good: from now on nobody writes or reads it, and who buys again is somebody
// new. The entries that it returns are durable in the vault and in the shard. It may be repeated, and the first reason and
// time stay. If it ends with an error, the caller repeats it, and until then Reconcile brings to the shard what is in the
// vault. A person of another tenant is KindNotFound. Somebody whose key is damaged is fenced like everybody, after a search
// of the whole index, and the entry says so. An index tag of theirs that is damaged keeps nobody else waiting: the others are
// fenced and their entries returned, and the error names it.
func (f *Forgetter) Fence(ctx context.Context, tenant hub.TenantID, subjects []gdpr.SubjectID, reason string) (all []Entry, err error) {
	defer hub.Wrap(&err, "fencing persons", string(tenant))
	return f.both(ctx, tenant, subjects, Fenced, reason, f.fence)
}

// Kill deletes the keys and the index tags of the persons, after fencing whoever is not fenced yet. What is sealed under
// the keys is unreadable to every hub within five seconds, and to whoever has copies of the vault after the next forget
// cycle. Durability, repetition and errors are those of Fence.
func (f *Forgetter) Kill(ctx context.Context, tenant hub.TenantID, subjects []gdpr.SubjectID, reason string) (all []Entry, err error) {
	defer hub.Wrap(&err, "killing keys", string(tenant))
	fenced, err := f.both(ctx, tenant, subjects, Fenced, reason, f.fence)
	if err != nil && !lost(err) {
		return nil, err
	}
	subjects = make([]gdpr.SubjectID, len(fenced)) // nobody is killed without a fence
	for i, e := range fenced {
		subjects[i] = e.Subject
	}
	all, err2 := f.both(ctx, tenant, subjects, Killed, reason, f.kill)
	return all, errors.Join(err, err2)
}

// both does something in the vault and then tells the shard, a batch at a time. Where a key is damaged it goes on with the
// others; any other error ends it.
func (f *Forgetter) both(ctx context.Context, tenant hub.TenantID, subjects []gdpr.SubjectID, what What, reason string,
	vault func(context.Context, hub.TenantID, []Entry) ([]Entry, error)) (all []Entry, err error) {
	subjects = unique(subjects)
	if err := f.check(ctx, tenant, subjects); err != nil {
		return nil, err
	}
	now := f.now()
	some := func(part []gdpr.SubjectID) error {
		entries := make([]Entry, len(part))
		for i, s := range part {
			entries[i] = Entry{ID: f.IDs.New(EntryPrefix), What: what, Tenant: tenant, Subject: s, Reason: reason, At: now}
		}
		entries, err := vault(ctx, tenant, entries)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Tenant != tenant { // killed long ago, by whom it belonged to
				return unknownPerson(e.Subject)
			}
		}
		if err := f.apply(ctx, f.Shards.Of(tenant), entries, nil); err != nil {
			return err
		}
		all = append(all, entries...)
		return nil
	}
	var damage error
	for part := range slices.Chunk(subjects, batch) {
		switch err := sparing(part, some); {
		case lost(err):
			damage = errors.Join(damage, err)
		case err != nil:
			return all, errors.Join(damage, err)
		}
	}
	return all, damage
}

// fence writes entries of one tenant into the vault, with a tombstone for what the platform calls each person.
func (f *Forgetter) fence(ctx context.Context, tenant hub.TenantID, entries []Entry) ([]Entry, error) {
	owners, err := f.owners(ctx, tenant, entries)
	if err != nil {
		return nil, err
	}
	tags, err := f.Ledger.TagsOf(ctx, owners)
	if err != nil {
		return nil, err
	}
	hashes, err := f.Keys.TombstoneHashes(ctx, tenant, tags)
	if err != nil {
		return nil, err
	}
	var stones []Tombstone
	for _, e := range entries {
		for _, hash := range hashes[e.Subject] {
			stones = append(stones, Tombstone{Hash: hash, At: e.At, Expires: e.At.AddDate(0, f.Months, 0)})
		}
	}
	return f.Ledger.Fence(ctx, entries, owners, stones)
}

// kill writes entries of one tenant into the vault and deletes what they name.
func (f *Forgetter) kill(ctx context.Context, tenant hub.TenantID, entries []Entry) ([]Entry, error) {
	owners, err := f.owners(ctx, tenant, entries)
	if err != nil {
		return nil, err
	}
	return f.Ledger.Kill(ctx, entries, owners)
}

// owners returns what marks the tags of the persons, and notes in the entries whose key is damaged. Whose key is gone has no
// tags either.
func (f *Forgetter) owners(ctx context.Context, tenant hub.TenantID, entries []Entry) (owners [][]byte, err error) {
	subjects := make([]gdpr.SubjectID, len(entries))
	for i, e := range entries {
		subjects[i] = e.Subject
	}
	marks, damaged, err := f.Keys.Owners(ctx, tenant, subjects)
	if err != nil {
		return nil, err
	}
	for _, mark := range marks {
		owners = append(owners, mark[:])
	}
	if len(damaged) == 0 {
		return owners, nil
	}
	for i, e := range entries {
		entries[i].Damaged = e.Damaged || damaged[e.Subject] != nil
	}
	found, err := f.seek(ctx, damaged)
	return append(owners, found...), err
}

// seekSlots are read at a time: at ten million persons some thirty thousand tags.
const seekSlots = 64

// seek finds what marks the tags of persons whose keys do not tell, by opening all tags that there are: for ten million persons
// that takes minutes. Whom no tag leads to has none, unless there are identities that do not open, one of which may be
// theirs; then it is the error of their key, because a key that went without its identity would stop every later cycle.
func (f *Forgetter) seek(ctx context.Context, damaged map[gdpr.SubjectID]error) (owners [][]byte, err error) {
	ring, err := f.Keys.Keyring(ctx)
	if err != nil {
		return nil, err
	}
	left, blind := maps.Clone(damaged), false
	for from := gdpr.Slot(0); from < gdpr.Buckets && len(left) > 0; from += seekSlots {
		tags, err := f.Ledger.Index(ctx, from, from+seekSlots)
		if err != nil {
			return nil, err
		}
		for _, t := range tags {
			id, ok := ring.LeadsTo(t)
			if blind = blind || !ok && t.Identity; left[id] != nil && ok {
				owners = append(owners, t.Owner)
				delete(left, id)
			}
		}
	}
	again, err := f.Keys.Keyring(ctx)
	switch {
	case err != nil || len(left) == 0:
	case again.Revision() != ring.Revision():
		err = hub.Errorf(hub.KindUnavailable, "searching the index", "the keyring was changed meanwhile")
	case blind:
		err = errors.Join(slices.Collect(maps.Values(left))...)
	}
	return owners, err
}

// KillConnection kills the lots of a connection, or of all connections of the tenant when it is empty: everything that was
// received through it is unreadable, whoever it is about. It does not fence the persons. Each success writes an entry; a
// repetition writes another one and kills what was received since. Durability and errors are those of Fence.
func (f *Forgetter) KillConnection(ctx context.Context, tenant hub.TenantID, connection hub.ConnectionID, reason string) (e Entry, err error) {
	defer hub.Wrap(&err, "killing lots", string(tenant))
	e = Entry{ID: f.IDs.New(EntryPrefix), What: Killed, Tenant: tenant, Reason: reason, At: f.now()}
	if e, err = f.killLots(ctx, e, connection, false); err != nil {
		return e, err
	}
	return e, f.apply(ctx, f.Shards.Of(tenant), []Entry{e}, nil)
}

func (f *Forgetter) killLots(ctx context.Context, e Entry, connection hub.ConnectionID, again bool) (Entry, error) {
	e.Subject = gdpr.SubjectID(connection)
	if connection == "" {
		e.Subject = gdpr.SubjectID(e.Tenant)
	}
	return f.Ledger.KillLots(ctx, e, connection, again)
}

// apply brings entries and a head to a shard.
func (f *Forgetter) apply(ctx context.Context, shard hub.ShardID, entries []Entry, head *Entry) error {
	return f.Shards.Do(ctx, shard, func(ctx context.Context, tx hub.Tx) error {
		_, err := f.Shard.Apply(ctx, tx, entries, head)
		return err
	})
}
