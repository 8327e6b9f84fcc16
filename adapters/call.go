package adapters

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hub"
	"hub/adapters/driver"
)

// Codes of errors that come from here and not from a platform.
const (
	CodeBreakerOpen hub.Code = "breaker_open"      // the platform failed too often; nothing was sent
	CodeNoBudget    hub.Code = "budget_wait"       // the caller's time ended before its turn; nothing was sent
	CodePaused      hub.Code = "platform_paused"   // the platform said to come back later; nothing was sent
	CodeAddress     hub.Code = "address_refused"   // not an address that may be called; nothing was sent
	CodeTimeout     hub.Code = "timed_out"         // no whole answer in time
	CodeConnection  hub.Code = "connection_failed" // no connection, or it broke
	CodeCancelled   hub.Code = "cancelled"         // the caller's time ended while the answer was awaited
	CodeTooLarge    hub.Code = "answer_too_large"  // more bytes than an answer may have
)

// How often one call is tried. Refusals for being too fast are waited out in the budget, so they may be more.
const (
	maxTries   = 4
	maxRefused = 16
	maxPause   = 30 * time.Second // a longer pause is told to the caller instead
)

// caller is a driver.Caller for one shop and priority.
type caller struct {
	s        *Storefront
	shop     Shop
	priority Priority
	token    string // of the shop; "" when Tokens has it
}

// Call implements driver.Caller. A token that is refused is renewed once.
func (c *caller) Call(ctx context.Context, call driver.Call) (driver.Answer, error) {
	access := driver.Access{App: c.s.App(), Account: call.Account}
	ownToken := !call.Public && call.URL == "" && c.token == ""
	if !call.Public {
		access.Account, access.Token = c.shop.Account, c.token
	}
	var err error
	if ownToken {
		if access.Token, err = c.s.o.Tokens.Token(ctx, c.shop); err != nil {
			return driver.Answer{}, c.named(call, err)
		}
	}
	t := tries{pauses: &backoff.ExponentialBackOff{
		InitialInterval: 200 * time.Millisecond, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: 10 * time.Second,
	}}
	renewed := false
	for attempt := 1; ; attempt++ {
		answer, r := c.try(ctx, call, access, attempt)
		if r.err == nil {
			if ownToken && c.s.o.Worked != nil {
				c.s.o.Worked(ctx, c.shop, access.Token)
			}
			return answer, nil
		}
		if ownToken && !renewed && hub.CodeOf(r.err) == driver.CodeTokenRefused {
			renewed = true
			if access.Token, err = c.s.o.Tokens.Renew(ctx, c.shop, access.Token); err != nil {
				return driver.Answer{}, c.named(call, err)
			}
			continue
		}
		if err := t.wait(ctx, call, r); err != nil {
			return driver.Answer{}, c.named(call, err)
		}
	}
}

// named says in an error what was called, and keeps what decides behaviour.
func (c *caller) named(call driver.Call, err error) error {
	return &hub.Error{
		Kind: hub.KindOf(err), Code: hub.CodeOf(err), RetryAfter: hub.RetryAfterOf(err), Err: err,
		Op: "calling " + string(c.s.client.Platform()) + " " + call.Name, Subject: string(c.shop.Connection),
	}
}

// tries counts what was tried of one call.
type tries struct {
	failed, refused int
	pauses          *backoff.ExponentialBackOff
}

// wait passes the time until the next try, or returns the error that the call ends with.
func (t *tries) wait(ctx context.Context, call driver.Call, r result) error {
	throttled := r.reached == answered && hub.KindOf(r.err) == hub.KindThrottled
	switch {
	case throttled:
		t.refused++
	case r.reached == sent && !call.Repeat, r.reached == answered && !call.Repeat && hub.KindOf(r.err) == hub.KindUnavailable:
		return &hub.Error{Kind: hub.KindUnknown, Code: hub.CodeOf(r.err), Op: "outcome unknown", Err: r.err}
	case hub.KindOf(r.err) != hub.KindUnavailable || r.reached == kept:
		return r.err
	default:
		t.failed++
	}
	pause := t.pauses.NextBackOff()
	told := hub.RetryAfterOf(r.err)
	if told > maxPause || t.failed >= maxTries || t.refused >= maxRefused {
		return r.err
	}
	if !throttled { // the budget waits for the others
		pause = max(pause, told)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return r.err
	}
}
