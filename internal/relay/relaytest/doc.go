// Package relaytest holds the suites that every relay.Outbox and relay.Broker passes, and one of each in memory.
//
// It promises that the memory versions keep the whole contract, pass the suites, and can be made to fail as the real ones
// do: before a call, after it, with half of it done, with a message that arrives late, emptied, deleted and rolled back. It
// does not promise speed, and it keeps nothing when the process ends.
package relaytest
