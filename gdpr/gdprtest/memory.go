// Package gdprtest has what tests of sealing and of forgetting need: the suites that every gdpr.Vault, forget.Ledger and
// forget.Cycles pass, and a vault in memory that passes them too, can fail on demand and can be put back to an older state.
//
// The vault in memory loses everything with the process, so it is for tests only.
package gdprtest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// Memory is gdpr.Vault, forget.Ledger and forget.Cycles in memory. It counts calls, so that tests can tell how often the
// vault was asked.
type Memory struct {
	mu     sync.Mutex
	d      data
	calls  map[string]int
	faults func(method string, done bool) error
}

var (
	_ gdpr.Vault    = (*Memory)(nil)
	_ forget.Ledger = (*Memory)(nil)
	_ forget.Cycles = (*Memory)(nil)
)

// data is what a database would hold.
type data struct {
	keys   map[string]keyRow   // by id
	ids    map[string]string   // by tag
	tags   map[string]gdpr.Tag // by link
	owned  map[string][]string // links, by owner
	stones map[string]forget.Tombstone

	revision   int64
	generation int
	keyrings   []gdpr.SealedKeyring // ascending

	ledger []forget.Entry // by number − 1
	places map[string]int // in the ledger, by id and by kind and subject
	dirty  map[gdpr.Slot]mark
	census map[gdpr.Slot]forget.Census
	ended  map[string]gdpr.Slot // keys that a census counted and the ledger ended

	cycles []forget.Cycle // by number − 1
	hubs   map[string]forget.Hub
	leader string
	epoch  int64
	until  time.Time
}

// keyRow is a key with whether the census of its slot counted it.
type keyRow struct {
	gdpr.WrappedKey
	counted bool
}

// mark says why a slot is dirty.
type mark struct {
	number int64 // newest entry of the ledger when something died in it
	cycle  int64 // that ran then
}

// NewMemory returns an empty vault.
func NewMemory() *Memory {
	return &Memory{calls: map[string]int{}, d: data{
		keys: map[string]keyRow{}, ids: map[string]string{}, tags: map[string]gdpr.Tag{}, owned: map[string][]string{}, stones: map[string]forget.Tombstone{},
		places: map[string]int{}, dirty: map[gdpr.Slot]mark{}, census: map[gdpr.Slot]forget.Census{}, ended: map[string]gdpr.Slot{}, hubs: map[string]forget.Hub{},
	}}
}

// do runs one method under the lock.
func (m *Memory) do(ctx context.Context, method string, f func(*data) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[method]++
	if m.faults != nil {
		if err := m.faults(method, false); err != nil {
			return err
		}
	}
	err := f(&m.d)
	if err == nil && m.faults != nil {
		err = m.faults(method, true)
	}
	return err
}

// ByTag implements gdpr.Vault.
func (m *Memory) ByTag(ctx context.Context, tags [][]byte) (found map[string]gdpr.WrappedKey, err error) {
	found = map[string]gdpr.WrappedKey{}
	return found, m.do(ctx, "ByTag", func(d *data) error {
		for _, tag := range tags {
			if id, ok := d.ids[string(tag)]; ok {
				found[string(tag)] = cloneKey(d.keys[id].WrappedKey)
			}
		}
		return nil
	})
}

// ByID implements gdpr.Vault.
func (m *Memory) ByID(ctx context.Context, ids []string) (found map[string]gdpr.WrappedKey, err error) {
	found = map[string]gdpr.WrappedKey{}
	return found, m.do(ctx, "ByID", func(d *data) error {
		for _, id := range ids {
			if k, ok := d.keys[id]; ok {
				found[id] = cloneKey(k.WrappedKey)
			}
		}
		return nil
	})
}

// Links implements gdpr.Vault.
func (m *Memory) Links(ctx context.Context, links []gdpr.Link) (found map[string]gdpr.Tag, err error) {
	found = map[string]gdpr.Tag{}
	return found, m.do(ctx, "Links", func(d *data) error {
		for _, link := range links {
			if t, ok := d.tags[string(link.Link)]; ok && t.Slot == link.Slot {
				found[string(link.Link)] = cloneTag(t)
			}
		}
		return nil
	})
}

// Tagged implements gdpr.Vault.
func (m *Memory) Tagged(ctx context.Context, slot gdpr.Slot, tag, after []byte, limit int) (page []gdpr.Tag, err error) {
	err = m.do(ctx, "Tagged", func(d *data) error {
		page = d.sortedTags(func(t gdpr.Tag) bool {
			return t.Slot == slot && bytes.Equal(t.Tag, tag) && bytes.Compare(t.Link, after) > 0
		})
		page = page[:min(len(page), limit)]
		return nil
	})
	return page, err
}

// sortedTags returns copies of the tags that match, in the order of their links.
func (d *data) sortedTags(match func(gdpr.Tag) bool) (list []gdpr.Tag) {
	for _, t := range d.tags {
		if match(t) {
			list = append(list, cloneTag(t))
		}
	}
	slices.SortFunc(list, func(a, b gdpr.Tag) int { return bytes.Compare(a.Link, b.Link) })
	return list
}

