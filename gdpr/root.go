package gdpr

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"

	"hub"
)

// RootStore keeps the key that wraps all others, outside of every backup set. A forget cycle replaces it: it creates the
// next generation, moves to it everything that lives, and destroys the one before, so for the length of a cycle there are
// two. All methods are safe for concurrent use, also by several hubs on one store, and for several tries after an error.
type RootStore interface {
	// Load returns all generations, ascending; the last one is the newest. It is KindNotFound when there is none, and
	// refuses rather than guesses when the store is damaged or open to others. What it returns is durable.
	Load(ctx context.Context) ([]Root, error)
	// Create makes the root of a generation, durable before it returns. It is KindConflict when that generation or a
	// newer one is there already. A first root is for a hub whose vault is empty: it opens nothing that was sealed
	// under a lost one.
	Create(ctx context.Context, generation int) (Root, error)
	// Destroy makes the root of a generation unreadable for good and says when and how. A generation that is gone
	// already has a receipt of now. It is KindConflict unless a newer generation is there. After another error the root
	// may be there or not; the caller repeats the call.
	Destroy(ctx context.Context, generation int) (Receipt, error)
	// Lock lets one forget cycle run at a time over all hubs on the store, until unlock is called or the process ends.
	// It does not wait: KindConflict while another holds it, KindPermanent where the store cannot lock.
	Lock(ctx context.Context) (unlock func(), err error)
}

// Root is the key at the top. The key is behind a pointer so that formatting a struct that holds a Root prints an
// address and not the key. The zero Root is not usable.
type Root struct {
	Generation int // from 1, raised by each forget cycle
	key        *[32]byte
}

// NewRoot makes a root of 32 random bytes that a RootStore keeps.
func NewRoot(generation int, key [32]byte) Root { return Root{Generation: generation, key: &key} }

const rootIDLabel = "hub root id 1"

// id tells roots apart without telling anything about the key.
func (r Root) id() [16]byte { return [16]byte(subkey(r.key, rootIDLabel, 16)) }

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
