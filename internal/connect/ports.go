package connect

import (
	"context"
	"net/http"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
)

// Platform is what this package needs of a platform's driver.
type Platform interface {
	driver.Client
	driver.Connector
}

// App is one set of a platform's credentials, with its secrets.
type App struct {
	driver.App
	ID       hub.AppID
	Tenant   hub.TenantID // empty: the operator's own
	Platform hub.Platform
	HookURL  string // where webhooks of the app arrive, as registered at the platform byte for byte
}

// hookFor is the address at which webhooks of a shop are to arrive. Shopify takes subscriptions of each shop by itself; on the
// others an app has one address for all its shops.
func (a App) hookFor(s Shop) string {
	if s.Platform == hub.Shopify || a.HookURL == "" {
		return s.HookURL
	}
	return a.HookURL
}

// Shop is one connection.
type Shop struct {
	ID          hub.ConnectionID
	Tenant      hub.TenantID
	App         hub.AppID
	Platform    hub.Platform
	Environment string
	Account     string
	HookURL     string // where its webhooks arrive now
	Released    bool   // it is over, and the shop is free for whoever connects it
}

// Directory is who and what there is, in memory.
type Directory interface {
	// App returns an app with its secrets.
	App(hub.AppID) (App, bool)
	// Apps lists those of a platform that a tenant may use: its own and the operator's.
	Apps(hub.TenantID, hub.Platform) []App
	// Shop returns a connection.
	Shop(hub.ConnectionID) (Shop, bool)
	// Account lists the connections of a shop, whoever's and in whichever environment, released ones too, oldest first.
	Account(hub.Platform, string) []Shop
}

// Calls carries calls out: package adapters.
type Calls interface {
	// App carries public calls of an app: codes and tokens. The tenant is whose turn they take; the account is the shop that
	// they are about, as far as known.
	App(a App, t hub.TenantID, account string) driver.Caller
	// Shop carries calls that are signed with the shop's token.
	Shop(Shop) driver.Caller
	// Bearer carries calls that are signed with a token that belongs to no connection, or may be dead: it is not renewed.
	Bearer(a App, s Shop, access string) driver.Caller
}

// Lines are what this hub remembers of calls to a shop: breakers and what happened last.
type Lines interface {
	// States says how calls to a shop stand in this hub.
	States(Shop) []CallState
	// Forget drops what is remembered of a shop that is over.
	Forget(Shop)
}

// Vault seals tokens: *gdpr.Keys.
type Vault interface {
	// SealCredential seals under the key of the owner.
	SealCredential(ctx context.Context, owner gdpr.CredentialOwner, p gdpr.Place, plaintext []byte) ([]byte, error)
	// OpenCredential opens what was sealed for a place.
	OpenCredential(ctx context.Context, p gdpr.Place, envelope []byte) ([]byte, error)
}

// Work takes down what is to be done later for a connection, once per kind: package jobs.
type Work interface {
	// Enqueue is durable when it returns.
	Enqueue(ctx context.Context, s Shop, kind string, due time.Time) error
}

// The kinds of jobs.
const (
	JobBackfill = "backfill"
	JobCheck    = "connect.check"
	JobHeard    = "fetch." + driver.HintConnection // left by a delivery, as every hint is
)

// Journeys keeps the ways to a platform and back. Each method is one transaction, durable when it returns.
type Journeys interface {
	// Put stores a step under the hash of its secret and forgets those that are over. KindThrottled: the tenant has begun too
	// many that it has not ended.
	Put(ctx context.Context, s Step) error
	// Look returns a step and leaves it. KindNotFound: there is none, or somebody took it.
	Look(ctx context.Context, kind StepKind, hash [32]byte) (Step, error)
	// Take returns a step and destroys it: nobody gets it again. KindNotFound: there is none, or somebody took it.
	Take(ctx context.Context, kind StepKind, hash [32]byte) (Step, error)
}

