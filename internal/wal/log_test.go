package wal_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"hub/internal/wal"
)

// TestDisk runs appenders, readers, a consumer and Trim at once on a real disk.
func TestDisk(t *testing.T) {
	dir := t.TempDir()
	o := wal.Options{Now: time.Now, SegmentBytes: 64 << 10}
	l := open(t, dir, o)
	const appenders, each = 8, 300
	var mu sync.Mutex
	want := map[wal.Index]string{}
	var wg sync.WaitGroup
	for a := range appenders {
		wg.Go(func() {
			for i := range each {
				p := fmt.Sprintf("%d/%d/%s", a, i, string(make([]byte, rand.IntN(600))))
				index, err := l.Append(t.Context(), []byte(p))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				want[index] = p
				mu.Unlock()
			}
		})
	}
	c, err := l.Cursor("drain")
	if err != nil {
		t.Fatal(err)
	}
	got := map[wal.Index]string{}
	var readers sync.WaitGroup
	readers.Go(func() { consume(t, l, c, appenders*each, got) })
	readers.Go(func() { follow(t, l, appenders*each) })
	wg.Wait()
	readers.Wait()
	for index, p := range want {
		if got[index] != p {
			t.Fatalf("record %d differs", index)
		}
	}
	if records, bytes := c.Backlog(); records != 0 || bytes != 0 {
		t.Errorf("backlog %d records, %d bytes at the end", records, bytes)
	}
	oldest := l.Oldest()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir, o)
	if l.Synced() != appenders*each || l.Oldest() != oldest {
		t.Errorf("after reopening: %d..%d, before: %d..%d", l.Oldest(), l.Synced(), oldest, appenders*each)
	}
	t.Logf("appenders %d, records %d, oldest after trimming %d", appenders, len(got), oldest)
	if oldest == 1 {
		t.Error("nothing was trimmed")
	}
}

// consume reads n records, moving c and trimming now and then.
func consume(t *testing.T, l *wal.Log, c *wal.Cursor, n int, got map[wal.Index]string) {
	r, err := l.Reader(c.At() + 1)
	if err != nil {
		t.Error(err)
		return
	}
	for i := 1; i <= n; i++ {
		rec, err := r.Next(t.Context())
		if err != nil || rec.Index != wal.Index(i) {
			t.Errorf("record %d: got %d, %v", i, rec.Index, err)
			return
		}
		got[rec.Index] = string(rec.Payload)
		if i%100 != 0 {
			continue
		}
		if err := c.Advance(rec.Index); err != nil {
			t.Error(err)
		}
		if _, err := l.Trim(); err != nil {
			t.Error(err)
		}
	}
}

// follow reads the tail and random places; deletion under it is in order.
func follow(t *testing.T, l *wal.Log, n int) {
	for l.Synced() < wal.Index(n) {
		r, err := l.Reader(l.Oldest())
		if err != nil {
			if !isDeleted(err) {
				t.Error(err)
			}
			continue
		}
		for {
			rec, err := r.Next(context.Background())
			if err != nil {
				if !isDeleted(err) {
					t.Error(err)
				}
				break
			}
			again, err := l.ReadAt(rec.At)
			if err == nil && string(again.Payload) != string(rec.Payload) || err != nil && !isDeleted(err) {
				t.Errorf("reading record %d again: %v", rec.Index, err)
			}
			if rec.Index == wal.Index(n) {
				return
			}
		}
	}
}
