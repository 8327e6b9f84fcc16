package relaytest

import (
	"context"
	"slices"
	"sync"
	"time"

	"hub"
	"hub/internal/relay"
)

// Fault is what goes wrong with one call, or with one run of a publication.
type Fault int

// The faults.
const (
	Works  Fault = iota
	Before       // nothing was done, and the caller knows it
	After        // it was done, and the caller does not know
	Half         // the first half of the run went in, and the caller does not know; elsewhere like After
	Late         // nothing was done yet, it will be at a later call, and the caller does not know; elsewhere like Before
)

// Entry is a message as it went into the stream.
type Entry struct {
	relay.Line
	relay.Message
	Life int // which life of the stream: it grows when it is emptied, purged, deleted or rolled back
}

// Broker is a stream in memory: a relay.Broker as strict as the real one. Set the fields before it is used.
type Broker struct {
	Clock  hub.Clock
	Window time.Duration
	// Fault decides over each call: "publish" (for each run), "last", "created", "holds". May be nil.
	Fault func(call string) Fault
	// Refuse says whether the broker takes a change; a code is why not. May be nil.
	Refuse func(hub.Change) hub.Code

	mu      sync.Mutex
	missing bool
	made    bool
	stream  contents
	late    []relay.Run
	life    int
	entries []Entry
	faults  int
}

// contents is what a copy of the stream holds.
type contents struct {
	created  time.Time
	position uint64
	dropped  uint64 // all up to this position made room for others
	last     map[relay.Line]relay.Message
	changes  map[uint64]hub.ChangeID
}

func (c contents) clone() contents {
	n := contents{created: c.created, position: c.position, dropped: c.dropped, last: map[relay.Line]relay.Message{}, changes: map[uint64]hub.ChangeID{}}
	for l, m := range c.last {
		n.last[l] = m
	}
	for p, id := range c.changes {
		n.changes[p] = id
	}
	return n
}

var _ relay.Broker = (*Broker)(nil)

func (b *Broker) fault(call string) Fault {
	if b.Fault == nil {
		return Works
	}
	f := b.Fault(call)
	if f != Works {
		b.faults++
	}
	return f
}

func away(op string) error {
	return hub.Errorf(hub.KindUnavailable, op, "the broker is away")
}

func unknown(op string) error {
	return hub.Errorf(hub.KindUnknown, op, "the answer is lost")
}

// Publish implements relay.Broker.
func (b *Broker) Publish(ctx context.Context, runs []relay.Run) []relay.Told {
	b.mu.Lock()
	defer b.mu.Unlock()
	told := make([]relay.Told, len(runs))
	for i, r := range runs {
		switch {
		case ctx.Err() != nil:
			told[i].Err = away("publishing")
		default:
			told[i] = b.publish(r)
		}
	}
	b.arrive()
	return told
}

// arrive lets in what was late, if it still fits.
func (b *Broker) arrive() {
	if b.missing || !b.made {
		return
	}
	for _, r := range b.late {
		b.enter(r)
	}
	b.late = nil
}

func (b *Broker) publish(r relay.Run) relay.Told {
	const op = "publishing"
	f := b.fault("publish")
	if f == Before || b.missing || !b.made {
		return relay.Told{Err: away(op)}
	}
	switch f {
	case Late:
		b.late = append(b.late, r)
		return relay.Told{Err: unknown(op)}
	case Half:
		r.Changes = r.Changes[:len(r.Changes)/2]
	}
	told := b.enter(r)
	if f != Works {
		return relay.Told{Err: unknown(op)}
	}
	return told
}

// enter appends a run, up to the first change that is refused.
func (b *Broker) enter(r relay.Run) (told relay.Told) {
	if b.stream.last[r.Line].Position != r.After {
		return relay.Told{Err: &hub.Error{Kind: hub.KindConflict, Code: relay.CodeOutOfStep, Op: "publishing", Subject: string(r.Tenant)}}
	}
	for _, c := range r.Changes {
		if b.Refuse != nil {
			if code := b.Refuse(c); code != "" {
				told.Err = &hub.Error{Kind: hub.KindPermanent, Code: code, Op: "publishing", Subject: string(r.Tenant)}
				return told
			}
		}
		b.stream.position++
		m := relay.Message{Position: b.stream.position, Sequence: c.Sequence, Change: c.ID, At: b.Clock()}
		b.stream.last[r.Line], b.stream.changes[m.Position] = m, m.Change
		b.entries = append(b.entries, Entry{Line: r.Line, Message: m, Life: b.life})
		told.Count, told.Position = told.Count+1, m.Position
	}
	return told
}

