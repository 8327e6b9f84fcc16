package gdprtest

import (
	"maps"
	"slices"

	"hub/gdpr"
)

// Calls counts what a gdpr.Vault was asked. Two can be compared.
type Calls struct{ ByTag, ByID, Links, Tagged, Tombstones, Add, Poll, Keyrings, PutKeyring int }

// Calls returns what the vault was asked so far.
func (m *Memory) Calls() Calls {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.calls
	return Calls{
		ByTag: c["ByTag"], ByID: c["ByID"], Links: c["Links"], Tagged: c["Tagged"], Tombstones: c["Tombstones"],
		Add: c["Add"], Poll: c["Poll"], Keyrings: c["Keyrings"], PutKeyring: c["PutKeyring"],
	}
}

// Faults has f asked around each call, before it (done is false) and after its success (done is true): its error is what
// the caller gets, so that both a lost call and one that happened and was reported as failed can be played. f runs under
// the vault's lock and must not call it. Nil ends the faults.
func (m *Memory) Faults(f func(method string, done bool) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = f
}

// Copy returns a vault of its own with the same content, as a backup.
func (m *Memory) Copy() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Memory{calls: map[string]int{}, d: m.d.clone()}
}

// Restore replaces the content by that of another vault, as restoring a backup would.
func (m *Memory) Restore(from *Memory) {
	copied := from.Copy()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.d = copied.d
}

// Destroy deletes the keys with these ids behind everybody's back: no entry of the ledger names them.
func (m *Memory) Destroy(ids ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		m.d.drop(id)
	}
}

func (d *data) drop(id string) {
	if k, ok := d.keys[id]; ok {
		delete(d.ids, string(k.Tag))
		delete(d.keys, id)
	}
}

// LoseLedger forgets all entries, as an old copy has none yet. What they ended stays ended.
func (m *Memory) LoseLedger() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.d.ledger, m.d.places = nil, map[string]int{}
}

// Replace overwrites the row that has the id of k, as damage or a hostile administrator would.
func (m *Memory) Replace(k gdpr.WrappedKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	counted := m.d.keys[k.ID].counted
	m.d.drop(k.ID)
	m.d.keys[k.ID], m.d.ids[string(k.Tag)] = keyRow{cloneKey(k), counted}, k.ID
}

// Soil makes a slot dirty, as if something had died in it.
func (m *Memory) Soil(slot gdpr.Slot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.d.soil(slot)
}

// ReplaceTag overwrites the tag that has the link of t.
func (m *Memory) ReplaceTag(t gdpr.Tag) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.d.putTag(t)
}

// All returns every key, by id.
func (m *Memory) All() (all []gdpr.WrappedKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(m.d.keys)) {
		all = append(all, cloneKey(m.d.keys[id].WrappedKey))
	}
	return all
}

// Tags returns every tag, by link.
func (m *Memory) Tags() []gdpr.Tag {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.d.sortedTags(func(gdpr.Tag) bool { return true })
}
