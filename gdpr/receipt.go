package gdpr

import "time"

// Receipt is a root store's word that a root is gone.
type Receipt struct {
	Generation int
	GoneAt     time.Time // when no copy that the store knows of can be read any more
	Method     string    // what was done, in words
	SameVolume bool      // the store is on the same kind of medium as the vault, so whole-disk copies may hold both
}
