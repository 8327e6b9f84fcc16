package waltest

import (
	"io"
	"io/fs"
	"syscall"
)

// file is an open file; CrashFS.mu guards it.
type file struct {
	fs     *CrashFS
	node   *inode
	name   string
	closed bool
}

// lock gives the error of a closed file.
func (f *file) lock() (unlock func(), err error) {
	f.fs.mu.Lock()
	if f.closed {
		err = pathError("use", f.name, fs.ErrClosed)
	}
	return f.fs.mu.Unlock, err
}

func (f *file) ReadAt(b []byte, off int64) (int, error) {
	unlock, err := f.lock()
	defer unlock()
	if err != nil {
		return 0, err
	}
	if off >= int64(len(f.node.live)) {
		return 0, io.EOF
	}
	n := copy(b, f.node.live[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(b []byte, off int64) (int, error) {
	unlock, err := f.lock()
	defer unlock()
	if err != nil {
		return 0, err
	}
	c := f.fs
	fault := c.begin(Write, f.name)
	if c.rand.IntN(8) == 0 {
		f.node.writeBack(c.rand)
	}
	part := c.fitting(f.node, off, len(b))
	if fault == NoSpace && part == len(b) {
		part = c.rand.IntN(len(b) + 1)
	}
	switch {
	case fault == Failed || fault == Dead:
		return 0, pathError(Write, f.name, syscall.EIO)
	case fault == NoSpace || part < len(b):
		f.node.write(b[:part], off)
		return part, pathError(Write, f.name, syscall.ENOSPC)
	case fault == Done:
		f.node.write(b, off)
		return 0, pathError(Write, f.name, syscall.EIO)
	}
	f.node.write(b, off)
	return len(b), nil
}

// fitting is how many of n bytes at off there is room for.
func (c *CrashFS) fitting(node *inode, off int64, n int) int {
	if c.room == 0 {
		return n
	}
	most := int64(len(node.live)) + max(0, c.room-c.used()) - off
	return int(max(0, min(int64(n), most)))
}

func (f *file) Preallocate(n int64) error {
	unlock, err := f.lock()
	defer unlock()
	if err != nil {
		return err
	}
	c := f.fs
	if c.fitting(f.node, 0, int(n)) < int(n) {
		c.begin(Preallocate, f.name)
		return pathError(Preallocate, f.name, syscall.ENOSPC)
	}
	return c.change(Preallocate, f.name, func() { f.node.grow(n) })
}

func (f *file) Size() (int64, error) {
	unlock, err := f.lock()
	defer unlock()
	return int64(len(f.node.live)), err
}

func (f *file) Sync() error {
	unlock, err := f.lock()
	defer unlock()
	if err != nil {
		return err
	}
	c := f.fs
	switch c.begin(Sync, f.name) {
	case NoSpace:
		f.node.drop(c.rand)
		return pathError(Sync, f.name, syscall.ENOSPC)
	case Failed:
		f.node.drop(c.rand)
		return pathError(Sync, f.name, syscall.EIO)
	case Dead:
		return pathError(Sync, f.name, syscall.EIO)
	case Done:
		f.node.sync()
		return pathError(Sync, f.name, syscall.EIO)
	}
	f.node.sync()
	return nil
}

func (f *file) Close() error {
	unlock, err := f.lock()
	defer unlock()
	f.closed = true
	return err
}
