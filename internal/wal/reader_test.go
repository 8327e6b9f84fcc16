package wal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hub/internal/wal"
	"hub/internal/wal/waltest"
)

// fill appends records 1 to n, whose payload is their index and some bytes.
func fill(t *testing.T, l *wal.Log, n int) {
	t.Helper()
	for i := int(l.Synced()) + 1; i <= n; i++ {
		add(t, l, fmt.Sprintf("%04d%200s", i, ""))
	}
}

func TestReaderFromAnyIndex(t *testing.T) {
	disk := waltest.New(1)
	o := small(disk)
	o.SegmentBytes = 128 << 10 // so that the sparse index is used
	l := open(t, logDir, o)
	var wg sync.WaitGroup
	for i := range 700 {
		wg.Go(func() { add(t, l, fmt.Sprintf("%d%200s", i, "")) })
	}
	wg.Wait()
	want := all(t, l)
	for _, reopened := range []bool{false, true} {
		if reopened {
			l.Close()
			l = open(t, logDir, o)
		}
		for from := wal.Index(1); from <= 700; from += 3 {
			r, err := l.Reader(from)
			if err != nil {
				t.Fatal(err)
			}
			rec, ok, err := r.TryNext()
			if !ok || err != nil || rec.Index != from || string(rec.Payload) != string(want[from-1].Payload) {
				t.Fatalf("from %d: %d, %v, %v", from, rec.Index, ok, err)
			}
			again, err := l.ReadAt(rec.At)
			if err != nil || again.Index != from || string(again.Payload) != string(rec.Payload) {
				t.Fatalf("at %v: %d, %v", rec.At, again.Index, err)
			}
		}
	}
	if _, err := l.Reader(702); !errors.Is(err, wal.ErrNotSynced) {
		t.Errorf("from beyond the end: %v", err)
	}
	for _, p := range []wal.Position{{}, {Segment: 1}, {Segment: 1, Offset: 8192}, {Segment: 999, Offset: 4096}, {Segment: 1, Offset: 4097}} {
		if rec, err := l.ReadAt(p); err == nil {
			t.Errorf("at %v: record %d", p, rec.Index)
		}
	}
}

func TestReaderWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, logDir, small(waltest.New(1)))
		r, err := l.Reader(1)
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan error)
		next := func(ctx context.Context) {
			_, err := r.Next(ctx)
			got <- err
		}
		go next(background)
		synctest.Wait()
		add(t, l, "news")
		if err := <-got; err != nil {
			t.Errorf("waiting for a record: %v", err)
		}
		ctx, cancel := context.WithCancel(background)
		go next(ctx)
		synctest.Wait()
		cancel()
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		go next(background)
		synctest.Wait()
		l.Close()
		if err := <-got; !errors.Is(err, wal.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
		if _, _, err := r.TryNext(); !errors.Is(err, wal.ErrClosed) {
			t.Errorf("trying after Close: %v", err)
		}
	})
}

func TestCursor(t *testing.T) {
	disk := waltest.New(1)
	l := open(t, logDir, small(disk))
	fill(t, l, 100)
	if n, err := l.Trim(); n != 0 || err != nil {
		t.Errorf("trimming without a cursor: %d, %v", n, err)
	}
	if at := l.Consumed(); at != 0 {
		t.Errorf("consumed up to %d without a cursor", at)
	}
	c, slow := cursor(t, l, "a.b-c_1"), cursor(t, l, "slow")
	steps := []struct {
		to   wal.Index
		want error
	}{{50, nil}, {50, nil}, {49, wal.ErrBackwards}, {101, wal.ErrNotSynced}, {90, nil}}
	for _, s := range steps {
		if err := c.Advance(s.to); !errors.Is(err, s.want) {
			t.Errorf("advancing to %d: %v", s.to, err)
		}
	}
	if records, bytes := c.Backlog(); records != 10 || bytes < 10*232 {
		t.Errorf("backlog %d records, %d bytes", records, bytes)
	}
	if err := slow.Advance(40); err != nil {
		t.Fatal(err)
	}
	before := l.Size()
	n, err := l.Trim()
	if n == 0 || err != nil || l.Oldest() > 41 || l.Size() != before-int64(n)*8<<10 {
		t.Errorf("trimmed %d, oldest %d, size %d of %d, %v", n, l.Oldest(), l.Size(), before, err)
	}
	for range 10 {
		after := open(t, logDir, small(disk.Crash()))
		if after.Oldest() != l.Oldest() {
			t.Errorf("trimmed records from %d on are back", after.Oldest())
		}
	}
	if c := cursor(t, l, "late"); c.At() != 40 || l.Consumed() != 40 || l.Oldest() == 41 {
		t.Errorf("new cursor at %d, consumed up to %d, oldest %d", c.At(), l.Consumed(), l.Oldest())
	}
	for _, name := range []string{"", "A", "a/b", "é", fmt.Sprintf("%065d", 1)} {
		if _, err := l.Cursor(name); err == nil {
			t.Errorf("cursor name %q taken", name)
		}
	}
	after := open(t, logDir, small(disk.Crash()))
	if at := cursor(t, after, "a.b-c_1").At(); at != 90 {
		t.Errorf("after a crash the cursor is at %d", at)
	}
}

func cursor(t *testing.T, l *wal.Log, name string) *wal.Cursor {
	t.Helper()
	c, err := l.Cursor(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDeleted(t *testing.T) {
	l := open(t, logDir, small(waltest.New(1)))
	fill(t, l, 100)
	first := all(t, l)[0]
	r, err := l.Reader(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := cursor(t, l, "drain").Advance(100); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Trim(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.TryNext(); !isDeleted(err) {
		t.Errorf("reader on a deleted segment: %v", err)
	}
	if _, err := l.Reader(1); !isDeleted(err) {
		t.Errorf("new reader: %v", err)
	}
	if _, err := l.ReadAt(first.At); !isDeleted(err) {
		t.Errorf("reading at a deleted place: %v", err)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []wal.Options{
		{SegmentBytes: 1}, {SegmentBytes: 2 << 30}, {SegmentBytes: 8 << 10, MaxRecord: 4096}, {MaxRecord: -1},
	} {
		o.FS, o.Now = waltest.New(1), time.Now
		if _, err := wal.Open(logDir, o); err == nil {
			t.Errorf("opened with %+v", o)
		}
	}
}

// TestReaderWithinBatch starts readers within one batch that is longer than the
// distance of two entries of the sparse index.
func TestReaderWithinBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs, shut, gate := gated(waltest.New(1))
		o := small(fs)
		o.SegmentBytes = 1 << 20
		l := open(t, logDir, o)
		shut.Store(true)
		var wg sync.WaitGroup
		for range 600 {
			wg.Go(func() { add(t, l, "one of many") })
			synctest.Wait()
		}
		shut.Store(false)
		gate <- struct{}{}
		wg.Wait()
		for from := wal.Index(1); from <= 600; from++ {
			r, err := l.Reader(from)
			if err != nil {
				t.Fatal(err)
			}
			if rec, ok, err := r.TryNext(); !ok || err != nil || rec.Index != from {
				t.Fatalf("from %d: %d, %v", from, rec.Index, err)
			}
		}
		l.Close()
	})
}
