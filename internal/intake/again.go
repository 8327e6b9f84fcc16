package intake

import "time"

// How long an order that lacks parts waits until it is fetched again: a minute at first, then twice as long as it has been
// stored like that, so that the times between fetches triple; after three days the platform has no more to tell.
const (
	pauseFirst = time.Minute
	pauseMost  = 24 * time.Hour
	pauseUntil = 72 * time.Hour
)

// pauseFor is the pause for an order that has been stored without parts for so long; 0 when it is not fetched any more.
// Clocks that were set back make a pause no shorter than the first.
func pauseFor(stored time.Duration) time.Duration {
	if stored >= pauseUntil {
		return 0
	}
	return min(max(2*stored, pauseFirst), pauseMost)
}
