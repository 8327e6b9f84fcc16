package wal

import (
	"fmt"
	"io"
	"strings"
)

// recovery is the work of one Open.
type recovery struct {
	log   *Log
	notes []*slots // cursors and the synced mark
	data  []byte   // content of the segment being looked at, zeros behind its end
	short bool     // the last segment's file is shorter than it was made
	tail  scanned  // what the last segment holds
}

// open opens the segments and reads their headers. The last one may have none:
// it was prepared and not used.
func (r *recovery) open(names []string) error {
	l := r.log
	for _, name := range names {
		seq, ok := parseSegmentName(name)
		if !ok {
			continue
		}
		f, err := l.fs.Open(l.path(name))
		if err != nil {
			return err
		}
		if b := l.prepare.ready; b != nil {
			_ = f.Close()
			return damageAt(b.seq, 0, 0, "segment header is unreadable")
		}
		if err := r.classify(seq, f); err != nil {
			return err
		}
	}
	return r.contiguous()
}

// classify keeps f as a segment or as the prepared one; either is closed by
// closeFiles if Open fails.
func (r *recovery) classify(seq uint64, f File) error {
	l := r.log
	page := make([]byte, headerBytes)
	n, err := f.ReadAt(page, 0)
	if err != nil && err != io.EOF {
		_ = f.Close()
		return fmt.Errorf("reading %s: %w", segmentName(seq), err)
	}
	h, ok := parseSegmentHeader(page[:n])
	if !ok {
		l.prepare.ready = &blank{seq, f}
		return r.checkBlank(seq, f)
	}
	l.segs = append(l.segs, &segment{segmentHeader: h, file: f})
	if h.seq != seq {
		return damageAt(seq, 0, h.first, fmt.Sprintf("header is of segment %d", h.seq))
	}
	return nil
}

// checkBlank tells a segment that was never used from one that lost its header.
func (r *recovery) checkBlank(seq uint64, f File) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	if size > maxSegmentBytes {
		return damageAt(seq, 0, 0, "segment header is unreadable")
	}
	if err := r.load(f, size); err != nil {
		return fmt.Errorf("reading %s: %w", segmentName(seq), err)
	}
	if size > headerBytes && !allZero(r.data[headerBytes:]) {
		return damageAt(seq, 0, 0, "segment header is unreadable, but records follow")
	}
	return nil
}

// load reads size bytes of f into data, zeros where the file is shorter.
func (r *recovery) load(f File, size int64) error {
	if int64(cap(r.data)) < size {
		r.data = make([]byte, size)
	}
	r.data = r.data[:size]
	n, err := f.ReadAt(r.data, 0)
	if err != nil && err != io.EOF {
		return err
	}
	clear(r.data[n:])
	r.short = int64(n) < size
	return nil
}

// contiguous refuses missing segments, except below the place that every
// cursor passed: removals of one Trim reach the disk in any order.
func (r *recovery) contiguous() error {
	l := r.log
	for i := len(l.segs) - 1; i > 0; i-- {
		s, before := l.segs[i], l.segs[i-1]
		if before.seq+1 == s.seq {
			continue
		}
		if low, ok := r.lowest(); !ok || low+1 < s.first {
			return damageAt(before.seq+1, 0, 0, "segment is missing")
		}
		l.garbage, l.segs = l.segs[:i:i], l.segs[i:]
		break
	}
	last := uint64(0)
	if len(l.segs) > 0 {
		last = l.segs[len(l.segs)-1].seq
	}
	if b := l.prepare.ready; b != nil && b.seq != last+1 {
		return damageAt(last+1, 0, 0, "segment is missing")
	}
	if last == 0 && len(r.notes) > 0 {
		return damageAt(1, 0, 0, "all segments are missing")
	}
	return nil
}

// lowest is where the slowest cursor is.
func (r *recovery) lowest() (Index, bool) {
	low, any := Index(0), false
	for _, c := range r.log.cursors {
		if !any || c.slots.index < low {
			low, any = c.slots.index, true
		}
	}
	return low, any
}

