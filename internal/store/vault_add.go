package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"slices"

	"hub"
	"hub/gdpr"
)

const opAdd = "adding keys"

// Add implements gdpr.Vault. Rows are inserted in the order of their links and tags, so that two calls never wait for each
// other in a circle, and what somebody else inserts meanwhile runs the transaction again, which then finds it. The first
// try does not look whether a row exists: callers have looked, and the unique indexes tell.
func (v Vault) Add(ctx context.Context, revision int64, a gdpr.Addition) (added gdpr.Added, err error) {
	if err := checkAddition(a); err != nil {
		return gdpr.Added{}, err
	}
	trusting := v.s.cfg.Attempts > 1
	err = v.change(ctx, opAdd, v.forShare(), func(ctx context.Context, t *tx, st vaultState) (bool, error) {
		if st.revision != revision {
			return false, stale(opAdd)
		}
		p := adding{t: t, all: a, trusting: trusting}
		trusting = false
		err := p.run(ctx)
		added = p.added()
		return len(p.keys)+len(p.tags) > 0, err
	})
	if err != nil {
		return gdpr.Added{}, err
	}
	return added, nil
}

func checkAddition(a gdpr.Addition) error {
	for _, s := range a.Subjects {
		if s.Key.Kind != gdpr.KindSubject || !s.Identity.Identity {
			return hub.Errorf(hub.KindInvalid, opAdd, "a subject is a person's key with its identity")
		}
		if err := checkKey(opAdd, s.Key); err != nil {
			return err
		}
		if err := checkTag(opAdd, s.Identity); err != nil {
			return err
		}
	}
	for _, k := range a.Keys {
		if k.Kind == gdpr.KindSubject {
			return hub.Errorf(hub.KindInvalid, opAdd, "a person's key comes with its identity")
		}
		if err := checkKey(opAdd, k); err != nil {
			return err
		}
	}
	for _, tag := range a.Tags {
		if tag.Identity {
			return hub.Errorf(hub.KindInvalid, opAdd, "an identity comes with its subject")
		}
		if err := checkTag(opAdd, tag); err != nil {
			return err
		}
	}
	return nil
}

// adding is one addition in its transaction: what is there, and what is new.
type adding struct {
	t        *tx
	all      gdpr.Addition
	trusting bool // that no row exists

	links    map[string]gdpr.Tag        // stored, by link
	stored   map[string]gdpr.WrappedKey // by tag
	subjects []gdpr.WrappedKey          // new ones
	keys     []gdpr.WrappedKey          // all new ones
	tags     []gdpr.Tag                 // new ones
}

func (p *adding) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		p.readTags, p.newSubjects, p.neverEnded, p.newKeys, p.freeIDs, p.newTags, p.insert,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// readTags finds which links exist.
func (p *adding) readTags(ctx context.Context) error {
	p.links = make(map[string]gdpr.Tag, len(p.all.Subjects)+len(p.all.Tags))
	if p.trusting {
		return nil
	}
	links := make([]gdpr.Link, 0, len(p.all.Subjects)+len(p.all.Tags))
	for _, s := range p.all.Subjects {
		links = append(links, s.Identity.At())
	}
	for _, tag := range p.all.Tags {
		links = append(links, tag.At())
	}
	sel := p.t.d.dialect.byLink(opAdd)
	return p.t.find(ctx, sel, len(links), func(i int, r *row) { r.add(int64(links[i].Slot), notNull(links[i].Link)) }, func(r *sql.Rows) error {
		tag, err := scanTag(r)
		p.links[string(tag.Link)] = tag
		return err
	})
}

// newSubjects are those whose identity nobody has.
func (p *adding) newSubjects(context.Context) error {
	for _, s := range p.all.Subjects {
		if _, ok := p.links[string(s.Identity.Link)]; ok {
			continue
		}
		p.links[string(s.Identity.Link)] = s.Identity
		p.tags = append(p.tags, s.Identity)
		p.subjects = append(p.subjects, s.Key)
	}
	return nil
}

// neverEnded refuses subjects that the ledger knows: a caller who repeats an old call must not bring a person back. Ids
// begin with a time, so a new one is mostly greater than all that have ended.
func (p *adding) neverEnded(ctx context.Context) error {
	if len(p.subjects) == 0 {
		return nil
	}
	newest, ended := "", ""
	const query = "SELECT COALESCE(MAX(subject_id), '') FROM vault_ledger WHERE subject_id >= ? AND subject_id < ?"
	below := gdpr.SubjectPrefix[:len(gdpr.SubjectPrefix)-1] + string(gdpr.SubjectPrefix[len(gdpr.SubjectPrefix)-1]+1)
	err := p.t.query(ctx, opAdd, query, []any{gdpr.SubjectPrefix, below}, func(r *sql.Rows) error { return r.Scan(&newest) })
	if err != nil || !slices.ContainsFunc(p.subjects, func(k gdpr.WrappedKey) bool { return k.ID <= newest }) {
		return err
	}
	d := p.t.d.dialect
	sel := selection{op: opAdd, columns: "subject_id", table: "vault_ledger" + d.by(ledgerBySubject), keys: []string{"subject_id"}}
	err = p.t.find(ctx, sel, len(p.subjects), func(i int, r *row) { r.add(p.subjects[i].ID) }, func(r *sql.Rows) error { return r.Scan(&ended) })
	if err == nil && ended != "" {
		err = &hub.Error{Kind: hub.KindConflict, Code: gdpr.CodeSubjectFenced, Op: opAdd, Subject: ended}
	}
	return err
}