// Last implements relay.Broker.
func (b *Broker) Last(ctx context.Context, l relay.Line) (relay.Message, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault("last") != Works || b.missing || ctx.Err() != nil {
		return relay.Message{}, away("asking for the last message")
	}
	return b.stream.last[l], nil
}

// Created implements relay.Broker.
func (b *Broker) Created(ctx context.Context) (time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault("created") != Works || ctx.Err() != nil {
		return time.Time{}, away("looking at the stream")
	}
	if b.missing || !b.made {
		b.missing, b.made = false, true
		made := b.Clock().UTC().Truncate(time.Microsecond)
		if !made.After(b.stream.created) {
			made = b.stream.created.Add(time.Microsecond)
		}
		b.stream = contents{created: made}.clone()
		b.branch()
	}
	return b.stream.created, nil
}

// Holds implements relay.Broker.
func (b *Broker) Holds(ctx context.Context, m relay.Mark) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.fault("holds") != Works || ctx.Err() != nil:
		return false, away("looking for a message")
	case b.missing || !b.made || !m.Created.Equal(b.stream.created):
		return false, nil
	case m.Position == 0:
		return true, nil
	}
	id, there := b.stream.changes[m.Position]
	aged := m.Position <= b.stream.position && b.Clock().Sub(m.At) > b.Window
	return there && id == m.Change || !there && (aged || m.Position <= b.stream.dropped), nil
}

// Empty removes all messages.
func (b *Broker) Empty() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream.last, b.stream.changes = map[relay.Line]relay.Message{}, map[uint64]hub.ChangeID{}
	b.life++
}

// Age removes what is older than the window.
func (b *Broker) Age() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.live() {
		if b.Clock().Sub(e.At) > b.Window {
			b.drop(e)
		}
	}
}

// MakeRoom removes all but the last n messages, as a stream does that is full.
func (b *Broker) MakeRoom(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.live()
	for _, e := range all[:max(0, len(all)-n)] {
		b.drop(e)
		b.stream.dropped = e.Position
	}
}

func (b *Broker) drop(e Entry) {
	delete(b.stream.changes, e.Position)
	if b.stream.last[e.Line].Position == e.Position {
		delete(b.stream.last, e.Line)
	}
}

// Purge removes the messages of one line, as an operator does.
func (b *Broker) Purge(l relay.Line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := slices.DeleteFunc(b.live(), func(e Entry) bool { return e.Line == l })
	for _, e := range b.live() {
		if e.Line == l {
			delete(b.stream.changes, e.Position)
		}
	}
	delete(b.stream.last, l)
	b.begin(kept)
}

// begin starts another life of the stream with what is left; b.mu is held.
func (b *Broker) begin(kept []Entry) {
	b.life++
	for _, e := range kept {
		e.Life = b.life
		b.entries = append(b.entries, e)
	}
}

// Delete removes the stream.
func (b *Broker) Delete() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.missing = true
	b.life++
}

// Copy returns what puts the stream back to what it is now.
func (b *Broker) Copy() (restore func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept, made, missing := b.stream.clone(), b.made, b.missing
	before := slices.Clone(b.live())
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.stream, b.made, b.missing = kept.clone(), made, missing
		b.begin(before)
		b.branch()
	}
}

// branch gives the messages of another life of the stream positions that no other life has given. A real stream that is put
// back gives some again, and a run that expects one of them may then fit by chance; the contract cannot exclude that.
func (b *Broker) branch() { b.stream.position = max(b.stream.position, uint64(b.life)<<32) }

// live returns what the stream holds now; b.mu is held.
func (b *Broker) live() (list []Entry) {
	for _, e := range b.entries {
		if e.Life == b.life && b.stream.changes[e.Position] == e.Change {
			list = append(list, e)
		}
	}
	return list
}

// Entries returns every message that ever went in, in order, those of a copy that was put back once more.
func (b *Broker) Entries() []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.entries)
}

// Live returns what the stream holds.
func (b *Broker) Live() []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.live()
}

// Faults counts those that were dealt.
func (b *Broker) Faults() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.faults
}
