package shopify

import (
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"hub/adapters/sandbox/stage"
)

// The lives of tokens (shopify.dev, offline access tokens).
const (
	accessLife  = time.Hour
	refreshLife = 90 * 24 * time.Hour
	retryLife   = 30 * 24 * time.Hour // of a refresh token after its first use, while the replacement is unused
	ownLife     = 24 * time.Hour      // of a client credentials token; 86399 s are told (U)
)

// Tokens is what /admin/oauth/access_token answers.
type Tokens struct {
	Access         string `json:"access_token"`
	Scope          string `json:"scope"`
	ExpiresIn      int64  `json:"expires_in,omitempty"` // seconds
	Refresh        string `json:"refresh_token,omitempty"`
	RefreshExpires int64  `json:"refresh_token_expires_in,omitempty"` // seconds
}

type accessToken struct {
	install *install
	secret  *clientSecret
	expires time.Time // zero: never
	refused bool      // one that does not expire, of an app that must not have such
}

type refreshToken struct {
	text      string
	install   *install
	secret    *clientSecret
	issued    time.Time
	firstUsed time.Time
	parent    string // the token that this one replaces, which ends with our first use
	child     string // its latest replacement
}

// mustExpire says whether the app's tokens must expire by now.
func (a *App) mustExpire(now time.Time) bool {
	rule := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	end := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	return a.spec.Public && (!a.spec.Created.Before(rule) || !now.Before(end))
}

// mint makes an access token, and a refresh token with one that expires.
func (p *Platform) mint(i *install, secret *clientSecret, expiring bool) Tokens {
	t := Tokens{Access: "shpat_" + hexID(p.streams.tokens), Scope: strings.Join(i.scopes, ",")}
	access := &accessToken{install: i, secret: secret, refused: !expiring && i.app.mustExpire(p.line.Time())}
	p.sweep()
	p.access[t.Access] = access
	if !expiring {
		return t
	}
	access.expires = p.line.Time().Add(accessLife)
	t.ExpiresIn = int64(accessLife / time.Second)
	t.Refresh, t.RefreshExpires = "shprt_"+hexID(p.streams.tokens), int64(refreshLife/time.Second)
	p.refresh[t.Refresh] = &refreshToken{text: t.Refresh, install: i, secret: secret, issued: p.line.Time()}
	return t
}

// sweep forgets tokens that are over.
func (p *Platform) sweep() {
	now := p.line.Time()
	maps.DeleteFunc(p.access, func(_ string, t *accessToken) bool { return !t.expires.IsZero() && !now.Before(t.expires) })
	maps.DeleteFunc(p.refresh, func(_ string, t *refreshToken) bool { return !now.Before(t.issued.Add(refreshLife)) })
}

// endTokens ends the tokens of which the function says so.
func (p *Platform) endTokens(ends func(*install, *clientSecret) bool) {
	for text, t := range p.access {
		if ends(t.install, t.secret) {
			delete(p.access, text)
		}
	}
	for text, t := range p.refresh {
		if ends(t.install, t.secret) {
			delete(p.refresh, text)
		}
	}
}

// refusal is an error of the token endpoint, always with status 400.
type refusal struct {
	Code string `json:"error"`
	Text string `json:"error_description"`
}

// token is POST /admin/oauth/access_token, in JSON or as a form.
func (p *Platform) token(w http.ResponseWriter, r *http.Request, s *store) {
	if r.Method != http.MethodPost {
		http.NotFound(w, r)
		return
	}
	q, ok := tokenRequest(w, r)
	if !ok {
		stage.WriteJSON(w, http.StatusBadRequest, refusal{"invalid_request", "The request cannot be read"})
		return
	}
	p.line.Lock()
	defer p.line.Unlock()
	t, refused := p.exchange(s, q)
	if refused != nil {
		stage.WriteJSON(w, http.StatusBadRequest, refused)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	stage.WriteJSON(w, http.StatusOK, t)
}

// tokenRequest reads the parameters of either form. A JSON number counts as its text: expiring may be 1 or "1".
func tokenRequest(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/json" {
		err := r.ParseForm()
		return r.PostForm, err == nil
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, false
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return nil, false
	}
	q := url.Values{}
	for name, raw := range members {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			s = string(raw)
		}
		q.Set(name, s)
	}
	return q, true
}

