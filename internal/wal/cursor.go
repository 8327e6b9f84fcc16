package wal

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	cursorSuffix = ".cursor"
	markName     = "synced.mark"
	maxName      = 64
)

// Cursor remembers durably how far one consumer came. Its methods may be
// called from many goroutines.
type Cursor struct {
	log   *Log
	at    atomic.Uint64
	pos   atomic.Int64 // bytes of records up to at, about
	mu    sync.Mutex   // one Advance at a time
	slots *slots
}

// Cursor gives the cursor called name (1 to 64 of a-z, 0-9, '.', '_', '-').
// On first use it is made durable so that its consumer sees every record that is
// left and that not every cursor has passed: at Oldest()-1 or Consumed(), whichever
// is more. From then on Trim waits for it. Open all cursors before one advances:
// Consumed falls when a slower one joins.
func (l *Log) Cursor(name string) (*Cursor, error) {
	if !validName(name) {
		return nil, fmt.Errorf("opening a cursor: a name has 1 to %d of a-z, 0-9, '.', '_' and '-'", maxName)
	}
	l.trim.Lock() // so that Oldest stays
	defer l.trim.Unlock()
	l.mu.Lock()
	c, err, at := l.cursors[name], l.ended(), max(l.segs[0].first-1, l.consumed())
	l.mu.Unlock()
	if err != nil || c != nil {
		return c, err
	}
	s, fail := createSlots(l.fs, l.dir, name+cursorSuffix, at)
	if fail != nil {
		return nil, l.failure(fail)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c = l.newCursor(s)
	l.cursors[name] = c
	return c, nil
}

// newCursor needs mu.
func (l *Log) newCursor(s *slots) *Cursor {
	c := &Cursor{log: l, slots: s}
	c.moved(s.index)
	return c
}

func validName(name string) bool {
	return name != "" && len(name) <= maxName &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == ""
}

// failure turns a step that went wrong into the error of a call.
func (l *Log) failure(f *failure) error {
	if f.fatal {
		return l.halt(f.op, f.err)
	}
	return &refusal{op: f.op, err: f.err}
}

// At is the index of the last record consumed.
func (c *Cursor) At() Index { return Index(c.at.Load()) }

// Backlog is how many durable records and bytes lie behind the cursor. Bytes
// may be too high by up to 255 records, and are exact at 0.
func (c *Cursor) Backlog() (records uint64, bytes int64) {
	at, pos := c.at.Load(), c.pos.Load()
	synced := c.log.synced.Load()
	if synced <= at {
		return 0, 0
	}
	return synced - at, max(0, c.log.bytes.Load()-pos)
}

// Advance notes that everything up to and including to was consumed; call it
// only when the effect of those records is durable elsewhere. It is durable
// when nil is returned. ErrBackwards and ErrNotSynced change nothing; after
// another error the old or the new place is found by the next Open, so the
// consumer may see records again.
func (c *Cursor) Advance(to Index) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.check(to); err != nil {
		return fmt.Errorf("advancing a cursor to %d: %w", to, err)
	}
	if to == c.slots.index {
		return nil
	}
	if err := c.slots.put(to); err != nil {
		op := "writing " + c.slots.name
		if outOfSpace(err) {
			return &refusal{op: op, err: err, unknown: true}
		}
		return c.log.halt(op, err)
	}
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	c.moved(to)
	return nil
}

func (c *Cursor) check(to Index) error {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	if err := c.log.ended(); err != nil {
		return err
	}
	if to < c.slots.index {
		return ErrBackwards
	}
	if to > c.log.Synced() {
		return ErrNotSynced
	}
	return nil
}

// moved needs Log.mu.
func (c *Cursor) moved(to Index) {
	l := c.log
	if to >= l.Synced() {
		c.pos.Store(l.bytes.Load())
	} else if s, err := l.locate(to + 1); err == nil {
		c.pos.Store(s.behind(nearest(s.marks, s.first, to+1).offset))
	}
	c.at.Store(uint64(to))
}

// Trim deletes the segments that every cursor has passed, never the one being
// written, and says how many. Without a cursor it deletes nothing. Readers and
// ReadAt on a deleted segment get ErrDeleted. After an error the rest is
// deleted by a later Trim or Open.
func (l *Log) Trim() (int, error) {
	l.trim.Lock()
	defer l.trim.Unlock()
	garbage, err := l.detach()
	if err != nil {
		return 0, fmt.Errorf("trimming: %w", err)
	}
	removed := 0
	for _, s := range garbage {
		if err := l.fs.Remove(l.path(segmentName(s.seq))); err != nil && !absent(err) {
			return removed, fmt.Errorf("trimming: %w", err)
		}
		removed++
		l.mu.Lock()
		l.garbage = l.garbage[1:]
		l.mu.Unlock()
	}
	if removed == 0 {
		return 0, nil
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return removed, l.halt("syncing the directory after trimming", err)
	}
	return removed, nil
}

// detach takes the consumed segments out of the log and gives all that wait
// for removal.
func (l *Log) detach() ([]*segment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.ended(); err != nil {
		return nil, err
	}
	low := l.consumed()
	for len(l.segs) > 1 && l.segs[0].next <= low+1 {
		_ = l.segs[0].file.Close() // nothing unsynced is in it
		l.garbage = append(l.garbage, l.segs[0])
		l.segs = l.segs[1:]
	}
	return append([]*segment(nil), l.garbage...), nil
}
