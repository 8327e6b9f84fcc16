package waltest

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// luck is how much of what was not synced a crash spares.
type luck int

const (
	nothing luck = iota
	everything
	some
	lucks
)

func (l luck) spares(r *rand.Rand) bool {
	return l == everything || (l == some && r.IntN(2) == 0)
}

// Crash gives the file system as it may be found after a power cut now. The
// receiver goes on as if nothing had happened.
func (c *CrashFS) Crash() *CrashFS {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.crash()
}

func (c *CrashFS) crash() *CrashFS {
	after := New(c.rand.Uint64())
	names := maps.Clone(c.disk)
	l := luck(c.rand.IntN(int(lucks)))
	for _, e := range c.pending {
		if l.spares(c.rand) {
			e.apply(names)
		}
	}
	l = luck(c.rand.IntN(int(lucks)))
	for _, name := range sorted(names) {
		content := names[name].survive(l, c.rand)
		node := &inode{live: content, disk: slices.Clone(content), dirty: make([]bool, (len(content)+sector-1)/sector)}
		after.live[name], after.disk[name] = node, node
	}
	return after
}

// survive gives what is on disk after a crash.
func (n *inode) survive(l luck, r *rand.Rand) []byte {
	found := n.clone()
	if n.grown && l.spares(r) {
		found.disk = append(found.disk, make([]byte, max(0, len(n.live)-len(n.disk)))...)
	}
	for s, dirty := range found.dirty {
		if dirty && l.spares(r) {
			found.store(s)
		}
	}
	return found.disk
}

// Kill gives the file system as the next process finds it when this one died
// now: memory and disk still differ. The receiver goes on by itself.
func (c *CrashFS) Kill() *CrashFS {
	c.mu.Lock()
	defer c.mu.Unlock()
	after := New(c.rand.Uint64())
	copies := map[*inode]*inode{nil: nil}
	copied := func(n *inode) *inode {
		if _, ok := copies[n]; !ok {
			copies[n] = n.clone()
		}
		return copies[n]
	}
	for name, n := range c.live {
		after.live[name] = copied(n)
	}
	for name, n := range c.disk {
		after.disk[name] = copied(n)
	}
	for _, e := range c.pending {
		after.pending = append(after.pending, entry{e.from, e.to, copied(e.node)})
	}
	return after
}

func sorted(names map[string]*inode) []string { return slices.Sorted(maps.Keys(names)) }
