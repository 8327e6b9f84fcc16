package gdpr

import (
	"container/list"
	"sync"

	"hub"
)

// key is an opened key of the vault.
type key struct {
	id     string
	raw    [16]byte
	kind   Kind
	tenant hub.TenantID
	tag    [32]byte
	secret *[32]byte // behind a pointer for the reason given at Root
}

// cache holds the keys used last, found by tag when sealing and by id when opening. It never holds that a key is
// missing: another hub may create it at any time.
type cache struct {
	mu    sync.Mutex
	max   int
	used  *list.List // of *key, the last used in front
	byTag map[[32]byte]*list.Element
	byID  map[string]*list.Element
}

func newCache(most int) *cache {
	return &cache{max: most, used: list.New(), byTag: map[[32]byte]*list.Element{}, byID: map[string]*list.Element{}}
}

// tags moves what it has of the wanted keys into found and returns what is missing.
func (c *cache) tags(wants map[[32]byte]want, found map[[32]byte]*key) (missing []want) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for tag, w := range wants {
		if e := c.byTag[tag]; e != nil {
			c.used.MoveToFront(e)
			found[tag] = e.Value.(*key)
			continue
		}
		missing = append(missing, w)
	}
	return missing
}

// ids moves what it has of the keys into found and returns the ids that are missing.
func (c *cache) ids(wanted []string, found map[string]*key) (missing []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range wanted {
		if e := c.byID[id]; e != nil {
			c.used.MoveToFront(e)
			found[id] = e.Value.(*key)
			continue
		}
		missing = append(missing, id)
	}
	return missing
}

func (c *cache) add(k *key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byID[k.id]; e != nil {
		c.used.MoveToFront(e)
		return
	}
	e := c.used.PushFront(k)
	c.byTag[k.tag], c.byID[k.id] = e, e
	for c.used.Len() > c.max {
		oldest := c.used.Remove(c.used.Back()).(*key)
		delete(c.byTag, oldest.tag)
		delete(c.byID, oldest.id)
	}
}
