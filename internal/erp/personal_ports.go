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

// PersonalReader reads sealed parts. What it returns is durable.
type PersonalReader interface {
	// Personal returns the sealed parts of a tenant's orders as they are now, by id. An order that has none, or that the
	// tenant does not have, is absent.
	Personal(ctx context.Context, t hub.TenantID, ids []hub.OrderID) (map[hub.OrderID]Sealed, error)
}

// Disclosures is the record of what was served to whom.
type Disclosures interface {
	// Disclose locks the lines of all subjects and stores the rows, durable when it returns, with one audit record. If
	// subjects are fenced it stores nothing and returns them: the caller leaves their parts out and calls again.
	Disclose(ctx context.Context, t hub.TenantID, rows []Disclosure) (fenced []gdpr.SubjectID, err error)
}

// Opener opens sealed values: *gdpr.Keys.
type Opener interface {
	OpenAll(ctx context.Context, list []gdpr.Sealed) ([]gdpr.Opened, error)
	// Mark is taken before anything is opened for an answer, for FreshSince.
	Mark() gdpr.Mark
	// FreshSince is nil while keys that were handed out since the mark may still be used: the last poll of the vault began
	// no more than five seconds ago, and what ended since the mark cannot be among them. It is asked again right before an
	// answer is written. KindUnavailable otherwise.
	FreshSince(gdpr.Mark) error
}
