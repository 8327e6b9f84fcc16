package erp

import (
	"context"
	"time"

	"hub"
	"hub/gdpr"
)

// Sealed is the personal data of one order as it is stored.
type Sealed struct {
	Revision int64 // that it was sealed at; a deletion makes a revision without sealing again
	Parts    []SealedPart
}

// SealedPart is one of its parts.
type SealedPart struct {
	Part     hub.PersonalPart
	Envelope []byte
}

// Size is how many bytes the parts have.
func (s Sealed) Size() (n int) {
	for _, part := range s.Parts {
		n += len(part.Envelope)
	}
	return n
}

// Disclosure says that a client is about to be served personal fields of one order.
type Disclosure struct {
	Tenant   hub.TenantID
	Client   string // of the API key
	Key      hub.KeyID
	Request  string
	Order    hub.OrderID
	Revision int64            // of the document that is served
	Fields   hub.Fields       // which personal fields
	Subjects []gdpr.SubjectID // whose
	At       time.Time
}

// PersonalReader reads sealed parts.
type PersonalReader interface {
	// Personal returns the sealed parts of a tenant's orders as they are now, by id, those of one in the order of
	// hub.PersonalParts. An order that has none, or that the tenant does not have, is absent. Parts of several orders that are
	// more than MaxPageBytes are KindTooLarge; the caller asks for fewer. No crash of the database takes back what it
	// returns.
	Personal(ctx context.Context, t hub.TenantID, ids []hub.OrderID) (map[hub.OrderID]Sealed, error)
	// OrderPersonal returns one order and its sealed parts, as Reader.Order and Personal do, with one look.
	OrderPersonal(ctx context.Context, t hub.TenantID, id hub.OrderID) (Row, Sealed, error)
}

// Answer is the disclosures of one answer to a client, and who asked.
type Answer struct {
	Tenant hub.TenantID
	Actor  hub.Actor
	Rows   []Disclosure // at least one; of each order one, and of all the same client, key, request and time
	// Stream is of a page of the feed, whose first and last change with personal fields have these sequences. Empty: orders.
	Stream      hub.Stream
	First, Last int64
}

// size is about how many bytes its rows have.
func (a Answer) size() (n int) {
	for _, r := range a.Rows {
		const rest, subject = 100, 32
		n += rest + len(r.Tenant) + len(r.Client) + len(r.Key) + len(r.Request) + len(r.Order) + subject*len(r.Subjects)
	}
	return n
}

// Disclosures is the record of what was served to whom.
type Disclosures interface {
	// Of is the shard whose record the tenant's disclosures are in.
	Of(hub.TenantID) hub.ShardID
	// Disclose locks the lines of all subjects and stores the rows of several answers in one transaction, durable when it
	// returns, with an audit record for each answer. Of an answer with fenced subjects it stores nothing and returns them at the
	// answer's place: the caller leaves their parts out and calls again. An error is about all of them, and nothing was stored unless it is KindUnknown.
	Disclose(ctx context.Context, shard hub.ShardID, answers []Answer) (fenced [][]gdpr.SubjectID, err error)
	// File is called after each Disclose, beside the next ones, to do what need not be done before an answer. What an error leaves
	// undone is tried again later; nothing durable depends on it.
	File(ctx context.Context, shard hub.ShardID) error
}

// Opener opens sealed values: *gdpr.Keys.
type Opener interface {
	// OpenAll opens each value and says whose it is: fences are asked for those subjects and no others.
	OpenAll(ctx context.Context, list []gdpr.Sealed) ([]gdpr.Opened, error)
	// Mark is taken before anything is opened for an answer, for FreshSince.
	Mark() gdpr.Mark
	// FreshSince is nil while keys that were handed out since the mark may still be used: the last poll of the vault began
	// no more than five seconds ago, and what ended since the mark cannot be among them. It is asked again right before an
	// answer is written. KindUnavailable otherwise. left is how long it is so.
	FreshSince(gdpr.Mark) (left time.Duration, err error)
}
