package reconcile

import (
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"time"

	"hub"
	"hub/adapters/driver"
)

// SweepEvery is how often days are looked for that are to be looked at.
const SweepEvery = 15 * time.Minute

// atOnce is how many tasks are made in one go.
const atOnce = 200

// Sweep leaves to the queue the looks that are due at the days of the last Options.Keep: what was said of them decides, so that no
// day is forgotten because its job is gone. Hubs that do so at once make one task. It is called every SweepEvery. Tenants whose
// shard cannot be reached are left out; the error says so, and all others are planned for.
func (s *Service) Sweep(ctx context.Context) (err error) {
	defer hub.Wrap(&err, "planning the looks at", "days")
	now, shops := s.Clock(), s.Shops.All()
	var trouble []error
	for day := DayOf(now.Add(-24 * time.Hour)); now.Sub(day.To()) <= s.Keep && ctx.Err() == nil; day = DayOf(day.From().Add(-time.Hour)) {
		stated, err := s.Queue.Stated(ctx, day)
		trouble = append(trouble, err)
		var due []Task
		for _, c := range shops {
			if !c.Since.Before(day.To()) || stated.Away != nil && stated.Away(c.Tenant) {
				continue
			}
			last := stated.Last[c.Connection]
			at := now
			if first := day.To().Add(s.Settle + s.spread(c.Connection)); last.State == "" && first.After(now) {
				at = first
			}
			if !at.After(now.Add(SweepEvery)) && s.due(last, day, now) {
				due = append(due, Task{Name: c.Name, Day: day, DueAt: at})
			}
		}
		for part := range slices.Chunk(due, atOnce) {
			trouble = append(trouble, s.Queue.Later(ctx, part))
		}
	}
	return errors.Join(append(trouble, ctx.Err())...)
}

// last is what Sweep is told of a statement.
func (s Statement) last() Last { return Last{s.MadeAt, s.State, s.Code()} }

// due reports whether a day is to be looked at. A final one is, once a day while it is young: a row that somebody deleted by hand
// is found then. Each such look makes a revision, which says until when the day was the same.
func (s *Service) due(last Last, day Day, now time.Time) bool {
	age, since := now.Sub(day.To()), now.Sub(last.MadeAt)
	switch {
	case last.State == "":
		return true
	case last.State == Equal && last.Code == "":
		return age < time.Duration(s.Days)*24*time.Hour && since >= 24*time.Hour
	case age > s.Keep:
		return false
	}
	wait := pause(last.Code, age)
	return wait > 0 && since >= wait
}

// pause grows with the age of the day. What waits for people is looked at once a day, and what does not get better by itself never.
func pause(code hub.Code, age time.Duration) time.Duration {
	switch code {
	case CodeTooOld:
		return 0
	case CodeNotAsked, driver.CodeReconnect:
		return 24 * time.Hour
	}
	switch {
	case age < 2*time.Hour:
		return 15 * time.Minute
	case age < 12*time.Hour:
		return time.Hour
	case age < 48*time.Hour:
		return 4 * time.Hour
	}
	return 12 * time.Hour
}

// spread is when a shop's turn is, the same on all hubs.
func (s *Service) spread(c hub.ConnectionID) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(c))
	return s.Spread * time.Duration(h.Sum32()>>16) / (1 << 16)
}

// Ask leaves a look at a day to the queue that is to be done now, whatever was said about it before. It returns the newest
// revision that there is; what was asked for is a later one. A day that has not begun is KindInvalid.
func (s *Service) Ask(ctx context.Context, n Name, d Day) (after int64, err error) {
	defer hub.Wrap(&err, "asking for a statement of", string(n.Connection))
	now := s.Clock()
	if d.From().After(now) {
		return 0, hub.Invalid(CodeDayInFuture, "day")
	}
	before, err := s.latest(ctx, n, d)
	if err != nil {
		return 0, err
	}
	return before.Revision, s.Queue.Later(ctx, []Task{{Name: n, Day: d, Asked: true, DueAt: now}})
}
