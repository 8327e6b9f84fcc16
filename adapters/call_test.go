package adapters

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/adapters/driver"
)

func dialError() error { return &net.OpError{Op: "dial", Err: errors.New("connection refused")} }

// TestTries: what is tried again, how often, and what an outcome that nobody knows becomes.
func TestTries(t *testing.T) {
	once := get
	once.Repeat = false
	ok := reply{status: 200}
	for name, c := range map[string]struct {
		call  driver.Call
		lines []reply
		tries int
		kind  hub.Kind
		code  hub.Code
		good  bool
	}{
		"works":                        {get, []reply{ok}, 1, 0, "", true},
		"works at last":                {get, []reply{{status: 502}, {err: errBroken}, {status: 503}, ok}, 4, 0, "", true},
		"never works":                  {get, []reply{{status: 502}}, 4, hub.KindUnavailable, "platform_error", false},
		"refused":                      {get, []reply{{status: 403}}, 1, hub.KindForbidden, "", false},
		"throttled":                    {get, []reply{{status: 429}, {status: 429}, {status: 429}, {status: 429}, {status: 429}, ok}, 6, 0, "", true},
		"throttled for ever":           {get, []reply{{status: 429}}, 16, hub.KindThrottled, "", false},
		"throttled for long":           {get, []reply{{status: 429, header: map[string]string{"Retry-After": "40"}}}, 1, hub.KindThrottled, "", false},
		"a redirect":                   {get, []reply{{status: 302, header: map[string]string{"Location": "https://10.0.0.1/"}}}, 4, hub.KindUnavailable, "platform_error", false},
		"no answer":                    {get, []reply{{hang: true}}, 4, hub.KindUnavailable, CodeTimeout, false},
		"half an answer":               {get, []reply{{status: 200, body: io.MultiReader(strings.NewReader("{"), failing{})}}, 4, hub.KindUnavailable, driver.CodeUnreadable, false},
		"once: no answer":              {once, []reply{{hang: true}}, 1, hub.KindUnknown, CodeTimeout, false},
		"once: broken":                 {once, []reply{{err: errBroken}}, 1, hub.KindUnknown, CodeConnection, false},
		"once: half an answer":         {once, []reply{{status: 200, body: failing{}}}, 1, hub.KindUnknown, driver.CodeUnreadable, false},
		"once: 520":                    {once, []reply{{status: 520}}, 1, hub.KindUnknown, "platform_error", false},
		"once: too large":              {once, []reply{{status: 200, body: bytes.NewReader(make([]byte, 200))}}, 1, hub.KindUnknown, CodeTooLarge, false},
		"once: refused":                {once, []reply{{status: 403}}, 1, hub.KindForbidden, "", false},
		"once: throttled, then works":  {once, []reply{{status: 429}, ok}, 2, 0, "", true},
		"once: no connection, works":   {once, []reply{{err: dialError()}, ok}, 2, 0, "", true},
		"once: wrong certificate":      {once, []reply{{err: &tls.CertificateVerificationError{Err: errors.New("expired")}}}, 4, hub.KindUnavailable, CodeConnection, false},
		"too large":                    {get, []reply{{status: 200, body: bytes.NewReader(make([]byte, 200))}}, 1, hub.KindTooLarge, CodeTooLarge, false},
		"an address that is forbidden": {get, []reply{{err: &net.OpError{Op: "dial", Err: errAddress}}}, 1, hub.KindForbidden, CodeAddress, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{lines: c.lines}
				f := front(s, func(_ *platform, o *Options) { o.MaxAnswer = 100 })
				_, err := call(t, f, c.call)
				if s.count() != c.tries || (err == nil) != c.good || err != nil && (hub.KindOf(err) != c.kind || hub.CodeOf(err) != c.code) {
					t.Errorf("%d tries, %v (%s, %s)", s.count(), err, hub.KindOf(err), hub.CodeOf(err))
				}
				if err != nil && strings.ContainsAny(err.Error(), "?=@") || err != nil && strings.Contains(err.Error(), "example.com") {
					t.Errorf("the error tells too much: %v", err)
				}
				times := map[string]bool{}
				for _, r := range s.seen {
					times[r.URL.Query().Get("at")] = true
				}
				if len(times) != len(s.seen) && len(s.seen) > 1 {
					t.Errorf("%d tries were signed at %d times", len(s.seen), len(times))
				}
			})
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestRetryAfter: what the platform says is waited for, by all calls when it was throttling.
func TestRetryAfter(t *testing.T) {
	for _, status := range []int{429, 503} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{lines: []reply{{status: status, header: map[string]string{"Retry-After": "7"}}, {status: 200}}}
			if _, err := call(t, front(s, nil), get); err != nil {
				t.Fatal(err)
			}
			if waited := s.times[1].Sub(s.times[0]); waited < 7*time.Second || waited > 9*time.Second {
				t.Errorf("%d: tried again after %s", status, waited)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := &script{lines: []reply{{status: 429, header: map[string]string{"Retry-After": "300"}}}}
		f := front(s, nil)
		_, _ = call(t, f, get)
		_, err := call(t, f, get)
		if hub.KindOf(err) != hub.KindThrottled || hub.CodeOf(err) != CodePaused || hub.RetryAfterOf(err) != 300*time.Second || s.count() != 1 {
			t.Errorf("a second call in a pause of 5 minutes: %v after %d requests", err, s.count())
		}
	})
}

