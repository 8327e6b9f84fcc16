package relay

import (
	"context"
	"time"

	"hub"
)

// Line is what keeps its order: the changes of one tenant in one stream.
type Line struct {
	Tenant hub.TenantID
	Stream hub.Stream
}

// Place is how far a line was told.
type Place struct {
	Line
	Told     int64  // sequence of the last change that the broker has; 0 before the first
	Position uint64 // where the broker keeps it; 0 when not known or when it keeps none
	// What follows are hints, and Outbox.Tell ignores them.
	Head  int64     // sequence of the last change that was committed
	Since time.Time // when the first change after Told was committed; zero when not known
}

// Mark is what a shard remembers of the broker, to notice that it lost something: which stream it was, and one message
// of this shard that it held. Times are whole microseconds.
type Mark struct {
	Created  time.Time // of the broker's stream; zero when nothing is remembered
	Position uint64    // of the message; 0 while there is none, and then only Created counts
	Change   hub.ChangeID
	At       time.Time // when the message was told, by this hub's clock: how old it must be before it may be gone by age
}

// Message is what the broker says of one of its messages.
type Message struct {
	Position uint64
	Sequence int64        // of its change in the line
	Change   hub.ChangeID // which a shard that was put back from a backup may not know
	At       time.Time    // when the broker took it; zero when it does not know
}

// Want asks for changes of one line.
type Want struct {
	Line
	After int64 // the sequence before the first wanted
	Limit int
}

// Page is what follows in a line.
type Page struct {
	Changes []hub.Change
	More    bool // there may be more: the limit was reached, or the rest did not fit
}

// CodeNotLeader is the conflict of somebody who leads a shard no more.
const CodeNotLeader hub.Code = "not_leader"

// Outbox is the side of the shards. What it returns is durable: no crash takes it back. Errors leave open whether a
// change happened; each call may be repeated.
type Outbox interface {
	// Lead takes or extends the leadership of a shard's relay for d from now, if it is free, lapsed or the holder's
	// already, and returns its epoch, which grows with every change of holder. Otherwise it is CodeNotLeader.
	Lead(ctx context.Context, shard hub.ShardID, holder string, d time.Duration) (epoch int64, err error)
	// Resign gives a leadership back, so that the next takes it at once. Of another's it is nothing.
	Resign(ctx context.Context, shard hub.ShardID, holder string) error
	// Behind returns up to limit lines with changes that were not told, in the order of tenants after the given line.
	Behind(ctx context.Context, shard hub.ShardID, after Line, limit int) ([]Place, error)
	// Changes returns for each want the changes that follow, in their order and without holes, in all not more than
	// maxBytes of documents but at least one change when there is any. The result has the order of the wants.
	Changes(ctx context.Context, shard hub.ShardID, wants []Want, maxBytes int) ([]Page, error)
	// Tell stores how far lines were told and the mark, under the epoch; CodeNotLeader when it is not the newest.
	Tell(ctx context.Context, shard hub.ShardID, epoch int64, places []Place, m Mark) error
	// Marked returns the mark of a shard.
	Marked(ctx context.Context, shard hub.ShardID) (Mark, error)
	// Rewind sets every line back to the last change before the given time, without a position, and clears the mark,
	// under the epoch. Lines that were told less stay.
	Rewind(ctx context.Context, shard hub.ShardID, epoch int64, since time.Time) error
}

// Run is a sequence of one line's changes without holes. None of it enters the stream before, or without, those that it
// has before it.
type Run struct {
	Line
	// After is the position of the line's message before the first one, 0 when the broker keeps none. The broker refuses
	// the run as CodeOutOfStep when another message is the line's last: somebody else told more, or it lost some.
	After   uint64
	Changes []hub.Change
}

// Told is what became of a run.
type Told struct {
	Count    int    // of its changes that the broker has durably, from the first on
	Position uint64 // of the last of these
	// Err is why the rest is not there; nil when all are. KindUnknown: it may be there. CodeOutOfStep: ask Last.
	Err error
}

// CodeOutOfStep is the conflict of a run that does not follow what the broker has of its line.
const CodeOutOfStep hub.Code = "out_of_step"

// Broker is the side of the stream. Implementations are safe for concurrent use.
type Broker interface {
	// Publish appends runs and returns when their fate is known, one Told for each in the same order. Runs of one call
	// share an fsync where the broker can; one that is refused does not keep the others out. A change that is there
	// already with the same id is not appended again when the broker can tell.
	Publish(ctx context.Context, runs []Run) []Told
	// Last returns the last message of a line, zero when it keeps none.
	Last(ctx context.Context, l Line) (Message, error)
	// Created is when the stream was made, in whole microseconds; one that is missing is made first.
	Created(ctx context.Context) (time.Time, error)
	// Holds says whether the broker still is what wrote the mark: same stream, and its message there with the same
	// change, or dropped in the regular way: aged out, which one younger than the stream's window (by Mark.At) cannot be, or
	// making room in a stream that is full. One that was purged does not hold. A stream that is missing is not made here,
	// and does not hold.
	Holds(ctx context.Context, m Mark) (bool, error)
}
