// Package audit keeps the record of who changed what, in a log on this hub's own disk.
//
// A change writes its row, an Entry, into a table beside what it changes, in the same transaction: there is no change
// without an entry and no entry without a change. A Drainer moves the rows of all databases into a log (internal/wal).
//
// It promises that every row that this hub wrote and a database committed is in the log exactly once, whatever dies in
// between: appended and flushed first, deleted in the database afterwards, and never appended a second time. A database
// that is down holds back no other. Nothing in an entry is personal.
//
// The rows of a hub whose disk is lost wait in their databases: no other hub takes them.
//
// It does not promise that nobody rewrites the log: it is plain for now, neither chained nor signed. The order of entries is
// that of each database; between databases there is none. It is never trimmed.
//
// # Format
//
// A record of the log is one batch of rows as a JSON object:
//
//	format   1
//	source   the database, as Outbox.Sources calls it
//	entries  one or more objects, in the order of the rows:
//	  id       of the row
//	  tenant   "" for what belongs to none
//	  at       RFC 3339, UTC, microseconds
//	  key      id of the API key that acted, "" for the hub itself and the bootstrap key
//	  role     of that key; "system" for the hub itself
//	  request  "" for the hub's own work
//	  action   such as key.create
//	  target   id of what was acted on
//	  count    of things that were acted on
//	  hub      instance that wrote the row
//
// The cursor "outbox" of the log stands before the first record whose rows may still be in their database.
package audit
