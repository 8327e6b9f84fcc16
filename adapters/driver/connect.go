package driver

import (
	"context"
	"net/url"
	"time"
)

// Connector is the half of a storefront through which a merchant lets the hub in, by the platform's own page.
type Connector interface {
	// Authorize returns the address of the page that asks the merchant. The state comes back with the answer.
	Authorize(app App, a Authorization, now time.Time) (string, error)
	// Callback reads the query that the browser came back with. It checks what the platform signs of it, and that the
	// shop has the form of one before anything is sent there. KindUnauthentic: not from the platform. KindForbidden: the
	// merchant, or the platform, said no.
	Callback(app App, query url.Values, now time.Time) (Grant, error)
	// Exchange turns a grant into tokens, one for each shop that it is for.
	Exchange(ctx context.Context, c Caller, app App, g Grant, verifier string, now time.Time) ([]Token, error)
	// Refresh gets the next pair. It is tried once: Rotation says what an unknown outcome means. KindPermanent with
	// CodeReconnect: the refresh token is dead.
	Refresh(ctx context.Context, c Caller, app App, t Token, now time.Time) (Token, error)
	// Rotation says how the platform treats a refresh token that was used.
	Rotation() Rotation
	// Inspect asks for what a connection depends on: the shop's state, what the grant may do, currency, clock.
	Inspect(ctx context.Context, c Caller, app App, account string) (Shop, error)
	// Subscriptions brings the webhook subscriptions of a shop to what the hub needs, at the given address, and says what
	// it had to mend. Where subscriptions are configured by hand it says which are missing, as far as can be known.
	Subscriptions(ctx context.Context, c Caller, app App, account, hookURL string) ([]Repair, error)
	// Disconnect gives the grant back, as far as the platform has a call for it.
	Disconnect(ctx context.Context, c Caller, app App, t Token) error
}

// Authorization is what the merchant is asked for.
type Authorization struct {
	Account   string // the shop to connect, where the platform's page belongs to a shop; else ""
	State     string // single use, comes back
	Challenge string // PKCE S256; "" when the platform offers none
	// Site is the country whose page to show, where a platform has a page for each: "MLB"; "" is the platform's page for all.
	Site string
}

// Grant is what the browser brought back.
type Grant struct {
	State   string
	Code    string
	Account string // the shop, "" where only the exchange tells
	Main    bool   // Shopee: the account is a main account with several shops
}

// Token is what one shop let the hub have.
type Token struct {
	Account        string // the shop
	Access         string
	AccessUntil    time.Time // zero: does not end
	Refresh        string    // "" when there is none
	RefreshUntil   time.Time // zero: not told
	GrantUntil     time.Time // after which the merchant must authorise again whatever is refreshed; zero: not told
	Scopes         []string  // that were granted; nil when the platform has none
	Merchant       bool      // Shopee: a merchant, not a shop
	CredentialHint int       // index of the app's secret that it was minted with
}

// Rotation is how a platform treats a refresh token that was used.
type Rotation struct {
	// SingleUse: a second use of the same token is refused.
	SingleUse bool
	// Repeats: until the new pair is used, the old refresh token gives another one; a lost answer is asked for again.
	Repeats bool
	// Overlap is how long the old access token lives on.
	Overlap time.Duration
	// Ahead is how long before the end of the access token a refresh is due.
	Ahead time.Duration
}

// Shop is what a platform says about a connected shop.
type Shop struct {
	Name     string // what people call it
	Currency string // "" when the platform has no one currency for it
	Active   bool
	Scopes   []string      // that are granted now; nil when the platform has none
	Now      time.Time     // by the platform's clock; zero when it does not say
	Back     time.Duration // how far orders can be read back; 0 is all
	RenewBy  time.Time     // when the grant ends; zero when it does not
	Problems []Repair      // what people must mend
}

// Repair is something that is not as it should be.
type Repair struct {
	Code   string // snake_case, stable: "scope_missing"
	Detail string // which one: a scope, a topic; never personal
	Hint   string // what a person does about it, one sentence
	Mended bool   // the hub has done it already
}
