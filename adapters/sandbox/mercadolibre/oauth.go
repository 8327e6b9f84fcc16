package mercadolibre

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"hub/adapters/sandbox/stage"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(stage.Pages(pageFiles))

// How long an authorisation code can be redeemed, and a page that was shown be sent (U).
const (
	codeLife = 10 * time.Minute
	pageLife = time.Hour
)

// authCode is an authorisation code that was handed to a redirect_uri.
type authCode struct {
	app       *App
	seller    *seller
	redirect  string
	challenge string // "" when none was given
	method    string
	expires   time.Time
}

// asked is an authorisation request that passed the checks.
type asked struct {
	app                                *App
	redirect, state, challenge, method string
}

// ask checks an authorisation request. A refusal is a page and not a redirect, because nothing may be sent to an address
// that is not the app's; its words are ours.
func (p *Platform) ask(q url.Values) (asked, string) {
	a := p.app(q.Get("client_id"))
	if a == nil {
		return asked{}, "There is no application with this client_id."
	}
	r := asked{a, q.Get("redirect_uri"), q.Get("state"), q.Get("code_challenge"), q.Get("code_challenge_method")}
	if q.Get("response_type") != "code" {
		return asked{}, "unsupported_response_type: it must be code."
	}
	if !slices.Contains(a.spec.Redirects, r.redirect) {
		return asked{}, "The redirect_uri is not the one that the application has registered."
	}
	switch {
	case r.challenge == "" && a.spec.PKCE:
		return asked{}, "invalid_request: this application uses PKCE, and there is no code_challenge."
	case r.challenge == "" && r.method == "":
	case r.method == "plain" && validVerifier(r.challenge), r.method == "S256" && len(r.challenge) == 43 && validVerifier(r.challenge):
	default:
		return asked{}, "invalid_request: code_challenge and a code_challenge_method of S256 or plain go together."
	}
	return r, ""
}

// validVerifier is the form of RFC 7636 4.1.
func validVerifier(text string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	return len(text) >= 43 && len(text) <= 128 && strings.Trim(text, allowed) == ""
}

// proves says whether the verifier is the one of the code's challenge.
func (c *authCode) proves(verifier string) bool {
	switch c.method {
	case "":
		return verifier == ""
	case "plain":
		return verifier == c.challenge
	}
	sum := sha256.Sum256([]byte(verifier))
	return validVerifier(verifier) && base64.RawURLEncoding.EncodeToString(sum[:]) == c.challenge
}

// authorize shows the page on which a seller decides, and takes the decision.
func (p *Platform) authorize(w http.ResponseWriter, r *http.Request) {
	stage.Form(w, r)
	p.line.Lock()
	defer p.line.Unlock()
	request, refusal := p.ask(r.URL.Query())
	if refusal != "" {
		stage.Show(w, pages, http.StatusBadRequest, "refused.html", refusal)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		p.showAuthorize(w, request)
	case http.MethodPost:
		p.decide(w, r, request)
	default:
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	}
}

// showAuthorize lists the users, because nobody is signed in here.
func (p *Platform) showAuthorize(w http.ResponseWriter, request asked) {
	type user struct {
		Account, Nickname, Site string
		Granted                 bool
	}
	nonce := hexID(p.streams.ids, 16)
	maps.DeleteFunc(p.pages, func(_ string, until time.Time) bool { return !p.line.Time().Before(until) })
	p.pages[nonce] = p.line.Time().Add(pageLife)
	back, _ := url.Parse(request.redirect)
	var users []user
	for _, s := range p.sellers {
		users = append(users, user{s.account(), s.nickname, s.site.id, s.grant(request.app) != nil})
	}
	stage.Show(w, pages, http.StatusOK, "authorize.html", map[string]any{
		"App": request.app.spec.Name, "Scopes": request.app.spec.Scopes, "Users": users, "Nonce": nonce, "Back": back.Host,
	})
}

// decide takes the form of the page, once. What a refusal adds to the way back is (U); that a collaborator gets
// invalid_operator_user_id is documented.
func (p *Platform) decide(w http.ResponseWriter, r *http.Request, request asked) {
	if !p.line.Time().Before(p.pages[r.PostForm.Get("nonce")]) {
		stage.Show(w, pages, http.StatusForbidden, "refused.html", "This page was used already, or does not come from here.")
		return
	}
	who := p.seller(r.PostForm.Get("user"))
	if who == nil {
		stage.Show(w, pages, http.StatusBadRequest, "refused.html", "There is no such user.")
		return
	}
	delete(p.pages, r.PostForm.Get("nonce"))
	q := url.Values{}
	switch {
	case r.PostForm.Get("decision") != "allow":
		q.Set("error", "access_denied")
	case r.PostForm.Get("as") == "operator":
		q.Set("error", "invalid_operator_user_id")
	default:
		maps.DeleteFunc(p.codes, func(_ string, c *authCode) bool { return !p.line.Time().Before(c.expires) })
		q.Set("code", "TG-"+hexID(p.streams.tokens, 12)+"-"+who.account())
		p.codes[q.Get("code")] = &authCode{request.app, who, request.redirect, request.challenge, request.method, p.line.Time().Add(codeLife)}
	}
	if request.state != "" {
		q.Set("state", request.state)
	}
	separator := "?"
	if strings.Contains(request.redirect, "?") {
		separator = "&"
	}
	http.Redirect(w, r, request.redirect+separator+q.Encode(), http.StatusFound)
}
