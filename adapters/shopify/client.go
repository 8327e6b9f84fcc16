package shopify

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
)

// apiVersion is the version that every call names. An expired one falls forward at the platform, which the answer's
// X-Shopify-API-Version tells; Inspect shows people that it did.
const apiVersion = "2026-10"

// The paths below a shop's address.
const (
	pathGraphQL   = "/admin/api/" + apiVersion + "/graphql.json"
	pathToken     = "/admin/oauth/access_token"
	pathAuthorize = "/admin/oauth/authorize"
)

var _ driver.Client = (*Driver)(nil)

// shopOf reads a shop's address, in lower case; names without their ending are none here.
func shopOf(account string) (string, bool) {
	shop, err := (*Driver)(nil).Shop(account)
	return shop, err == nil && len(shop) == len(account)
}

// address is where a shop is reached: https://{shop}, or {Base}/shops/{shop} for a sandbox.
func address(app driver.App, account string) (string, error) {
	shop, ok := shopOf(account)
	if !ok {
		return "", &hub.Error{Kind: hub.KindInvalid, Code: CodeNoShop, Op: "addressing a shopify shop"}
	}
	if app.Base != "" {
		return strings.TrimSuffix(app.Base, "/") + "/shops/" + shop, nil
	}
	return "https://" + shop, nil
}

// Request writes a call. The only credential is the shop's access token in X-Shopify-Access-Token; those of the app are
// in the bodies of the calls for tokens.
func (*Driver) Request(c driver.Call, a driver.Access, _ time.Time) (*http.Request, error) {
	base, err := address(a.App, a.Account)
	if err != nil {
		return nil, err
	}
	to := base + c.Path
	if len(c.Query) > 0 {
		to += "?" + c.Query.Encode()
	}
	r, err := http.NewRequest(c.Method, to, bytes.NewReader(c.Body))
	if err != nil { // whose text would hold the address
		return nil, &hub.Error{Kind: hub.KindInvalid, Code: CodeNoShop, Op: "writing a call to shopify"}
	}
	for name, values := range c.Header {
		r.Header[name] = values
	}
	r.Header.Set("Accept", "application/json")
	if len(c.Body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	if !c.Public {
		r.Header.Set("X-Shopify-Access-Token", a.Token)
	}
	return r, nil
}

// Limits are those of a standard shop, as seen in recorded answers: 2000 points, 100 back each second. Each answer says
// what the shop's plan really has. The timeout is the project's; Shopify names none.
func (*Driver) Limits() driver.Limits {
	return driver.Limits{
		Timeout: 1200 * time.Millisecond, Size: 2000, PerSecond: 100, OneBudget: true,
		FetchAtOnce: ordersAtOnce, PageOrders: listAtOnce, Totals: driver.GrandTotals,
	}
}
