package relaytest

import (
	"context"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/internal/relay"
)

// BrokerFaults is what can be done to a broker beside it. All are required; each returns when it is done.
type BrokerFaults struct {
	Empty  func() // removes all messages; the stream stays
	Delete func() // removes the stream
	Window time.Duration
}

// RunBroker runs the suite of relay.Broker. open returns a broker of its own, or one that lets it be: the suite keeps to
// lines of its own, but it empties and deletes the stream.
func RunBroker(t *testing.T, open func(t *testing.T) (relay.Broker, BrokerFaults)) {
	for _, c := range []struct {
		name string
		test func(*brokerEnv)
	}{
		{"Append", brokerAppends}, {"OutOfStep", brokerRefuses}, {"Race", brokerRace}, {"Bulk", brokerBulk}, {"Empty", brokerEmptied},
		{"Delete", brokerDeleted}, {"Mark", brokerMark}, {"Context", brokerContext},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, f := open(t)
			c.test(&brokerEnv{T: t, b: b, f: f})
		})
	}
}

type brokerEnv struct {
	*testing.T
	b relay.Broker
	f BrokerFaults
}

// tell publishes a run that must go in and returns the position of its last message.
func (e *brokerEnv) tell(l relay.Line, after uint64, changes ...hub.Change) uint64 {
	e.Helper()
	told := e.b.Publish(e.Context(), []relay.Run{{Line: l, After: after, Changes: changes}})
	if len(told) != 1 || told[0].Err != nil || told[0].Count != len(changes) || told[0].Position <= after {
		e.Fatalf("publishing %d changes after %d: %+v", len(changes), after, told)
	}
	e.last(l, told[0].Position, changes[len(changes)-1])
	return told[0].Position
}

// last requires the last message of a line.
func (e *brokerEnv) last(l relay.Line, position uint64, c hub.Change) {
	e.Helper()
	got, err := e.b.Last(e.Context(), l)
	got.At = time.Time{}
	if want := (relay.Message{Position: position, Sequence: c.Sequence, Change: c.ID}); err != nil || got != want {
		e.Errorf("the last message is %+v, %v; want %+v", got, err, want)
	}
}

// none requires that the broker keeps nothing of a line.
func (e *brokerEnv) none(l relay.Line) {
	e.Helper()
	if got, err := e.b.Last(e.Context(), l); err != nil || got != (relay.Message{}) {
		e.Errorf("the last message is %+v, %v; want none", got, err)
	}
}

// refused requires that a run is out of step, and that nothing of it went in.
func (e *brokerEnv) refused(what string, l relay.Line, after uint64, changes ...hub.Change) {
	e.Helper()
	before, err := e.b.Last(e.Context(), l)
	if err != nil {
		e.Fatal(err)
	}
	told := e.b.Publish(e.Context(), []relay.Run{{Line: l, After: after, Changes: changes}})
	if len(told) != 1 || told[0].Count != 0 || hub.CodeOf(told[0].Err) != relay.CodeOutOfStep || hub.KindOf(told[0].Err) != hub.KindConflict {
		e.Errorf("%s: %+v", what, told)
	}
	if now, err := e.b.Last(e.Context(), l); err != nil || now != before {
		e.Errorf("%s: the last message was %+v and is %+v, %v", what, before, now, err)
	}
}

func (e *brokerEnv) created() time.Time {
	e.Helper()
	at, err := e.b.Created(e.Context())
	if err != nil || at.IsZero() || !at.Equal(at.Truncate(time.Microsecond)) {
		e.Fatalf("created at %v: %v", at, err)
	}
	return at
}

// holds requires what the broker says of a mark.
func (e *brokerEnv) holds(what string, want bool, m relay.Mark) {
	e.Helper()
	if got, err := e.b.Holds(e.Context(), m); err != nil || got != want {
		e.Errorf("%s: holds is %v, %v; want %v", what, got, err, want)
	}
}

func brokerAppends(e *brokerEnv) {
	a, b := NewLine(), NewLine()
	e.created()
	e.none(a)
	at := e.tell(a, 0, Changes(a, 1, 3)...)
	e.none(b)
	e.tell(b, 0, Changes(b, 41, 41)...) // its beginning may be older than the stream
	e.tell(a, at, Changes(a, 4, 4)...)
	other := relay.Line{Tenant: a.Tenant + "x", Stream: a.Stream} // its subject begins like the other's
	e.none(other)
}

// brokerRefuses holds that a run whose line stands elsewhere stays out as a whole, and keeps no other run out.
func brokerRefuses(e *brokerEnv) {
	a, b := NewLine(), NewLine()
	e.created()
	list := Changes(a, 1, 6)
	first := e.tell(a, 0, list[:2]...)
	second := e.tell(a, first, list[2:4]...)
	e.refused("after an older message", a, first, Changes(a, 3, 5)...)
	e.refused("after none", a, 0, Changes(a, 5, 6)...)
	e.refused("after a message that is not there", a, second+7, Changes(a, 5, 6)...)
	e.refused("in a line without messages", b, second, Changes(b, 2, 2)...)
	theirs := Changes(b, 1, 2)
	told := e.b.Publish(e.Context(), []relay.Run{{Line: a, After: first, Changes: list[4:]}, {Line: b, Changes: theirs}})
	if len(told) != 2 || hub.CodeOf(told[0].Err) != relay.CodeOutOfStep || told[0].Count != 0 || told[1].Err != nil || told[1].Count != 2 {
		e.Fatalf("one of two is out of step: %+v", told)
	}
	e.last(a, second, list[3])
	e.last(b, told[1].Position, theirs[1])
	e.tell(a, second, list[4:]...)
}

