package wal

import (
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Open recovers the log in dir, making it if need be: every record whose
// Append returned nil is there, a torn tail is cut off. That one process at a
// time has dir open is the caller's duty. A DamageError says that synced bytes
// are wrong and leaves the files as they are; nothing but an operator helps.
func Open(dir string, o Options) (*Log, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("opening log: %w", err)
	}
	l := &Log{dir: dir, opt: o, fs: o.FS, cursors: map[string]*Cursor{}, done: make(chan struct{})}
	l.work.L = &l.mu
	if err := l.recover(); err != nil {
		l.closeFiles()
		return nil, fmt.Errorf("opening log: %w", err)
	}
	go l.run()
	return l, nil
}

// recover checks everything before it changes anything.
func (l *Log) recover() error {
	if err := l.fs.MkdirAll(l.dir); err != nil {
		return err
	}
	names, err := l.fs.List(l.dir)
	if err != nil {
		return err
	}
	notes, err := l.loadNotes(names)
	if err != nil {
		return err
	}
	r := &recovery{log: l, notes: notes}
	if err := r.open(names); err != nil {
		return err
	}
	if err := r.check(); err != nil {
		return err
	}
	return r.settle(names)
}

// loadNotes reads the cursors and the synced mark.
func (l *Log) loadNotes(names []string) ([]*slots, error) {
	var notes []*slots
	for _, name := range names {
		if name != markName && !strings.HasSuffix(name, cursorSuffix) {
			continue
		}
		s, err := loadSlots(l.fs, l.path(name), name)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		notes = append(notes, s)
		if cursor, ok := strings.CutSuffix(name, cursorSuffix); ok {
			l.cursors[cursor] = &Cursor{log: l, slots: s}
		} else {
			l.mark = s
		}
	}
	return notes, nil
}

func (l *Log) path(name string) string { return filepath.Join(l.dir, name) }

// newSalt draws the number that the checksums of a new log start from.
func (l *Log) newSalt() error {
	var b [4]byte
	if _, err := io.ReadFull(l.opt.Rand, b[:]); err != nil {
		return fmt.Errorf("drawing a salt: %w", err)
	}
	l.salt = binary.LittleEndian.Uint32(b[:])
	return nil
}
