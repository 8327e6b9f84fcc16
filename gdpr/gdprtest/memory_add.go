package gdprtest

import (
	"context"
	"slices"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// Add implements gdpr.Vault.
func (m *Memory) Add(ctx context.Context, revision int64, a gdpr.Addition) (added gdpr.Added, err error) {
	err = m.do(ctx, "Add", func(d *data) error {
		if d.revision != revision {
			return &hub.Error{Kind: hub.KindConflict, Code: gdpr.CodeKeyringStale, Op: opAdd}
		}
		p := addition{d: d, keys: map[string]gdpr.WrappedKey{}, ids: map[string]string{}, tags: map[string]gdpr.Tag{}, owners: map[string]bool{}}
		if err := p.plan(a); err != nil {
			return err
		}
		p.apply()
		added = d.added(a)
		return nil
	})
	return added, err
}

const opAdd = "adding keys"

// addition is what a call will add: what is refused half way leaves nothing behind.
type addition struct {
	d      *data
	keys   map[string]gdpr.WrappedKey // by id
	ids    map[string]string          // by tag
	tags   map[string]gdpr.Tag        // by link
	owners map[string]bool            // of new identities
}

func (p *addition) plan(a gdpr.Addition) error {
	for _, s := range a.Subjects {
		if s.Key.Kind != gdpr.KindSubject || !s.Identity.Identity {
			return hub.Errorf(hub.KindInvalid, opAdd, "a subject is a person's key with its identity")
		}
		if p.linked(s.Identity.Link) {
			continue
		}
		if p.d.entry(s.Key.ID, forget.Fenced) != nil || p.d.entry(s.Key.ID, forget.Killed) != nil {
			return &hub.Error{Kind: hub.KindConflict, Code: gdpr.CodeSubjectFenced, Op: opAdd, Subject: s.Key.ID}
		}
		if p.tagged(s.Key.Tag) {
			return taken(s.Key.ID)
		}
		if err := p.key(s.Key); err != nil {
			return err
		}
		p.tags[string(s.Identity.Link)], p.owners[string(s.Identity.Owner)] = s.Identity, true
	}
	for _, k := range a.Keys {
		if k.Kind == gdpr.KindSubject {
			return hub.Errorf(hub.KindInvalid, opAdd, "a person's key comes with its identity")
		}
		if err := p.key(k); err != nil {
			return err
		}
	}
	for _, t := range a.Tags {
		if t.Identity {
			return hub.Errorf(hub.KindInvalid, opAdd, "an identity comes with its subject")
		}
		if !p.linked(t.Link) && p.identified(t.Owner) {
			p.tags[string(t.Link)] = t
		}
	}
	return nil
}

func (p *addition) linked(link []byte) bool {
	_, old := p.d.tags[string(link)]
	_, fresh := p.tags[string(link)]
	return old || fresh
}

func (p *addition) tagged(tag []byte) bool {
	_, old := p.d.ids[string(tag)]
	_, fresh := p.ids[string(tag)]
	return old || fresh
}

// identified reports whether an owner has an identity: who has none is found by nothing.
func (p *addition) identified(owner []byte) bool {
	return p.owners[string(owner)] ||
		slices.ContainsFunc(p.d.owned[string(owner)], func(link string) bool { return p.d.tags[link].Identity })
}

func (p *addition) key(k gdpr.WrappedKey) error {
	if p.tagged(k.Tag) {
		return nil
	}
	_, old := p.d.keys[k.ID]
	if _, fresh := p.keys[k.ID]; old || fresh {
		return taken(k.ID)
	}
	p.keys[k.ID], p.ids[string(k.Tag)] = k, k.ID
	return nil
}

func taken(id string) error { return &hub.Error{Kind: hub.KindConflict, Op: opAdd, Subject: id} }

func (p *addition) apply() {
	for id, k := range p.keys {
		p.d.keys[id], p.d.ids[string(k.Tag)] = keyRow{WrappedKey: cloneKey(k)}, id
	}
	for _, t := range p.tags {
		p.d.putTag(t)
	}
}

// added is what is stored of an addition.
func (d *data) added(a gdpr.Addition) gdpr.Added {
	all := gdpr.Added{Identities: map[string]gdpr.Tag{}, Keys: map[string]gdpr.WrappedKey{}}
	for _, s := range a.Subjects {
		all.Identities[string(s.Identity.Link)] = cloneTag(d.tags[string(s.Identity.Link)])
	}
	for _, k := range a.Keys {
		all.Keys[string(k.Tag)] = cloneKey(d.keys[d.ids[string(k.Tag)]].WrappedKey)
	}
	return all
}
