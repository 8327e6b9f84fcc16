package shopee

import (
	"maps"
	"slices"
	"time"
)

// The lives of codes and tokens (guide 20).
const (
	codeLife     = 10 * time.Minute
	accessLife   = 4 * time.Hour
	refreshLife  = 30 * 24 * time.Hour
	oldLife      = 5 * time.Minute // of an access token after the refresh that replaced it
	longestGrant = 365 * 24 * time.Hour
)

// Tokens is a pair as the token calls answer it.
type Tokens struct {
	Access   string
	Refresh  string
	ExpireIn int64 // seconds
}

// accessToken speaks for one grant, or for all of a main account's until they are refreshed.
type accessToken struct {
	app   *App
	until map[*grant]time.Time
}

// refreshToken gives the next pair, once for each grant that it began with.
type refreshToken struct {
	issued time.Time
	used   map[*grant]bool
}

// authCode is a code that was handed to a redirect, or by the console's resend button.
type authCode struct {
	app     *App
	shop    *store // of a shop's
	main    *main  // of a main account's
	resend  bool
	until   time.Time // of the grant that it makes
	expires time.Time
}

// mint makes a pair for grants, which begin or go on with it. The access token that a grant had lives five minutes more.
func (p *Platform) mint(a *App, grants ...*grant) Tokens {
	for _, t := range p.access {
		for _, g := range grants {
			if until, ok := t.until[g]; ok && until.After(p.line.Time().Add(oldLife)) {
				t.until[g] = p.line.Time().Add(oldLife)
			}
		}
	}
	made := Tokens{hexID(p.streams.tokens), hexID(p.streams.tokens), int64(accessLife / time.Second)}
	access := &accessToken{app: a, until: map[*grant]time.Time{}}
	next := &refreshToken{issued: p.line.Time(), used: map[*grant]bool{}}
	for _, g := range grants {
		access.until[g] = p.line.Time().Add(accessLife)
		next.used[g] = false
		g.refresh = next
	}
	p.access[made.Access], p.refresh[made.Refresh] = access, next
	p.sweep()
	return made
}

// sweep forgets access tokens a day after their end, refresh tokens that are used up or ended long ago, and codes.
func (p *Platform) sweep() {
	now := p.line.Time()
	maps.DeleteFunc(p.access, func(_ string, t *accessToken) bool {
		for _, until := range t.until {
			if now.Sub(until) <= 24*time.Hour {
				return false
			}
		}
		return true
	})
	maps.DeleteFunc(p.refresh, func(_ string, t *refreshToken) bool {
		for _, used := range t.used {
			if !used {
				return now.Sub(t.issued) > 2*refreshLife // until then a refusal says that it has ended
			}
		}
		return true
	})
	maps.DeleteFunc(p.codes, func(_ string, c *authCode) bool { return !now.Before(c.expires) })
}

// tokenGet is POST /api/v2/auth/token/get: a code for a pair, once.
func tokenGet(c *call) ([]byte, *refusal) {
	m, refused := c.members("code", "partner_id", "shop_id", "main_account_id")
	if refused != nil {
		return nil, refused
	}
	shop, ofShop := m.ids["shop_id"]
	account, ofMain := m.ids["main_account_id"]
	if ofShop == ofMain || m.texts["code"] == "" {
		return nil, wrong("Wrong parameters, detail: code and one of shop_id and main_account_id are needed.")
	}
	code := c.p.codes[m.texts["code"]]
	switch {
	case code == nil || code.resend || code.app != c.app || !c.p.line.Time().Before(code.expires):
		return nil, &refusal{200, "invalid_code", "The code is expired or used or invalid, please check the code."}
	case ofShop && (code.shop == nil || code.shop.id != shop):
		return nil, &refusal{200, "invalid_shop_id", "The code or shop_id is wrong, please check the code or the shop_id."}
	case ofMain && (code.main == nil || code.main.id != account):
		return nil, &refusal{200, "invalid_main_acount_id", "The code or main_accoount_id is wrong, please check the code or the main_account_id."}
	}
	delete(c.p.codes, m.texts["code"])
	return c.p.begin(code), nil
}

// begin makes the grants of a code and answers with their pair.
func (p *Platform) begin(code *authCode) []byte {
	var grants []*grant
	var shops, merchants []int64
	if code.main == nil {
		grants = append(grants, p.grantTo(grantKey{code.app, kindShop, code.shop.id}, code.until))
	} else {
		for _, s := range code.main.shops {
			shops = append(shops, s.id)
			grants = append(grants, p.grantTo(grantKey{code.app, kindShop, s.id}, code.until))
		}
		merchants = append(merchants, code.main.merchant)
		grants = append(grants, p.grantTo(grantKey{code.app, kindMerchant, code.main.merchant}, code.until))
	}
	var t text
	p.printPair(&t, p.mint(code.app, grants...))
	if code.main != nil {
		t.nums("shop_id_list", shops...)
		t.nums("merchant_id_list", merchants...)
	}
	return t.b
}

func (p *Platform) printPair(t *text, pair Tokens) {
	t.str("access_token", pair.Access)
	t.str("refresh_token", pair.Refresh)
	t.num("expire_in", pair.ExpireIn)
}

