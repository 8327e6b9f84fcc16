package intake

import (
	"context"
	"sync"
	"time"

	"hub"
	"hub/internal/wal"
)

// progress is the low-water mark with what is finished above it, as ranges: one stuck delivery with a million finished
// ones behind it takes as much memory as one with two.
type progress struct {
	mu    sync.Mutex
	mark  wal.Index
	ends  map[wal.Index]wal.Index // of each finished range above the mark, by its first index
	first map[wal.Index]wal.Index // the inverse
	moved chan struct{}           // closed and replaced when the mark moves
}

func (p *progress) start(at wal.Index) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ends, p.first = map[wal.Index]wal.Index{}, map[wal.Index]wal.Index{}
	p.move(at)
}

// finish notes one index, once.
func (p *progress) finish(i wal.Index) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from, to := i, i
	if first, ok := p.first[i-1]; ok {
		delete(p.first, i-1)
		from = first
	}
	if end, ok := p.ends[i+1]; ok {
		delete(p.ends, i+1)
		to = end
	}
	if from == p.mark+1 {
		delete(p.first, to)
		p.move(to)
		return
	}
	p.ends[from], p.first[to] = to, from
}

// move needs mu.
func (p *progress) move(to wal.Index) {
	p.mark = to
	if p.moved != nil {
		close(p.moved)
	}
	p.moved = make(chan struct{})
}

func (p *progress) low() wal.Index {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mark
}

func (p *progress) wait(ctx context.Context, i wal.Index) error {
	for {
		p.mu.Lock()
		if p.moved == nil {
			p.moved = make(chan struct{})
		}
		reached, moved := p.mark >= i, p.moved
		p.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Status says how the drain of one shard stands. Nothing in it is personal.
type Status struct {
	Shard    hub.ShardID `json:"shard"`
	LowWater wal.Index   `json:"low_water"` // everything up to it is finished
	Queued   int         `json:"queued"`    // read from the log, not yet in a batch
	Retrying int         `json:"retrying"`  // set aside after an error that is not permanent
	Waiting  bool        `json:"waiting"`   // the whole drain stands still, because the shard or the vault cannot serve
	Trouble  string      `json:"trouble,omitempty"`

	Lag time.Duration `json:"lag"` // from the door to the commit, of the batch committed last; 0 before the first
}

// status is a Status that several goroutines write.
type status struct {
	mu      sync.Mutex
	s       Status
	waiting int
}

func (s *status) get() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Waiting = s.waiting > 0
	return s.s
}

// set is called when a batch has come to its end. Trouble is over when nothing has to be tried again.
func (s *status) set(queued, retrying int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Queued, s.s.Retrying = queued, retrying
	if retrying == 0 && s.waiting == 0 {
		s.s.Trouble = ""
	}
}

// lag notes how long a delivery was on its way. Clocks that were set back make nothing negative.
func (s *status) lag(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Lag = max(0, d)
}

func (s *status) trouble(what string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Trouble = what + ": " + err.Error()
}

// wait counts the steps that wait for a part of the hub.
func (s *status) wait(more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting += more
}
