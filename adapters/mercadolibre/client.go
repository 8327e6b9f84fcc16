package mercadolibre

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
)

// apiHost serves every country. There is no other for tests: test users live on it.
const apiHost = "https://api.mercadolibre.com"

// self in a call's query stands for the caller's own user id, which only Request knows.
const self = "{account}"

// Codes of errors that only Mercado Libre's calls have.
const (
	CodeGone       hub.Code = "gone_for_legal_reasons" // the user is gone, and so must be their data
	CodeScope      hub.Code = "scope_missing"          // the grant does not cover what was asked
	CodePermission hub.Code = "permission_missing"     // the app lacks a functional permission, which its owner ticks
	CodeDenied     hub.Code = "access_denied"          // any other 403: an address that is not allowed, a user who is not active
	CodeApp        hub.Code = "app_refused"            // client id or secret are not taken, or the app is blocked
	CodeOperator   hub.Code = "operator_user"          // a collaborator tried to grant what only the account's owner may
	CodeRefused    hub.Code = "call_refused"           // the platform takes the call for wrong
	CodePlatform   hub.Code = "platform_error"         // 5xx and the like
	CodeWindow     hub.Code = "window_too_full"        // more orders in one hour than a search shows
)

// Request writes a call. Calls of a shop carry its token in the Authorization header; those of the app alone carry its id and
// its current secret in the form that they post, where the token endpoint wants them.
func (dr *Driver) Request(c driver.Call, a driver.Access, _ time.Time) (*http.Request, error) {
	to, err := url.Parse(host(a.App) + c.Path)
	if err != nil { // whose text would hold the address
		return nil, &hub.Error{Kind: hub.KindInvalid, Code: CodeApp, Op: "addressing mercadolibre"}
	}
	body := c.Body
	if !c.Public {
		to.RawQuery, err = dr.query(c, a)
	} else if len(body) > 0 {
		body, err = withSecret(body, a.App)
	}
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(c.Method, to.String(), bytes.NewReader(body))
	if err != nil { // likewise
		return nil, &hub.Error{Kind: hub.KindInvalid, Code: CodeApp, Op: "addressing mercadolibre"}
	}
	for name, values := range c.Header {
		request.Header[name] = values
	}
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if !c.Public {
		request.Header.Set("Authorization", "Bearer "+a.Token)
	}
	request.Header.Set("Accept", "application/json")
	return request, nil
}

// host is where the app's calls go. Shops are not part of the address.
func host(app driver.App) string {
	if app.Base != "" {
		return strings.TrimSuffix(app.Base, "/")
	}
	return apiHost
}

// query writes the query of a shop's call, with the shop where it belongs.
func (dr *Driver) query(c driver.Call, a driver.Access) (string, error) {
	account, err := dr.Shop(a.Account)
	if err != nil || a.Token == "" {
		return "", &hub.Error{Kind: hub.KindInvalid, Code: "shop_invalid", Op: "addressing a mercadolibre shop"}
	}
	q := make(url.Values, len(c.Query))
	for name, values := range c.Query {
		for _, v := range values {
			if v == self {
				v = account
			}
			q.Add(name, v)
		}
	}
	return q.Encode(), nil
}

// withSecret adds the app's credentials to a form.
func withSecret(form []byte, app driver.App) ([]byte, error) {
	q, err := url.ParseQuery(string(form))
	if err != nil || !isID(app.ClientID) || len(app.Secrets) == 0 || app.Secrets[0] == "" {
		return nil, &hub.Error{Kind: hub.KindInvalid, Code: CodeApp, Op: "reading the mercadolibre app"}
	}
	q.Set("client_id", app.ClientID)
	q.Set("client_secret", app.Secrets[0])
	return []byte(q.Encode()), nil
}

// Limits: nothing general is published. Requests are counted for each app and kind of call, and the only figure is what
// GET /applications/{id} prints in the documentation, 18,000 an hour (U for other apps). Orders are kept for 12 months.
func (*Driver) Limits() driver.Limits {
	return driver.Limits{
		Timeout: 3 * time.Second, Size: 500, PerSecond: 5, PerApp: true, FetchAtOnce: 10, PageOrders: pageOrders, Back: kept, Totals: driver.UnshippedTotals,
	}
}

// kept is how long the platform shows orders; a year less a day, for its months are not counted to the hour.
const kept = 364 * 24 * time.Hour

// get is a call that reads, which may be repeated.
func get(name, path string, q url.Values) driver.Call {
	return driver.Call{Name: name, Class: driver.ClassOrders, Method: http.MethodGet, Path: path, Query: q, Repeat: true}
}
