package wal_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"hub/internal/wal"
	"hub/internal/wal/waltest"
)

// append stores records one after the other and notes what it was told.
func (h *history) append(records []string) {
	for _, p := range records {
		h.model.mu.Lock()
		h.model.tried[id(p)] = true
		h.model.mu.Unlock()
		index, err := h.log.Append(background, []byte(p))
		h.model.mu.Lock()
		h.note(index, p, err)
		h.model.mu.Unlock()
	}
}

// note needs model.mu.
func (h *history) note(index wal.Index, p string, err error) {
	switch {
	case err == nil:
		if other, twice := h.model.acked[index]; twice {
			h.fail("index %d given to %s and %s", index, id(other), id(p))
		}
		h.model.acked[index] = p
		return
	case h.trouble == noTrouble:
		h.fail("appending: %v", err)
	case errors.Is(err, wal.ErrStopped):
		h.tally.stops++
	case errors.Is(err, wal.ErrUnavailable):
		h.tally.refusals++
	default:
		h.fail("appending: untyped error %v", err)
	}
	if !errors.Is(err, wal.ErrOutcomeUnknown) {
		h.model.refused[id(p)] = true
	}
}

func id(payload string) string { name, _, _ := strings.Cut(payload, ":"); return name }

// consume drains some records into the consumer's store and moves the cursor.
func (h *history) consume() {
	if h.cursor == nil {
		return
	}
	r, err := h.log.Reader(h.cursor.At() + 1)
	if err != nil {
		h.fail("opening a reader: %v", err)
		return
	}
	batch, last := map[wal.Index]string{}, h.cursor.At()
	for n := h.rand.IntN(8); n > 0; n-- {
		rec, ok, err := r.TryNext()
		if err != nil && !errors.Is(err, wal.ErrStopped) {
			h.fail("reading: %v", err)
		}
		if !ok {
			break
		}
		batch[rec.Index], last = string(rec.Payload), rec.Index
	}
	if h.eager {
		h.advance(last)
		h.crashPoint("before the drain", h.fs.Crash())
	}
	h.model.mu.Lock()
	for index, p := range batch {
		h.model.applied[index] = p
	}
	h.model.mu.Unlock()
	if !h.eager {
		h.advance(last)
	}
}

func (h *history) advance(to wal.Index) {
	if err := h.cursor.Advance(to); err != nil {
		h.excuse("advancing", err)
		return
	}
	h.model.mu.Lock()
	h.model.low = to
	h.model.mu.Unlock()
}

// crashPoint checks recovery from one crash, and now and then from crashes at
// each step of that recovery.
func (h *history) crashPoint(when string, found *waltest.CrashFS) {
	// Whoever was answered too early gets the chance to say so.
	runtime.Gosched()
	h.model.mu.Lock()
	defer h.model.mu.Unlock()
	if h.broken.Load() != nil {
		return
	}
	h.tally.crashes++
	assigned := ^wal.Index(0)
	if h.log != nil {
		assigned = h.log.Assigned()
	}
	if h.tally.crashes%16 == 0 {
		found.Watch(func(s waltest.Step, crash func() *waltest.CrashFS) {
			h.tally.nested++
			if v := h.recover(crash(), assigned); v != "" {
				h.fail("crash %s, then in recovery before %s %s: %s", when, s.Kind, s.Name, v)
			}
		})
	}
	if v := h.recover(found, assigned); v != "" {
		h.fail("crash %s: %s", when, v)
	}
}

// recover opens the log that a crash left, checks it and appends to it. It
// needs model.mu.
func (h *history) recover(found *waltest.CrashFS, assigned wal.Index) string {
	l, err := wal.Open(logDir, h.options(found))
	found.Watch(nil)
	if err != nil {
		return err.Error()
	}
	defer l.Close()
	records, v := h.model.check(l)
	if v != "" {
		return v
	}
	before := l.Synced()
	if before > assigned {
		return fmt.Sprintf("record %d was found, the last index given out was %d", before, assigned)
	}
	index, err := l.Append(background, []byte("afterwards:"))
	if err != nil || index != before+1 {
		return fmt.Sprintf("appending after recovery: index %d after %d, %v", index, before, err)
	}
	again, err := wal.Open(logDir, h.options(found.Crash()))
	if err != nil {
		return "second recovery: " + err.Error()
	}
	defer again.Close()
	if again.Synced() != index {
		return fmt.Sprintf("second recovery ends at %d, %d was acknowledged; the first found %d records",
			again.Synced(), index, len(records))
	}
	return ""
}

// check compares a recovered log with what was promised; it needs m.mu if
// anything else runs.
func (m *model) check(l *wal.Log) (map[wal.Index]string, string) {
	found := map[wal.Index]string{}
	seen := map[string]bool{}
	r, err := l.Reader(l.Oldest())
	if err != nil {
		return nil, err.Error()
	}
	for want := l.Oldest(); ; want++ {
		rec, ok, err := r.TryNext()
		if err != nil {
			return nil, err.Error()
		}
		if !ok {
			if want != l.Synced()+1 {
				return nil, fmt.Sprintf("reading ends at %d of %d", want-1, l.Synced())
			}
			break
		}
		p := string(rec.Payload)
		switch name := id(p); {
		case rec.Index != want:
			return nil, fmt.Sprintf("record %d where %d belongs", rec.Index, want)
		case !m.tried[name] || seen[name]:
			return nil, fmt.Sprintf("record %d (%s) was not appended, or twice", want, name)
		case m.refused[name]:
			return nil, fmt.Sprintf("record %d (%s) was refused", want, name)
		}
		seen[id(p)] = true
		found[want] = p
	}
	return found, m.checkPromises(l, found)
}

func (m *model) checkPromises(l *wal.Log, found map[wal.Index]string) string {
	for index, p := range m.acked {
		if index >= l.Oldest() && found[index] != p {
			return fmt.Sprintf("acknowledged record %d is lost", index)
		}
	}
	c, err := l.Cursor("drain")
	if err != nil {
		return err.Error()
	}
	if c.At() < m.low || c.At() > l.Synced() {
		return fmt.Sprintf("cursor at %d, acknowledged %d, log synced to %d", c.At(), m.low, l.Synced())
	}
	for index := wal.Index(1); index <= max(c.At(), l.Oldest()-1); index++ {
		if _, ok := m.applied[index]; !ok {
			return fmt.Sprintf("cursor at %d, oldest %d, but record %d was never drained", c.At(), l.Oldest(), index)
		}
	}
	return ""
}