// check reads every record.
func (r *recovery) check() error {
	l := r.log
	for i, s := range l.segs {
		if s.salt != l.segs[0].salt || (i > 0 && s.first != l.segs[i-1].next) {
			return damageAt(s.seq, 0, s.first, "header does not continue the segment before it")
		}
		if err := r.load(s.file, s.capacity); err != nil {
			return fmt.Errorf("reading %s: %w", segmentName(s.seq), err)
		}
		found := scan(r.data, s.salt, s.first)
		s.end, s.next, s.marks = found.end, found.next, found.marks
		var err error
		if i+1 < len(l.segs) {
			err = r.checkSealed(s, found, l.segs[i+1].first)
		} else {
			err = r.checkTail(s, found)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkSealed holds a segment with a successor to what it must be: whole, as
// the successor's header was written after its last fsync.
func (r *recovery) checkSealed(s *segment, found scanned, end Index) error {
	reason := found.reason
	if reason == "" && !allZero(r.data[found.end:]) {
		reason = "bytes behind the last record"
	}
	if reason == "" && found.next != end {
		reason = fmt.Sprintf("next segment starts with record %d", end)
	}
	if reason == "" {
		return nil
	}
	return damageAt(s.seq, found.end, found.next, reason)
}

// checkTail tells a torn tail from damage before the synced point; see the
// package comment.
func (r *recovery) checkTail(s *segment, found scanned) error {
	r.tail = found
	reason := found.reason
	if reason == "" {
		reason = "zeros"
	}
	if found.conflict {
		return damageAt(s.seq, found.end, found.next, reason)
	}
	if off, ok := laterBatch(r.data, s.salt, found); ok {
		return damageAt(s.seq, found.end, found.next,
			fmt.Sprintf("%s, but a later batch follows at offset %d", reason, off))
	}
	for _, n := range r.notes {
		if n.index >= found.next {
			return damageAt(s.seq, found.end, found.next,
				fmt.Sprintf("%s, but %s shows that record %d was synced", reason, n.name, n.index))
		}
	}
	if low, ok := r.lowest(); ok && low+1 < r.log.segs[0].first {
		first := r.log.segs[0]
		return damageAt(first.seq-1, 0, low+1, "segment is missing, but a cursor did not pass it")
	}
	return nil
}

// settle makes what was read durable, cuts the torn tail and tidies up.
func (r *recovery) settle(names []string) error {
	l := r.log
	if err := r.tidy(names); err != nil {
		return err
	}
	if len(l.segs) == 0 {
		if err := r.begin(); err != nil {
			return err
		}
	} else if err := r.repair(); err != nil {
		return err
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return err
	}
	l.ready()
	return r.rewriteNotes()
}

// tidy removes temporary files, what an interrupted Trim left, and a prepared
// segment of another length.
func (r *recovery) tidy(names []string) error {
	l := r.log
	for _, name := range names {
		if strings.HasSuffix(name, tempSuffix) {
			if err := l.fs.Remove(l.path(name)); err != nil {
				return err
			}
		}
	}
	for ; len(l.garbage) > 0; l.garbage = l.garbage[1:] {
		_ = l.garbage[0].file.Close()
		if err := l.fs.Remove(l.path(segmentName(l.garbage[0].seq))); err != nil {
			return err
		}
	}
	b := l.prepare.ready
	if b == nil {
		return nil
	}
	size, err := b.file.Size()
	if err != nil {
		return err
	}
	if size == l.opt.SegmentBytes {
		l.spare.Store(size)
		return nil
	}
	l.prepare.ready = nil
	_ = b.file.Close()
	return l.fs.Remove(l.path(segmentName(b.seq)))
}

// begin makes the first segment of a new log.
func (r *recovery) begin() error {
	l := r.log
	if err := l.newSalt(); err != nil {
		return err
	}
	b := l.prepare.ready
	l.prepare.ready = nil
	l.spare.Store(0)
	if b == nil {
		made, fail := createBlank(l.fs, l.dir, 1, l.opt.SegmentBytes)
		if fail != nil {
			return l.failure(fail)
		}
		b = made
	}
	s, err := l.activate(b, 1)
	if err != nil {
		_ = b.file.Close()
		return err
	}
	l.segs = []*segment{s}
	return nil
}

// repair rewrites the last batch and the header even if they read well: after
// a failed fsync they may be in memory only, called clean, and another fsync
// alone would not write them. It zeroes what follows.
func (r *recovery) repair() error {
	s := r.log.segs[len(r.log.segs)-1]
	end := r.tail.end + lastNonZero(r.data[r.tail.end:])
	if r.short {
		end = s.capacity
	}
	clear(r.data[r.tail.end:])
	if _, err := s.file.WriteAt(s.encode(), 0); err != nil {
		return fmt.Errorf("rewriting %s: %w", segmentName(s.seq), err)
	}
	if _, err := s.file.WriteAt(r.data[r.tail.batch:end], r.tail.batch); err != nil {
		return fmt.Errorf("rewriting %s: %w", segmentName(s.seq), err)
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", segmentName(s.seq), err)
	}
	return nil
}

// ready fills in what follows from the segments.
func (l *Log) ready() {
	base := int64(0)
	for _, s := range l.segs {
		s.base = base
		base = s.behind(s.end)
	}
	l.active = l.segs[len(l.segs)-1]
	l.salt = l.active.salt
	l.give(l.active.next)
	l.bytes.Store(base)
	l.synced.Store(uint64(l.next - 1))
	l.renew(l.next)
}

// rewriteNotes puts each cursor down once more, for the same reason as repair,
// and notes how far the log is synced.
func (r *recovery) rewriteNotes() error {
	l := r.log
	for _, c := range l.cursors {
		if err := c.slots.put(c.slots.index); err != nil {
			return fmt.Errorf("rewriting %s: %w", c.slots.name, err)
		}
		c.moved(c.slots.index)
	}
	if l.mark != nil {
		if err := l.mark.put(l.Synced()); err != nil && !outOfSpace(err) {
			return fmt.Errorf("rewriting %s: %w", markName, err)
		}
		return nil
	}
	mark, fail := createSlots(l.fs, l.dir, markName, l.Synced())
	if fail != nil {
		return l.failure(fail)
	}
	l.mark = mark
	return nil
}

func damageAt(seq uint64, off int64, index Index, reason string) error {
	return &DamageError{File: segmentName(seq), Segment: seq, Offset: off, Index: index, Reason: reason}
}
