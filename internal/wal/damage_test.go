package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"hub/internal/wal"
	"hub/internal/wal/waltest"
)

// TestFlippedBits turns one bit before the synced point, which Open must refuse
// with its place.
func TestFlippedBits(t *testing.T) {
	flips := 0
	for seed := range uint64(seeds(4)) {
		s := newSample(t, seed)
		random := rand.New(rand.NewPCG(seed, 3))
		last, end, _ := s.tail()
		for range 200 {
			seg, off := 1+random.Uint64N(last), random.Int64N(8<<10)
			if seg == last {
				off = random.Int64N(end)
			}
			s.refuses(t, s.flip(t, seg, off, random.IntN(8)), seg, off)
			flips++
		}
	}
	t.Logf("flips %d, refused with their place %d", flips, flips)
}

// TestZeroedRecords zeroes whole records, as a lost block would.
func TestZeroedRecords(t *testing.T) {
	s := newSample(t, 8)
	for i := range len(s.records) - s.batch {
		fs := s.fs.Kill()
		seg, from, to := s.place(i)
		name := fmt.Sprintf("%020d.seg", seg)
		b := content(t, fs, name)
		clear(b[from:to])
		replace(t, fs, name, b)
		s.refuses(t, fs, seg, from)
	}
	t.Logf("records zeroed %d, all refused", len(s.records)-s.batch)
}

// TestForeignRecord puts a sound record where another one belongs.
func TestForeignRecord(t *testing.T) {
	s := newSample(t, 3)
	seg, from, to := s.tail()
	at, other, end := s.place(len(s.records) - s.batch - 1)
	if at != seg {
		t.Fatal("the sample's tail is alone in its segment")
	}
	fs := s.fs.Kill()
	name := fmt.Sprintf("%020d.seg", seg)
	b := content(t, fs, name)
	clear(b[from:to])
	copy(b[from:], b[other:end])
	replace(t, fs, name, b)
	s.refuses(t, fs, seg, from)
}

