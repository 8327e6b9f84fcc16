package shopee

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

const (
	refreshLife = 30 * 24 * time.Hour // of a refresh token
	accessLife  = 4 * time.Hour
	overlap     = 5 * time.Minute // for which the old access token lives on
	epoch       = 1_000_000_000   // above it expire_in is no duration: one documented sample prints the time itself
	maxToken    = 4 << 10
)

// Rotation: a refresh token works once, and a lost answer cannot be asked for again by a program (the console has a
// resend code for that). The first refresh token of a main account works once for each of its shops and merchants.
func (*Driver) Rotation() driver.Rotation {
	return driver.Rotation{SingleUse: true, Overlap: overlap, Ahead: time.Hour}
}

// Exchange turns a code, which works once and for ten minutes, into tokens: one for the shop, or for each shop and each
// merchant of a main account, which all begin with the same pair.
func (dr *Driver) Exchange(ctx context.Context, c driver.Caller, app driver.App, g driver.Grant, _ string, now time.Time) ([]driver.Token, error) {
	whose := "shop_id"
	if g.Main {
		whose = "main_account_id"
	}
	got, err := dr.auth(ctx, c, app, "token/get", pathToken, map[string]any{"code": g.Code, whose: json.Number(g.Account)})
	if err != nil {
		return nil, err
	}
	a := openAnswer(got)
	pair := a.pair(now)
	var tokens []driver.Token
	add := func(name string, merchant bool) {
		for v := range a.list(a.top.Get(name)).Items() {
			t := pair
			if t.Account, t.Merchant = a.id(v), merchant; t.Account == "" {
				a.Fail(hub.CodeOutOfRange, v)
			}
			tokens = append(tokens, t)
		}
	}
	if g.Main {
		add("shop_id_list", false)
		add("merchant_id_list", true)
		if len(tokens) == 0 {
			a.FailAt(hub.CodeMissing, func() string { return "shop_id_list" })
		}
	} else {
		pair.Account = g.Account
		tokens = []driver.Token{pair}
	}
	if err := a.err("token/get"); err != nil {
		return nil, unsure(err)
	}
	return tokens, nil
}

// Refresh gets the next pair for one shop or merchant. An answer that lacks a part of it, or is for another shop, leaves
// the outcome unknown: the old refresh token may be used up.
func (dr *Driver) Refresh(ctx context.Context, c driver.Caller, app driver.App, t driver.Token, now time.Time) (driver.Token, error) {
	whose := "shop_id"
	if t.Merchant {
		whose = "merchant_id"
	}
	got, err := dr.auth(ctx, c, app, "access_token/get", pathRefresh, map[string]any{"refresh_token": t.Refresh, whose: json.Number(t.Account)})
	if err != nil {
		return driver.Token{}, err
	}
	a := openAnswer(got)
	next := a.pair(now)
	if v := a.top.Get(whose); v.Given() && a.id(v) != t.Account {
		a.Fail(hub.CodeShopMismatch, v)
	}
	if err := a.err("access_token/get"); err != nil {
		return driver.Token{}, unsure(err)
	}
	next.Account, next.Merchant, next.GrantUntil = t.Account, t.Merchant, t.GrantUntil
	return next, nil
}

// unsure is the error of a token call that was answered with a success that says too little.
func unsure(err error) error {
	return &hub.Error{Kind: hub.KindUnknown, Code: hub.CodeOf(err), Op: "reading shopee's tokens", Err: err}
}

// auth posts one of the token calls, which want the partner id in the body too.
func (dr *Driver) auth(ctx context.Context, c driver.Caller, app driver.App, name, path string, body map[string]any) (driver.Answer, error) {
	partner, _, err := dr.credentials(app)
	if err != nil {
		return driver.Answer{}, err
	}
	body["partner_id"] = json.Number(partner)
	text, err := json.Marshal(body)
	if err != nil { // an account that is no number, whose text the encoder repeats
		return driver.Answer{}, hub.Invalid("shop_invalid", "shop")
	}
	return c.Call(ctx, driver.Call{
		Name: name, Class: driver.ClassAuth, Method: http.MethodPost, Path: path, Body: text, Public: true, Secret: true,
	})
}

// pair reads the tokens at the top of an answer. A token call has no response member.
func (a *answer) pair(now time.Time) driver.Token {
	t := driver.Token{
		Access:  a.token(a.Need(a.top, "access_token")),
		Refresh: a.token(a.Need(a.top, "refresh_token")),
	}
	in := a.Count(a.Need(a.top, "expire_in"))
	switch {
	case in > epoch:
		t.AccessUntil = a.unix(a.top.Get("expire_in"))
	case in > 0:
		t.AccessUntil = now.Add(time.Duration(in) * time.Second)
	default:
		t.AccessUntil = now.Add(accessLife) // an access token that is over already is none that anybody would send
	}
	t.RefreshUntil = now.Add(refreshLife)
	return t
}

func (a *answer) token(v strictjson.Value) string {
	text := a.Name(v, maxToken)
	if text == "" {
		a.Fail(hub.CodeMissing, v)
	}
	return text
}
