package gdpr

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"

	"hub"
)

// A wrapped key of the vault: magic "HW", format 2, zero, slot (4), version (4), id of the slot's key (16), CRC-32C of
// these (4), then nonce, the sealed 32 bytes and the authentication tag. The checksum tells damage from a wrong keyring.
const (
	slotWrapMagic  = "HW\x02\x00"
	slotWrapHeader = len(slotWrapMagic) + 4 + 4 + 16 + 4
	slotWrapSize   = slotWrapHeader + gcmSize + 32
	wrapLabel      = "hub wrapped key 2"

	gcmSize       = 12 + 16 // nonce and tag
	maxGeneration = math.MaxInt32
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errBehind is the cause when the vault holds what is newer than the keyring in memory; a keyring that is read again may
// know it. It is also the cause of what is too old by the same sign, until a second look has shown that.
var errBehind = errors.New("the keyring has no such key")

// wrap seals a key to its row under the newest key of the row's slot, which exists.
func (r *Keyring) wrap(secret *[32]byte, row WrappedKey) []byte {
	key := r.newest(row.Slot)
	d := key.wrapKeys()
	h := append(make([]byte, 0, slotWrapSize), slotWrapMagic...)
	h = binary.BigEndian.AppendUint32(h, uint32(row.Slot))
	h = binary.BigEndian.AppendUint32(h, key.version)
	h = append(h, d.id[:]...)
	h = binary.BigEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
	return r.tools.gcm(&d.key).Seal(h, nil, secret[:], row.bound(h))
}

// unwrap opens the key of a row. Damage is hub.CodeUnreadable, a key of the slot that has died CodeKeyGone, one that this
// keyring cannot know CodeRootMismatch; errBehind is the cause where a newer keyring may say otherwise.
func (r *Keyring) unwrap(op string, row WrappedKey) (*[32]byte, error) {
	slot, version, id, ok := parseWrapped(row.Wrapped)
	if home, sound := row.home(); !ok || !sound || slot != home || slot != row.Slot {
		return nil, damagedKey(op, row.ID)
	}
	key, err := r.version(op, row.ID, slot, version)
	if err != nil {
		return nil, err
	}
	d := key.wrapKeys()
	if d.id != id {
		return nil, ringMismatch(op, row.ID, errors.New("it was wrapped by another keyring; the vault was put together from two"))
	}
	h, sealed := row.Wrapped[:slotWrapHeader], row.Wrapped[slotWrapHeader:]
	secret, err := r.tools.gcm(&d.key).Open(nil, nil, sealed, row.bound(h))
	if err != nil || len(secret) != 32 {
		return nil, damagedKey(op, row.ID)
	}
	return (*[32]byte)(secret), nil
}

// version returns one version of the key of a slot.
func (r *Keyring) version(op, subject string, slot Slot, version uint32) (*slotKey, error) {
	at, ok := r.find(slot)
	if !ok { // a week that has expired, or that another hub has added
		return nil, &hub.Error{Kind: hub.KindNotFound, Code: CodeKeyGone, Op: op, Subject: subject, Err: errBehind}
	}
	switch k := r.slots[at]; {
	case k.now.version == version:
		return k.now, nil
	case k.old != nil && k.old.version == version:
		return k.old, nil
	case version > k.now.version:
		return nil, ringMismatch(op, subject, errBehind)
	}
	return nil, &hub.Error{Kind: hub.KindNotFound, Code: CodeKeyGone, Op: op, Subject: subject}
}

func ringMismatch(op, subject string, why error) error {
	return &hub.Error{Kind: hub.KindInternal, Code: CodeRootMismatch, Op: op, Subject: subject, Err: why}
}

// parseWrapped reads the header of a wrapped key, whose checksum holds.
func parseWrapped(b []byte) (slot Slot, version uint32, id [16]byte, ok bool) {
	if len(b) != slotWrapSize || string(b[:len(slotWrapMagic)]) != slotWrapMagic ||
		binary.BigEndian.Uint32(b[slotWrapHeader-4:]) != crc32.Checksum(b[:slotWrapHeader-4], castagnoli) {
		return 0, 0, id, false
	}
	return Slot(binary.BigEndian.Uint32(b[4:])), binary.BigEndian.Uint32(b[8:]), [16]byte(b[12:28]), true
}

// home returns the slot that the row belongs to by what it is.
func (row WrappedKey) home() (Slot, bool) {
	if row.Kind == KindLot {
		if !row.Expires.valid() {
			return 0, false
		}
		return row.Expires.Slot(), true
	}
	raw, ok := idRaw(row.Kind.prefix(), row.ID)
	return BucketOf(raw[:]), ok
}

// bound is what is authenticated with a wrapped key: all of the row but the times. The tag is in it, so a vault whose tags
// were exchanged cannot make the hub seal one person's data under another's key.
func (row WrappedKey) bound(header []byte) []byte {
	return part(parts(wrapLabel, string(row.Kind), row.ID, string(row.Tenant), string(row.Tag), string(row.Connection),
		string(row.Class), string(row.Week), string(row.Expires)), header)
}

// Sum is a hash of all of the row but the times.
func (row WrappedKey) Sum() [32]byte {
	return sha256.Sum256(part(binary.BigEndian.AppendUint32(row.bound(nil), uint32(row.Slot)), row.Wrapped))
}

func damagedKey(op, id string) error {
	return &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeUnreadable, Op: op, Subject: id}
}

// opRewrap is also said of tags.
const opRewrap = "wrapping again"

// Rewrap returns the row wrapped under the newest key of its slot; changed is false when it is already. Either way it was
// opened, and what is new was opened again and compared, so a row that comes back is a key that lives.
func (r *Keyring) Rewrap(row WrappedKey) (_ WrappedKey, changed bool, err error) {
	secret, err := r.unwrap(opRewrap, row)
	if err != nil {
		return WrappedKey{}, false, err
	}
	if _, version, _, _ := parseWrapped(row.Wrapped); version == r.newest(row.Slot).version {
		return row, false, nil
	}
	row.Wrapped = r.wrap(secret, row)
	again, err := r.unwrap(opRewrap, row)
	if err != nil || *again != *secret {
		return WrappedKey{}, false, hub.Errorf(hub.KindInternal, opRewrap, "%s does not open as it was sealed", row.ID)
	}
	return row, true, nil
}
