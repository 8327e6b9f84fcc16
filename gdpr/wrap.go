package gdpr

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"hash/crc32"
	"math"

	"hub"
)

// A wrapped key: magic "HW", format 1, zero, root generation (4), root id (16), CRC-32C of these (4), then nonce, the
// sealed 32 bytes and the authentication tag. The checksum tells damage from a wrong root.
const (
	wrapMagic  = "HW\x01\x00"
	wrapHeader = len(wrapMagic) + 4 + 16 + 4
	gcmSize    = 12 + 16 // nonce and tag
	wrapSize   = wrapHeader + gcmSize + 32
	wrapLabel  = "hub wrapped key 1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// wrapper seals keys under one root.
type wrapper struct {
	generation int
	root       [16]byte
	aead       cipher.AEAD
}

func (w wrapper) header() []byte {
	h := append(make([]byte, 0, wrapSize), wrapMagic...)
	h = binary.BigEndian.AppendUint32(h, uint32(w.generation))
	h = append(h, w.root[:]...)
	return binary.BigEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
}

// wrap seals a key to its row; every part of the row but the time is authenticated with it.
func (w wrapper) wrap(key *[32]byte, row WrappedKey) []byte {
	h := w.header()
	return w.aead.Seal(h, nil, key[:], row.additional(h))
}

// unwrap opens a key of its row. Damage is hub.CodeUnreadable, another root is CodeRootMismatch.
func (w wrapper) unwrap(op string, row WrappedKey) (*[32]byte, error) {
	h, sealed, ok := splitWrapped(row.Wrapped)
	if !ok {
		return nil, damagedKey(op, row.name())
	}
	if !bytes.Equal(h, w.header()) {
		return nil, rootMismatch(op, row.name())
	}
	key, err := w.aead.Open(nil, nil, sealed, row.additional(h))
	if err != nil || len(key) != 32 {
		return nil, damagedKey(op, row.name())
	}
	return (*[32]byte)(key), nil
}

// splitWrapped parts a wrapped key into its header, whose checksum holds, and what is sealed.
func splitWrapped(b []byte) (header, sealed []byte, ok bool) {
	if len(b) != wrapSize || string(b[:len(wrapMagic)]) != wrapMagic {
		return nil, nil, false
	}
	header = b[:wrapHeader]
	sum := binary.BigEndian.Uint32(header[wrapHeader-4:])
	return header, b[wrapHeader:], sum == crc32.Checksum(header[:wrapHeader-4], castagnoli)
}

// additional is what is authenticated with a wrapped key. The tag is in it, so a vault whose tags were exchanged cannot
// make the hub seal one person's data under another's key.
func (k WrappedKey) additional(header []byte) []byte {
	return part(parts(wrapLabel, string(k.Kind), k.ID, string(k.Tenant), string(k.Tag), string(k.Connection),
		string(k.Class), string(k.Week)), header)
}

func damagedKey(op, id string) error {
	return &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeUnreadable, Op: op, Subject: id}
}

// maxGeneration keeps a generation in four bytes.
const maxGeneration = math.MaxInt32

// name is what error texts call the key. The intake key's id is bytes.
func (row WrappedKey) name() string {
	if row.Kind == kindIntake {
		return string(kindIntake)
	}
	return row.ID
}
