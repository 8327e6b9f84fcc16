package wal

import "time"

// preparing is the next segment on its way.
type preparing struct {
	ready   *blank
	result  chan prepared // not nil while a goroutine works on it
	failure *failure      // of the last attempt
	retry   time.Time     // no attempt before this after a failure
}

type prepared struct {
	blank *blank
	fail  *failure
}

// prepareSoon starts on the next segment once the active one is half full.
func (l *Log) prepareSoon() {
	p := &l.prepare
	if p.result != nil {
		select {
		case r := <-p.result:
			l.prepareDone(r)
		default:
		}
		return
	}
	if p.ready != nil || l.active.end-headerBytes < (l.active.capacity-headerBytes)/2 || l.opt.Now().Before(p.retry) {
		return
	}
	seq, result := l.active.seq+1, make(chan prepared, 1)
	p.result = result
	go func() {
		b, fail := createBlank(l.fs, l.dir, seq, l.opt.SegmentBytes)
		result <- prepared{b, fail}
	}()
}

func (l *Log) prepareDone(r prepared) {
	p := &l.prepare
	p.result, p.ready, p.failure = nil, r.blank, r.fail
	if r.fail == nil {
		l.spare.Store(l.opt.SegmentBytes)
		return
	}
	p.retry = l.opt.Now().Add(prepareRetry)
	if r.fail.fatal {
		_ = l.halt(r.fail.op, r.fail.err)
	}
}

// nextBlank gives the prepared segment, waiting for it or making it now.
func (l *Log) nextBlank() (*blank, error) {
	p := &l.prepare
	if p.result != nil {
		l.prepareDone(<-p.result)
		// What failed in the background may work by now.
		p.retry = time.Time{}
	}
	if l.failed() == nil && p.ready == nil && !l.opt.Now().Before(p.retry) {
		b, fail := createBlank(l.fs, l.dir, l.active.seq+1, l.opt.SegmentBytes)
		l.prepareDone(prepared{b, fail})
	}
	if err := l.failed(); err != nil {
		return nil, err
	}
	if p.ready == nil {
		return nil, &refusal{op: p.failure.op, err: p.failure.err}
	}
	return p.ready, nil
}

// rotate continues the log in the next segment, whose first record is first.
func (l *Log) rotate(first Index) error {
	b, err := l.nextBlank()
	if err != nil {
		return err
	}
	s, err := l.activate(b, first)
	if err != nil {
		return err
	}
	l.prepare.ready = nil
	l.spare.Store(0)
	l.active = s
	l.mu.Lock()
	s.base = l.bytes.Load()
	l.segs = append(l.segs, s)
	l.mu.Unlock()
	return nil
}

// activate gives b its header, durable before the first record: a segment with
// records but no header is damage, one without either was never used.
func (l *Log) activate(b *blank, first Index) (*segment, error) {
	h := segmentHeader{seq: b.seq, first: first, capacity: l.opt.SegmentBytes, salt: l.salt}
	op := "writing the header of " + segmentName(b.seq)
	if _, err := b.file.WriteAt(h.encode(), 0); err != nil {
		if outOfSpace(err) {
			return nil, &refusal{op: op, err: err}
		}
		return nil, l.halt(op, err)
	}
	if err := b.file.Sync(); err != nil {
		return nil, l.halt(op, err)
	}
	return &segment{segmentHeader: h, file: b.file, end: headerBytes, next: first}, nil
}

// awaitPrepared leaves no goroutine behind; the next Open finds the segment.
func (l *Log) awaitPrepared() {
	if l.prepare.result != nil {
		l.prepareDone(<-l.prepare.result)
	}
}
