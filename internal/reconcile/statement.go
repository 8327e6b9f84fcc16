package reconcile

import (
	"time"

	"hub"
	"hub/adapters/driver"
)

// ID names a statement: rec_…
type ID string

// IDPrefix begins the id of a statement.
const IDPrefix = "rec_"

// Version is that of the form of statements.
const Version = 1

// State is what a statement says.
type State string

// The states.
const (
	Equal     State = "equal"     // the hub has exactly what the platform lists
	Different State = "different" // each difference is named
	Unknown   State = "unknown"   // the platform could not be asked in full; Unknown.Code says why
)

// Amounts is what the amounts of a statement are.
type Amounts string

// The amounts.
const (
	GrandTotal      Amounts = "grand_total"
	WithoutShipping Amounts = "without_shipping" // grand totals without what the buyer pays for shipping, as the platform's list tells them
	NotListed       Amounts = "not_listed"       // grand totals of the hub: the platform's list tells none
)

// listedAs is what the amounts of a statement are where lists tell these.
var listedAs = map[driver.Totals]Amounts{driver.GrandTotals: GrandTotal, driver.UnshippedTotals: WithoutShipping, driver.NoTotals: NotListed}

// Kind is how an order differs.
type Kind string

// The kinds.
const (
	Missing   Kind = "missing"   // the platform lists it, the hub has not got it
	Parked    Kind = "parked"    // the same, and a delivery of it waits to be dealt with by people
	Extra     Kind = "extra"     // the hub has it, the platform neither lists nor shows it
	Amount    Kind = "amount"    // the grand totals differ
	Cancelled Kind = "cancelled" // one of the two says that it is cancelled
	Deleted   Kind = "deleted"   // the platform lists it, the hub was told that it is deleted
	Outdated  Kind = "outdated"  // what is compared is the same, and the platform has changed the order since the hub's version
)

// Codes of statements that say unknown, beside those of platforms and of package driver.
const (
	CodeTooOld      hub.Code = "day_too_old"      // the shop does not show orders of that day any more
	CodeTooYoung    hub.Code = "day_too_young"    // by our clock or the platform's, the day has hardly begun, or has not ended
	CodeUnsettled   hub.Code = "list_unsettled"   // each time the list was read it showed something else
	CodeIncomplete  hub.Code = "list_incomplete"  // the platform shows orders of that day that it does not list, or too many were to be asked for
	CodeTooLong     hub.Code = "list_too_long"    // reading the list took longer than Options.Longest
	CodeNewer       hub.Code = "newer_at_hub"     // of an equal statement: see Statement.Newer
	CodeNotAsked    hub.Code = "platform_unasked" // nothing asks this platform, or not for this shop
	CodeDayInvalid  hub.Code = "day_invalid"
	CodeDayInFuture hub.Code = "day_in_future"
)

