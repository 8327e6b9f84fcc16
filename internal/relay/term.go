package relay

import (
	"context"
	"slices"
	"time"

	"hub"
)

// term is the time of one leadership. Only its own goroutine touches it.
type term struct {
	*Relay
	epoch  int64
	lines  lines
	doubts []*line // whose last message the broker must be asked for

	mark    Mark   // as stored, or to be
	pending []Mark // the last message of each publication since the mark was looked for
	started bool   // the mark was read
	told    int    // since places were stored
	well    bool   // something was told, or nothing was left to tell, since the last trouble

	scanAt, surveyAt, storeAt, verifyAt time.Time
	scanEvery                           time.Duration // between the last look at the feed and the next
	lost                                bool          // somebody else leads
}

func newTerm(r *Relay, epoch int64) *term {
	r.bell.woken()
	r.board.change(func(s *Status) { s.Leading = true }) // the rest is as it was until this term knows better
	return &term{Relay: r, epoch: epoch, lines: newLines()}
}

// run works until ctx ends or somebody else leads. It returns whether to give the leadership back because what it needs
// does not answer here.
func (t *term) run(ctx context.Context) (resign bool) {
	wait := backoffBase
	var since time.Time // of the trouble
	for {
		worked, err := t.work(ctx)
		if ctx.Err() != nil {
			return false
		}
		if hub.CodeOf(err) == CodeNotLeader {
			t.lost = true
			return false
		}
		most := backoffMost
		if worked {
			most = publishWait
		}
		if t.well {
			t.well, wait, since = false, backoffBase, time.Time{}
		}
		now := t.Clock()
		if since.IsZero() {
			since = now
			t.Logger.Warn("telling waits", "shard", t.Shard, "error", err)
		}
		t.board.change(func(s *Status) { s.Trouble = err.Error() })
		t.bell.answer(err, true)
		if !t.Alone && now.Sub(since) >= giveUpAfter {
			return true
		}
		if !pause(ctx, t.jitter(wait)) {
			return false
		}
		wait = min(2*wait, most)
	}
}

// work tells until something goes wrong that concerns more than a line, and says whether it came past its first checks.
func (t *term) work(ctx context.Context) (worked bool, err error) {
	if err := t.scan(ctx); err != nil {
		return false, err
	}
	if err := t.check(ctx); err != nil {
		return false, err
	}
	if err := t.settleDoubts(ctx); err != nil {
		return false, err
	}
	var under *flight
	for err == nil && ctx.Err() == nil {
		under, err = t.round(ctx, under)
	}
	if under != nil { // its fate counts, whatever else went wrong
		_ = t.land(<-under.done, under)
	}
	return true, err
}

// round reads the next publication while one is under way, settles that one, and starts the next.
func (t *term) round(ctx context.Context, under *flight) (*flight, error) {
	next, err := t.prepareNext(ctx)
	if under != nil {
		if e := t.land(<-under.done, under); err == nil {
			err = e
		}
	}
	if err == nil {
		err = t.settleDoubts(ctx)
	}
	if err == nil {
		err = t.chores(ctx)
	}
	if err != nil || ctx.Err() != nil {
		t.drop(next)
		return nil, err
	}
	if next = t.prune(next); len(next.lines) > 0 {
		return t.launch(ctx, next), nil
	}
	if under == nil && len(t.lines.queue) == 0 && len(t.doubts) == 0 {
		t.idle(ctx)
	}
	return nil, nil
}

// prepareNext looks for work and reads it.
func (t *term) prepareNext(ctx context.Context) (*flight, error) {
	if err := t.wake(ctx); err != nil {
		t.scanAt = time.Time{} // who called is not forgotten
		return &flight{}, err
	}
	if err := t.scan(ctx); err != nil {
		return &flight{}, err
	}
	t.lines.release(t.Clock())
	return t.read(ctx)
}

// wake gives those their turn who have news. How far a line was told that is not known here is in the shard; few such are
// looked at alone, as a look at all may take long.
func (t *term) wake(ctx context.Context) error {
	looks := 0
	for tenant := range t.bell.woken() {
		if l := t.lines.known[Line{tenant, hub.StreamOrders}]; l != nil {
			t.lines.push(l)
			continue
		}
		if looks++; looks > lookMost {
			t.scanAt = time.Time{}
			continue
		}
		places, err := t.Outbox.Behind(ctx, t.Shard, Line{Tenant: tenant}, 1) // or whoever comes next
		if err != nil {
			return err
		}
		for _, p := range places {
			t.lines.meet(p, t.Clock())
		}
	}
	return nil
}

