package jobs

import (
	"context"
	"time"

	"hub"
)

// Queue takes work down.
type Queue interface {
	// Enqueue writes jobs in the transaction: they exist if and only if it commits. An equal one that waits takes the
	// earlier time, the more urgent class and the newer payload, but stays put off as long as its last failure, or the
	// platform, asked for, unless it comes Afresh. One that runs is done again after it ended; if it is put off, only what came
	// Afresh has it done again before the pause is over. One that failed waits anew, with nothing counted.
	// Attempts, Pauses, CreatedAt and LastCode of the argument mean nothing. Too long a key or payload, or a time beyond
	// Horizon, is KindInvalid.
	Enqueue(context.Context, hub.Tx, []Job) error
}

// Ask says what a worker could do.
type Ask struct {
	Kind          string
	Holder        string // the hub; up to 64 bytes
	Limit         int    // most jobs
	PerConnection int    // most jobs of this kind that run for one connection at once, counted over all hubs; 0 is no bound
	PerTenant     int    // most jobs of this kind that run for one tenant in this worker; 0 is no bound
	Running       map[hub.TenantID]int
	Lease         time.Duration // up to MaxLease
}

// Outcome is what became of a claimed job.
type Outcome uint8

// The outcomes.
const (
	Done     Outcome = iota // it is gone, or due again when it was enqueued meanwhile
	Later                   // due at Result.DueAt; the attempt counts
	PutOff                  // due at Result.DueAt; a pause is counted instead of the attempt
	Released                // due now, as if it had not been claimed
	GivenUp                 // failed, until it is enqueued again; news that came meanwhile have it wait again
)

// String returns the name of the outcome as it appears in metrics.
func (o Outcome) String() string {
	return [...]string{"done", "later", "put_off", "released", "given_up"}[o]
}

// Result reports about one claim.
type Result struct {
	Claim
	Outcome Outcome
	DueAt   time.Time // for Later and PutOff; cut to Horizon
	Code    hub.Code  // for all but Done; of Released empty keeps the last
}

// Count is how many jobs of a kind are in a state.
type Count struct {
	Kind  string
	State State
	Jobs  int64
}

// Heir ends leases that nobody works under any more.
type Heir interface {
	// Inherit has all leases of a holder in a shard end now, and returns how many: what a former life of the holder was doing
	// can be claimed at once, and what it still reports under them is lost. The caller has claimed nothing yet, and knows that
	// the former life is over. After an error some may have ended; it may be repeated.
	Inherit(ctx context.Context, shard hub.ShardID, holder string) (n int64, err error)
}

// Store keeps the jobs. All times are of its clock. Errors leave open whether a change happened: a claim that nobody knows
// of lapses with its lease, the other calls are repeated.
type Store interface {
	// Claim leases jobs of a shard that are due, to run at once: waiting ones, and running ones whose lease lapsed. Tenants
	// and their connections take turns, whoever asks; in a connection fresh work goes first. It may return fewer than there are; none
	// means that nothing can be had now.
	Claim(ctx context.Context, shard hub.ShardID, a Ask) ([]Claimed, error)
	// Extend gives leases d from now, and returns the claims that are lost: ended, or taken by somebody else.
	Extend(ctx context.Context, shard hub.ShardID, claims []Claim, d time.Duration) (lost []Claim, err error)
	// Finish ends claims. What comes under a claim that is lost changes nothing, and is returned.
	Finish(ctx context.Context, shard hub.ShardID, results []Result) (lost []Claim, err error)
	// Counts counts the jobs of all shards by kind and state. It looks at each, so it is not for each second.
	Counts(ctx context.Context) ([]Count, error)
}
