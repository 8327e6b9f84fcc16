package gdpr

import (
	"bytes"
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hub"
)

// add makes what is missing, in one addition.
func (b *batch) add(ctx context.Context) error {
	missing, err := b.missingLots(ctx)
	if err != nil {
		return err
	}
	var a Addition
	rows := make(map[*human]Tag)
	strangers := b.sorted(func(one *human) bool { return one.needed && one.key == nil })
	a.Subjects = b.newSubjects(strangers)
	for i, one := range strangers {
		rows[one] = a.Subjects[i].Identity
	}
	slices.SortFunc(a.Subjects, func(x, y NewSubject) int { return bytes.Compare(x.Identity.Link, y.Identity.Link) })
	for _, w := range missing {
		a.Keys = append(a.Keys, b.k.create(b.ring, w))
	}
	if a.Tags, err = b.newTags(ctx); err != nil {
		return err
	}
	if len(a.Subjects)+len(a.Keys)+len(a.Tags) > 0 {
		added, err := b.k.vault.Add(ctx, b.ring.revision, a)
		if err != nil {
			return vaultError(opSeals, err)
		}
		if err := b.confirm(added, rows, missing); err != nil {
			return err
		}
	}
	for _, p := range b.parties {
		p.lotKey = b.lotKeys[p.lot.tag]
	}
	return nil
}

// missingLots lists the lots to make. When the keyring lacks their weeks they are added to it, and the batch begins anew.
func (b *batch) missingLots(ctx context.Context) (missing []want, err error) {
	listed := map[[32]byte]bool{}
	var weeks []Slot
	for _, p := range b.parties {
		if p.suppressed || b.lotKeys[p.lot.tag] != nil || listed[p.lot.tag] {
			continue
		}
		listed[p.lot.tag] = true
		missing = append(missing, p.lot)
		if slot := p.lot.expires.Slot(); b.ring.newest(slot) == nil {
			weeks = append(weeks, slot)
		}
	}
	slices.SortFunc(missing, func(a, b want) int { return bytes.Compare(a.tag[:], b.tag[:]) })
	if len(weeks) == 0 {
		return missing, nil
	}
	if err := b.k.addWeeks(ctx, b.ring, weeks); err != nil {
		return nil, err
	}
	return nil, again(opSeals)
}

// newSubjects makes those who are new, on all processors.
func (b *batch) newSubjects(list []*human) []NewSubject {
	made, raws, now := make([]NewSubject, len(list)), make([][16]byte, len(list)), b.k.now()
	for i := range raws {
		raws[i] = b.k.ids()
	}
	parallel(len(list), func(i int) { made[i] = b.create(list[i], raws[i], now) })
	return made
}

// create makes somebody who is new, with the identity that finds them.
func (b *batch) create(one *human, raw [16]byte, now time.Time) NewSubject {
	secret := newSecret()
	row := WrappedKey{ID: idText(SubjectPrefix, raw), Kind: KindSubject, Tenant: one.tenant, Tag: subjectTag(raw),
		Slot: BucketOf(raw[:]), Generation: b.ring.generation, CreatedAt: now}
	if one.parkedBy != "" {
		row.Connection, row.Class = one.parkedBy, LotUnparsed
	}
	row.Wrapped = b.ring.wrap(secret, row)
	one.key = &key{id: row.ID, raw: raw, kind: KindSubject, tenant: one.tenant, tag: [32]byte(row.Tag), secret: secret}
	one.owner, one.fresh = ownerOf(secret), true
	return NewSubject{Key: row, Identity: b.ring.tag(indexEntry{inner: one.inner, subject: raw, owner: one.owner, identity: true})}
}

// parallel runs f for 0 … n−1 on all processors, in a few pieces each: one alone takes some microseconds.
func parallel(n int, f func(int)) {
	const piece = 32
	var next atomic.Int64
	var wg sync.WaitGroup
	work := func() {
		for from := int(next.Add(piece)) - piece; from < n; from = int(next.Add(piece)) - piece {
			for i := from; i < min(from+piece, n); i++ {
				f(i)
			}
		}
	}
	for range min((n-1)/piece, runtime.GOMAXPROCS(0)-1) {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// newTags makes the tags that the index lacks. Of people who are not new it is asked first, which costs less than adding
// in vain, and under both keys of a slot that is being renewed: a row that waits for its new key has another link, so the
// vault would not see that it is the same.
func (b *batch) newTags(ctx context.Context) (tags []Tag, err error) {
	var missing []indexEntry
	var links []Link
	for _, one := range b.sorted(func(one *human) bool { return one.needed && len(one.unlinked) > 0 }) {
		if one.owner == [16]byte{} {
			one.owner = ownerOf(one.key.secret)
		}
		for inner := range one.unlinked {
			e := indexEntry{inner: inner, subject: one.key.raw, owner: one.owner}
			missing = append(missing, e)
			if one.fresh {
				continue
			}
			slot := BucketOf(inner[:])
			for _, v := range b.ring.versions(slot) {
				links = append(links, Link{slot, v.linkOf(e)})
			}
		}
	}
	have, err := b.have(ctx, links)
	if err != nil {
		return nil, err
	}
	missing = slices.DeleteFunc(missing, func(e indexEntry) bool { return have[e] })
	tags = make([]Tag, len(missing))
	parallel(len(missing), func(i int) { tags[i] = b.ring.tag(missing[i]) })
	slices.SortFunc(tags, func(x, y Tag) int { return bytes.Compare(x.Link, y.Link) })
	return tags, nil
}

// have returns what the index has under these links.
func (b *batch) have(ctx context.Context, links []Link) (map[indexEntry]bool, error) {
	if len(links) == 0 {
		return nil, nil
	}
	slices.SortFunc(links, func(x, y Link) int { return bytes.Compare(x.Link, y.Link) })
	rows, err := b.k.vault.Links(ctx, links)
	if err != nil {
		return nil, vaultError(opSeals, err)
	}
	have := make(map[indexEntry]bool, len(rows))
	for _, row := range rows {
		e, err := b.ring.read(opSeals, row)
		if err != nil {
			return nil, err
		}
		have[e] = true
	}
	return have, nil
}

// confirm holds what is stored against what was to be added. Somebody whom another hub created first is looked up anew.
func (b *batch) confirm(added Added, rows map[*human]Tag, lots []want) (err error) {
	for one, row := range rows {
		stored, ok := added.Identities[string(row.Link)]
		if !ok {
			return hub.Errorf(hub.KindInternal, opSeals, "the vault did not return a tag that it was given")
		}
		if stored.same(row) {
			continue
		}
		e, err := b.ring.read(opSeals, stored)
		if err != nil {
			return err
		}
		if e.inner != one.inner {
			return damagedTag(opSeals, stored)
		}
		if e.subject != one.key.raw {
			return again(opSeals)
		}
	}
	for _, w := range lots {
		if b.lotKeys[w.tag], err = b.k.admit(b.ring, w, added.Keys, b.epoch); err != nil {
			return err
		}
	}
	return nil
}

// remember puts into the cache what the batch has learnt. Who was left out is not in it.
func (b *batch) remember() {
	for _, one := range b.people {
		if one.key != nil && (one.needed || !one.known) {
			linked := one.unlinked
			if !one.needed {
				linked = nil
			}
			b.k.cache.learn(one.key, one.inner, one.erasedAt, linked, b.epoch)
		}
	}
}
