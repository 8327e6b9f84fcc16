package wal

import (
	"encoding/binary"
	"hash/crc32"
)

// Index numbers records from 1 without holes.
type Index uint64

const (
	// headerBytes is a page, so that appending never rewrites the header's sectors.
	headerBytes  = 4096
	headerFixed  = 36
	headerSum    = headerBytes - 4
	recordHeader = 24
	recordAlign  = 8
)

const segmentMagic = "hubwal1\n"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segmentHeader is the first page of a segment:
// magic 8, sequence 8, first index 8, capacity 8, salt 4, zeros, CRC32C of all
// before it.
type segmentHeader struct {
	seq      uint64
	first    Index
	capacity int64
	salt     uint32
}

func (h segmentHeader) encode() []byte {
	b := make([]byte, headerBytes)
	copy(b, segmentMagic)
	binary.LittleEndian.PutUint64(b[8:], h.seq)
	binary.LittleEndian.PutUint64(b[16:], uint64(h.first))
	binary.LittleEndian.PutUint64(b[24:], uint64(h.capacity))
	binary.LittleEndian.PutUint32(b[32:], h.salt)
	binary.LittleEndian.PutUint32(b[headerSum:], crc32.Checksum(b[:headerSum], castagnoli))
	return b
}

func parseSegmentHeader(b []byte) (segmentHeader, bool) {
	if len(b) < headerBytes || string(b[:8]) != segmentMagic ||
		crc32.Checksum(b[:headerSum], castagnoli) != binary.LittleEndian.Uint32(b[headerSum:]) {
		return segmentHeader{}, false
	}
	h := segmentHeader{
		seq:      binary.LittleEndian.Uint64(b[8:]),
		first:    Index(binary.LittleEndian.Uint64(b[16:])),
		capacity: int64(binary.LittleEndian.Uint64(b[24:])),
		salt:     binary.LittleEndian.Uint32(b[32:]),
	}
	if !allZero(b[headerFixed:headerSum]) || h.first == 0 || h.capacity < 2*headerBytes || h.capacity > maxSegmentBytes {
		return segmentHeader{}, false
	}
	return h, true
}

// record is the header in front of each payload: CRC32C of what follows in the
// header 4, payload length 4, index 8, distance to the start of the batch 4,
// CRC32C of the payload 4. Both sums start from the log's salt, so a payload
// cannot be made to look like a record to somebody who lost his place. The
// payload is followed by zeros up to a multiple of 8.
type record struct {
	length uint32
	index  Index
	back   uint32
	body   uint32
}

func recordSize(payload int) int {
	return (recordHeader + payload + recordAlign - 1) &^ (recordAlign - 1)
}

func (r record) size() int64 { return int64(recordSize(int(r.length))) }

// bodySum is apart from the header's sum so that appenders can compute it
// before they hold the lock that gives them an index.
func bodySum(salt uint32, payload []byte) uint32 { return crc32.Update(salt, castagnoli, payload) }

func appendRecord(buf []byte, salt uint32, r record, payload []byte) []byte {
	n := len(buf)
	var zeros [recordHeader]byte
	buf = append(buf, zeros[:]...)
	h := buf[n:]
	binary.LittleEndian.PutUint32(h[4:], r.length)
	binary.LittleEndian.PutUint64(h[8:], uint64(r.index))
	binary.LittleEndian.PutUint32(h[16:], r.back)
	binary.LittleEndian.PutUint32(h[20:], r.body)
	binary.LittleEndian.PutUint32(h, crc32.Update(salt, castagnoli, h[4:]))
	buf = append(buf, payload...)
	return append(buf, zeros[:recordSize(len(payload))-recordHeader-len(payload)]...)
}

// parseRecord reads the header at the start of b; false if there is none.
func parseRecord(b []byte, salt uint32) (record, bool) {
	if len(b) < recordHeader {
		return record{}, false
	}
	r := record{
		length: binary.LittleEndian.Uint32(b[4:]),
		index:  Index(binary.LittleEndian.Uint64(b[8:])),
		back:   binary.LittleEndian.Uint32(b[16:]),
		body:   binary.LittleEndian.Uint32(b[20:]),
	}
	if r.index == 0 || r.length > maxSegmentBytes {
		return record{}, false
	}
	return r, crc32.Update(salt, castagnoli, b[4:recordHeader]) == binary.LittleEndian.Uint32(b)
}

// payload checks and gives the payload of r, whose header starts b; the text
// says what is wrong.
func (r record) payload(b []byte, salt uint32) ([]byte, string) {
	if r.size() > int64(len(b)) {
		return nil, "record runs over the end"
	}
	end := recordHeader + int64(r.length)
	p := b[recordHeader:end:end]
	if bodySum(salt, p) != r.body {
		return nil, "payload does not match its checksum"
	}
	for _, c := range b[end:r.size()] {
		if c != 0 {
			return nil, "padding is not zero"
		}
	}
	return p, ""
}
