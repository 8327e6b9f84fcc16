package reconcile

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"hub"
	"hub/adapters/driver"
)

// both is what the two sides know of the orders of one window.
type both struct {
	listed map[hub.ExternalID]driver.Seen
	held   map[hub.ExternalID]Held // of listed ones, and of those that only the hub has and the platform does not show
	parked map[hub.ExternalID]hub.ParkedID
	shown  []Held // of those that only the hub has: which the platform shows and lists nowhere, or was not asked for
}

// partial reports whether the list may lack orders that the platform has.
func (b both) partial() bool { return len(b.shown) > 0 }

// unseen are the open differences of an earlier statement of which a partial list tells nothing.
func (b both) unseen(before, now []Difference) (list []Difference) {
	there := named(now)
	for _, d := range before {
		if _, listed := b.listed[d.ExternalID]; !listed && !d.Repaired && d.Kind != Extra && !there[name{d.ExternalID, d.Kind}] {
			list = append(list, d)
		}
	}
	return list
}

// differences names each, in the order of external ids.
func (b both) differences() (list []Difference) {
	ids := map[hub.ExternalID]bool{}
	for id := range b.listed {
		ids[id] = true
	}
	for id := range b.held {
		ids[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		list = append(list, b.differ(id)...)
	}
	return list
}

// newer reports whether the hub has an order in a newer version than the list tells: then it is the hub's to know.
func (b both) newer(id hub.ExternalID) bool {
	seen, listed := b.listed[id]
	held, known := b.held[id]
	return listed && known && !held.Deleted && !seen.ChangedAt.IsZero() && held.ChangedAt.After(seen.ChangedAt)
}

// differ names how one order differs. Of an order that is newer here, that it is there is all that is compared.
func (b both) differ(id hub.ExternalID) []Difference {
	seen, listed := b.listed[id]
	held, known := b.held[id]
	d := Difference{ExternalID: id, OrderID: held.ID, ParkedID: b.parked[id]}
	if listed {
		d.Platform = &View{seen.Total, seen.Cancelled}
	}
	if known {
		d.Hub = &View{held.Total, held.Cancelled}
	}
	as := func(k Kind) []Difference { d.Kind = k; return []Difference{d} }
	switch {
	case !known && d.ParkedID != "":
		return as(Parked)
	case !known:
		return as(Missing)
	case held.Deleted: // and listed: what both know to be gone is not looked at
		return as(Deleted)
	case !listed:
		return as(Extra)
	case b.newer(id):
		return nil
	}
	var list []Difference
	if seen.Total != nil && held.Total != nil && *seen.Total != *held.Total {
		list = append(list, as(Amount)...)
	}
	if seen.Cancelled != held.Cancelled {
		list = append(list, as(Cancelled)...)
	}
	if len(list) == 0 && held.ChangedAt.Before(seen.ChangedAt.Truncate(time.Microsecond)) { // as the hub stores times
		list = as(Outdated)
	}
	return list
}

// fetchable are the orders of which another look at the platform may bring what is missing.
func fetchable(list []Difference) (ids []hub.ExternalID) {
	for _, d := range list {
		again := d.Kind == Missing || d.Kind == Amount || d.Kind == Cancelled || d.Kind == Outdated
		if again && (len(ids) == 0 || ids[len(ids)-1] != d.ExternalID) {
			ids = append(ids, d.ExternalID)
		}
	}
	return ids
}

// name tells a difference from others.
type name struct {
	id   hub.ExternalID
	kind Kind
}

func named(list []Difference) map[name]bool {
	names := map[name]bool{}
	for _, d := range list {
		names[name{d.ExternalID, d.Kind}] = true
	}
	return names
}

// repaired are the differences of an earlier statement that are not there now.
func repaired(before, now []Difference) (list []Difference) {
	there := named(now)
	for _, d := range before {
		if !there[name{d.ExternalID, d.Kind}] {
			d.Repaired = true
			list = append(list, d)
		}
	}
	return list
}

// comparable is an order of the hub with the total that the platform's list tells of it.
func (s *Statement) comparable(h Held) Held {
	if s.Amounts == WithoutShipping {
		h.Total = h.Unshipped
	}
	return h
}

// tally adds orders up.
type tally struct {
	Side
	sums map[hub.Currency]hub.Money
}

func newTally() tally {
	return tally{Side{MoneyKnown: true}, map[hub.Currency]hub.Money{}}
}

// add counts one order. A sum that does not fit is as little known as one of which a part is missing.
func (t *tally) add(total *hub.Money, cancelled bool) {
	t.Orders++
	if cancelled {
		t.Cancelled++
	}
	if total == nil {
		t.MoneyKnown = false
		return
	}
	sum, known := t.sums[total.Currency]
	if !known {
		sum = hub.Zero(total.Currency)
	}
	sum, err := sum.Add(*total)
	if err != nil {
		t.MoneyKnown = false
		return
	}
	t.sums[total.Currency] = sum
}

// side is the result: money in the order of currencies, and none when any is not known.
func (t tally) side() *Side {
	if t.MoneyKnown {
		t.Money = slices.SortedFunc(maps.Values(t.sums), func(a, b hub.Money) int { return cmp.Compare(a.Currency, b.Currency) })
	}
	return &t.Side
}

// listedSide counts what the platform lists.
func listedSide(listed map[hub.ExternalID]driver.Seen) *Side {
	t := newTally()
	for _, o := range listed {
		t.add(o.Total, o.Cancelled)
	}
	return t.side()
}

// count fills in what the hub has, and what of it is acknowledged.
func (s *Statement) count(held []Held) {
	all, acked := newTally(), newTally()
	slices.SortFunc(held, func(a, b Held) int { return cmp.Compare(a.External, b.External) })
	for _, o := range held {
		if o.Deleted {
			continue
		}
		all.add(o.Total, o.Cancelled)
		if o.Acknowledged {
			acked.add(o.Total, o.Cancelled)
		} else if len(s.Unacked) < MaxUnacknowledged {
			s.Unacked = append(s.Unacked, Waiting{o.ID, o.External})
		}
	}
	s.Held, s.Acked = all.side(), acked.side()
}

// conclude says what the comparing of both sides comes to, after the statement before. Of a list that is not whole it names
// what differs all the same, and keeps open what the list may just not show any more.
func (s *Statement) conclude(b both, now []Difference, before Statement) {
	s.State, s.Compared = Equal, []string{"orders"}
	for id := range b.listed {
		if b.newer(id) {
			s.Newer++
		}
	}
	s.Listed = listedSide(b.listed)
	if s.Amounts == NotListed { // nor of a day without orders
		s.Listed.MoneyKnown, s.Listed.Money = false, nil
	}
	s.count(append(slices.Collect(maps.Values(b.held)), b.shown...))
	if s.Newer == 0 {
		s.Compared = append(s.Compared, "cancelled")
	}
	if s.Newer == 0 && s.Listed.MoneyKnown && s.Held.MoneyKnown {
		s.Compared = append(s.Compared, "money")
	}
	if s.Open = len(now); s.Open > 0 {
		s.State = Different
	}
	if b.partial() {
		now = append(now, b.unseen(before.Differences, now)...)
		s.State, s.Unknown, s.Compared, s.Listed, s.Open = Unknown, &Cause{CodeIncomplete}, []string{}, nil, len(now)
	}
	s.name(append(now, repaired(before.Differences, now)...))
	s.Truncated = s.Truncated || before.Truncated
}

// name lists differences up to the bound.
func (s *Statement) name(list []Difference) {
	s.Truncated = len(list) > MaxDifferences
	s.Differences = append([]Difference{}, list[:min(len(list), MaxDifferences)]...)
}
