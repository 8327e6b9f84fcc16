package gdpr

import (
	"bytes"
	"context"
	"crypto/rand"
	"slices"
	"sync/atomic"
	"time"

	"hub"
)

// Options of Keys.
type Options struct {
	CachedKeys int // opened keys held in memory, about 600 bytes each; 0 means 65,536
	// Retention says how long what is in a lot is kept, at least: its key dies with the week in which the youngest value
	// reaches that age, so the oldest is less than 14 days older. Nil means 90 days for raw, 30 for unparsed and 730 for
	// order. It is asked again for each batch; a lot that exists keeps its end.
	Retention func(hub.TenantID, hub.ConnectionID, LotClass) time.Duration
	// Monotonic measures leases. It must be time.Now where the hub runs, with its monotonic reading, so that a clock that is
	// set back lengthens none; nil means the clock of NewKeys, which is for tests.
	Monotonic hub.Clock
}

// Keys hands out keys of the vault, creating what is missing. It is safe for concurrent use, also by several hubs over
// one vault: of two that create a key for the same thing, both use the one that the vault stored first.
//
// It holds the keyring in memory and asks the vault each second, when it is used, what has changed. A key is used only
// within the lease: 5 s from the beginning of the last poll that was answered. Without one, reading and sealing are
// KindUnavailable with CodeVaultStale.
//
// Key material comes from crypto/rand and not from an injected source, so that no wiring mistake can weaken it; tests
// that want it repeatable use testing/cryptotest.
type Keys struct {
	roots RootStore
	vault Vault
	ids   hub.IDSource
	clock hub.Clock
	o     Options
	cache *cache
	ring  atomic.Pointer[Keyring]
	polls polls
}

// NewKeys returns the keys of a vault whose keyring is sealed under a root of the store. It asks neither; Refresh does,
// and tells whether they belong together.
func NewKeys(roots RootStore, vault Vault, ids hub.IDSource, clock hub.Clock, o Options) *Keys {
	if o.CachedKeys <= 0 {
		o.CachedKeys = 1 << 16
	}
	if o.Retention == nil {
		o.Retention = func(_ hub.TenantID, _ hub.ConnectionID, class LotClass) time.Duration { return DefaultRetention(class) }
	}
	if o.Monotonic == nil {
		o.Monotonic = clock
	}
	return &Keys{roots: roots, vault: vault, ids: ids, clock: clock, o: o, cache: newCache(o.CachedKeys), polls: newPolls()}
}

// want describes a key, of no person, that is to exist.
type want struct {
	kind       Kind
	tenant     hub.TenantID
	tag        [32]byte
	connection hub.ConnectionID // of a lot, like the next three
	class      LotClass
	week       Week
	expires    Week
}

// ensure returns all wanted keys by tag, with at most one look into the vault and one addition to it. What is returned
// is durable.
func (k *Keys) ensure(ctx context.Context, ring *Keyring, wants map[[32]byte]want) (map[[32]byte]*key, error) {
	found := make(map[[32]byte]*key, len(wants))
	missing, epoch := k.cache.named(wants, found)
	rows, err := k.byTag(ctx, missing)
	if err != nil {
		return nil, err
	}
	var a Addition
	for _, w := range missing {
		if _, ok := rows[string(w.tag[:])]; !ok {
			a.Keys = append(a.Keys, k.create(ring, w))
		}
	}
	if len(a.Keys) > 0 {
		added, err := k.vault.Add(ctx, ring.revision, a)
		if err != nil {
			return nil, vaultError(opSeals, err)
		}
		for tag, row := range added.Keys {
			rows[tag] = row
		}
	}
	for _, w := range missing {
		if found[w.tag], err = k.admit(ring, w, rows, epoch); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// byTag returns the rows of the wanted keys, whom it puts into one order for everybody, so that two hubs that ask for the
// same do not wait for each other in a circle.
func (k *Keys) byTag(ctx context.Context, wants []want) (map[string]WrappedKey, error) {
	if len(wants) == 0 {
		return nil, nil
	}
	slices.SortFunc(wants, func(a, b want) int { return bytes.Compare(a.tag[:], b.tag[:]) })
	tags := make([][]byte, len(wants))
	for i := range wants {
		tags[i] = wants[i].tag[:]
	}
	rows, err := k.vault.ByTag(ctx, tags)
	if err != nil {
		return nil, vaultError(opSeals, err)
	}
	return rows, nil
}

// admit opens the row of a wanted key, holds it against what was wanted, and caches it.
func (k *Keys) admit(ring *Keyring, w want, rows map[string]WrappedKey, epoch uint64) (*key, error) {
	row, ok := rows[string(w.tag[:])]
	if !ok {
		return nil, hub.Errorf(hub.KindInternal, opSeals, "the vault did not return a key that it was given")
	}
	opened, err := ring.open(opSeals, row)
	if err != nil {
		return nil, err
	}
	if opened.tag != w.tag || opened.kind != w.kind || opened.tenant != w.tenant || opened.expires != w.expires {
		return nil, damagedKey(opSeals, row.ID)
	}
	k.cache.add(opened, epoch)
	return opened, nil
}

func (k *Keys) create(ring *Keyring, w want) WrappedKey {
	raw := k.ids()
	row := WrappedKey{ID: idText(w.kind.prefix(), raw), Kind: w.kind, Tenant: w.tenant, Tag: w.tag[:], Slot: BucketOf(raw[:]),
		Connection: w.connection, Class: w.class, Week: w.week, Expires: w.expires, Generation: ring.generation, CreatedAt: k.now()}
	if w.kind == KindLot {
		row.Slot = w.expires.Slot()
	}
	row.Wrapped = ring.wrap(newSecret(), row)
	return row
}

// now is the time that rows hold.
func (k *Keys) now() time.Time { return k.clock().UTC().Truncate(time.Microsecond) }

// open unwraps one row of the vault.
func (r *Keyring) open(op string, row WrappedKey) (*key, error) {
	raw, ok := idRaw(row.Kind.prefix(), row.ID)
	if !ok || len(row.Tag) != 32 {
		return nil, damagedKey(op, row.ID)
	}
	secret, err := r.unwrap(op, row)
	if err != nil {
		return nil, err
	}
	return &key{id: row.ID, raw: raw, kind: row.Kind, tenant: row.Tenant, tag: [32]byte(row.Tag), expires: row.Expires,
		secret: secret}, nil
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
