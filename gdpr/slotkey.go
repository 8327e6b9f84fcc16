package gdpr

import (
	"crypto/hkdf"
	"crypto/sha256"
	"sync/atomic"
)

// slotKey is one version of the key of a slot. What is derived from it is kept, because a batch of orders uses thousands
// of slots again and again; the ciphers are not, because set up they take forty times the room.
type slotKey struct {
	version  uint32    // from 1
	secret   *[32]byte // behind a pointer for the reason given at Root
	wrapping atomic.Pointer[wrapKeys]
	indexing atomic.Pointer[indexKeys]
}

// wrapKeys are for the keys of a slot: id tells two keys of one slot and version apart, and tells nothing about them.
type wrapKeys struct {
	id  [16]byte
	key [32]byte
}

// indexKeys are for the tags of a slot.
type indexKeys struct{ tag, seal [32]byte }

const (
	slotIDLabel      = "hub slot id 1"
	slotWrapLabel    = "hub slot wrap 1"
	slotTagLabel     = "hub slot tag 1"
	slotTagSealLabel = "hub slot tag seal 1"
)

func (k *slotKey) wrapKeys() *wrapKeys {
	if d := k.wrapping.Load(); d != nil {
		return d
	}
	prk := extract(nil, k.secret)
	d := &wrapKeys{id: [16]byte(expand(prk, slotIDLabel, 16)), key: [32]byte(expand(prk, slotWrapLabel, 32))}
	k.wrapping.Store(d)
	return d
}

func (k *slotKey) indexKeys() *indexKeys {
	if d := k.indexing.Load(); d != nil {
		return d
	}
	prk := extract(nil, k.secret)
	d := &indexKeys{tag: [32]byte(expand(prk, slotTagLabel, 32)), seal: [32]byte(expand(prk, slotTagSealLabel, 32))}
	k.indexing.Store(d)
	return d
}

// expand derives n bytes for one purpose from an extracted key.
func expand(prk []byte, label string, n int) []byte {
	b, err := hkdf.Expand(sha256.New, prk, label, n)
	if err != nil {
		panic("gdpr: expanding a key: " + err.Error()) // only for more than 8,160 bytes
	}
	return b
}

// inherit takes over what was derived from the same key before.
func (k *slotKey) inherit(from *slotKey) {
	if from != nil && *from.secret == *k.secret {
		k.wrapping.Store(from.wrapping.Load())
		k.indexing.Store(from.indexing.Load())
	}
}
