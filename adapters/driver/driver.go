// Package driver is the contract between the hub and one platform's protocol: the small interfaces that an adapter
// implements.
//
// A driver knows signatures, payloads and the table of a platform's words. It is pure: it does no input or output, keeps
// no state, logs nothing and never retries; package adapters and the intake do that around it. Everything here is safe
// for concurrent use. A driver never keeps a byte slice that it was given, and returns slices that the caller owns.
//
// Errors are *hub.Error. KindUnauthentic: the bytes are not proven to come from the platform. KindInvalid with a code of
// the parked list and a JSON path: the payload breaks a rule. No error text holds any part of a payload.
package driver

import (
	"net/http"
	"time"

	"hub"
)

// Storefront is one platform's protocol.
type Storefront interface {
	// Platform names it.
	Platform() hub.Platform
	// Rules is the version of the normalising rules, "shopify/1": stored with each order, raised when a mapping changes.
	Rules() string
	// Shop brings the name of a shop, as people type it, into the one form that is compared and sent: lower case. What cannot
	// be a shop of the platform is KindInvalid with code shop_invalid, at "shop"; the error does not repeat it.
	Shop(name string) (string, error)
	// Verify proves that the body was signed with one of the secrets and reads the delivery's headers. It looks at the raw
	// bytes and, where the platform signs, at nothing inside them. Secrets are tried in order; comparison takes constant
	// time. Where the platform does not sign, the notice says Unproven.
	Verify(Signed) (Notice, error)
	// Account reads the shop that a verified body names, lower case, for endpoints that serve many shops. It is
	// CodeMissing when the body names none: such a topic needs an endpoint of its own.
	Account(body []byte) (string, error)
	// Read turns a verified delivery into what it means, and holds a shop named in the body against the connection's.
	Read(d Delivery) (Reading, error)
	// Split cuts what the platform's API or an export contains (one order, an envelope, a list, several documents one
	// after another) into single order documents, as `hub normalize` takes them.
	Split(document []byte) ([][]byte, error)
	// Order turns one full order document into the canonical order, without the identifiers that the hub gives.
	Order(document []byte) (Draft, error)
	// Statuses is the platform's table of words, complete with every value that its documentation lists.
	Statuses() []StatusRow
}

// Signed is one HTTP delivery as it came in, with what its app and the platform agreed on.
type Signed struct {
	Header http.Header
	Body   []byte
	// URL is the address that is registered at the platform, byte for byte; some sign it. It comes from the hub's own
	// records, never from the request.
	URL      string
	ClientID string // the platform's id of the app; "" when the hub does not know it
	Secrets  []string
}

// Notice is what Verify learns of a delivery. Only the body is proven: on Shopify the signature covers no header.
type Notice struct {
	Topic       string    // as the platform spells it, "orders/create"
	DeliveryID  string    // the platform's id of this delivery, "" when it sends none
	Account     string    // the shop that the headers claim, lower case; not proven
	TriggeredAt time.Time // when the platform says that it happened; zero when it does not say
	APIVersion  string    // the version that the payload really has
	// Probe: the platform only tries the address. It is answered with success and recorded nowhere.
	Probe bool
	// Unproven: the platform signs nothing. Such a delivery may cause one bounded fetch for an account that is known, and
	// nothing else.
	Unproven bool
	// Duty: the platform orders that somebody's data be shown or erased. It is kept for whoever must act on it, also when the
	// shop has left.
	Duty bool
}

// Delivery is one verified delivery as it comes out of the log.
type Delivery struct {
	Notice
	Account    string // the account of the connection that it was sent to, which the driver holds the body against
	Body       []byte // the raw bytes
	ReceivedAt time.Time
}

// Reading is what a delivery means. Exactly one field is set, except that a Draft may be empty together with a Hint.
type Reading struct {
	Drafts  []Draft // full orders
	Hints   []Hint  // something happened to an order, its state is not in the body
	Ignored string  // why there is nothing to do, "" when there is; never personal
}

// Draft is one full order without the hub's identifiers, or the news that an order was deleted.
type Draft struct {
	Order   hub.Order // ID, TenantID, ConnectionID, Revision and Source.RawRef are empty
	Deleted time.Time // set: only Order.ExternalID is known, the platform deleted the order then
	// EnrichedAt is when what belongs to the order and is not in it (parcels, fees) was read, by the platform's clock; it is
	// part of the version. Zero where an order is whole in itself, where only the order was read, and where parts lack.
	EnrichedAt time.Time
	// Lacks names the parts that the platform could not tell when it was asked and may tell later, each once, in the
	// platform's words: "buyer", "escrow". Such a draft never replaces a whole one of the same update time, or one that
	// lacks less, and its order is fetched again. What a platform does not have, or does not show to this app, is not lacking.
	Lacks []string
	// Subject is who the order belongs to for forgetting: the platform's customer id, or "" for a guest order, which is
	// a subject of its own.
	Subject hub.ExternalID
}

// Hint asks for a fetch of one resource. Many hints for one resource are one fetch.
type Hint struct {
	Kind       string         // what to fetch: "order"; or HintConnection
	ExternalID hub.ExternalID // of the resource; never personal
}

// HintConnection is the kind of a Hint that asks for a look at the connection itself: its owner may have taken the permission
// back, or it ends soon. It has no ExternalID.
const HintConnection = "connection"

// StatusRow is one word of a platform and what it means here. A word that has no row leaves our status empty and is
// kept in Order.PlatformStatus.
type StatusRow struct {
	Field string // the platform's field
	Value string // its value; "" is null
	Ours  string // which of our fields, "payment_status"
	Means string // the value there; "" when it says nothing about the order's status
}

// Skimmer is a Storefront that says what is still readable of an order that it refuses, so that people see which orders
// wait and how much money is in them.
type Skimmer interface {
	// Skim reads the gist of a delivery whose body is one full order. It never guesses and never fails: a field that Read
	// would refuse stays empty, and so does all of a body that is no order, or is not well-formed.
	Skim(d Delivery) Gist
}

// Gist is a few P3 fields of an order, each by itself: one that cannot be read says nothing about the others.
type Gist struct {
	ExternalID      hub.ExternalID
	SourceUpdatedAt time.Time  // zero when not readable
	Total           *hub.Money // the grand total; nil when it or its currency is not readable
}