// TestToken: one refusal is one renewal, of the very token that was refused, and one more try.
func TestToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		once := get
		once.Repeat = false
		s, k := &script{lines: []reply{{status: 401}, {status: 200}}}, &tokens{}
		f := front(s, func(_ *platform, o *Options) { o.Tokens = k })
		if _, err := call(t, f, once); err != nil || len(k.asked) != 1 || k.asked[0] != "t1" || s.seen[1].Header.Get("X-Token") != "t2" {
			t.Errorf("%v, renewed %v", err, k.asked)
		}
		s = &script{lines: []reply{{status: 401}}}
		f, k.asked = front(s, func(_ *platform, o *Options) { o.Tokens = k }), nil
		_, err := call(t, f, get)
		if hub.CodeOf(err) != driver.CodeTokenRefused || hub.KindOf(err) != hub.KindUnauthentic || s.count() != 2 || len(k.asked) != 1 {
			t.Errorf("%v after %d requests and %d renewals", err, s.count(), len(k.asked))
		}
		k.asked, k.fails = nil, &hub.Error{Kind: hub.KindPermanent, Code: driver.CodeReconnect}
		if _, err := call(t, f, get); hub.CodeOf(err) != driver.CodeReconnect || hub.KindOf(err) != hub.KindPermanent {
			t.Errorf("%v", err)
		}
		public, seen := get, s.count()
		public.Public = true
		if _, err := call(t, f, public); hub.CodeOf(err) != driver.CodeTokenRefused || s.count() != seen+1 || s.seen[seen].Header.Get("X-Token") != "" {
			t.Errorf("a public call: %v", err)
		}
	})
}

// TestDownload: an address that the platform handed out gets no token, no signature and no budget, and must be https.
func TestDownload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{lines: []reply{{status: 200, body: strings.NewReader("line")}}}
		f := front(s, nil)
		c := get
		c.URL = "https://files.example.com/x?Signature=secret"
		if a, err := call(t, f, c); err != nil || string(a.Body) != "line" {
			t.Fatal(err)
		}
		r := s.seen[0]
		if r.URL.String() != c.URL || r.Header.Get("X-Token") != "" || len(r.Header.Values("Authorization")) > 0 {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		for _, address := range []string{"http://files.example.com/x", "https://user:pass@files.example.com/", "file:///etc/passwd", "https:///x", "::", "http://127.0.0.1:80/"} {
			c.URL = address
			if _, err := call(t, f, c); err == nil || s.count() != 1 || strings.Contains(err.Error(), "pass") {
				t.Errorf("%s: %v", address, err)
			}
		}
		if l := f.States(shop)[0].Budget; l.Left != l.Size {
			t.Errorf("a download took from the budget: %+v", l)
		}
	})
}

