package shopee

import (
	"embed"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hub/adapters/sandbox/stage"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(stage.Pages(pageFiles))

// spans are the days that a seller can choose; beside them any up to 365 (guide 20).
var spans = [...]int{7, 30, 90, 180, 365}

// asked is a link that passed the checks, until somebody decides.
type asked struct {
	app      *App
	redirect string
	cancel   bool
	until    time.Time // when the page that was shown can be sent
}

// pageLife is how long that is (U).
const pageLife = time.Hour

// page shows the page on which a seller lets an app in, or throws it out, and takes the decision.
func (p *Platform) page(w http.ResponseWriter, r *http.Request, cancel bool) {
	stage.Form(w, r)
	p.line.Lock()
	defer p.line.Unlock()
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		p.showPage(w, r, cancel)
	case http.MethodPost:
		p.decide(w, r, cancel)
	default:
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	}
}

// showPage checks a link, which is signed like a public call and good for five minutes. redirect is not signed, so its
// domain must be one that the console has.
func (p *Platform) showPage(w http.ResponseWriter, r *http.Request, cancel bool) {
	name := map[bool]string{false: "shop/auth_partner", true: "shop/cancel_auth_partner"}[cancel]
	c := &call{p: p, q: r.URL.Query()}
	if refused := p.signed(c, api+name, true); refused != nil {
		mishap{}.write(w, refused.status, p.front(), p.envelope(route{}, nil, refused))
		return
	}
	redirect := c.one("redirect")
	if !p.reachable(redirect) || !c.app.may(redirect) {
		out := []byte(`{"code":1,"error":"error_param","msg":"The domain of redirect_uri is not consistent with the domain that is set in the console."}`)
		mishap{}.write(w, http.StatusBadRequest, p.front(), out)
		return
	}
	to, err := url.Parse(redirect)
	if err != nil {
		http.Error(w, "no address", http.StatusBadRequest) // reachable has parsed it
		return
	}
	nonce := hexID(p.streams.ids)
	maps.DeleteFunc(p.pages, func(_ string, shown *asked) bool { return !p.line.Time().Before(shown.until) })
	p.pages[nonce] = &asked{c.app, redirect, cancel, p.line.Time().Add(pageLife)}
	type choice struct{ Value, Name, Detail string }
	var choices []choice
	for _, s := range p.listed {
		g := p.grants[grantKey{c.app, kindShop, s.id}]
		if s.status != "BANNED" && (!cancel || g != nil && g.state == grantLive) {
			choices = append(choices, choice{"shop:" + itoa(s.id), s.spec.Name, "shop " + itoa(s.id) + ", " + s.spec.Region})
		}
	}
	for _, m := range p.mains {
		if !cancel {
			choices = append(choices, choice{"main:" + itoa(m.id), m.name, "main account, " + strconv.Itoa(len(m.shops)) + " shops"})
		}
	}
	stage.Show(w, pages, http.StatusOK, "authorize.html", map[string]any{
		"App": c.app.spec.Name, "Nonce": nonce, "Back": to.Host, "Choices": choices, "Spans": spans, "Cancel": cancel,
	})
}

// decide takes the form of the page, once.
func (p *Platform) decide(w http.ResponseWriter, r *http.Request, cancel bool) {
	nonce := r.PostForm.Get("nonce")
	request := p.pages[nonce]
	if request == nil || request.cancel != cancel || !p.line.Time().Before(request.until) {
		stage.Show(w, pages, http.StatusForbidden, "refused.html", "This page was used already, or does not come from here.")
		return
	}
	delete(p.pages, nonce)
	if r.PostForm.Get("decision") != "confirm" {
		stage.Show(w, pages, http.StatusOK, "refused.html", "Nothing was changed.") // who says no stays here (U)
		return
	}
	kind, account, _ := strings.Cut(r.PostForm.Get("account"), ":")
	days, err := strconv.Atoi(r.PostForm.Get("days"))
	if !cancel && (err != nil || days < 1 || days > 365) {
		stage.Show(w, pages, http.StatusBadRequest, "refused.html", "An authorisation lasts 1 to 365 days.")
		return
	}
	var q url.Values
	if cancel {
		q = p.throwOut(request.app, account)
	} else {
		q = p.letIn(request.app, kind, account, p.line.Time().AddDate(0, 0, days))
	}
	if q == nil {
		stage.Show(w, pages, http.StatusBadRequest, "refused.html", "There is no such shop.")
		return
	}
	http.Redirect(w, r, back(request.redirect, q), http.StatusFound)
}

// back is a redirect with what is added to its query; what stood there stays.
func back(redirect string, q url.Values) string {
	if strings.Contains(redirect, "?") {
		return redirect + "&" + q.Encode()
	}
	return redirect + "?" + q.Encode()
}

// letIn makes a code, tells push 1, and returns what is added to the redirect.
func (p *Platform) letIn(a *App, kind, account string, until time.Time) url.Values {
	id, ok := number(account)
	code := &authCode{app: a, until: until, expires: p.line.Time().Add(codeLife)}
	name := "shop_id"
	switch {
	case !ok:
		return nil
	case kind == "main":
		code.main, name = p.mainAccount(id), "main_account_id"
	case kind == "shop" && p.shops[id] != nil && p.shops[id].status != "BANNED":
		code.shop = p.shops[id]
	}
	if code.main == nil && code.shop == nil {
		return nil
	}
	text := hexID(p.streams.tokens)
	p.codes[text] = code
	p.tellGrant(a, code.shop, code.main)
	return url.Values{"code": {text}, name: {account}}
}

// throwOut ends the grant of a shop.
func (p *Platform) throwOut(a *App, account string) url.Values {
	id, _ := number(account)
	g := p.grants[grantKey{a, kindShop, id}]
	if g == nil || g.state != grantLive {
		return nil
	}
	p.endGrant(g, grantCancelled)
	return url.Values{"shop_id": {account}}
}

// Authorize lets an app in as the page does, without the page, and returns the address that the browser is sent back to.
// account is "shop:ID" or "main:ID".
func (p *Platform) Authorize(clientID, account, redirect string, days int) (string, error) {
	p.line.Lock()
	defer p.line.Unlock()
	a := p.named(clientID)
	kind, id, _ := strings.Cut(account, ":")
	if a == nil || !slices.Contains([]string{"shop", "main"}, kind) || !p.reachable(redirect) || !a.may(redirect) {
		return "", notFound("letting an app in", "app, account or redirect")
	}
	q := p.letIn(a, kind, id, p.line.Time().AddDate(0, 0, days))
	if q == nil {
		return "", notFound("letting an app in", "account")
	}
	return back(redirect, q), nil
}
