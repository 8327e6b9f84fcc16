package baseline

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// GroupCommit is the least that a group commit can be: copy under a lock, one write and one fdatasync for all that came
// meanwhile, one wake-up. Its files are written as zeros and synced before use, the next one while the active one fills.
// It keeps no length, checksum or index, so nothing could ever read what it wrote.
type GroupCommit struct {
	dir     string
	segment int64

	mu     sync.Mutex
	work   sync.Cond
	buf    []byte
	cur    *commit
	closed bool
	ended  chan struct{}
	next   chan zeroed
	files  int
}

// commit is what one fdatasync covers.
type commit struct {
	done chan struct{}
	err  error
}

type zeroed struct {
	file *os.File
	err  error
}

// NewGroupCommit starts a loop over files of segment bytes in dir.
func NewGroupCommit(dir string, segment int64) (*GroupCommit, error) {
	g := &GroupCommit{dir: dir, segment: segment, cur: newCommit(), ended: make(chan struct{}), next: make(chan zeroed, 1)}
	g.work.L = &g.mu
	first := g.prepare()
	if first.err != nil {
		return nil, first.err
	}
	go func() { g.next <- g.prepare() }()
	go g.run(first.file)
	return g, nil
}

func newCommit() *commit { return &commit{done: make(chan struct{})} }

// prepare makes one zeroed, synced file.
func (g *GroupCommit) prepare() zeroed {
	g.files++
	f, err := Zeroed(filepath.Join(g.dir, strconv.Itoa(g.files)), g.segment)
	return zeroed{f, err}
}

// Append returns when p is durable.
func (g *GroupCommit) Append(p []byte) error {
	g.mu.Lock()
	if len(g.buf) == 0 {
		g.work.Signal()
	}
	g.buf = append(g.buf, p...)
	c := g.cur
	g.mu.Unlock()
	<-c.done
	return c.err
}

// Close ends the loop when everything appended is durable.
func (g *GroupCommit) Close() error {
	g.mu.Lock()
	g.closed = true
	g.work.Signal()
	g.mu.Unlock()
	<-g.ended
	spare := <-g.next
	if spare.err != nil {
		return spare.err
	}
	return spare.file.Close()
}

func (g *GroupCommit) run(f *os.File) {
	defer close(g.ended)
	var spare []byte
	off := int64(0)
	for {
		g.mu.Lock()
		for len(g.buf) == 0 && !g.closed {
			g.work.Wait()
		}
		buf, c := g.buf, g.cur
		g.buf, g.cur = spare[:0], newCommit()
		g.mu.Unlock()
		if len(buf) == 0 {
			f.Close()
			return
		}
		if off+int64(len(buf)) > g.segment {
			f.Close()
			fresh := <-g.next
			if f, off = fresh.file, 0; fresh.err != nil {
				c.err = fresh.err
			}
			go func() { g.next <- g.prepare() }()
		}
		if c.err == nil {
			c.err = write(f, buf, off)
		}
		off += int64(len(buf))
		spare = buf
		close(c.done)
	}
}

// write is one write and one fdatasync.
func write(f *os.File, buf []byte, off int64) error {
	if _, err := f.WriteAt(buf, off); err != nil {
		return err
	}
	return syscall.Fdatasync(int(f.Fd()))
}

// Zeroed makes a file of size bytes, all zero and synced, name included.
func Zeroed(path string, size int64) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	zeros := make([]byte, 1<<20)
	for off := int64(0); off < size; off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(size-off, int64(len(zeros)))], off); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	if err := f.Sync(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, errors.Join(dir.Sync(), dir.Close())
}

// SyncEach is a log that syncs each record by itself, over one zeroed file that it starts again at its end.
type SyncEach struct {
	file      *os.File
	off, size int64
}

// NewSyncEach makes the file.
func NewSyncEach(dir string, size int64) (*SyncEach, error) {
	f, err := Zeroed(filepath.Join(dir, "each"), size)
	return &SyncEach{file: f, size: size}, err
}

// Append returns when p is durable. One goroutine may call it.
func (s *SyncEach) Append(p []byte) error {
	if s.off+int64(len(p)) > s.size {
		s.off = 0
	}
	err := write(s.file, p, s.off)
	s.off += int64(len(p))
	return err
}

// Close closes the file.
func (s *SyncEach) Close() error { return s.file.Close() }
