package app

import (
	"context"
	"maps"
	"slices"

	"hub"
	"hub/adapters"
	"hub/adapters/driver"
	"hub/internal/obs"
)

// watch counts calls to platforms, and traces them.
type watch struct {
	*obs.Metrics
	tracer *obs.Tracer
}

var _ adapters.Observer = watch{}

// Tried implements adapters.Observer.
func (w watch) Tried(ctx context.Context, t adapters.Try) {
	w.Call(t.Platform, string(t.Class), t.Outcome, t.Waited, t.Took)
	w.tracer.Call(ctx, t.Platform, t.Name, t.Outcome, t.Status, t.Attempt, t.Waited, t.Took)
}

// Breaker implements adapters.Observer.
func (w watch) Breaker(p hub.Platform, c driver.Class, state string) {
	w.Metrics.Breaker(p, string(c), state)
}

// sums adds up how calls stand, by platform and class; of several apps the least budget counts.
func (c *calls) sums() []obs.Calls {
	if c == nil { // a hub that is being opened
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	type key struct {
		platform hub.Platform
		class    driver.Class
	}
	all := map[key]obs.Calls{}
	for _, f := range c.fronts {
		for _, sum := range f.Sums() {
			k := key{f.Client().Platform(), sum.Class}
			one, known := all[k]
			if !known {
				one = obs.Calls{Platform: k.platform, Class: string(k.class), Least: 1}
			}
			one.Open, one.Least = one.Open+sum.Open, min(one.Least, sum.Least)
			all[k] = one
		}
	}
	return slices.Collect(maps.Values(all))
}
