// Package gdprtest has what tests of sealing need: the suite that every gdpr.Vault passes, and a vault in memory that
// passes it too and lets a test destroy keys.
//
// The vault in memory loses everything with the process, so it is for tests only.
package gdprtest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"

	"hub"
	"hub/gdpr"
)

// Memory is a gdpr.Vault in memory. It counts calls, so that tests can tell how often the vault was asked.
type Memory struct {
	mu    sync.Mutex
	byTag map[string]gdpr.WrappedKey
	byID  map[string]string // the tag
	calls Calls
}

// Calls counts what a vault was asked.
type Calls struct{ ByTag, ByID, Add int }

// NewMemory returns an empty vault.
func NewMemory() *Memory {
	return &Memory{byTag: map[string]gdpr.WrappedKey{}, byID: map[string]string{}}
}

// ByTag implements gdpr.Vault.
func (m *Memory) ByTag(ctx context.Context, tags [][]byte) (map[string]gdpr.WrappedKey, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls.ByTag++
	found := make(map[string]gdpr.WrappedKey, len(tags))
	for _, tag := range tags {
		if k, ok := m.byTag[string(tag)]; ok {
			found[string(tag)] = clone(k)
		}
	}
	return found, nil
}

// ByID implements gdpr.Vault.
func (m *Memory) ByID(ctx context.Context, ids []string) (map[string]gdpr.WrappedKey, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls.ByID++
	found := make(map[string]gdpr.WrappedKey, len(ids))
	for _, id := range ids {
		if tag, ok := m.byID[id]; ok {
			found[id] = clone(m.byTag[tag])
		}
	}
	return found, nil
}

// Add implements gdpr.Vault.
func (m *Memory) Add(ctx context.Context, keys []gdpr.WrappedKey) (map[string]gdpr.WrappedKey, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls.Add++
	byTag, byID := maps.Clone(m.byTag), maps.Clone(m.byID)
	stored := make(map[string]gdpr.WrappedKey, len(keys))
	for _, k := range keys {
		tag := string(k.Tag)
		if _, ok := byTag[tag]; !ok {
			if _, taken := byID[k.ID]; taken {
				return nil, &hub.Error{Kind: hub.KindConflict, Op: "adding key", Subject: k.ID}
			}
			byTag[tag], byID[k.ID] = clone(k), tag
		}
		stored[tag] = clone(byTag[tag])
	}
	m.byTag, m.byID = byTag, byID
	return stored, nil
}

// Destroy deletes the keys with these ids, as an erasure will.
func (m *Memory) Destroy(ids ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		delete(m.byTag, m.byID[id])
		delete(m.byID, id)
	}
}

// Replace overwrites the row that has the id of k, as damage or a hostile administrator would.
func (m *Memory) Replace(k gdpr.WrappedKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byTag, m.byID[k.ID])
	m.byTag[string(k.Tag)], m.byID[k.ID] = clone(k), string(k.Tag)
}

// All returns every row, by id.
func (m *Memory) All() []gdpr.WrappedKey {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []gdpr.WrappedKey
	for _, id := range slices.Sorted(maps.Keys(m.byID)) {
		all = append(all, clone(m.byTag[m.byID[id]]))
	}
	return all
}

// Calls returns what the vault was asked so far.
func (m *Memory) Calls() Calls {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

func clone(k gdpr.WrappedKey) gdpr.WrappedKey {
	k.Tag, k.Wrapped = bytes.Clone(k.Tag), bytes.Clone(k.Wrapped)
	return k
}
