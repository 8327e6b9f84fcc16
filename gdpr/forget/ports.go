package forget

import (
	"cmp"
	"context"
	"time"

	"hub"
	"hub/gdpr"
)

// What an entry of the ledger says.
type What string

// The entries. A person is fenced first, which is for good: nobody reads or writes the person's data any more, and later
// purchases are somebody new. Then the key is killed. A parked delivery that named the person is emptied: its lot lives on,
// so only the entry keeps a restored shard from having its bytes again.
const (
	Fenced  What = "fenced"
	Killed  What = "killed"
	Emptied What = "emptied"
)

// Reasons of kills that no person is behind, so that they are not counted as persons.
const (
	ReasonDelivery  = "delivery"  // a parked delivery's own key, because it names an erased person or is settled
	ReasonRetention = "retention" // the key of a person of whom nothing is stored any more
	ReasonEnded     = "ended"     // the key of a connection's credentials, because the connection has ended
)

// EntryPrefix begins the ids of ledger entries.
const EntryPrefix = "ers_"

// Entry is one line of the erasure ledger, which the vault and the shard of its tenant keep for ever. Nothing in it is
// personal. In the place of a subject there may be a connection or a tenant, whose lots were killed, a parked delivery, or
// the key of a connection's credentials.
type Entry struct {
	Number  int64  // in the vault, from 1, without holes; 0 while the vault has not numbered it
	ID      string // the same on both sides
	What    What
	Tenant  hub.TenantID
	Subject gdpr.SubjectID
	Reason  string // one word, such as erasure or redact
	// Damaged: the person's key did not open when the entry was written, so this hub could read nothing under it. A copy of the
	// key may have; it dies with the cycle like any other.
	Damaged bool
	At      time.Time
}

// Tombstone keeps an erased person from coming back with late news of orders placed before.
type Tombstone struct {
	Hash    []byte // 32 bytes: the tenant's keyed hash of what the platform calls the person
	At      time.Time
	Expires time.Time
}

// Ledger is the vault's side. Its methods are durable when they return, may be repeated after any error, and resolve
// deadlocks themselves.
type Ledger interface {
	// Fence writes an entry for each subject that has none of that kind, stores tombstones, and removes the identity tags
	// of the owners, so that the same customer is somebody new from now on. It returns the entries of all subjects, old
	// and new, with their numbers, in the order given.
	Fence(ctx context.Context, entries []Entry, owners [][]byte, stones []Tombstone) ([]Entry, error)
	// Kill writes an entry for each subject that has none of that kind, deletes the subjects' keys and all tags of the
	// owners, and marks the slots of both as dirty. Keys that are gone already are no error. A subject may be the key of
	// credentials.
	Kill(ctx context.Context, entries []Entry, owners [][]byte) ([]Entry, error)
	// KillLots does the same for the lots of one connection, or of a tenant when connection is empty: lots are no persons,
	// so there is one entry with the connection's id, or the tenant's, as its subject. The entry is not older than any lot
	// that dies with it: its time is moved forward where clocks differ. What repeats a call is the entry's id, for a
	// connection may be emptied more than once; again says that the entry was in the ledger before, perhaps of a newer vault
	// than this one. Either way no lot that is younger than the entry dies: it came after it.
	KillLots(ctx context.Context, entry Entry, connection hub.ConnectionID, again bool) (Entry, error)
	// Note writes an entry for each parked delivery that has none, all of them Emptied, and returns the entries of all with
	// their numbers. No key ends with it, so Poll does not mention them.
	Note(ctx context.Context, entries []Entry) ([]Entry, error)
	// Entries returns up to limit entries after a number, in their order.
	Entries(ctx context.Context, after int64, limit int) ([]Entry, error)
	// EntriesByID returns the entries with these ids.
	EntriesByID(ctx context.Context, ids []string) (map[string]Entry, error)
	// TagsOf returns all tags of the owners.
	TagsOf(ctx context.Context, owners [][]byte) ([]gdpr.Tag, error)
	// Index returns all tags of the slots from one on and below another, as they were at one moment.
	Index(ctx context.Context, from, below gdpr.Slot) ([]gdpr.Tag, error)
}

