package gdpr

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"hub"
)

// batch is what one call of Seals knows, under one keyring.
type batch struct {
	k       *Keys
	ring    *Keyring
	now     time.Time
	parties []*party
	people  map[[32]byte]*human // by the inner hash of the identity
	inners  map[named][32]byte  // hashes that were computed: an order names the same people for each of its parts
	lots    map[[32]byte]want   // by tag; of parties that have not expired
	lotKeys map[[32]byte]*key   // what there is of them
	epoch   uint64              // of the cache, before the vault was asked anything
}

// named is what an inner hash is of: an identity, or an identifier of any connection.
type named struct {
	tenant     hub.TenantID
	connection hub.ConnectionID
	ref        SubjectRef
	identifier Identifier
}

// party is a holder.
type party struct {
	tenant     hub.TenantID
	lot        want
	lotKey     *key
	people     []*human    // each once
	who        []*human    // for each person that the holder names
	placedAt   []time.Time // of the same
	suppressed bool
}

// human is a person of the batch.
type human struct {
	tenant   hub.TenantID
	inner    [32]byte
	hashes   *TenantKeys
	key      *key
	owner    [16]byte          // on the tags; zero: not computed yet
	fresh    bool              // whose key this batch has made
	known    bool              // from the cache
	needed   bool              // by a party that is not suppressed
	erasedAt time.Time         // when somebody of this identity was erased; zero: never
	unlinked map[[32]byte]bool // inner hashes of identifiers that the index may lack
	parkedBy hub.ConnectionID  // of what is no person but a delivery that could not be parsed; empty: a person
}

func (k *Keys) newBatch(ctx context.Context, ring *Keyring, holders []Holder) (*batch, error) {
	b := &batch{k: k, ring: ring, now: k.clock(), people: make(map[[32]byte]*human, len(holders)), inners: make(map[named][32]byte, 2*len(holders)),
		lots: map[[32]byte]want{}, lotKeys: map[[32]byte]*key{}}
	tenants := map[hub.TenantID]bool{}
	for _, h := range holders {
		tenants[h.Tenant] = true
	}
	hashes, err := k.tenants(ctx, ring, slices.Sorted(maps.Keys(tenants)))
	if err != nil {
		return nil, err
	}
	for _, h := range holders {
		b.join(h, hashes[h.Tenant])
	}
	b.epoch = k.cache.now()
	for _, one := range b.people {
		one.key, one.erasedAt = k.cache.recall(one.inner, one.unlinked)
		one.known = one.key != nil
	}
	return b, nil
}

// join makes a party of a holder. Nobody is looked up for one that is too old.
func (b *batch) join(h Holder, hashes *TenantKeys) {
	p := &party{tenant: h.Tenant, lot: h.lot(b.now, b.k.o.Retention(h.Tenant, h.Connection, h.Lot))}
	b.parties = append(b.parties, p)
	if p.suppressed = p.lot.expires.over(b.now); p.suppressed {
		return
	}
	b.lots[p.lot.tag] = p.lot
	for _, person := range h.People {
		inner := b.inner(named{tenant: h.Tenant, connection: h.Connection, ref: person.SubjectRef}, hashes)
		one := b.people[inner]
		if one == nil {
			one = &human{tenant: h.Tenant, inner: inner, hashes: hashes, unlinked: map[[32]byte]bool{}}
			if person.Unparsed != "" {
				one.parkedBy = h.Connection
			}
			b.people[inner] = one
		}
		for _, i := range person.Identifiers {
			one.unlinked[b.inner(named{tenant: h.Tenant, identifier: i}, hashes)] = true
		}
		if !slices.Contains(p.people, one) {
			p.people = append(p.people, one)
		}
		p.placedAt = append(p.placedAt, person.PlacedAt)
		p.who = append(p.who, one)
	}
}

// inner returns the hash that the index has something under, computed once.
func (b *batch) inner(n named, hashes *TenantKeys) [32]byte {
	h, ok := b.inners[n]
	if ok {
		return h
	}
	if n.identifier.Kind != "" {
		h = hashes.identifier(n.identifier)
	} else {
		h = hashes.identity(n.connection, n.ref)
	}
	b.inners[n] = h
	return h
}

