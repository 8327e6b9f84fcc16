package mercadolibre

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

type (
	object = map[string]any
	number = json.Number
)

// failure is the platform's envelope for errors.
type failure struct {
	Message     string `json:"message,omitempty"`
	Description string `json:"error_description,omitempty"`
	Error       string `json:"error"`
	Code        string `json:"code,omitempty"`
	Status      int    `json:"status"`
	Cause       []any  `json:"cause"`
}

func (f failure) reply() reply {
	if f.Cause == nil {
		f.Cause = []any{}
	}
	return reply{status: f.Status, body: compact(f)}
}

func refuse(w http.ResponseWriter, f failure) { f.reply().write(w) }

// reply is an answer that is ready.
type reply struct {
	status  int
	body    []byte
	missing string // X-Content-Missing of a 206
	html    bool
	cut     bool
}

func ok(v any) reply { return reply{status: http.StatusOK, body: compact(v)} }

// compact prints JSON without the escapes that only HTML needs.
func compact(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err) // what is printed here is made here
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// call is one request of an app, for a user.
type call struct {
	*http.Request
	grant *grant
}

// number reads an id out of the path; false for what is none.
func (c call) number(name string) (int64, bool) {
	n, err := strconv.ParseInt(c.PathValue(name), 10, 64)
	return n, err == nil && n > 0
}

// seller is who the token is of.
func (c call) seller() *seller { return c.grant.seller }

// endpoint answers one call. The platform is locked.
type endpoint func(*Platform, call) reply

// routes are the addresses of the API.
func routes() map[string]endpoint {
	return map[string]endpoint{
		"GET /users/me":                             (*Platform).me,
		"GET /users/{user}/applications/{app}":      (*Platform).showGrant,
		"DELETE /users/{user}/applications/{app}":   (*Platform).revokeGrant,
		"GET /applications/{app}":                   (*Platform).showApp,
		"GET /applications/{app}/grants":            (*Platform).showGrants,
		"GET /currencies":                           (*Platform).currencies,
		"GET /orders/search":                        (*Platform).search,
		"GET /orders/{id}":                          (*Platform).order,
		"GET /orders/{id}/shipments":                (*Platform).orderShipments,
		"GET /orders/{id}/discounts":                (*Platform).orderDiscounts,
		"GET /orders/billing-info/{site}/{id}":      (*Platform).billingInfo,
		"GET /packs/{id}":                           (*Platform).pack,
		"GET /shipments/{id}":                       (*Platform).shipment,
		"GET /shipments/{id}/items":                 (*Platform).shipmentItems,
		"GET /shipments/{id}/costs":                 (*Platform).shipmentCosts,
		"GET /shipments/{id}/lead_time":             (*Platform).shipmentLeadTime,
		"GET /collections/{id}":                     (*Platform).collection,
		"GET /post-purchase/v1/claims/search":       (*Platform).claimSearch,
		"GET /post-purchase/v1/claims/{id}":         (*Platform).claim,
		"GET /post-purchase/v2/claims/{id}/returns": (*Platform).claimReturns,
		"GET /missed_feeds":                         (*Platform).missedFeeds,
	}
}

// newMux makes the platform's addresses.
func (p *Platform) newMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/authorization", p.authorize)
	mux.HandleFunc("/oauth/token", p.token)
	for pattern, e := range routes() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { p.api(w, r, e) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.api(w, r, func(*Platform, call) reply { return noResource() })
	})
	return mux
}

// ServeHTTP is the platform's addresses: the page for sellers and the API, which has one host for all countries.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// api answers one call with a token, or refuses it.
func (p *Platform) api(w http.ResponseWriter, r *http.Request, e endpoint) {
	p.line.Lock()
	broken := p.breakdown()
	g, refused := p.authentic(r)
	var a reply
	switch {
	case broken.status != 0:
		a = broken.instead()
	case refused != nil:
		a = refused.reply()
	case !p.charge(g.app):
		a = throttled()
	default:
		g.used = p.line.Time()
		a = e(p, call{r, g})
	}
	p.line.Unlock()
	if broken.slow > 0 {
		p.o.Wait(r.Context(), broken.slow)
	}
	a.cut = broken.cut
	w.Header().Set("Date", p.date())
	a.write(w)
}

// authentic finds the grant that the token of a call speaks for. A token in the query is not looked at.
func (p *Platform) authentic(r *http.Request) (*grant, *failure) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !bearer || token == "":
		return nil, &failure{Status: http.StatusUnauthorized, Error: "unauthorized", Message: "authorization value not present", Code: "unauthorized"}
	case !strings.HasPrefix(token, "APP_USR-") || strings.Count(token, "-") != 4:
		return nil, &failure{Status: http.StatusBadRequest, Error: "bad_request", Message: "Malformed access_token"} // the real one repeats it
	}
	t := p.access[token]
	if t == nil || !p.line.Time().Before(t.expires) || !t.grant.alive(p.line.Time()) {
		return nil, &failure{Status: http.StatusUnauthorized, Error: "invalid_token", Message: "invalid_token"} // of both, which is which is (U)
	}
	switch t.grant.seller.standing {
	case Gone:
		return nil, &failure{Status: http.StatusUnavailableForLegalReasons, Error: "unavailable_for_legal_reasons", Message: "Unavailable for legal reasons"}
	case Blocked:
		return nil, forbidden()
	}
	if r.Method == http.MethodGet && !slices.Contains(t.grant.scopes, "read") {
		return nil, &failure{Status: http.StatusForbidden, Error: "Invalid scopes", Code: "FORBIDDEN"}
	}
	return t.grant, nil
}

func forbidden() *failure {
	return &failure{
		Status: http.StatusForbidden, Error: "access_denied", Message: "access to the requested resource is forbidden", Code: "FORBIDDEN",
	}
}

func noResource() reply {
	return failure{Status: http.StatusNotFound, Error: "not_found", Message: "resource not found"}.reply()
}

func badRequest(code, message string) reply {
	return failure{Status: http.StatusBadRequest, Error: code, Message: message}.reply()
}
