package shopee

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

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

// locked makes a task of what needs the lock.
func (p *Platform) locked(do func()) func(context.Context) {
	return func(context.Context) {
		p.lock()
		defer p.mu.Unlock()
		do()
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
		if tasks == nil && !p.rest(ctx, pause) {
			return
		}
	}
}

// rest waits until something may be due; false when ctx ended.
func (p *Platform) rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(max(pause/time.Duration(p.o.Speed), time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.bell:
	case <-ctx.Done():
		return false
	}
	return true
}
