package wal

import (
	"encoding/binary"
	"hash/crc32"
	"io"
)

const (
	slotMagic  = "hubcur1\n"
	slotBytes  = 28
	slotStride = 4096
)

// slots is a small durable number: two places in one file, written in turn, so
// that a torn write leaves the other. It never needs new space, so a cursor
// moves (and Trim frees segments) on a full disk too.
type slots struct {
	name  string // base name, part of the checksum
	file  File
	turn  uint64 // number of the last write; its parity is its place
	index Index
}

func (s *slots) encode() []byte {
	b := make([]byte, slotBytes)
	copy(b, slotMagic)
	binary.LittleEndian.PutUint64(b[8:], s.turn)
	binary.LittleEndian.PutUint64(b[16:], uint64(s.index))
	binary.LittleEndian.PutUint32(b[24:], s.sum(b))
	return b
}

func (s *slots) sum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(s.name), castagnoli), castagnoli, b[:24])
}

// parse takes over what b holds if that is sound and newer.
func (s *slots) parse(b []byte) bool {
	if len(b) < slotBytes || string(b[:8]) != slotMagic || s.sum(b) != binary.LittleEndian.Uint32(b[24:]) {
		return false
	}
	if turn := binary.LittleEndian.Uint64(b[8:]); turn >= s.turn {
		s.turn, s.index = turn, Index(binary.LittleEndian.Uint64(b[16:]))
	}
	return true
}

// put makes index durable. After an error the file may hold either number.
func (s *slots) put(index Index) error {
	next := slots{name: s.name, turn: s.turn + 1, index: index}
	if _, err := s.file.WriteAt(next.encode(), int64(next.turn%2)*slotStride); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return &syncError{err}
	}
	s.turn, s.index = next.turn, next.index
	return nil
}

// syncError keeps a failed fsync apart from a failed write even if both say
// that space ran out.
type syncError struct{ err error }

func (e *syncError) Error() string { return e.err.Error() }

func createSlots(fs FS, dir, name string, index Index) (*slots, *failure) {
	s := &slots{name: name, index: index}
	f, fail := create(fs, dir, name, func(f File) error {
		if err := zeroFill(f, 0, 2*slotStride); err != nil {
			return err
		}
		_, err := f.WriteAt(s.encode(), 0)
		return err
	})
	s.file = f
	return s, fail
}

func loadSlots(fs FS, path, name string) (*slots, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	s := &slots{name: name, file: f}
	found := false
	for i := range int64(2) {
		b := make([]byte, slotBytes)
		n, err := f.ReadAt(b, i*slotStride)
		if err != nil && err != io.EOF {
			_ = f.Close()
			return nil, err
		}
		found = s.parse(b[:n]) || found
	}
	if !found {
		_ = f.Close()
		return nil, &DamageError{File: name, Reason: "no sound copy of the cursor"}
	}
	return s, nil
}
