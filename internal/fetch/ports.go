package fetch

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

// Shop is a connected shop and how its platform is spoken with.
type Shop struct {
	Client driver.Client
	Fresh  driver.Caller // for what somebody waits for
	Slow   driver.Caller // for what nobody waits for
}

// Shops finds connected shops, from memory.
type Shops interface {
	// Shop is KindNotFound for another tenant's shop and for a platform that cannot be asked, and KindUnavailable for a shop
	// that this hub has not heard of yet. One that is disconnected, or whose merchant must authorise again, is a shop: its
	// calls fail with driver.CodeReconnect.
	Shop(Name) (Shop, error)
	// Access reads what the owner of a shop lets the hub do, from the database: what this hub remembers may be older.
	Access(context.Context, Name) (Access, error)
	// App finds the platform and callers for what belongs to an app as a whole. KindNotFound: it is gone, or its platform keeps
	// nothing that it could not deliver.
	App(hub.AppID) (App, error)
}

// Access is what the owner of a shop lets the hub do.
type Access uint8

// The kinds of access.
const (
	Granted   Access = iota
	Withdrawn        // until the owner authorises again, when the connection begins anew
	Over             // the shop is disconnected
)

// App is an app and how its platform is asked for what it could not deliver.
type App struct {
	Platform hub.Platform
	Lost     driver.Lost
	Callers  []driver.Caller // of some of its shops, any of which may be asked; none when none is connected
	Access   driver.App
	Every    time.Duration // from one look to the next: well below the time for which the platform keeps them
}

// Schedule has the lost deliveries of an app taken again.
type Schedule interface {
	// Lost is durable when it returns. There is one job for an app, whoever asks and however often.
	Lost(ctx context.Context, app hub.AppID, due time.Time) error
}

// Document is one order as a platform told it.
type Document struct {
	Body  []byte
	Cause string // see intake.Fetched
}

// Log makes what was read durable. Taking the same twice has one effect.
type Log interface {
	// Take is durable when it returns nil. KindTooLarge: one document is over the bound, the others are taken.
	Take(ctx context.Context, n Name, documents []Document) error
	// Recover takes a delivery that an app's platform could not deliver, for the shop that it names. Of a shop that is
	// not connected nothing is kept, and that is no error. KindTooLarge and KindInvalid: it never will be.
	Recover(ctx context.Context, p hub.Platform, app hub.AppID, m driver.Missed) (kept bool, err error)
}

// Store remembers how far each shop was read. Reads are of committed, durable rows.
type Store interface {
	// Progress is the zero Progress when none is stored.
	Progress(context.Context, Name) (Progress, error)
	// SavePoll and SaveBackfill replace one part of a shop's progress and schedule its next turn, in one transaction; a
	// zero time schedules none. Each progress is true by itself, so it does no harm when an older one comes late.
	SavePoll(ctx context.Context, n Name, p PollProgress, next time.Time) error
	// SaveBackfill is SavePoll for the backfill.
	SaveBackfill(ctx context.Context, n Name, b BackfillProgress, next time.Time) error
	// Resume schedules poll and backfill now, in one transaction, whatever they were put off for; one that runs is done again
	// when it ends, however it does.
	Resume(context.Context, Name) error
	// Versions returns the source time of stored orders. Those that are not stored are absent.
	Versions(ctx context.Context, n Name, ids []hub.ExternalID) (map[hub.ExternalID]time.Time, error)
}

// Work is a kind of job of this package, as it is named in the queue.
type Work string

// The kinds. The key of an Order is its external id, that of Lost the app's; the others have none.
const (
	Order    Work = "fetch.order"
	Shipment Work = "fetch.shipment"
	Payment  Work = "fetch.payment"
	Claim    Work = "fetch.claim"
	Poll     Work = "fetch.poll"
	Backfill Work = "fetch.backfill"
	Lost     Work = "fetch.lost"
)

// Progress is how far a shop was read.
type Progress struct {
	Poll     PollProgress
	Backfill BackfillProgress
}

// PollProgress is how far changes were read.
type PollProgress struct {
	// Polled is the time up to which every change was taken, by the platform's clock where it tells it; zero: it was
	// never polled.
	Polled time.Time
	// PolledAt is when the last poll ended well, and Trouble the code of what went wrong since, "" when nothing did.
	PolledAt time.Time
	Trouble  hub.Code
}

// BackfillProgress is how far the orders from before the connection were read.
type BackfillProgress struct {
	From, To time.Time // the window of creation, zero To: none was asked for
	Cursor   string    // the driver's, of the next part
	Orders   int64     // that were taken; some may be so twice
	Total    int64     // that there are, 0 when the platform does not say
	Reached  time.Time // everything placed at or after this was taken; zero when not known
	EndedAt  time.Time // zero while it goes on
	Trouble  hub.Code
}
