package stage

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
)

//go:embed pages
var ours embed.FS

// Pages reads the HTML pages of one platform, by the names of their files, out of its folder pages. All platforms have
// refused.html, which says a text, and the template "style", which is given the colour of the platform.
func Pages(own fs.FS) (*template.Template, error) {
	const files = "pages/*.html"
	shared, err := template.ParseFS(ours, files)
	if err != nil {
		return nil, err
	}
	return shared.ParseFS(own, files)
}

// Show writes a page that no other site may frame and that runs no script.
func Show(w http.ResponseWriter, pages *template.Template, status int, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader is gone or not
}

// maxForm is the size of what a page sends, in bytes.
const maxForm = 4096

// Form reads the form that a page posts, before the platform is locked: the sender may be slow. One that cannot be read is
// empty.
func Form(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.ParseForm() != nil {
		r.PostForm = nil
	}
}
