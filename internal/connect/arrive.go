package connect

import (
	"context"
	"crypto/subtle"
	"net/url"
	"time"

	"hub"
	"hub/adapters/driver"
)

// Arrival is a browser that came back.
type Arrival struct {
	Cookie string // the name of the cookie that is used up, "" when none is known
	Tenant hub.TenantID
	Shops  []Connected
}

// Connected is one shop that was let in.
type Connected struct {
	Shop
	Again  bool     // it was there before, and has new tokens now
	Report *Report  // nil when the check could not be done yet
	Code   hub.Code // why it was refused, "" when it was not
}

const (
	opArrive = "connecting a shop"
	// maxQuery bounds what a platform sends along.
	maxQuery = 8 << 10
	// arriveWithin bounds everything that is asked of the platform while the browser waits.
	arriveWithin = 20 * time.Second
)

// Arrive ends a way: it takes the state, whoever brought it, holds it against the browser and what the platform signed, gets
// the tokens, and connects the shops that they are for. Errors: KindNotFound with code state_unknown for one that is used,
// over or unknown; KindForbidden with code browser_other; KindUnauthentic for a query that the platform has not signed;
// KindForbidden when the merchant or the platform said no; KindConflict with code shop_taken when all shops belong to
// others. cookie returns the value of a cookie of the browser.
func (s *Service) Arrive(ctx context.Context, p hub.Platform, query url.Values, cookie func(name string) string) (Arrival, error) {
	var a Arrival
	way, err := s.take(ctx, p, query, cookie, &a)
	if err != nil {
		return a, err
	}
	// The merchant may close the page now: what was won must still be stored, or the pair of a connection that works is lost.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(hub.WithActor(ctx, way.Actor)), arriveWithin)
	defer cancel()
	grant, err := way.platform.Callback(way.app.App, query, s.Clock())
	if err != nil {
		return a, err
	}
	if way.Account != "" && grant.Account != "" && way.Account != grant.Account {
		return a, &hub.Error{Kind: hub.KindConflict, Code: "shop_other", Op: opArrive}
	}
	tokens, err := way.platform.Exchange(ctx, s.Calls.App(way.app, way.Tenant, grant.Account), way.app.App, grant, way.verifier, s.Clock())
	if err != nil {
		return a, &hub.Error{Kind: hub.KindOf(err), Code: hub.CodeOf(err), Op: opArrive, RetryAfter: hub.RetryAfterOf(err)}
	}
	a.Tenant = way.Tenant
	return a, s.admit(ctx, way, tokens, &a)
}

// way is a state that was taken, with what it is about.
type way struct {
	Step
	app      App
	platform Platform
	verifier string
}

// take consumes the state. It is gone afterwards, also when it was brought by somebody whom it does not belong to.
func (s *Service) take(ctx context.Context, p hub.Platform, query url.Values, cookie func(string) string, a *Arrival) (w way, err error) {
	unknown := &hub.Error{Kind: hub.KindNotFound, Code: "state_unknown", Op: opArrive}
	state := query.Get("state")
	if len(query["state"]) != 1 || !isSecret(state) || len(query.Encode()) > maxQuery {
		return w, unknown
	}
	if w.Step, err = s.Journeys.Take(ctx, State, hash(state)); err != nil {
		if hub.KindOf(err) == hub.KindNotFound {
			err = unknown
		}
		return w, err
	}
	a.Cookie = s.cookie(state)
	if w.Platform != p || !w.ExpiresAt.After(s.Clock()) {
		return w, unknown
	}
	nonce := hash(cookie(a.Cookie))
	if subtle.ConstantTimeCompare(nonce[:], w.Browser[:]) != 1 {
		return w, &hub.Error{Kind: hub.KindForbidden, Code: "browser_other", Op: opArrive}
	}
	var ok bool
	if w.app, ok = s.Directory.App(w.App); !ok || s.Platforms[p] == nil {
		return w, unknown
	}
	w.platform = s.Platforms[p]
	_, place := verifierPlace(w.app)
	verifier, err := s.Vault.OpenCredential(ctx, place, w.Verifier)
	w.verifier = string(verifier)
	return w, err
}

