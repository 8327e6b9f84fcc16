package httpapi

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"sync"

	"github.com/go-chi/chi/v5"
)

//go:embed page
var page embed.FS

// docsPolicy lets the page load its own style sheet and nothing else; there is no script.
const docsPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// document serves the description of the API, and the page that people read it on. Both are made once, when somebody
// asks first: the API does not change while it runs, and what is embedded either works or fails the first test.
func (s *server) document(r chi.Router) {
	doc := s.huma.OpenAPI()
	r.Get("/openapi.json", static("application/openapi+json", func() ([]byte, error) {
		description, err := json.MarshalIndent(doc, "", "  ")
		return append(description, '\n'), err
	}))
	if s.Events.AsyncAPI != nil {
		r.Get("/asyncapi.json", static("application/vnd.aai.asyncapi+json", func() ([]byte, error) { return s.Events.AsyncAPI, nil }))
	}
	for name, schema := range s.Events.Schemas {
		r.Get("/schemas/"+name, static("application/schema+json", func() ([]byte, error) { return schema, nil }))
	}
	r.Get("/docs", static("text/html; charset=utf-8", func() ([]byte, error) {
		var html bytes.Buffer
		err := template.Must(template.ParseFS(page, "page/docs.html")).Execute(&html, newDocsView(doc, s.Version))
		return html.Bytes(), err
	}))
	r.Get("/docs/docs.css", static("text/css; charset=utf-8", func() ([]byte, error) { return page.ReadFile("page/docs.css") }))
}

// static serves bytes that never change once they are made.
func static(contentType string, makeContent func() ([]byte, error)) http.HandlerFunc {
	content := sync.OnceValue(func() []byte {
		made, err := makeContent()
		if err != nil {
			panic(err)
		}
		return made
	})
	return func(w http.ResponseWriter, _ *http.Request) {
		body := content()
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Security-Policy", docsPolicy)
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(body) // a client that is gone needs no answer
	}
}
