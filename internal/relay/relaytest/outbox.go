package relaytest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"hub"
	"hub/internal/relay"
)

// Outbox is one shard in memory: a relay.Outbox. Set the fields before it is used.
type Outbox struct {
	Clock hub.Clock
	// Fault decides over each call, by its name in small letters. May be nil.
	Fault func(call string) Fault

	mu     sync.Mutex
	data   shard
	faults int
	rewind int
}

// shard is what a copy of the shard holds.
type shard struct {
	feed   map[relay.Line][]hub.Change
	places map[relay.Line]relay.Place
	mark   relay.Mark
	holder string
	epoch  int64
	until  time.Time
}

func (s shard) clone() shard {
	n := s
	n.feed, n.places = map[relay.Line][]hub.Change{}, maps.Clone(s.places)
	for l, list := range s.feed {
		n.feed[l] = slices.Clone(list)
	}
	return n
}

var _ relay.Outbox = (*Outbox)(nil)

// NewOutbox returns an empty shard.
func NewOutbox(clock hub.Clock) *Outbox {
	return &Outbox{Clock: clock, data: shard{feed: map[relay.Line][]hub.Change{}, places: map[relay.Line]relay.Place{}}}
}

// call runs one call under its fault.
func (o *Outbox) call(ctx context.Context, name string, f func(*shard) error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	fault := Works
	if o.Fault != nil {
		fault = o.Fault(name)
	}
	if fault != Works {
		o.faults++
	}
	switch {
	case ctx.Err() != nil, fault == Before, fault == Late:
		return hub.Errorf(hub.KindUnavailable, name, "the shard is away")
	case fault == Works:
		return f(&o.data)
	}
	if err := f(&o.data); err != nil {
		return err
	}
	return hub.Errorf(hub.KindUnknown, name, "the answer is lost")
}

func (o *Outbox) notLeader() error {
	return &hub.Error{Kind: hub.KindConflict, Code: relay.CodeNotLeader, Op: "leading the relay"}
}

// Lead implements relay.Outbox.
func (o *Outbox) Lead(ctx context.Context, _ hub.ShardID, holder string, d time.Duration) (epoch int64, err error) {
	err = o.call(ctx, "lead", func(s *shard) error {
		now := o.Clock()
		switch {
		case s.holder == holder:
		case s.holder != "" && s.until.After(now) && s.until.Sub(now) <= 2*d: // more comes from a wrong clock
			return o.notLeader()
		default:
			s.epoch++
		}
		s.holder, s.until, epoch = holder, now.Add(d), s.epoch
		return nil
	})
	return epoch, err
}

// Resign implements relay.Outbox.
func (o *Outbox) Resign(ctx context.Context, _ hub.ShardID, holder string) error {
	return o.call(ctx, "resign", func(s *shard) error {
		if s.holder == holder {
			s.until = time.Time{}
			s.holder = ""
		}
		return nil
	})
}

// Behind implements relay.Outbox.
func (o *Outbox) Behind(ctx context.Context, _ hub.ShardID, after relay.Line, limit int) (list []relay.Place, err error) {
	err = o.call(ctx, "behind", func(s *shard) error {
		for l, feed := range s.feed {
			p := s.places[l]
			p.Line, p.Head = l, int64(len(feed))
			if p.Told < p.Head && relay.Compare(l, after) > 0 {
				p.Since = feed[p.Told].Time
				list = append(list, p)
			}
		}
		slices.SortFunc(list, func(a, b relay.Place) int { return relay.Compare(a.Line, b.Line) })
		list = list[:min(limit, len(list))]
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Changes implements relay.Outbox.
func (o *Outbox) Changes(ctx context.Context, _ hub.ShardID, wants []relay.Want, maxBytes int) (pages []relay.Page, err error) {
	err = o.call(ctx, "changes", func(s *shard) error {
		pages = make([]relay.Page, len(wants))
		taken := 0
		for i, w := range wants {
			for _, c := range s.feed[w.Line][min(w.After, int64(len(s.feed[w.Line]))):] {
				if len(pages[i].Changes) == w.Limit || taken > 0 && taken+len(c.Doc) > maxBytes {
					pages[i].More = true
					break
				}
				pages[i].Changes = append(pages[i].Changes, c)
				taken += len(c.Doc)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return pages, nil
}

// Tell implements relay.Outbox.
func (o *Outbox) Tell(ctx context.Context, _ hub.ShardID, epoch int64, places []relay.Place, m relay.Mark) error {
	return o.call(ctx, "tell", func(s *shard) error {
		if epoch != s.epoch {
			return o.notLeader()
		}
		for _, p := range places {
			s.places[p.Line] = p
		}
		s.mark = m
		return nil
	})
}

// Marked implements relay.Outbox.
func (o *Outbox) Marked(ctx context.Context, _ hub.ShardID) (m relay.Mark, err error) {
	err = o.call(ctx, "marked", func(s *shard) error {
		m = s.mark
		return nil
	})
	return m, err
}

// Rewind implements relay.Outbox.
func (o *Outbox) Rewind(ctx context.Context, _ hub.ShardID, epoch int64, since time.Time) error {
	return o.call(ctx, "rewind", func(s *shard) error {
		if epoch != s.epoch {
			return o.notLeader()
		}
		for l, p := range s.places {
			first := int64(len(s.feed[l])) + 1
			for _, c := range slices.Backward(s.feed[l]) {
				if !c.Time.Before(since) {
					first = c.Sequence
				}
			}
			p.Told, p.Position = min(p.Told, first-1), 0
			s.places[l] = p
		}
		s.mark = relay.Mark{}
		o.rewind++
		return nil
	})
}

// Commit appends changes to the feed and numbers them.
func (o *Outbox) Commit(changes ...hub.Change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range changes {
		l := relay.Line{Tenant: c.Tenant, Stream: c.Stream}
		c.Sequence = int64(len(o.data.feed[l])) + 1
		o.data.feed[l] = append(o.data.feed[l], c)
	}
}

// Copy returns what puts the shard back to what it is now. The epoch stays, as the hubs go on.
func (o *Outbox) Copy() (restore func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept := o.data.clone()
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		back := kept.clone()
		back.holder, back.epoch, back.until = o.data.holder, o.data.epoch, o.data.until
		o.data = back
	}
}

// Feed returns all changes of all lines.
func (o *Outbox) Feed() map[relay.Line][]hub.Change {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.data.clone().feed
}

// Places returns how far lines were told, by line.
func (o *Outbox) Places() []relay.Place {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.SortedFunc(maps.Values(o.data.places), func(a, b relay.Place) int {
		return relay.Compare(a.Line, b.Line)
	})
}

// Counts are the faults that were dealt, the rewinds, and the changes of leader.
func (o *Outbox) Counts() (faults, rewinds int, epoch int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.faults, o.rewind, o.data.epoch
}
