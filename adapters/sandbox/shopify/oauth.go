package shopify

import (
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
	app     *App
	store   *store
	scopes  []string
	expires time.Time
}

// hostParameter is the host of install requests and callbacks: base64 of the shop's address in the admin.
func hostParameter(domain string) string {
	return base64.RawURLEncoding.EncodeToString([]byte("admin.shopify.com/store/" + strings.TrimSuffix(domain, ".myshopify.com")))
}

// asked is an authorisation request that passed the checks.
type asked struct {
	app      *App
	store    *store
	scopes   []string
	redirect string
	state    string
}

// ask checks an authorisation request. The text of a refusal is ours; that it is a page and not a redirect is so because
// nothing may be sent to an address that is not the app's.
func (p *Platform) ask(s *store, q url.Values) (asked, string) {
	a := p.app(q.Get("client_id"))
	if a == nil {
		return asked{}, "invalid_request: There is no app with this client_id."
	}
	r := asked{app: a, store: s, redirect: q.Get("redirect_uri"), state: q.Get("state")}
	if !slices.Contains(a.spec.Redirects, r.redirect) {
		return asked{}, "invalid_request: The redirect_uri is not whitelisted."
	}
	for _, option := range q["grant_options[]"] {
		if option != "" {
			return asked{}, "invalid_request: This sandbox has offline tokens only."
		}
	}
	for scope := range strings.SplitSeq(q.Get("scope"), ",") {
		scope = strings.TrimSpace(scope)
		allowed := slices.Contains(scopes[:], scope) && (len(a.spec.Scopes) == 0 || slices.Contains(a.spec.Scopes, scope))
		if scope != "" && !allowed {
			return asked{}, "invalid_scope: This app cannot ask for the scope " + scope + "."
		}
		if scope != "" && !slices.Contains(r.scopes, scope) {
			r.scopes = append(r.scopes, scope)
		}
	}
	return r, ""
}

// scopes are the access scopes that this platform knows.
var scopes = [...]string{
	"read_orders", "write_orders", "read_all_orders", "read_products", "write_products", "read_inventory", "write_inventory",
	"read_locations", "read_customers", "write_customers", "read_fulfillments", "write_fulfillments",
	"read_merchant_managed_fulfillment_orders", "write_merchant_managed_fulfillment_orders", "read_shopify_payments_disputes",
}

// authorize shows the page on which a merchant decides, and takes the decision.
func (p *Platform) authorize(w http.ResponseWriter, r *http.Request, s *store) {
	stage.Form(w, r)
	p.line.Lock()
	defer p.line.Unlock()
	query := r.URL.Query()
	request, refusal := p.ask(s, query)
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

func (p *Platform) showAuthorize(w http.ResponseWriter, request asked) {
	nonce := hexID(p.streams.ids)
	maps.DeleteFunc(p.pages, func(_ string, until time.Time) bool { return !p.line.Time().Before(until) })
	p.pages[nonce] = p.line.Time().Add(pageLife)
	back, _ := url.Parse(request.redirect)
	stage.Show(w, pages, http.StatusOK, "authorize.html", map[string]any{
		"App": request.app.spec.Name, "Shop": request.store.Domain, "Scopes": request.scopes, "Nonce": nonce, "Back": back.Host,
		"Installed": request.store.installed(request.app) != nil,
	})
}

// decide takes the form of the page, once.
func (p *Platform) decide(w http.ResponseWriter, r *http.Request, request asked) {
	if !p.line.Time().Before(p.pages[r.PostForm.Get("nonce")]) {
		stage.Show(w, pages, http.StatusForbidden, "refused.html", "This page was used already, or does not come from here.")
		return
	}
	delete(p.pages, r.PostForm.Get("nonce"))
	if r.PostForm.Get("decision") != "install" {
		stage.Show(w, pages, http.StatusOK, "refused.html", "Nothing was installed.") // a merchant who cancels stays in the admin (U)
		return
	}
	code := hexID(p.streams.tokens)
	maps.DeleteFunc(p.codes, func(_ string, c *authCode) bool { return !p.line.Time().Before(c.expires) })
	p.codes[code] = &authCode{request.app, request.store, request.scopes, p.line.Time().Add(codeLife)}
	q := url.Values{"code": {code}}
	if request.state != "" {
		q.Set("state", request.state)
	}
	http.Redirect(w, r, p.signed(request.app, request.store, request.redirect, q), http.StatusFound)
}
