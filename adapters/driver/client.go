package driver

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"hub"
)

// Client is the half of a storefront that asks: what to call, how a call is signed, and what an answer means. It does no
// input or output itself; a Caller carries its calls.
//
// Errors of its methods are those of the Caller, or *hub.Error of what an answer holds: KindUnavailable with code
// answer_unreadable for one that is cut short or no JSON, for the platform may answer better the next time.
type Client interface {
	Storefront
	// Request writes a call as the platform wants it, signed for now. It is asked anew before each try.
	Request(c Call, a Access, now time.Time) (*http.Request, error)
	// Judge reads from an answer whether the call succeeded, and what the platform says about its budget.
	//
	// KindThrottled and KindUnavailable (with RetryAfter where it is told) are tried again by the caller. KindUnauthentic
	// with CodeTokenRefused: the access token is not taken, a refresh may help. KindForbidden: the app lacks a right.
	// KindPermanent with CodeReconnect: the merchant must authorise again. KindNotFound: no such resource, or not ours.
	Judge(c Call, a Answer) (Usage, error)
	// Limits says how much may be asked and how long an answer may take, as far as it is documented.
	Limits() Limits

	// Changed lists orders that changed (or were placed) in a window, one page. It may repeat orders and list others
	// that are outside of it; it never knowingly skips one. Pages are over a moving set, so callers overlap windows.
	Changed(ctx context.Context, c Caller, w Window, cursor string) (Page, error)
	// Fetch reads the orders with these ids as they are now, as full documents that Order takes, with all that belongs to
	// them (parcels, fees, packs). Ids that the platform does not know, or does not show to this shop, are in Missing.
	// It takes at most Limits.FetchAtOnce ids.
	Fetch(ctx context.Context, c Caller, ids []hub.ExternalID) (Fetched, error)
	// Export reads all orders of a window as full documents, newest first, part by part. The cursor of a part is durable:
	// another process can go on with it. KindUnavailable with code export_lost: the export must begin anew.
	Export(ctx context.Context, c Caller, w Window, cursor string) (Part, error)
}

// Resolver is a Client whose platform tells of things that belong to orders: parcels, payments, claims.
type Resolver interface {
	// Orders finds the orders that a resource belongs to. KindNotFound: there is none such, or it is not ours.
	Orders(ctx context.Context, c Caller, kind string, id hub.ExternalID) ([]hub.ExternalID, error)
}

// Codes of a Client's errors that decide behaviour.
const (
	CodeTokenRefused hub.Code = "token_refused"     // the access token is not taken
	CodeReconnect    hub.Code = "reconnect_needed"  // only the merchant can mend it, by authorising again
	CodeUnreadable   hub.Code = "answer_unreadable" // cut short, or not what the documentation says
	CodeExportLost   hub.Code = "export_lost"       // a cursor that the platform does not know any more
)

// Caller carries calls to one shop, or for one app, of a platform. It waits for the budget, signs, sends, tries again
// what may be tried again, and has the platform's Judge look at each answer. It is safe for concurrent use.
type Caller interface {
	// Call returns an answer that Judge took for a success. KindUnknown: the call was sent and no answer came, or only one
	// from something in front of the platform (5xx, cut short), and it is not one that may be repeated.
	Call(ctx context.Context, c Call) (Answer, error)
}

// Class is a kind of call with a budget and a breaker of its own.
type Class string

// The classes that all platforms have.
const (
	ClassOrders Class = "orders" // reading orders and what belongs to them
	ClassAuth   Class = "auth"   // codes and tokens
	ClassAdmin  Class = "admin"  // shop, scopes, webhook subscriptions
)

// Call is one request without its credentials.
type Call struct {
	Name   string // for metrics and errors: "get_order_list"
	Class  Class
	Method string
	Path   string // below the platform's address, without a query
	// URL is a whole address that the platform handed out, a signed download, instead of Path and Query. Nothing is
	// signed for it and no token is sent there; Judge sees its answer with this field set.
	URL string
	// Account is the shop that a Public call is about, where the platform's address depends on it and no connection holds
	// it yet. Other calls are to the caller's shop.
	Account string
	Query   url.Values
	Header  http.Header // beside what Request adds
	Body    []byte
	Timeout time.Duration // of one try; 0 is Limits.Timeout
	Cost    int           // what it is expected to take from the budget, in the platform's unit; 0 is 1
	Repeat  bool          // doing it twice is like doing it once, so an unknown outcome is tried again
	// Public calls are signed for the app alone; the others with the shop's access token.
	Public bool
	// Secret: neither the call nor its answer may be written anywhere.
	Secret bool
}

