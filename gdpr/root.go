package gdpr

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"

	"hub"
)

// RootStore keeps the key that wraps all others, outside of every backup set.
type RootStore interface {
	// Load returns the current root. It is KindNotFound when there is none, and refuses rather than guesses when the
	// store is damaged, open to others, or holds more than one candidate.
	Load(ctx context.Context) (Root, error)
	// Create makes the first root, durable before it returns, and is KindConflict when there already is one. It is
	// for a hub whose vault is empty: a new root opens nothing that was sealed under a lost one.
	Create(ctx context.Context) (Root, error)
}

// Root is the key at the top. The key is behind a pointer so that formatting a struct that holds a Root prints an
// address and not the key. The zero Root is not usable.
type Root struct {
	Generation int // from 1, raised by each forget cycle
	key        *[32]byte
}

// NewRoot makes a root of 32 random bytes that a RootStore keeps.
func NewRoot(generation int, key [32]byte) Root { return Root{Generation: generation, key: &key} }

const (
	rootIDLabel     = "hub root id 1"
	vaultWrapLabel  = "hub vault wrap 1"
	intakeWrapLabel = "hub intake wrap 1"
)

// id tells roots apart without telling anything about the key.
func (r Root) id() [16]byte { return [16]byte(subkey(r.key, rootIDLabel, 16)) }

// wrapper returns what wraps keys under the root for one purpose. Nonces are random, so one root may wrap 2^32 keys of
// each purpose.
func (r Root) wrapper(label string) wrapper {
	return wrapper{generation: r.Generation, root: r.id(), aead: gcm(subkey(r.key, label, 32))}
}

// gcm returns AES-256-GCM with a random nonce in front of the ciphertext.
func gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("gdpr: setting up AES: " + err.Error()) // only for a wrong key length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("gdpr: setting up GCM: " + err.Error()) // only for a foreign block cipher
	}
	return aead
}

func rootMismatch(op, subject string) error {
	return &hub.Error{Kind: hub.KindInternal, Code: CodeRootMismatch, Op: op, Subject: subject,
		Err: errors.New("it was wrapped under another root; HUB_KEYS names another hub's folder, or an old copy")}
}
