package wal

import (
	"bytes"
	"encoding/binary"
	"testing"
)

const testSalt = 0x5eed

// sampleBytes is a segment without its header: batches of 1, 2 and 3 records.
func sampleBytes() []byte {
	b := make([]byte, headerBytes)
	index := Index(1)
	for n := range 3 {
		start := len(b)
		for range n + 1 {
			p := bytes.Repeat([]byte{byte(index)}, int(index)*5)
			r := record{uint32(len(p)), index, uint32(len(b) - start), bodySum(testSalt, p)}
			b = appendRecord(b, testSalt, r, p)
			index++
		}
	}
	return append(b, make([]byte, 256)...)
}

func TestScan(t *testing.T) {
	b := sampleBytes()
	s := scan(b, testSalt, 1)
	if s.next != 7 || s.reason != "" || s.conflict || s.end != int64(len(b))-256 {
		t.Fatalf("scan found %+v", s)
	}
	if again := scan(b, testSalt+1, 1); again.next != 1 {
		t.Errorf("with another salt: %d records", again.next-1)
	}
	if again := scan(b, testSalt, 2); !again.conflict {
		t.Errorf("with another first index: %+v", again)
	}
}

// FuzzScan feeds the parsers of segments foreign bytes. What they take must be
// what appendRecord writes, and nothing may be read outside.
func FuzzScan(f *testing.F) {
	sample := sampleBytes()[headerBytes:]
	f.Add(sample, uint16(0), byte(0))
	f.Add(sample, uint16(60), byte(1))
	f.Add([]byte{}, uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, records []byte, at uint16, change byte) {
		data := append(make([]byte, headerBytes), records...)
		if len(records) > 0 {
			data[headerBytes+int(at)%len(records)] ^= change
		}
		s := scan(data, testSalt, 1)
		var again []byte
		start := 0
		for off := int64(headerBytes); off < s.end; {
			r, ok := parseRecord(data[off:], testSalt)
			if !ok {
				t.Fatalf("no record at %d, though scan went on to %d", off, s.end)
			}
			p, reason := r.payload(data[off:], testSalt)
			if reason != "" {
				t.Fatal(reason)
			}
			if r.back == 0 {
				start = len(again)
			}
			if int(r.back) != len(again)-start {
				t.Fatalf("record %d is %d behind its batch, says %d", r.index, len(again)-start, r.back)
			}
			again = appendRecord(again, testSalt, r, p)
			off += r.size()
		}
		if !bytes.Equal(again, data[headerBytes:s.end]) {
			t.Fatal("written again, the records differ")
		}
		if off, ok := laterBatch(data, testSalt, s); ok && off <= s.end {
			t.Fatalf("evidence at %d, before the end at %d", off, s.end)
		}
	})
}

// FuzzHeaders feeds the parsers of segment headers and cursor files foreign bytes.
func FuzzHeaders(f *testing.F) {
	h := segmentHeader{seq: 3, first: 9, capacity: 2 * headerBytes, salt: testSalt}
	c := slots{name: "a.cursor", turn: 4, index: 9}
	f.Add(h.encode(), uint16(0), byte(0))
	f.Add(c.encode(), uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, change byte) {
		if len(b) > 0 {
			b[int(at)%len(b)] ^= change
		}
		if h, ok := parseSegmentHeader(b); ok && !bytes.Equal(h.encode(), b[:headerBytes]) {
			t.Error("written again, the header differs")
		}
		c := slots{name: "a.cursor"}
		if c.parse(b) && binary.LittleEndian.Uint64(b[16:]) != uint64(c.index) {
			t.Error("cursor differs")
		}
	})
}
