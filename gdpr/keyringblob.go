package gdpr

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"hub"
)

// A sealed keyring: magic "hubring", format 1, root generation (4), root id (16), revision (8), CRC-32C of these (4), then
// nonce, ciphertext and authentication tag. The plaintext is a count and then for each slot, ascending: slot (4),
// version (4), key (32), version of the old key or 0 (4), the old key (32) if there is one.
const (
	ringMagic  = "hubring\x01"
	ringHeader = len(ringMagic) + 4 + 16 + 8 + 4
	ringSlot   = 4 + 4 + 32 + 4
	ringLabel  = "hub keyring 1"
	ringWeeks  = 420_000 // more than there are until the year 9999
)

// CodeKeyringDamaged: the keyring in the vault does not open. Nothing personal can be read until the vault is restored;
// no single value is to blame, so nothing is parked for it.
const CodeKeyringDamaged hub.Code = "keyring_damaged"

// Sealed seals the keyring under a root for the vault, as the given revision.
func (r *Keyring) Sealed(root Root, revision int64) SealedKeyring {
	h := ringHead(root, revision)
	sealed := gcm(subkey(root.key, ringLabel, 32)).Seal(h, nil, r.plaintext(), ringAdditional(h))
	return SealedKeyring{Generation: root.Generation, Revision: revision, Blob: sealed}
}

func (r *Keyring) plaintext() []byte {
	size := 4
	for _, k := range r.slots {
		if size += ringSlot; k.old != nil {
			size += 32
		}
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, size), uint32(len(r.slots)))
	for _, k := range r.slots {
		b = binary.BigEndian.AppendUint32(b, uint32(k.slot))
		b = binary.BigEndian.AppendUint32(b, k.now.version)
		b = append(b, k.now.secret[:]...)
		if k.old == nil {
			b = binary.BigEndian.AppendUint32(b, 0)
			continue
		}
		b = binary.BigEndian.AppendUint32(b, k.old.version)
		b = append(b, k.old.secret[:]...)
	}
	return b
}

func ringHead(root Root, revision int64) []byte {
	id := root.id()
	h := append(make([]byte, 0, ringHeader), ringMagic...)
	h = binary.BigEndian.AppendUint32(h, uint32(root.Generation))
	h = append(h, id[:]...)
	h = binary.BigEndian.AppendUint64(h, uint64(revision))
	return binary.BigEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
}

func ringAdditional(header []byte) []byte { return part(parts(ringLabel), header) }

// openKeyring opens a sealed keyring. Damage is CodeKeyringDamaged, another root CodeRootMismatch. What was derived from
// the keys that last, which may be nil, has too is taken over.
func openKeyring(root Root, s SealedKeyring, last *Keyring) (*Keyring, error) {
	if len(s.Blob) < ringHeader+gcmSize || string(s.Blob[:len(ringMagic)]) != ringMagic ||
		binary.BigEndian.Uint32(s.Blob[ringHeader-4:]) != crc32.Checksum(s.Blob[:ringHeader-4], castagnoli) {
		return nil, damagedKeyring("its header is damaged")
	}
	h := s.Blob[:ringHeader]
	if want := ringHead(root, s.Revision); string(h) != string(want) {
		if string(h[:ringHeader-12]) != string(want[:ringHeader-12]) {
			return nil, rootMismatch(opKeyring, "vault")
		}
		return nil, damagedKeyring("it is of another revision than its row")
	}
	plain, err := gcm(subkey(root.key, ringLabel, 32)).Open(nil, nil, s.Blob[ringHeader:], ringAdditional(h))
	if err != nil {
		return nil, damagedKeyring("it does not open")
	}
	slots, ok := parseSlots(plain, last)
	if !ok {
		return nil, damagedKeyring("it opens to no list of slots")
	}
	return &Keyring{generation: s.Generation, revision: s.Revision, slots: slots}, nil
}

const opKeyring = "opening keyring"

func damagedKeyring(why string) error {
	return &hub.Error{Kind: hub.KindInternal, Code: CodeKeyringDamaged, Op: opKeyring, Subject: "vault",
		Err: errors.New(why + "; bring the vault back from its newest copy")}
}

// parseSlots reads the plaintext of a keyring: all buckets, then weeks, each slot once and ascending.
func parseSlots(b []byte, last *Keyring) (slots []slotKeys, ok bool) {
	if len(b) < 4 {
		return nil, false
	}
	n := int(binary.BigEndian.Uint32(b))
	if b = b[4:]; n < Buckets || n > Buckets+ringWeeks || len(b) < n*ringSlot {
		return nil, false
	}
	slots, keys := make([]slotKeys, n), make([]slotKey, n)
	for i := range slots {
		if len(b) < ringSlot {
			return nil, false
		}
		k := &slots[i]
		k.slot, k.now = Slot(binary.BigEndian.Uint32(b)), &keys[i]
		k.now.version, k.now.secret = binary.BigEndian.Uint32(b[4:]), (*[32]byte)(b[8:40])
		old := binary.BigEndian.Uint32(b[40:])
		b = b[ringSlot:]
		if i < Buckets && k.slot != Slot(i) || i >= Buckets && k.slot <= slots[i-1].slot || old >= k.now.version {
			return nil, false
		}
		if old != 0 {
			if len(b) < 32 {
				return nil, false
			}
			k.old, b = &slotKey{version: old, secret: (*[32]byte)(b[:32])}, b[32:]
		}
		k.inherit(last)
	}
	return slots, len(b) == 0
}

// inherit takes over what is derived from keys that another keyring has too.
func (k *slotKeys) inherit(last *Keyring) {
	if last == nil {
		return
	}
	at, ok := last.find(k.slot)
	if !ok {
		return
	}
	for _, from := range []*slotKey{last.slots[at].now, last.slots[at].old} {
		k.now.inherit(from)
		if k.old != nil {
			k.old.inherit(from)
		}
	}
}
