package shopee

import (
	"strconv"
	"time"
)

// What a grant is for.
const (
	kindShop     = "shop"
	kindMerchant = "merchant"
)

type grantKey struct {
	app  *App
	kind string
	id   int64
}

// The states of a grant.
const (
	grantLive      = "live"
	grantCancelled = "cancelled" // by the seller
	grantExpired   = "expired"   // the time that the seller chose is over
)

// grant is what a seller lets an app do, for one shop or one merchant.
type grant struct {
	key       grantKey
	shop      *store // nil for a merchant
	state     string
	at, until time.Time
	refresh   *refreshToken // the token that begins the grant's next pair
}

// warnAhead is how long before its end the platform warns of it.
const warnAhead = 7 * 24 * time.Hour

// grantTo makes or renews a grant. All tokens that it had end: authorising again replaces them (guide 20; that the old
// access token has no five minutes then is (U)).
func (p *Platform) grantTo(key grantKey, until time.Time) *grant {
	g := p.grants[key]
	if g == nil {
		g = &grant{key: key, shop: p.shops[key.id]}
		if key.kind == kindMerchant {
			g.shop = nil
		}
		p.grants[key] = g
	}
	p.endTokens(g)
	g.state, g.at, g.until = grantLive, p.line.Time(), until
	p.line.At(until.Add(-warnAhead), p.line.Locked(func() {
		if g.state == grantLive && g.until.Equal(until) {
			p.warn(g)
		}
	}))
	p.line.At(until, p.line.Locked(func() {
		if g.state == grantLive && g.until.Equal(until) {
			p.endGrant(g, grantExpired)
		}
	}))
	return g
}

// endTokens ends the tokens of one grant; those that it shares live on for the others.
func (p *Platform) endTokens(g *grant) {
	for text, t := range p.access {
		if delete(t.until, g); len(t.until) == 0 {
			delete(p.access, text)
		}
	}
	for text, t := range p.refresh {
		if delete(t.used, g); len(t.used) == 0 {
			delete(p.refresh, text)
		}
	}
	g.refresh = nil
}

// endGrant ends a grant. Its access tokens stay known until they expire, so that a call says that the link is gone.
func (p *Platform) endGrant(g *grant, state string) {
	g.state = state
	if g.refresh != nil {
		g.refresh.used[g] = true
		g.refresh = nil
	}
	p.tellEnd(g, state)
}

// Install lets an app into a shop for a year without the page, for tests that are not about it.
func (p *Platform) Install(clientID, shop string) (Tokens, error) {
	p.line.Lock()
	defer p.line.Unlock()
	a, s := p.named(clientID), p.shop(shop)
	if a == nil || s == nil {
		return Tokens{}, notFound("letting an app in", "app or shop")
	}
	g := p.grantTo(grantKey{a, kindShop, s.id}, p.line.Time().Add(longestGrant))
	return p.mint(a, g), nil
}

// Uninstall ends the grant of a shop, as its seller does on the platform's own page, and tells push code 2.
func (p *Platform) Uninstall(clientID, shop string) error {
	p.line.Lock()
	defer p.line.Unlock()
	a, s := p.named(clientID), p.shop(shop)
	if a == nil || s == nil {
		return notFound("ending a grant", "app or shop")
	}
	g := p.grants[grantKey{a, kindShop, s.id}]
	if g == nil || g.state != grantLive {
		return notFound("ending a grant", "grant")
	}
	p.endGrant(g, grantCancelled)
	return nil
}

// granted lists the apps that are let into a shop.
func (p *Platform) granted(s *store) (apps []string) {
	apps = []string{}
	for _, a := range p.apps {
		if g := p.grants[grantKey{a, kindShop, s.id}]; g != nil && g.state == grantLive {
			apps = append(apps, a.spec.ClientID)
		}
	}
	return apps
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