// brokerRace has several publish what follows the same message: one gets in.
func brokerRace(e *brokerEnv) {
	a := NewLine()
	e.created()
	at := e.tell(a, 0, Changes(a, 1, 1)...)
	const racers = 8
	told := make([]relay.Told, racers)
	var group sync.WaitGroup
	for i := range racers {
		run := relay.Run{Line: a, After: at, Changes: Changes(a, 2, 4)}
		group.Go(func() { told[i] = e.b.Publish(e.Context(), []relay.Run{run})[0] })
	}
	group.Wait()
	won := 0
	for _, r := range told {
		switch {
		case r.Err == nil && r.Count == 3:
			won++
		case hub.CodeOf(r.Err) != relay.CodeOutOfStep || r.Count != 0:
			e.Errorf("a racer got %+v", r)
		}
	}
	if won != 1 {
		e.Errorf("%d of %d got in", won, racers)
	}
}

// brokerBulk publishes many runs in one call.
func brokerBulk(e *brokerEnv) {
	e.created()
	var runs []relay.Run
	for i := range 150 {
		l := NewLine()
		runs = append(runs, relay.Run{Line: l, Changes: Changes(l, 1, 1+int64(i%12))})
	}
	told := e.b.Publish(e.Context(), runs)
	if len(told) != len(runs) {
		e.Fatalf("%d answers to %d runs", len(told), len(runs))
	}
	for i, r := range told {
		if r.Err != nil || r.Count != len(runs[i].Changes) {
			e.Fatalf("run %d of %d changes: %+v", i, len(runs[i].Changes), r)
		}
		e.last(runs[i].Line, r.Position, runs[i].Changes[r.Count-1])
	}
}

// brokerEmptied holds that what was lost can be told again at once: the broker's memory of ids must not swallow it.
func brokerEmptied(e *brokerEnv) {
	a := NewLine()
	created := e.created()
	list := Changes(a, 1, 3)
	at := e.tell(a, 0, list...)
	mark := relay.Mark{Created: created, Position: at, Change: list[2].ID, At: time.Now().UTC()}
	e.holds("before", true, mark)
	e.f.Empty()
	e.none(a)
	e.holds("a young message that was purged", false, mark)
	e.refused("after the lost message", a, at, Changes(a, 4, 4)...)
	e.tell(a, 0, list...)
	e.holds("told again", false, mark)
}

func brokerDeleted(e *brokerEnv) {
	a := NewLine()
	created := e.created()
	list := Changes(a, 1, 3)
	mark := relay.Mark{Created: created, Position: e.tell(a, 0, list...), Change: list[2].ID, At: time.Now().UTC()}
	e.f.Delete()
	e.holds("of a deleted stream", false, mark)
	if again := e.created(); again.Equal(created) {
		e.Errorf("the new stream is as old as the first: %v", again)
	}
	e.holds("of the stream before", false, mark)
	e.holds("without a message", false, relay.Mark{Created: created})
	e.none(a)
	e.tell(a, 0, list...)
	e.holds("of the stream before, told again", false, mark)
}

func brokerMark(e *brokerEnv) {
	a := NewLine()
	created, now := e.created(), time.Now().UTC()
	list := Changes(a, 1, 2)
	first := e.tell(a, 0, list[0])
	second := e.tell(a, first, list[1])
	e.holds("of the stream alone", true, relay.Mark{Created: created})
	e.holds("of another stream", false, relay.Mark{Created: created.Add(-time.Hour)})
	e.holds("a message", true, relay.Mark{Created: created, Position: first, Change: list[0].ID, At: now})
	e.holds("the last message", true, relay.Mark{Created: created, Position: second, Change: list[1].ID, At: now})
	e.holds("another change there", false, relay.Mark{Created: created, Position: second, Change: list[0].ID, At: now})
	e.holds("beyond the last message", false, relay.Mark{Created: created, Position: second + 100, Change: list[1].ID, At: now})
	old := now.Add(-e.f.Window - time.Hour)
	e.holds("old, and beyond the last message", false, relay.Mark{Created: created, Position: second + 100, Change: list[1].ID, At: old})
	e.f.Empty()
	e.holds("old, and gone", true, relay.Mark{Created: created, Position: first, Change: list[0].ID, At: old})
}

func brokerContext(e *brokerEnv) {
	a := NewLine()
	e.created()
	ctx, cancel := context.WithCancel(e.Context())
	cancel()
	told := e.b.Publish(ctx, []relay.Run{{Line: a, Changes: Changes(a, 1, 1)}})
	if kind := hub.KindOf(told[0].Err); told[0].Err == nil || kind != hub.KindUnavailable && kind != hub.KindUnknown {
		e.Errorf("an ended context: %+v", told)
	}
	if _, err := e.b.Last(ctx, a); err == nil {
		e.Error("an ended context gave an answer")
	}
}