// Statement is what is known of the orders that were placed at one shop on one day. It holds identifiers and amounts, and
// nothing of a person.
type Statement struct {
	Version    int              `json:"version" doc:"Of this form"`
	ID         ID               `json:"id" example:"rec_01j9z3k6m8q0r2t4v6x8z0b2d4"`
	Tenant     hub.TenantID     `json:"tenant"`
	Connection hub.ConnectionID `json:"connection"`
	Platform   hub.Platform     `json:"platform,omitempty"`
	Account    string           `json:"account,omitempty" doc:"The shop at the platform"`
	Day        Day              `json:"day" doc:"In UTC" example:"2026-11-20"`
	From       time.Time        `json:"from" doc:"Orders placed at or after this time"`
	To         time.Time        `json:"to" doc:"And before this one: the end of the day, or earlier while it goes on"`
	WholeDay   bool             `json:"whole_day" doc:"Whether to is the end of the day"`
	Revision   int64            `json:"revision" doc:"Counts the statements of this shop and day, from 1"`
	Previous   ID               `json:"previous,omitempty" doc:"The statement of the revision before"`
	MadeAt     time.Time        `json:"made_at" doc:"When the comparing began, by the hub's clock"`

	State    State     `json:"state" enum:"equal,different,unknown"`
	Unknown  *Cause    `json:"unknown,omitempty" doc:"Only when the state is unknown"`
	Compared []string  `json:"compared" nullable:"false" doc:"What the state is about: orders, cancelled, money"`
	Amounts  Amounts   `json:"amounts,omitempty" enum:"grand_total,without_shipping,not_listed" doc:"What all amounts here are. without_shipping: grand totals without what the buyer pays for shipping, as the platform's list tells them. not_listed: the list tells no amounts, so none were compared; those of the hub are grand totals. Absent when the platform was not asked, and in statements of older hubs: grand totals"`
	Listed   *Side     `json:"platform_lists,omitempty" doc:"What the platform lists; absent when the state is unknown"`
	Held     *Side     `json:"hub_holds,omitempty" doc:"What the hub has of these, and what only the hub has"`
	Acked    *Side     `json:"acknowledged,omitempty" doc:"What of hub_holds at least one ERP has acknowledged"`
	Unacked  []Waiting `json:"unacknowledged,omitempty" doc:"The first 100 of hub_holds that no ERP has acknowledged; no difference"`

	Newer       int            `json:"newer,omitempty" doc:"How many orders the hub has in a newer version than the list told. Whether they are cancelled and their money were not compared, so compared says orders alone, and the day is looked at again"`
	Differences []Difference   `json:"differences" nullable:"false" doc:"Those that are, then those that were in an earlier revision and are repaired; at most 1000. Of an unknown statement: those of the revision before, and with list_incomplete those that are and what nobody knows better of the revision before"`
	Open        int            `json:"open" doc:"How many differences are not repaired, also beyond the 1000 that are listed. Of an unknown statement: as far as is known"`
	Truncated   bool           `json:"truncated" doc:"Whether there are, or were in an earlier revision, more differences than are listed"`
	Fetching    int            `json:"fetching" doc:"How many orders are fetched again because of this statement, at most 500; when it is not 0, the next revision follows when they are applied"`
	FetchedTo   hub.ExternalID `json:"fetched_to,omitempty" doc:"Up to this one the orders that differ have had their turn to be fetched again; absent when all have"`
	TurnAt      *time.Time     `json:"turn_at,omitempty" doc:"When all that differ last began to have their turn; after the first looks at a day that is once in 24 hours, for new differences at once"`
}

// Cause is why a statement says unknown.
type Cause struct {
	Code hub.Code `json:"code" example:"reconnect_needed"`
}

// Side is what one of the three knows of the day.
type Side struct {
	Orders     int         `json:"orders" doc:"Cancelled ones too, deleted ones not"`
	Cancelled  int         `json:"cancelled" doc:"How many of them are cancelled"`
	MoneyKnown bool        `json:"money_known" doc:"Whether the total of each is told. False: money is absent, and not compared"`
	Money      []hub.Money `json:"money,omitempty" doc:"Sum by currency; of what, the statement's amounts say"`
}

// Waiting is an order that no ERP has acknowledged.
type Waiting struct {
	OrderID    hub.OrderID    `json:"order_id"`
	ExternalID hub.ExternalID `json:"external_id"`
}

// Difference is one order that differs, or did.
type Difference struct {
	Kind       Kind           `json:"kind" enum:"missing,parked,extra,amount,cancelled,deleted,outdated"`
	ExternalID hub.ExternalID `json:"external_id" doc:"The order's id at the platform"`
	OrderID    hub.OrderID    `json:"order_id,omitempty" doc:"Absent when the hub has not got it"`
	ParkedID   hub.ParkedID   `json:"parked_id,omitempty" doc:"The delivery that waits"`
	Platform   *View          `json:"platform,omitempty" doc:"What the platform lists; absent when it does not"`
	Hub        *View          `json:"hub,omitempty" doc:"What the hub has; absent when it has nothing"`
	Repaired   bool           `json:"repaired" doc:"It was in an earlier revision, and is not there any more"`
}

// View is an order as one of the two sees it.
type View struct {
	Total     *hub.Money `json:"total,omitempty" doc:"Absent when not told"`
	Cancelled bool       `json:"cancelled"`
}

// Final reports whether the statement says equal of a whole day and leaves nothing out. It is confirmed once a day for
// Options.Days, and whoever changes rows by hand later than that finds out by asking.
func (s Statement) Final() bool { return s.State == Equal && s.WholeDay && s.Newer == 0 }

// Code is why the statement is unknown, or equal and not final; "" otherwise.
func (s Statement) Code() hub.Code {
	switch {
	case s.Unknown != nil:
		return s.Unknown.Code
	case s.State == Equal && s.Newer > 0:
		return CodeNewer
	}
	return ""
}

// Bounds of what a statement names. What is beyond them is counted.
const (
	MaxDifferences    = 1000
	MaxUnacknowledged = 100
)
