package wal

import (
	"context"
	"fmt"
)

// batch is what one fsync covers. Whoever holds done reads err after it closed.
type batch struct {
	buf   []byte
	first Index
	marks []mark // offsets from the start of buf
	done  chan struct{}
	taken chan struct{} // closed when the syncer takes the batch; nil if nobody waits
	err   error
}

// Append stores payload behind all records queued before it and returns its
// index once it is durable. It is done with payload when it returns.
//
// If ctx ends while the fsync is under way the error is ErrOutcomeUnknown as
// well as ctx's. The same holds for a StoppedError of the very write that
// failed. After every other error the record is not in the log: ErrFull and
// ErrUnavailable may be retried, ErrTooLarge, ErrClosed and ErrStopped may not.
func (l *Log) Append(ctx context.Context, payload []byte) (Index, error) {
	if len(payload) > l.opt.MaxRecord {
		return 0, fmt.Errorf("appending %d bytes, at most %d: %w", len(payload), l.opt.MaxRecord, ErrTooLarge)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("appending: %w", err)
	}
	b, index, err := l.queue(ctx, payload, bodySum(l.salt, payload))
	if err != nil {
		return 0, fmt.Errorf("appending: %w", err)
	}
	select {
	case <-b.done:
	case <-ctx.Done():
		select {
		case <-b.done:
		default:
			return 0, fmt.Errorf("appending: %w: %w", ErrOutcomeUnknown, ctx.Err())
		}
	}
	if b.err != nil {
		return 0, fmt.Errorf("appending: %w", b.err)
	}
	return index, nil
}

// queue puts the record into the current batch, waiting while that is full.
func (l *Log) queue(ctx context.Context, payload []byte, body uint32) (*batch, Index, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if err := l.ended(); err != nil {
			return nil, 0, err
		}
		if len(l.cur.buf) == 0 || len(l.cur.buf)+recordSize(len(payload)) <= l.opt.MaxBatchBytes {
			index := l.put(payload, body)
			return l.cur, index, nil
		}
		if err := l.awaitRoom(ctx); err != nil {
			return nil, 0, err
		}
	}
}

// put needs mu.
func (l *Log) put(payload []byte, body uint32) Index {
	b := l.cur
	if len(b.buf) == 0 {
		l.work.Signal()
	}
	r := record{length: uint32(len(payload)), index: l.next, back: uint32(len(b.buf)), body: body}
	if r.index%markEvery == 0 {
		b.marks = append(b.marks, mark{r.index, int64(len(b.buf))})
	}
	b.buf = appendRecord(b.buf, l.salt, r, payload)
	l.give(l.next + 1)
	return r.index
}

// give sets the next index; it needs mu.
func (l *Log) give(next Index) {
	l.next = next
	l.given.Store(uint64(max(next-1, l.doubt)))
}

// awaitRoom gives mu up while it waits for the syncer to take the batch.
func (l *Log) awaitRoom(ctx context.Context) error {
	if l.cur.taken == nil {
		l.cur.taken = make(chan struct{})
	}
	taken := l.cur.taken
	l.mu.Unlock()
	defer l.mu.Lock()
	select {
	case <-taken:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// renew replaces the current batch, which starts with record first; it needs mu.
func (l *Log) renew(first Index) *batch {
	old := l.cur
	l.cur = &batch{buf: l.free[:0], first: first, done: make(chan struct{})}
	l.free = nil
	if old != nil && old.taken != nil {
		close(old.taken)
	}
	return old
}

// finish tells everybody who waits for b.
func (b *batch) finish(err error) {
	b.err = err
	close(b.done)
}
