package wal

import (
	"errors"
	"fmt"
	"runtime"
)

// run is the syncer: the only goroutine that writes segments. It ends when the
// log is closed and everything queued is durable, or when the log stopped.
func (l *Log) run() {
	defer close(l.done)
	for {
		b := l.take()
		if b == nil {
			break
		}
		if err := l.commit(b); err != nil {
			l.refuse(b, err)
			continue
		}
		l.publish(b)
		l.prepareSoon()
	}
	l.awaitPrepared()
}

// take waits for records and starts the next batch; nil ends the syncer.
func (l *Log) take() *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.cur.buf) == 0 && !l.closing && l.stopped == nil {
		l.work.Wait()
	}
	if l.stopped != nil {
		// Nothing is queued from here on, so this batch is the last one.
		l.renew(l.next).finish(l.stopped)
		return nil
	}
	if len(l.cur.buf) == 0 {
		return nil
	}
	// Appenders that are ready to run join this batch rather than wait for the
	// next sync: the syncer goes to the end of the line once.
	l.mu.Unlock()
	runtime.Gosched()
	l.mu.Lock()
	return l.renew(l.next)
}

// commit makes b durable. Its error is a StoppedError or a refusal.
func (l *Log) commit(b *batch) error {
	if err := l.wipe(); err != nil {
		return err
	}
	if l.active.end+int64(len(b.buf)) > l.active.capacity {
		if err := l.rotate(b.first); err != nil {
			return err
		}
	}
	s := l.active
	if _, err := s.file.WriteAt(b.buf, s.end); err != nil {
		return l.writeFailed(s, s.end+int64(len(b.buf)), err)
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, l.halt("syncing "+segmentName(s.seq), err))
	}
	return nil
}

// writeFailed undoes a write that met a full disk, so that no part of a
// refused record is found by recovery; any other failure stops the log.
func (l *Log) writeFailed(s *segment, end int64, err error) error {
	op := "writing " + segmentName(s.seq)
	if !outOfSpace(err) {
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, l.halt(op, err))
	}
	l.dirty = end
	if wiped := l.wipe(); wiped != nil {
		if l.failed() != nil {
			return fmt.Errorf("%w: %w", ErrOutcomeUnknown, wiped)
		}
		return &refusal{op: op, err: err, unknown: true}
	}
	return &refusal{op: op, err: err}
}

// wipe puts durable zeros over what a failed write may have left.
func (l *Log) wipe() error {
	s := l.active
	if l.dirty == 0 {
		return nil
	}
	op := "wiping the end of " + segmentName(s.seq)
	if err := zeroFill(s.file, s.end, l.dirty); err != nil {
		if outOfSpace(err) {
			return &refusal{op: op, err: err}
		}
		return l.halt(op, err)
	}
	if err := s.file.Sync(); err != nil {
		return l.halt(op, err)
	}
	l.dirty = 0
	l.mu.Lock()
	l.doubt = 0
	l.give(l.next)
	l.mu.Unlock()
	return nil
}

// publish shows b to readers and appenders.
func (l *Log) publish(b *batch) {
	l.mu.Lock()
	s := l.active
	for _, m := range b.marks {
		s.marks = append(s.marks, mark{m.index, s.end + m.offset})
	}
	s.end += int64(len(b.buf))
	// The batch behind b was opened when b was taken.
	s.next = l.cur.first
	l.bytes.Store(s.behind(s.end))
	l.synced.Store(uint64(s.next - 1))
	if cap(b.buf) <= 2*l.opt.MaxBatchBytes {
		l.free = b.buf
	}
	b.buf = nil
	l.wakeReaders()
	l.mu.Unlock()
	b.finish(nil)
}

// refuse fails b and what was queued behind it: those records have indexes
// that follow b's, and their numbers are given out again.
func (l *Log) refuse(b *batch, err error) {
	l.mu.Lock()
	if errors.Is(err, ErrOutcomeUnknown) {
		l.doubt = max(l.doubt, l.cur.first-1)
	}
	l.give(b.first)
	behind := l.renew(b.first)
	l.mu.Unlock()
	b.finish(err)
	behind.finish(&notWritten{err})
}

// notWritten is for records that were never written, whatever became of the
// batch in front of them, whose unknown outcome is not theirs.
type notWritten struct{ err error }

func (e *notWritten) Error() string { return "batch before it: " + e.err.Error() }

func (e *notWritten) Is(target error) bool {
	return target != ErrOutcomeUnknown && errors.Is(e.err, target)
}

func (e *notWritten) As(target any) bool { return errors.As(e.err, target) }