// Grants changes connections. Each method is one transaction with the audit record of who did it, durable when it returns.
type Grants interface {
	// Connect stores a new connection with its first tokens. An account that is taken is KindConflict with code shop_taken.
	Connect(ctx context.Context, s NewShop, g Grant) error
	// Reconnect gives a connection of s.Tenant new tokens, whatever it had, by the app s.App: the generation is the next, and
	// what is under way for the former one is forgotten. One that was released takes its shop back; an account that somebody
	// else has by now is KindConflict with code shop_taken. An app that the connection cannot have is KindNotFound. With a
	// generation, which is not 0, the tokens come by somebody else's permission: then shop_taken is the answer, too, when the
	// connection has another generation or app by now, or its tokens are not held to work any more. And so it is when the
	// connection has begun another life than that of the grant.
	Reconnect(ctx context.Context, s Shop, g Grant, seen int64) error
	// End destroys the tokens of a connection that is over, by somebody here or at the platform, releases its shop, and leaves
	// a note for Graves that the key is to be killed. One of another generation than the one that was seen (0 for any, and for
	// none) stays as it is, and so does one that is over: changed is false.
	End(ctx context.Context, id hub.ConnectionID, tenant hub.TenantID, code hub.Code, seen int64) (changed bool, err error)
	// Note stores what was found out about a connection. Worked and Started count if it still has the generation, the rest
	// also if its owner has not authorised again since n.ConnectedAt.
	Note(ctx context.Context, id hub.ConnectionID, generation int64, n Note) error
}

// Graves knows the lives of connections that are over and whose keys are still there.
type Graves interface {
	// Ended lists them, up to a limit.
	Ended(ctx context.Context, limit int) ([]Ended, error)
	// Killed forgets one whose key is gone.
	Killed(ctx context.Context, e Ended) error
}

// Killer kills the key of a life that is over: *forget.Forgetter.
type Killer interface {
	// KillCredential is nil when the key is gone, whoever killed it.
	KillCredential(ctx context.Context, t hub.TenantID, owner gdpr.CredentialOwner) error
}

// Starts finds connections whose first jobs are not enqueued.
type Starts interface {
	// Unstarted lists them, authorised before a time.
	Unstarted(ctx context.Context, before time.Time, limit int) ([]hub.ConnectionID, error)
}

// Tokens keeps tokens and who may refresh them. Leases count by the database's clock, everything else by the hub's.
type Tokens interface {
	// Get is KindNotFound for a connection that never had tokens.
	Get(ctx context.Context, id hub.ConnectionID) (Stored, error)
	// Due lists connections that somebody must look at, the longest due first.
	Due(ctx context.Context, now time.Time, limit int) ([]Due, error)
	// Lease gives the connection to a holder for d and raises its epoch. KindConflict with CodeBusy while another holds it.
	Lease(ctx context.Context, id hub.ConnectionID, holder string, d time.Duration) (Leased, error)
	// Save stores what became of a lease and gives it back. KindConflict with hub.CodeStaleEpoch: it was lost.
	Save(ctx context.Context, id hub.ConnectionID, epoch int64, o Outcome) error
}

// Errands keeps refresh calls from their intention to their answer.
type Errands interface {
	// Intend stores the intention of whoever holds the lease of this epoch; KindConflict with hub.CodeStaleEpoch otherwise.
	Intend(ctx context.Context, e Intent) error
	// Begin is asked before the call is sent: it is refused as stale when the lease was lost meanwhile.
	Begin(ctx context.Context, id hub.ConnectionID, epoch int64) error
	// Answer stores the sealed answer and makes the connection due. An errand that nobody waits for any more is KindNotFound.
	Answer(ctx context.Context, id hub.ConnectionID, epoch int64, sealed []byte) error
}

// Sender makes the call of an errand. It returns when the answer is stored, or when it will not be stored by this call; that
// says nothing about the outcome. Ending ctx ends the waiting, not the call of a keeper.
type Sender interface {
	// Send makes it.
	Send(ctx context.Context, e Errand) error
}

// Transport carries the one call of an errand: a transport of package adapters.
type Transport = http.RoundTripper