// newKeys are the new subjects' and those whose tag nobody has.
func (p *adding) newKeys(ctx context.Context) error {
	wanted := append(slices.Clone(p.subjects), p.all.Keys...)
	p.stored = make(map[string]gdpr.WrappedKey, len(wanted))
	look := len(wanted)
	if p.trusting {
		look = 0
	}
	err := p.t.find(ctx, keysBy(opAdd, "tag"), look, func(i int, r *row) { r.add(wanted[i].Tag) }, func(r *sql.Rows) error {
		k, err := scanKey(r)
		p.stored[string(k.Tag)] = k.WrappedKey
		return err
	})
	if err != nil {
		return err
	}
	for i, k := range wanted {
		_, exists := p.stored[string(k.Tag)]
		switch {
		case exists && i < len(p.subjects): // the same person under a second identity
			return taken(k.ID)
		case !exists:
			p.stored[string(k.Tag)] = k
			p.keys = append(p.keys, k)
		}
	}
	return nil
}

func taken(id string) error {
	return &hub.Error{Kind: hub.KindConflict, Code: CodeTaken, Op: opAdd, Subject: id}
}

// freeIDs is a conflict when an id exists under another tag, in the vault or in the call.
func (p *adding) freeIDs(ctx context.Context) error {
	seen := make(map[string]bool, len(p.keys))
	for _, k := range p.keys {
		if seen[k.ID] {
			return taken(k.ID)
		}
		seen[k.ID] = true
	}
	if p.trusting {
		return nil
	}
	other := ""
	byID := selection{op: opAdd, columns: "id", table: "vault_keys", keys: []string{"id"}}
	err := p.t.find(ctx, byID, len(p.keys), func(i int, r *row) { r.add(p.keys[i].ID) }, func(r *sql.Rows) error { return r.Scan(&other) })
	if err == nil && other != "" {
		err = taken(other)
	}
	return err
}

// newTags are those of persons who have an identity: a fence removes it, and who lost it, or never got it, is found by
// nothing.
func (p *adding) newTags(ctx context.Context) error {
	known := map[string]bool{} // owners, and whether they have an identity
	for _, tag := range p.links {
		if tag.Identity {
			known[string(tag.Owner)] = true
		}
	}
	var unknown [][]byte
	for _, tag := range p.all.Tags {
		_, exists := p.links[string(tag.Link)]
		if _, asked := known[string(tag.Owner)]; !exists && !asked {
			known[string(tag.Owner)] = false
			unknown = append(unknown, tag.Owner)
		}
	}
	d := p.t.d.dialect
	sel := selection{op: opAdd, columns: "owner", table: "vault_tags" + d.by(tagsByOwner), keys: []string{"owner"}, and: " AND identity = 1"}
	err := p.t.find(ctx, sel, len(unknown), func(i int, r *row) { r.add(unknown[i]) }, func(r *sql.Rows) error {
		var owner []byte
		err := r.Scan(&owner)
		known[string(owner)] = true
		return err
	})
	for _, tag := range p.all.Tags {
		if _, exists := p.links[string(tag.Link)]; !exists && known[string(tag.Owner)] {
			p.links[string(tag.Link)] = tag
			p.tags = append(p.tags, tag)
		}
	}
	return err
}

func (p *adding) insert(ctx context.Context) error {
	if err := p.t.insertTags(ctx, opAdd, p.tags); err != nil {
		return err
	}
	rows := make([]keyRow, len(p.keys))
	for i, k := range p.keys {
		rows[i] = keyRow{WrappedKey: k}
	}
	return p.t.insertKeys(ctx, opAdd, rows)
}

func (t *tx) insertTags(ctx context.Context, op string, tags []gdpr.Tag) error {
	sorted := slices.Clone(tags)
	slices.SortFunc(sorted, func(a, b gdpr.Tag) int {
		return cmp.Or(cmp.Compare(a.Slot, b.Slot), bytes.Compare(a.Link, b.Link))
	})
	in := insertion{op: op, table: "vault_tags", columns: tagColumns}
	return t.insert(ctx, in, len(sorted), func(i int, r *row) { fillTag(sorted[i], r) })
}

func (t *tx) insertKeys(ctx context.Context, op string, keys []keyRow) error {
	slices.SortFunc(keys, func(a, b keyRow) int { return bytes.Compare(a.Tag, b.Tag) })
	in := insertion{op: op, table: "vault_keys", columns: keyColumns}
	return t.insert(ctx, in, len(keys), func(i int, r *row) { keys[i].fill(r) })
}

// added is what is stored now, in slices of its own.
func (p *adding) added() gdpr.Added {
	a := gdpr.Added{Identities: map[string]gdpr.Tag{}, Keys: map[string]gdpr.WrappedKey{}}
	for _, s := range p.all.Subjects {
		tag := p.links[string(s.Identity.Link)]
		tag.Link, tag.Tag, tag.Owner, tag.Sealed = bytes.Clone(tag.Link), bytes.Clone(tag.Tag), bytes.Clone(tag.Owner), bytes.Clone(tag.Sealed)
		a.Identities[string(tag.Link)] = tag
	}
	for _, k := range p.all.Keys {
		k = p.stored[string(k.Tag)]
		k.Tag, k.Wrapped, k.CreatedAt = bytes.Clone(k.Tag), bytes.Clone(k.Wrapped), moment(micros(k.CreatedAt))
		a.Keys[string(k.Tag)] = k
	}
	return a
}
