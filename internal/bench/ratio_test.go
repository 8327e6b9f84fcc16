package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// rate is one measurement.
type rate struct {
	count int64
	took  time.Duration
	cpu   time.Duration // processor time of this process, generator of the load included
	p99   time.Duration // of one operation, 0 when not taken
}

func (r rate) perSecond() float64 { return float64(r.count) / r.took.Seconds() }

// watch measures a stretch of time.
type watch machine

func start() watch { return watch(look()) }

// rate is that of count operations since the start.
func (w watch) rate(count int64) rate {
	now := look()
	return rate{count: count, took: now.at.Sub(w.at), cpu: now.ours - w.ours}
}

// comparison is one line of the table: the product against a baseline, in turns.
type comparison struct {
	name     string
	unit     string
	against  string
	demanded float64 // the least ratio, 0 when none is demanded
	known    known   // an earlier figure to put beside the baseline
	ours     func(testing.TB) rate
	baseline func(testing.TB) rate // called after ours
	rig      *rig                  // that both use, if they do
	done     func()                // gives back what both used; may be nil
}

// known is a figure measured on a 2-core Debian 12 machine that did nothing else, with other code: it tells whether a
// baseline is weak or the machine is.
type known struct {
	what  string
	value float64        // per second, 0 when there is none
	scale func() float64 // how many of it make one of our operations; one when nil
	why   func() string  // explains a baseline below 60 % of it; may be nil
}

// result is a comparison that has been made.
type result struct {
	comparison
	ours, baseline []rate
	ratios         []float64 // of the pairs, sorted
	others         float64   // processors that others kept busy meanwhile
}

// turns is how often a comparison is repeated; the median counts.
const turns = 5

// measure runs both sides in turns: A B A B …
func measure(tb testing.TB, c comparison, turns int) result {
	tb.Helper()
	r := result{comparison: c}
	before := look()
	for range turns {
		ours := c.ours(tb)
		base := c.baseline(tb)
		r.ours, r.baseline = append(r.ours, ours), append(r.baseline, base)
		r.ratios = append(r.ratios, ours.perSecond()/base.perSecond())
	}
	slices.Sort(r.ratios)
	r.others = look().others(before)
	if c.done != nil {
		c.done()
	}
	return r
}

// median of the rates a second.
func median(rates []rate) float64 {
	values := make([]float64, len(rates))
	for i, r := range rates {
		values[i] = r.perSecond()
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func middle(rates []rate) (p99 time.Duration) {
	all := make([]time.Duration, len(rates))
	for i, r := range rates {
		all[i] = r.p99
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func (r result) ratio() float64 { return r.ratios[len(r.ratios)/2] }

// verdict is empty when nothing is demanded.
func (r result) verdict() string {
	switch {
	case r.demanded == 0:
		return "reported"
	case r.ratio() >= r.demanded:
		return "ok"
	}
	return "MISSED"
}

// share prints a ratio as people say it.
func share(x float64) string {
	if x >= 3 {
		return fmt.Sprintf("%.1f x", x)
	}
	return fmt.Sprintf("%.0f %%", 100*x)
}
