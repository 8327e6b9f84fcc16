package gdprtest

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// Lead implements forget.Cycles.
func (m *Memory) Lead(ctx context.Context, holder string, now, until time.Time) (epoch int64, err error) {
	err = m.do(ctx, "Lead", func(d *data) error {
		switch {
		case d.leader == holder && d.epoch > 0:
		case d.until.After(now):
			return &hub.Error{Kind: hub.KindConflict, Op: "leading the forget cycle", Subject: d.leader}
		default:
			d.leader = holder
			d.epoch++
		}
		d.until, epoch = until, d.epoch
		return nil
	})
	return epoch, err
}

// lead runs one method of the leader.
func (m *Memory) lead(ctx context.Context, method string, epoch int64, f func(*data) error) error {
	return m.do(ctx, method, func(d *data) error {
		if d.epoch != epoch {
			return &hub.Error{Kind: hub.KindConflict, Code: hub.CodeStaleEpoch, Op: "leading the forget cycle"}
		}
		return f(d)
	})
}

// Pending implements forget.Cycles.
func (m *Memory) Pending(ctx context.Context) (p forget.Pending, err error) {
	err = m.do(ctx, "Pending", func(d *data) error {
		p = forget.Pending{Ledger: int64(len(d.ledger)), Dirty: slices.Sorted(maps.Keys(d.dirty))}
		done := int64(0)
		for _, c := range d.cycles {
			if c.Phase == forget.PhaseDone {
				done = c.Ledger
			}
		}
		for _, e := range d.ledger {
			switch {
			case e.Number <= done || e.What != forget.Killed || !isPerson(e.Subject):
			case e.Reason == forget.ReasonDelivery || e.Reason == forget.ReasonRetention:
				p.Retired++
			default:
				p.Kills++
			}
		}
		for id, k := range d.keys {
			if k.Kind == gdpr.KindSubject {
				if k.Connection == "" {
					p.Subjects++
				} else {
					p.Deliveries++
				}
				if d.entry(id, forget.Fenced) != nil {
					p.Fenced++
				}
			}
		}
		for _, t := range d.tags {
			if t.Identity {
				p.Identities++
			}
		}
		return nil
	})
	return p, err
}

// Current implements forget.Cycles.
func (m *Memory) Current(ctx context.Context) (c forget.Cycle, err error) {
	err = m.do(ctx, "Current", func(d *data) error {
		if n := len(d.cycles); n > 0 {
			c = d.cycles[n-1]
			c.WaitsFor, c.Unreadable, c.Known = slices.Clone(c.WaitsFor), slices.Clone(c.Unreadable), slices.Clone(c.Known)
		}
		return nil
	})
	return c, err
}

var phases = []forget.Phase{forget.PhaseBegun, forget.PhaseKeyed, forget.PhaseRewrapped, forget.PhaseSealed, forget.PhaseDone}

// Save implements forget.Cycles.
func (m *Memory) Save(ctx context.Context, epoch int64, c forget.Cycle) error {
	const op = "saving forget cycle"
	return m.lead(ctx, "Save", epoch, func(d *data) error {
		if !slices.Contains(phases, c.Phase) {
			return hub.Errorf(hub.KindInvalid, op, "unknown phase")
		}
		n := int64(len(d.cycles))
		conflict := &hub.Error{Kind: hub.KindConflict, Op: op}
		switch {
		case c.Number == n+1 && (n == 0 || d.cycles[n-1].Phase == forget.PhaseDone):
			d.cycles = append(d.cycles, forget.Cycle{})
		case c.Number != n || n == 0:
			return conflict
		case slices.Index(phases, c.Phase) < slices.Index(phases, d.cycles[n-1].Phase):
			return conflict
		}
		c.WaitsFor, c.Unreadable, c.Known = slices.Clone(c.WaitsFor), slices.Clone(c.Unreadable), slices.Clone(c.Known)
		d.cycles[c.Number-1] = c
		if c.Phase == forget.PhaseDone {
			maps.DeleteFunc(d.dirty, func(_ gdpr.Slot, m mark) bool { return m.number <= c.Ledger && m.cycle < c.Number })
			if d.generation >= c.To {
				d.keyrings = slices.DeleteFunc(d.keyrings, func(k gdpr.SealedKeyring) bool { return k.Generation < c.To })
			}
			maps.DeleteFunc(d.stones, func(_ string, s forget.Tombstone) bool { return !s.Expires.After(c.EndedAt) })
		}
		return nil
	})
}

// Rewrite implements forget.Cycles.
func (m *Memory) Rewrite(ctx context.Context, epoch int64, slots []gdpr.Slot, f func([]forget.Slotful) ([]forget.Slotful, error)) error {
	return m.lead(ctx, "Rewrite", epoch, func(d *data) error {
		held, given := map[gdpr.Slot]forget.Slotful{}, make([]forget.Slotful, len(slots))
		for i, slot := range slots {
			held[slot], given[i] = d.slotful(slot), d.slotful(slot)
		}
		all, err := f(given)
		if err != nil {
			return err
		}
		known := maps.Clone(held)
		for _, out := range all {
			full, ok := known[out.Slot]
			if !ok || !sameRows(full, &out) {
				return hub.Errorf(hub.KindInvalid, "rewriting slots", "other rows than they held")
			}
			delete(known, out.Slot)
		}
		for _, out := range all {
			d.rewrite(held[out.Slot], out)
		}
		return nil
	})
}

