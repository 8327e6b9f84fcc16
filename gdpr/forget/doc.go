// Package forget ends keys: it fences and kills persons, lets weeks expire, and runs the forget cycle after which nothing
// that is left anywhere opens what died.
//
// It promises that a fence or a kill is known on both sides, vault and shard, whatever crashes in between, and that a side
// which is behind, as after a restore, catches up before personal data is served from it. It promises that a cycle kills
// what the ledger names and nothing else: keys that vanished without an entry stop it while everything can still be
// recovered, and so does an unusual number of kills until somebody approves it. A key that is damaged cannot be wrapped again
// and is lost with the cycle, unless somebody puts it back: the cycle waits for that, names it, and goes on without it after
// half a day, or when that was approved. Later cycles name it and do not wait for it again. Every step may run again, on any
// hub, after a kill -9 at any instant; a leader that was replaced changes nothing more.
//
// It promises that keys under which nothing is left end as well: those of persons of whom all values have aged out or were
// replaced by others, and those of parked deliveries that are settled.
//
// It does not decide who may be forgotten (a privacy request does), does not reach copies outside of the hub, and does not
// promise that a disk has overwritten what was deleted: the root store's receipt says what it did.
package forget
