package connect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"hub"
	"hub/adapters/driver"
)

// script is a driver of a platform that exists in these tests alone.
type script struct {
	driver.Client
	rotation driver.Rotation
	inspect  func() (driver.Shop, error)
	repairs  []driver.Repair
	gone     []string // accounts whose grant was given back
	fanout   []string // accounts of a main account
	tried    int      // how often a given token was
	hook     string   // that subscriptions were last held against
	site     string   // that the page was last asked for
	mu       sync.Mutex
}

func (*script) Platform() hub.Platform { return hub.Shopee }

func (*script) Shop(name string) (string, error) {
	if strings.Trim(name, "0123456789") != "" || name == "" {
		return "", hub.Invalid("shop_invalid", "shop")
	}
	return name, nil
}

func (*script) Request(c driver.Call, a driver.Access, _ time.Time) (*http.Request, error) {
	r, err := http.NewRequest(c.Method, "https://platform.example"+c.Path, bytes.NewReader(c.Body))
	if err == nil {
		r.Header.Set("Signed-By", a.App.ClientID+a.Token)
	}
	return r, err
}

func (*script) Judge(_ driver.Call, a driver.Answer) (driver.Usage, error) {
	var wrong struct{ Error string }
	_ = json.Unmarshal(a.Body, &wrong)
	switch {
	case a.Status == 429:
		return driver.Usage{}, &hub.Error{Kind: hub.KindThrottled, RetryAfter: 7 * time.Second}
	case a.Status >= 500:
		return driver.Usage{}, &hub.Error{Kind: hub.KindUnavailable}
	case wrong.Error == "invalid_grant":
		return driver.Usage{}, &hub.Error{Kind: hub.KindPermanent, Code: driver.CodeReconnect}
	case wrong.Error == "invalid_client":
		return driver.Usage{}, &hub.Error{Kind: hub.KindForbidden, Code: "client_refused"}
	}
	return driver.Usage{}, nil
}

func (s *script) Authorize(app driver.App, a driver.Authorization, _ time.Time) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.site = a.Site
	return "https://platform.example/authorize?" + url.Values{
		"client_id": {app.ClientID}, "redirect_uri": {app.Redirect}, "state": {a.State}, "challenge": {a.Challenge}, "shop": {a.Account},
	}.Encode(), nil
}

func (*script) Callback(_ driver.App, q url.Values, _ time.Time) (driver.Grant, error) {
	if q.Get("hmac") != "good" {
		return driver.Grant{}, &hub.Error{Kind: hub.KindUnauthentic, Code: "hmac_wrong"}
	}
	if q.Get("error") != "" {
		return driver.Grant{}, &hub.Error{Kind: hub.KindForbidden, Code: "denied"}
	}
	return driver.Grant{State: q.Get("state"), Code: q.Get("code"), Account: q.Get("shop")}, nil
}

type wire struct {
	Account, Access, Refresh string
	Expires                  int
}

