package gdpr

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
)

// tools keeps ciphers and hashes that were set up, as setting them up takes most of the time of a short text. They take much
// room, so nobody keeps tools for longer than one slot. Nil tools set everything up anew. They are for one goroutine.
type tools struct {
	aeads [4]aeadOf
	macs  [2]macOf
}

type aeadOf struct {
	key  *[32]byte
	aead cipher.AEAD
}

type macOf struct {
	key *[32]byte
	mac hash.Hash
}

// gcm returns the cipher of a key.
func (t *tools) gcm(key *[32]byte) cipher.AEAD {
	if t == nil {
		return gcm(key[:])
	}
	for i := range t.aeads {
		a := &t.aeads[i]
		if a.key == nil || a.key == key {
			if a.key == nil {
				a.key, a.aead = key, gcm(key[:])
			}
			return a.aead
		}
	}
	return gcm(key[:])
}

// keyed returns the keyed hash of a message.
func (t *tools) keyed(key *[32]byte, message []byte) (sum [32]byte) {
	if t == nil {
		return keyed(key[:], message)
	}
	for i := range t.macs {
		m := &t.macs[i]
		if m.key == nil || m.key == key {
			if m.key == nil {
				m.key, m.mac = key, hmac.New(sha256.New, key[:])
			}
			m.mac.Reset()
			m.mac.Write(message)
			m.mac.Sum(sum[:0])
			return sum
		}
	}
	return keyed(key[:], message)
}