func (p *Platform) exchange(s *store, q url.Values) (any, *refusal) {
	a := p.app(q.Get("client_id"))
	if a == nil {
		return nil, &refusal{"application_cannot_be_found", "Application cannot be found"} // the words are (U)
	}
	secret := a.secret(q.Get("client_secret"))
	if secret == nil {
		return nil, &refusal{"invalid_client", "The client secret is wrong"} // the words are (U)
	}
	switch q.Get("grant_type") {
	case "", "authorization_code":
		return p.redeem(a, s, secret, q)
	case "refresh_token":
		return p.rotate(a, s, secret, q.Get("refresh_token"))
	case "client_credentials":
		return p.ownToken(a, s, secret)
	}
	return nil, &refusal{"invalid_request", "The grant type is not supported by this sandbox"}
}

// redeem turns a code into tokens, once.
func (p *Platform) redeem(a *App, s *store, secret *clientSecret, q url.Values) (any, *refusal) {
	text := q.Get("code")
	code := p.codes[text]
	if code == nil || code.app != a || code.store != s || !p.line.Time().Before(code.expires) {
		return nil, &refusal{"invalid_request", "The authorization code was not found or was already used"}
	}
	delete(p.codes, text)
	i := p.grant(a, s, code.scopes)
	expiring := q.Get("expiring") == "1"
	if expiring { // one refreshable token per app and shop
		p.endRefresh(i)
	}
	return p.mint(i, secret, expiring), nil
}

func (p *Platform) endRefresh(i *install) {
	for text, t := range p.refresh {
		if t.install == i {
			delete(p.refresh, text)
		}
	}
}

// rotate answers a refresh. Until the replacement is used for the first time the old token stays usable, at most 30 days
// after its own first use and never beyond its 90 days. Using it again replaces the replacement, which then ends (U), and
// "used" is: to refresh (U). Access tokens live on until they expire (U).
func (p *Platform) rotate(a *App, s *store, secret *clientSecret, text string) (any, *refusal) {
	invalid := &refusal{"invalid_grant", "The refresh token is invalid, expired or revoked"}
	t := p.refresh[text]
	if t == nil || t.install.app != a || t.install.store != s {
		return nil, invalid
	}
	late := !t.firstUsed.IsZero() && !p.line.Time().Before(t.firstUsed.Add(retryLife))
	if late || !p.line.Time().Before(t.issued.Add(refreshLife)) {
		return nil, invalid
	}
	if t.firstUsed.IsZero() {
		t.firstUsed = p.line.Time()
		delete(p.refresh, t.parent)
	}
	delete(p.refresh, t.child)
	made := p.mint(t.install, secret, true)
	t.child = made.Refresh
	p.refresh[made.Refresh].parent = text
	return made, nil
}

// ownToken answers the client credentials grant, for apps of the shop's own organisation.
func (p *Platform) ownToken(a *App, s *store, secret *clientSecret) (any, *refusal) {
	i := s.installed(a)
	if !a.spec.Own || i == nil {
		return nil, &refusal{"invalid_request", "Client credentials cannot be performed on this shop"} // the words are (U)
	}
	t := p.mint(i, secret, false)
	p.access[t.Access].expires, p.access[t.Access].refused = p.line.Time().Add(ownLife), false
	t.ExpiresIn = int64(ownLife/time.Second) - 1
	return t, nil
}

// authentic finds the installation that an access token speaks for in a shop.
func (p *Platform) authentic(s *store, token string) *install {
	t := p.access[token]
	if t == nil || t.install.store != s || t.refused || !t.expires.IsZero() && !p.line.Time().Before(t.expires) {
		return nil
	}
	return t.install
}
