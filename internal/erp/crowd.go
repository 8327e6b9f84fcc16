package erp

import (
	"sync"
	"time"

	"hub"
)

// Bounds of readers that wait at one moment. Each holds a connection and looks into its shard once a second, so that
// without a bound one tenant could take what the webhooks of all others need.
const (
	MaxWaiting       = 1024 // readers of all tenants
	MaxTenantWaiting = 32   // readers of one tenant
	// CodeTooManyWaiting is the KindThrottled of one reader more.
	CodeTooManyWaiting hub.Code = "too_many_waiting"
	// comeBack is what such a reader is told to wait: as long as a short poll leaves between two questions.
	comeBack = 5 * time.Second
)

// crowd counts the readers that wait. It holds nothing for tenants that nobody waits for.
type crowd struct {
	mu  sync.Mutex
	all int
	of  map[hub.TenantID]int
}

// seat is one reader's place in the crowd, taken when there is nothing to read.
type seat struct {
	crowd  *crowd
	tenant hub.TenantID
	taken  bool
}

// take takes the place unless the reader has it already; KindThrottled when there is none left.
func (s *seat) take() error {
	c := s.crowd
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case s.taken:
		return nil
	case c.all >= MaxWaiting || c.of[s.tenant] >= MaxTenantWaiting:
		return &hub.Error{Kind: hub.KindThrottled, Code: CodeTooManyWaiting, Op: "waiting for changes", RetryAfter: comeBack}
	}
	s.taken = true
	c.all++
	c.of[s.tenant]++
	return nil
}

// leave gives the place back if it was taken.
func (s *seat) leave() {
	c := s.crowd
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.taken {
		return
	}
	s.taken = false
	c.all--
	if c.of[s.tenant]--; c.of[s.tenant] == 0 {
		delete(c.of, s.tenant)
	}
}
