package relay

import (
	"cmp"
	"slices"
	"time"

	"hub"
)

// line is what a leader knows of a line. Its memory is ahead of what is stored.
type line struct {
	Line
	told     int64  // the last change that the broker has
	position uint64 // where; 0 claims nothing of the stream
	read     int64  // the last change that was read, told or not
	head     int64  // the last change that is known of
	queued   bool
	dirty    bool      // told or position are not stored
	doubt    bool      // what the broker has is not known
	since    time.Time // when the first change not told was committed, or noticed; zero when all are told
	attempt  int       // how often it was held in a row
	due      time.Time // when a held line is tried again; zero when it is not held
	code     hub.Code
	held     time.Time
}

// lines are those that a leader has met: all that changed in its time, and all that it found behind.
type lines struct {
	known map[Line]*line
	queue []*line // that may have more to read, in turn
	held  map[Line]*line
}

func newLines() lines {
	return lines{known: map[Line]*line{}, held: map[Line]*line{}}
}

// meet takes what the feed says of a line.
func (s *lines) meet(p Place, now time.Time) {
	l := s.known[p.Line]
	if l == nil {
		l = &line{Line: p.Line, told: p.Told, position: p.Position, read: p.Told}
		s.known[p.Line] = l
	}
	l.head = max(l.head, p.Head)
	if l.told < l.head && l.since.IsZero() {
		l.since = now
		if p.Told == l.told && !p.Since.IsZero() && p.Since.Before(now) {
			l.since = p.Since
		}
	}
	if l.read < l.head {
		s.push(l)
	}
}

// push gives a line its turn, unless it is held.
func (s *lines) push(l *line) {
	if !l.queued && l.due.IsZero() {
		l.queued = true
		s.queue = append(s.queue, l)
	}
}

// pop takes the next lines.
func (s *lines) pop(most int) []*line {
	n := min(most, len(s.queue))
	taken := slices.Clone(s.queue[:n])
	s.queue = append(s.queue[:0], s.queue[n:]...)
	for _, l := range taken {
		l.queued = false
	}
	return taken
}

// back has a line read again what it has not told.
func (s *lines) back(l *line) {
	l.read = l.told
	s.push(l)
}

// hold keeps a line out of publications until its next try.
func (s *lines) hold(l *line, code hub.Code, now time.Time, jitter func(time.Duration) time.Duration) {
	if l.attempt == 0 {
		l.held = now
	}
	wait := min(holdBase<<min(l.attempt, 20), holdMost)
	l.attempt++
	l.due, l.code, l.read = now.Add(jitter(wait)), code, l.told
	s.held[l.Line] = l
	if l.queued {
		l.queued = false
		s.queue = slices.DeleteFunc(s.queue, func(o *line) bool { return o == l })
	}
}

// release lets held lines try again whose time has come, and returns when the next is due. They stay listed as held until
// something of them is told.
func (s *lines) release(now time.Time) (next time.Time) {
	for _, l := range s.held {
		switch {
		case l.due.IsZero(): // trying
		case due(now, l.due, holdMost):
			l.due = time.Time{}
			l.doubt = l.doubt || l.code == CodeAhead || l.code == CodeForked
			s.push(l)
		case next.IsZero() || l.due.Before(next):
			next = l.due
		}
	}
	return next
}

// progress notes that the broker has a line up to a change.
func (s *lines) progress(l *line, told int64, position uint64) {
	l.told, l.position, l.dirty = told, position, true
	l.read, l.head = max(l.read, told), max(l.head, told)
	if l.told >= l.head {
		l.since = time.Time{}
	}
}

// free ends a hold.
func (s *lines) free(l *line) {
	l.attempt, l.due, l.code = 0, time.Time{}, ""
	delete(s.held, l.Line)
}

// dirty returns the places that are to be stored.
func (s *lines) dirty() (list []Place) {
	for _, l := range s.known {
		if l.dirty {
			list = append(list, Place{Line: l.Line, Told: l.told, Position: l.position, Head: l.head})
		}
	}
	slices.SortFunc(list, func(a, b Place) int { return Compare(a.Line, b.Line) })
	return list
}

// Compare orders lines by tenant, then by stream.
func Compare(a, b Line) int {
	return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Stream, b.Stream))
}