// chores counts, stores and verifies when it is time. Nothing is under way.
func (t *term) chores(ctx context.Context) error {
	now := t.Clock()
	if due(now, t.surveyAt, pollAlone) {
		t.survey(now)
	}
	switch {
	case t.told >= t.Limits.Store, t.told > 0 && due(now, t.storeAt, storeEvery):
		return t.store(ctx)
	case due(now, t.verifyAt, verifyEvery), len(t.pending) >= pendingMost:
		return t.verify(ctx)
	}
	return nil
}

// idle waits for news.
func (t *term) idle(ctx context.Context) {
	t.bell.answer(nil, false)
	t.well = true
	t.board.change(func(s *Status) { s.Trouble = "" })
	now := t.Clock()
	next := t.scanAt
	if at := t.lines.release(now); !at.IsZero() && at.Before(next) {
		next = at
	}
	if t.told > 0 && t.storeAt.Before(next) {
		next = t.storeAt
	}
	if t.verifyAt.Before(next) {
		next = t.verifyAt
	}
	if len(t.lines.queue) > 0 || t.bell.waiting() {
		return
	}
	timer := time.NewTimer(min(max(next.Sub(now), time.Millisecond), pollAlone))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-t.bell.ring:
	case <-timer.C:
	}
}

// due says whether a moment has come. One that is further away than its period comes from a clock that was put back since.
func due(now, at time.Time, period time.Duration) bool {
	return !now.Before(at) || at.Sub(now) > period
}

// scan looks for lines that are behind, when it is time or somebody waits for it.
func (t *term) scan(ctx context.Context) error {
	now := t.Clock()
	if !due(now, t.scanAt, t.scanEvery) && !t.bell.waiting() {
		return nil
	}
	t.bell.scanning()
	const page = 1000
	for after, more := (Line{}), true; more; {
		places, err := t.Outbox.Behind(ctx, t.Shard, after, page)
		if err != nil {
			return err
		}
		for _, p := range places {
			t.lines.meet(p, now)
		}
		if more = len(places) == page; more {
			after = places[page-1].Line
		}
	}
	end, least := t.Clock(), pollShared
	if t.Alone {
		least = pollAlone
	}
	t.scanEvery = min(max(least, pollShare*end.Sub(now)), pollMost)
	t.scanAt = end.Add(t.scanEvery)
	t.survey(end)
	return nil
}

// survey counts what is known not to be told.
func (t *term) survey(now time.Time) {
	t.surveyAt = now.Add(pollAlone)
	var behind int64
	var oldest time.Time
	held := make([]Held, 0, len(t.lines.held))
	for _, l := range t.lines.known {
		behind += max(0, l.head-l.told)
		if !l.since.IsZero() && (oldest.IsZero() || l.since.Before(oldest)) {
			oldest = l.since
		}
	}
	for _, l := range t.lines.held {
		held = append(held, Held{l.Line, l.code, l.held})
	}
	slices.SortFunc(held, func(a, b Held) int { return Compare(a.Line, b.Line) })
	t.board.change(func(s *Status) { s.Behind, s.Oldest, s.Held = behind, oldest, held })
}

// dismiss ends what waits for this term.
func (t *term) dismiss() {
	t.board.change(func(s *Status) { s.Leading = false })
	t.bell.answer(nil, true)
}

// leave stores how far it came and resigns, so that the next leader begins there and at once.
func (t *term) leave(ctx context.Context) {
	if t.lost {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	if t.started && t.told > 0 {
		if err := t.store(ctx); err != nil {
			t.Logger.Debug("the last places are not stored; the stream tells the next leader", "shard", t.Shard, "error", err)
		}
	}
	if err := t.Outbox.Resign(ctx, t.Shard, t.Holder); err != nil {
		t.Logger.Debug("not resigned; the leadership ends by itself", "shard", t.Shard, "error", err)
	}
}