// Access is what a call is signed with.
type Access struct {
	App     App
	Account string // the shop; in a public call Call.Account
	Token   string // its access token; "" in a public call
}

// App is one set of a platform's credentials.
type App struct {
	ClientID    string   // API key, partner id, application id
	Secrets     []string // the current one first
	Environment string   // live or sandbox
	// Base replaces the platform's address, for sandboxes: "http://127.0.0.1:8787". Drivers say how they join it with the
	// shop. "" is the platform's own address for the environment.
	Base     string
	Redirect string   // the address for the way back after authorising, as registered, byte for byte
	Scopes   []string // what the app asks for; nil is what the driver needs
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // whole and bounded
}

// Usage is what an answer says about the budget; a zero field says nothing.
type Usage struct {
	Cost      int     // what the call took in the end
	Available float64 // what is left now
	Size      float64 // what there is when nothing is used
	PerSecond float64 // how fast it comes back
}

// Limits is what a platform documents, or what is prudent where it does not (then marked so in the driver).
type Limits struct {
	Timeout     time.Duration // of one try, from its first byte to the last of the answer
	Size        float64       // of the budget of one shop of one app, until an answer says another; in units of Call.Cost
	PerSecond   float64       // how fast it comes back
	PerApp      bool          // one budget for all shops of the app, instead of one for each
	OneBudget   bool          // all classes but ClassAuth take from one budget, instead of each from its own
	FetchAtOnce int           // most ids of one Fetch
	PageOrders  int           // orders of one page of Changed
	// Window is the longest window that Changed takes; 0 is any. Back is how far orders reach back; 0 is all.
	Window, Back time.Duration
	Totals       Totals // what Seen.Total of its lists is
}

// Totals says what of an order's money a platform's lists tell.
type Totals uint8

// What lists tell.
const (
	NoTotals        Totals = iota // nothing
	GrandTotals                   // the grand total
	UnshippedTotals               // the grand total without what the buyer pays for shipping
)

// By says which time of an order a window is about.
type By uint8

// The times.
const (
	ByChange   By = iota // last change at the platform
	ByCreation           // when it was placed
)

// Window is a span of time: from (inclusive) to (exclusive), in the platform's resolution.
type Window struct {
	By       By
	From, To time.Time
}

// Seen is an order in a list.
type Seen struct {
	ExternalID hub.ExternalID
	ChangedAt  time.Time  // zero when the list does not say
	PlacedAt   time.Time  // zero when the list does not say
	Total      *hub.Money // see Limits.Totals; nil when the list does not say
	Cancelled  bool       // as far as the list says
}

// Page is a part of a list.
type Page struct {
	Orders []Seen
	Next   string    // cursor of the next page, "" at the end
	AsOf   time.Time // the platform's clock when it answered (its Date header); zero when it does not say
}

// Fetched is what Fetch read.
type Fetched struct {
	Documents [][]byte // one order each, in no order
	Missing   []hub.ExternalID
}

// Part is a part of an export.
type Part struct {
	Documents [][]byte
	Next      string        // cursor of the next part; "" at the end
	Wait      time.Duration // the platform is still preparing: ask again with Next after this time
	Total     int           // orders of the whole export, 0 when not known
	Reached   time.Time     // all orders placed at or after this time are exported; zero when not known
}

// Lost is the half of a storefront whose platform keeps deliveries that it could not deliver.
type Lost interface {
	// Lost returns deliveries that the platform gave up on, oldest first, and a receipt for Confirm.
	Lost(ctx context.Context, c Caller, app App, cursor string) (LostPage, error)
	// Confirm tells the platform that they are stored; call it after they are durable. It does nothing where a platform
	// wants no confirmation.
	Confirm(ctx context.Context, c Caller, receipt string) error
}

// LostPage is a part of what was lost.
type LostPage struct {
	Deliveries []Missed
	Next       string // "" at the end
	Receipt    string // "" when there is nothing to confirm
}

// Missed is one delivery that did not arrive. It comes from the platform itself over an authenticated call.
type Missed struct {
	Notice  Notice
	Account string // the shop that it is for
	Body    []byte
}