// admit connects every shop of the tokens that may be, and checks it.
func (s *Service) admit(ctx context.Context, w way, tokens []driver.Token, a *Arrival) error {
	if len(tokens) == 0 {
		return &hub.Error{Kind: hub.KindUnavailable, Code: driver.CodeUnreadable, Op: opArrive}
	}
	taken := 0
	for _, token := range tokens {
		account, err := w.platform.Shop(token.Account)
		if err != nil || token.Access == "" || w.Account != "" && account != w.Account && len(tokens) == 1 {
			return &hub.Error{Kind: hub.KindConflict, Code: "shop_other", Op: opArrive}
		}
		token.Account = account
		c, err := s.settle(ctx, w, token)
		if err != nil {
			return err
		}
		if c.Code != "" {
			taken++
		}
		a.Shops = append(a.Shops, c)
	}
	if err := s.Refresh(ctx); err != nil {
		s.Logger.Warn("refreshing the directory after a connection", "error", err)
	}
	for i := range a.Shops {
		if c := &a.Shops[i]; c.Code == "" {
			c.Report = s.welcome(ctx, c.ID)
		}
	}
	if taken == len(tokens) {
		return &hub.Error{Kind: hub.KindConflict, Code: "shop_taken", Op: opArrive}
	}
	return nil
}

// settle gives the tokens of one shop to the connection that they belong to.
func (s *Service) settle(ctx context.Context, w way, token driver.Token) (Connected, error) {
	taken := Connected{Shop: Shop{Account: token.Account, Platform: w.Platform}, Code: "shop_taken"}
	for range settleTries {
		// Another hub may have been faster. Whether somebody else has the shop, and by what, is judged by what is stored now: a
		// shop that is free would be refused, and a connection may live by a grant that is given back.
		behind := s.Refresh(ctx)
		c := s.claims(ctx, w, token.Account)
		var err error
		switch {
		case c.own != nil:
			if err = s.hand(ctx, *c.own, w.app.ID, w, token, 0); err == nil {
				return Connected{Shop: *c.own, Again: true}, nil
			}
		case behind != nil && (c.heir != nil || c.others):
			s.Logger.Warn("refreshing the directory for a shop that looks taken", "error", behind)
			return taken, nil
		case c.heir != nil:
			// The platform lets one pair of an app and shop live, and this is it now. It came by the shop's own owner, and the
			// connection that has the shop would be dead without it; giving it back would end that connection, too.
			if err = s.hand(hub.WithActor(ctx, hub.Actor{Role: "system"}), *c.heir, c.heir.App, w, token, c.seen); err == nil {
				return taken, nil
			}
		case c.others:
			if !c.fed {
				s.giveBack(ctx, w, token)
			}
			return taken, nil
		default:
			var made Shop
			if made, err = s.make(ctx, w, token); err == nil {
				return Connected{Shop: made}, nil
			}
		}
		if hub.KindOf(err) != hub.KindConflict || hub.CodeOf(err) != "shop_taken" {
			return Connected{}, err
		}
	}
	return taken, nil // whose it is cannot be known, so the grant is not given back: a connection may live by it
}

// settleTries bounds how often a shop may change hands while its tokens are being stored.
const settleTries = 3

// claims are the connections of a shop, as they look to somebody who has won tokens for it.
type claims struct {
	own    *Shop // the tenant's own, which may have the tokens
	heir   *Shop // another that lives by the same app
	seen   int64 // the generation of the heir's tokens
	others bool  // another that has the shop and may not have the tokens
	fed    bool  // and goes by the same app: what it has of the platform, if only webhooks, would end with the grant
}

// claims looks at the connections of a shop. A tenant has one for a shop and environment: it goes on under another app when
// it does not live by its own, and so does one that has only received webhooks; one that was released takes its shop back.
func (s *Service) claims(ctx context.Context, w way, account string) (c claims) {
	var released *Shop
	for _, there := range s.Directory.Account(w.Platform, account) {
		same := there.Tenant == w.Tenant && there.Environment == w.app.Environment
		generation, alive := s.alive(ctx, there)
		switch {
		case there.Released && same:
			released = &there
		case there.Released:
		case same && (there.App == w.app.ID || !alive):
			c.own = &there
		case s.oneApp(there, w.app) && alive:
			c.heir, c.seen = &there, generation
		default:
			c.others = true
			c.fed = c.fed || s.oneApp(there, w.app)
		}
	}
	if c.own == nil && c.heir == nil && !c.others {
		c.own = released
	}
	return c
}

