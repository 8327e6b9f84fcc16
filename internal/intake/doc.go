// Package intake accepts deliveries and drains them: the webhook door in front of the write-ahead log, and one drainer a
// shard behind it.
//
// It promises that a delivery which was answered with success is fsynced in the log, sealed; that it then has its effect
// exactly once, or is parked where people see it with a code and a path, and that only what comes to an app for a shop that has left is
// answered with success and kept by nobody; that one bad delivery, one noisy tenant and one
// dead shard hold back nobody else; that nothing is decided in the request path but authenticity and bounds; that an erasure which comes
// in between holds up nothing and lets nobody back in; that what belonged to no shop brings nobody in who was erased meanwhile; and that an
// order which was read without parts that its platform may tell later is fetched again, with growing pauses, for three days. It does not
// promise order: what arrives late is sorted out by package orders. Losing the disk of a hub loses what it had accepted and not yet drained.
package intake
