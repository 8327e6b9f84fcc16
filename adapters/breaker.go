package adapters

import (
	"time"

	"github.com/sony/gobreaker/v2"

	"hub"
	"hub/adapters/driver"
)

// When a breaker opens, and for how long: six failures in a row, or three in five of at least twenty within a minute.
const (
	inARow      = 6
	enough      = 20
	breakerSpan = time.Minute
	breakerStep = 10 * time.Second
	openFor     = 10 * time.Second
)

// line finds or makes the breaker of a shop and a class.
func (s *Storefront) line(shop Shop, class driver.Class) *line {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := lineKey{shop.Connection, shop.Account, class}
	l := s.lines[key]
	if l != nil {
		return l
	}
	l = &line{}
	l.breaker = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Interval: breakerSpan, BucketPeriod: breakerStep, Timeout: openFor,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			judged := c.TotalSuccesses + c.TotalFailures
			return c.ConsecutiveFailures >= inARow || judged >= enough && c.TotalFailures*5 >= judged*3
		},
		IsExcluded: func(err error) bool { return err != nil && !blamesPlatform(err) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			s.changed(l, class, to)
		},
	})
	s.lines[key] = l
	return l
}

// changed is called by the breaker, under its own lock.
func (s *Storefront) changed(l *line, class driver.Class, to gobreaker.State) {
	if to == gobreaker.StateOpen {
		l.openAt.Store(s.o.Clock().UnixNano())
	}
	if s.o.Observer != nil {
		s.o.Observer.Breaker(s.client.Platform(), class, to.String())
	}
}

// blamesPlatform reports whether an error says that the platform is not well: no answer, half an answer or a 5xx. An
// answer that refuses is an answer, and a caller who went away says nothing.
func blamesPlatform(err error) bool {
	return hub.KindOf(err) == hub.KindUnavailable && hub.CodeOf(err) != CodeCancelled
}

// open is the error of a breaker that lets nothing through.
func (s *Storefront) open(l *line) error {
	left := openFor - s.o.Clock().Sub(time.Unix(0, l.openAt.Load()))
	return &hub.Error{
		Kind: hub.KindUnavailable, Code: CodeBreakerOpen, Op: "the platform does not answer as it should",
		RetryAfter: min(max(left, time.Second), openFor),
	}
}
