package gdpr

import (
	"context"
	"time"

	"hub"
)

// Kind says what a key of the vault is for.
type Kind string

// The kinds of keys.
const (
	KindSubject    Kind = "subject"    // one person as one connection knows them; dies with the erasure
	KindLot        Kind = "lot"        // one connection, class and week; dies with its retention
	KindTenant     Kind = "tenant"     // index tags, delivery keys and digests of one tenant; dies with off-boarding
	KindCredential Kind = "credential" // the platform secrets of one connection or app; dies when it is disconnected
)

// WrappedKey is one row of the vault. Nothing in it is personal: what a platform calls a customer is only in the tag,
// keyed.
type WrappedKey struct {
	ID      string // its prefix tells the kind; compared byte for byte
	Kind    Kind
	Tenant  hub.TenantID
	Tag     []byte // 32 bytes that it is looked up by; unique over all kinds, because the kind is hashed into it
	Wrapped []byte // the key, sealed; at most 255 bytes

	// What a lot is of; empty for the other kinds.
	Connection hub.ConnectionID
	Class      LotClass
	Week       Week

	CreatedAt time.Time // UTC, whole microseconds
}

// Vault stores wrapped keys in a database of its own, with its own backup plan. It knows nothing of keys: what it
// returns is authenticated by the caller. Implementations are safe for concurrent use, keep no slice they were given
// and return slices that the caller owns. A batch has at most a few thousand elements and may be empty.
//
// An error leaves open whether an Add happened; the caller repeats the whole call, which is safe. A deadlock between
// two calls is the implementation's to resolve, everything else is returned.
type Vault interface {
	// ByTag returns the keys with these tags, by string(tag). A tag without a key is absent from the map.
	ByTag(ctx context.Context, tags [][]byte) (map[string]WrappedKey, error)
	// ByID returns the keys with these ids. An id without a key is absent from the map.
	ByID(ctx context.Context, ids []string) (map[string]WrappedKey, error)
	// Add stores the keys whose tag is new and returns, for every tag of the call, what is stored afterwards, by
	// string(tag). The first writer wins, also among the elements of one call, and what is returned is durable: no
	// crash brings another key under that tag. An id that already exists under another tag is a conflict, and
	// nothing of the call is stored.
	Add(ctx context.Context, keys []WrappedKey) (map[string]WrappedKey, error)
}
