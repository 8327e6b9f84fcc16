package shopee

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"hub"
	"hub/adapters/driver"
)

// scripted is a platform of a few answers. It carries calls as a driver.Caller does: what Judge takes for no success is
// an error. It never tries again.
type scripted struct {
	t       *testing.T
	answers map[string]func(c driver.Call) string // by path
	date    string                                // the platform's clock; "" sends none
	calls   []driver.Call
}

func (s *scripted) Call(_ context.Context, c driver.Call) (driver.Answer, error) {
	s.t.Helper()
	s.calls = append(s.calls, c)
	answer, ok := s.answers[c.Path]
	if !ok {
		s.t.Fatalf("nobody expected %s", c.Path)
	}
	a := driver.Answer{Status: http.StatusOK, Header: http.Header{}, Body: []byte(answer(c))}
	if s.date != "" {
		a.Header.Set("Date", s.date)
	}
	if _, err := New().Judge(c, a); err != nil {
		return driver.Answer{}, err
	}
	return a, nil
}

// count is how often a path was called.
func (s *scripted) count(path string) (n int) {
	for _, c := range s.calls {
		if c.Path == path {
			n++
		}
	}
	return n
}

// always answers the same.
func always(text string) func(driver.Call) string {
	return func(driver.Call) string { return text }
}

// script makes a platform.
func script(t *testing.T, answers map[string]func(driver.Call) string) *scripted {
	return &scripted{t: t, answers: answers, date: "Sat, 03 Jan 2026 00:00:00 GMT"}
}

const (
	notFound = `{"error":"error_not_found","message":"Wrong parameters, detail: the order is not found.","request_id":"r"}`
	failing  = `{"error":"common.error_server","message":"Something wrong. Please try later.","request_id":"r"}`
)

var testApp = driver.App{ClientID: "2006566", Secrets: []string{"partner-key", "push-key"}, Redirect: "https://hub.example.test/connect/shopee/back"}

// kindAndCode is how an error decides behaviour.
func kindAndCode(err error) string {
	if err == nil {
		return ""
	}
	return hub.KindOf(err).String() + " " + string(hub.CodeOf(err))
}

func queryOf(t *testing.T, address string) (*url.URL, url.Values) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u, u.Query()
}