// TestCancelled: a caller who goes away gets an answer at once, and no breaker counts it.
func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{lines: []reply{{hang: true}}}
		f := front(s, nil)
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			_, err := f.Caller(shop, Fresh).Call(ctx, get)
			cancel()
			if hub.KindOf(err) != hub.KindUnavailable || hub.CodeOf(err) != CodeCancelled {
				t.Fatal(err)
			}
		}
		if st := f.States(shop)[0]; st.Breaker != "closed" || s.count() != 20 {
			t.Errorf("%+v after %d requests", st, s.count())
		}
	})
}

// TestBreaker: failures open it, for one shop and class alone; refusals do not; it closes again with the first success.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{lines: []reply{{status: 403}}}
		f := front(s, nil)
		for range 30 {
			_, _ = call(t, f, get)
		}
		if b := f.States(shop)[0].Breaker; b != "closed" {
			t.Fatalf("%s after 30 refusals", b)
		}
		s.lines = []reply{{status: 500}}
		_, _ = call(t, f, get)
		_, err := call(t, f, get)
		if st := f.States(shop)[0]; st.Breaker != "open" || hub.CodeOf(err) == "" || st.LastErrorAt.IsZero() {
			t.Fatalf("%+v, %v", st, err)
		}
		seen := s.count()
		_, err = call(t, f, get)
		if hub.CodeOf(err) != CodeBreakerOpen || s.count() != seen || hub.RetryAfterOf(err) <= 0 || hub.RetryAfterOf(err) > openFor {
			t.Errorf("%v, %d more requests", err, s.count()-seen)
		}
		if st := f.States(shop)[0]; st.LastCode != "platform_error" {
			t.Errorf("the last error is %s", st.LastCode)
		}
		s.lines = []reply{{status: 200}}
		admin, other := get, shop
		admin.Class, other.Connection = driver.ClassAdmin, "con_2"
		if _, err := call(t, f, admin); err != nil {
			t.Errorf("another class: %v", err)
		}
		if _, err := f.Caller(other, Fresh).Call(t.Context(), get); err != nil {
			t.Errorf("another shop: %v", err)
		}
		<-time.After(openFor + time.Second)
		if _, err := call(t, f, get); err != nil || f.States(shop)[1].Breaker != "closed" || f.States(shop)[1].LastSuccess.IsZero() {
			t.Errorf("%v, %+v", err, f.States(shop))
		}
		f.Forget(shop)
		if len(f.States(shop)) != 0 {
			t.Error("not forgotten")
		}
	})
}

func packed(n int) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(bytes.Repeat([]byte("a"), n)) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// TestUnpacking: an answer is bounded as it is unpacked, and a bomb is none.
func TestUnpacking(t *testing.T) {
	for name, c := range map[string]struct {
		encoding string
		body     []byte
		want     hub.Code
		size     int
	}{
		"plain":       {"", []byte("abc"), "", 3},
		"packed":      {"gzip", packed(5000), "", 5000},
		"a bomb":      {"gzip", packed(20 << 20), CodeTooLarge, 0},
		"over bounds": {"", make([]byte, 41<<20), CodeTooLarge, 0},
		"cut":         {"gzip", packed(5000)[:20], driver.CodeUnreadable, 0},
		"not packed":  {"gzip", []byte("hello, this is not packed"), driver.CodeUnreadable, 0},
		"unknown":     {"br", []byte("abc"), driver.CodeUnreadable, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{lines: []reply{{status: 200, header: map[string]string{"Content-Encoding": c.encoding}, body: bytes.NewReader(c.body)}}}
			a, err := call(t, front(s, func(_ *platform, o *Options) { o.MaxAnswer = 40 << 20 }), get)
			if hub.CodeOf(err) != c.want || len(a.Body) != c.size {
				t.Errorf("%s: %d bytes, %v", name, len(a.Body), err)
			}
		})
	}
}
