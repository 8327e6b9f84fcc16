package forget

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"slices"

	"hub"
	"hub/gdpr"
)

// A cycle that kills more than one in unusual persons, and more than few, waits for somebody to approve it.
const (
	unusual = 100
	few     = 10
)

// begin makes the cycle after the last one if something is pending and the gate is open.
func (s *session) begin(ctx context.Context, last Cycle) (Cycle, error) {
	ring, err := s.Keys.Keyring(ctx)
	if err != nil {
		return Cycle{}, err
	}
	p, err := s.Cycles.Pending(ctx)
	if err != nil {
		return Cycle{}, err
	}
	weeks, dirty := s.expired(ring), s.dirty(ring, p)
	if len(dirty) == 0 && len(weeks) == 0 && len(ring.Old()) == 0 {
		return Cycle{}, nil
	}
	c := Cycle{
		Number: last.Number + 1, Phase: PhaseBegun, From: ring.Generation(), To: ring.Generation() + 1, Ledger: p.Ledger,
		Kills: p.Kills, Weeks: int64(len(weeks)), Slots: int64(len(dirty)), BeganAt: s.now(), Known: last.Known,
	}
	if err := gate(p, s.approve); err != nil {
		c.Number = 0
		return c, err
	}
	s.counted = &p
	return s.save(ctx, c)
}

// Unusual reports whether a cycle for these kills waits for somebody to approve their number: more than ten persons, and
// more than one in a hundred. Expired weeks, parked deliveries, and persons of whom nothing is stored any more do not count:
// nothing that anybody could miss dies with them.
func (p Pending) Unusual() bool { return p.Kills > few && p.Kills*unusual > p.Subjects+p.Kills }

// gate refuses what looks like a mistake while all of it can still be undone.
func gate(p Pending, approved int64) error {
	if p.Subjects+p.Deliveries != p.Identities+p.Fenced {
		return vanished("%d persons and %d parked deliveries have keys, %d are indexed and %d fenced", p.Subjects, p.Deliveries, p.Identities, p.Fenced)
	}
	if p.Unusual() && p.Kills > approved {
		return &hub.Error{Kind: hub.KindConflict, Code: CodeApprovalNeeded, Op: "opening the gate",
			Err: hub.Errorf(hub.KindConflict, "", "%d of %d persons would die, approve that number", p.Kills, p.Subjects+p.Kills)}
	}
	return nil
}

func vanished(format string, args ...any) error {
	return &hub.Error{Kind: hub.KindConflict, Code: CodeKeysVanished, Op: "counting keys", Err: hub.Errorf(hub.KindConflict, "", format, args...)}
}

// expired lists the weeks of the keyring that are over.
func (s *session) expired(ring *gdpr.Keyring) (weeks []gdpr.Slot) {
	now := gdpr.WeekOf(s.Clock()).Slot()
	for _, w := range ring.Weeks() {
		if w < now {
			weeks = append(weeks, w)
		}
	}
	return weeks
}

// dirty lists the slots that get a new key: what died in a week that is over, or gone, dies with it.
func (s *session) dirty(ring *gdpr.Keyring, p Pending) (slots []gdpr.Slot) {
	now, weeks := gdpr.WeekOf(s.Clock()).Slot(), ring.Weeks()
	for _, slot := range p.Dirty {
		if !slot.IsWeek() || slot >= now && slices.Contains(weeks, slot) {
			slots = append(slots, slot)
		}
	}
	return slots
}

// audit compares a slot with its last census: what was counted is there, or the ledger ended it. A row that was put back may
// have lost the mark that it was counted.
func (f Slotful) audit() error {
	if f.Census == nil {
		return nil
	}
	rest := digest(f.Keys[:f.Counted])
	for _, id := range f.Killed {
		flip(rest, id)
	}
	n := int64(f.Counted + len(f.Killed))
	if f.Census.holds(n, rest) {
		return nil
	}
	for _, k := range f.Keys[f.Counted:] {
		if k.Generation <= f.Census.Generation {
			n++
			flip(rest, k.ID)
		}
	}
	if f.Census.holds(n, rest) {
		return nil
	}
	return vanished("slot %d had %d keys, %d are there and the ledger ended %d", f.Slot, f.Census.Keys, f.Counted, len(f.Killed))
}

func (c *Census) holds(n int64, digest []byte) bool {
	return n == c.Keys && bytes.Equal(digest, c.Digest)
}

func flip(all []byte, id string) {
	sum := sha256.Sum256([]byte(id))
	subtle.XORBytes(all, all, sum[:])
}

func digest(keys []gdpr.WrappedKey) []byte {
	all := make([]byte, sha256.Size)
	for _, k := range keys {
		flip(all, k.ID)
	}
	return all
}
