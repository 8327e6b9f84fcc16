package wal_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hub/internal/wal"
	"hub/internal/wal/waltest"
)

var background = context.Background()

func isDeleted(err error) bool { return errors.Is(err, wal.ErrDeleted) }

func small(fs wal.FS) wal.Options {
	return wal.Options{Now: time.Now, FS: fs, SegmentBytes: 8 << 10, MaxRecord: 2000, Rand: rand.NewChaCha8([32]byte{1})}
}

func open(t *testing.T, dir string, o wal.Options) *wal.Log {
	t.Helper()
	l, err := wal.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func add(t *testing.T, l *wal.Log, payloads ...string) {
	t.Helper()
	for _, p := range payloads {
		if _, err := l.Append(background, []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
}

// all reads what is there.
func all(t *testing.T, l *wal.Log) []wal.Record {
	t.Helper()
	r, err := l.Reader(l.Oldest())
	if err != nil {
		t.Fatal(err)
	}
	var records []wal.Record
	for {
		rec, ok, err := r.TryNext()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return records
		}
		records = append(records, rec)
	}
}

// gated gives a file system on which, once shut is set, an fsync waits for
// somebody to send on gate.
func gated(fs wal.FS) (_ wal.FS, shut *atomic.Bool, gate chan struct{}) {
	shut, gate = new(atomic.Bool), make(chan struct{})
	return &bugFS{FS: fs, on: shut, sync: func(f wal.File) error {
		<-gate
		return f.Sync()
	}}, shut, gate
}

// sample is a log as a crash left it: single records over several segments,
// then one batch of several.
type sample struct {
	fs      *waltest.CrashFS
	records []wal.Record
	batch   int // records in the last batch
}

func newSample(t *testing.T, seed uint64) *sample {
	s := &sample{fs: waltest.New(seed), batch: 5}
	random := rand.New(rand.NewPCG(seed, 2))
	payload := func() []byte { return bytes.Repeat([]byte{byte(random.IntN(256))}, random.IntN(300)) }
	synctest.Test(t, func(t *testing.T) {
		fs, shut, gate := gated(s.fs)
		l, err := wal.Open(logDir, small(fs))
		if err != nil {
			t.Fatal(err)
		}
		for range 60 {
			add(t, l, string(payload()))
		}
		synctest.Wait() // the next segment may be under way
		shut.Store(true)
		var wg sync.WaitGroup
		queue := func(p []byte) {
			wg.Go(func() {
				if _, err := l.Append(background, p); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		for range 1 + s.batch {
			queue(payload())
		}
		shut.Store(false)
		gate <- struct{}{}
		wg.Wait()
		s.records = all(t, l)
		synctest.Wait()
		s.fs = s.fs.Crash()
		l.Close()
	})
	return s
}

// place is where record i starts and ends, or the log ends for i = len.
func (s *sample) place(i int) (segment uint64, from, to int64) {
	r := s.records[i]
	size := (24 + int64(len(r.Payload)) + 7) / 8 * 8
	return r.At.Segment, r.At.Offset, r.At.Offset + size
}

// tail is where the last batch is.
func (s *sample) tail() (segment uint64, from, to int64) {
	segment, from, _ = s.place(len(s.records) - s.batch)
	_, _, to = s.place(len(s.records) - 1)
	return segment, from, to
}

func content(t *testing.T, fs wal.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(filepath.Join(logDir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return b
}

// replace gives name a new content.
func replace(t *testing.T, fs wal.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.Create(filepath.Join(logDir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
}
