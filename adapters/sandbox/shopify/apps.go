package shopify

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"time"

	"hub"
)

// AppSpec describes an app as its developer has configured it.
type AppSpec struct {
	ClientID  string
	Secrets   []string // client secrets, the oldest first: it signs until it is revoked
	Name      string   // what merchants read
	URL       string   // where an install request goes
	Redirects []string // allowed redirect_uri values, compared exactly
	Scopes    []string // what it may ask for at most; empty allows every scope that is known here

	// Public apps made on or after 2026-04-01 must use expiring tokens, older ones from 2027-01-01 on. Apps that are not
	// public (custom, made by a merchant) need not.
	Public  bool
	Created time.Time
	Own     bool // of the shops' own organisation: may use client credentials

	// Customers is the approval for protected customer data, level 1, without which there are no orders; Fields are the level 2
	// fields that were approved: name, address, phone, email. Without them the fields are null in webhooks, and refused in the API.
	Customers bool
	Fields    []string

	Hooks          []Hook // app-level subscriptions, which hold for every shop that has the app
	PrivacyURI     string // where the three mandatory privacy topics go; app level only
	WebhookVersion string // of the bodies of app-level deliveries, "2026-10"
}

// Hook is an app-level subscription. Failures never remove it.
type Hook struct {
	Topics []string // as in X-Shopify-Topic
	URI    string
}

// App is an app on the platform.
type App struct {
	spec    AppSpec
	secrets []*clientSecret
}

type clientSecret struct {
	text    string
	revoked time.Time // zero: not
	signs   time.Time // zero or the instant at which it stops signing, up to an hour after revoked
}

// shopDomain makes of a name the permanent domain of a shop.
func shopDomain(name string) string {
	if !strings.Contains(name, ".") {
		return name + ".myshopify.com"
	}
	return name
}

// AddApp registers an app. A client id that exists, no secret, or topics with protected customer data without the approval for
// it, is KindInvalid.
func (p *Platform) AddApp(spec AppSpec) (*App, error) {
	p.line.Lock()
	defer p.line.Unlock()
	if spec.ClientID == "" || len(spec.Secrets) == 0 || p.app(spec.ClientID) != nil {
		return nil, hub.Errorf(hub.KindInvalid, "adding an app", "a new client id and a secret are needed")
	}
	for _, h := range spec.Hooks {
		if !spec.Customers && slices.ContainsFunc(h.Topics, protected) {
			return nil, hub.Errorf(hub.KindInvalid, "adding an app", "%s", unapprovedTopic)
		}
	}
	if spec.WebhookVersion == "" {
		spec.WebhookVersion = p.stable()
	}
	a := &App{spec: spec}
	for _, text := range spec.Secrets {
		a.secrets = append(a.secrets, &clientSecret{text: text})
	}
	p.apps = append(p.apps, a)
	return a, nil
}

func (p *Platform) app(clientID string) *App {
	i := slices.IndexFunc(p.apps, func(a *App) bool { return a.spec.ClientID == clientID })
	if i < 0 {
		return nil
	}
	return p.apps[i]
}

// AddSecret gives an app one more client secret. The older one keeps signing.
func (p *Platform) AddSecret(clientID, secret string) error {
	p.line.Lock()
	defer p.line.Unlock()
	a := p.app(clientID)
	if a == nil {
		return notFound("adding a secret", "app")
	}
	a.secrets = append(a.secrets, &clientSecret{text: secret})
	return nil
}

// RevokeSecret revokes a client secret: tokens that it minted end at once, and it stops signing within an hour. How long
// that takes in one case is drawn evenly (U: only the bound is documented).
func (p *Platform) RevokeSecret(clientID, secret string) error {
	p.line.Lock()
	defer p.line.Unlock()
	a := p.app(clientID)
	if a == nil {
		return notFound("revoking a secret", "app")
	}
	for _, s := range a.secrets {
		if s.text == secret && s.revoked.IsZero() {
			s.revoked = p.line.Time()
			s.signs = p.line.Time().Add(time.Duration(p.streams.secrets.Int64N(int64(time.Hour) + 1)))
			p.endTokens(func(i *install, minted *clientSecret) bool { return minted == s })
			return nil
		}
	}
	return notFound("revoking a secret", "secret")
}

// signing is the secret that signs at an instant: the oldest one that still does.
func (a *App) signing(now time.Time) string {
	for _, s := range a.secrets {
		if s.signs.IsZero() || now.Before(s.signs) {
			return s.text
		}
	}
	return a.secrets[len(a.secrets)-1].text // all are revoked, which the platform's own page does not let happen
}

// secret finds an unrevoked client secret.
func (a *App) secret(text string) *clientSecret {
	for _, s := range a.secrets {
		if s.text == text && s.revoked.IsZero() {
			return s
		}
	}
	return nil
}

// store is one shop on the platform.
type store struct {
	*Shop
	id       int64
	name     string
	opened   time.Time
	orders   []*Order
	withheld []string // scopes that its merchant never grants
	installs []*install
	buckets  map[*App]*bucket
}

// install is an app in a shop.
type install struct {
	app    *App
	store  *store
	scopes []string
	at     time.Time
	subs   []*Subscription
}

// ShopSpec describes a shop.
type ShopSpec struct {
	Name     string // "little-shop" becomes little-shop.myshopify.com
	Currency string // ISO 4217, USD when empty
	Decimals int    // of the currency; not used when Currency is empty
	Withheld []string
	Retail   bool // a shop of bricks: its orders are taken at its location
}

