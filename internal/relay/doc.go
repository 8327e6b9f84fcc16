// Package relay tells: it brings what a shard has committed to the broker, in order, and knows how far it came.
//
// It promises that every change in the feed reaches the broker at least once, whatever is killed, paused, emptied or put
// back; that the changes of one line (one tenant's stream) enter it in the order of their numbers, also while a hub that
// lost its leadership still believes in it; that a line which the broker refuses, and a shard or broker that is away, hold
// back nobody else; and that nothing is announced that a crash of the database takes back. It keeps no list of what is
// still to be told: the feed is that list, because its numbers are dense, and one row a line says how far it was told.
//
// It does not promise exactly once: who listens to the broker knows an event by its id. It does not decide what happened
// and changes nothing that it tells.
package relay
