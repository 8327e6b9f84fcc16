package httpapi

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"hub"
)

// budget bounds the bytes of all bodies that are in memory together, whoever sends them.
type budget struct{ left atomic.Int64 }

func newBudget(bytes int64) *budget {
	b := &budget{}
	b.left.Store(bytes)
	return b
}

// take reserves n bytes, or nothing when they are not there.
func (b *budget) take(n int64) bool {
	if b.left.Add(-n) >= 0 {
		return true
	}
	b.left.Add(n)
	return false
}

func (b *budget) give(n int64) { b.left.Add(n) }

// boundBody bounds the time of a body, by a timer that makes the connection unreadable, so that no clock is asked and no
// deadline outlives the body: one that did would end a long poll.
func (s *server) boundBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		stall := &stallGuard{connection: http.NewResponseController(w)}
		stall.timer = time.AfterFunc(BodyTimeout, stall.fire)
		bounded := &guardedBody{ReadCloser: r.Body, guard: stall}
		r.Body = bounded
		defer func() {
			if !bounded.whole { // nobody wanted the rest: the server must not wait for it
				w.Header().Set("Connection", "close")
				stall.fire()
			}
			stall.release(false)
		}()
		next.ServeHTTP(w, r)
	})
}

// stallGuard cuts reading off when its timer fires, unless it was released before.
type stallGuard struct {
	timer      *time.Timer
	mu         sync.Mutex
	released   bool
	connection *http.ResponseController
}

func (g *stallGuard) fire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.released {
		_ = g.connection.SetReadDeadline(time.Unix(1, 0)) // not supported by recorders of tests, which never stall
	}
}

// release ends the guard; with clear it lifts what the timer may have done.
func (g *stallGuard) release(lift bool) {
	g.timer.Stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	if lift && !g.released {
		_ = g.connection.SetReadDeadline(time.Time{})
	}
	g.released = true
}

// guardedBody releases the guard at the end of the body.
type guardedBody struct {
	io.ReadCloser
	guard *stallGuard
	whole bool
}

// Read notices the end.
func (b *guardedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.whole = true
		b.guard.release(true)
	}
	return n, err
}

// firstRead is how much room a body gets before any of it has arrived, whatever length it announces.
const firstRead = 8 << 10

// readBody reads a body of at most limit bytes into memory that grows with what arrives. The caller gives the memory
// back with release, also after an error.
func (s *server) readBody(r *http.Request, limit int64) (body []byte, release func(), err error) {
	taken := int64(0)
	release = func() { s.bodies.give(taken) }
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, release, newProblem(http.StatusUnsupportedMediaType, "body_encoding")
	}
	if r.ContentLength > limit {
		return nil, release, tooLarge()
	}
	body = make([]byte, 0, min(firstRead, max(r.ContentLength+1, 512)))
	for {
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if !s.bodies.take(int64(n)) {
			return nil, release, &hub.Error{Kind: hub.KindUnavailable, Code: "bodies_in_flight"}
		}
		taken += int64(n)
		switch {
		case int64(len(body)) > limit:
			return nil, release, tooLarge()
		case errors.Is(err, io.EOF):
			return body, release, nil
		case err != nil:
			return nil, release, bodyError(err)
		}
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
	}
}

func tooLarge() error { return &hub.Error{Kind: hub.KindTooLarge, Code: "body_too_large"} }

// bodyError is the problem of a body that did not arrive.
func bodyError(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return newProblem(http.StatusRequestTimeout, "body_timeout")
	}
	return newProblem(http.StatusUnprocessableEntity, "body_incomplete")
}