// Shard is the other side: where the persons' data is. Methods with a transaction run inside of hub.Shards.Do.
type Shard interface {
	// Head returns the entry of the vault up to which this shard has caught up; zero when none.
	Head(ctx context.Context, shard hub.ShardID) (Entry, error)
	// ShardEntries returns up to limit of the shard's own entries after an id, in the order of ids.
	ShardEntries(ctx context.Context, shard hub.ShardID, after string, limit int) ([]Entry, error)
	// Apply marks the subjects of the entries as erasing (fenced) or erased (killed), never back, keeps the entries, which
	// it knows by their ids (a number may change), and moves the head, if one is given, on to it, never back: another hub may
	// have gone further. A head without a number takes the one with its id away, for a vault that lost entries numbers them
	// anew. It returns the entries that were new to this shard.
	Apply(ctx context.Context, tx hub.Tx, entries []Entry, head *Entry) ([]Entry, error)
	// Count says where data of subjects is: rows by place, from the register of places. A row of several of them counts
	// once, and so does an order that they left; a place without rows is 0 or absent.
	Count(ctx context.Context, tenant hub.TenantID, subjects []gdpr.SubjectID) (map[gdpr.Location]int64, error)
	// Anybody counts, by place, what belongs to no tenant (hub.Operator) and still has bytes; a place without any is absent.
	Anybody(ctx context.Context) (map[gdpr.Location]Anybody, error)
	// Visit empties up to limit sealed values of one place that belong to the subjects, in one transaction, and their
	// lines in the register. more reports whether there is more.
	Visit(ctx context.Context, tx hub.Tx, place gdpr.Location, subjects []gdpr.SubjectID, limit int) (v Visited, more bool, err error)
	// OrdersOf returns the ids of orders that hold data of the subject, or did, up to limit after one.
	OrdersOf(ctx context.Context, tenant hub.TenantID, subject gdpr.SubjectID, after hub.OrderID, limit int) ([]hub.OrderID, error)
	// Unparsed returns up to limit parked deliveries of the tenant that still have bytes, after an id, with the bytes.
	Unparsed(ctx context.Context, tenant hub.TenantID, after hub.ParkedID, limit int) ([]Unparsed, error)
	// Empty drops the bytes of parked deliveries: what could not be parsed and names an erased person.
	Empty(ctx context.Context, tx hub.Tx, tenant hub.TenantID, ids []hub.ParkedID) error
	// Expired empties up to limit sealed values of one place whose lots expired with a week before the given one.
	Expired(ctx context.Context, tx hub.Tx, place gdpr.Location, before gdpr.Week, limit int) (v Visited, more bool, err error)
	// Idle returns up to limit subjects, after an id and in their order, who may hold nothing any more: those of whom Visit,
	// as far as they were not visited themselves, Expired, or the end of a parked delivery dropped something, and those who
	// left an order (gdpr.Register). They stay in the list until Retire finds that they hold something, or Apply is told
	// that they are killed.
	Idle(ctx context.Context, shard hub.ShardID, after gdpr.SubjectID, limit int) ([]Idle, error)
	// Retire marks those of these idle subjects as erasing that hold nothing, and returns them, also when they were marked
	// before. From here on nothing is written for them. An order is held by whom its values name, whatever the register says,
	// and the lines that say otherwise go; where it cannot be told, because the order is lost or a value is damaged, the subject
	// stays idle.
	Retire(ctx context.Context, tx hub.Tx, subjects []gdpr.SubjectID) ([]gdpr.SubjectID, error)
}

// Idle is somebody, or a parked delivery, who may hold nothing any more.
type Idle struct {
	Tenant  hub.TenantID
	Subject gdpr.SubjectID
}

// Compare orders by the subject's id.
func (i Idle) Compare(o Idle) int { return cmp.Compare(i.Subject, o.Subject) }

// Anybody is what may hold data of anybody: nobody knows whose it is, not even which tenant's.
type Anybody struct {
	Rows  int64
	Until gdpr.Week // the last in which any of it opens; its key dies with the cycle after it
}

// Unparsed is a parked delivery with its sealed bytes.
type Unparsed struct {
	ID     hub.ParkedID
	Sealed []byte
}

// Visited is what was done at one place. "Could not look" is an error and never a zero.
type Visited struct {
	Place  gdpr.Location
	Looked int64 // rows looked at
	Found  int64 // rows that held something
	Acted  int64 // rows that were emptied
	Method string
}

// Hub is what a hub last said of itself.
type Hub struct {
	Instance   string
	Generation int // of the newest root that it works with; nothing it keeps needs an older one
	SeenAt     time.Time
}

// Phase is how far a cycle has come.
type Phase string

// The phases, in their order. Until the last every key that lived at the beginning can still be recovered.
const (
	PhaseBegun     Phase = "begun"     // the gate is open
	PhaseKeyed     Phase = "keyed"     // the keyring holds a new key beside the old one for each dirty slot
	PhaseRewrapped Phase = "rewrapped" // everything that lives is wrapped under the new ones
	PhaseSealed    Phase = "sealed"    // the keyring without the old ones is sealed under the next root
	PhaseDone      Phase = "done"      // every hub has moved, the old root is destroyed
)

