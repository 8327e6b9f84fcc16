package wal

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// Log is an open log. Its methods may be called from many goroutines.
type Log struct {
	dir  string
	opt  Options
	fs   FS
	salt uint32

	synced atomic.Uint64 // last durable index
	bytes  atomic.Int64  // bytes of records before the durable end, since Open
	spare  atomic.Int64  // bytes of the prepared segment
	given  atomic.Uint64 // last index given out, or in doubt; changed under mu

	mu      sync.Mutex
	work    sync.Cond // cur got its first record, or closing or stopped was set
	segs    []*segment
	garbage []*segment // left the log, file not yet removed
	cur     *batch
	free    []byte // buffer of the last batch, for the next
	next    Index  // index of the next record to be queued
	doubt   Index  // last index of a refused batch of which a crash may find a part, 0 for none
	closing bool
	stopped *StoppedError
	tail    chan struct{} // closed when synced grows or the log ends; nil if nobody waits
	cursors map[string]*Cursor

	trim sync.Mutex // one Trim, new cursor or end of the log at a time

	// The syncer owns these until it ends.
	active   *segment
	dirty    int64 // end of the remainder of a failed write behind active.end
	prepare  preparing
	done     chan struct{}
	mark     *slots // index proven synced at the last Open and Close
	closed   sync.Once
	closeErr error
}

// Synced is the index of the last durable record, 0 if there is none.
func (l *Log) Synced() Index { return Index(l.synced.Load()) }

// Assigned is the last index given out: no record that is in the log, or that a
// crash may bring back, lies behind it. An Append that was called before and has
// returned, whatever it returned, is covered. It falls when records are refused,
// as their indexes are given out again.
func (l *Log) Assigned() Index { return Index(l.given.Load()) }

// Consumed is what every cursor has durably passed, 0 without one.
func (l *Log) Consumed() Index {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.consumed()
}

// consumed needs mu.
func (l *Log) consumed() Index {
	low := l.Synced()
	if len(l.cursors) == 0 {
		low = 0
	}
	for _, c := range l.cursors {
		low = min(low, c.At())
	}
	return low
}

// Oldest is the first index that can be read, Synced()+1 if none can.
func (l *Log) Oldest() Index {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.segs[0].first
}

// Size is how many bytes the segments take on disk, the prepared one included.
func (l *Log) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.spare.Load()
	for _, s := range l.segs {
		n += s.capacity
	}
	for _, s := range l.garbage {
		n += s.capacity
	}
	return n
}

// Close makes durable what Append accepted, then ends the log: waiting readers
// and later calls get ErrClosed. It returns a StoppedError if the log had
// stopped. A second call returns the same result.
func (l *Log) Close() error {
	l.closed.Do(func() {
		l.mu.Lock()
		l.closing = true
		l.work.Signal()
		l.mu.Unlock()
		<-l.done
		l.closeErr = l.shut()
	})
	return l.closeErr
}

// shut runs after the syncer ended.
func (l *Log) shut() error {
	err := l.failed()
	if err == nil {
		err = l.remember()
	}
	l.trim.Lock()
	defer l.trim.Unlock()
	l.mu.Lock()
	l.wakeReaders()
	cursors := slices.Collect(maps.Values(l.cursors))
	l.mu.Unlock()
	for _, c := range cursors {
		c.mu.Lock() // lets an Advance under way end with its true result
		defer c.mu.Unlock()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closeFiles()
	return err
}

// remember notes the synced index where recovery finds it. A full disk is no
// reason to fail: the note only lets recovery notice more.
func (l *Log) remember() error {
	if l.mark.index == l.Synced() {
		return nil
	}
	err := l.mark.put(l.Synced())
	if err != nil && !outOfSpace(err) {
		return l.halt("writing "+markName, err)
	}
	return nil
}

// failed gives the error of a stopped log, as an untyped nil if it works.
func (l *Log) failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped != nil {
		return l.stopped
	}
	return nil
}

// halt stops the log for good; the first reason stays.
func (l *Log) halt(op string, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped == nil {
		l.stopped = &StoppedError{Op: op, Err: err}
	}
	l.work.Signal()
	l.wakeReaders()
	return l.stopped
}

// wakeReaders needs mu.
func (l *Log) wakeReaders() {
	if l.tail != nil {
		close(l.tail)
		l.tail = nil
	}
}

// ended says why nothing can be done any more; it needs mu.
func (l *Log) ended() error {
	if l.closing {
		return ErrClosed
	}
	if l.stopped != nil {
		return l.stopped
	}
	return nil
}

// locate finds the segment that holds index, which must be durable; it needs mu.
func (l *Log) locate(index Index) (*segment, error) {
	if index < l.segs[0].first {
		return nil, fmt.Errorf("finding record %d, the oldest is %d: %w", index, l.segs[0].first, ErrDeleted)
	}
	for i := len(l.segs) - 1; ; i-- {
		if l.segs[i].first <= index {
			return l.segs[i], nil
		}
	}
}

// closeFiles needs that nothing runs any more. Nothing that matters is unsynced
// in these files, so closing has nothing to report.
func (l *Log) closeFiles() {
	for _, s := range slices.Concat(l.segs, l.garbage) {
		_ = s.file.Close()
	}
	for _, c := range l.cursors {
		_ = c.slots.file.Close()
	}
	if l.mark != nil {
		_ = l.mark.file.Close()
	}
	if l.prepare.ready != nil {
		_ = l.prepare.ready.file.Close()
	}
}
