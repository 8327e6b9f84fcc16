package relay

import (
	"context"
	"time"

	"hub"
)

// check looks whether the broker still is what it was, before anything is told.
func (t *term) check(ctx context.Context) error {
	created, err := t.Broker.Created(ctx)
	if err != nil {
		return err
	}
	if !t.started {
		if t.mark, err = t.Outbox.Marked(ctx, t.Shard); err != nil {
			return err
		}
		t.started = true
	}
	if t.mark.Created.IsZero() {
		t.mark = Mark{Created: created}
	}
	return t.verify(ctx)
}

// verify looks for the mark and for the last message of each publication since, and goes back when one is lost. All of them:
// whatever a stream loses, it loses the last that was told by then, but a message that came later hides that.
func (t *term) verify(ctx context.Context) error {
	for _, m := range append([]Mark{t.mark}, t.pending...) {
		holds, err := t.Broker.Holds(ctx, m)
		if err != nil {
			return err
		}
		if !holds {
			t.verifyAt = t.Clock().Add(verifyEvery)
			return t.rewind(ctx)
		}
		t.mark = m
	}
	t.pending = t.pending[:0]
	t.verifyAt = t.Clock().Add(verifyEvery)
	return nil
}

// store writes how far lines were told, after the mark was found: what is stored as told was there then.
func (t *term) store(ctx context.Context) error {
	if err := t.verify(ctx); err != nil || t.told == 0 {
		return err
	}
	if err := t.Outbox.Tell(ctx, t.Shard, t.epoch, t.lines.dirty(), t.mark); err != nil {
		t.storeAt = t.Clock().Add(storeEvery)
		return err
	}
	for _, l := range t.lines.known {
		l.dirty = false
	}
	t.told = 0
	return nil
}

// rewind forgets what the broker was believed to have within its window. Lines of which it has kept something go on from
// there, once it was asked; the others are told again.
func (t *term) rewind(ctx context.Context) error {
	created, err := t.Broker.Created(ctx)
	if err != nil {
		return err
	}
	if err := t.Outbox.Rewind(ctx, t.Shard, t.epoch, t.Clock().Add(-t.Window)); err != nil {
		return err
	}
	t.Logger.Warn("the stream has lost messages: telling again what it does not have", "shard", t.Shard, "window", t.Window)
	t.board.change(func(s *Status) { s.Rewinds++ })
	t.lines, t.doubts = newLines(), nil
	t.mark, t.pending, t.told = Mark{Created: created}, nil, 0
	t.scanAt = time.Time{}
	return nil
}

// settleDoubts asks the broker for the last message of each line in doubt. Nothing is under way.
func (t *term) settleDoubts(ctx context.Context) error {
	for _, l := range t.lines.held {
		if l.doubt && l.due.IsZero() {
			t.doubts = append(t.doubts, l)
		}
	}
	for len(t.doubts) > 0 {
		l := t.doubts[0]
		if l.doubt {
			lost, err := t.settle(ctx, l)
			if err != nil {
				return err
			}
			if lost {
				return t.rewind(ctx)
			}
		}
		t.doubts = t.doubts[1:]
	}
	return nil
}

// settle finds where a line goes on. It reports that the stream has lost something when the line ends before what this
// hub, or one before it, was told to be in it.
func (t *term) settle(ctx context.Context, l *line) (lost bool, err error) {
	m, err := t.Broker.Last(ctx, l.Line)
	if err != nil {
		return false, err
	}
	if m.Sequence == 0 {
		if lost, err = t.young(ctx, l); err != nil || lost {
			return lost, err
		}
		m.Sequence = l.told // dropped in the regular way, or never there
	} else {
		c, err := t.change(ctx, l.Line, m.Sequence)
		switch {
		case err != nil:
			return false, err
		case c == nil:
			t.lines.hold(l, CodeAhead, t.Clock(), t.jitter)
			return false, nil
		case c.ID != m.Change:
			t.lines.hold(l, CodeForked, t.Clock(), t.jitter)
			return false, nil
		case m.Sequence < l.told && l.position > 0:
			return true, nil
		}
	}
	if l.code == CodeAhead || l.code == CodeForked || m.Sequence > l.told { // what was refused may be there after all
		t.lines.free(l)
	}
	l.doubt = false
	if m.Position > 0 { // from now on this hub says so, too
		at := m.At
		if at.IsZero() {
			at = t.Clock()
		}
		t.pending = append(t.pending, Mark{Created: t.mark.Created, Position: m.Position, Change: m.Change, At: at})
	}
	t.dirty(1) // what was found is worth storing
	t.lines.progress(l, m.Sequence, m.Position)
	t.lines.back(l)
	return false, nil
}

// ageSlack is how much the clocks of hub and broker may differ before a message that aged out looks lost. A loss that is
// not seen for it concerns what was about to age out.
const ageSlack = time.Minute

// young reports whether the last change told of a line, of which the stream has nothing any more, is too young to have
// aged out of it and did not have to make room either.
func (t *term) young(ctx context.Context, l *line) (bool, error) {
	if l.told == 0 || l.position == 0 {
		return false, nil
	}
	c, err := t.change(ctx, l.Line, l.told)
	if err != nil || c == nil || t.Clock().Sub(c.Time) >= t.Window-min(ageSlack, t.Window/10) {
		return false, err
	}
	holds, err := t.Broker.Holds(ctx, Mark{Created: t.mark.Created, Position: l.position, Change: c.ID, At: c.Time})
	return err == nil && !holds, err
}

// change reads one change, nil when the feed has none of that number.
func (t *term) change(ctx context.Context, l Line, sequence int64) (*hub.Change, error) {
	pages, err := t.Outbox.Changes(ctx, t.Shard, []Want{{Line: l, After: sequence - 1, Limit: 1}}, 1)
	if err != nil || len(pages[0].Changes) == 0 {
		return nil, err
	}
	return &pages[0].Changes[0], nil
}
