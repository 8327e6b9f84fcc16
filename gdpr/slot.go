package gdpr

import "time"

// Slot names one wrapping key of the keyring: a bucket, which wraps about one in 65,536 of all keys of persons, tenants and
// credentials, or a week, which wraps the lots that expire with it.
type Slot uint32

// Buckets is how many buckets there are: slots 0 to Buckets−1.
const Buckets = 1 << 16

// BucketOf returns the bucket of an id or of an index hash: its last two bytes. (The first ones of an id are a time.)
func BucketOf(b []byte) Slot { return Slot(b[len(b)-2])<<8 | Slot(b[len(b)-1]) }

// Bucket returns the bucket that wraps the subject's key; false when it is no id of a subject.
func (s SubjectID) Bucket() (Slot, bool) {
	raw, ok := idRaw(SubjectPrefix, string(s))
	return BucketOf(raw[:]), ok
}

// epoch is the Monday of 1970-W01.
var epoch = time.Date(1969, 12, 29, 0, 0, 0, 0, time.UTC)

const weekLength = 7 * 24 * time.Hour

// Slot returns the slot of the week.
func (w Week) Slot() Slot { return Buckets + Slot(w.start().Sub(epoch)/weekLength) }

// IsWeek reports whether the slot is that of a week.
func (s Slot) IsWeek() bool { return s >= Buckets }

// Week returns the week of a slot that is one.
func (s Slot) Week() Week { return WeekOf(epoch.AddDate(0, 0, 7*int(s-Buckets))) }
