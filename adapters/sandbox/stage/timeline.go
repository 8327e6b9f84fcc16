package stage

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// Clockwork is how the time of a platform passes.
type Clockwork struct {
	Start   time.Time        // where its time begins; by Clock when zero
	Clock   func() time.Time // that it follows; nil: time moves by Advance alone
	Speed   int              // how many seconds pass there while the Clock shows one; 1 when 0
	Workers int              // how many tasks of one instant are under way at once; 1 when 0, which keeps their order
}

// Timeline is the clock of a platform, the lock under which the platform keeps its state, and what is due.
type Timeline struct {
	c      Clockwork
	opened time.Time // by Clock

	mu       sync.Mutex
	now      time.Time
	ahead    time.Duration // how far Advance has moved us beyond Clock
	due      dueHeap
	sequence int64
	bell     chan struct{} // rung when something is due sooner
}

// NewTimeline begins.
func NewTimeline(c Clockwork) *Timeline {
	t := &Timeline{c: c, now: c.Start.UTC(), bell: make(chan struct{}, 1)}
	t.c.Speed = max(1, c.Speed)
	if c.Clock != nil {
		t.opened = c.Clock()
		if c.Start.IsZero() {
			t.c.Start, t.now = t.opened, t.opened.UTC()
		}
	}
	return t
}

// Lock enters the platform and brings its clock up to date.
func (t *Timeline) Lock() {
	t.mu.Lock()
	if t.c.Clock == nil {
		return
	}
	passed := t.c.Clock().Sub(t.opened) * time.Duration(t.c.Speed)
	if now := t.c.Start.UTC().Add(passed + t.ahead); now.After(t.now) {
		t.now = now
	}
}

// Unlock leaves it.
func (t *Timeline) Unlock() { t.mu.Unlock() }

// Time is the platform's time when it was locked. The caller holds the lock.
func (t *Timeline) Time() time.Time { return t.now }

// Now is the platform's time.
func (t *Timeline) Now() time.Time {
	t.Lock()
	defer t.Unlock()
	return t.now
}

// Due is how many tasks wait for their time. The caller holds the lock.
func (t *Timeline) Due() int { return len(t.due) }

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

// At plans a task, which runs without the lock. The caller holds the lock.
func (t *Timeline) At(at time.Time, run func(context.Context)) {
	t.sequence++
	heap.Push(&t.due, task{at, t.sequence, run})
	select {
	case t.bell <- struct{}{}:
	default:
	}
}

// Locked makes a task of what needs the lock.
func (t *Timeline) Locked(do func()) func(context.Context) {
	return func(context.Context) {
		t.Lock()
		defer t.Unlock()
		do()
	}
}

// batch takes all tasks of the earliest instant that is not after limit, and moves the clock there.
func (t *Timeline) batch(limit time.Time) (tasks []task) {
	for len(t.due) > 0 && !t.due[0].at.After(limit) && (tasks == nil || t.due[0].at.Equal(tasks[0].at)) {
		tasks = append(tasks, heap.Pop(&t.due).(task))
	}
	if tasks != nil && tasks[0].at.After(t.now) {
		t.set(tasks[0].at)
	}
	return tasks
}

// set moves the clock forward.
func (t *Timeline) set(to time.Time) {
	t.ahead += to.Sub(t.now)
	t.now = to
}

// Advance moves the clock by d and does everything that falls due on the way, instant by instant. It returns when it is
// done, or when ctx ends; then what was not begun stays due.
func (t *Timeline) Advance(ctx context.Context, d time.Duration) {
	t.Lock()
	limit := t.now.Add(d)
	t.Unlock()
	for ctx.Err() == nil {
		t.Lock()
		tasks := t.batch(limit)
		if tasks == nil {
			if limit.After(t.now) {
				t.set(limit)
			}
			t.Unlock()
			return
		}
		t.Unlock()
		t.perform(ctx, tasks)
	}
}

// perform runs the tasks of one instant over the workers, and waits for them. Those that were not begun when ctx ended stay due.
func (t *Timeline) perform(ctx context.Context, tasks []task) {
	var running sync.WaitGroup
	defer running.Wait()
	free := make(chan struct{}, max(1, t.c.Workers))
	for i, one := range tasks {
		if ctx.Err() != nil {
			t.restore(tasks[i:])
			return
		}
		if t.c.Workers <= 1 {
			one.run(ctx)
			continue
		}
		free <- struct{}{}
		running.Go(func() { one.run(ctx); <-free })
	}
}

// restore makes tasks due again, where they were.
func (t *Timeline) restore(tasks []task) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range tasks {
		heap.Push(&t.due, one)
	}
}

// Run does what falls due as the Clock reaches it, until ctx ends, and waits for what is under way. What was not begun stays due.
func (t *Timeline) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	free := make(chan struct{}, max(1, t.c.Workers))
	for {
		t.Lock()
		tasks := t.batch(t.now)
		pause := time.Hour
		if len(t.due) > 0 {
			pause = t.due[0].at.Sub(t.now)
		}
		t.Unlock()
		for i, one := range tasks {
			select {
			case free <- struct{}{}:
				running.Go(func() { one.run(ctx); <-free })
			case <-ctx.Done():
				t.restore(tasks[i:])
				return
			}
		}
		if tasks == nil && !t.rest(ctx, pause) {
			return
		}
	}
}

// rest waits until something may be due; false when ctx ended.
func (t *Timeline) rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(max(pause/time.Duration(t.c.Speed), time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.bell:
	case <-ctx.Done():
		return false
	}
	return true
}
