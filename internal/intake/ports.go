package intake

import (
	"context"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
	"hub/internal/orders"
)

// Endpoint is where deliveries of one app or one connection arrive, as the directory knows it.
type Endpoint struct {
	Platform   hub.Platform
	Secrets    []string // that the platform may sign with, the current one first
	Tenant     hub.TenantID
	Connection hub.ConnectionID // empty at an app's endpoint, which serves many shops
	Account    string           // the connection's shop, lower case; empty at an app's endpoint
	App        hub.AppID
	ClientID   string // the platform's id of the app; "" when nobody told it
	HookURL    string // of this endpoint as it is registered at the platform, byte for byte
}

// Directory answers from memory; it is asked on every request.
type Directory interface {
	// Endpoint finds the owner of an endpoint token. Tokens are compared byte for byte.
	Endpoint(platform hub.Platform, token string) (Endpoint, bool)
	// Account finds the connection of a shop under one app, or under any when app is empty.
	Account(platform hub.Platform, app hub.AppID, account string) (Endpoint, bool)
	// Left reports whether an app had a shop that has disconnected since and is not back.
	Left(platform hub.Platform, app hub.AppID, account string) bool
}

// Delivery identifies one delivery for ever.
type Delivery struct {
	Tenant     hub.TenantID
	Connection hub.ConnectionID
	// Resource is the order that the delivery is about, "" when it is not about one. It is part of the identity and
	// follows from the body, so the same delivery always has the same. It keeps what belongs together close on disk.
	Resource hub.ExternalID
	Key      [32]byte // keyed digest of connection, topic, delivery id and body
}

// Raw is one stored payload, sealed under all subjects of its order.
type Raw struct {
	Ref        hub.RawRef
	Order      orders.Key
	Sealed     []byte
	Expires    gdpr.Week // with which Sealed ages out
	ReceivedAt time.Time
	Topic      string   // of the delivery, as the platform spells it
	Delivery   [32]byte // its key
}

// Note is a hint that something happened to a resource; many hints for one resource are one fetch of it.
type Note struct {
	Tenant     hub.TenantID
	Connection hub.ConnectionID
	Kind       string
	ExternalID hub.ExternalID
	// After is how long the fetch waits, up to a day; nobody waits for such a one. 0 is at once.
	After time.Duration
}

// ParkedState is where a parked delivery stands.
type ParkedState string

// The states of parked deliveries.
const (
	ParkedOpen     ParkedState = "open"
	ParkedReplayed ParkedState = "replayed" // applied after all
	ParkedDropped  ParkedState = "dropped"  // somebody decided that it is not needed, or it was found empty; its bytes are gone
	ParkedClosed   ParkedState = "closed"   // a newer version of the same order was applied; its bytes are gone
)

// Parked is a delivery that cannot be applied, kept with the reason. Sealed under the lot key only: what cannot be
// parsed cannot be attributed to a person.
type Parked struct {
	ID         hub.ParkedID
	Tenant     hub.TenantID
	Connection hub.ConnectionID // empty when no connection was found
	App        hub.AppID        // whose endpoint it came to; empty for what was parked before the hub kept it
	Platform   hub.Platform
	Topic      string
	Code       hub.Code
	Path       string // JSON path, never a value
	ReceivedAt time.Time
	ParkedAt   time.Time
	State      ParkedState
	Attempts   int       // replays that failed again
	Sealed     []byte    // the delivery; nil once dropped, replayed, erased or aged out, and when it could not be opened in the first place
	Expires    gdpr.Week // with which Sealed ages out; "" when there never was any
	// Gist is what could be read of the order, each field by itself. It is a business record, and stays.
	Gist     driver.Gist
	ClosedBy int64 // the order's revision, when closed
}

// Newest is the version of an order that is stored.
type Newest struct {
	Order           orders.Key
	SourceUpdatedAt time.Time
	Revision        int64
}

// Repo keeps what the drain needs beside the orders, in the same transaction. Methods take slices: one statement each.
type Repo interface {
	// Claim records deliveries for ever and reports for each whether it is new; of equal ones in one call only the
	// first is. A delivery that another transaction claims at the same moment runs this one again.
	Claim(context.Context, hub.Tx, []Delivery) (fresh []bool, err error)
	// KeepRaw stores payloads.
	KeepRaw(context.Context, hub.Tx, []Raw) error
	// Note has what hints are about fetched later, as soon as somebody can or after as long as the hint says. Of two for one
	// resource the earlier counts.
	Note(context.Context, hub.Tx, []Note) error
	// Park stores deliveries that cannot be applied.
	Park(context.Context, hub.Tx, []Parked) error
	// Supersede closes the open parked deliveries of orders whose stored version is newer than they are, and drops
	// their bytes. Of those that are parked at the same moment in another transaction one of the two sees the other. It is
	// called for every batch, and costs one look where nothing of these connections is parked. Orders are distinct.
	Supersede(context.Context, hub.Tx, []Newest) error
	// Settle moves one open parked delivery to another state; not open any more is a conflict. Leaving ParkedOpen drops
	// the sealed bytes; staying there counts an attempt and takes the new code, path and gist.
	Settle(context.Context, hub.Tx, Parked) error
	// Erased reports whether the ledger of the tenant's shard has an entry of that time or later: somebody, or something,
	// was erased since. Keys that ended because nothing was left under them are no erasures.
	Erased(ctx context.Context, tx hub.Tx, tenant hub.TenantID, since time.Time) (bool, error)
	// Record writes one audit record of what hub.ActorOf(ctx) did. A machine batch spans tenants: its tenant is "".
	Record(ctx context.Context, tx hub.Tx, action string, tenant hub.TenantID, count int64) error
}

// AppliedFilter selects orders of one tenant.
type AppliedFilter struct {
	Connection hub.ConnectionID // "" is any
	Since      time.Time        // stored by the hub at or after; zero is any
}

// AppliedReader reads orders with the payloads that they were made from, outside of a transaction. Reads are durable.
type AppliedReader interface {
	// Applied returns up to limit orders with an id after the given one, in the order of ids, and fewer when their bytes
	// exceed a page; more says whether others follow.
	Applied(ctx context.Context, tenant hub.TenantID, f AppliedFilter, after hub.OrderID, limit int) (rows []orders.Stored, more bool, err error)
	// RawByRef returns one payload. One that is gone, and another tenant's, is KindNotFound.
	RawByRef(ctx context.Context, tenant hub.TenantID, ref hub.RawRef) (Raw, error)
}

// ParkedFilter selects parked deliveries of one tenant.
type ParkedFilter struct {
	State      ParkedState      // "" is any
	Code       hub.Code         // "" is any
	Platform   hub.Platform     // "" is any
	Connection hub.ConnectionID // "" is any
	Before     time.Time        // received before; zero is any
}

// ParkedReader lists parked deliveries outside of a transaction. Reads are of committed, durable rows.
type ParkedReader interface {
	// Parked returns up to limit rows with an id after the given one, in the order of ids, without Sealed.
	Parked(ctx context.Context, tenant hub.TenantID, f ParkedFilter, after hub.ParkedID, limit int) ([]Parked, error)
	// ParkedByID returns one with Sealed; another tenant's is KindNotFound like a missing one.
	ParkedByID(ctx context.Context, tenant hub.TenantID, id hub.ParkedID) (Parked, error)
}
