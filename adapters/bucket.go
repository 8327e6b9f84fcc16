package adapters

import (
	"math"
	"time"
)

// bucket is a lower bound of what a platform's bucket holds for us.
type bucket struct {
	size, rate float64 // a size of 0 is without bound
	level      float64 // without what is in flight
	at         time.Time
	pace       float64   // of the rate; below 1 after refusals
	until      time.Time // nothing is sent before
	inFlight   float64   // reserved by calls that are under way
	spent      float64   // by calls that came back, since the beginning
}

// The rate after refusals: halved each time, a fiftieth back with each success.
const (
	slowest = 1.0 / 16
	back    = 1.0 / 50
)

func newBucket(size, rate float64, now time.Time) bucket {
	return bucket{size: size, rate: rate, level: size, at: now, pace: 1}
}

// restore lets time pass. What is in flight may not have been charged yet, and then takes from a bucket that was full all
// the while: so with it the level is never more than the size.
func (b *bucket) restore(now time.Time) {
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.level = min(max(b.level, b.size-b.inFlight), b.level+passed*b.rate*b.pace)
		b.at = now
	}
}

// reserve is what a call of a cost takes: more than there can be is all of it.
func (b *bucket) reserve(cost float64) float64 {
	if b.size > 0 {
		return min(cost, b.size)
	}
	return cost
}

// pause is how long a call of a cost has to wait.
func (b *bucket) pause(now time.Time, cost float64) time.Duration {
	b.restore(now)
	wait := b.until.Sub(now)
	if b.size > 0 && b.level < b.reserve(cost) {
		seconds := (b.reserve(cost) - b.level) / max(b.rate*b.pace, 1e-6)
		wait = max(wait, time.Duration(math.Ceil(min(seconds, 3600)*float64(time.Second))))
	}
	return max(0, wait)
}

// take reserves.
func (b *bucket) take(cost float64) {
	b.level -= cost
	b.inFlight += cost
}

// give books what became of a reservation. Where the platform tells what is left, that is the truth, less what may have
// been charged since it looked: what is in flight, and what came back while this call was under way.
func (b *bucket) give(now time.Time, g Grant, told Told) {
	b.restore(now)
	b.inFlight = max(0, b.inFlight-g.cost)
	cost := g.cost
	switch {
	case told.Unused:
		cost = 0
	case told.Cost > 0:
		cost = float64(told.Cost)
	}
	meanwhile := b.spent - g.spentAt
	b.spent += cost
	if told.Size > 0 {
		b.size, b.rate = told.Size, max(told.PerSecond, 0)
		b.level = min(b.size, told.Available) - b.inFlight - meanwhile
	} else {
		b.level = min(b.size-b.inFlight, b.level+g.cost-cost)
	}
	b.learn(now, told)
}

// learn slows down after a refusal and recovers with what succeeds. Where the platform tells what is left, a refusal means
// that somebody else takes from the bucket too, and what comes back is not ours alone.
func (b *bucket) learn(now time.Time, told Told) {
	if told.Refused {
		if told.RetryAfter > 0 {
			b.until = later(b.until, now.Add(told.RetryAfter))
		}
		if told.Size == 0 {
			b.level = min(b.level, 0)
		}
		b.pace = max(slowest, b.pace/2)
	} else if !told.Unused {
		b.pace = min(1, b.pace+back)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
