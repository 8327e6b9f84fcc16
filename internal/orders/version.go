package orders

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"
	"time"
)

// Version orders the states of one order. The source's own time decides; of one time, the state whose parcels and fees were
// read later, or lacks less of them, so that what a platform tells beside the order is never replaced by less. Where a
// platform's clock of whole seconds still gives one time to two states, the one that went further wins, whatever program
// read it; then the newer normalising rules: what an older program makes of the same payload never replaces what a newer
// one made; and at last the digest, so that every hub decides alike.
//
// A newer state replaces an older one whole, also where it lacks parts that the older one has. Keeping those would make a
// state that the platform never told (money that was split before a refund beside totals from after it), would need the
// version of each part beside the order's to come out alike in every order of arrival, and would need to open what is
// sealed to seal it anew. So the result says that parts are lacking, and the order is fetched again.
type Version struct {
	SourceUpdatedAt time.Time
	EnrichedAt      time.Time // by the platform's clock; zero: not enriched; in the first moments of 1970: see lackingAt
	Rules           int       // RulesNumber of the rules that it was read under
	Cancelled       bool
	Refunded        int64    // minor units
	PaymentRank     int      // hub.PaymentStatus.Rank
	FulfillmentRank int      // hub.FulfillmentStatus.Rank
	Digest          [32]byte // keyed digest of the canonical order
}

// RulesNumber is the number in the name of normalising rules, 2 in "shopify/2". A name without one is older than all.
func RulesNumber(rules string) int {
	n, err := strconv.Atoi(rules[strings.LastIndexByte(rules, '/')+1:])
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Compare returns −1, 0 or +1. Zero means the same state under the same rules.
func (v Version) Compare(o Version) int {
	return cmp.Or(
		v.SourceUpdatedAt.Compare(o.SourceUpdatedAt),
		v.EnrichedAt.Compare(o.EnrichedAt),
		compareBool(v.Cancelled, o.Cancelled),
		cmp.Compare(v.Refunded, o.Refunded),
		cmp.Compare(v.PaymentRank, o.PaymentRank),
		cmp.Compare(v.FulfillmentRank, o.FulfillmentRank),
		cmp.Compare(v.Rules, o.Rules),
		bytes.Compare(v.Digest[:], o.Digest[:]),
	)
}

// Same reports whether the two are one state of the source, whichever rules they were read under.
func (v Version) Same(o Version) bool {
	return v.SourceUpdatedAt.Equal(o.SourceUpdatedAt) && v.Digest == o.Digest
}

// Tied reports whether two different states carry the same source time: our rule picks one, but only the platform knows.
func (v Version) Tied(o Version) bool {
	return v.SourceUpdatedAt.Equal(o.SourceUpdatedAt) && v.Digest != o.Digest
}

// mostLacking bounds how many lacking parts are told apart.
const mostLacking = 64

// lackingAt stands for the time of a reading that lacks n parts: before that of every whole reading, and the later the
// fewer they are. It is a time so that versions are compared and stored as they were before there were such readings.
func lackingAt(n int) time.Time {
	return time.UnixMicro(int64(mostLacking - min(n, mostLacking-1))).UTC()
}

// Lacking reports whether the platform may still tell parts that the state does not have.
func (v Version) Lacking() bool {
	return !v.EnrichedAt.IsZero() && v.EnrichedAt.Before(time.UnixMicro(mostLacking))
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
