package jobs

import (
	"time"

	"hub"
)

// Retry says how failures are tried again. Pauses double with every failure, and each is drawn evenly from nothing to that
// length, so that what failed together does not come back together.
type Retry struct {
	First    time.Duration // longest pause after the first failure
	Most     time.Duration // longest pause of all
	Attempts int           // failures of its own after which a job is given up
	// Jitter draws evenly from 0 to d, both included. A worker calls it from one goroutine at a time.
	Jitter func(d time.Duration) time.Duration
}

// CodeExhausted is that of a job which was begun too often and never ended: its hub died, or lost its lease, each time.
const CodeExhausted hub.Code = "attempts_exhausted"

// The codes of attempts that failed without saying why.
const (
	CodeTooLong  hub.Code = "handler_too_long" // it was told that its time is over
	CodePanicked hub.Code = "handler_panicked"
)

// pause is how long to wait after that many failures.
func (r Retry) pause(failures int) time.Duration {
	longest := r.First
	for range failures - 1 {
		if longest >= r.Most {
			break
		}
		longest *= 2
	}
	return r.Jitter(min(longest, r.Most))
}

// Result says what a handler's answer means for its job. The kind of the error decides:
//
//   - none: done.
//   - throttled: put off for as long as the platform asks and a little more; nothing is counted, for it was not tried.
//   - unavailable: put off. It is never given up, because nothing is wrong with it; a platform may be away for days.
//   - internal, unknown outcome, conflict: later, and given up after Retry.Attempts of them. A handler that cannot be
//     repeated after an unknown outcome asks first.
//   - invalid, unauthentic, forbidden, not found, too large, permanent: given up at once, with the code. What a handler
//     takes for settled when it is not found, it answers with no error.
func (r Retry) Result(c Claimed, err error, now time.Time) Result {
	result := Result{Claim: c.Claim()}
	if err == nil {
		return result
	}
	kind := hub.KindOf(err)
	if result.Code = hub.CodeOf(err); result.Code == "" {
		result.Code = hub.Code(kind.String())
	}
	wait := r.pause(c.Attempts + c.Pauses)
	switch kind {
	case hub.KindThrottled:
		result.Outcome, result.DueAt = PutOff, now.Add(hub.RetryAfterOf(err)+wait)
	case hub.KindUnavailable:
		result.Outcome, result.DueAt = PutOff, now.Add(max(hub.RetryAfterOf(err), wait))
	case hub.KindInternal, hub.KindUnknown, hub.KindConflict:
		result.Outcome, result.DueAt = Later, now.Add(max(hub.RetryAfterOf(err), wait))
		if c.Attempts >= r.Attempts {
			result.Outcome = GivenUp
		}
	default:
		result.Outcome = GivenUp
	}
	return result
}
