package forget

import (
	"context"
	"iter"
	"slices"

	"hub"
	"hub/gdpr"
)

const (
	visitRows    = 500 // emptied by one transaction
	unparsedRows = 16  // deliveries in memory at a time, up to a few MiB each
)

// How places are looked at, as reports name it.
const (
	methodRegister = "register of places, values emptied"
	methodSearch   = "every unparsed delivery opened and searched, those that match emptied"
)

// Visit empties what one place holds of dead persons, so that not even unreadable bytes stay. identifiers are for InParked
// alone: what could not be parsed is registered for nobody and is opened and searched for them. Each transaction is durable,
// and a repetition finds what is left. A person whose key lives is KindConflict. "Could not look" is an error: a delivery
// that does not open though its key lives, or deliveries and no identifier to search them for.
func (f *Forgetter) Visit(ctx context.Context, tenant hub.TenantID, place gdpr.Location, subjects []gdpr.SubjectID,
	identifiers []gdpr.Identifier) (v Visited, err error) {
	defer hub.Wrap(&err, "visiting "+string(place), string(tenant))
	subjects = unique(subjects)
	if err := f.check(ctx, tenant, subjects); err != nil {
		return v, err
	}
	living, err := f.living(ctx, subjects)
	if err != nil {
		return v, err
	}
	if living > 0 {
		return v, hub.Errorf(hub.KindConflict, "", "the keys of %d persons live", living)
	}
	if place == gdpr.InParked {
		return f.visitParked(ctx, tenant, identifiers)
	}
	return f.visit(ctx, f.Shards.Of(tenant), place, subjects)
}

// living counts the keys that are there.
func (f *Forgetter) living(ctx context.Context, subjects []gdpr.SubjectID) (n int64, err error) {
	for part := range slices.Chunk(subjects, batch) {
		ids := make([]string, len(part))
		for i, s := range part {
			ids[i] = string(s)
		}
		rows, err := f.Vault.ByID(ctx, ids)
		if err != nil {
			return 0, err
		}
		n += int64(len(rows))
	}
	return n, nil
}

// visit empties what the register names.
func (f *Forgetter) visit(ctx context.Context, shard hub.ShardID, place gdpr.Location, subjects []gdpr.SubjectID) (Visited, error) {
	sum := Visited{Place: place, Method: methodRegister}
	for part := range slices.Chunk(subjects, batch) {
		err := f.repeat(ctx, shard, &sum, func(ctx context.Context, tx hub.Tx) (Visited, bool, error) {
			return f.Shard.Visit(ctx, tx, place, part, visitRows)
		})
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// repeat runs transactions until one says that there is no more, and adds up what they did.
func (f *Forgetter) repeat(ctx context.Context, shard hub.ShardID, sum *Visited,
	some func(context.Context, hub.Tx) (Visited, bool, error)) error {
	for more := true; more; {
		var v Visited
		err := f.Shards.Do(ctx, shard, func(ctx context.Context, tx hub.Tx) (err error) {
			v, more, err = some(ctx, tx)
			return err
		})
		if err != nil {
			return err
		}
		sum.Looked, sum.Found, sum.Acted = sum.Looked+v.Looked, sum.Found+v.Found, sum.Acted+v.Acted
	}
	return nil
}

func (f *Forgetter) visitParked(ctx context.Context, tenant hub.TenantID, identifiers []gdpr.Identifier) (Visited, error) {
	v := Visited{Place: gdpr.InParked, Method: methodSearch}
	looked, found, keys, err := f.search(ctx, tenant, identifiers)
	if err != nil {
		return v, err
	}
	v.Looked, v.Found = looked, int64(len(found))
	if err := f.forgetUnparsed(ctx, tenant, keys); err != nil {
		return v, err
	}
	now := f.now()
	for part := range slices.Chunk(found, batch) {
		entries := make([]Entry, len(part))
		for i, id := range part {
			entries[i] = Entry{ID: f.IDs.New(EntryPrefix), What: Emptied, Tenant: tenant, Subject: gdpr.SubjectID(id), Reason: "erasure", At: now}
		}
		if entries, err = f.Ledger.Note(ctx, entries); err != nil {
			return v, err
		}
		if err := f.empty(ctx, tenant, entries); err != nil {
			return v, err
		}
		v.Acted += int64(len(part))
	}
	return v, nil
}

// empty drops the bytes of the parked deliveries that the entries name.
func (f *Forgetter) empty(ctx context.Context, tenant hub.TenantID, entries []Entry) error {
	ids := make([]hub.ParkedID, len(entries))
	for i, e := range entries {
		ids[i] = hub.ParkedID(e.Subject)
	}
	return f.Shards.Do(ctx, f.Shards.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
		if err := f.Shard.Empty(ctx, tx, tenant, ids); err != nil {
			return err
		}
		_, err := f.Shard.Apply(ctx, tx, entries, nil)
		return err
	})
}

// unparsed yields the parked deliveries of a tenant that have bytes.
func (f *Forgetter) unparsed(ctx context.Context, tenant hub.TenantID) iter.Seq2[Unparsed, error] {
	return pages(unparsedRows, func(after hub.ParkedID, limit int) ([]Unparsed, error) {
		return f.Shard.Unparsed(ctx, tenant, after, limit)
	}, func(u Unparsed) hub.ParkedID { return u.ID })
}

// forgetUnparsed kills what deliveries that name somebody were sealed under, so that no old copy of them opens either.
func (f *Forgetter) forgetUnparsed(ctx context.Context, tenant hub.TenantID, keys []gdpr.SubjectID) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := f.Kill(ctx, tenant, keys, ReasonDelivery)
	return err
}

// search opens what could not be parsed and returns what names one of the identifiers, with the keys that are theirs alone.
// What nobody can open any more, because its lot has died or it was killed, names nobody.
func (f *Forgetter) search(ctx context.Context, tenant hub.TenantID, identifiers []gdpr.Identifier) (looked int64, found []hub.ParkedID,
	keys []gdpr.SubjectID, err error) {
	for u, err := range f.unparsed(ctx, tenant) {
		if err != nil {
			return looked, nil, nil, err
		}
		if len(identifiers) == 0 {
			return looked, nil, nil, hub.Errorf(hub.KindInvalid, "", "there are unparsed deliveries and no identifier to search them for")
		}
		text, err := f.Keys.Open(ctx, gdpr.ParkedPlace(tenant, u.ID), u.Sealed)
		if err != nil && hub.CodeOf(err) != gdpr.CodeKeyGone {
			return looked, nil, nil, err
		}
		looked++
		if err == nil && names(text, identifiers) {
			own, _ := gdpr.SubjectsOf(u.Sealed) // it has just been opened
			found, keys = append(found, u.ID), append(keys, own...)
		}
	}
	return looked, found, keys, nil
}
