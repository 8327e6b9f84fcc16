package shopify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

var _ driver.Connector = (*Driver)(nil)

// neededScopes are what the driver's questions need: orders, and for the ids of customers and products in them the right
// to read those, without which those members are refused. The place of a retail order would need read_locations; an order is
// read without it. Orders older than 60 days need read_all_orders, which Shopify approves
// app by app, so it is asked for only where the app's configuration says so.
var neededScopes = []string{"read_orders", "read_customers", "read_products"}

// callbackAge bounds how old, or how far ahead of our clock, the platform's timestamp in a callback may be. Shopify's own
// library takes 90 s; ours is wider, for clocks that are off by minutes, because the state is single-use anyway.
const callbackAge = 10 * time.Minute

func scopesOf(app driver.App) []string {
	if len(app.Scopes) > 0 {
		return app.Scopes
	}
	return neededScopes
}

// Authorize returns the page of the shop, which must be named. An empty grant_options asks for an offline token.
func (*Driver) Authorize(app driver.App, a driver.Authorization, _ time.Time) (string, error) {
	base, err := address(app, a.Account)
	if err != nil {
		return "", err
	}
	q := url.Values{
		"client_id": {app.ClientID}, "scope": {strings.Join(scopesOf(app), ",")}, "redirect_uri": {app.Redirect}, "state": {a.State},
	}
	return base + pathAuthorize + "?" + q.Encode(), nil
}

// Callback checks the hmac of the query, its age and the shop's form.
func (*Driver) Callback(app driver.App, query url.Values, now time.Time) (driver.Grant, error) {
	refused := &hub.Error{Kind: hub.KindUnauthentic, Op: "reading shopify's way back"}
	for _, name := range []string{"code", "shop", "state", "timestamp", "hmac", "host"} {
		if len(query[name]) > 1 {
			return driver.Grant{}, refused // which of them was checked would be anybody's guess
		}
	}
	shop, ok := shopOf(query.Get("shop"))
	if !ok || !signedQuery(query, app.Secrets) {
		return driver.Grant{}, refused
	}
	sent, err := strconv.ParseInt(query.Get("timestamp"), 10, 64)
	if err != nil || now.Sub(time.Unix(sent, 0)).Abs() > callbackAge {
		return driver.Grant{}, refused
	}
	if query.Get("code") == "" {
		return driver.Grant{}, &hub.Error{Kind: hub.KindForbidden, Op: "reading shopify's way back: nothing was granted"}
	}
	return driver.Grant{State: query.Get("state"), Code: query.Get("code"), Account: shop}, nil
}

// signedQuery holds the hmac of a query against each secret: every other parameter, percent-encoded, sorted by name,
// joined by &, in lower-case hex.
func signedQuery(query url.Values, secrets []string) bool {
	claimed, err := hex.DecodeString(query.Get("hmac"))
	if err != nil || len(claimed) != sha256.Size || strings.ToLower(query.Get("hmac")) != query.Get("hmac") {
		return false
	}
	message := []byte(signedText(query))
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(message)
		if secret != "" && hmac.Equal(mac.Sum(nil), claimed) {
			return true
		}
	}
	return false
}

func signedText(query url.Values) string {
	var pairs []string
	for name, values := range query {
		if name == "hmac" || name == "signature" {
			continue
		}
		written := encoded(name)
		if of, array := strings.CutSuffix(name, "[]"); array {
			written = encoded(of) + "[]" // as Shopify's own library writes arrays
		}
		for _, v := range values {
			pairs = append(pairs, written+"="+encoded(v))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// encoded is percent-encoding with %20 for a space.
func encoded(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// Rotation: a refresh token works until its replacement is used, 30 days after its own first use at most. How long the old
// access token lives on is not documented.
func (*Driver) Rotation() driver.Rotation {
	return driver.Rotation{Repeats: true, Ahead: 10 * time.Minute}
}

// Exchange turns the code into an expiring token with a refresh token.
func (*Driver) Exchange(ctx context.Context, c driver.Caller, app driver.App, g driver.Grant, _ string, now time.Time) ([]driver.Token, error) {
	t, err := tokens(ctx, c, app, g.Account, "token", map[string]string{"code": g.Code, "expiring": "1"}, now)
	if err != nil {
		return nil, err
	}
	return []driver.Token{t}, nil
}

// Refresh gets the next pair with the app's current secret.
func (*Driver) Refresh(ctx context.Context, c driver.Caller, app driver.App, t driver.Token, now time.Time) (driver.Token, error) {
	if t.Refresh == "" {
		return driver.Token{}, &hub.Error{Kind: hub.KindPermanent, Code: driver.CodeReconnect, Op: "refreshing a shopify token that cannot be"}
	}
	return tokens(ctx, c, app, t.Account, "token_refresh", map[string]string{"grant_type": "refresh_token", "refresh_token": t.Refresh}, now)
}

// tokens asks the token endpoint once.
func tokens(ctx context.Context, c driver.Caller, app driver.App, account, name string, ask map[string]string, now time.Time) (driver.Token, error) {
	ask["client_id"] = app.ClientID
	if len(app.Secrets) > 0 {
		ask["client_secret"] = app.Secrets[0]
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return driver.Token{}, &hub.Error{Kind: hub.KindInternal, Op: "asking shopify for a token"}
	}
	answer, err := c.Call(ctx, driver.Call{
		Name: name, Class: driver.ClassAuth, Method: http.MethodPost, Path: pathToken, Account: account, Body: body, Public: true, Secret: true,
	})
	if err != nil {
		return driver.Token{}, err
	}
	return readToken(answer.Body, account, now)
}

// accessLife is how long a token lives whose answer does not say: never "for ever".
const accessLife = time.Hour

func readToken(body []byte, account string, now time.Time) (driver.Token, error) {
	v, err := strictjson.Parse(body)
	if err != nil || v.Get("access_token").Kind() != strictjson.String || v.Get("access_token").Text() == "" {
		return driver.Token{}, unreadable()
	}
	life := seconds(v.Get("expires_in"))
	if life == 0 {
		life = accessLife
	}
	shop, _ := shopOf(account)
	t := driver.Token{
		Account: shop, Access: v.Get("access_token").Text(), AccessUntil: now.Add(life), Refresh: v.Get("refresh_token").Text(),
		Scopes: []string{},
	}
	if life = seconds(v.Get("refresh_token_expires_in")); life > 0 && t.Refresh != "" {
		t.RefreshUntil = now.Add(life)
	}
	for scope := range strings.SplitSeq(v.Get("scope").Text(), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			t.Scopes = append(t.Scopes, scope)
		}
	}
	return t, nil
}
