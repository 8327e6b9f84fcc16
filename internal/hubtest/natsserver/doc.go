// Package natsserver starts private nats-server processes for tests, with the durability of production.
//
// It promises: a server listens on loopback only, keeps its streams in a temporary folder that goes at the end, syncs
// every write, and dies with the process that started it, even when that process is killed. The binary is the one of
// the module's own version, which scripts/servers builds into the user's cache folder. Tests skip with a reason where it
// is missing, and fail instead when HUB_TEST_REQUIRE=1.
//
// Kill is a process death, not a power cut: the page cache survives it.
package natsserver
