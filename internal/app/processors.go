package app

import (
	"os"
	"runtime"
)

// syncing is how many threads of a busy hub are inside fdatasync at a time: the log's, and a shard's commit.
const syncing = 2

// UseProcessors lets the scheduler run two threads more than the machine has processors, unless the environment sets
// GOMAXPROCS; back undoes it. A thread that waits for the disk holds its place in the scheduler until the runtime's monitor
// takes it away, tens of microseconds to milliseconds later. On two processors that is half of the hub, as often as it syncs:
// the door then accepts a fifth more. It is for the process as a whole, so the program calls it, not Open.
func UseProcessors() (back func()) {
	if os.Getenv("GOMAXPROCS") != "" {
		return func() {}
	}
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(before + syncing)
	return func() { runtime.GOMAXPROCS(before) }
}
