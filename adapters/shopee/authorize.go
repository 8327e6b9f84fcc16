package shopee

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
)

// Authorize returns the address of the classic page, which is good for five minutes. It has no state of its own, so the
// state goes into the query of the redirect: the console holds only its domain against what is registered. There is no
// PKCE and there are no scopes.
func (dr *Driver) Authorize(app driver.App, a driver.Authorization, now time.Time) (string, error) {
	partner, key, err := dr.credentials(app)
	if err != nil {
		return "", err
	}
	back, err := url.Parse(app.Redirect)
	if err != nil || app.Redirect == "" || back.Host == "" || back.Fragment != "" || a.State == "" {
		return "", &hub.Error{Kind: hub.KindInvalid, Code: CodeApp, Op: "addressing shopee's page"} // a parser's text holds the address
	}
	separator := "?"
	if strings.Contains(app.Redirect, "?") {
		separator = "&"
	}
	query := url.Values{
		"partner_id": {partner}, "timestamp": {strconv.FormatInt(now.Unix(), 10)},
		"sign":     {sign(key, base(partner, pathAuthorize, now, "", ""), nil)},
		"redirect": {app.Redirect + separator + url.Values{"state": {a.State}}.Encode()},
	}
	return host(app) + pathAuthorize + "?" + query.Encode(), nil
}

// maxCode bounds the code; real ones are 32 characters.
const maxCode = 512

// Callback reads the query that the browser came back with: code and shop_id, or main_account_id for a merchant with
// several shops, beside our own state. Shopee signs nothing of it: only the state and the exchange prove it.
func (dr *Driver) Callback(_ driver.App, query url.Values, _ time.Time) (driver.Grant, error) {
	one := func(name string) string {
		if values := query[name]; len(values) == 1 {
			return values[0]
		}
		return ""
	}
	refused := &hub.Error{Kind: hub.KindUnauthentic, Op: "reading the way back from shopee"}
	if query.Get("error") != "" { // not documented; whoever sends it does not say yes
		refused.Kind = hub.KindForbidden
		return driver.Grant{}, refused
	}
	g := driver.Grant{State: one("state"), Code: one("code")}
	account, main := one("shop_id"), one("main_account_id")
	if g.Main = main != ""; g.Main == (account != "") || g.State == "" || g.Code == "" || len(g.Code) > maxCode {
		return driver.Grant{}, refused
	}
	shop, err := dr.Shop(account + main)
	if err != nil {
		return driver.Grant{}, refused
	}
	g.Account = shop
	return g, nil
}
