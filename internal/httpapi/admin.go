package httpapi

import (
	"net/http"
	"net/http/pprof"

	"github.com/go-chi/chi/v5"

	"hub"
)

// AdminHandler returns the handler of the admin port: metrics and profiles of the running process, and its health. Profiles show
// names of functions and sizes, and whoever can ask for them can slow the hub down, so the port is never public.
func (a API) AdminHandler() http.Handler {
	a.Answered, a.Begun = nil, nil // what operators' tools ask is not the hub's traffic
	s := &server{API: a}
	r := chi.NewRouter()
	r.Use(s.trace, s.recover, headAsGet)
	r.NotFound(s.fail(&hub.Error{Kind: hub.KindNotFound, Code: "route_not_found"}))
	r.MethodNotAllowed(s.methodNotAllowed(r))
	r.Get("/livez", writeOK)
	r.Get("/readyz", s.ready)
	if s.Metrics != nil {
		r.Method(http.MethodGet, "/metrics", s.Metrics)
	}
	r.Get("/debug/pprof/", pprof.Index)
	r.Get("/debug/pprof/profile", pprof.Profile)
	r.Get("/debug/pprof/trace", pprof.Trace)
	r.Get("/debug/pprof/symbol", pprof.Symbol)
	for _, name := range []string{"allocs", "block", "goroutine", "heap", "mutex", "threadcreate"} {
		r.Get("/debug/pprof/"+name, pprof.Handler(name).ServeHTTP)
	}
	return r
}
