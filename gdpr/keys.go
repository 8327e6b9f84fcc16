package gdpr

import (
	"bytes"
	"context"
	"crypto/rand"
	"slices"
	"time"

	"hub"
)

// Options of Keys.
type Options struct {
	CachedKeys int // opened keys held in memory, about 400 bytes each; 0 means 65,536
}

// Keys hands out keys of the vault, creating what is missing. It is safe for concurrent use, also by several hubs over
// one vault: of two that create a key for the same thing, both use the one that the vault stored first.
//
// Key material comes from crypto/rand and not from an injected source, so that no wiring mistake can weaken it; tests
// that want it repeatable use testing/cryptotest.
type Keys struct {
	wrap  wrapper
	vault Vault
	ids   hub.IDSource
	clock hub.Clock
	cache *cache
}

// NewKeys returns the keys of a vault under a root, which must be one that a RootStore returned.
func NewKeys(root Root, vault Vault, ids hub.IDSource, clock hub.Clock, o Options) *Keys {
	if o.CachedKeys <= 0 {
		o.CachedKeys = 1 << 16
	}
	return &Keys{wrap: root.wrapper(vaultWrapLabel), vault: vault, ids: ids, clock: clock, cache: newCache(o.CachedKeys)}
}

// want describes a key that is to exist.
type want struct {
	kind       Kind
	tenant     hub.TenantID
	tag        [32]byte
	connection hub.ConnectionID // of a lot, like the next two
	class      LotClass
	week       Week
}

// ensure returns all wanted keys by tag, with at most one look into the vault and one addition to it. What is returned
// is durable.
func (k *Keys) ensure(ctx context.Context, wants map[[32]byte]want) (map[[32]byte]*key, error) {
	found := make(map[[32]byte]*key, len(wants))
	missing := k.cache.tags(wants, found)
	if len(missing) == 0 {
		return found, nil
	}
	// One order for everybody, so that two hubs that insert the same keys do not wait for each other in a circle.
	slices.SortFunc(missing, func(a, b want) int { return bytes.Compare(a.tag[:], b.tag[:]) })
	rows, err := k.fetch(ctx, missing)
	if err != nil {
		return nil, err
	}
	for _, w := range missing {
		row, ok := rows[string(w.tag[:])]
		if !ok {
			return nil, hub.Errorf(hub.KindInternal, opSeals, "the vault did not return a key that it was given")
		}
		opened, err := k.open(opSeals, row)
		if err != nil {
			return nil, err
		}
		if opened.tag != w.tag || opened.kind != w.kind || opened.tenant != w.tenant {
			return nil, damagedKey(opSeals, row.ID)
		}
		k.cache.add(opened)
		found[w.tag] = opened
	}
	return found, nil
}

// fetch returns the rows of all wanted keys, and adds those that the vault does not have.
func (k *Keys) fetch(ctx context.Context, wants []want) (map[string]WrappedKey, error) {
	tags := make([][]byte, len(wants))
	for i := range wants {
		tags[i] = wants[i].tag[:]
	}
	rows, err := k.vault.ByTag(ctx, tags)
	if err != nil {
		return nil, vaultError(opSeals, err)
	}
	now := k.clock().UTC().Truncate(time.Microsecond)
	var fresh []WrappedKey
	for _, w := range wants {
		if _, ok := rows[string(w.tag[:])]; !ok {
			fresh = append(fresh, k.create(w, now))
		}
	}
	if len(fresh) == 0 {
		return rows, nil
	}
	added, err := k.vault.Add(ctx, fresh)
	if err != nil {
		return nil, vaultError(opSeals, err)
	}
	for tag, row := range rows {
		added[tag] = row
	}
	return added, nil
}

func (k *Keys) create(w want, now time.Time) WrappedKey {
	row := WrappedKey{ID: idText(w.kind.prefix(), k.ids()), Kind: w.kind, Tenant: w.tenant, Tag: w.tag[:],
		Connection: w.connection, Class: w.class, Week: w.week, CreatedAt: now}
	row.Wrapped = k.wrap.wrap(newSecret(), row)
	return row
}

// open unwraps one row of the vault.
func (k *Keys) open(op string, row WrappedKey) (*key, error) {
	raw, ok := idRaw(row.Kind.prefix(), row.ID)
	if !ok || len(row.Tag) != 32 {
		return nil, damagedKey(op, row.ID)
	}
	secret, err := k.wrap.unwrap(op, row)
	if err != nil {
		return nil, err
	}
	return &key{id: row.ID, raw: raw, kind: row.Kind, tenant: row.Tenant, tag: [32]byte(row.Tag), secret: secret}, nil
}

// prefix returns the prefix of ids of the kind, or one that no id has.
func (k Kind) prefix() string {
	switch k {
	case KindSubject:
		return SubjectPrefix
	case KindLot:
		return LotPrefix
	case KindTenant:
		return TenantKeyPrefix
	case KindCredential:
		return CredentialPrefix
	}
	return "?"
}

func newSecret() *[32]byte {
	var s [32]byte
	rand.Read(s[:]) // never fails: the runtime ends the process instead
	return &s
}

func vaultError(op string, err error) error {
	hub.Wrap(&err, op, "vault")
	return err
}
