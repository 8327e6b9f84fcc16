// Package forgettest has what tests of forgetting need: the suite that every forget.Shard passes together with its
// gdpr.Register, shards in memory that pass it too and can be put back to an older state, and a root store in memory. Each
// of them can fail at any call, before or after having done it.
//
// What is in memory is lost with the process, so it is for tests only.
package forgettest
