package stage

import (
	"maps"
	"math/rand/v2"
	"slices"

	"hub"
)

// Faults are what goes wrong at a platform: at random, and by a script. Its methods are called under the platform's lock.
type Faults[F ~string] struct {
	known  []F
	rates  map[F]int // per mille
	script map[F]int // how many of the next are hit in any case
	played map[F]int
}

// NewFaults has none of the known faults happen.
func NewFaults[F ~string](known []F) Faults[F] {
	return Faults[F]{known, map[F]int{}, map[F]int{}, map[F]int{}}
}

// Rate makes a fault happen to perMille of a thousand occasions, at random. An unknown fault or a rate outside of 0 to 1000 is
// KindInvalid.
func (f *Faults[F]) Rate(fault F, perMille int) error {
	if !slices.Contains(f.known, fault) || perMille < 0 || perMille > 1000 {
		return hub.Errorf(hub.KindInvalid, "setting a fault", "unknown, or not 0 to 1000 per mille")
	}
	f.rates[fault] = perMille
	return nil
}

// Next makes a fault happen on the next n occasions. An unknown fault or a negative count is KindInvalid.
func (f *Faults[F]) Next(fault F, n int) error {
	if !slices.Contains(f.known, fault) || n < 0 {
		return hub.Errorf(hub.KindInvalid, "setting a fault", "unknown, or a negative count")
	}
	f.script[fault] = n
	return nil
}

// Hit decides about one fault and counts it. It draws from the stream in any case, so that a script changes nothing for what
// comes after it.
func (f *Faults[F]) Hit(r *rand.Rand, fault F) bool {
	hit := r.IntN(1000) < f.rates[fault]
	if f.script[fault] > 0 {
		f.script[fault]--
		hit = true
	}
	if hit {
		f.played[fault]++
	}
	return hit
}

// Count counts a fault that was not drawn.
func (f *Faults[F]) Count(fault F) { f.played[fault]++ }

// Played counts the faults that were played.
func (f *Faults[F]) Played() map[F]int { return maps.Clone(f.played) }
