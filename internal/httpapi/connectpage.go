package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"

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
const takenText = "This shop belongs to another account here. Disconnect it there first, or ask for help."

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

// begin sends a browser with a good ticket to the platform. A look by HEAD, as link previews do, uses nothing up.
func (p *connectPages) begin(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if r.Method == http.MethodHead || err != nil || len(query) != 1 || len(query["ticket"]) != 1 {
		p.refuse(w, r, &hub.Error{Kind: hub.KindNotFound, Code: "ticket_unknown"})
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
