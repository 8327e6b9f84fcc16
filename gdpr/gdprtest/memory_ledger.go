package gdprtest

import (
	"context"
	"slices"
	"strings"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

func isPerson(id gdpr.SubjectID) bool { return strings.HasPrefix(string(id), gdpr.SubjectPrefix) }

func isCredential(id gdpr.SubjectID) bool {
	return strings.HasPrefix(string(id), gdpr.CredentialPrefix)
}

// entry returns the entry of a kind that a subject has.
func (d *data) entry(subject string, what forget.What) *forget.Entry {
	return d.at(string(what) + " " + subject)
}

func (d *data) entryByID(id string) *forget.Entry { return d.at(id) }

func (d *data) at(place string) *forget.Entry {
	i, ok := d.places[place]
	if !ok {
		return nil
	}
	return &d.ledger[i]
}

// append numbers an entry.
func (d *data) append(e forget.Entry) *forget.Entry {
	e.Number = int64(len(d.ledger)) + 1
	d.places[e.ID], d.places[string(e.What)+" "+string(e.Subject)] = len(d.ledger), len(d.ledger)
	d.ledger = append(d.ledger, e)
	return &e
}

// write numbers the entries of subjects that have none of the kind and returns those of all. What it refuses leaves
// nothing behind.
func (d *data) write(entries []forget.Entry, what forget.What) ([]forget.Entry, error) {
	const op = "writing the ledger"
	fresh := map[string]gdpr.SubjectID{} // by id
	for _, e := range entries {
		person, credential := isPerson(e.Subject), isCredential(e.Subject)
		if fits := person && what != forget.Emptied || credential && what == forget.Killed || !person && !credential && what == forget.Emptied; !fits || e.What != what {
			return nil, hub.Errorf(hub.KindInvalid, op, "the entry is of another kind")
		}
		if d.entry(string(e.Subject), what) != nil {
			continue
		}
		if other, ok := fresh[e.ID]; d.entryByID(e.ID) != nil || ok && other != e.Subject {
			return nil, &hub.Error{Kind: hub.KindConflict, Op: op, Subject: e.ID}
		}
		fresh[e.ID] = e.Subject
	}
	all := make([]forget.Entry, len(entries))
	for i, e := range entries {
		old := d.entry(string(e.Subject), what)
		if old == nil {
			old = d.append(e)
		}
		all[i] = *old
	}
	return all, nil
}

// soil marks a slot in which something died.
func (d *data) soil(slot gdpr.Slot) {
	m := mark{number: int64(len(d.ledger))}
	if n := len(d.cycles); n > 0 && d.cycles[n-1].Phase != forget.PhaseDone {
		m.cycle = int64(n)
	}
	d.dirty[slot] = m
}

// dropTags removes the tags of owners.
func (d *data) dropTags(owners [][]byte, identitiesOnly bool) {
	for _, o := range owners {
		for _, link := range slices.Clone(d.owned[string(o)]) {
			if t := d.tags[link]; t.Identity || !identitiesOnly {
				d.dropTag(link)
				d.soil(t.Slot)
			}
		}
	}
}

// end deletes a key that the ledger names. What a damaged row says of its slot does not count.
func (d *data) end(id string, damaged bool) {
	k, ok := d.keys[id]
	if !ok {
		return
	}
	d.soil(k.Slot)
	if bucket, ok := gdpr.SubjectID(id).Bucket(); ok && damaged {
		k.Slot = bucket
		d.soil(bucket)
	}
	if k.counted {
		d.ended[id] = k.Slot
	}
	d.drop(id)
}

// Fence implements forget.Ledger.
func (m *Memory) Fence(ctx context.Context, entries []forget.Entry, owners [][]byte, stones []forget.Tombstone) (all []forget.Entry, err error) {
	err = m.do(ctx, "Fence", func(d *data) error {
		if all, err = d.write(entries, forget.Fenced); err != nil {
			return err
		}
		for _, s := range stones {
			old := d.stones[string(s.Hash)]
			if s.At.Before(old.At) {
				s.At = old.At
			}
			if s.Expires.Before(old.Expires) {
				s.Expires = old.Expires
			}
			d.stones[string(s.Hash)] = forget.Tombstone{Hash: slices.Clone(s.Hash), At: s.At, Expires: s.Expires}
		}
		d.dropTags(owners, true)
		return nil
	})
	return all, err
}

// Kill implements forget.Ledger.
func (m *Memory) Kill(ctx context.Context, entries []forget.Entry, owners [][]byte) (all []forget.Entry, err error) {
	err = m.do(ctx, "Kill", func(d *data) error {
		if all, err = d.write(entries, forget.Killed); err != nil {
			return err
		}
		for _, e := range entries {
			d.end(string(e.Subject), e.Damaged)
		}
		d.dropTags(owners, false)
		return nil
	})
	return all, err
}

// KillLots implements forget.Ledger.
func (m *Memory) KillLots(ctx context.Context, e forget.Entry, connection hub.ConnectionID, again bool) (stored forget.Entry, err error) {
	e.What, e.Subject = forget.Killed, gdpr.SubjectID(connection)
	if connection == "" {
		e.Subject = gdpr.SubjectID(e.Tenant)
	}
	err = m.do(ctx, "KillLots", func(d *data) error {
		var dead []gdpr.WrappedKey
		for _, k := range d.keys {
			if k.Kind == gdpr.KindLot && k.Tenant == e.Tenant && (connection == "" || k.Connection == connection) {
				dead = append(dead, k.WrappedKey)
			}
		}
		old := d.entryByID(e.ID)
		if old == nil {
			for _, k := range dead {
				if !again && k.CreatedAt.After(e.At) {
					e.At = k.CreatedAt
				}
			}
			old = d.append(e)
		}
		if old.What != e.What || old.Subject != e.Subject || old.Tenant != e.Tenant {
			return &hub.Error{Kind: hub.KindConflict, Op: "killing lots", Subject: e.ID}
		}
		stored = *old
		for _, k := range dead {
			if !k.CreatedAt.After(stored.At) {
				d.end(k.ID, false)
			}
		}
		return nil
	})
	return stored, err
}

// Note implements forget.Ledger.
func (m *Memory) Note(ctx context.Context, entries []forget.Entry) (all []forget.Entry, err error) {
	err = m.do(ctx, "Note", func(d *data) error {
		if all, err = d.write(entries, forget.Emptied); err == nil {
		}
		return err
	})
	return all, err
}

// Entries implements forget.Ledger.
func (m *Memory) Entries(ctx context.Context, after int64, limit int) (page []forget.Entry, err error) {
	err = m.do(ctx, "Entries", func(d *data) error {
		from := min(max(after, 0), int64(len(d.ledger)))
		page = slices.Clone(d.ledger[from:])
		page = page[:min(len(page), limit)]
		return nil
	})
	return page, err
}

// EntriesByID implements forget.Ledger.
func (m *Memory) EntriesByID(ctx context.Context, ids []string) (found map[string]forget.Entry, err error) {
	found = map[string]forget.Entry{}
	return found, m.do(ctx, "EntriesByID", func(d *data) error {
		for _, id := range ids {
			if e := d.entryByID(id); e != nil {
				found[id] = *e
			}
		}
		return nil
	})
}

// TagsOf implements forget.Ledger.
func (m *Memory) TagsOf(ctx context.Context, owners [][]byte) (list []gdpr.Tag, err error) {
	err = m.do(ctx, "TagsOf", func(d *data) error {
		for _, o := range owners {
			for _, link := range d.owned[string(o)] {
				list = append(list, cloneTag(d.tags[link]))
			}
		}
		return nil
	})
	return list, err
}

// Index implements forget.Ledger.
func (m *Memory) Index(ctx context.Context, from, below gdpr.Slot) (list []gdpr.Tag, err error) {
	err = m.do(ctx, "Index", func(d *data) error {
		list = d.sortedTags(func(t gdpr.Tag) bool { return t.Slot >= from && t.Slot < below })
		return nil
	})
	return list, err
}
