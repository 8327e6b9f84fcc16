package reconcile

import (
	"context"
	"time"

	"hub"
	"hub/adapters/driver"
)

// Name is a shop by the names that the hub gave.
type Name struct {
	Tenant     hub.TenantID
	Connection hub.ConnectionID
}

// Lister is the part of driver.Client that this package asks.
type Lister interface {
	// Changed is driver.Client.Changed: one page of the orders of a window.
	Changed(ctx context.Context, c driver.Caller, w driver.Window, cursor string) (driver.Page, error)
	// Limits is what the platform can be asked.
	Limits() driver.Limits
}

// Shop is a connected shop and how its platform is asked.
type Shop struct {
	Platform hub.Platform
	Account  string
	Lister   Lister        // nil for a platform that cannot be asked
	Caller   driver.Caller // for what nobody waits for
	// Back asks how far the shop shows orders; 0 is all. It is asked for old days alone.
	Back func(context.Context) (time.Duration, error)
}

// Shops finds connected shops, from memory.
type Shops interface {
	// Shop is KindNotFound for another tenant's shop, and KindUnavailable for one that this hub has not heard of yet.
	Shop(Name) (Shop, error)
	// All lists every connection with the time when it was made.
	All() []Connected
}

// Connected is a connection and since when it is one.
type Connected struct {
	Name
	Since time.Time
}

// Held is an order as the hub has it.
type Held struct {
	ID           hub.OrderID
	External     hub.ExternalID
	PlacedAt     time.Time
	ChangedAt    time.Time  // the platform's own version
	Total        *hub.Money // the grand total; nil when not known
	Unshipped    *hub.Money // the grand total without what the buyer pays for shipping; nil when not known
	Cancelled    bool
	Deleted      bool // the platform said so
	Acknowledged bool // by at least one client
}

// Orders reads what the hub has. Reads are of committed, durable rows.
type Orders interface {
	// Placed returns up to limit orders of a shop that were placed in [from, to), in the order of that time and their external
	// id, after the one of the last page; the first page is after the zero Held.
	Placed(ctx context.Context, n Name, from, to time.Time, after Held, limit int) ([]Held, error)
	// Held returns those with these ids, whenever they were placed, in no order.
	Held(ctx context.Context, n Name, ids []hub.ExternalID) ([]Held, error)
	// Parked returns, of orders with these ids, a delivery that is parked and open.
	Parked(ctx context.Context, n Name, ids []hub.ExternalID) (map[hub.ExternalID]hub.ParkedID, error)
}

// Entry is a row of the list of statements.
type Entry struct {
	ID         ID
	Connection hub.ConnectionID
	Day        Day
	Revision   int64
	State      State
	Code       hub.Code
	WholeDay   bool
	MadeAt     time.Time
	Open       int
	Fetching   int
}

// Filter selects statements of one tenant. Empty fields select all.
type Filter struct {
	Connection hub.ConnectionID
	From, To   Day // both included
	State      State
}

// Statements keeps statements for ever. Reads are of committed, durable rows.
type Statements interface {
	// Save adds a statement; KindConflict when another one of its revision is there.
	Save(ctx context.Context, s Statement, signed Signed) error
	// Latest returns the statement of the newest revision; KindNotFound when there is none.
	Latest(ctx context.Context, n Name, d Day) (Signed, error)
	// Statement is KindNotFound for another tenant's, too.
	Statement(ctx context.Context, t hub.TenantID, id ID) (Signed, error)
	// List returns up to limit entries with an id after the given one, in the order of ids.
	List(ctx context.Context, t hub.TenantID, f Filter, after ID, limit int) ([]Entry, error)
}

// Job is the name of the jobs of this package. Their key is the day.
const Job = "reconcile.day"

// Task is one comparing that is to be done.
type Task struct {
	Name
	Day   Day
	Round int  // how often orders were fetched again already because of the same look
	Asked bool // somebody asked for it: it is done whatever was said before
	Turn  bool // all that differs has its turn to be fetched again, since fetching failed
	DueAt time.Time
}

// Queue takes work down, and knows which was done.
type Queue interface {
	// Later makes tasks durable; of equal ones of a shop and day that wait there is one. Those that somebody asked for are
	// recorded for the audit. It takes down what it can, whatever the error.
	Later(ctx context.Context, list []Task) error
	// Stated returns what was last said about a whole day. Together with an error it returns what it knows all the same, and who
	// is away.
	Stated(ctx context.Context, d Day) (Stated, error)
}

// Stated is what was said about one day.
type Stated struct {
	Last map[hub.ConnectionID]Last // the newest revision about the whole day; none: nothing was said
	Away func(hub.TenantID) bool   // of which tenants nobody knows; nil: of none
}

// Last is a statement as far as it says when the next one is due.
type Last struct {
	MadeAt time.Time
	State  State
	Code   hub.Code // Statement.Code
}

// Fetcher brings orders back.
type Fetcher interface {
	// Again fetches orders as news that have this cause, whether the hub has had them or not, and makes them durable in the log.
	// It returns those that the platform does not show. KindTooLarge: all others were taken.
	Again(ctx context.Context, n Name, ids []hub.ExternalID, cause string) (missing []hub.ExternalID, err error)
	// Drained returns when what this hub has taken so far for a tenant was applied.
	Drained(context.Context, hub.TenantID) error
}
