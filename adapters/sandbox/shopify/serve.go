package shopify

import (
	"net"
	"net/http"
	"strings"

	"hub/adapters/sandbox/stage"
)

// ServeHTTP is the platform's addresses. A shop is named by the host of the request, as at the real platform, or by the
// path /shops/{domain}/…, for callers that cannot choose a host.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	domain, path := r.Host, r.URL.Path
	if strings.HasPrefix(path, outputs) {
		p.output(w, r)
		return
	}
	if host, _, err := net.SplitHostPort(domain); err == nil {
		domain = host
	}
	if rest, ok := strings.CutPrefix(path, "/shops/"); ok {
		domain, path, _ = strings.Cut(rest, "/")
		path = "/" + path
	}
	p.line.Lock()
	s := p.shop(strings.ToLower(domain))
	p.line.Unlock()
	if s == nil {
		stage.WriteJSON(w, http.StatusNotFound, map[string]string{"errors": "Not Found"})
		return
	}
	switch {
	case path == "/admin/oauth/authorize":
		p.authorize(w, r, s)
	case path == "/admin/oauth/access_token":
		p.token(w, r, s)
	case strings.HasPrefix(path, "/admin/api/") && strings.HasSuffix(path, "/graphql.json"):
		version := strings.TrimSuffix(strings.TrimPrefix(path, "/admin/api/"), "/graphql.json")
		p.graphql(w, r, s, version)
	default:
		stage.WriteJSON(w, http.StatusNotFound, map[string]string{"errors": "Not Found"})
	}
}
