package jobs

import (
	"cmp"
	"slices"
	"time"

	"hub"
)

// Turn is a lane that may have work, and since when it has not been looked at.
type Turn struct {
	Lane
	Class Class
	Since time.Time
}

// Share is how many jobs a lane may give.
type Share struct {
	Lane
	Most int
}

// Divide says whose turn it is, for implementations of Store. The lane that waited longest goes first, backfill as if it
// had come Patience later; then every tenant gets one lane before any gets two, and the lanes share a.Limit evenly, what
// does not divide going to the first. A tenant gets no more than it may run.
func Divide(turns []Turn, a Ask) []Share {
	waits := func(t Turn) time.Time { return t.Since.Add(time.Duration(t.Class) * Patience) }
	sorted := slices.Clone(turns)
	slices.SortStableFunc(sorted, func(x, y Turn) int {
		return cmp.Or(waits(x).Compare(waits(y)), cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.Connection, y.Connection))
	})
	queues := map[hub.TenantID][]Lane{}
	var order []hub.TenantID
	seen := map[Lane]bool{}
	for _, t := range sorted {
		if seen[t.Lane] {
			continue
		}
		seen[t.Lane] = true
		if queues[t.Tenant] == nil {
			order = append(order, t.Tenant)
		}
		queues[t.Tenant] = append(queues[t.Tenant], t.Lane)
	}
	room := func(tenant hub.TenantID) int {
		if a.PerTenant <= 0 {
			return a.Limit
		}
		return a.PerTenant - a.Running[tenant]
	}
	var chosen []Share
	for round := 0; len(chosen) < a.Limit && len(order) > 0; round++ {
		order = slices.DeleteFunc(order, func(t hub.TenantID) bool { return round >= len(queues[t]) || round >= room(t) })
		for _, t := range order {
			if len(chosen) < a.Limit {
				chosen = append(chosen, Share{Lane: queues[t][round]})
			}
		}
	}
	given := map[hub.TenantID]int{}
	for n, progress := 0, true; n < a.Limit && progress; {
		progress = false
		for i := range chosen {
			if t := chosen[i].Tenant; n < a.Limit && given[t] < room(t) {
				chosen[i].Most++
				given[t]++
				n++
				progress = true
			}
		}
	}
	return chosen
}