// oneApp reports whether a connection goes by what is one app to the platform, under whichever name it is kept here.
func (s *Service) oneApp(there Shop, a App) bool {
	its, known := s.Directory.App(there.App)
	return there.App == a.ID || known && its.Platform == a.Platform && its.ClientID != "" && its.ClientID == a.ClientID
}

// make stores a connection that was not there.
func (s *Service) make(ctx context.Context, w way, token driver.Token) (Shop, error) {
	shop := Shop{
		ID: hub.ConnectionID(s.IDs.New(hub.ConnectionPrefix)), Tenant: w.Tenant, App: w.app.ID, Platform: w.Platform,
		Environment: w.app.Environment, Account: token.Account,
	}
	g, err := s.grant(ctx, shop, 0, w, token)
	if err != nil {
		return shop, err
	}
	endpoint, err := s.endpoint()
	if err != nil {
		return shop, err
	}
	return shop, s.Grants.Connect(ctx, NewShop{shop, endpoint}, g)
}

// alive says whether a connection has tokens that are held to work, and of which generation. It has none when it only receives
// webhooks, is disconnected or waits for its owner: a grant that the owner gave to somebody else does not bring it back. When
// it cannot be known it is held to be alive, with a generation that no tokens have: nothing is taken from it, and nothing given.
func (s *Service) alive(ctx context.Context, c Shop) (generation int64, alive bool) {
	stored, err := s.Tokens.Get(ctx, c.ID)
	if err != nil {
		return -1, hub.KindOf(err) != hub.KindNotFound
	}
	return stored.Generation, stored.lives()
}

// hand gives a connection that exists the tokens that were won for its shop, by an app. seen is the generation that it must
// still have, 0 for any.
func (s *Service) hand(ctx context.Context, there Shop, by hub.AppID, w way, token driver.Token, seen int64) error {
	stored, err := s.Tokens.Get(ctx, there.ID)
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return err
	}
	before := there
	there.App = by
	g, err := s.grant(ctx, there, stored.Life, w, token)
	if err != nil {
		return err
	}
	if err := s.Grants.Reconnect(ctx, there, g, seen); err != nil {
		return err
	}
	s.Source.Drop(there.ID)
	s.Lines.Forget(before) // what failed without the permission says nothing about the calls to come
	return nil
}

func (s *Service) grant(ctx context.Context, shop Shop, life int64, w way, token driver.Token) (Grant, error) {
	return sealer{s.Vault}.grant(ctx, shop, life, shop.App, token, w.platform.Rotation(), s.Clock(), s.Jitter)
}

// giveBack tells the platform that tokens which may not be kept are not wanted, as far as it listens. A connection of the shop
// that goes by what is one app to the platform would end with them: the caller has looked that there is none.
func (s *Service) giveBack(ctx context.Context, w way, token driver.Token) {
	shop := Shop{Tenant: w.Tenant, App: w.app.ID, Platform: w.Platform, Environment: w.app.Environment, Account: token.Account}
	if err := w.platform.Disconnect(ctx, s.Calls.Bearer(w.app, shop, token.Access), w.app.App, token); err != nil {
		s.Logger.Warn("giving a grant back", "platform", w.Platform, "kind", hub.KindOf(err).String())
	}
}

// endpoint makes the random part of a webhook address: 130 bits, five in each character, none of which reads like another.
func (s *Service) endpoint() (string, error) {
	const alphabet, length = "0123456789abcdefghjkmnpqrstvwxyz", 26
	text, err := s.secret()
	if err != nil {
		return "", err
	}
	sum := hash(text)
	b := make([]byte, length)
	for i := range b {
		b[i] = alphabet[sum[i]&31]
	}
	return string(b), nil
}
