package wal

import "io"

// FS is the file system under a log. Names are paths as filepath.Join makes
// them. Implementations are safe for concurrent use.
type FS interface {
	Files
	Dirs
}

// Files makes and moves files. A created, renamed or removed name is durable
// only after SyncDir of its directory.
type Files interface {
	// Create opens name for reading and writing and empties it if it exists.
	Create(name string) (File, error)
	// Open opens an existing file for reading and writing; fs.ErrNotExist if absent.
	Open(name string) (File, error)
	// Rename replaces newName in one step.
	Rename(oldName, newName string) error
	// Remove deletes a file; fs.ErrNotExist if absent.
	Remove(name string) error
}

// Dirs works on directories.
type Dirs interface {
	// MkdirAll makes dir and its parents; what it made is durable on return.
	MkdirAll(dir string) error
	// List gives the base names of the files in dir, sorted.
	List(dir string) ([]string, error)
	// SyncDir makes the entries of dir durable.
	SyncDir(dir string) error
}

// File is one open file. ReadAt, WriteAt and Close may run concurrently; what
// runs after Close fails with fs.ErrClosed.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Durable
}

// Durable is the part of a File that deals with space and the disk.
type Durable interface {
	// Size is the length in bytes.
	Size() (int64, error)
	// Preallocate reserves space for n bytes from the start of the file, or
	// does nothing where the system cannot. It promises nothing about content.
	Preallocate(n int64) error
	// Sync makes content and length durable (fdatasync). After an error the
	// unsynced writes may be lost although they can still be read.
	Sync() error
}
