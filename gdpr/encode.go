package gdpr

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
)

// part appends a length as four bytes, big-endian, and then the bytes. A list of parts can be read in one way only,
// so no two different lists have the same encoding.
func part[T ~string | ~[]byte](b []byte, p T) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
	return append(b, p...)
}

// parts encodes a list of texts.
func parts(list ...string) []byte {
	n := 0
	for _, p := range list {
		n += 4 + len(p)
	}
	b := make([]byte, 0, n)
	for _, p := range list {
		b = part(b, p)
	}
	return b
}

// subkey derives a key of n bytes for one purpose.
func subkey(from *[32]byte, label string, n int) []byte {
	derived, err := hkdf.Key(sha256.New, from[:], nil, label, n)
	if err != nil {
		panic("gdpr: deriving a key: " + err.Error()) // only for more than 8,160 bytes
	}
	return derived
}
