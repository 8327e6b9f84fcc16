package reconcile

import (
	"slices"
	"time"

	"hub"
)

// firstLooks is in how many looks at a day all that differs is fetched again each time. What two looks did not bring, more of
// them seldom do, and each costs a call for every order.
const firstLooks = 2

// turnEvery is how often all that differs has its turn after the first looks.
const turnEvery = 24 * time.Hour

// turn reports whether all that differs begins to have its turn with this look, not only what is new.
func (s *Service) turn(t Task, st, before Statement) bool {
	first := st.Revision <= int64(firstLooks*(s.Rounds+1))
	return first || t.Asked || t.Turn || before.TurnAt == nil || st.MadeAt.Sub(*before.TurnAt) >= turnEvery
}

// chosen are the orders that are fetched again: of those that have their turn the first ones behind the last that were fetched,
// and of the others those that differ since this statement. What is behind them comes with the next look.
func (s *Service) chosen(st *Statement, now []Difference, turn bool, before Statement) []hub.ExternalID {
	ids := fetchable(now)
	at, found := slices.BinarySearch(ids, st.FetchedTo)
	if found {
		at++
	}
	rest := ids[at:]
	if st.FetchedTo == "" || len(rest) == 0 {
		rest = nil
		if turn {
			began := st.MadeAt
			rest, st.TurnAt = ids, &began
		}
	}
	again := slices.Clone(rest[:min(len(rest), s.MostFetched)])
	st.FetchedTo = ""
	if len(again) < len(rest) {
		st.FetchedTo = again[len(again)-1]
	}
	known := before.fetched()
	for _, id := range ids {
		if len(again) < s.MostFetched && !known(id) && !slices.Contains(again, id) {
			again = append(again, id)
		}
	}
	return again
}

// fetched tells of an order whether it differed already according to this statement. Of those that it had no room for it takes
// it for granted: they are behind its last.
func (s Statement) fetched() func(hub.ExternalID) bool {
	open := map[hub.ExternalID]bool{}
	var last hub.ExternalID
	for _, d := range s.Differences {
		if !d.Repaired {
			open[d.ExternalID], last = true, max(last, d.ExternalID)
		}
	}
	return func(id hub.ExternalID) bool { return open[id] || s.Truncated && id > last }
}