// sorted returns the people that match, in one order for everybody.
func (b *batch) sorted(match func(*human) bool) (list []*human) {
	for _, one := range b.people {
		if match(one) {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(x, y *human) int { return bytes.Compare(x.inner[:], y.inner[:]) })
	return list
}

// look asks the vault for what the cache does not have: identities first and tombstones after them, so that an erasure
// between the two shows in the second.
func (b *batch) look(ctx context.Context) error {
	missing, _ := b.k.cache.named(b.lots, b.lotKeys)
	rows, err := b.k.byTag(ctx, missing)
	if err != nil {
		return err
	}
	for _, w := range missing {
		if _, ok := rows[string(w.tag[:])]; !ok {
			continue
		}
		if b.lotKeys[w.tag], err = b.k.admit(b.ring, w, rows, b.epoch); err != nil {
			return err
		}
	}
	strangers := b.sorted(func(one *human) bool { return !one.known })
	if len(strangers) == 0 {
		return nil
	}
	found, err := b.identities(ctx, strangers)
	if err != nil {
		return err
	}
	if err := b.tombstones(ctx, strangers); err != nil {
		return err
	}
	return b.keysOf(ctx, found)
}

// tombstones asks when these people were erased.
func (b *batch) tombstones(ctx context.Context, list []*human) error {
	hashes := make([][]byte, len(list))
	for i, one := range list {
		stone := one.hashes.tombstoneOf(one.inner)
		hashes[i] = stone[:]
	}
	stones, err := b.k.vault.Tombstones(ctx, hashes, b.now)
	if err != nil {
		return vaultError(opSeals, err)
	}
	for i, one := range list {
		one.erasedAt = stones[string(hashes[i])]
	}
	return nil
}

// identities returns what the index says of these people, under both keys of a slot that is being renewed.
func (b *batch) identities(ctx context.Context, list []*human) (map[*human]indexEntry, error) {
	links := make([]Link, 0, len(list))
	for _, one := range list {
		slot := BucketOf(one.inner[:])
		for _, v := range b.ring.versions(slot) {
			links = append(links, Link{slot, v.tagOf(one.inner)})
		}
	}
	rows, err := b.k.vault.Links(ctx, links)
	if err != nil {
		return nil, vaultError(opSeals, err)
	}
	found := make(map[*human]indexEntry, len(rows))
	for _, row := range rows {
		e, err := b.ring.read(opSeals, row)
		if err != nil {
			return nil, err
		}
		one := b.people[e.inner]
		if one == nil || !e.identity {
			return nil, damagedTag(opSeals, row)
		}
		found[one] = e
	}
	return found, nil
}

// keysOf gives people the keys that the index names, and holds the two against each other.
func (b *batch) keysOf(ctx context.Context, found map[*human]indexEntry) error {
	wanted := make(map[string]bool, len(found))
	for _, e := range found {
		wanted[idText(SubjectPrefix, e.subject)] = true
	}
	keys, broken, err := b.k.lookUp(ctx, b.ring, wanted)
	if err != nil {
		return err
	}
	for one, e := range found {
		id := idText(SubjectPrefix, e.subject)
		if err := broken[id]; err != nil {
			return err
		}
		k := keys[id]
		if k == nil { // killed since, and the identity with it
			return &hub.Error{Kind: hub.KindInternal, Code: CodeKeyGone, Op: opSeals, Subject: id, Err: errAgain}
		}
		if k.kind != KindSubject || k.tenant != one.tenant || ownerOf(k.secret) != e.owner {
			return damagedKey(opSeals, id)
		}
		one.key, one.owner = k, e.owner
	}
	return nil
}

// decide says whose data may be stored, and so whom the rest of the batch needs.
func (b *batch) decide() {
	for _, p := range b.parties {
		for i, one := range p.who {
			if !one.erasedAt.IsZero() && !one.erasedAt.Before(p.placedAt[i]) {
				p.suppressed = true
			}
		}
		for _, one := range p.people {
			one.needed = one.needed || !p.suppressed
		}
	}
}
