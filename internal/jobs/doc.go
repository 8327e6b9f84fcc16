// Package jobs does work later: what a transaction finds out must be done, such as fetching an order from its platform, is
// written down in that transaction and done afterwards, by whichever hub is there.
//
// It promises that a job which was committed is done at least once, however many hubs run and whichever of them dies; that
// equal jobs (same kind and key) that wait are one job, and news that arrives while one is being done makes it run again;
// that what a worker which lost its lease reports is not believed, and a hub that comes back goes on with what it was doing at once; that failures are tried again with growing pauses, as
// late as a platform asks, and end visibly with a code instead of vanishing; that an attempt has a bound on its time, and a
// worker that stops, too; and that one tenant's many jobs, or one kind's failures, keep nobody else waiting.
//
// It does not promise exactly once, nor an order between jobs; handlers are idempotent. A job holds identifiers and never
// personal data. What is due is found by looking at the shard, so nothing is lost when a wake-up is.
package jobs
