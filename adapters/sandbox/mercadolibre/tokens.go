package mercadolibre

import (
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The lives of tokens. Six hours is what the text and real answers say; one printed example has 10800 seconds.
const (
	accessLife    = 6 * time.Hour
	refreshMonths = 6
)

// Tokens is what POST /oauth/token answers.
type Tokens struct {
	Access    string `json:"access_token"`
	Type      string `json:"token_type"`
	ExpiresIn int64  `json:"expires_in"` // seconds
	Scope     string `json:"scope"`
	User      int64  `json:"user_id"`
	Refresh   string `json:"refresh_token,omitempty"` // only with offline_access
}

type accessToken struct {
	grant   *grant
	expires time.Time
}

// refreshToken is the newest of its grant: older ones are forgotten, and so is one that was used.
type refreshToken struct {
	grant   *grant
	expires time.Time
}

// give records a grant. Another one of the same user for the same app takes the place of the first, whose tokens end (U).
func (p *Platform) give(a *App, s *seller) *grant {
	if old := s.grant(a); old != nil {
		p.endGrant(old)
	}
	g := &grant{app: a, seller: s, scopes: a.spec.Scopes, at: p.line.Time(), used: p.line.Time()}
	s.grants = append(s.grants, g)
	return g
}

// endGrant takes a grant back: its tokens end at once.
func (p *Platform) endGrant(g *grant) {
	p.endTokens(func(of *grant) bool { return of == g })
	for i, other := range g.seller.grants {
		if other == g {
			g.seller.grants = append(g.seller.grants[:i:i], g.seller.grants[i+1:]...)
			return
		}
	}
}

// endTokens ends the tokens of the grants of which the function says so.
func (p *Platform) endTokens(ends func(*grant) bool) {
	for text, t := range p.access {
		if ends(t.grant) {
			delete(p.access, text)
		}
	}
	p.endRefresh(ends)
}

func (p *Platform) endRefresh(ends func(*grant) bool) {
	for text, t := range p.refresh {
		if ends(t.grant) {
			delete(p.refresh, text)
		}
	}
}

// mint makes a pair. The refresh token is the only one of its grant; access tokens live on until they expire (U).
func (p *Platform) mint(g *grant) Tokens {
	user := g.seller.account()
	t := Tokens{
		Access: fmt.Sprintf("APP_USR-%s-%s-%s-%s", g.app.spec.ClientID, p.line.Time().Format("010215"), hexID(p.streams.tokens, 16), user),
		Type:   "bearer", ExpiresIn: int64(accessLife / time.Second), Scope: strings.Join(g.scopes, " "), User: g.seller.id,
	}
	maps.DeleteFunc(p.access, func(_ string, t *accessToken) bool { return !p.line.Time().Before(t.expires) })
	p.access[t.Access] = &accessToken{g, p.line.Time().Add(accessLife)}
	g.used = p.line.Time()
	p.endRefresh(func(of *grant) bool { return of == g })
	if strings.Contains(t.Scope, offline) {
		t.Refresh = "TG-" + hexID(p.streams.tokens, 12) + "-" + user
		p.refresh[t.Refresh] = &refreshToken{g, p.line.Time().AddDate(0, refreshMonths, 0)}
	}
	return t
}

// Install grants an app without the page, for tests that are not about it.
func (p *Platform) Install(clientID, account string) (Tokens, error) {
	p.line.Lock()
	defer p.line.Unlock()
	a, s := p.app(clientID), p.seller(account)
	if a == nil || s == nil {
		return Tokens{}, notFound("granting an app", "app or seller")
	}
	return p.mint(p.give(a, s)), nil
}

// Uninstall takes the grant back, as the user does in the account's settings. The platform tells nobody.
func (p *Platform) Uninstall(clientID, account string) error {
	p.line.Lock()
	defer p.line.Unlock()
	a, s := p.app(clientID), p.seller(account)
	if a == nil || s == nil || s.grant(a) == nil {
		return notFound("taking a grant back", "grant")
	}
	p.endGrant(s.grant(a))
	return nil
}

// ChangePassword is what a user does; it ends every token of every app, and the grants stay (U).
func (p *Platform) ChangePassword(account string) error {
	p.line.Lock()
	defer p.line.Unlock()
	s := p.seller(account)
	if s == nil {
		return notFound("changing a password", "seller")
	}
	p.endTokens(func(g *grant) bool { return g.seller == s })
	return nil
}

// RotateSecret gives an app another client secret: every refresh token that it has ends, and the old secret with them.
func (p *Platform) RotateSecret(clientID, secret string) error {
	p.line.Lock()
	defer p.line.Unlock()
	a := p.app(clientID)
	if a == nil || secret == "" {
		return notFound("rotating a secret", "app")
	}
	a.spec.Secret = secret
	p.endRefresh(func(g *grant) bool { return g.app == a })
	return nil
}

// token is POST /oauth/token, as a form and nothing else (U: whether JSON is read, too).
func (p *Platform) token(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		refuse(w, failure{Status: http.StatusMethodNotAllowed, Error: "method_not_allowed", Message: "Method not allowed"})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err := r.ParseForm(); err != nil || kind != "application/x-www-form-urlencoded" || len(r.URL.RawQuery) > 0 {
		refuse(w, failure{Status: http.StatusBadRequest, Error: "invalid_request", Description: "the request cannot be read"})
		return
	}
	p.line.Lock()
	var made Tokens
	var refused *failure
	broken := tokenBreakdown{refused: p.faults.Hit(p.streams.answers, Token520)}
	if !broken.refused {
		if made, refused = p.exchange(r.PostForm); refused == nil {
			broken = p.tokenBreakdown()
		}
	}
	p.line.Unlock()
	broken.answer(p, w, r, made, refused)
}

func (p *Platform) exchange(q url.Values) (Tokens, *failure) {
	kind := q.Get("grant_type")
	if kind != "authorization_code" && kind != "refresh_token" {
		return Tokens{}, &failure{Status: 400, Error: "unsupported_grant_type", Description: "the grant type is not supported"}
	}
	a := p.app(q.Get("client_id"))
	if a == nil || a.spec.Secret != q.Get("client_secret") {
		return Tokens{}, &failure{Status: 400, Error: "invalid_client", Description: "invalid client_id or client_secret."}
	}
	if kind == "refresh_token" {
		return p.rotate(a, q.Get("refresh_token"))
	}
	return p.redeem(a, q)
}

func invalidGrant() *failure {
	return &failure{
		Status: 400, Error: "invalid_grant",
		Description: "Error validating grant. Your authorization code or refresh token may be expired or it was already used",
	}
}

// redeem turns a code into tokens, once: a wrong verifier or address spends it, too (U).
func (p *Platform) redeem(a *App, q url.Values) (Tokens, *failure) {
	code := p.codes[q.Get("code")]
	if code == nil || code.app != a {
		return Tokens{}, invalidGrant()
	}
	delete(p.codes, q.Get("code"))
	if !p.line.Time().Before(code.expires) || q.Get("redirect_uri") != code.redirect || !code.proves(q.Get("code_verifier")) {
		return Tokens{}, invalidGrant()
	}
	return p.mint(p.give(a, code.seller)), nil
}

// rotate answers a refresh: the token works once, whoever asks and however soon again.
func (p *Platform) rotate(a *App, text string) (Tokens, *failure) {
	t := p.refresh[text]
	if t == nil || t.grant.app != a || !p.line.Time().Before(t.expires) || !t.grant.alive(p.line.Time()) {
		return Tokens{}, invalidGrant()
	}
	if t.grant.seller.standing != Active {
		return Tokens{}, &failure{Status: http.StatusForbidden, Error: "forbidden", Message: "the user is not active"} // (U)
	}
	return p.mint(t.grant), nil
}

// hexID draws n bytes in hex.
func hexID(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return hex.EncodeToString(b)
}
