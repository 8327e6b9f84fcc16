package wal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// How much is read at once: by a reader that goes on, and for one record, whose length is not known before.
const (
	readChunk   = 64 << 10
	singleChunk = 8 << 10
)

// Position is the place of a record; it stays valid until Trim deletes the segment.
type Position struct {
	Segment uint64
	Offset  int64
}

// Record is one durable record. Payload belongs to whoever got it.
type Record struct {
	Index   Index
	At      Position
	Payload []byte
}

// Reader reads records in order. It is for one goroutine.
type Reader struct {
	log   *Log
	next  Index
	seg   *segment
	off   int64
	limit int64  // durable end of seg when last asked
	chunk int64  // bytes to read at once, if there are as many
	buf   []byte // bytes of seg from off on
}

// Reader starts at record from: at least Oldest() (else ErrDeleted), at most
// Synced()+1 (else ErrNotSynced).
func (l *Log) Reader(from Index) (*Reader, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return nil, fmt.Errorf("opening a reader: %w", ErrClosed)
	}
	if from > l.Synced()+1 {
		return nil, fmt.Errorf("opening a reader at %d: %w", from, ErrNotSynced)
	}
	s, err := l.locate(from)
	if err != nil {
		return nil, fmt.Errorf("opening a reader: %w", err)
	}
	m := nearest(s.marks, s.first, from)
	r := &Reader{log: l, next: m.index, seg: s, off: m.offset, limit: s.end, chunk: readChunk}
	for r.next < from {
		if _, err := r.read(); err != nil {
			return nil, fmt.Errorf("opening a reader: %w", err)
		}
	}
	return r, nil
}

// Next waits for the next durable record. It ends with ctx, with ErrClosed, or
// with a StoppedError once everything durable was read.
func (r *Reader) Next(ctx context.Context) (Record, error) {
	for {
		rec, ok, err := r.TryNext()
		if ok || err != nil {
			return rec, err
		}
		grown, err := r.log.growth(r.next)
		if err != nil {
			return Record{}, fmt.Errorf("reading record %d: %w", r.next, err)
		}
		if grown == nil {
			continue
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return Record{}, fmt.Errorf("reading record %d: %w", r.next, ctx.Err())
		}
	}
}

// growth gives a channel that closes when there is news, nil if next is there.
func (l *Log) growth(next Index) (<-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if next <= l.Synced() {
		return nil, nil
	}
	if err := l.ended(); err != nil {
		return nil, err
	}
	if l.tail == nil {
		l.tail = make(chan struct{})
	}
	return l.tail, nil
}

// over says why nothing more will come, nil if more may.
func (l *Log) over() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended()
}

// TryNext gives the next record if it is durable; false without an error means
// that there is none yet. It ends like Next. After an error the reader stays
// where it is.
func (r *Reader) TryNext() (Record, bool, error) {
	if r.next > r.log.Synced() {
		if err := r.log.over(); err != nil {
			return Record{}, false, fmt.Errorf("reading record %d: %w", r.next, err)
		}
		return Record{}, false, nil
	}
	if r.off >= r.limit {
		if err := r.step(); err != nil {
			return Record{}, false, fmt.Errorf("reading record %d: %w", r.next, err)
		}
	}
	rec, err := r.read()
	if err != nil {
		return Record{}, false, fmt.Errorf("reading record %d: %w", r.next, err)
	}
	return rec, true, nil
}

// step finds where the next record is.
func (r *Reader) step() error {
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return ErrClosed
	}
	s, err := l.locate(r.next)
	if err != nil {
		return err
	}
	if s != r.seg {
		r.seg, r.off, r.buf = s, headerBytes, nil
	}
	r.limit = s.end
	return nil
}

func (r *Reader) read() (Record, error) {
	h, err := r.header()
	if err != nil {
		return Record{}, err
	}
	if h.index != r.next {
		return Record{}, r.seg.damage(r.off, r.next, fmt.Sprintf("record %d is here", h.index))
	}
	if err := r.fill(h.size()); err != nil {
		return Record{}, err
	}
	payload, reason := h.payload(r.buf, r.seg.salt)
	if reason != "" {
		return Record{}, r.seg.damage(r.off, r.next, reason)
	}
	rec := Record{Index: r.next, At: Position{r.seg.seq, r.off}, Payload: payload}
	r.next++
	r.off += h.size()
	r.buf = r.buf[h.size():]
	return rec, nil
}

func (r *Reader) header() (record, error) {
	if err := r.fill(recordHeader); err != nil {
		return record{}, err
	}
	h, ok := parseRecord(r.buf, r.seg.salt)
	if !ok || r.off+h.size() > r.limit {
		return record{}, r.seg.damage(r.off, r.next, "no record header")
	}
	return h, nil
}

// fill brings at least n bytes into buf, which is never overwritten: records
// that were given out keep pointing into it.
func (r *Reader) fill(n int64) error {
	if int64(len(r.buf)) >= n {
		return nil
	}
	buf := make([]byte, min(max(n, r.chunk), r.limit-r.off))
	if int64(len(buf)) < n {
		return r.seg.damage(r.off, r.next, "record runs over the synced point")
	}
	if err := r.log.readFull(r.seg, buf, r.off); err != nil {
		return err
	}
	r.buf = buf
	return nil
}

// readFull reads durable bytes of s.
func (l *Log) readFull(s *segment, buf []byte, off int64) error {
	n, err := s.file.ReadAt(buf, off)
	switch {
	case n == len(buf):
		return nil
	case errors.Is(err, fs.ErrClosed):
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.closing {
			return ErrClosed
		}
		return ErrDeleted
	case err == io.EOF:
		return s.damage(off+int64(n), 0, "file is too short")
	}
	return fmt.Errorf("reading %s: %w", segmentName(s.seq), err)
}

func (s *segment) damage(off int64, index Index, reason string) error {
	return damageAt(s.seq, off, index, reason)
}

// ReadAt gives the record at p, which came with an earlier Record: ErrDeleted
// if its segment is gone, ErrNotSynced if the log does not reach that far.
func (l *Log) ReadAt(p Position) (Record, error) {
	s, limit, err := l.segmentAt(p)
	if err != nil {
		return Record{}, fmt.Errorf("reading at %d/%d: %w", p.Segment, p.Offset, err)
	}
	r := Reader{log: l, seg: s, off: p.Offset, limit: limit, chunk: singleChunk}
	h, err := r.header()
	if err != nil {
		return Record{}, fmt.Errorf("reading at %d/%d: %w", p.Segment, p.Offset, err)
	}
	r.next = h.index
	return r.read()
}

func (l *Log) segmentAt(p Position) (*segment, int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest := l.segs[0].seq
	switch {
	case l.closing:
		return nil, 0, ErrClosed
	case p.Segment < oldest:
		return nil, 0, ErrDeleted
	case p.Segment-oldest >= uint64(len(l.segs)):
		return nil, 0, ErrNotSynced
	}
	s := l.segs[p.Segment-oldest]
	if p.Offset < headerBytes || p.Offset >= s.end {
		return nil, 0, ErrNotSynced
	}
	return s, s.end, nil
}
