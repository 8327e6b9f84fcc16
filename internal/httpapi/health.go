package httpapi

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

// health serves what orchestrators and load balancers ask.
func (s *server) health(r chi.Router) {
	live := func(w http.ResponseWriter, r *http.Request) { writeOK(w, r) }
	r.Get("/livez", live)
	r.Head("/livez", live)
	r.Get("/readyz", s.ready)
	r.Head("/readyz", s.ready)
	describeHealth(s.huma.OpenAPI())
}

// ready answers 503 with what does not work.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	problems := s.Ready(r.Context())
	if len(problems) == 0 {
		writeOK(w, r)
		return
	}
	p := newProblem(http.StatusServiceUnavailable, "not_ready")
	for _, known := range problems {
		p.Problems = append(p.Problems, defect(known))
	}
	p.write(w, r)
}

func writeOK(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(`{"status":"ok"}` + "\n")) // a client that is gone needs no answer
	}
}
