package shopee

import (
	"slices"
	"sort"
)

// entry says that an order had a version at a second.
type entry struct {
	at      int64 // seconds since 1970
	order   *order
	version int
}

// history is the orders of a shop by a time of theirs, the oldest first. An order that changes gets a new entry; the old
// one is stale, and swept out when most are.
type history struct {
	entries []entry
	stale   int
}

func (h *history) add(o *order, at int64, again bool) {
	if again {
		h.stale++
	}
	h.entries = append(h.entries, entry{at, o, o.version})
	if h.stale > 1000 && h.stale > len(h.entries)/2 {
		h.entries = slices.DeleteFunc(h.entries, func(e entry) bool { return e.version != e.order.version })
		h.stale = 0
	}
}

// newest walks from the newest entry before a time back to a time, until look says that it has enough. Stale entries are left
// out.
func (h *history) newest(from, to int64, moving bool, look func(*order) bool) {
	end := sort.Search(len(h.entries), func(i int) bool { return h.entries[i].at >= to })
	for i := end - 1; i >= 0 && h.entries[i].at >= from; i-- {
		e := h.entries[i]
		if moving && e.version != e.order.version {
			continue
		}
		if !look(e.order) {
			return
		}
	}
}
