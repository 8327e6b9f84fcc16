package mercadolibre

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

const (
	refreshLife = 180 * 24 * time.Hour // six months
	maxCode     = 512                  // bytes of a code or a token
	maxLife     = 365 * 24 * 3600      // seconds that an access token may live, far above the six hours of today
	opCallback  = "reading mercadolibre's way back"
	opToken     = "reading mercadolibre's token"
)

// Authorize returns the page of a country, or the one for all (U). Scopes are set in the app's configuration and not asked
// for here. The redirect must be the registered one, byte for byte, without anything that varies.
func (*Driver) Authorize(app driver.App, a driver.Authorization, _ time.Time) (string, error) {
	base := "https://" + allSites
	if a.Site != "" {
		country, known := sites[a.Site]
		if !known {
			return "", hub.Invalid("site_unknown", "site")
		}
		base = "https://" + country.authorize
	}
	if app.Base != "" {
		base = strings.TrimSuffix(app.Base, "/")
	}
	q := url.Values{"response_type": {"code"}, "client_id": {app.ClientID}, "redirect_uri": {app.Redirect}, "state": {a.State}}
	if a.Challenge != "" {
		q.Set("code_challenge", a.Challenge)
		q.Set("code_challenge_method", "S256")
	}
	return base + "/authorization?" + q.Encode(), nil
}

// Callback reads the code and the state. The platform signs nothing of it: that the state is one that was given to this
// browser is all the proof there is, and the code is worth nothing without the app's secret and the verifier.
func (*Driver) Callback(_ driver.App, query url.Values, _ time.Time) (driver.Grant, error) {
	for _, name := range []string{"code", "state", "error"} {
		if len(query[name]) > 1 || !plain(query.Get(name)) {
			return driver.Grant{}, &hub.Error{Kind: hub.KindUnauthentic, Op: opCallback}
		}
	}
	state, code := query.Get("state"), query.Get("code")
	switch failed := query.Get("error"); {
	case state == "":
		return driver.Grant{}, &hub.Error{Kind: hub.KindUnauthentic, Op: opCallback}
	case failed == "invalid_operator_user_id":
		return driver.Grant{}, &hub.Error{Kind: hub.KindForbidden, Code: CodeOperator, Op: opCallback}
	case failed != "" || code == "":
		return driver.Grant{}, &hub.Error{Kind: hub.KindForbidden, Code: CodeDenied, Op: opCallback}
	}
	return driver.Grant{State: state, Code: code}, nil
}

// plain reports whether text can be a code or a state: short, and printable ASCII.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return len(text) <= maxCode
}

// Rotation: a refresh token works once and only the newest of a user works at all, so a lost answer is a lost connection. How
// long the old access token lives on is not documented.
func (*Driver) Rotation() driver.Rotation {
	return driver.Rotation{SingleUse: true, Ahead: 30 * time.Minute}
}

// Exchange turns a code, which works once and for about ten minutes (U), into a token of the one user who granted it.
func (dr *Driver) Exchange(ctx context.Context, c driver.Caller, app driver.App, g driver.Grant, verifier string, now time.Time) ([]driver.Token, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {g.Code}, "redirect_uri": {app.Redirect}}
	if verifier != "" {
		form.Set("code_verifier", verifier)
	}
	t, err := dr.token(ctx, c, "token", form, now)
	if err != nil {
		return nil, err
	}
	return []driver.Token{t}, nil
}

// Refresh gets the next pair. An answer that is for another user leaves the outcome unknown: the old token may be spent.
func (dr *Driver) Refresh(ctx context.Context, c driver.Caller, _ driver.App, t driver.Token, now time.Time) (driver.Token, error) {
	if t.Refresh == "" { // the app had no offline_access
		return driver.Token{}, &hub.Error{Kind: hub.KindPermanent, Code: driver.CodeReconnect, Op: opToken}
	}
	next, err := dr.token(ctx, c, "token_refresh", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.Refresh}}, now)
	if err != nil {
		return driver.Token{}, err
	}
	if next.Account != t.Account {
		return driver.Token{}, &hub.Error{Kind: hub.KindUnknown, Code: driver.CodeUnreadable, Op: opToken}
	}
	return next, nil
}

// token posts a form once; Request adds the app's id and secret to it. An answer that cannot be read leaves the outcome
// unknown, for what was given in is spent.
func (dr *Driver) token(ctx context.Context, c driver.Caller, name string, form url.Values, now time.Time) (t driver.Token, err error) {
	a, err := c.Call(ctx, driver.Call{
		Name: name, Class: driver.ClassAuth, Method: http.MethodPost, Path: "/oauth/token", Body: []byte(form.Encode()), Public: true, Secret: true,
	})
	if err != nil {
		return t, err
	}
	v, err := strictjson.Parse(a.Body)
	var r strictjson.Reader
	t.Account = numericID(&r, v.Get("user_id"))
	t.Access, t.Refresh = r.Text(v.Get("access_token")), r.Text(v.Get("refresh_token"))
	seconds := r.Count(v.Get("expires_in"))
	scope := r.Text(v.Get("scope"))
	if err != nil || r.Err() != nil || t.Account == "" || t.Access == "" || !plain(t.Access) || !plain(t.Refresh) || seconds <= 0 || seconds > maxLife {
		return driver.Token{}, &hub.Error{Kind: hub.KindUnknown, Code: driver.CodeUnreadable, Op: opToken}
	}
	t.AccessUntil = now.Add(time.Duration(seconds) * time.Second)
	if t.Refresh != "" {
		t.RefreshUntil = now.Add(refreshLife)
	}
	t.Scopes = append([]string{}, strings.Fields(scope)...)
	return t, nil
}

// Disconnect takes the grant back, with the token that it was given for. One that is gone already is as good.
func (dr *Driver) Disconnect(ctx context.Context, c driver.Caller, app driver.App, t driver.Token) error {
	path, err := dr.grantPath(app, t.Account)
	if err != nil {
		return err
	}
	_, err = c.Call(ctx, driver.Call{
		Name: "revoke", Class: driver.ClassAuth, Method: http.MethodDelete, Path: path, Header: http.Header{"Authorization": {"Bearer " + t.Access}},
		Repeat: true, Public: true, Secret: true,
	})
	if kind := hub.KindOf(err); err != nil && (kind == hub.KindNotFound || kind == hub.KindUnauthentic) {
		return nil
	}
	return err
}

// grantPath is the address of what a user granted an app.
func (dr *Driver) grantPath(app driver.App, account string) (string, error) {
	user, err := dr.Shop(account)
	if err != nil || !isID(app.ClientID) {
		return "", &hub.Error{Kind: hub.KindInvalid, Code: CodeApp, Op: "addressing a mercadolibre grant"}
	}
	return "/users/" + user + "/applications/" + app.ClientID, nil
}
