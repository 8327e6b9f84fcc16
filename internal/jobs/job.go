package jobs

import (
	"time"

	"hub"
)

// Class says what goes first.
type Class uint8

// The classes. Within a connection fresh work goes before backfill; between connections too, but backfill that has been
// due for Patience waits behind nothing.
const (
	Fresh    Class = iota // somebody waits for it: news of an order
	Backfill              // nobody does: what was there before the shop was connected
)

// Patience is how long fresh work of others goes before backfill that is due.
const Patience = time.Minute

// Horizon is how far ahead a job may be scheduled, put off or asked to wait. What is due later than that was written by a
// clock that was wrong, and is due now.
const Horizon = 48 * time.Hour

// MaxLease is the longest lease. One that ends later than that from now was written by a clock that was wrong, and is over.
const MaxLease = 15 * time.Minute

// MaxPayload is the size that a payload may have, in bytes.
const MaxPayload = 1024

// Lane is the work of one kind for one connection. Lanes take turns.
type Lane struct {
	Kind       string // such as fetch.order, up to 64 bytes
	Tenant     hub.TenantID
	Connection hub.ConnectionID // "" for work that belongs to no connection
}

// Ref names a job: there is at most one of each name.
type Ref struct {
	Lane
	Key hub.ExternalID // what it is about, up to 128 bytes; "" when the kind says it all
}

// Job is something to be done later.
type Job struct {
	Ref
	Class   Class
	DueAt   time.Time // when it may be done; zero is now, as it is of a claimed one
	Afresh  bool      // no earlier pause counts: what it waited for is there. Of a claimed job it means nothing
	Payload []byte    // identifiers, never a value of a person (class P3); of equal jobs the last one's stays

	Attempts  int       // times it was begun and may have been the cause that it did not end, this one included
	Pauses    int       // times it was put off for a cause that is not its own
	CreatedAt time.Time // when it was enqueued after the last time it was done
	LastCode  hub.Code  // of what went wrong last; "" when nothing did
}

// State is where a job stands. One that is done is gone.
type State uint8

// The states.
const (
	Waiting State = iota // until it is due; Finish and Enqueue lead here
	Running              // somebody holds a lease on it; Claim leads here
	Failed               // given up; enqueuing it again revives it
)

// String returns the name of the state as it appears in metrics.
func (s State) String() string { return [...]string{"waiting", "running", "failed"}[s] }

// Claimed is a job that is leased to one worker.
type Claimed struct {
	Job
	Epoch int64     // fences what the worker reports; no other claim of this name ever has the same
	Until time.Time // end of the lease, by the clock of the store
}

// Claim is the name of one claim.
type Claim struct {
	Ref
	Epoch int64
}

// Claim returns its name.
func (c Claimed) Claim() Claim { return Claim{c.Ref, c.Epoch} }

// Due says whether something scheduled for then is due at now.
func Due(then, now time.Time) bool { return !then.After(now) || then.Sub(now) > Horizon }

// Lapsed says whether a lease that ends at until is over at now.
func Lapsed(until, now time.Time) bool { return !until.After(now) || until.Sub(now) > MaxLease }
