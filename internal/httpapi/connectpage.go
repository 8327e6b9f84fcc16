package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"hub"
	"hub/internal/connect"
)

// The addresses that browsers open. Their queries hold secrets and are logged nowhere; the access line has the route alone.
const (
	beginRoute    = "/connect/{platform}/begin"
	callbackRoute = "/connect/{platform}/callback"
)

// visit is the page that a browser gets in the end.
type visit struct {
	Title   string
	Tone    string // good, warn or bad: the colour, beside the words
	Text    string
	Tenant  string
	Shops   []visitShop
	Go      string // the platform that the browser is about to be sent to
	Ticket  string // with which
	Again   bool   // a new link helps
	Problem string // the code, for whoever is asked for help
	Request string
}

type visitShop struct {
	Account, Name string
	Note          string
	Todo          []visitTodo
}

type visitTodo struct{ Hint, Detail string }

// takenText is shop_taken in the words of somebody who has never heard of tenants.
const takenText = "This shop is connected already: to another account here, or to yours by another app or environment. Disconnect it there first, or ask for help."

// pages serves the two addresses.
func (s *server) pages(r chi.Router) {
	style, err := page.ReadFile("page/connect.css")
	if err != nil {
		panic(err) // embedded
	}
	sum := sha256.Sum256(style)
	p := &connectPages{
		server: s, page: template.Must(template.ParseFS(page, "page/connect.html")), style: template.CSS(style), //nolint:gosec // our own file
		// Only this very style sheet, which is in the page: no script, no picture, no frame, and nowhere to send anything.
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
	r.Get(beginRoute, p.begin)
	r.Get(callbackRoute, p.callback)
	describePages(s.huma.OpenAPI())
}

type connectPages struct {
	*server
	page   *template.Template
	style  template.CSS
	policy string
}

// begin tells a browser with a good ticket where it leads, and sends it to the platform when it goes on from that page. A look, by
// a person or by HEAD as link previews do, uses nothing up. What takes no pages is sent on at once: it has nobody to show one to,
// and nobody is led by it. When browsers go to an address for somebody they ask for a page; what else they fetch says that it is
// a browser's by Sec-Fetch-Site, and where it does not, the cookie of the way is kept out of other sites' requests.
func (p *connectPages) begin(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	goes := len(query) == 2 && len(query["go"]) == 1 && query.Get("go") == "1"
	if r.Method == http.MethodHead || err != nil || len(query) != 1 && !goes || len(query["ticket"]) != 1 {
		p.refuse(w, r, &hub.Error{Kind: hub.KindNotFound, Code: "ticket_unknown"})
		return
	}
	if isBrowser(r) && !(goes && p.wasShown(r, query.Get("ticket"))) {
		p.before(w, r, query.Get("ticket"))
		return
	}
	d, err := p.Journey.Depart(r.Context(), hub.Platform(chi.URLParam(r, "platform")), query.Get("ticket"))
	if err != nil {
		p.refuse(w, r, err)
		return
	}
	p.setCookie(w, d.Cookie, int(d.Cookie.MaxAge.Seconds()))
	w.Header().Set("Location", d.URL)
	w.WriteHeader(http.StatusSeeOther)
}

// isBrowser reports whether somebody may sit before it.
func isBrowser(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Site") != "" || strings.Contains(r.Header.Get("Accept"), "text/html")
}

// shownFor is how long somebody may read the page before leaving: as long as a link is good.
const shownFor = 10 * time.Minute

// shown is the cookie of a browser that was shown where a ticket leads. It is not sent along when another site, or an address
// that somebody passed on, leads the browser here.
func (p *connectPages) shown(ticket string) *http.Cookie {
	sum := sha256.Sum256([]byte(ticket))
	text := hex.EncodeToString(sum[:])
	c := &http.Cookie{
		Name: "hub_shown_" + text[:12], Value: text, Path: "/", MaxAge: int(shownFor.Seconds()), HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: strings.HasPrefix(p.PublicURL(), "https://"),
	}
	if c.Secure {
		c.Name = "__Host-" + c.Name // set by this very host, and not by another of its domain
	}
	return c
}

// wasShown reports whether a browser goes on from the page that says where a ticket leads. Browsers that say where a request
// comes from say that it comes from here.
func (p *connectPages) wasShown(r *http.Request, ticket string) bool {
	want := p.shown(ticket)
	got, err := r.Cookie(want.Name)
	from := r.Header.Get("Sec-Fetch-Site")
	return err == nil && got.Value == want.Value && (from == "" || from == "same-origin")
}

// before says whose account a shop goes to, so that nobody gives a shop away by a link that somebody else has sent.
func (p *connectPages) before(w http.ResponseWriter, r *http.Request, ticket string) {
	platform := hub.Platform(chi.URLParam(r, "platform"))
	prospect, err := p.Journey.Look(r.Context(), platform, ticket)
	if err != nil {
		p.refuse(w, r, err)
		return
	}
	v := visit{Title: "Connect a shop", Tone: "good", Go: nameOf(platform), Ticket: ticket}
	if t, ok := p.Directory.Tenant(prospect.Tenant); ok {
		v.Tenant = t.Name
	}
	if prospect.Account != "" {
		v.Shops = []visitShop{{Account: prospect.Account}}
	}
	http.SetCookie(w, p.shown(ticket))
	p.show(w, r, v, http.StatusOK)
}

// nameOf is how people call a platform.
func nameOf(p hub.Platform) string {
	switch p {
	case hub.Shopify:
		return "Shopify"
	case hub.Shopee:
		return "Shopee"
	case hub.MercadoLibre:
		return "Mercado Libre"
	}
	return string(p)
}

// setCookie binds the way to this browser: not readable by scripts, not sent along from other sites' requests except when
// the platform leads the browser back.
func (*connectPages) setCookie(w http.ResponseWriter, c connect.Cookie, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: c.Name, Value: c.Value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: c.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// callback ends the way.
func (p *connectPages) callback(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if r.Method == http.MethodHead || err != nil {
		p.refuse(w, r, &hub.Error{Kind: hub.KindNotFound, Code: "state_unknown"})
		return
	}
	cookie := func(name string) string {
		found, err := r.Cookie(name)
		if err != nil {
			return ""
		}
		return found.Value
	}
	a, err := p.Journey.Arrive(r.Context(), hub.Platform(chi.URLParam(r, "platform")), query, cookie)
	if a.Cookie != "" {
		p.setCookie(w, connect.Cookie{Name: a.Cookie, Secure: len(a.Cookie) > 7 && a.Cookie[:7] == "__Host-"}, -1)
	}
	if err != nil && len(a.Shops) == 0 {
		p.refuse(w, r, err)
		return
	}
	v, status := p.arrived(a)
	p.show(w, r, v, status)
}

// arrived tells what was connected, and what people have to mend.
func (p *connectPages) arrived(a connect.Arrival) (visit, int) {
	v := visit{Title: "Connected", Tone: "good", Text: "Orders begin to arrive within a minute. You can close this page."}
	if t, ok := p.Directory.Tenant(a.Tenant); ok {
		v.Tenant = t.Name
	}
	refused := 0
	for _, c := range a.Shops {
		shop := visitShop{Account: c.Account}
		switch {
		case c.Code != "":
			refused++
			shop.Note = takenText
		case c.Report == nil:
			shop.Note = "Connected. The first check is still to come."
		default:
			shop.Name = c.Report.Name
			for _, f := range c.Report.Checks {
				if !f.OK {
					shop.Todo = append(shop.Todo, visitTodo{f.Hint, f.Detail})
				}
			}
		}
		if len(shop.Todo) > 0 && v.Tone == "good" {
			v.Tone, v.Title = "warn", "Connected, with something to mend"
			v.Text = "The shop is connected. Some things need a hand:"
		}
		v.Shops = append(v.Shops, shop)
	}
	switch refused {
	case 0:
		return v, http.StatusOK
	case len(a.Shops):
		for i := range v.Shops {
			v.Shops[i].Note = ""
		}
		return visit{Title: "Not connected", Tone: "bad", Text: takenText, Shops: v.Shops, Problem: "shop_taken"}, http.StatusConflict
	}
	v.Tone, v.Title, v.Text = "warn", "Connected in part", "Some of the shops could not be connected:"
	return v, http.StatusOK
}

// refuse shows an error as a page.
func (p *connectPages) refuse(w http.ResponseWriter, r *http.Request, err error) {
	problem := p.problem(r.Context(), err, inQuery)
	v := visit{Title: "Not connected", Tone: "bad", Text: problem.Detail, Problem: string(problem.Code)}
	switch problem.Code {
	case "ticket_unknown", "state_unknown":
		v.Title, v.Again = "This link is used up", true
	case "browser_other":
		v.Again = true
	}
	for name, values := range problem.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Del("WWW-Authenticate") // a browser has no key to offer
	p.show(w, r, v, problem.Status)
}

func (p *connectPages) show(w http.ResponseWriter, r *http.Request, v visit, status int) {
	if v.Problem != "" {
		v.Request = traceOf(r.Context()).id
	}
	var html bytes.Buffer
	err := p.page.Execute(&html, struct {
		visit
		Style template.CSS
	}{v, p.style})
	if err != nil {
		panic(err) // a test renders every kind of page
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	w.WriteHeader(status)
	_, _ = w.Write(html.Bytes()) // a browser that is gone needs no answer
}
