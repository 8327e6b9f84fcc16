package adapters

import (
	"cmp"
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
