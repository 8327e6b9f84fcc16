// Package sharding says which shard owns a tenant: the tenant's identifier hashes to one of 1024 slots, and a versioned
// map assigns each slot to a shard.
//
// It promises that a tenant keeps its slot for ever, that every slot of a Map has exactly one owner, and that a Map never
// changes once made, so it may be shared freely. It does no input or output: where the map is kept, and how rows move when
// it changes, is not its business.
package sharding
