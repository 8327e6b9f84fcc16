//go:build linux

package wal_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hub/internal/wal"
)

const (
	benchAppenders = 64
	benchRecord    = 256
	benchFile      = 64 << 20
)

// BenchmarkAppend compares the log with a bare group-commit loop and with one
// fsync a record, five times in turn; take medians.
func BenchmarkAppend(b *testing.B) {
	for round := range 5 {
		b.Run(fmt.Sprintf("log/%d", round), benchmarkLog)
		b.Run(fmt.Sprintf("bare/%d", round), func(b *testing.B) {
			g := newBareLoop(b)
			benchmark(b, benchAppenders, g.append)
			g.close()
		})
		b.Run(fmt.Sprintf("single/%d", round), benchmarkSingle)
	}
}

func benchmarkLog(b *testing.B) {
	l, err := wal.Open(b.TempDir(), wal.Options{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	benchmark(b, benchAppenders, func(p []byte) error {
		_, err := l.Append(context.Background(), p)
		return err
	})
}

func benchmarkSingle(b *testing.B) {
	f, off := zeroedFile(b), int64(0)
	benchmark(b, 1, func(p []byte) error {
		if off+benchRecord > benchFile {
			off = 0
		}
		if _, err := f.WriteAt(p, off); err != nil {
			return err
		}
		off += benchRecord
		return syscall.Fdatasync(int(f.Fd()))
	})
}

func benchmark(b *testing.B, appenders int, add func([]byte) error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range appenders {
		wg.Go(func() {
			payload := make([]byte, benchRecord)
			for left.Add(-1) >= 0 {
				if err := add(payload); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rec/s")
}

func zeroedFile(b *testing.B) *os.File {
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	if _, err := f.Write(make([]byte, benchFile)); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	return f
}

// bareLoop is the least a group commit can be: copy under a lock, one write,
// one fdatasync, one wake-up for all. It has no header, checksum or rotation
// and starts over at the end of its zeroed file.
type bareLoop struct {
	mu     sync.Mutex
	work   sync.Cond
	buf    []byte
	done   chan struct{}
	closed bool
	ended  chan struct{}
}

func newBareLoop(b *testing.B) *bareLoop {
	f := zeroedFile(b)
	g := &bareLoop{done: make(chan struct{}), ended: make(chan struct{})}
	g.work.L = &g.mu
	go g.run(b, f)
	return g
}

func (g *bareLoop) append(p []byte) error {
	g.mu.Lock()
	if len(g.buf) == 0 {
		g.work.Signal()
	}
	g.buf = append(g.buf, p...)
	done := g.done
	g.mu.Unlock()
	<-done
	return nil
}

func (g *bareLoop) run(b *testing.B, f *os.File) {
	defer close(g.ended)
	var spare []byte
	off := int64(0)
	for {
		g.mu.Lock()
		for len(g.buf) == 0 && !g.closed {
			g.work.Wait()
		}
		if len(g.buf) == 0 {
			g.mu.Unlock()
			return
		}
		buf, done := g.buf, g.done
		g.buf, g.done = spare[:0], make(chan struct{})
		g.mu.Unlock()
		if off+int64(len(buf)) > benchFile {
			off = 0
		}
		if _, err := f.WriteAt(buf, off); err != nil {
			b.Error(err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			b.Error(err)
		}
		off += int64(len(buf))
		spare = buf
		close(done)
	}
}

func (g *bareLoop) close() {
	g.mu.Lock()
	g.closed = true
	g.work.Signal()
	g.mu.Unlock()
	<-g.ended
}
