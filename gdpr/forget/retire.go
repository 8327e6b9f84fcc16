package forget

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"hub"
	"hub/gdpr"
)

// Retire ends the keys under which nothing is left in one shard: of persons of whom all values have aged out, with what the
// index knows of them, and of parked deliveries that were replayed, dropped, closed or have aged out. It returns how many. No
// tombstone is written: nobody asked to be forgotten, so the next order is somebody new whenever it was placed.
//
// The shard comes first, unlike with a fence: it alone knows that nothing is left, and from then on it refuses to write for
// the subject, until the vault has killed the key and every hub knows. A crash in between is made good by the next Retire of
// any hub; Loop repeats it. A key that is damaged keeps nobody else waiting, and is part of the error.
func (f *Forgetter) Retire(ctx context.Context, shard hub.ShardID) (n int64, err error) {
	defer hub.Wrap(&err, "ending keys under which nothing is left", string(shard))
	var errs []error
	for after := gdpr.SubjectID(""); ; {
		page, err := f.Shard.Idle(ctx, shard, after, batch)
		if err != nil || len(page) == 0 {
			return n, errors.Join(append(errs, err)...)
		}
		after = page[len(page)-1].Subject
		slices.SortStableFunc(page, func(a, b Idle) int { return cmp.Compare(a.Tenant, b.Tenant) })
		for len(page) > 0 {
			tenant := page[0].Tenant
			var subjects []gdpr.SubjectID
			for len(page) > 0 && page[0].Tenant == tenant {
				subjects, page = append(subjects, page[0].Subject), page[1:]
			}
			ended, err := f.retire(ctx, tenant, subjects)
			n, errs = n+ended, append(errs, err)
		}
	}
}

// retire ends what is sound of the keys of one tenant.
func (f *Forgetter) retire(ctx context.Context, tenant hub.TenantID, subjects []gdpr.SubjectID) (int64, error) {
	sound, damage := f.sound(ctx, tenant, subjects)
	if len(sound) == 0 {
		return 0, damage
	}
	var idle []gdpr.SubjectID
	err := f.Shards.Do(ctx, f.Shards.Of(tenant), func(ctx context.Context, tx hub.Tx) (err error) {
		idle, err = f.Shard.Retire(ctx, tx, sound)
		return err
	})
	if err != nil || len(idle) == 0 {
		return 0, errors.Join(damage, err)
	}
	now := f.now()
	entries := make([]Entry, len(idle))
	for i, s := range idle {
		entries[i] = Entry{ID: f.IDs.New(EntryPrefix), What: Killed, Tenant: tenant, Subject: s, Reason: ReasonRetention, At: now}
	}
	if entries, err = f.kill(ctx, tenant, entries); err == nil {
		err = f.apply(ctx, f.Shards.Of(tenant), entries, nil)
	}
	if err != nil {
		return 0, errors.Join(damage, err)
	}
	return int64(len(idle)), damage
}

// sound returns those whose keys open or are gone, and what is wrong with the others.
func (f *Forgetter) sound(ctx context.Context, tenant hub.TenantID, subjects []gdpr.SubjectID) (sound []gdpr.SubjectID, err error) {
	_, damaged, err := f.Keys.Owners(ctx, tenant, subjects)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, s := range subjects {
		if damaged[s] == nil {
			sound = append(sound, s)
		}
		errs = append(errs, damaged[s])
	}
	return sound, errors.Join(errs...)
}

// sparing does something with subjects, and where one of them is damaged, or was lost so with a cycle, with each half of them,
// so that it is done for everybody else. What is wrong with the damaged ones is the error. After another error it goes on with
// the other half as well, so do is something that may be repeated.
func sparing(subjects []gdpr.SubjectID, do func([]gdpr.SubjectID) error) error {
	err := do(subjects)
	if !lost(err) || len(subjects) < 2 {
		return err
	}
	half := len(subjects) / 2
	return errors.Join(sparing(subjects[:half], do), sparing(subjects[half:], do))
}