// Cycle is one forget cycle.
type Cycle struct {
	Number   int64 // from 1
	Phase    Phase
	From, To int   // generations of the root
	Ledger   int64 // the newest entry that it is for
	Kills    int64 // keys of persons that die with it
	Weeks    int64 // expired weeks that die with it
	Slots    int64 // dirty slots
	Rows     int64 // rows wrapped again
	BeganAt  time.Time
	EndedAt  time.Time // zero while it runs
	WaitsFor []string  // instances that have not moved yet, when it was last looked at
	Receipt  gdpr.Receipt
	// Unreadable are the ids of keys, and the names of index tags, that it found damaged: see CodeKeysDamaged. They are left
	// as they are, and when the cycle is done nothing opens them any more, nor any copy of them.
	Unreadable []string
	// Known is all damage that was waited for, by this cycle or one before it. Nobody waits for it again while the row is as it
	// was; once it is whole, or gone, it is forgotten.
	Known []Damage
}

// Damage is a row of the vault that does not open.
type Damage struct {
	Name   string // the id of a key, the name of an index tag
	Slot   gdpr.Slot
	Digest []byte // 32 bytes: SHA-256 of all that is sealed, or authenticated with it
}

// Pending is what the next cycle would be for.
type Pending struct {
	Ledger     int64       // newest entry
	Kills      int64       // killed persons that no finished cycle was for
	Retired    int64       // other keys that were killed since, for ReasonDelivery or ReasonRetention
	Subjects   int64       // keys of persons that live, those that are fenced among them
	Deliveries int64       // keys of parked deliveries that could not be parsed and live, those that are fenced among them
	Dirty      []gdpr.Slot // slots in which something died
	// Subjects and Deliveries are the sum of these two, because such a key and its identity are stored together, a fence
	// removes the identity and a kill the key. If they are not, keys vanished without an entry.
	Identities int64 // identity tags
	Fenced     int64 // keys of persons and deliveries that live and are fenced
}

// Slotful is everything that one slot wraps.
type Slotful struct {
	Slot   gdpr.Slot
	Keys   []gdpr.WrappedKey // those that the census counted come first
	Tags   []gdpr.Tag
	Census *Census // of the last cycle that counted the slot; nil when none has
	// Counted is how many of Keys the census counted; the others were added since, perhaps while that cycle was still
	// running, so that no generation tells them apart. Rewrite ignores it in what it is given back: all of Keys are counted.
	Counted int
	Killed  []string // ids of keys that the census counted and that the ledger ended since
}

// Census is what a slot held when a cycle counted it.
type Census struct {
	Generation int // of the newest root when it was counted
	Keys       int64
	Digest     []byte // 32 bytes: the XOR of SHA-256 of all ids
}

// Cycles is what the vault keeps for the cycle. Methods with an epoch are conflicts with hub.CodeStaleEpoch once another
// leader was elected.
type Cycles interface {
	// Lead makes holder the leader until a time, or keeps it; KindConflict while another leads. The epoch grows with every
	// change of leader.
	Lead(ctx context.Context, holder string, now, until time.Time) (epoch int64, err error)
	// Pending counts.
	Pending(ctx context.Context) (Pending, error)
	// Current returns the newest cycle; zero when there was none.
	Current(ctx context.Context) (Cycle, error)
	// Save stores the cycle: a new number begins one, which is a conflict while one runs. A phase never goes back. PhaseDone
	// also forgets which slots were dirty, unless they became so after its Ledger or while it ran, tombstones that expired
	// before its EndedAt, and keyrings of generations before its To, unless the newest is one of them.
	Save(ctx context.Context, epoch int64, c Cycle) error
	// Rewrite runs f on everything in some slots, in their order and locked, and stores what it returns in its place with the
	// censuses, in one transaction. f may run several times and must not call the vault. A slot that it does not return
	// stays as it is. The keys of a slot must be those that f was given, in any order and otherwise wrapped at most, and the
	// tags as many: nothing dies by a rewrite. Nothing is added to the vault meanwhile, so the slots should hold a few thousand rows at most, unless one
	// alone has more.
	Rewrite(ctx context.Context, epoch int64, slots []gdpr.Slot, f func([]Slotful) ([]Slotful, error)) error
	// StoreKeyring is gdpr.Vault.PutKeyring for the leader: it replaces the keyring of the same generation and leaves that of
	// another.
	StoreKeyring(ctx context.Context, epoch, revision int64, k gdpr.SealedKeyring) error
	// DropSlots deletes the rows of weeks whose key is gone, and their censuses, and returns how many keys that were.
	DropSlots(ctx context.Context, epoch int64, slots []gdpr.Slot) (int64, error)
	// Report stores what a hub says of itself.
	Report(ctx context.Context, h Hub) error
	// Hubs returns all that have reported.
	Hubs(ctx context.Context) ([]Hub, error)
	// RemoveHub forgets a hub whose disk an operator declared destroyed; KindNotFound when there is none.
	RemoveHub(ctx context.Context, instance string) error
}
