package httpapi

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"hub"
	"hub/internal/intake"
)

// hookRoute is where platforms deliver.
const hookRoute = "/hooks/{platform}/{endpoint}"

// hooks serves the webhook door. It is no huma operation: a signature covers the raw bytes.
func (s *server) hooks(r chi.Router) {
	r.Post(hookRoute, s.deliver)
	describeHooks(s.huma.OpenAPI())
}

// deliver takes one delivery. An endpoint that nobody owns is refused before a byte of the body is read, so that only
// those who know a token can make the hub hold one.
func (s *server) deliver(w http.ResponseWriter, r *http.Request) {
	request := intake.Request{
		Platform: hub.Platform(chi.URLParam(r, "platform")), Token: chi.URLParam(r, "endpoint"), Header: r.Header,
	}
	endpoint, known := s.Directory.Endpoint(request.Platform, request.Token)
	if !known {
		s.answer(w, r, &hub.Error{Kind: hub.KindNotFound, Code: "endpoint_unknown"})
		return
	}
	body, release, err := s.readBody(r, s.MaxBody)
	defer release()
	if err == nil {
		request.Body = body
		err = s.Door.Accept(r.Context(), request)
	}
	if err != nil {
		s.answer(w, r, asRefused(err))
		return
	}
	if endpoint.Connection != nil { // at an app's address the body says whose it is
		traceOf(r.Context()).tenant = endpoint.Connection.Tenant
	}
	w.WriteHeader(http.StatusOK)
}

// asRefused gives each refusal of the door one code, so that all unsigned deliveries are answered alike.
func asRefused(err error) error {
	switch hub.KindOf(err) {
	case hub.KindUnauthentic:
		return &hub.Error{Kind: hub.KindUnauthentic, Code: "signature_invalid", Err: err}
	case hub.KindNotFound:
		return &hub.Error{Kind: hub.KindNotFound, Code: "endpoint_unknown", Err: err}
	}
	return err
}
