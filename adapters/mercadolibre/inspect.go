package mercadolibre

import (
	"context"
	"net/http"
	"slices"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// Inspect asks who the token is of, and what was granted. Topics are chosen by hand in the app's configuration, and no call
// shows them.
func (dr *Driver) Inspect(ctx context.Context, c driver.Caller, app driver.App, account string) (driver.Shop, error) {
	a, err := c.Call(ctx, admin("me", "/users/me"))
	if err != nil {
		return driver.Shop{}, err
	}
	me, err := opened("me", a, strictjson.Object)
	if err != nil {
		return driver.Shop{}, err
	}
	var r strictjson.Reader
	status := me.Get("status")
	shop := driver.Shop{Name: r.Text(me.Get("nickname")), Active: status.Get("site_status").Text() == "active", Now: clock(a), Back: kept}
	if id := numericID(&r, me.Get("id")); r.Err() != nil || id != account {
		return driver.Shop{}, unreadable("me")
	}
	where := me.Get("site_id").Text()
	country, known := sites[where]
	shop.Currency = string(country.currency)
	if !known {
		shop.Problems = append(shop.Problems, driver.Repair{Code: "site_unknown", Hint: "The account's country is not one that this hub knows; its orders are read, and their currency is taken from them."})
	}
	if where == crossBorder {
		shop.Problems = append(shop.Problems, driver.Repair{Code: "cross_border", Hint: "This is a Global Selling account: its orders come by notification and cannot be listed yet; connect the accounts of its countries."})
	}
	if allow := status.Get("sell").Get("allow"); allow.Kind() == strictjson.Bool && allow.Text() == "false" {
		shop.Problems = append(shop.Problems, driver.Repair{Code: "selling_blocked", Hint: "Mercado Libre does not let the account sell; the owner sees the reason in the account's summary."})
	}
	shop.Scopes, err = dr.granted(ctx, c, app, account)
	if err != nil {
		return driver.Shop{}, err
	}
	if shop.Scopes != nil && !slices.Contains(shop.Scopes, "offline_access") {
		shop.Problems = append(shop.Problems, driver.Repair{Code: string(CodeScope), Detail: "offline_access", Hint: "Tick offline access in the app's configuration and connect again: without it the connection ends after six hours."})
	}
	return shop, nil
}

// granted reads what the user granted the app; nil when the platform does not show it (U: that the answer is one object).
func (dr *Driver) granted(ctx context.Context, c driver.Caller, app driver.App, account string) ([]string, error) {
	path, err := dr.grantPath(app, account)
	if err != nil {
		return nil, err
	}
	a, err := c.Call(ctx, admin("grant", path))
	switch hub.KindOf(err) {
	case hub.KindNotFound, hub.KindForbidden:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v, err := opened("grant", a, strictjson.Object)
	if err != nil {
		return nil, err
	}
	var scopes []string
	for s := range v.Get("scopes").Items() {
		scopes = append(scopes, s.Text())
	}
	return scopes, nil
}

// Subscriptions says what a person has to set by hand: an app has one address for the notifications of all its sellers, and
// chooses topics, in its configuration. The platform switches topics off when the address fails, tells nobody, and has no
// call that shows it, so nothing is known to be missing.
func (*Driver) Subscriptions(context.Context, driver.Caller, driver.App, string, string) ([]driver.Repair, error) {
	return nil, nil
}

func admin(name, path string) driver.Call {
	return driver.Call{Name: name, Class: driver.ClassAdmin, Method: http.MethodGet, Path: path, Repeat: true}
}