func (d *data) putTag(t gdpr.Tag) {
	d.dropTag(string(t.Link))
	d.tags[string(t.Link)] = cloneTag(t)
	d.owned[string(t.Owner)] = append(d.owned[string(t.Owner)], string(t.Link))
}

func (d *data) dropTag(link string) {
	t, ok := d.tags[link]
	if !ok {
		return
	}
	delete(d.tags, link)
	owner := string(t.Owner)
	d.owned[owner] = slices.DeleteFunc(d.owned[owner], func(l string) bool { return l == link })
	if len(d.owned[owner]) == 0 {
		delete(d.owned, owner)
	}
}

// Tombstones implements gdpr.Vault.
func (m *Memory) Tombstones(ctx context.Context, hashes [][]byte, now time.Time) (found map[string]time.Time, err error) {
	found = map[string]time.Time{}
	return found, m.do(ctx, "Tombstones", func(d *data) error {
		for _, h := range hashes {
			if s, ok := d.stones[string(h)]; ok && s.Expires.After(now) {
				found[string(h)] = s.At
			}
		}
		return nil
	})
}

// maxEnded is how many ended keys a poll lists.
const maxEnded = 1000

// Poll implements gdpr.Vault.
func (m *Memory) Poll(ctx context.Context, ledger int64) (s gdpr.State, err error) {
	err = m.do(ctx, "Poll", func(d *data) error {
		s = gdpr.State{Revision: d.revision, Generation: d.generation, Ledger: int64(len(d.ledger))}
		if ledger > s.Ledger {
			s.Gap = true
			return nil
		}
		ended := map[string]bool{}
		for _, e := range d.ledger[ledger:] {
			switch {
			case e.What == forget.Emptied:
			case isPerson(e.Subject), isCredential(e.Subject):
				ended[string(e.Subject)] = true
			default:
				s.Gap = true
			}
		}
		if s.Gap = s.Gap || len(ended) > maxEnded; !s.Gap {
			s.Ended = slices.Sorted(maps.Keys(ended))
		}
		return nil
	})
	return s, err
}

// Keyrings implements gdpr.Vault.
func (m *Memory) Keyrings(ctx context.Context) (all []gdpr.SealedKeyring, err error) {
	err = m.do(ctx, "Keyrings", func(d *data) error {
		for _, k := range d.keyrings {
			k.Blob = bytes.Clone(k.Blob)
			all = append(all, k)
		}
		return nil
	})
	return all, err
}

// PutKeyring implements gdpr.Vault.
func (m *Memory) PutKeyring(ctx context.Context, revision int64, k gdpr.SealedKeyring) error {
	return m.do(ctx, "PutKeyring", func(d *data) error { return d.putKeyring(revision, k) })
}

func (d *data) putKeyring(revision int64, k gdpr.SealedKeyring) error {
	const op = "storing keyring"
	if d.revision != revision {
		return &hub.Error{Kind: hub.KindConflict, Code: gdpr.CodeKeyringStale, Op: op}
	}
	if k.Revision != revision+1 {
		return hub.Errorf(hub.KindInvalid, op, "its revision is not the next one")
	}
	k.Blob = bytes.Clone(k.Blob)
	all := slices.DeleteFunc(slices.Clone(d.keyrings), func(o gdpr.SealedKeyring) bool { return o.Generation == k.Generation })
	all = append(all, k)
	slices.SortFunc(all, func(a, b gdpr.SealedKeyring) int { return a.Generation - b.Generation })
	d.keyrings, d.revision, d.generation = all, revision+1, all[len(all)-1].Generation
	return nil
}

func cloneKey(k gdpr.WrappedKey) gdpr.WrappedKey {
	k.Tag, k.Wrapped = bytes.Clone(k.Tag), bytes.Clone(k.Wrapped)
	return k
}

func cloneTag(t gdpr.Tag) gdpr.Tag {
	t.Link, t.Tag, t.Owner, t.Sealed = bytes.Clone(t.Link), bytes.Clone(t.Tag), bytes.Clone(t.Owner), bytes.Clone(t.Sealed)
	return t
}

// clone copies everything.
func (d data) clone() data {
	d.keys, d.ids, d.tags, d.stones = maps.Clone(d.keys), maps.Clone(d.ids), maps.Clone(d.tags), maps.Clone(d.stones)
	d.places, d.owned = maps.Clone(d.places), maps.Clone(d.owned)
	for o, links := range d.owned {
		d.owned[o] = slices.Clone(links)
	}
	d.keyrings, d.ledger, d.cycles = slices.Clone(d.keyrings), slices.Clone(d.ledger), slices.Clone(d.cycles)
	d.dirty, d.census, d.ended, d.hubs = maps.Clone(d.dirty), maps.Clone(d.census), maps.Clone(d.ended), maps.Clone(d.hubs)
	return d
}