// TestFlippedBitsWithProof turns bits of the last batch, when a clean Close or a
// cursor shows that it was synced.
func TestFlippedBitsWithProof(t *testing.T) {
	proofs := map[string]func(*wal.Log){
		"close": func(l *wal.Log) {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		},
		"cursor": func(l *wal.Log) {
			c, err := l.Cursor("drain")
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Advance(l.Synced()); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, prove := range proofs {
		s := newSample(t, 7)
		l := open(t, logDir, small(s.fs))
		add(t, l, "the last one")
		s.records = all(t, l)
		s.batch = 1
		prove(l)
		s.fs = s.fs.Crash()
		l.Close()
		seg, from, to := s.tail()
		for off := from; off < to; off++ {
			s.refuses(t, s.flip(t, seg, off, int(off%8)), seg, off)
		}
		t.Logf("%s: flips %d, all refused", name, to-from)
	}
}

func (s *sample) flip(t *testing.T, seg uint64, off int64, bit int) wal.FS {
	t.Helper()
	fs := s.fs.Kill()
	name := fmt.Sprintf("%020d.seg", seg)
	b := content(t, fs, name)
	b[off] ^= 1 << bit
	replace(t, fs, name, b)
	return fs
}

func (s *sample) refuses(t *testing.T, fs wal.FS, seg uint64, off int64) {
	t.Helper()
	l, err := wal.Open(logDir, small(fs))
	if err == nil {
		l.Close()
		t.Fatalf("flip in segment %d at %d: opened, synced to %d", seg, off, l.Synced())
	}
	var damage *wal.DamageError
	if !errors.As(err, &damage) || !errors.Is(err, wal.ErrDamaged) {
		t.Fatalf("flip in segment %d at %d: %v", seg, off, err)
	}
	if damage.Segment != seg || damage.Offset > off || damage.Offset < s.startOf(seg, off) {
		t.Fatalf("flip in segment %d at %d, reported at %d %d: %v", seg, off, damage.Segment, damage.Offset, err)
	}
}

// startOf is where the thing at off starts: the header, a record or the zeros.
func (s *sample) startOf(seg uint64, off int64) int64 {
	start := int64(0)
	for i := range s.records {
		at, from, to := s.place(i)
		if at == seg && from <= off {
			start = from
		}
		if at == seg && to <= off {
			start = to
		}
	}
	return start
}

// TestTornTail leaves the last batch incomplete from each of its bytes on.
func TestTornTail(t *testing.T) {
	s := newSample(t, 3)
	seg, from, to := s.tail()
	random := rand.New(rand.NewPCG(3, 4))
	name := fmt.Sprintf("%020d.seg", seg)
	tears := map[string]func(b []byte, at int64) []byte{
		"zeros":   func(b []byte, at int64) []byte { clear(b[at:to]); return b },
		"cut":     func(b []byte, at int64) []byte { return b[:at] },
		"garbage": func(b []byte, at int64) []byte { return noise(random, b, at, to) },
		"hole": func(b []byte, at int64) []byte {
			clear(b[at:min(at+512, to)])
			return b
		},
	}
	n := 0
	every := map[string]int64{"zeros": 1, "cut": 1, "garbage": 5, "hole": 5}
	for kind, tear := range tears {
		for at := from; at < to; at += every[kind] {
			fs := s.fs.Kill()
			b := content(t, fs, name)
			before := string(b)
			b = tear(b, at)
			replace(t, fs, name, b)
			n++
			if len(b) == len(before) && string(b) == before {
				continue
			}
			s.recovers(t, fs, at, kind)
		}
	}
	t.Logf("tails torn %d", n)
}

func noise(random *rand.Rand, b []byte, from, to int64) []byte {
	for i := from; i < to; i++ {
		b[i] ^= byte(1 + random.IntN(255))
	}
	return b
}

// recovers expects the records that end before at, and no other.
func (s *sample) recovers(t *testing.T, fs *waltest.CrashFS, at int64, kind string) {
	t.Helper()
	l, err := wal.Open(logDir, small(fs))
	if err != nil {
		t.Fatalf("%s at %d: %v", kind, at, err)
	}
	defer l.Close()
	seg, _, _ := s.tail()
	found := all(t, l)
	for i, want := range s.records {
		at2, from, to := s.place(i)
		whole := at2 < seg || to <= at
		switch {
		case i < len(found) && string(found[i].Payload) != string(want.Payload):
			t.Fatalf("%s at %d: record %d differs", kind, at, i+1)
		case i >= len(found) && whole:
			t.Fatalf("%s at %d: record %d is lost", kind, at, i+1)
		case i < len(found) && at2 == seg && from >= at && kind != "hole":
			t.Fatalf("%s at %d: record %d is there", kind, at, i+1)
		}
	}
	// As long as the record in its place was, so that what stood behind that fits.
	add(t, l, string(make([]byte, len(s.records[min(len(found), len(s.records)-1)].Payload))))
	if n := len(content(t, fs, fmt.Sprintf("%020d.seg", seg))); n != 8<<10 {
		t.Fatalf("%s at %d: segment of %d bytes after recovery", kind, at, n)
	}
	if kind != "hole" {
		return
	}
	again := open(t, logDir, small(fs.Crash()))
	defer again.Close()
	if got := all(t, again); len(got) != len(found)+1 {
		t.Fatalf("%s at %d: %d records after %d and one more", kind, at, len(got), len(found))
	}
}

// TestDamagedCursor spoils the copies of a cursor, one or both.
func TestDamagedCursor(t *testing.T) {
	s := newSample(t, 6)
	l := open(t, logDir, small(s.fs))
	c := cursor(t, l, "drain")
	for _, to := range []wal.Index{3, 5} {
		if err := c.Advance(to); err != nil {
			t.Fatal(err)
		}
	}
	s.fs = s.fs.Crash()
	l.Close()
	b := content(t, s.fs, "drain.cursor")
	at := map[wal.Index]int{}
	for copies := range 4 {
		spoilt := bytes.Clone(b)
		for i := range 2 {
			if copies&(1<<i) != 0 {
				spoilt[i*4096+20] ^= 1
			}
		}
		fs := s.fs.Kill()
		replace(t, fs, "drain.cursor", spoilt)
		l, err := wal.Open(logDir, small(fs))
		if copies == 3 {
			if !errors.Is(err, wal.ErrDamaged) {
				t.Errorf("both copies spoilt: %v", err)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		at[cursor(t, l, "drain").At()]++
		l.Close()
	}
	if at[5] != 2 || at[3] != 1 {
		t.Errorf("places found with none or one copy spoilt: %v", at)
	}
}

// TestMissingFiles takes whole files away.
func TestMissingFiles(t *testing.T) {
	s := newSample(t, 5)
	last, _, _ := s.tail()
	// Without a cursor a log that starts later looks trimmed.
	s.without(t, 2, last-1)
	l := open(t, logDir, small(s.fs))
	if err := cursor(t, l, "drain").Advance(3); err != nil {
		t.Fatal(err)
	}
	l.Close()
	s.without(t, 1, last)
	fs := s.fs.Kill()
	names, err := fs.List(logDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, segments) {
			if err := fs.Remove(filepath.Join(logDir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := wal.Open(logDir, small(fs)); !errors.Is(err, wal.ErrDamaged) {
		t.Errorf("without any segment: %v", err)
	}
	t.Logf("segments taken away %d, all noticed", 2*last-2)
}

func (s *sample) without(t *testing.T, from, to uint64) {
	t.Helper()
	for seg := from; seg <= to; seg++ {
		fs := s.fs.Kill()
		if err := fs.Remove(filepath.Join(logDir, fmt.Sprintf("%020d.seg", seg))); err != nil {
			t.Fatal(err)
		}
		if l, err := wal.Open(logDir, small(fs)); !errors.Is(err, wal.ErrDamaged) {
			t.Errorf("without segment %d: %v, %v", seg, l, err)
		}
	}
}
