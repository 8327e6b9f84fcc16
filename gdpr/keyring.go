package gdpr

import (
	"crypto/rand"
	"fmt"
	"math"
	"slices"
	"time"
)

// Keyring is the keys of all slots: every bucket, and the weeks with which lots expire. During a forget cycle a slot has
// an old key beside the new one. It is a value that never changes; what changes it returns another.
type Keyring struct {
	generation int   // of the root that it was sealed under
	revision   int64 // in the vault
	slots      []slotKeys
	tools      *tools // of Bench
}

// Bench returns the same keyring for work on one slot, which it does faster, by one goroutine.
func (r *Keyring) Bench() *Keyring {
	b := *r
	b.tools = &tools{}
	return &b
}

// slotKeys are the keys of one slot; old is nil outside of a forget cycle.
type slotKeys struct {
	slot     Slot
	now, old *slotKey
}

// weeksAhead is how many weeks a keyring has from its first one on, so that one is rarely added: two years of
// retention and some.
const weeksAhead = 120

// newKeyring makes the first keyring of a vault.
func newKeyring(now time.Time) *Keyring {
	r := &Keyring{slots: make([]slotKeys, Buckets, Buckets+weeksAhead)}
	random, keys := make([]byte, 32*Buckets), make([]slotKey, Buckets)
	rand.Read(random) // at once, because two megabytes in small pieces take a while
	for i := range r.slots {
		keys[i].version, keys[i].secret = 1, (*[32]byte)(random[32*i:])
		r.slots[i] = slotKeys{slot: Slot(i), now: &keys[i]}
	}
	return r.withWeeks(nil, now)
}

// withWeeks returns a keyring that has these slots, and those of the weeks ahead.
func (r *Keyring) withWeeks(slots []Slot, now time.Time) *Keyring {
	first := WeekOf(now).Slot()
	wanted := slices.Clone(slots)
	for i := range Slot(weeksAhead) {
		wanted = append(wanted, first+i)
	}
	next := r.copy()
	for _, s := range wanted {
		at, ok := next.find(s)
		if !ok {
			next.slots = slices.Insert(next.slots, at, slotKeys{slot: s, now: &slotKey{version: 1, secret: newSecret()}})
		}
	}
	return next
}

func (r *Keyring) copy() *Keyring {
	return &Keyring{generation: r.generation, revision: r.revision, slots: slices.Clone(r.slots)}
}

// find returns where the keys of a slot are, or belong.
func (r *Keyring) find(s Slot) (at int, ok bool) {
	if s < Buckets { // parsing and newKeyring see to it that all are there
		return int(s), int(s) < len(r.slots)
	}
	at, ok = slices.BinarySearchFunc(r.slots[Buckets:], s, func(k slotKeys, s Slot) int { return int(k.slot) - int(s) })
	return at + Buckets, ok
}

// newest returns the key with which to seal in a slot, nil when it has none.
func (r *Keyring) newest(s Slot) *slotKey {
	if at, ok := r.find(s); ok {
		return r.slots[at].now
	}
	return nil
}

// Revision returns which change of the keyring in the vault it is, from 1.
func (r *Keyring) Revision() int64 { return r.revision }

// Generation returns that of the root under which it is sealed in the vault.
func (r *Keyring) Generation() int { return r.generation }

// Old returns the slots that have an old key beside the new one, ascending.
func (r *Keyring) Old() (slots []Slot) {
	for _, k := range r.slots {
		if k.old != nil {
			slots = append(slots, k.slot)
		}
	}
	return slots
}

// Weeks returns the slots that are weeks, ascending.
func (r *Keyring) Weeks() (slots []Slot) {
	for _, k := range r.slots[Buckets:] {
		slots = append(slots, k.slot)
	}
	return slots
}

// Renewed returns a keyring in which each of these slots has a new key with the old one beside it. A slot that has an old
// one already stays as it is, so that renewing twice loses nothing, and one that the keyring does not have is left out.
func (r *Keyring) Renewed(slots []Slot) *Keyring {
	next := r.copy()
	for _, s := range slots {
		at, ok := next.find(s)
		if !ok || next.slots[at].old != nil {
			continue
		}
		last := next.slots[at].now
		if last.version == math.MaxUint32 {
			panic("gdpr: a slot has had four billion keys")
		}
		next.slots[at] = slotKeys{slot: s, now: &slotKey{version: last.version + 1, secret: newSecret()}, old: last}
	}
	return next
}

// Finished returns a keyring without old keys and without these weeks. Buckets among them stay: they never end.
func (r *Keyring) Finished(expired []Slot) *Keyring {
	next := &Keyring{generation: r.generation, revision: r.revision, slots: make([]slotKeys, 0, len(r.slots))}
	for _, k := range r.slots {
		if !k.slot.IsWeek() || !slices.Contains(expired, k.slot) {
			next.slots = append(next.slots, slotKeys{slot: k.slot, now: k.now})
		}
	}
	return next
}

// Format implements fmt.Formatter: what holds keys formats as its name.
func (r *Keyring) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "keyring revision %d", r.revision) }
