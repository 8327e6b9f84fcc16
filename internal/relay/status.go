package relay

import (
	"sync"
	"time"

	"hub"
)

// The reasons why a line is held, beside those that the broker gives.
const (
	// CodeAhead: the broker has a change with a number that the feed has not reached. The shard was put back from a backup.
	CodeAhead hub.Code = "ahead_of_feed"
	// CodeForked: the broker's last change of the line is not the feed's under that number. The shard was put back from a
	// backup, and has given the numbers to others since.
	CodeForked hub.Code = "other_than_feed"
)

// Held is a line that is not told for a while.
type Held struct {
	Line
	Code  hub.Code  // why; the kind of the error when it has no code
	Since time.Time // when it was first held
}

// Status says how the relay of one shard stands. Nothing in it is personal.
type Status struct {
	Shard   hub.ShardID
	Leading bool      // only the leader knows what follows; who was the last keeps it until somebody else leads
	Behind  int64     // changes that are known to be committed and are not told, as of a moment ago
	Oldest  time.Time // when the first of them was committed, or noticed; zero when there is none
	Held    []Held    // by tenant
	Told    int64     // changes that this hub has told since its start
	Rewinds int64     // losses of the stream that this hub has made good since its start
	Trouble string    // of the shard or of the broker, until something is told again or nothing is left to tell
}

// board is a Status that everybody may read.
type board struct {
	mu sync.Mutex
	s  Status
}

// Status returns how the relay stands.
func (r *Relay) Status() Status {
	r.board.mu.Lock()
	defer r.board.mu.Unlock()
	s := r.board.s
	s.Shard, s.Held = r.Shard, append([]Held(nil), s.Held...)
	return s
}

func (b *board) leads() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.s.Leading
}

// follow is for a hub that does not lead, with the error of its try to. That another leads is no trouble, and that one
// shows how it stands. While nobody is known to lead, what was true last is shown on: a broker that is away has every hub
// give up its leadership now and then.
func (b *board) follow(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.s.Leading = false
	switch {
	case hub.CodeOf(err) == CodeNotLeader:
		b.s = Status{Told: b.s.Told, Rewinds: b.s.Rewinds}
	case err != nil:
		b.s.Trouble = err.Error()
	}
}

func (b *board) change(f func(*Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.s)
}
