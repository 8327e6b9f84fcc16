package wal

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	segmentSuffix = ".seg"
	tempSuffix    = ".tmp"
)

// segment is one file of the log. Log.mu guards end, next and marks.
type segment struct {
	segmentHeader
	file  File
	base  int64 // bytes of records in the segments before it, since Open
	end   int64 // bytes before it are durable
	next  Index // index behind the last durable record
	marks []mark
}

// behind is how many bytes of records the log holds before offset off.
func (s *segment) behind(off int64) int64 { return s.base + off - headerBytes }

func segmentName(seq uint64) string { return fmt.Sprintf("%020d%s", seq, segmentSuffix) }

func parseSegmentName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	seq, err := strconv.ParseUint(digits, 10, 64)
	return seq, err == nil && seq > 0
}

// blank is a segment that is allocated, zeroed and durable but has no header.
type blank struct {
	seq  uint64
	file File
}

// failure of a step that makes a file durable. Fatal ones stop the log.
type failure struct {
	op    string
	err   error
	fatal bool
}

// create makes name durable with the content that fill writes, or leaves
// nothing but a temporary file that Open removes.
func create(fs FS, dir, name string, fill func(File) error) (File, *failure) {
	temp := filepath.Join(dir, name+tempSuffix)
	f, err := fs.Create(temp)
	if err != nil {
		return nil, &failure{"creating " + name, err, false}
	}
	fail := fillAndName(fs, dir, name, f, fill)
	if fail == nil {
		return f, nil
	}
	// The file is abandoned: what Close and Remove say cannot make it worse.
	_ = f.Close()
	if !fail.fatal {
		_ = fs.Remove(temp)
	}
	return nil, fail
}

func fillAndName(fs FS, dir, name string, f File, fill func(File) error) *failure {
	if err := fill(f); err != nil {
		return &failure{"filling " + name, err, false}
	}
	if err := f.Sync(); err != nil {
		// Space can run out as late as here; the file is not needed by anybody yet.
		return &failure{"syncing " + name, err, !outOfSpace(err)}
	}
	if err := fs.Rename(filepath.Join(dir, name+tempSuffix), filepath.Join(dir, name)); err != nil {
		return &failure{"naming " + name, err, false}
	}
	if err := fs.SyncDir(dir); err != nil {
		return &failure{"syncing the directory for " + name, err, true}
	}
	return nil
}

// zeroFill writes real zeros: blocks that are merely reserved would make each
// later fsync wait for the journal.
func zeroFill(f File, from, to int64) error {
	zeros := make([]byte, min(1<<20, to-from))
	for from < to {
		n := min(int64(len(zeros)), to-from)
		if _, err := f.WriteAt(zeros[:n], from); err != nil {
			return err
		}
		from += n
	}
	return nil
}

func createBlank(fs FS, dir string, seq uint64, capacity int64) (*blank, *failure) {
	f, fail := create(fs, dir, segmentName(seq), func(f File) error {
		if err := f.Preallocate(capacity); err != nil {
			return err
		}
		return zeroFill(f, 0, capacity)
	})
	if fail != nil {
		return nil, fail
	}
	return &blank{seq, f}, nil
}
