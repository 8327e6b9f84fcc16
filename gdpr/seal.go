package gdpr

import (
	"context"

	"hub"
)

// Seal seals values of one holder. It is safe for concurrent use and lives as long as the batch it was made for: a
// seal that is kept would go on sealing under keys that have died.
type Seal struct {
	tenant   hub.TenantID
	subjects []SubjectID
	lot      LotID
	prefix   []byte // the header up to the commitment
	prk      []byte
}

// Seals returns one seal for each holder, in their order. Keys that do not exist are created and durable in the vault
// before it returns. A batch costs one look into the vault and one addition to it, none when the cache has all, and
// one more of each for tenants that have no key yet.
//
// A holder that contradicts itself is KindInvalid without a code, a bug of the caller. An unreachable vault keeps the
// kind that the vault gave it. A damaged key of the vault is hub.CodeUnreadable and fails the batch, which the caller
// halves until only the culprit is left.
func (k *Keys) Seals(ctx context.Context, holders []Holder) ([]*Seal, error) {
	seen := make(map[hub.TenantID]bool)
	var tenants []hub.TenantID
	for _, h := range holders {
		if err := h.check(); err != nil {
			return nil, err
		}
		if !seen[h.Tenant] {
			seen[h.Tenant] = true
			tenants = append(tenants, h.Tenant)
		}
	}
	hashes, err := k.tenants(ctx, tenants)
	if err != nil {
		return nil, err
	}
	lists := make([][]want, len(holders))
	wants := make(map[[32]byte]want, 2*len(holders))
	for i, h := range holders {
		lists[i] = h.wants(hashes[h.Tenant])
		for _, w := range lists[i] {
			wants[w.tag] = w
		}
	}
	keys, err := k.ensure(ctx, wants)
	if err != nil {
		return nil, err
	}
	seals := make([]*Seal, len(holders))
	for i, list := range lists {
		seals[i] = newSeal(holders[i].Tenant, list, keys)
	}
	return seals, nil
}

// newSeal puts the keys of a holder together; the lot is the last of the list.
func newSeal(tenant hub.TenantID, list []want, keys map[[32]byte]*key) *Seal {
	s := &Seal{tenant: tenant}
	s.prefix = append(make([]byte, 0, envelopeStart+16*len(list)), envelopeMagic...)
	s.prefix = append(s.prefix, byte(formatPersonal), byte(len(list)-1))
	secrets := make([]*[32]byte, len(list))
	for i, w := range list {
		k := keys[w.tag]
		s.prefix = append(s.prefix, k.raw[:]...)
		secrets[i] = k.secret
		if k.kind == KindLot {
			s.lot = LotID(k.id)
		} else {
			s.subjects = append(s.subjects, SubjectID(k.id))
		}
	}
	s.prk = extract(nil, secrets...)
	return s
}

// Subjects returns whose data it seals; rows name them beside the ciphertext. The caller must not change the slice.
func (s *Seal) Subjects() []SubjectID { return s.subjects }

// Lot returns what the sealed values age with.
func (s *Seal) Lot() LotID { return s.lot }

const opSeal = "sealing value"

// Seal seals plaintext for its place. It does no input or output, so it may run inside a transaction, and twice seals
// to different bytes. A place of another tenant than the holder's, or an incomplete one, is KindInvalid without a
// code.
func (s *Seal) Seal(p Place, plaintext []byte) ([]byte, error) {
	if err := p.check(opSeal); err != nil {
		return nil, err
	}
	if p.Tenant != s.tenant {
		return nil, hub.Errorf(hub.KindInvalid, opSeal, "place %s is of another tenant", p)
	}
	return seal(nil, p, s.prefix, s.prk, plaintext), nil
}
