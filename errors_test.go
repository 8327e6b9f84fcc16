package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

// TestErrorText: "op subject: code at path: cause", what is empty leaving no trace.
func TestErrorText(t *testing.T) {
	for want, e := range map[string]*Error{
		"opening shard s2: EOF":               {Op: "opening shard", Subject: "s2", Err: io.EOF},
		"reading order: missing_field at id":  {Op: "reading order", Code: CodeMissing, Path: "id"},
		"checking order: at totals":           {Op: "checking order", Path: "totals"},
		"missing_field at id":                 {Code: CodeMissing, Path: "id"},
		"missing_field: EOF":                  {Code: CodeMissing, Err: io.EOF},
		"s2: EOF":                             {Subject: "s2", Err: io.EOF},
		"EOF":                                 {Err: io.EOF},
		"throttled":                           {Kind: KindThrottled},
		"calling shopify: too fast, 2 s left": Errorf(KindThrottled, "calling shopify", "too fast, %d s left", 2),
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestKinds: the outermost Error decides, whatever wraps it; a context that ended may be tried again.
func TestKinds(t *testing.T) {
	inner := &Error{Kind: KindInvalid, Code: CodeMissing, Path: "id", RetryAfter: time.Second}
	for _, c := range []struct {
		err  error
		want Kind
	}{
		{nil, KindInternal}, {io.EOF, KindInternal}, {inner, KindInvalid}, {fmt.Errorf("around: %w", inner), KindInvalid},
		{&Error{Kind: KindPermanent, Err: inner}, KindPermanent}, {errors.Join(io.EOF, inner), KindInvalid},
		{context.Canceled, KindUnavailable}, {fmt.Errorf("around: %w", context.DeadlineExceeded), KindUnavailable},
		{&Error{Kind: KindConflict, Err: context.Canceled}, KindConflict},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("%v is %s, want %s", c.err, got, c.want)
		}
	}
	outer := fmt.Errorf("around: %w", &Error{Kind: KindInvalid, Op: "reading", Err: inner})
	if CodeOf(outer) != CodeMissing || PathOf(outer) != "id" || RetryAfterOf(outer) != time.Second {
		t.Errorf("found %q, %q, %v", CodeOf(outer), PathOf(outer), RetryAfterOf(outer))
	}
	if CodeOf(nil) != "" || PathOf(io.EOF) != "" || RetryAfterOf(nil) != 0 {
		t.Error("found something in nothing")
	}
	if Kind(200).String() != "internal" || KindUnknown.String() != "unknown_outcome" {
		t.Error("names of kinds")
	}
	for k := range kinds {
		if k.String() == "" {
			t.Errorf("kind %d has no name", k)
		}
	}
}

// TestWrap puts an operation in front and changes nothing else; nil stays nil.
func TestWrap(t *testing.T) {
	var err error
	if Wrap(&err, "doing", "x"); err != nil {
		t.Errorf("nil became %v", err)
	}
	err = &Error{Kind: KindInvalid, Code: CodeMissing, Path: "id", Op: "reading"}
	Wrap(&err, "applying delivery", "d1")
	if KindOf(err) != KindInvalid || CodeOf(err) != CodeMissing || PathOf(err) != "id" || !Parkable(err) {
		t.Errorf("%v", err)
	}
	err = context.Canceled
	if Wrap(&err, "waiting", ""); KindOf(err) != KindUnavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestParkable: only the closed list, and only as permanent trouble. Parking a passing fault would hide an order.
func TestParkable(t *testing.T) {
	n := 0
	for code := range parkable {
		for kind := range kinds {
			want := kind == KindInvalid || kind == KindPermanent || kind == KindTooLarge
			if got := Parkable(&Error{Kind: kind, Code: code}); got != want {
				t.Errorf("%s %s: %v", kind, code, got)
			}
			n++
		}
	}
	for _, err := range []error{nil, io.EOF, &Error{Kind: KindInvalid}, &Error{Kind: KindPermanent, Code: "made_up"}, context.Canceled} {
		if Parkable(err) {
			t.Errorf("%v is parkable", err)
		}
	}
	t.Logf("%d combinations of %d codes", n, len(parkable))
}
