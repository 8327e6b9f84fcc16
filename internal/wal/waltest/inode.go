package waltest

import (
	"math/rand/v2"
	"slices"
)

const sector = 512

// inode is the content of a file, in memory and on disk.
type inode struct {
	live  []byte
	disk  []byte
	dirty []bool // by sector of live
	grown bool   // live is longer and nothing said so to the disk
}

func (n *inode) grow(size int64) {
	if size <= int64(len(n.live)) {
		return
	}
	n.live = append(n.live, make([]byte, size-int64(len(n.live)))...)
	for int64(len(n.dirty))*sector < size {
		n.dirty = append(n.dirty, false)
	}
	n.grown = true
}

func (n *inode) write(b []byte, off int64) {
	if len(b) == 0 {
		return
	}
	n.grow(off + int64(len(b)))
	copy(n.live[off:], b)
	for s := off / sector; s <= (off+int64(len(b))-1)/sector; s++ {
		n.dirty[s] = true
	}
}

// store puts one sector on disk.
func (n *inode) store(s int) {
	from, to := s*sector, min((s+1)*sector, len(n.live))
	if len(n.disk) < to {
		n.disk = append(n.disk, make([]byte, to-len(n.disk))...)
	}
	copy(n.disk[from:to], n.live[from:to])
	n.dirty[s] = false
}

// writeBack stores some dirty sectors, as a kernel does when it likes.
func (n *inode) writeBack(r *rand.Rand) {
	for s, dirty := range n.dirty {
		if dirty && r.IntN(2) == 0 {
			n.store(s)
		}
	}
}

func (n *inode) sync() {
	for s, dirty := range n.dirty {
		if dirty {
			n.store(s)
		}
	}
	if n.grown {
		n.disk = append(n.disk, make([]byte, max(0, len(n.live)-len(n.disk)))...)
		n.grown = false
	}
}

// drop is a failed fsync: some sectors may be stored, the others are called
// clean, and memory forgets them now or keeps showing them.
func (n *inode) drop(r *rand.Rand) {
	keep, forget := r.IntN(4) == 0, r.IntN(2) == 0
	for s, dirty := range n.dirty {
		if !dirty {
			continue
		}
		if keep && r.IntN(2) == 0 {
			n.store(s)
			continue
		}
		n.dirty[s] = false
		from, to := s*sector, min((s+1)*sector, len(n.live))
		if forget {
			clear(n.live[from:to])
			if from < len(n.disk) {
				copy(n.live[from:to], n.disk[from:])
			}
		}
	}
	n.grown = false
}

func (n *inode) clone() *inode {
	return &inode{slices.Clone(n.live), slices.Clone(n.disk), slices.Clone(n.dirty), n.grown}
}
