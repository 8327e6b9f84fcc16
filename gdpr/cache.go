package gdpr

import (
	"container/list"
	"slices"
	"sync"
	"time"

	"hub"
)

// key is an opened key of the vault.
type key struct {
	id      string
	raw     [16]byte
	kind    Kind
	tenant  hub.TenantID
	tag     [32]byte
	expires Week      // of a lot
	secret  *[32]byte // behind a pointer for the reason given at Root
}

// cache holds the keys used last, found by id when opening and by name when sealing: a key of no person by its tag, a
// person by the inner hash of the identity, which no change of the keyring touches. It never holds that a key is missing:
// another hub may create it at any time.
//
// What was read from the vault before a key ended must not come in after that. So whoever reads takes the epoch first, and
// what comes with an old epoch is not held.
type cache struct {
	mu     sync.Mutex
	max    int
	epoch  uint64
	used   *list.List // of *cached, the last used in front
	byName map[[32]byte]*list.Element
	byID   map[string]*list.Element
}

// cached is one key of the cache. The fields after key are of a person whose identity is known.
type cached struct {
	key      *key
	name     [32]byte
	named    bool
	erasedAt time.Time             // when a person of this identity was erased before; zero: never
	linked   map[[32]byte]struct{} // inner hashes of identifiers that the vault's index has for the person
	rows     []*derived            // row keys of this person alone and one lot each
}

// mostLinked bounds what is remembered of one person; what is forgotten is added to the vault once more, to no effect.
const mostLinked = 16

func newCache(most int) *cache {
	c := &cache{max: most}
	c.empty()
	return c
}

func (c *cache) empty() {
	c.used, c.byName, c.byID = list.New(), map[[32]byte]*list.Element{}, map[string]*list.Element{}
}

// now returns the epoch.
func (c *cache) now() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

// named moves what it has of the wanted keys into found and returns what is missing.
func (c *cache) named(wants map[[32]byte]want, found map[[32]byte]*key) (missing []want, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for tag, w := range wants {
		if e := c.use(c.byName[tag]); e != nil {
			found[tag] = e.key
			continue
		}
		missing = append(missing, w)
	}
	return missing, c.epoch
}

// ids moves what it has of the keys into found and returns the ids that are missing, sorted.
func (c *cache) ids(wanted map[string]bool, found map[string]*key) (missing []string, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range wanted {
		if e := c.use(c.byID[id]); e != nil {
			found[id] = e.key
			continue
		}
		missing = append(missing, id)
	}
	slices.Sort(missing)
	return missing, c.epoch
}

// fill puts the keys that it has of those that the envelopes name into keys, one after the other, and reports whether these are
// all.
func (c *cache) fill(keys []*key, list []envelope) (all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all = true
	var text [64]byte // a look into the map makes no string of it
	for _, e := range list {
		for i := range e.ids {
			if held := c.use(c.byID[string(appendID(text[:0], e.kind(i).prefix(), e.raw(i)))]); held != nil {
				keys[i] = held.key
			} else {
				all = false
			}
		}
		keys = keys[e.ids:]
	}
	return all
}

// recall tells what it knows of a person: the key, when somebody of this identity was erased before, and of the wanted
// identifiers those that the index may lack.
func (c *cache) recall(inner [32]byte, wanted map[[32]byte]bool) (k *key, erasedAt time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.use(c.byName[inner])
	if e == nil {
		return nil, time.Time{}
	}
	for h := range e.linked {
		delete(wanted, h)
	}
	return e.key, e.erasedAt
}

func (c *cache) use(at *list.Element) *cached {
	if at == nil {
		return nil
	}
	c.used.MoveToFront(at)
	return at.Value.(*cached)
}

// add holds a key; one of no person also by its tag.
func (c *cache) add(k *key, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	if e := c.hold(k); k.kind != KindSubject {
		c.rename(e, k.tag)
	}
}

// learn holds a person with the identity and what the index has.
func (c *cache) learn(k *key, inner [32]byte, erasedAt time.Time, linked map[[32]byte]bool, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	at := c.hold(k)
	c.rename(at, inner)
	e := at.Value.(*cached)
	e.erasedAt = erasedAt
	if e.linked == nil || len(e.linked)+len(linked) > mostLinked {
		e.linked = make(map[[32]byte]struct{}, len(linked))
	}
	for h := range linked {
		e.linked[h] = struct{}{}
	}
}

func (c *cache) hold(k *key) *list.Element {
	if at := c.byID[k.id]; at != nil {
		c.used.MoveToFront(at)
		return at
	}
	at := c.used.PushFront(&cached{key: k})
	c.byID[k.id] = at
	if c.used.Len() > c.max {
		c.remove(c.used.Back())
	}
	return at
}

// rename has e found by a name, and by no other.
func (c *cache) rename(at *list.Element, name [32]byte) {
	e := at.Value.(*cached)
	if e.named && e.name != name {
		delete(c.byName, e.name)
	}
	if other := c.byName[name]; other != nil && other != at { // the vault has put somebody else there
		c.remove(other)
	}
	e.name, e.named = name, true
	c.byName[name] = at
}

func (c *cache) remove(at *list.Element) {
	e := c.used.Remove(at).(*cached)
	delete(c.byID, e.key.id)
	e.forget(nil)
	if e.key.kind == KindLot { // seldom: lots are used with every value
		for other := c.used.Front(); other != nil; other = other.Next() {
			other.Value.(*cached).forget(e.key)
		}
	}
	if e.named {
		delete(c.byName, e.name)
	}
}

// drop forgets keys that have ended.
func (c *cache) drop(ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(ids) > 0 {
		c.epoch++
	}
	for _, id := range ids {
		if at := c.byID[id]; at != nil {
			c.remove(at)
		}
	}
}

// clear forgets all keys.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	for at := c.used.Front(); at != nil; at = at.Next() {
		at.Value.(*cached).forget(nil)
	}
	c.empty()
}
