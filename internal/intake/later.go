package intake

import (
	"container/heap"
	"time"
)

// later holds the deliveries that wait for another try, the one that is due first in front.
type later struct{ h entryHeap }

func (l *later) len() int { return len(l.h) }

func (l *later) push(e entry) { heap.Push(&l.h, e) }

// pop removes one that is due.
func (l *later) pop(now time.Time) (e entry, ok bool) {
	due, waiting := l.next()
	if early := due.Sub(now); !waiting || early > 0 && early <= backoffMost { // further off only if the clock was set back
		return e, false
	}
	return heap.Pop(&l.h).(entry), true
}

// next is when the first of them is due.
func (l *later) next() (due time.Time, ok bool) {
	if len(l.h) == 0 {
		return due, false
	}
	return l.h[0].due, true
}

// entryHeap is a heap.Interface.
type entryHeap []entry

func (h entryHeap) Len() int           { return len(h) }
func (h entryHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h entryHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *entryHeap) Push(e any)        { *h = append(*h, e.(entry)) }

func (h *entryHeap) Pop() any {
	old := *h
	last := len(old) - 1
	e := old[last]
	*h = old[:last]
	return e
}
