package connect

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
)

// Service lets shops in and looks after them. It is safe for concurrent use.
type Service struct {
	Platforms map[hub.Platform]Platform
	Directory Directory
	Calls     Calls
	Lines     Lines
	Vault     Vault
	Journeys  Journeys
	Grants    Grants
	Tokens    Tokens
	Starts    Starts
	Graves    Graves
	Killer    Killer
	Work      Work
	Source    *Source
	// Refresh brings the directory up to date after a change.
	Refresh   func(context.Context) error
	Clock     hub.Clock
	IDs       hub.IDSource
	Random    io.Reader // cryptographically strong
	Jitter    func(time.Duration) time.Duration
	PublicURL func() string // where browsers and platforms reach the hub
	Logger    *slog.Logger
}

// stepFor is how long each step of a way may take.
const stepFor = 10 * time.Minute

// Wish is which shop somebody wants to connect.
type Wish struct {
	Tenant   hub.TenantID
	Platform hub.Platform
	App      hub.AppID // "" for the only one that the tenant may use
	Shop     string    // as people type it; "" where the platform asks for it
	Site     string    // the country whose page to show, where a platform has a page for each; "" for its page for all
}

// Invitation is an address to open in a browser, once.
type Invitation struct {
	URL       string
	ExpiresAt time.Time
}

const opBegin = "beginning to connect a shop"

// Begin makes the address that the owner of a shop opens. Who acts in ctx is on record for the connection.
func (s *Service) Begin(ctx context.Context, w Wish) (Invitation, error) {
	platform := s.Platforms[w.Platform]
	if platform == nil {
		return Invitation{}, hub.Invalid("platform_unknown", "platform")
	}
	app, err := s.appFor(w)
	if err != nil {
		return Invitation{}, err
	}
	account := ""
	if w.Shop != "" {
		if account, err = platform.Shop(w.Shop); err != nil {
			return Invitation{}, err
		}
	}
	// The driver says whether its page belongs to a shop: without one it has no address to give.
	if _, err := platform.Authorize(app.App, driver.Authorization{Account: account, State: "x", Challenge: "x", Site: w.Site}, s.Clock()); err != nil {
		return Invitation{}, err
	}
	secret, err := s.secret()
	if err != nil {
		return Invitation{}, err
	}
	step := Step{
		Kind: Ticket, Hash: hash(secret), Tenant: w.Tenant, Platform: w.Platform, App: app.ID, Account: account, Site: w.Site,
		Actor: hub.ActorOf(ctx), ExpiresAt: s.Clock().Add(stepFor),
	}
	if err := s.Journeys.Put(ctx, step); err != nil {
		return Invitation{}, err
	}
	return Invitation{s.PublicURL() + "/connect/" + string(w.Platform) + "/begin?ticket=" + secret, step.ExpiresAt}, nil
}

// appFor finds the app to connect by. Another tenant's is not found, like a missing one.
func (s *Service) appFor(w Wish) (App, error) {
	usable := slices.DeleteFunc(s.Directory.Apps(w.Tenant, w.Platform), func(a App) bool {
		return a.ClientID == "" || a.Redirect == "" || w.App != "" && a.ID != w.App
	})
	switch {
	case len(usable) == 1:
		return usable[0], nil
	case w.App != "":
		return App{}, &hub.Error{Kind: hub.KindNotFound, Code: "app_not_found", Op: opBegin}
	case len(usable) == 0:
		return App{}, &hub.Error{Kind: hub.KindConflict, Code: "no_app", Op: opBegin}
	}
	return App{}, hub.Invalid("app_ambiguous", "app_id")
}

// Prospect is what a link leads to, for the page that says so before a browser leaves.
type Prospect struct {
	Tenant  hub.TenantID
	Account string // "" where the platform asks for the shop
}

