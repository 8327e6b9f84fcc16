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
	KindTenant     Kind = "tenant"     // index hashes, tombstones, delivery keys and digests of one tenant; dies with off-boarding
	KindCredential Kind = "credential" // the platform secrets of one connection or app; dies when it is disconnected
)

// WrappedKey is one row of the vault. Nothing in it is personal.
type WrappedKey struct {
	ID      string // its prefix tells the kind; compared byte for byte
	Kind    Kind
	Tenant  hub.TenantID
	Tag     []byte // 32 bytes, unique over all kinds; lots, tenants and credentials are looked up by it
	Slot    Slot   // whose key of the keyring wraps it
	Wrapped []byte // the key, sealed; at most 255 bytes

	// What a lot is of, and the week with which it expires; empty for the other kinds. The key of a parked delivery that could
	// not be parsed is of KindSubject, for it dies like a person's, and has the connection and LotUnparsed: nobody is it.
	Connection hub.ConnectionID
	Class      LotClass
	Week       Week
	Expires    Week

	Generation int       // of the root under which the newest keyring was sealed when the row was added
	CreatedAt  time.Time // UTC, whole microseconds
}

// Tag is one row of the index of persons. Many tags may lead to one subject and many subjects share a tag. Whoever lacks the
// key of its slot can neither compute a tag nor learn whom it leads to, so an old copy answers no guess once that key died.
type Tag struct {
	Link       []byte // 32 bytes, unique: of an identity the tag itself, otherwise a keyed hash of tag and subject
	Tag        []byte // 32 bytes that a search computes
	Slot       Slot   // a bucket: of the hash that was searched for, not of the subject
	Owner      []byte // 16 bytes that all tags of a subject share and that only its key yields
	Identity   bool   // leads from what the platform calls the person to the one subject
	Sealed     []byte // the inner hash and the subject's id; at most 255 bytes
	Generation int    // as in WrappedKey
}

// Link is where a tag is found: the same hash yields both, so a link is in one slot only, and rows lie by their slots.
type Link struct {
	Slot Slot
	Link []byte
}

// At returns where the tag is found.
func (t Tag) At() Link { return Link{t.Slot, t.Link} }

// NewSubject is the key of a person with the tag that finds it. Both are stored or neither.
type NewSubject struct {
	Key      WrappedKey
	Identity Tag
}

// Addition is what one call adds.
type Addition struct {
	Subjects []NewSubject
	Keys     []WrappedKey // of the other kinds
	Tags     []Tag        // that are no identities
}

// Added is what is stored after an addition, whoever stored it.
type Added struct {
	Identities map[string]Tag        // by string(Link) of every identity of the call
	Keys       map[string]WrappedKey // by string(Tag) of every key of Addition.Keys
}

// State is what a hub asks for each second.
type State struct {
	Revision   int64 // of the keyring; raised by every change of it
	Generation int   // of the root of the newest keyring
	Ledger     int64 // number of the newest entry of the ledger
	// Ended are the ids of keys that ended after the entry that was asked for: fenced or killed. Gap means that they cannot
	// be listed, because they are more than a thousand, are lots, or the ledger is behind that entry: every cached key must go.
	Ended []string
	Gap   bool
}

// SealedKeyring is the keyring under one root.
type SealedKeyring struct {
	Generation int // of the root
	Revision   int64
	Blob       []byte // some 2.5 MB
}

// Codes of conflicts in the vault.
const (
	// CodeKeyringStale: the caller's keyring is not the newest. It reads it again and repeats the call.
	CodeKeyringStale hub.Code = "keyring_stale"
)

// Vault stores wrapped keys in a database of its own, with its own backup plan. It knows nothing of keys: what it
// returns is authenticated by the caller. Implementations are safe for concurrent use, keep no slice they were given
// and return slices that the caller owns. A batch has at most a few thousand elements and may be empty. What is returned
// is durable: no crash takes it back.
//
// An error leaves open whether a change happened; the caller repeats the whole call, which is safe. A deadlock between
// two calls is the implementation's to resolve, everything else is returned.
type Vault interface {
	// ByTag returns the keys with these tags, by string(tag). A tag without a key is absent from the map.
	ByTag(ctx context.Context, tags [][]byte) (map[string]WrappedKey, error)
	// ByID returns the keys with these ids. An id without a key is absent from the map.
	ByID(ctx context.Context, ids []string) (map[string]WrappedKey, error)
	// Links returns the tags with these links, by string(link). A link without a row in its slot is absent.
	Links(ctx context.Context, links []Link) (map[string]Tag, error)
	// Tagged returns up to limit rows of the slot with this tag in the order of their links, after the given one (nil for
	// the first).
	Tagged(ctx context.Context, slot Slot, tag, after []byte, limit int) ([]Tag, error)
	// Tombstones returns when the persons with these tombstone hashes were erased. A hash without a tombstone, or with an
	// expired one, is absent.
	Tombstones(ctx context.Context, hashes [][]byte, now time.Time) (map[string]time.Time, error)
	// Add stores, in one transaction, subjects whose identity's link is new in its slot, keys whose tag is new, and tags whose
	// link is new, and returns what is stored afterwards. The first writer wins, also among the elements of one call. When the
	// keyring's revision is not the given one it is CodeKeyringStale and nothing is stored: the check holds the revision
	// until the commit, so no row is added under a key that is being replaced. An id that already exists under another tag
	// is a conflict without that code, and nothing of the call is stored.
	//
	// An element of Addition.Tags is left out, without an error, unless an identity of its owner is stored, before the call
	// or by it. So nothing is added to the index for a person who was fenced, and whom no kill would find any more, nor for
	// a subject that lost against one that another hub created first.
	//
	// Nobody comes back: a new subject that the ledger knows is a conflict with CodeSubjectFenced, and a tag is left out
	// when its owner has no identity, because it was fenced or because it is the subject of this call that another writer
	// preceded.
	Add(ctx context.Context, revision int64, a Addition) (Added, error)
	// Poll returns the state and what ended after the given entry of the ledger.
	Poll(ctx context.Context, ledger int64) (State, error)
	// Keyrings returns the keyring under each root that can open it, ascending: none before the first, two while a forget
	// cycle is between its roots.
	Keyrings(ctx context.Context) ([]SealedKeyring, error)
	// PutKeyring stores k, adding or replacing the keyring of its generation, if the revision is still the given one, which
	// is 0 before the first; k.Revision is one more. Otherwise it is CodeKeyringStale.
	PutKeyring(ctx context.Context, revision int64, k SealedKeyring) error
}
