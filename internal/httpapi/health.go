package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/go-chi/chi/v5"
)

// health serves what orchestrators and load balancers ask.
func (s *server) health(r chi.Router) {
	r.Get("/livez", writeOK)
	r.Get("/readyz", s.ready)
	describeHealth(s.huma.OpenAPI())
}

// ready answers 503 when nothing can be accepted. A hub that accepts is ready, also while a database is away; what lags
// behind is named in the answer.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	var named []defect
	blocked := false
	for _, known := range s.Ready(r.Context()) {
		named = append(named, defect{known.Part, known.Detail})
		blocked = blocked || known.Blocks
	}
	switch {
	case blocked:
		p := newProblem(http.StatusServiceUnavailable, "not_ready")
		p.Problems = named
		p.write(w, r)
	case len(named) > 0:
		writeHealth(w, health{"degraded", named})
	default:
		writeOK(w, r)
	}
}

// health is the answer of a process that works.
type health struct {
	Status   string   `json:"status"`
	Problems []defect `json:"problems,omitempty"`
}

func writeOK(w http.ResponseWriter, _ *http.Request) { writeHealth(w, health{Status: "ok"}) }

func writeHealth(w http.ResponseWriter, h health) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(h) // a client that is gone needs no answer
}
