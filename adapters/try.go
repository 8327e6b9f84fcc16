package adapters

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/sony/gobreaker/v2"

	"hub"
	"hub/adapters/driver"
)

// reached is how far a try came, which decides whether its outcome is known.
type reached uint8

const (
	kept     reached = iota // stopped here, and another try would be too
	unsent                  // the platform saw nothing of it
	sent                    // the platform may have seen it, and gave no whole answer
	answered                // Judge has seen an answer
)

// result is how a try ended.
type result struct {
	reached reached
	err     error
	status  int // of the answer; 0 without one
	told    Told
}

// try waits for the budget, sends once through the breaker, and returns the budget.
func (c *caller) try(ctx context.Context, call driver.Call, access driver.Access, attempt int) (driver.Answer, result) {
	to := c.shop
	if to.Account == "" {
		to.Account = access.Account // one shop that does not answer is no reason to connect no other
	}
	l := c.s.line(to, call.Class)
	if l.breaker.State() == gobreaker.StateOpen {
		return driver.Answer{}, c.seen(ctx, call, l, Try{Attempt: attempt}, result{err: c.s.open(l)})
	}
	began := c.s.o.Clock()
	var grant Grant
	if call.URL == "" { // downloads come from elsewhere
		var err error
		budget := c.s.budget(access.App, access.Account, call.Class)
		if grant, err = c.s.o.Limiter.Take(ctx, budget, Claim{c.shop.Tenant, c.priority, call.Cost}); err != nil {
			return driver.Answer{}, result{err: err}
		}
	}
	granted := c.s.o.Clock()
	var answer driver.Answer
	r := result{told: Told{Unused: true}}
	_, err := l.breaker.Execute(func() (struct{}, error) {
		answer, r = c.send(ctx, call, access)
		return struct{}{}, r.err
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		r.err = c.s.open(l)
	}
	if call.URL == "" {
		c.s.o.Limiter.Return(grant, r.told)
	}
	return answer, c.seen(ctx, call, l, Try{Attempt: attempt, Waited: granted.Sub(began), Took: c.s.o.Clock().Sub(granted)}, r)
}

// seen notes a try for people.
func (c *caller) seen(ctx context.Context, call driver.Call, l *line, t Try, r result) result {
	if hub.CodeOf(r.err) != CodeBreakerOpen { // why it opened says more
		c.s.record(l, r.err)
	}
	if o := c.s.o.Observer; o != nil {
		t.Platform, t.Class, t.Name, t.Outcome, t.Status = c.s.client.Platform(), call.Class, call.Name, "ok", r.status
		if r.err != nil {
			t.Outcome = hub.KindOf(r.err).String()
		}
		o.Tried(ctx, t)
	}
	return r
}

// send writes, signs and sends a call once and has the answer judged.
func (c *caller) send(ctx context.Context, call driver.Call, access driver.Access) (driver.Answer, result) {
	r := result{told: Told{Unused: true}}
	request, err := c.request(call, access)
	if err != nil {
		r.err = err
		return driver.Answer{}, r
	}
	limit := call.Timeout
	if limit <= 0 {
		limit = c.s.limits.Timeout
	}
	within := ctx
	if limit > 0 {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	c.s.mu.Lock()
	way := c.s.send
	c.s.mu.Unlock()
	answer, got, err := exchange(way, request.WithContext(within), c.s.o.MaxAnswer)
	if err != nil {
		r.reached, r.err = got, failure(ctx, err)
		r.told.Unused = got == unsent
		return driver.Answer{}, r
	}
	r.reached, r.told.Unused, r.status = answered, false, answer.Status
	r.told.Usage, r.err = c.s.client.Judge(call, answer)
	if hub.KindOf(r.err) == hub.KindThrottled && r.err != nil {
		r.told.Refused, r.told.RetryAfter = true, hub.RetryAfterOf(r.err)
	}
	return answer, r
}

// request writes the call, and holds its address against what may be called.
func (c *caller) request(call driver.Call, access driver.Access) (*http.Request, error) {
	var request *http.Request
	var err error
	if call.URL == "" {
		request, err = c.s.client.Request(call, access, c.s.o.Clock())
	} else {
		request, err = plain(call)
	}
	if err != nil {
		return nil, err
	}
	if !mayCall(access.App, request.URL) {
		return nil, &hub.Error{Kind: hub.KindForbidden, Code: CodeAddress, Op: "checking the address"}
	}
	if request.Header.Get("Range") == "" && request.Header.Get("Accept-Encoding") == "" {
		request.Header.Set("Accept-Encoding", "gzip")
	}
	request.Header.Set("User-Agent", "hub")
	return request, nil
}

// plain is a call to an address that the platform handed out: nothing of ours goes there.
func plain(call driver.Call) (*http.Request, error) {
	u, err := url.Parse(call.URL)
	if err != nil { // whose text would hold the address
		return nil, &hub.Error{Kind: hub.KindInvalid, Code: driver.CodeUnreadable, Op: "reading an address from the platform"}
	}
	request := (&http.Request{
		Method: call.Method, URL: u, Host: u.Host, Header: call.Header.Clone(), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(call.Body)), Body: http.NoBody,
	})
	if request.Header == nil {
		request.Header = http.Header{}
	}
	if len(call.Body) > 0 {
		request.Body = readCloser{bytes.NewReader(call.Body)}
	}
	return request, nil
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }
