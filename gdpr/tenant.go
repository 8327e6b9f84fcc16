package gdpr

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"

	"hub"
)

// TenantKeys are the keyed hashes of one tenant. Whoever has the databases but not the vault can neither compute them
// nor test a guess. They are safe for concurrent use.
type TenantKeys struct{ index, tombstone, delivery, digest []byte }

const (
	indexLabel     = "hub tenant index 1"
	tombstoneLabel = "hub tenant tombstone 1"
	deliveryLabel  = "hub tenant delivery 1"
	digestLabel    = "hub tenant digest 1"
)

// Tenant returns the keyed hashes of a tenant and creates the tenant's key when it has none. Calling it for hub.Operator
// at start also proves that the root belongs to the vault: it is CodeRootMismatch otherwise.
func (k *Keys) Tenant(ctx context.Context, tenant hub.TenantID) (*TenantKeys, error) {
	var found map[hub.TenantID]*TenantKeys
	err := k.leased(ctx, func(ring *Keyring) (err error) {
		found, err = k.tenants(ctx, ring, []hub.TenantID{tenant})
		return err
	})
	if err != nil {
		return nil, err
	}
	return found[tenant], nil
}

// Peek is Tenant for a try that leaves nothing behind: it creates no key. A tenant without one has hashes under a key that
// nobody keeps, so that nothing which is stored equals them.
func (k *Keys) Peek(ctx context.Context, tenant hub.TenantID) (found *TenantKeys, err error) {
	if tenant == "" {
		return nil, hub.Errorf(hub.KindInvalid, opPeek, "no tenant")
	}
	err = k.leased(ctx, func(ring *Keyring) error {
		w := tenantWant(tenant)
		known := map[[32]byte]*key{}
		missing, epoch := k.cache.named(map[[32]byte]want{w.tag: w}, known)
		rows, err := k.byTag(ctx, missing)
		if err != nil {
			return err
		}
		secret := newSecret()
		if len(rows) > 0 {
			if known[w.tag], err = k.admit(ring, w, rows, epoch); err != nil {
				return err
			}
		}
		if one := known[w.tag]; one != nil {
			secret = one.secret
		}
		found = tenantKeys(secret)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

const opPeek = "looking for a tenant's key"

// tenantWant describes the key of a tenant.
func tenantWant(tenant hub.TenantID) want {
	return want{kind: KindTenant, tenant: tenant, tag: sha256.Sum256(parts("hub tenant tag 1", string(tenant)))}
}

// tenantKeys derives the hashes from the key of a tenant.
func tenantKeys(secret *[32]byte) *TenantKeys {
	return &TenantKeys{
		index:     subkey(secret, indexLabel, 32),
		tombstone: subkey(secret, tombstoneLabel, 32),
		delivery:  subkey(secret, deliveryLabel, 32),
		digest:    subkey(secret, digestLabel, 32),
	}
}

// tenants returns the hashes of several tenants with at most one look and one addition to the vault.
func (k *Keys) tenants(ctx context.Context, ring *Keyring, list []hub.TenantID) (map[hub.TenantID]*TenantKeys, error) {
	wants := make(map[[32]byte]want, len(list))
	tags := make(map[hub.TenantID][32]byte, len(list))
	for _, tenant := range list {
		if tenant == "" {
			return nil, hub.Errorf(hub.KindInvalid, opSeals, "no tenant")
		}
		w := tenantWant(tenant)
		wants[w.tag], tags[tenant] = w, w.tag
	}
	keys, err := k.ensure(ctx, ring, wants)
	if err != nil {
		return nil, err
	}
	found := make(map[hub.TenantID]*TenantKeys, len(tags))
	for tenant, tag := range tags {
		found[tenant] = tenantKeys(keys[tag].secret)
	}
	return found, nil
}

// DeliveryKey is what one delivery is known by for ever, so that it has one effect. Topic and delivery id come from
// headers that no platform signs, hence the body is in it: a forged id cannot claim another delivery's key.
func (t *TenantKeys) DeliveryKey(c hub.ConnectionID, topic, deliveryID string, body []byte) [32]byte {
	sum := sha256.Sum256(body)
	return keyed(t.delivery, parts(string(c), topic, deliveryID, string(sum[:])))
}

// Digest is a keyed hash of a list of byte strings: equal lists have equal digests and two lists that only concatenate
// to the same bytes do not. It decides ties between versions and shows nothing of a payload.
func (t *TenantKeys) Digest(list ...[]byte) [32]byte {
	mac := hmac.New(sha256.New, t.digest)
	for _, b := range list {
		mac.Write(part([]byte(nil), b))
	}
	return [32]byte(mac.Sum(nil))
}

// identity is what a person is looked up by: no customer or order id and no name is in clear in the vault.
func (t *TenantKeys) identity(c hub.ConnectionID, s SubjectRef) [32]byte {
	switch {
	case s.Role != RoleBuyer:
		return keyed(t.index, parts(string(c), string(s.Role), string(s.Order), s.Name))
	case s.Customer != "":
		return keyed(t.index, parts(string(c), "customer", string(s.Customer)))
	case s.Unparsed != "":
		return keyed(t.index, parts(string(c), "unparsed", string(s.Unparsed)))
	}
	return keyed(t.index, parts(string(c), "order", string(s.Order)))
}

// identifier is what a search computes, over all connections of the tenant.
func (t *TenantKeys) identifier(i Identifier) [32]byte {
	return keyed(t.index, parts("identifier", string(i.Kind), i.Value))
}

// tombstoneOf is what keeps an erased person from coming back. It needs the inner hash of the identity alone, which the
// tags of the person hold, so that an erasure need not know what the platform calls the person.
func (t *TenantKeys) tombstoneOf(inner [32]byte) [32]byte { return keyed(t.tombstone, inner[:]) }

func keyed(key, message []byte) [32]byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(message)
	return [32]byte(mac.Sum(nil))
}
