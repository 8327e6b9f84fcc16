package relay

import (
	"context"

	"hub"
)

// flight is one publication.
type flight struct {
	lines []*line
	runs  []Run
	done  chan []Told
}

// read takes the next lines in turn and reads what follows in each, a fair share of the publication. A line that was held
// comes with one change only.
func (t *term) read(ctx context.Context) (*flight, error) {
	taken := t.lines.pop(t.Limits.Lines)
	if len(taken) == 0 {
		return &flight{}, nil
	}
	share := max(1, t.Limits.Changes/len(taken))
	wants := make([]Want, len(taken))
	for i, l := range taken {
		wants[i] = Want{Line: l.Line, After: l.read, Limit: share}
		if l.attempt > 0 {
			wants[i].Limit = 1
		}
	}
	pages, err := t.Outbox.Changes(ctx, t.Shard, wants, t.Limits.Bytes)
	if err != nil {
		for _, l := range taken {
			t.lines.push(l)
		}
		return &flight{}, err
	}
	f := &flight{}
	for i, p := range pages {
		t.fill(f, taken[i], p)
	}
	return f, nil
}

// fill puts a page into the publication. A page that does not follow would be a bug of the outbox; it is read again.
func (t *term) fill(f *flight, l *line, p Page) {
	if p.More {
		t.lines.push(l)
	}
	if len(p.Changes) == 0 || p.Changes[0].Sequence != l.read+1 {
		return
	}
	if l.read == l.told {
		l.since = p.Changes[0].Time
	}
	l.read = p.Changes[len(p.Changes)-1].Sequence
	l.head = max(l.head, l.read)
	f.lines = append(f.lines, l)
	f.runs = append(f.runs, Run{Line: l.Line, Changes: p.Changes})
}

// drop gives a publication up that was read and not started.
func (t *term) drop(f *flight) {
	for _, l := range f.lines {
		t.lines.back(l)
	}
}

// prune keeps those runs that still follow what the broker has, and says after which message.
func (t *term) prune(f *flight) *flight {
	kept := &flight{}
	for i, l := range f.lines {
		r := f.runs[i]
		if t.lines.known[l.Line] != l || l.doubt || !l.due.IsZero() || r.Changes[0].Sequence != l.told+1 {
			if t.lines.known[l.Line] == l {
				t.lines.back(l)
			}
			continue
		}
		r.After = l.position
		kept.lines, kept.runs = append(kept.lines, l), append(kept.runs, r)
	}
	return kept
}

// launch starts a publication.
func (t *term) launch(ctx context.Context, f *flight) *flight {
	f.done = make(chan []Told, 1)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, publishMost)
		defer cancel()
		defer t.Observe()()
		f.done <- t.Broker.Publish(ctx, f.runs)
	}()
	return f
}

// land takes what became of each run. Its error is trouble of the broker as a whole.
func (t *term) land(told []Told, f *flight) error {
	away, count := 0, 0
	var trouble error
	var last Mark
	for i, l := range f.lines {
		r := told[i]
		if r.Count > 0 {
			c := f.runs[i].Changes[r.Count-1]
			t.lines.free(l)
			t.lines.progress(l, c.Sequence, r.Position)
			m := Mark{Created: t.mark.Created, Position: r.Position, Change: c.ID, At: t.Clock()}
			if m.Position > last.Position {
				last = m
			}
			count += r.Count
		}
		if t.outcome(l, r.Err) {
			away, trouble = away+1, r.Err
		}
	}
	if count > 0 {
		t.pending = append(t.pending, last)
		t.dirty(count)
		t.well = true
		t.board.change(func(s *Status) { s.Told, s.Trouble = s.Told+int64(count), "" })
	}
	if away == len(f.lines) {
		return trouble
	}
	return nil
}

// outcome decides over a line whose run did not go in as a whole, and says whether the broker may be away.
func (t *term) outcome(l *line, err error) (away bool) {
	if err == nil {
		return false
	}
	switch kind := hub.KindOf(err); {
	case hub.CodeOf(err) == CodeOutOfStep:
		t.ask(l)
	case kind == hub.KindUnknown:
		t.ask(l)
		return true
	case kind == hub.KindUnavailable, kind == hub.KindThrottled:
		t.lines.back(l)
		return true
	default:
		code := hub.CodeOf(err)
		if code == "" {
			code = hub.Code(kind.String())
		}
		t.lines.hold(l, code, t.Clock(), t.jitter)
	}
	return false
}

// ask has the broker asked for the last message of a line before more of it is told.
func (t *term) ask(l *line) {
	l.read = l.told
	if !l.doubt {
		l.doubt = true
		t.doubts = append(t.doubts, l)
	}
}

// dirty notes that there is something to store.
func (t *term) dirty(changes int) {
	if t.told == 0 {
		t.storeAt = t.Clock().Add(storeEvery)
	}
	t.told += changes
}
