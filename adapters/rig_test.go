package adapters

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// platform is a driver whose answers mean what their status says.
type platform struct {
	driver.Client
	limits driver.Limits
	usage  driver.Usage
}

func (p *platform) Platform() hub.Platform { return hub.Shopee }

func (p *platform) Limits() driver.Limits { return p.limits }

func (p *platform) Request(c driver.Call, a driver.Access, now time.Time) (*http.Request, error) {
	base := "https://api.example.com"
	if a.App.Base != "" {
		base = a.App.Base
	}
	r, err := http.NewRequest(c.Method, base+c.Path+"?sign="+a.Token+"&at="+now.Format(time.RFC3339Nano), strings.NewReader(string(c.Body)))
	if err == nil {
		r.Header.Set("X-Token", a.Token)
	}
	return r, err
}

func (p *platform) Judge(_ driver.Call, a driver.Answer) (driver.Usage, error) {
	fail := func(kind hub.Kind, code hub.Code) (driver.Usage, error) {
		after, err := time.ParseDuration(a.Header.Get("Retry-After") + "s")
		if err != nil {
			after = 0
		}
		return p.usage, &hub.Error{Kind: kind, Code: code, Op: "judging", RetryAfter: after}
	}
	switch {
	case a.Status == http.StatusUnauthorized:
		return fail(hub.KindUnauthentic, driver.CodeTokenRefused)
	case a.Status == http.StatusForbidden:
		return fail(hub.KindForbidden, "")
	case a.Status == http.StatusTooManyRequests:
		return fail(hub.KindThrottled, "")
	case a.Status >= 300:
		return fail(hub.KindUnavailable, "platform_error")
	}
	return p.usage, nil
}

// script answers requests one after another; the last line answers all that follow.
type script struct {
	mu    sync.Mutex
	lines []reply
	seen  []*http.Request
	times []time.Time
}

// reply is one answer, or an error instead.
type reply struct {
	status int
	header map[string]string
	body   io.Reader
	err    error
	hang   bool // until the request's time ends
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	l := s.lines[min(len(s.seen), len(s.lines)-1)]
	s.seen, s.times = append(s.seen, r), append(s.times, time.Now())
	s.mu.Unlock()
	if l.hang {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if l.err != nil {
		return nil, l.err
	}
	w := &http.Response{StatusCode: l.status, Header: http.Header{}, Body: http.NoBody, ContentLength: -1}
	for name, value := range l.header {
		w.Header.Set(name, value)
	}
	if l.body != nil {
		w.Body = io.NopCloser(l.body)
	}
	return w, nil
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

// tokens gives out t1, and after each refusal the next one.
type tokens struct {
	mu    sync.Mutex
	asked []string // refused ones that were renewed
	fails error
}

func (k *tokens) Token(context.Context, Shop) (string, error) { return "t1", nil }

func (k *tokens) Renew(_ context.Context, _ Shop, refused string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, refused)
	return "t2", k.fails
}

var shop = Shop{Tenant: "ten_1", Connection: "con_1", Account: "77"}

func front(s http.RoundTripper, change func(*platform, *Options)) *Storefront {
	p := &platform{limits: driver.Limits{Timeout: time.Second, Size: 100, PerSecond: 10}}
	o := Options{Clock: time.Now, Tokens: &tokens{}, Send: s}
	if change != nil {
		change(p, &o)
	}
	return New(p, driver.App{ClientID: "app"}, o)
}

var get = driver.Call{Name: "get", Class: driver.ClassOrders, Method: http.MethodGet, Path: "/v2/order", Repeat: true}

var errBroken = errors.New("write tcp 10.0.0.1:1->10.0.0.2:443: https://api.example.com/v2/order?sign=t1: broken")

func call(t *testing.T, s *Storefront, c driver.Call) (driver.Answer, error) {
	t.Helper()
	return s.Caller(shop, Fresh).Call(t.Context(), c)
}
