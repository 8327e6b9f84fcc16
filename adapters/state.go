package adapters

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"hub"
	"hub/adapters/driver"
)

// State is how the calls of one class to one shop stand, for people.
type State struct {
	Class       driver.Class
	Breaker     string // closed, half-open, open
	Budget      Level  // zero when nothing has been asked yet
	LastError   hub.Kind
	LastCode    hub.Code  // of the last error, may be empty
	LastErrorAt time.Time // zero: none
	LastSuccess time.Time // zero: none
}

// lineKey names what has a breaker of its own.
type lineKey struct {
	connection hub.ConnectionID
	account    string
	class      driver.Class
}

// line is a breaker, and what happened last.
type line struct {
	breaker *gobreaker.CircuitBreaker[struct{}]
	openAt  atomic.Int64 // when it opened, in Unix nanoseconds
	state   State
}

// States says how the calls to a shop stand, by class; classes that were never called are not in it.
func (s *Storefront) States(shop Shop) (list []State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, l := range s.lines {
		if key.connection != shop.Connection || key.account != shop.Account {
			continue
		}
		state := l.state
		state.Class, state.Breaker = key.class, l.breaker.State().String()
		state.Budget, _ = s.o.Limiter.Level(s.budget(s.app, shop.Account, key.class).Key)
		list = append(list, state)
	}
	slices.SortFunc(list, func(a, b State) int { return cmp.Compare(a.Class, b.Class) })
	return list
}

// Sum is how the calls of one class to all shops of an app stand.
type Sum struct {
	Class driver.Class
	Open  int     // shops whose breaker is not closed
	Least float64 // the smallest part of a budget that is left, 0 to 1; 1 where no budget is known
}

// Sums adds up over all shops that were called, by class.
func (s *Storefront) Sums() (list []Sum) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sums := map[driver.Class]Sum{}
	for key, l := range s.lines {
		sum, ok := sums[key.class]
		if !ok {
			sum = Sum{Class: key.class, Least: 1}
		}
		if l.breaker.State() != gobreaker.StateClosed {
			sum.Open++
		}
		if level, known := s.o.Limiter.Level(s.budget(s.app, key.account, key.class).Key); known && level.Size > 0 {
			sum.Least = min(sum.Least, level.Left/level.Size)
		}
		sums[key.class] = sum
	}
	return slices.SortedFunc(maps.Values(sums), func(a, b Sum) int { return cmp.Compare(a.Class, b.Class) })
}

// Forget drops what is remembered of a shop that is disconnected.
func (s *Storefront) Forget(shop Shop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.lines {
		if key.connection == shop.Connection && key.account == shop.Account {
			delete(s.lines, key)
		}
	}
}

// budget names what a class of calls to a shop takes from.
func (s *Storefront) budget(app driver.App, account string, class driver.Class) Budget {
	key := BudgetKey{Platform: s.client.Platform(), App: app.ClientID, Account: account, Class: class}
	if s.limits.PerApp {
		key.Account = ""
	}
	if s.limits.OneBudget && class != driver.ClassAuth {
		key.Class = ""
	}
	return Budget{Key: key, Size: s.limits.Size, PerSecond: s.limits.PerSecond}
}

// record notes how a try ended.
func (s *Storefront) record(l *line, err error) {
	now := s.o.Clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		l.state.LastSuccess = now
		return
	}
	l.state.LastError, l.state.LastCode, l.state.LastErrorAt = hub.KindOf(err), hub.CodeOf(err), now
}
