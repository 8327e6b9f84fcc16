package gdpr

import (
	"context"

	"hub"
)

// Seal seals values of one holder. It is safe for concurrent use and lives as long as the batch it was made for: a
// seal that is kept would go on sealing under keys that have died, so it refuses once the lease is over.
type Seal struct {
	tenant     hub.TenantID
	suppressed bool
	expires    Week
	subjects   []SubjectID
	lot        LotID
	prefix     []byte // the header up to the commitment
	prk        []byte
	fresh      func() error
}

// Seals returns one seal for each holder, in their order. Keys that do not exist are created and durable in the vault
// before it returns, and so is the index by which each person is found. A batch costs one look for each of what it does
// not have in memory (lots, identities, tombstones, keys) and one addition, nothing when the cache has all, and one look
// and one addition more for tenants that have no key yet.
//
// A holder of which one person was erased when or after the order was placed, and one whose lot has expired, is suppressed:
// no key is made for it, and its seal refuses. A person who was erased and placed an order later is somebody new.
//
// A holder that contradicts itself is KindInvalid without a code, a bug of the caller. An unreachable vault keeps the
// kind that the vault gave it, or is KindUnavailable with CodeVaultStale. A damaged key or tag of the vault is
// hub.CodeUnreadable and fails the batch, which the caller halves until only the culprit is left.
func (k *Keys) Seals(ctx context.Context, holders []Holder) (seals []*Seal, err error) {
	for _, h := range holders {
		if err := h.check(); err != nil {
			return nil, err
		}
	}
	err = k.leased(ctx, func(ring *Keyring) (err error) {
		seals, err = k.seals(ctx, ring, holders)
		return err
	})
	if err != nil {
		return nil, err
	}
	return seals, nil
}

// seals is Seals under one keyring. It is errAgain, or CodeKeyringStale, when it must be repeated.
func (k *Keys) seals(ctx context.Context, ring *Keyring, holders []Holder) ([]*Seal, error) {
	b, err := k.newBatch(ctx, ring, holders)
	if err != nil {
		return nil, err
	}
	if err := b.look(ctx); err != nil {
		return nil, err
	}
	b.decide()
	if err := b.add(ctx); err != nil {
		return nil, err
	}
	b.remember()
	seals := make([]*Seal, len(b.parties))
	for i, p := range b.parties {
		seals[i] = p.seal(k.Fresh)
	}
	return seals, nil
}

// seal puts the keys of a holder together; the lot is the last of the header.
func (p *party) seal(fresh func() error) *Seal {
	s := &Seal{tenant: p.tenant, suppressed: p.suppressed, expires: p.lot.expires, fresh: fresh}
	if s.suppressed {
		return s
	}
	s.prefix = append(make([]byte, 0, envelopeStart+16*(len(p.people)+1)), envelopeMagic...)
	s.prefix = append(s.prefix, byte(formatPersonal), byte(len(p.people)))
	secrets := make([]*[32]byte, 0, len(p.people)+1)
	for _, one := range p.people {
		s.prefix = append(s.prefix, one.key.raw[:]...)
		secrets = append(secrets, one.key.secret)
		s.subjects = append(s.subjects, SubjectID(one.key.id))
	}
	s.lot = LotID(p.lotKey.id)
	s.prefix = append(s.prefix, p.lotKey.raw[:]...)
	s.prk = extract(nil, append(secrets, p.lotKey.secret)...)
	return s
}

// Suppressed reports whether nothing may be sealed for the holder: somebody was erased, or it is too old to be kept.
func (s *Seal) Suppressed() bool { return s.suppressed }

// Expires returns the week with which the sealed values die; rows hold it beside the ciphertext.
func (s *Seal) Expires() Week { return s.expires }

// Subjects returns whose data it seals, nobody's when suppressed. The caller must not change the slice.
func (s *Seal) Subjects() []SubjectID { return s.subjects }

// Lot returns what the sealed values age with, or "" when suppressed.
func (s *Seal) Lot() LotID { return s.lot }

const opSeal = "sealing value"

// Seal seals plaintext for its place. It does no input or output, so it may run inside a transaction, and twice seals
// to different bytes. A place of another tenant than the holder's, an incomplete one, and a suppressed holder are
// KindInvalid without a code; after the lease it is KindUnavailable with CodeVaultStale, and the caller prepares anew.
func (s *Seal) Seal(p Place, plaintext []byte) ([]byte, error) {
	if err := p.check(opSeal); err != nil {
		return nil, err
	}
	if p.Tenant != s.tenant {
		return nil, hub.Errorf(hub.KindInvalid, opSeal, "place %s is of another tenant", p)
	}
	if s.suppressed {
		return nil, hub.Errorf(hub.KindInvalid, opSeal, "nothing may be stored at %s any more", p)
	}
	if err := s.fresh(); err != nil {
		return nil, err
	}
	return seal(nil, p, s.prefix, s.prk, plaintext), nil
}
