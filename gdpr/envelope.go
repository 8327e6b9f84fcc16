package gdpr

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// An envelope is a header and then AES-256-GCM: nonce (12), ciphertext, tag (16). The header is
//
//	"HE", format (1 byte), count (1 byte), what the format needs to find the key, commitment (32), CRC-32C (4)
//
// The checksum tells a damaged header, which names keys that never existed, from keys that were erased. The commitment
// makes one envelope open under one key only, which GCM alone does not.
type format byte

const (
	formatPersonal   format = 1 // count subject ids of 16 bytes each, then the lot id
	formatIntake     format = 2 // count 0: id of the intake key, then a random salt of 32 bytes
	formatCredential format = 3 // count 0: id of the credential key
)

const (
	envelopeMagic  = "HE"
	envelopeStart  = len(envelopeMagic) + 2
	envelopeFinish = 32 + 4
	maxSubjects    = 32 // of one value; an order has a buyer, a recipient, a payer
)

// rowLabel is the purpose of a row key.
const rowLabel = "hub row key 1"

// envelope is a parsed envelope; its slices point into the bytes it was parsed from.
type envelope struct {
	format     format
	ids        int    // how many: subjects and then the lot, or the one key
	salt       []byte // of formatIntake
	commitment []byte
	header     []byte // all that is in front of the nonce
	sealed     []byte
}

// idCount is how many ids a header of this format and count has, or 0 for one that does not exist.
func (f format) idCount(count int) int {
	switch {
	case f == formatPersonal && count <= maxSubjects:
		return count + 1
	case (f == formatIntake || f == formatCredential) && count == 0:
		return 1
	}
	return 0
}

func (f format) saltSize() int {
	if f == formatIntake {
		return 32
	}
	return 0
}

// parseEnvelope reads foreign bytes; ok is false when they are no envelope of any format or the header is damaged.
func parseEnvelope(b []byte) (e envelope, ok bool) {
	if len(b) < envelopeStart || string(b[:len(envelopeMagic)]) != envelopeMagic {
		return e, false
	}
	e.format = format(b[2])
	n := e.format.idCount(int(b[3]))
	salt := envelopeStart + n*16
	end := salt + e.format.saltSize() + envelopeFinish
	if n == 0 || len(b) < end+gcmSize {
		return e, false
	}
	e.header, e.sealed = b[:end:end], b[end:]
	if binary.BigEndian.Uint32(b[end-4:]) != crc32.Checksum(b[:end-4], castagnoli) {
		return e, false
	}
	e.ids, e.salt, e.commitment = n, b[salt:end-envelopeFinish], b[end-envelopeFinish:end-4]
	return e, true
}

// raw is the id at that place of the header.
func (e envelope) raw(at int) [16]byte { return [16]byte(e.header[envelopeStart+16*at:]) }

// extract concentrates the keys that a value is sealed under, in the order of the header.
func extract(salt []byte, keys ...*[32]byte) []byte {
	secret := make([]byte, 0, 3*32)
	for _, k := range keys {
		secret = append(secret, k[:]...)
	}
	prk, err := hkdf.Extract(sha256.New, secret, salt)
	if err != nil {
		panic("gdpr: extracting a key: " + err.Error()) // only for keys too short in FIPS mode
	}
	return prk
}

// rowKey is the key of a row, and then the commitment to it.
type rowKey [64]byte

// rowKey derives the key and the commitment of what a tenant seals in one class under the extracted keys.
func (p Place) rowKey(f format, prk []byte) (k rowKey) {
	info := parts(rowLabel, string(p.Tenant), string(p.Class), string(rune(f)))
	both, err := hkdf.Expand(sha256.New, prk, string(info), len(k))
	if err != nil {
		panic("gdpr: expanding a key: " + err.Error()) // only for more than 8,160 bytes
	}
	return rowKey(both)
}

func (k *rowKey) key() []byte        { return k[:32] }
func (k *rowKey) commitment() []byte { return k[32:] }

// seal appends an envelope to dst. prefix is the header up to the commitment; it is copied.
func seal(dst []byte, p Place, prefix, prk, plaintext []byte) []byte {
	row := p.rowKey(format(prefix[2]), prk)
	start := len(dst)
	b := slices.Grow(dst, len(prefix)+envelopeFinish+gcmSize+len(plaintext))
	b = append(b, prefix...)
	b = append(b, row.commitment()...)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
	return gcm(row.key()).Seal(b, nil, plaintext, p.additional(nil, b[start:]))
}

// open opens a parsed envelope under the extracted keys.
func (e envelope) open(p Place, prk []byte) ([]byte, error) {
	row := p.rowKey(e.format, prk)
	return e.openUnder(nil, p, p.additional(nil, e.header), &row)
}

// openUnder opens a parsed envelope into room; the commitment is compared, in constant time, before anything is decrypted.
func (e envelope) openUnder(room []byte, p Place, beside []byte, row *rowKey) ([]byte, error) {
	if subtle.ConstantTimeCompare(row.commitment(), e.commitment) != 1 {
		return nil, p.unreadable()
	}
	plaintext, err := gcm(row.key()).Open(room, nil, e.sealed, beside)
	if err != nil {
		return nil, p.unreadable()
	}
	return plaintext[:len(plaintext):len(plaintext)], nil
}