// refreshGet is POST /api/v2/auth/access_token/get: the next pair of one shop or merchant. A refresh token works once for
// each; there is no grace for an answer that was lost.
func refreshGet(c *call) ([]byte, *refusal) {
	m, refused := c.members("refresh_token", "partner_id", "shop_id", "merchant_id")
	if refused != nil {
		return nil, refused
	}
	shop, ofShop := m.ids["shop_id"]
	merchant, ofMerchant := m.ids["merchant_id"]
	if ofShop == ofMerchant || m.texts["refresh_token"] == "" {
		return nil, wrong("Wrong parameters, detail: refresh_token and one of shop_id and merchant_id are needed.")
	}
	kind, id := kindShop, shop
	if ofMerchant {
		kind, id = kindMerchant, merchant
	}
	g := c.p.grants[grantKey{c.app, kind, id}]
	if refused := c.p.ended(g, kind); refused != nil {
		return nil, refused
	}
	t := c.p.refresh[m.texts["refresh_token"]]
	if t == nil || g.refresh != t || t.used[g] {
		return nil, &refusal{200, "error_" + kind + "_refresh_token", "Your refresh token is error ,please check refresh token or " + kind + "id."}
	}
	if !c.p.line.Time().Before(t.issued.Add(refreshLife)) {
		return nil, &refusal{200, "refresh_token_expired", "Your refresh_token expired."}
	}
	t.used[g] = true
	var out text
	out.num("partner_id", c.app.id)
	out.num(kind+"_id", id)
	c.p.printPair(&out, c.p.mint(c.app, g))
	return out.b, nil
}

// ended says why a grant gives nothing any more; nil when it does.
func (p *Platform) ended(g *grant, kind string) *refusal {
	switch {
	case g == nil || g.state == grantCancelled:
		return &refusal{403, kind + "_no_linked", "Partner and " + kind + " has no linked."}
	case g.state == grantExpired:
		return &refusal{403, kind + "_access_expired", "Your access to " + kind + " has expired."}
	case g.shop != nil && g.shop.status == "BANNED":
		return &refusal{403, "shop_banned", "The shop account has been banned. Permissions for shop authorization and API calls have been suspended until the shop account is restored."}
	}
	return nil
}

// ResendCode is the console's button for a shop whose tokens were lost: a code that get_token_by_resend_code takes once,
// within ten minutes.
func (p *Platform) ResendCode(clientID, shop string) (string, error) {
	p.line.Lock()
	defer p.line.Unlock()
	a, s := p.named(clientID), p.shop(shop)
	if a == nil || s == nil {
		return "", notFound("resending a code", "app or shop")
	}
	g := p.grants[grantKey{a, kindShop, s.id}]
	if g == nil || g.state != grantLive {
		return "", notFound("resending a code", "grant")
	}
	code := "resend" + hexID(p.streams.tokens)
	p.codes[code] = &authCode{app: a, shop: s, resend: true, until: g.until, expires: p.line.Time().Add(codeLife)}
	return code, nil
}

// resendGet is POST /api/v2/public/get_token_by_resend_code.
func resendGet(c *call) ([]byte, *refusal) {
	m, refused := c.members("resend_code")
	if refused != nil {
		return nil, refused
	}
	code := c.p.codes[m.texts["resend_code"]]
	if code == nil || !code.resend || code.app != c.app || !c.p.line.Time().Before(code.expires) {
		return nil, &refusal{403, "error_auth", "Invalid code."} // the text is (U)
	}
	delete(c.p.codes, m.texts["resend_code"])
	body := text{b: c.p.begin(code)}
	body.nums("shop_id_list", code.shop.id)
	body.nums("merchant_id_list")
	return body.b, nil
}

// authentic finds the grant that an access token speaks for.
func (p *Platform) authentic(a *App, token string, key grantKey) (*grant, *refusal) {
	t := p.access[token]
	if t == nil || t.app != a {
		return nil, &refusal{403, "invalid_acceess_token", "Invalid access_token, please have a check."}
	}
	g := p.grants[key]
	until, speaks := t.until[g]
	switch {
	case g == nil || !speaks:
		return nil, &refusal{403, "error_auth", "Invalid partner_id or shopid."}
	case !p.line.Time().Before(until):
		return nil, &refusal{403, "invalid_acceess_token", "Invalid access_token, please have a check."}
	}
	return g, p.ended(g, key.kind)
}

// EndAccess ends the access tokens of a shop before their time, as the platform may; its refresh token lives on.
func (p *Platform) EndAccess(clientID, shop string) error {
	p.line.Lock()
	defer p.line.Unlock()
	a, s := p.named(clientID), p.shop(shop)
	if a == nil || s == nil || p.grants[grantKey{a, kindShop, s.id}] == nil {
		return notFound("ending access tokens", "grant")
	}
	g := p.grants[grantKey{a, kindShop, s.id}]
	for _, t := range p.access {
		if _, speaks := t.until[g]; speaks {
			t.until[g] = p.line.Time()
		}
	}
	return nil
}

// barred reports whether a path is among those that an app's type has no right to.
func (a *App) barred(path string) bool { return slices.Contains(a.spec.Barred, path) }
