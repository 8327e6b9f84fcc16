// Package store holds all SQL of the hub: opening and checking databases, transactions on shards, the repositories of the
// use cases, migrations, and the two dialects (SQLite; MySQL and MariaDB).
//
// It promises: what a method reports as done is durable, on a database whose settings were read and found durable, and
// every other database is refused with the setting to change. A transaction happens whole or not at all; after the first
// error of any statement nothing of it can be committed. Feed numbers are dense and in the order of commits with any number
// of hubs. Readers are given nothing that a crash of the database could take back. No error text holds a value from a row.
// Keys are compared byte for byte and refused, never cut, when they are too long. After a committed fence nobody commits
// data of the fenced person, and nobody is recorded as having been served it. A change by a person or key, and each batch,
// has one audit record in its own transaction.
//
// How durable reads work: InnoDB makes a commit visible to others before its log is flushed, so a reader that meets rows
// which are not known to be flushed first commits a tiny update of its own on the same database (the barrier), whose flush
// includes every commit before it. SQLite in WAL mode with synchronous=FULL syncs the log before it publishes the commit
// in the index of the log (sqlite3WalFrames), so a commit is durable when anybody can see it, and nothing waits there.
//
// It does not promise that an unknown outcome gets known: a connection lost during COMMIT is reported as
// hub.KindUnknown and the caller asks or repeats something idempotent. It does not survive a disk that lies about flushes,
// and it does not route by itself around a shard that is down.
package store
