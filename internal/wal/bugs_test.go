package wal_test

import (
	"strings"
	"sync/atomic"

	"hub/internal/wal"
)

// bugFS changes, once on is set, what syncing does to the files whose name
// contains only.
type bugFS struct {
	wal.FS
	on      *atomic.Bool
	only    string
	sync    func(wal.File) error
	syncDir func(string) error
	before  func() // runs before each write and sync
}

type bugFile struct {
	wal.File
	fs *bugFS
}

func (b *bugFS) Create(name string) (wal.File, error) {
	f, err := b.FS.Create(name)
	return b.file(name, f, err)
}

func (b *bugFS) Open(name string) (wal.File, error) {
	f, err := b.FS.Open(name)
	return b.file(name, f, err)
}

func (b *bugFS) file(name string, f wal.File, err error) (wal.File, error) {
	if err != nil || !strings.Contains(name, b.only) {
		return f, err
	}
	return bugFile{f, b}, nil
}

func (b *bugFS) SyncDir(dir string) error {
	if b.syncDir == nil || !b.on.Load() {
		return b.FS.SyncDir(dir)
	}
	return b.syncDir(dir)
}

func (f bugFile) WriteAt(p []byte, off int64) (int, error) {
	if f.fs.before != nil {
		f.fs.before()
	}
	return f.File.WriteAt(p, off)
}

func (f bugFile) Sync() error {
	if f.fs.before != nil {
		f.fs.before()
	}
	if f.fs.sync == nil || !f.fs.on.Load() {
		return f.File.Sync()
	}
	return f.fs.sync(f.File)
}

func noSync(only string) func(*bugFS) {
	return func(b *bugFS) {
		b.only = only
		b.sync = func(wal.File) error { return nil }
	}
}

func noSyncDir(b *bugFS) { b.syncDir = func(string) error { return nil } }

func retrySync(b *bugFS) {
	b.only = segments
	b.sync = func(f wal.File) error {
		if f.Sync() != nil {
			return f.Sync()
		}
		return nil
	}
}

// lateSync answers at once and syncs before the next write or sync.
func lateSync(b *bugFS) {
	late := make(chan wal.File, 64)
	b.only = segments
	b.sync = func(f wal.File) error { late <- f; return nil }
	b.before = func() {
		for {
			select {
			case f := <-late:
				_ = f.Sync()
			default:
				return
			}
		}
	}
}
