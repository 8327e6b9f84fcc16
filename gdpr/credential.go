package gdpr

import (
	"context"
	"crypto/sha256"
	"strconv"

	"hub"
)

// CredentialOwner is what platform credentials belong to: exactly one of connection and app is set.
type CredentialOwner struct {
	Connection hub.ConnectionID
	App        hub.AppID
	// Life is how often the connection has ended before. Each life has a key of its own: the key of one that is over can be
	// killed at any time, however long the connection is back by then.
	Life int64
}

// want describes the key of an owner. That of the first life has the name from before there were several.
func (o CredentialOwner) want(tenant hub.TenantID) want {
	name := []string{"hub credential tag 1", string(tenant), string(o.Connection), string(o.App)}
	if o.Life > 0 {
		name = append(name, strconv.FormatInt(o.Life, 10))
	}
	return want{kind: KindCredential, tenant: tenant, tag: sha256.Sum256(parts(name...))}
}

// SealCredential seals secrets of a connection or app under the key of that owner, which is created when it has none;
// the credentials die with the key. They are the hub's means of work and no personal data, so they need no lease: while the
// vault is away the keys in memory will do. Secrets of the operator's own apps are at a place of tenant hub.Operator.
func (k *Keys) SealCredential(ctx context.Context, owner CredentialOwner, p Place, plaintext []byte) ([]byte, error) {
	if err := p.check(opSeal); err != nil {
		return nil, err
	}
	if (owner.Connection == "") == (owner.App == "") || p.Tenant == "" {
		return nil, hub.Errorf(hub.KindInvalid, opSeal, "credential %s without owner or tenant", p)
	}
	w := owner.want(p.Tenant)
	ring, err := k.readyAnyway(ctx)
	if err != nil {
		return nil, err
	}
	var keys map[[32]byte]*key
	err = k.withRing(ctx, ring, func(ring *Keyring) (err error) {
		keys, err = k.ensure(ctx, ring, map[[32]byte]want{w.tag: w})
		return err
	})
	if err != nil {
		return nil, err
	}
	key := keys[w.tag]
	prefix := append([]byte(envelopeMagic), byte(formatCredential), 0)
	prefix = append(prefix, key.raw[:]...)
	return seal(nil, p, prefix, extract(nil, key.secret), plaintext), nil
}

// OpenCredential opens what SealCredential sealed, with the errors of Open. It is apart from Open because credentials
// are no personal data of a subject: the rules for reading those do not hold back the work of the hub.
func (k *Keys) OpenCredential(ctx context.Context, p Place, envelope []byte) ([]byte, error) {
	return k.openOne(ctx, formatCredential, Sealed{p, envelope})
}

// OpenCredentials is OpenCredential for many, such as the whole directory, with one look into the vault.
func (k *Keys) OpenCredentials(ctx context.Context, list []Sealed) ([]Opened, error) {
	return k.openAll(ctx, formatCredential, list)
}

// Credential returns the id of the key of an owner, "" when it has none. It creates none, and opens none: a key that is
// damaged can still be killed.
func (k *Keys) Credential(ctx context.Context, tenant hub.TenantID, owner CredentialOwner) (id string, err error) {
	rows, err := k.byTag(ctx, []want{owner.want(tenant)})
	for _, row := range rows {
		id = row.ID
	}
	return id, err
}
