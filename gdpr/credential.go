package gdpr

import (
	"context"
	"crypto/sha256"

	"hub"
)

// CredentialOwner is what platform credentials belong to: exactly one of the two is set.
type CredentialOwner struct {
	Connection hub.ConnectionID
	App        hub.AppID
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
	w := want{kind: KindCredential, tenant: p.Tenant,
		tag: sha256.Sum256(parts("hub credential tag 1", string(p.Tenant), string(owner.Connection), string(owner.App)))}
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