// Look says what a ticket is for and uses nothing up. Errors are those of Depart.
func (s *Service) Look(ctx context.Context, p hub.Platform, ticket string) (Prospect, error) {
	unknown := &hub.Error{Kind: hub.KindNotFound, Code: "ticket_unknown", Op: opBegin}
	if !isSecret(ticket) {
		return Prospect{}, unknown
	}
	step, err := s.Journeys.Look(ctx, Ticket, hash(ticket))
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return Prospect{}, err
	}
	if err != nil || step.Platform != p || !step.ExpiresAt.After(s.Clock()) {
		return Prospect{}, unknown
	}
	return Prospect{step.Tenant, step.Account}, nil
}

// Departure is what a browser gets on its way to the platform.
type Departure struct {
	URL    string // of the platform's page
	Cookie Cookie
}

// Cookie binds a way to the browser that began it.
type Cookie struct {
	Name, Value string
	Secure      bool
	MaxAge      time.Duration
}

// Depart takes a ticket and sends the browser that brought it to the platform. A ticket that is used, over or of another
// platform is KindNotFound with code ticket_unknown.
func (s *Service) Depart(ctx context.Context, p hub.Platform, ticket string) (Departure, error) {
	unknown := &hub.Error{Kind: hub.KindNotFound, Code: "ticket_unknown", Op: opBegin}
	if !isSecret(ticket) {
		return Departure{}, unknown
	}
	step, err := s.Journeys.Take(ctx, Ticket, hash(ticket))
	if err != nil || step.Platform != p || !step.ExpiresAt.After(s.Clock()) {
		if err != nil && hub.KindOf(err) != hub.KindNotFound {
			return Departure{}, err
		}
		return Departure{}, unknown
	}
	app, ok := s.Directory.App(step.App)
	platform := s.Platforms[p]
	if !ok || platform == nil {
		return Departure{}, unknown
	}
	var state, nonce, verifier string
	for _, one := range []*string{&state, &nonce, &verifier} {
		if *one, err = s.secret(); err != nil {
			return Departure{}, err
		}
	}
	challenge := sha256.Sum256([]byte(verifier))
	page, err := platform.Authorize(app.App, driver.Authorization{
		Account: step.Account, State: state, Challenge: base64.RawURLEncoding.EncodeToString(challenge[:]), Site: step.Site,
	}, s.Clock())
	if err != nil {
		return Departure{}, err
	}
	step.Kind, step.Hash, step.Browser, step.ExpiresAt = State, hash(state), hash(nonce), s.Clock().Add(stepFor)
	owner, place := verifierPlace(app)
	if step.Verifier, err = s.Vault.SealCredential(ctx, owner, place, []byte(verifier)); err != nil {
		return Departure{}, err
	}
	if err := s.Journeys.Put(ctx, step); err != nil {
		return Departure{}, err
	}
	return Departure{page, Cookie{s.cookie(state), nonce, s.secure(), stepFor}}, nil
}

// secure reports whether browsers reach the hub by https: only then is a cookie kept to it.
func (s *Service) secure() bool { return strings.HasPrefix(s.PublicURL(), "https://") }

// cookie is the name of the cookie that belongs to a state, so that two ways in one browser do not meet. With https the
// prefix has the browser keep the cookie to this very host, and from being set over plain http.
func (s *Service) cookie(state string) string {
	sum := hash(state)
	name := "hub_connect_" + hex.EncodeToString(sum[:6])
	if s.secure() {
		return "__Host-" + name
	}
	return name
}

// secretBytes is the size of tickets, states, nonces and verifiers: 256 bits. Their text has 43 characters, as many as a PKCE
// verifier needs (RFC 7636, 4.1).
const secretBytes = 32

func (s *Service) secret() (string, error) {
	b := make([]byte, secretBytes)
	if _, err := io.ReadFull(s.Random, b); err != nil {
		return "", hub.Errorf(hub.KindUnavailable, "reading randomness", "%w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// isSecret reports whether a text could be one of ours; what is not is asked nowhere.
func isSecret(text string) bool {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(b) == secretBytes && base64.RawURLEncoding.EncodeToString(b) == text
}

func hash(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }
