// Package waltest is a file system in memory that loses what was not synced.
//
// CrashFS keeps, for each file and for the directory, what programs see (the
// page cache) apart from what a disk would hold. Crash gives the file system as
// it may be found after a power cut, Kill as it is found after the process
// alone died. Between fsyncs any set of 512-byte sectors may have reached the
// disk, in any order and at any age; so may any set of creations, renames and
// removals until the directory is synced, each rename as a whole. After a
// failed fsync the dirty sectors count as clean and are lost, as on Linux.
//
// It does not simulate sectors torn in the middle, bytes that rot, or entries
// that an fsync of the file happens to save on some file systems.
package waltest

import (
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"hub/internal/wal"
)

// Kind of a step: a call that changes something.
type Kind string

// The kinds of steps. Reading is none.
const (
	Create      Kind = "create"
	Write       Kind = "write"
	Preallocate Kind = "preallocate"
	Sync        Kind = "sync"
	Rename      Kind = "rename"
	Remove      Kind = "remove"
	SyncDir     Kind = "syncdir"
)

// Step is one call that changes something, numbered from 1.
type Step struct {
	N    int
	Kind Kind
	Name string // base name; the new one of a rename
}

// Fault is what goes wrong in a step.
type Fault int

// The faults.
const (
	None    Fault = iota
	NoSpace       // ENOSPC; a write may have stored a part
	Failed        // EIO and nothing done; a sync loses what was dirty
	Done          // EIO although everything was done
	Dead          // EIO, nothing done and nothing lost: for a process that is gone
)

// CrashFS implements wal.FS. Directories are taken for granted and durable.
type CrashFS struct {
	mu      sync.Mutex
	rand    *rand.Rand
	live    map[string]*inode
	disk    map[string]*inode
	pending []entry // changes of names that no SyncDir covered
	steps   int
	room    int64 // bytes all files may take, 0 for no limit
	plan    func(Step) Fault
	watch   func(Step, func() *CrashFS)
	faults  int
}

var _ wal.FS = (*CrashFS)(nil)

// entry is a change in a directory: to gets node (nil removes it), from loses it.
type entry struct {
	from, to string
	node     *inode
}

// New gives an empty file system whose choices follow from seed.
func New(seed uint64) *CrashFS {
	return &CrashFS{
		rand: rand.New(rand.NewPCG(seed, seed)),
		live: map[string]*inode{},
		disk: map[string]*inode{},
	}
}

// Plan has f decide the fault of each step from now on; nil ends all faults.
func (c *CrashFS) Plan(f func(Step) Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plan = f
}

// Watch has f called before each step takes effect, while the file system is
// locked; crash gives what Crash would.
func (c *CrashFS) Watch(f func(s Step, crash func() *CrashFS)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch = f
}

// SetRoom limits the bytes of all files; 0 lifts the limit.
func (c *CrashFS) SetRoom(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.room = n
}

// Used is how many bytes all files take.
func (c *CrashFS) Used() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used()
}

// Counts gives the number of steps and of faults so far.
func (c *CrashFS) Counts() (steps, faults int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.steps, c.faults
}

// begin counts a step and gives its fault; it needs mu.
func (c *CrashFS) begin(k Kind, name string) Fault {
	c.steps++
	s := Step{c.steps, k, filepath.Base(name)}
	if c.watch != nil {
		c.watch(s, c.crash)
	}
	if c.plan == nil {
		return None
	}
	f := c.plan(s)
	if f != None {
		c.faults++
	}
	return f
}

// change runs a step that either happens or does not.
func (c *CrashFS) change(k Kind, name string, do func()) error {
	switch c.begin(k, name) {
	case NoSpace:
		return pathError(k, name, syscall.ENOSPC)
	case Failed, Dead:
		return pathError(k, name, syscall.EIO)
	case Done:
		do()
		return pathError(k, name, syscall.EIO)
	}
	do()
	return nil
}

func pathError(k Kind, name string, err error) error {
	return &fs.PathError{Op: string(k), Path: filepath.Base(name), Err: err}
}

// Create implements wal.FS.
func (c *CrashFS) Create(name string) (wal.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	node := &inode{}
	err := c.change(Create, name, func() { c.enter(entry{to: name, node: node}) })
	if err != nil {
		return nil, err
	}
	return &file{fs: c, node: node, name: name}, nil
}

// Open implements wal.FS.
func (c *CrashFS) Open(name string) (wal.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	node := c.live[name]
	if node == nil {
		return nil, pathError("open", name, fs.ErrNotExist)
	}
	return &file{fs: c, node: node, name: name}, nil
}

// Rename implements wal.FS.
func (c *CrashFS) Rename(oldName, newName string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	node := c.live[oldName]
	if node == nil {
		return pathError(Rename, oldName, fs.ErrNotExist)
	}
	return c.change(Rename, newName, func() { c.enter(entry{from: oldName, to: newName, node: node}) })
}

// Remove implements wal.FS.
func (c *CrashFS) Remove(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live[name] == nil {
		return pathError(Remove, name, fs.ErrNotExist)
	}
	return c.change(Remove, name, func() { c.enter(entry{to: name}) })
}

// MkdirAll implements wal.FS.
func (c *CrashFS) MkdirAll(string) error { return nil }

// List implements wal.FS.
func (c *CrashFS) List(dir string) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for name := range c.live {
		if filepath.Dir(name) == filepath.Clean(dir) {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// SyncDir implements wal.FS.
func (c *CrashFS) SyncDir(dir string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.change(SyncDir, dir, func() {
		rest := c.pending[:0]
		for _, e := range c.pending {
			if filepath.Dir(e.to) != filepath.Clean(dir) {
				rest = append(rest, e)
				continue
			}
			e.apply(c.disk)
		}
		c.pending = rest
	})
}

// enter makes a change visible, but not durable.
func (c *CrashFS) enter(e entry) {
	e.apply(c.live)
	c.pending = append(c.pending, e)
}

// apply leaves the old name alone if something else is there by now, because
// changes may reach the disk out of order.
func (e entry) apply(names map[string]*inode) {
	if e.from != "" && names[e.from] == e.node {
		delete(names, e.from)
	}
	if e.node == nil {
		delete(names, e.to)
		return
	}
	names[e.to] = e.node
}

func (c *CrashFS) used() int64 {
	var n int64
	for _, node := range c.live {
		n += int64(len(node.live))
	}
	return n
}
