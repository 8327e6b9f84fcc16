package httpapi

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// strict refuses what huma would overlook: a parameter that is unknown, empty or given twice, a body that is not one
// plain JSON object. The body reaches huma as bytes in memory.
func (s *server) strict(ctx huma.Context, next func(huma.Context)) {
	r, w := humachi.Unwrap(ctx)
	r.Header.Del("Accept") // there is JSON and nothing to negotiate
	if err := checkQuery(r.URL, ctx.Operation()); err != nil {
		s.answer(w, r, err)
		return
	}
	if ctx.Operation().RequestBody == nil {
		next(ctx)
		return
	}
	body, release, err := s.readBody(r, min(maxRequestBody, s.MaxBody))
	defer release()
	if err == nil {
		err = s.checkBody(r, body, ctx.Operation())
	}
	if err != nil {
		s.answer(w, r, err)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	next(ctx)
}

// checkQuery holds the query against the operation's parameters and leaves it in its plainest spelling, so that huma
// reads what was checked.
func checkQuery(u *url.URL, op *huma.Operation) error {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return invalid("query_invalid", "query", texts["query_invalid"])
	}
	known := map[string]bool{}
	for _, p := range op.Parameters {
		known[p.Name] = known[p.Name] || p.In == "query"
	}
	var wrong []violation
	for name, given := range values {
		switch {
		case !known[name]:
			wrong = append(wrong, violation{"query", "holds a parameter that this address does not have"})
		case len(given) > 1:
			wrong = append(wrong, violation{"query." + name, "is given more than once"})
		case given[0] == "":
			wrong = append(wrong, violation{"query." + name, "is empty"})
		}
	}
	if len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, b violation) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) })
		p := newProblem(http.StatusUnprocessableEntity, "request_invalid")
		p.Errors = slices.Compact(wrong)
		return p
	}
	u.RawQuery = values.Encode()
	return nil
}

// checkBody holds a body against the operation's members by their exact names; huma reads names in any case.
func (s *server) checkBody(r *http.Request, body []byte, op *huma.Operation) error {
	if len(body) == 0 && !op.RequestBody.Required {
		return nil
	}
	if len(body) == 0 {
		return newProblem(http.StatusUnprocessableEntity, "body_missing")
	}
	if given := r.Header.Get("Content-Type"); given != "" {
		if kind, _, err := mime.ParseMediaType(given); err != nil || kind != "application/json" {
			return newProblem(http.StatusUnsupportedMediaType, "body_type")
		}
		r.Header.Set("Content-Type", "application/json")
	}
	members, err := checkJSON(body)
	if err != nil {
		return newProblem(http.StatusUnprocessableEntity, "body_malformed")
	}
	schema := s.huma.OpenAPI().Components.Schemas.SchemaFromRef(op.RequestBody.Content["application/json"].Schema.Ref)
	for _, name := range members {
		if schema.Properties[name] == nil {
			return invalid("request_invalid", "body", "holds a member that this address does not have")
		}
	}
	return nil
}
