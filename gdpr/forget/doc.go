// Package forget ends keys: it fences and kills persons, lets weeks expire, and runs the forget cycle after which nothing
// that is left anywhere opens what died.
//
// It promises that a fence or a kill is known on both sides, vault and shard, whatever crashes in between, and that a side
// which is behind, as after a restore, catches up before personal data is served from it. It promises that a cycle kills
// what the ledger names and nothing else: keys that vanished without an entry stop it while everything can still be
// recovered, and so does an unusual number of kills until somebody approves it. Every step may run again, on any hub, after
// a kill -9 at any instant; a leader that was replaced changes nothing more.
//
// It does not decide who may be forgotten (a privacy request does), does not reach copies outside of the hub, and does not
// promise that a disk has overwritten what was deleted: the root store's receipt says what it did.
package forget
