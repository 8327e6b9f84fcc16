package hub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is what an error means for behaviour: whether to retry, to park, to refuse, and which status to answer.
// Programs act on the kind, people read the text.
type Kind uint8

// The kinds. Whoever meets an error that has none treats it as Internal: retried, visible, never parked.
const (
	KindInternal    Kind = iota // a bug or an unclassified fault: retry and show it
	KindInvalid                 // the input breaks a rule: refuse it at the door, park it behind it
	KindUnauthentic             // no or wrong proof of identity: refuse, no effect
	KindForbidden               // identity known, right missing: refuse
	KindNotFound                // no such object, or another tenant's
	KindConflict                // the state moved on or contradicts: refuse, the caller decides
	KindTooLarge                // over a stated bound: refuse
	KindThrottled               // too fast: retry after RetryAfter
	KindUnavailable             // a part is down or full: retry with back-off
	KindUnknown                 // outcome unknown, the operation may have happened: ask before doing it again
	KindPermanent               // will never succeed as it is: park
	kinds
)

var kindNames = [kinds]string{
	"internal", "invalid", "unauthentic", "forbidden", "not_found", "conflict", "too_large", "throttled", "unavailable",
	"unknown_outcome", "permanent",
}

// String returns the name of the kind as it appears in logs and metrics.
func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return "internal"
}

// Code says precisely what is wrong, for programs and for the table in the documentation: snake_case, stable.
type Code string

// Error is the one error type that crosses package borders. Its text names the operation and its subject; it never
// holds a secret, a personal value or a piece of a payload.
type Error struct {
	Kind       Kind
	Code       Code          // may be empty
	Op         string        // what was being done: "opening shard"
	Subject    string        // to what, by identifier or name: "s2"; never a personal value
	Path       string        // JSON path of the offending field, such as line_items[2].price; never its value
	RetryAfter time.Duration // for KindThrottled and KindUnavailable, zero when not known
	Err        error         // the cause; its text is shown, so it must be as clean as ours
}

// Error prints "op subject: code at path: cause", leaving out what is empty.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	add := func(separator, text string) {
		if text == "" {
			return
		}
		if b.Len() > 0 {
			b.WriteString(separator)
		}
		b.WriteString(text)
	}
	add(" ", e.Subject)
	what := string(e.Code)
	if e.Path != "" {
		what = strings.TrimPrefix(what+" at "+e.Path, " ")
	}
	add(": ", what)
	if e.Err != nil {
		add(": ", e.Err.Error())
	}
	if b.Len() == 0 {
		return e.Kind.String()
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error with a formatted cause.
func Errorf(kind Kind, op, format string, args ...any) *Error {
	return &Error{Kind: kind, Op: op, Err: fmt.Errorf(format, args...)}
}

// Wrap puts an operation in front of *err and keeps its kind; it does nothing when *err is nil. Use it deferred:
//
//	defer hub.Wrap(&err, "opening shard", string(id))
func Wrap(err *error, op, subject string) {
	if *err == nil {
		return
	}
	*err = &Error{Kind: KindOf(*err), Code: CodeOf(*err), Op: op, Subject: subject, RetryAfter: RetryAfterOf(*err), Err: *err}
}

// KindOf returns the kind of the outermost Error in the chain of err. A context that ended is KindUnavailable:
// whatever waited may be tried again.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return KindUnavailable
	}
	return KindInternal
}

// CodeOf returns the first code found in the chain of err, or "".
func CodeOf(err error) Code {
	return first(err, func(e *Error) (Code, bool) { return e.Code, e.Code != "" })
}

// PathOf returns the first JSON path found in the chain of err, or "".
func PathOf(err error) string {
	return first(err, func(e *Error) (string, bool) { return e.Path, e.Path != "" })
}

// RetryAfterOf returns the first delay found in the chain of err, or 0.
func RetryAfterOf(err error) time.Duration {
	return first(err, func(e *Error) (time.Duration, bool) { return e.RetryAfter, e.RetryAfter > 0 })
}

// first walks the chain of errors and returns the first value that get finds.
func first[T any](err error, get func(*Error) (T, bool)) (zero T) {
	var e *Error
	for errors.As(err, &e) {
		if v, ok := get(e); ok {
			return v
		}
		err = e.Err
	}
	return zero
}
