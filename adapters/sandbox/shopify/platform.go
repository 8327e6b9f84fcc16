package shopify

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"hub"
)

// Options decide how a platform runs. The zero value is a strict platform on a virtual clock.
type Options struct {
	Seed  uint64
	Start time.Time // where the platform's time begins; zero with a Clock: at the clock's time
	Clock hub.Clock // real time, which the platform's time follows; nil is a virtual clock
	Speed int       // how many seconds pass here while the Clock shows one; 1 when 0

	// Loopback accepts webhook addresses with http:// when their host is a loopback address. The real platform takes
	// https:// only and refuses internal addresses.
	Loopback bool
	// Dial opens connections for deliveries; nil is a net.Dialer. Connecting is bounded at one second in any case.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Wait passes the time of a slow answer; nil waits on a real timer. It returns early when ctx ends.
	Wait func(ctx context.Context, d time.Duration)
	// Unlimited charges nothing for queries, and runs bulk operations at once: for measuring what asks.
	Unlimited bool
	// Workers is how many deliveries of one instant are under way at once; 1 when 0, which keeps their order.
	Workers int
}

// Platform is the platform: shops, apps, a clock, and what is due.
type Platform struct {
	o      Options
	send   http.RoundTripper
	schema *schema

	mu       sync.Mutex
	now      time.Time
	opened   time.Time     // by Clock
	ahead    time.Duration // how far Advance has moved us beyond Clock
	streams  streams
	shops    []*store
	apps     []*App
	access   map[string]*accessToken
	refresh  map[string]*refreshToken
	codes    map[string]*authCode
	bulk     []*bulkOperation
	pages    map[string]bool // nonces of authorize pages that were shown and not used
	due      dueHeap
	sequence int64
	bell     chan struct{} // rung when something is due sooner
	sent     []*Sent
	notices  []Notice
	faults   faults
}

// streams are the sources of randomness, one for each purpose, so that more of one does not change the others.
type streams struct{ tokens, ids, faults, answers, lives, secrets *rand.Rand }

// Open makes a platform without shops and apps.
func Open(o Options) *Platform {
	stream := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(o.Seed, 100+n)) }
	p := &Platform{
		o: o, schema: adminSchema, now: o.Start.UTC(),
		streams: streams{stream(1), stream(2), stream(3), stream(4), stream(5), stream(6)},
		access:  map[string]*accessToken{}, refresh: map[string]*refreshToken{}, codes: map[string]*authCode{},
		pages: map[string]bool{}, bell: make(chan struct{}, 1), faults: newFaults(),
	}
	p.o.Speed = max(1, o.Speed)
	if o.Clock != nil {
		p.opened = o.Clock()
		if o.Start.IsZero() {
			p.o.Start, p.now = p.opened, p.opened.UTC()
		}
	}
	if p.o.Wait == nil {
		p.o.Wait = wait
	}
	p.send = transport(o.Dial)
	return p
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// lock enters the platform and brings its clock up to date.
func (p *Platform) lock() {
	p.mu.Lock()
	if p.o.Clock == nil {
		return
	}
	passed := p.o.Clock().Sub(p.opened) * time.Duration(p.o.Speed)
	if t := p.o.Start.UTC().Add(passed + p.ahead); t.After(p.now) {
		p.now = t
	}
}

// Now is the platform's time.
func (p *Platform) Now() time.Time {
	p.lock()
	defer p.mu.Unlock()
	return p.now
}

// task is something that happens at an instant. It is run without the lock.
type task struct {
	at       time.Time
	sequence int64 // tasks of one instant keep their order
	run      func(context.Context)
}

type dueHeap []task

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].sequence < h[j].sequence
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(t any)   { *h = append(*h, t.(task)) }
func (h *dueHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// at plans a task. The caller holds the lock.
func (p *Platform) at(t time.Time, run func(context.Context)) {
	p.sequence++
	heap.Push(&p.due, task{t, p.sequence, run})
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

// batch takes all tasks of the earliest instant that is not after limit, and moves the clock there.
func (p *Platform) batch(limit time.Time) (tasks []task) {
	for len(p.due) > 0 && !p.due[0].at.After(limit) && (tasks == nil || p.due[0].at.Equal(tasks[0].at)) {
		tasks = append(tasks, heap.Pop(&p.due).(task))
	}
	if tasks != nil && tasks[0].at.After(p.now) {
		p.set(tasks[0].at)
	}
	return tasks
}

// set moves the clock forward.
func (p *Platform) set(t time.Time) {
	p.ahead += t.Sub(p.now)
	p.now = t
}

// Advance moves the clock by d and does everything that falls due on the way, instant by instant. It returns when it is
// done, or when ctx ends; then what was not begun stays due.
func (p *Platform) Advance(ctx context.Context, d time.Duration) {
	p.lock()
	limit := p.now.Add(d)
	p.mu.Unlock()
	for ctx.Err() == nil {
		p.lock()
		tasks := p.batch(limit)
		if tasks == nil {
			if limit.After(p.now) {
				p.set(limit)
			}
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		p.perform(ctx, tasks)
	}
}

// perform runs the tasks of one instant over the workers, and waits for them.
func (p *Platform) perform(ctx context.Context, tasks []task) {
	if p.o.Workers <= 1 {
		for _, t := range tasks {
			t.run(ctx)
		}
		return
	}
	var running sync.WaitGroup
	free := make(chan struct{}, p.o.Workers)
	for _, t := range tasks {
		free <- struct{}{}
		running.Go(func() { t.run(ctx); <-free })
	}
	running.Wait()
}

// Run does what falls due as the given clock reaches it, until ctx ends, and waits for what is under way. It is for a
// platform with a Clock; a virtual one moves by Advance alone.
func (p *Platform) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	free := make(chan struct{}, max(1, p.o.Workers))
	for {
		p.lock()
		tasks := p.batch(p.now)
		pause := time.Hour
		if len(p.due) > 0 {
			pause = p.due[0].at.Sub(p.now)
		}
		p.mu.Unlock()
		for _, t := range tasks {
			select {
			case free <- struct{}{}:
				running.Go(func() { t.run(ctx); <-free })
			case <-ctx.Done():
				return
			}
		}
		if tasks != nil {
			continue
		}
		timer := time.NewTimer(max(pause/time.Duration(p.o.Speed), time.Millisecond))
		select {
		case <-timer.C:
		case <-p.bell:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}
