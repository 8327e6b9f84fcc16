package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"hub"
)

// answer shows an error to the client and, when the hub is to blame, to the operator.
func (s *server) answer(w http.ResponseWriter, r *http.Request, err error) {
	s.problem(r.Context(), err, inBody).write(w, r)
}

// problem makes the problem of an error, and logs the error when the hub is to blame for it. Only a hub.Error promises
// that its text is clean; of any other error the log gets the type.
func (s *server) problem(ctx context.Context, err error, from source) *problem {
	p := problemOf(err, from)
	if p.Status >= http.StatusInternalServerError && ctx.Err() == nil {
		var known *hub.Error
		what := typeName(err)
		if errors.As(err, &known) && clean(err) {
			what = slog.String("error", err.Error())
		}
		s.Logger.LogAttrs(ctx, slog.LevelError, "request failed", what, slog.String("code", string(p.Code)),
			slog.String("kind", hub.KindOf(err).String()), slog.String("request_id", traceOf(ctx).id))
	}
	return p
}

// clean says that the outermost error is ours, which vouches for what it wraps.
func clean(err error) bool {
	_, ok := err.(*hub.Error)
	return ok
}

func typeName(v any) slog.Attr { return slog.String("type", fmt.Sprintf("%T", v)) }

// fail answers everything with one error, for addresses where nothing is.
func (s *server) fail(err error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		traceOf(r.Context()).routed = false
		s.answer(w, r, err)
	}
}

// headAsGet serves HEAD where GET works (RFC 9110, 9.3.2). The server leaves the body out.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if routes := chi.RouteContext(r.Context()); r.Method == http.MethodHead {
			routes.RouteMethod = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// methodNotAllowed answers with the methods that there are.
func (s *server) methodNotAllowed(routes chi.Routes) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		traceOf(r.Context()).routed = false
		var allowed []string
		for _, method := range methods {
			asked := method
			if method == http.MethodHead {
				asked = http.MethodGet
			}
			if routes.Match(chi.NewRouteContext(), asked, r.URL.Path) {
				allowed = append(allowed, method)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		newProblem(http.StatusMethodNotAllowed, "method_not_allowed").write(w, r)
	}
}
