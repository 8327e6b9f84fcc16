package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"hub"
)

// trace is what one request is known by in the log.
type trace struct {
	id     string
	tenant hub.TenantID // once authenticated
	routed bool         // false when nothing is at the address
	ended  func(Answer) // nil when nobody traces
	sent   func()       // called when the answer has been written; nil: nothing to do
	// fresh is asked before each piece of an answer with personal fields, and says for how long it may be sent; nil: without them.
	fresh func() (left time.Duration, err error)
	size  int // bytes of that answer
}

type traceKey struct{}

func traceOf(ctx context.Context) *trace {
	if t, ok := ctx.Value(traceKey{}).(*trace); ok {
		return t
	}
	return &trace{}
}

// requestID matches the ids that are taken over from the client: ours and UUIDs. Others could carry text into the log.
var requestID = regexp.MustCompile(`^(req_[0-9a-hjkmnp-tv-z]{26}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$`)

// trace gives every request an id and writes one line about it when it is done.
func (s *server) trace(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := &trace{id: r.Header.Get("X-Request-Id"), routed: true}
		if !requestID.MatchString(t.id) {
			t.id = s.RequestID()
		}
		ctx := context.WithValue(r.Context(), traceKey{}, t)
		if s.Begun != nil {
			ctx, t.ended = s.Begun(ctx)
		}
		r = r.WithContext(ctx)
		h := w.Header()
		h.Set("X-Request-Id", t.id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		recorder := &statusRecorder{ResponseWriter: w, trace: t}
		begin := s.now()
		defer func() { s.answered(r, t, recorder.status, s.now().Sub(begin)) }()
		next.ServeHTTP(recorder, r)
		recorder.finish()
		if t.sent != nil {
			t.sent()
		}
	})
}

// now is the clock's time; without a clock no time passes.
func (s *server) now() (t time.Time) {
	if s.Clock != nil {
		t = s.Clock()
	}
	return t
}

// answered counts the request and writes the access line. Nothing in it was chosen by the client, except a tenant that is
// proven.
func (s *server) answered(r *http.Request, t *trace, status int, took time.Duration) {
	route := "none"
	if routes := chi.RouteContext(r.Context()); t.routed && routes != nil {
		route = routes.RoutePattern()
	}
	method := r.Method
	if !slices.Contains(methods, method) {
		method = "other"
	}
	if status == 0 {
		status = http.StatusOK
	}
	if s.Answered != nil {
		s.Answered(method, route, status, took)
	}
	if t.ended != nil {
		t.ended(Answer{Method: method, Route: route, Status: status, Tenant: t.tenant, RequestID: t.id})
	}
	level := slog.LevelInfo
	if route == hookRoute && status == http.StatusOK {
		level = slog.LevelDebug // thousands a second; what is refused or fails is worth a line each
	}
	s.Logger.LogAttrs(r.Context(), level, "request", slog.String("method", method), slog.String("route", route),
		slog.Int("status", status), slog.Duration("duration", took), slog.String("request_id", t.id), slog.String("tenant", string(t.tenant)))
}

// methods are those that the log names.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// statusRecorder remembers the status for the log, and sends personal fields only while they may be sent.
type statusRecorder struct {
	http.ResponseWriter
	trace  *trace
	status int
	cut    *time.Timer // makes the connection unwritable; nil before the first piece with personal fields
}

// WriteHeader notes the first final status, and tells how long an answer with personal fields is: then all of it leaves with
// the flush of finish, and a client knows when it was cut.
func (w *statusRecorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
		if w.trace.fresh != nil && status == http.StatusOK {
			w.Header().Set("Content-Length", strconv.Itoa(w.trace.size))
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts as a success when no status was given.
func (w *statusRecorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if w.trace.fresh == nil {
		return w.ResponseWriter.Write(b)
	}
	sent := 0
	for sent < len(b) {
		n, err := w.piece(b[sent:min(sent+personalPiece, len(b))])
		if err != nil {
			panic(http.ErrAbortHandler) // whoever reads must not take what is there for the whole
		}
		sent += n
	}
	return sent, nil
}

// personalPiece is how many bytes of an answer with personal fields are sent at a time.
const personalPiece = 16 << 10

// piece sends one piece while it may be sent. A hub that stood still meanwhile, or whose client stops reading, cuts the
// connection instead of going on with what may have been erased.
func (w *statusRecorder) piece(b []byte) (int, error) {
	left, err := w.trace.fresh()
	if err != nil {
		return 0, err
	}
	if w.cut == nil {
		connection := http.NewResponseController(w.ResponseWriter)
		w.cut = time.AfterFunc(left, func() {
			_ = connection.SetWriteDeadline(time.Unix(1, 0)) // not supported by recorders of tests; the next request sets its own
		})
	} else {
		w.cut.Reset(left)
	}
	return w.ResponseWriter.Write(b)
}

// finish sends what is still in a buffer while it may be sent.
func (w *statusRecorder) finish() {
	if w.cut != nil {
		_ = http.NewResponseController(w.ResponseWriter).Flush() // fails when the connection does, and then nobody reads
		w.cut.Stop()
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusRecorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// recover turns a panic of a handler into a problem, or into a cut connection when the answer has begun. The log gets
// the type of what was thrown and where, never the thing itself.
func (s *server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			thrown := recover()
			if thrown == nil {
				return
			}
			if thrown == http.ErrAbortHandler {
				panic(thrown)
			}
			s.Logger.LogAttrs(r.Context(), slog.LevelError, "handler panicked", typeName(thrown),
				slog.String("at", frames()), slog.String("request_id", traceOf(r.Context()).id))
			if recorder, ok := w.(*statusRecorder); ok && recorder.status != 0 {
				panic(http.ErrAbortHandler)
			}
			newProblem(http.StatusInternalServerError, "internal").write(w, r)
		}()
		next.ServeHTTP(w, r)
	})
}

// frames lists the functions of the hub that were running, innermost first.
func frames() string {
	pcs := make([]uintptr, 64)
	stack := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var at []string
	for {
		frame, more := stack.Next()
		if strings.HasPrefix(frame.Function, "hub/") || strings.HasPrefix(frame.Function, "hub.") {
			at = append(at, frame.Function+":"+strconv.Itoa(frame.Line))
		}
		if !more || len(at) == 8 {
			return strings.Join(at, " < ")
		}
	}
}
