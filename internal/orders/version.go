package orders

import (
	"bytes"
	"cmp"
	"time"
)

// Version orders the states of one order. The source's own time decides; where a platform's clock of whole seconds gives
// one time to two states, the one that went further wins, and at last the digest, so that every hub decides alike.
type Version struct {
	SourceUpdatedAt time.Time
	Cancelled       bool
	Refunded        int64    // minor units
	PaymentRank     int      // hub.PaymentStatus.Rank
	FulfillmentRank int      // hub.FulfillmentStatus.Rank
	Digest          [32]byte // keyed digest of the canonical order
}

// Compare returns −1, 0 or +1. Zero means the same state.
func (v Version) Compare(o Version) int {
	return cmp.Or(
		v.SourceUpdatedAt.Compare(o.SourceUpdatedAt),
		compareBool(v.Cancelled, o.Cancelled),
		cmp.Compare(v.Refunded, o.Refunded),
		cmp.Compare(v.PaymentRank, o.PaymentRank),
		cmp.Compare(v.FulfillmentRank, o.FulfillmentRank),
		bytes.Compare(v.Digest[:], o.Digest[:]),
	)
}

// Tied reports whether two different states carry the same source time: our rule picks one, but only the platform knows.
func (v Version) Tied(o Version) bool {
	return v.SourceUpdatedAt.Equal(o.SourceUpdatedAt) && v.Digest != o.Digest
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
