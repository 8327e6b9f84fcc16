package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/internal/intake"
	"hub/internal/tenancy"
)

func (l *lab) hook() string { return tenancy.HookPath(hub.Shopify, l.a.connection.Endpoint) }

// received notes what reaches the door, and lets the test decide the outcome.
type received struct {
	mu   sync.Mutex
	list []intake.Request
	err  error
}

func (d *received) Accept(_ context.Context, r intake.Request) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, r)
	return d.err
}

func (l *lab) withDoor(d Door) { l.api.Door = d; l.handler = l.api.Handler() }

func TestDeliveriesReachTheDoorByteForByte(t *testing.T) {
	l := newLab(t)
	door := &received{}
	l.withDoor(door)
	for _, body := range []string{"", "{}", " {\"a\" :\u2028 1}\r\n\x00\xff", strings.Repeat("x", 1<<20)} {
		door.list = nil
		r := newRequest(t, "POST", l.hook(), body)
		r.Header.Set("X-Shopify-Topic", "orders/create")
		got := l.want(l.send(r), 200, "")
		if got.Body.Len() != 0 || len(door.list) != 1 || string(door.list[0].Body) != body ||
			door.list[0].Token != l.a.connection.Endpoint || door.list[0].Header.Get("X-Shopify-Topic") == "" {
			t.Errorf("%d bytes: answered %q, %d deliveries", len(body), got.Body, len(door.list))
		}
	}
}

// A success is answered if and only if the door said so.
func TestAnswersOfTheDoor(t *testing.T) {
	l := newLab(t)
	door := &received{}
	l.withDoor(door)
	for kind, want := range map[hub.Kind]int{
		hub.KindInternal: 500, hub.KindInvalid: 422, hub.KindUnauthentic: 401, hub.KindForbidden: 403, hub.KindNotFound: 404, hub.KindConflict: 409,
		hub.KindTooLarge: 413, hub.KindThrottled: 429, hub.KindUnavailable: 503, hub.KindUnknown: 503, hub.KindPermanent: 422,
	} {
		door.err = &hub.Error{Kind: kind, Op: "canary", Subject: "canary", Err: errors.New("canary"), RetryAfter: 1500 * time.Millisecond}
		w := httptest.NewRecorder()
		l.handler.ServeHTTP(w, newRequest(t, "POST", l.hook(), "{}"))
		retry := w.Header().Get("Retry-After")
		if w.Code != want || strings.Contains(w.Body.String(), "canary") || (retry != "") != (want == 429 || want == 503) {
			t.Errorf("%v: %d, Retry-After %q: %s", kind, w.Code, retry, w.Body)
		}
		if (w.Header().Get("WWW-Authenticate") != "") != (want == 401) {
			t.Errorf("%v: WWW-Authenticate %q", kind, w.Header().Get("WWW-Authenticate"))
		}
	}
	for _, err := range []error{context.DeadlineExceeded, context.Canceled, io.ErrUnexpectedEOF} {
		door.err = err
		w := httptest.NewRecorder()
		l.handler.ServeHTTP(w, newRequest(t, "POST", l.hook(), "{}"))
		if w.Code < 500 {
			t.Errorf("%v: %d", err, w.Code)
		}
	}
}

// untouchable is a body that nobody may read.
type untouchable struct{ *testing.T }

func (u untouchable) Read([]byte) (int, error) {
	u.Error("the body was read")
	return 0, io.EOF
}

func TestBodiesThatAreRefusedUnread(t *testing.T) {
	l := newLab(t)
	door := &received{}
	l.withDoor(door)
	request := func(target string, length int64) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), "POST", target, untouchable{t})
		r.ContentLength = length
		return r
	}
	l.want(l.send(request(l.hook(), 1<<20+1)), 413, "body_too_large")
	l.want(l.send(request("/hooks/shopify/nobody", 100)), 404, "endpoint_unknown")
	l.want(l.send(request("/hooks/shopee/"+l.a.connection.Endpoint, 100)), 404, "endpoint_unknown")
	l.want(l.send(request("/hooks/shopify/"+strings.ToUpper(l.a.connection.Endpoint), 100)), 404, "endpoint_unknown")
	for _, encoding := range []string{"gzip", "br", "deflate, gzip"} {
		r := request(l.hook(), 100)
		r.Header.Set("Content-Encoding", encoding)
		l.want(l.send(r), 415, "body_encoding")
	}
	l.want(l.send(request("/v1/tenants", 100)), 401, "key_refused")
	if len(door.list) > 0 {
		t.Error("the door was asked")
	}
}

// endless is a body that never ends and counts what was read of it.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.read += int64(len(p))
	return len(p), nil
}

func TestEndlessBodyIsCut(t *testing.T) {
	l := newLab(t)
	body := &endless{}
	r := httptest.NewRequestWithContext(t.Context(), "POST", l.hook(), body)
	r.ContentLength = -1
	l.want(l.send(r), 413, "body_too_large")
	if body.read > 4<<20 {
		t.Errorf("%d bytes were read", body.read)
	}
}

