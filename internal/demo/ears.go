package demo

import (
	"context"
	"sync"
	"time"

	"hub"
	"hub/internal/bus"
)

// Ears listen to the stream of events and notice when it is not what the feeds are.
type Ears struct {
	mu       sync.Mutex
	heard    map[string]bus.Event // by id, without the orders
	revision map[hub.OrderID]int64
	last     map[hub.TenantID]int64 // sequence
	repeated int
	disorder int // first hearings behind a later change of the line, or behind a later revision of the order
	times    []time.Duration
}

// Hear takes one event; it never refuses one.
func (e *Ears) Hear(_ context.Context, event bus.Event) error {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.heard == nil {
		e.heard, e.revision, e.last = map[string]bus.Event{}, map[hub.OrderID]int64{}, map[hub.TenantID]int64{}
	}
	if _, known := e.heard[string(event.ID)]; known {
		e.repeated++ // at least once is what a stream promises
		return nil
	}
	if event.Sequence <= e.last[event.Tenant] || event.Revision <= e.revision[event.OrderID] {
		e.disorder++
	}
	e.last[event.Tenant] = max(e.last[event.Tenant], event.Sequence)
	e.revision[event.OrderID] = max(e.revision[event.OrderID], event.Revision)
	event.Order = nil
	e.heard[string(event.ID)] = event
	e.times = append(e.times, now.Sub(event.Time))
	return nil
}

// Count returns how many events were heard, copies not counted.
func (e *Ears) Count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.heard)
}

// Compare counts changes of the feeds that were not heard, and events that are in none as they were heard.
func (e *Ears) Compare(feeds map[hub.TenantID][]Change) (unheard, strange int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	found := map[string]bool{}
	for tenant, feed := range feeds {
		for _, c := range feed {
			event, ok := e.heard[c.ID]
			switch {
			case !ok:
				unheard++
			case event.Tenant != tenant || event.Sequence != c.Sequence || string(event.Type) != c.Type || string(event.OrderID) != c.Order.ID || event.Revision != c.Order.Revision:
				strange++
			}
			found[c.ID] = true
		}
	}
	for id := range e.heard {
		if !found[id] {
			strange++
		}
	}
	return unheard, strange
}