func (s *script) Exchange(ctx context.Context, c driver.Caller, _ driver.App, g driver.Grant, verifier string, now time.Time) (list []driver.Token, err error) {
	for _, account := range append([]string{g.Account}, s.fanout...) {
		t, err := s.tokens(ctx, c, url.Values{"code": {g.Code}, "verifier": {verifier}, "account": {account}}, now)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

func (s *script) Refresh(ctx context.Context, c driver.Caller, _ driver.App, t driver.Token, now time.Time) (driver.Token, error) {
	next, err := s.tokens(ctx, c, url.Values{"refresh": {t.Refresh}, "account": {t.Account}}, now)
	return next, err
}

func (s *script) tokens(ctx context.Context, c driver.Caller, q url.Values, now time.Time) (driver.Token, error) {
	a, err := c.Call(ctx, driver.Call{Name: "token", Class: driver.ClassAuth, Method: "POST", Path: "/token", Body: []byte(q.Encode()), Public: true, Secret: true})
	if err != nil {
		return driver.Token{}, err
	}
	var w wire
	if json.Unmarshal(a.Body, &w) != nil {
		return driver.Token{}, &hub.Error{Kind: hub.KindUnavailable, Code: driver.CodeUnreadable}
	}
	return driver.Token{Account: w.Account, Access: w.Access, Refresh: w.Refresh, AccessUntil: now.Add(time.Duration(w.Expires) * time.Second)}, nil
}

func (s *script) Rotation() driver.Rotation { return s.rotation }

func (s *script) Inspect(_ context.Context, c driver.Caller, _ driver.App, account string) (driver.Shop, error) {
	if b, ok := c.(bearer); ok && s.inspect == nil {
		s.tried++
		if a := b.endpoint.accounts[account]; a == nil || a.access != b.access {
			return driver.Shop{}, &hub.Error{Kind: hub.KindUnauthentic, Code: driver.CodeTokenRefused}
		}
	}
	if s.inspect != nil {
		return s.inspect()
	}
	return driver.Shop{Name: "Loja", Active: true}, nil
}

func (s *script) Subscriptions(_ context.Context, _ driver.Caller, _ driver.App, _ string, hook string) ([]driver.Repair, error) {
	s.hook = hook
	return s.repairs, nil
}

// Disconnect is refused by a platform when the call does not bear the token, unless a connection's is used.
func (s *script) Disconnect(_ context.Context, c driver.Caller, _ driver.App, t driver.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := c.(bearer); c != nil && (!ok || b.access != t.Access) {
		return &hub.Error{Kind: hub.KindUnauthentic, Code: driver.CodeTokenRefused}
	}
	s.gone = append(s.gone, t.Account)
	return nil
}

// endpoint is the token endpoint: strict about what was spent.
type endpoint struct {
	repeats bool // the former refresh token lives until the newest pair is used

	mu       sync.Mutex
	n        int
	accounts map[string]*account
	codes    map[string]string // code to verifier's challenge; used up when taken
	asked    int               // calls that it took
	spent    int               // uses of a token that was spent
	fault    string            // of the next call
}

// account is what the platform knows of one shop.
type account struct {
	access, refresh string // the newest
	former          string // refresh token that is still taken
}

func newEndpoint(repeats bool) *endpoint {
	return &endpoint{repeats: repeats, accounts: map[string]*account{}, codes: map[string]string{}}
}

func (e *endpoint) mint(name string) wire {
	e.n++
	a := e.accounts[name]
	if a == nil {
		a = &account{}
		e.accounts[name] = a
	}
	a.former, a.access, a.refresh = a.refresh, fmt.Sprint("access-", e.n), fmt.Sprint("refresh-", e.n)
	return wire{name, a.access, a.refresh, 4 * 3600}
}

// RoundTrip implements http.RoundTripper.
func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	q, _ := url.ParseQuery(string(body))
	e.mu.Lock()
	defer e.mu.Unlock()
	fault := e.fault
	e.fault = ""
	switch fault {
	case "dial":
		return nil, &net.OpError{Op: "dial", Err: io.EOF}
	case "before":
		return say(520, "<html>"), nil
	case "throttle":
		return say(429, "{}"), nil
	case "client":
		return say(401, `{"Error":"invalid_client"}`), nil
	}
	e.asked++
	w, ok := e.take(q)
	text, _ := json.Marshal(w)
	switch {
	case fault == "cut":
		return nil, io.ErrUnexpectedEOF
	case fault == "520":
		return say(520, "<html>"), nil
	case fault == "other":
		return say(200, `{"Account":"666","Access":"x","Refresh":"y","Expires":9}`), nil
	case !ok:
		return say(400, `{"Error":"invalid_grant"}`), nil
	case fault == "half":
		return say(200, string(text[:len(text)/2])), nil
	}
	return say(200, string(text)), nil
}

func (e *endpoint) take(q url.Values) (wire, bool) {
	if code := q.Get("code"); code != "" {
		want, ok := e.codes[code]
		if q.Get("account") == "" || !ok || want != "" && want != q.Get("verifier") {
			return wire{}, false
		}
		return e.mint(q.Get("account")), true
	}
	a := e.accounts[q.Get("account")]
	switch token := q.Get("refresh"); {
	case a != nil && token == a.refresh:
		return e.mint(q.Get("account")), true
	case a != nil && e.repeats && token == a.former && token != "":
		w := e.mint(q.Get("account"))
		a.former = token
		return w, true
	}
	e.spent++
	return wire{}, false
}

func say(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Date": {"now"}}, Body: io.NopCloser(strings.NewReader(body))}
}