func TestBodiesInFlightAreBounded(t *testing.T) {
	b := newBudget(10)
	if !b.take(6) || b.take(5) || !b.take(4) || b.take(1) {
		t.Error("more was taken than there is")
	}
	b.give(10)
	if !b.take(10) {
		t.Error("what was given back is gone")
	}
	l := newLab(t)
	s := &server{API: l.api, bodies: newBudget(1000)}
	for range 50 { // whatever happens, everything is given back
		for _, size := range []int{10, 999, 1001, 5000} {
			_, release, err := s.readBody(newRequest(t, "POST", "/", strings.Repeat("x", size)), 2000)
			release()
			if (err != nil) != (size > 1000) {
				t.Fatalf("%d bytes: %v", size, err)
			}
		}
	}
	if left := s.bodies.left.Load(); left != 1000 {
		t.Errorf("%d bytes left of 1000", left)
	}
}

// wire talks to a real server over a pipe in memory, so that time can be the test's.
type wire struct {
	conn   net.Conn
	answer *bufio.Reader
}

type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipeListener) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *lab) dial(t *testing.T) wire {
	t.Helper()
	listener := &pipeListener{conns: make(chan net.Conn, 1), done: make(chan struct{})}
	server := Server(l.handler)
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	client, remote := net.Pipe()
	listener.conns <- remote
	return wire{client, bufio.NewReader(client)}
}

func (w wire) send(format string, args ...any) {
	go fmt.Fprintf(w.conn, format, args...) // the server may refuse to read all of it
}

// finish waits until the server has closed the connection, at the latest when it is idle for too long.
func (w wire) finish() {
	_, _ = io.Copy(io.Discard, w.answer)
	w.conn.Close()
}

func (w wire) read(t *testing.T) (status int, body string) {
	t.Helper()
	r, err := http.ReadResponse(w.answer, nil)
	if err != nil {
		t.Fatal(err)
	}
	content, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(content)
}

func TestBodiesOnTheWire(t *testing.T) {
	reached := 0
	big := strings.Repeat("x", 10<<20)
	for name, c := range map[string]struct {
		head, body string
		status     int
		code       string
		after      time.Duration // how long the server waits
		hangUp     bool
	}{
		"whole":                {"Content-Length: 2", "{}", 200, "", 0, false},
		"chunked":              {"Transfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\n", 200, "", 0, false},
		"10 MiB":               {"Content-Length: 10485760", big, 413, "body_too_large", 0, false},
		"10 MiB in one chunk":  {"Transfer-Encoding: chunked", "a00000\r\n" + big + "\r\n0\r\n\r\n", 413, "body_too_large", 0, false},
		"says more and stalls": {"Content-Length: 100", "{}", 408, "body_timeout", BodyTimeout, false},
		"nothing comes":        {"Content-Length: 100", "", 408, "body_timeout", BodyTimeout, false},
		"chunks that stall":    {"Transfer-Encoding: chunked", "2\r\n{}\r\n", 408, "body_timeout", BodyTimeout, false},
		"broken chunks":        {"Transfer-Encoding: chunked", "zz\r\n{}\r\n", 422, "body_incomplete", 0, false},
		"gzip":                 {"Content-Encoding: gzip\r\nContent-Length: 2", "{}", 415, "body_encoding", 0, false},
		"stalls at nobody's":   {"X: y\r\nContent-Length: 100", "", 404, "endpoint_unknown", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, door := newLab(t), &received{}
				l.withDoor(door)
				begin := time.Now()
				w := l.dial(t)
				path := l.hook()
				if c.hangUp {
					path = "/hooks/shopify/nobody"
				}
				w.send("POST %s HTTP/1.1\r\nHost: hub\r\n%s\r\n\r\n%s", path, c.head, c.body)
				status, body := w.read(t)
				if status != c.status || !strings.Contains(body, c.code) || time.Since(begin) != c.after {
					t.Errorf("%d after %v, want %d after %v: %s", status, time.Since(begin), c.status, c.after, body)
				}
				w.finish()
				reached += len(door.list)
			})
		})
	}
	if reached != 2 {
		t.Errorf("%d deliveries reached the door, want 2", reached)
	}
}

// A body's time does not count against what comes after it on the same connection.
func TestConnectionOutlivesItsBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.withDoor(doorFunc(func(ctx context.Context, _ intake.Request) error {
			select { // longer than a body may take: the request must not be cancelled by a deadline of its body
			case <-time.After(2 * BodyTimeout):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}))
		key := l.a.keys[erpRole]
		w := l.dial(t)
		for range 3 {
			w.send("POST %s HTTP/1.1\r\nHost: hub\r\nContent-Length: 2\r\n\r\n{}", l.hook())
			if status, body := w.read(t); status != 200 {
				t.Fatalf("%d %s", status, body)
			}
			begin := time.Now()
			w.send("GET /v1/orders/feed?after=3&wait=60s HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %s\r\n\r\n", key)
			if status, body := w.read(t); status != 200 || time.Since(begin) != 60*time.Second {
				t.Fatalf("%d after %v: %s", status, time.Since(begin), body)
			}
		}
		w.finish()
	})
}

func TestKindsAreMappedOnce(t *testing.T) {
	seen := []int{}
	for k := hub.KindInternal; k <= hub.KindPermanent; k++ {
		p := problemOf(&hub.Error{Kind: k}, inBody)
		if p.Code == "" || p.Detail == "" || p.Title == "" || p.Status < 400 {
			t.Errorf("%v: %+v", k, p)
		}
		seen = append(seen, p.Status)
	}
	if !slices.Contains(seen, 429) || problemOf(errors.New("canary"), inBody).Status != 500 {
		t.Errorf("statuses %v", seen)
	}
}