func (d *data) rewrite(full, out forget.Slotful) {
	for _, t := range full.Tags {
		d.dropTag(string(t.Link))
	}
	for _, t := range out.Tags {
		d.putTag(t)
	}
	for _, k := range out.Keys {
		d.keys[k.ID] = keyRow{cloneKey(k), true}
	}
	maps.DeleteFunc(d.ended, func(_ string, s gdpr.Slot) bool { return s == full.Slot })
	d.census[full.Slot] = cloneCensus(*out.Census)
}

func cloneCensus(c forget.Census) forget.Census {
	c.Digest = slices.Clone(c.Digest)
	return c
}

func (d *data) slotful(slot gdpr.Slot) forget.Slotful {
	full := forget.Slotful{Slot: slot, Tags: d.sortedTags(func(t gdpr.Tag) bool { return t.Slot == slot })}
	var fresh []gdpr.WrappedKey
	for _, id := range slices.Sorted(maps.Keys(d.keys)) {
		switch k := d.keys[id]; {
		case k.Slot != slot:
		case k.counted:
			full.Keys = append(full.Keys, cloneKey(k.WrappedKey))
		default:
			fresh = append(fresh, cloneKey(k.WrappedKey))
		}
	}
	full.Counted, full.Keys = len(full.Keys), append(full.Keys, fresh...)
	if c, ok := d.census[slot]; ok {
		c = cloneCensus(c)
		full.Census = &c
	}
	for _, id := range slices.Sorted(maps.Keys(d.ended)) {
		if d.ended[id] == slot {
			full.Killed = append(full.Killed, id)
		}
	}
	return full
}

// sameRows reports whether the keys are the same but for how they are wrapped, and the tags as many.
func sameRows(a forget.Slotful, b *forget.Slotful) bool {
	if len(a.Keys) != len(b.Keys) || len(a.Tags) != len(b.Tags) || b.Slot != a.Slot || b.Census == nil {
		return false
	}
	held := map[string]gdpr.WrappedKey{}
	for _, k := range a.Keys {
		held[k.ID] = k
	}
	for _, k := range b.Keys {
		was, ok := held[k.ID]
		was.Wrapped, was.Generation = k.Wrapped, k.Generation
		if !ok || !reflect.DeepEqual(was, k) {
			return false
		}
		delete(held, k.ID)
	}
	return !slices.ContainsFunc(b.Tags, func(t gdpr.Tag) bool { return t.Slot != a.Slot })
}

// StoreKeyring implements forget.Cycles.
func (m *Memory) StoreKeyring(ctx context.Context, epoch, revision int64, k gdpr.SealedKeyring) error {
	return m.lead(ctx, "StoreKeyring", epoch, func(d *data) error { return d.putKeyring(revision, k) })
}

// DropSlots implements forget.Cycles.
func (m *Memory) DropSlots(ctx context.Context, epoch int64, slots []gdpr.Slot) (n int64, err error) {
	err = m.lead(ctx, "DropSlots", epoch, func(d *data) error {
		if slices.ContainsFunc(slots, func(s gdpr.Slot) bool { return !s.IsWeek() }) {
			return hub.Errorf(hub.KindInvalid, "dropping slots", "a bucket never goes")
		}
		in := func(s gdpr.Slot) bool { return slices.Contains(slots, s) }
		for id, k := range d.keys {
			if in(k.Slot) {
				d.drop(id)
				n++
			}
		}
		maps.DeleteFunc(d.dirty, func(s gdpr.Slot, _ mark) bool { return in(s) })
		maps.DeleteFunc(d.census, func(s gdpr.Slot, _ forget.Census) bool { return in(s) })
		maps.DeleteFunc(d.ended, func(_ string, s gdpr.Slot) bool { return in(s) })
		return nil
	})
	return n, err
}

// Report implements forget.Cycles.
func (m *Memory) Report(ctx context.Context, h forget.Hub) error {
	return m.do(ctx, "Report", func(d *data) error {
		d.hubs[h.Instance] = h
		return nil
	})
}

// Hubs implements forget.Cycles.
func (m *Memory) Hubs(ctx context.Context) (all []forget.Hub, err error) {
	err = m.do(ctx, "Hubs", func(d *data) error {
		all = slices.SortedFunc(maps.Values(d.hubs), func(a, b forget.Hub) int { return strings.Compare(a.Instance, b.Instance) })
		return nil
	})
	return all, err
}

// RemoveHub implements forget.Cycles.
func (m *Memory) RemoveHub(ctx context.Context, instance string) error {
	return m.do(ctx, "RemoveHub", func(d *data) error {
		if _, ok := d.hubs[instance]; !ok {
			return &hub.Error{Kind: hub.KindNotFound, Op: "removing hub", Subject: instance}
		}
		delete(d.hubs, instance)
		return nil
	})
}