// AddShop opens a shop and returns its domain.
func (p *Platform) AddShop(spec ShopSpec) (domain string, err error) {
	p.line.Lock()
	defer p.line.Unlock()
	domain = shopDomain(strings.ToLower(spec.Name))
	if !validShop(domain) || p.shop(domain) != nil {
		return "", hub.Errorf(hub.KindInvalid, "opening a shop", "its name is taken or is none")
	}
	made := New(domain, "", p.o.Seed+uint64(len(p.shops))*7919, p.line.Time())
	if spec.Currency != "" {
		made.Currency, made.Decimals = spec.Currency, spec.Decimals
	}
	made.retail = spec.Retail
	made.clock = func() time.Time { return p.line.Time() }
	s := &store{
		Shop: made, id: 60_000_000_000 + int64(len(p.shops)) + 1, name: spec.Name, opened: p.line.Time(), withheld: spec.Withheld,
		buckets: map[*App]*bucket{},
	}
	p.shops = append(p.shops, s)
	return domain, nil
}

func (p *Platform) shop(domain string) *store {
	i := slices.IndexFunc(p.shops, func(s *store) bool { return s.Domain == domain })
	if i < 0 {
		return nil
	}
	return p.shops[i]
}

// validShop is the documented form of a shop's domain.
func validShop(domain string) bool {
	name, ok := strings.CutSuffix(domain, ".myshopify.com")
	if !ok || name == "" || name[0] == '-' {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func (s *store) installed(a *App) *install {
	i := slices.IndexFunc(s.installs, func(i *install) bool { return i.app == a })
	if i < 0 {
		return nil
	}
	return s.installs[i]
}

// Install puts an app into a shop without the page, for tests that are not about it.
func (p *Platform) Install(clientID, domain string, scopes []string) (Tokens, error) {
	p.line.Lock()
	defer p.line.Unlock()
	a, s := p.app(clientID), p.shop(domain)
	if a == nil || s == nil {
		return Tokens{}, notFound("installing an app", "app or shop")
	}
	secret := a.secrets[len(a.secrets)-1]
	return p.mint(p.grant(a, s, scopes), secret, a.mustExpire(p.line.Time())), nil
}

// grant installs the app, or changes what it may do.
func (p *Platform) grant(a *App, s *store, scopes []string) *install {
	granted := slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return slices.Contains(s.withheld, scope) })
	// write_x implies read_x and is listed alone (U).
	granted = slices.DeleteFunc(granted, func(scope string) bool {
		what, read := strings.CutPrefix(scope, "read_")
		return read && slices.Contains(granted, "write_"+what)
	})
	i := s.installed(a)
	if i == nil {
		i = &install{app: a, store: s, at: p.line.Time()}
		s.installs = append(s.installs, i)
	}
	i.scopes = granted
	return i
}

// may says whether a scope is granted, in its own or its write form.
func (i *install) may(scope string) bool {
	return slices.Contains(i.scopes, scope) || slices.Contains(i.scopes, strings.Replace(scope, "read_", "write_", 1))
}

// redactAfter is how long after an uninstall shop/redact comes.
const redactAfter = 48 * time.Hour

// Uninstall takes the app out of the shop: all its tokens end, app/uninstalled is told, subscriptions made through the API
// are gone (U), and 48 hours later comes shop/redact, also when the app is back by then.
func (p *Platform) Uninstall(clientID, domain string) error {
	p.line.Lock()
	defer p.line.Unlock()
	a, s := p.app(clientID), p.shop(domain)
	if a == nil || s == nil || s.installed(a) == nil {
		return notFound("uninstalling an app", "installation")
	}
	p.remove(s.installed(a))
	return nil
}

// remove does it.
func (p *Platform) remove(i *install) {
	a, s := i.app, i.store
	event := p.event()
	p.tell(i, event, message{topic: "app/uninstalled", body: s.resource()})
	p.endTokens(func(of *install, _ *clientSecret) bool { return of == i })
	i.subs = nil
	s.installs = slices.DeleteFunc(s.installs, func(of *install) bool { return of == i })
	p.line.At(p.line.Time().Add(redactAfter), p.line.Locked(func() {
		p.privacy(a, s, "shop/redact", object{"shop_id": s.id, "shop_domain": s.Domain})
	}))
}

// InstallURL is the address to which the platform sends a merchant who wants the app.
func (p *Platform) InstallURL(clientID, domain string) (string, error) {
	p.line.Lock()
	defer p.line.Unlock()
	a, s := p.app(clientID), p.shop(domain)
	if a == nil || s == nil {
		return "", notFound("making an install request", "app or shop")
	}
	return p.signed(a, s, a.spec.URL, url.Values{}), nil
}

// signed adds to an address the parameters that name the shop, and their hmac.
func (p *Platform) signed(a *App, s *store, base string, q url.Values) string {
	q.Set("shop", s.Domain)
	q.Set("host", hostParameter(s.Domain))
	q.Set("timestamp", fmt.Sprint(p.line.Time().Unix()))
	q.Set("hmac", signQuery(a.signing(p.line.Time()), q))
	separator := "?"
	if strings.Contains(base, "?") {
		separator = "&"
	}
	return base + separator + q.Encode()
}

func notFound(op, what string) error {
	return hub.Errorf(hub.KindNotFound, op, "no such %s", what)
}

// hexID draws 16 bytes in hex.
func hexID(r *rand.Rand) string {
	b := make([]byte, 16)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return hex.EncodeToString(b)
}

// uuid draws an identifier as the headers of a delivery carry it.
func uuid(r *rand.Rand) string {
	h := hexID(r)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}
