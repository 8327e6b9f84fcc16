package hub

import (
	"context"
	"time"
)

// Tx is the token of one transaction on one shard. Only package store makes one; a use case passes it on to its
// repositories and never keeps it.
type Tx interface {
	// Now is the one timestamp of the transaction: UTC, whole microseconds, the same at every call.
	Now() time.Time
	// Epoch is the fencing epoch of the shard's owner. The store checks it before COMMIT; a stale router's
	// transaction is refused as a conflict.
	Epoch() int64
	// OnCommit registers what to wake once the transaction is durable. It is never called on rollback, and not at
	// all when the outcome is unknown.
	OnCommit(func())
}

// CodeStaleEpoch is the conflict of a transaction whose router holds an old map: read the map again, then try again.
const CodeStaleEpoch Code = "stale_epoch"

// Shards runs transactions on the shards.
type Shards interface {
	// Of returns the shard that owns a tenant.
	Of(TenantID) ShardID
	// Do runs f in one transaction on one shard and commits when f returns nil. f may run several times (deadlock,
	// lock wait, busy), so it touches nothing outside of the transaction. The first error of any statement poisons
	// the transaction, even when f swallows it. A commit whose outcome is not known comes back as KindUnknown.
	Do(ctx context.Context, shard ShardID, f func(context.Context, Tx) error) error
}
