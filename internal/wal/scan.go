package wal

import (
	"encoding/binary"
	"fmt"
	"sort"
)

// markEvery is how many records lie between two entries of a segment's sparse
// index; a reader skips at most this many.
const markEvery = 256

// mark says where a record starts.
type mark struct {
	index  Index
	offset int64
}

// scanned is what a segment's bytes hold.
type scanned struct {
	next     Index  // first index that is not there
	end      int64  // offset behind the last good record
	batch    int64  // offset where the batch of the last good record starts
	reason   string // why reading ended at end; empty if zeros follow
	conflict bool   // a record with a sound header that does not belong at end
	marks    []mark
}

// scan reads records from the whole bytes of a segment until the first that is
// not sound. It never reads a payload it did not check.
func scan(data []byte, salt uint32, first Index) scanned {
	s := scanned{next: first, end: headerBytes, batch: headerBytes}
	for {
		rest := data[min(s.end, int64(len(data))):]
		r, ok := parseRecord(rest, salt)
		if !ok {
			if !allZero(rest[:min(recordHeader, len(rest))]) {
				s.reason = "no record header"
			}
			return s
		}
		if r.index != s.next || (r.back != 0 && s.end-int64(r.back) != s.batch) {
			s.reason = fmt.Sprintf("record %d does not belong here", r.index)
			s.conflict = true
			return s
		}
		if _, reason := r.payload(rest, salt); reason != "" {
			s.reason = reason
			return s
		}
		if r.back == 0 {
			s.batch = s.end
		}
		if r.index%markEvery == 0 {
			s.marks = append(s.marks, mark{r.index, s.end})
		}
		s.next++
		s.end += r.size()
	}
}

// laterBatch looks behind the place where scan ended for a record of a batch
// that starts later. There is one only if an fsync covered that place: a batch
// is written after the fsync of the one before it returned.
func laterBatch(data []byte, salt uint32, s scanned) (int64, bool) {
	for off := s.end; off+recordHeader <= int64(len(data)); off += recordAlign {
		index := Index(binary.LittleEndian.Uint64(data[off+8:]))
		if index < s.next || uint64(index-s.next) > uint64(off-s.end)/recordHeader {
			continue
		}
		r, ok := parseRecord(data[off:], salt)
		if ok && off-int64(r.back) > s.end {
			return off, true
		}
	}
	return 0, false
}

// lastNonZero gives the length of b without its trailing zeros, rounded up to
// the alignment of records.
func lastNonZero(b []byte) int64 {
	n := len(b)
	for n >= recordAlign && binary.LittleEndian.Uint64(b[n-recordAlign:n]) == 0 {
		n -= recordAlign
	}
	return int64(n)
}

func allZero(b []byte) bool {
	for len(b) >= recordAlign {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
		b = b[recordAlign:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// nearest gives the last mark at or before index, or the start of the segment.
func nearest(marks []mark, first, index Index) mark {
	i := sort.Search(len(marks), func(i int) bool { return marks[i].index > index })
	if i == 0 {
		return mark{first, headerBytes}
	}
	return marks[i-1]
}
