package connect

import (
	"time"

	"hub"
	"hub/adapters/driver"
)

// StepKind is a part of a way to a platform and back.
type StepKind string

// The steps.
const (
	Ticket StepKind = "ticket" // opened once by a browser, which is sent to the platform
	State  StepKind = "state"  // comes back from the platform, once
)

// Step is one of them. Of its secret only the hash is stored.
type Step struct {
	Kind      StepKind
	Hash      [32]byte // SHA-256 of the secret
	Tenant    hub.TenantID
	Platform  hub.Platform
	App       hub.AppID
	Account   string // the shop that is meant, "" for any
	Browser   [32]byte
	Site      string // the country whose page to show, "" for the platform's page for all
	Verifier  []byte // of PKCE, sealed; nil of a ticket
	Actor     hub.Actor
	ExpiresAt time.Time
}

// Pair is what a platform let the hub have for one shop. It exists sealed, or in memory.
type Pair struct {
	App          hub.AppID `json:"app,omitempty"` // that won it, and alone can use it; empty in rows from before it was noted
	Account      string    `json:"account"`
	Access       string    `json:"access"`
	AccessUntil  time.Time `json:"access_until,omitzero"`
	Refresh      string    `json:"refresh,omitempty"`
	RefreshUntil time.Time `json:"refresh_until,omitzero"`
	GrantUntil   time.Time `json:"grant_until,omitzero"`
	Scopes       []string  `json:"scopes,omitempty"`
	Merchant     bool      `json:"merchant,omitempty"`
	Secret       int       `json:"secret,omitempty"`
}

func pairOf(by hub.AppID, t driver.Token) Pair {
	return Pair{by, t.Account, t.Access, t.AccessUntil, t.Refresh, t.RefreshUntil, t.GrantUntil, t.Scopes, t.Merchant, t.CredentialHint}
}

// by refuses an app that did not win the pair: a directory that is behind would have the platform refuse what works, and a
// connection given up for it. It is right again within a second.
func (p Pair) by(app hub.AppID, op string, id hub.ConnectionID) error {
	if p.App == "" || p.App == app {
		return nil
	}
	return &hub.Error{Kind: hub.KindUnavailable, Code: CodeBehind, Op: op, Subject: string(id), RetryAfter: time.Second}
}

func (p Pair) token() driver.Token {
	return driver.Token{
		Account: p.Account, Access: p.Access, AccessUntil: p.AccessUntil, Refresh: p.Refresh, RefreshUntil: p.RefreshUntil,
		GrantUntil: p.GrantUntil, Scopes: p.Scopes, Merchant: p.Merchant, CredentialHint: p.Secret,
	}
}

// Standing is where a connection's tokens stand:
//
//	ok ──lease──▶ refreshing ──▶ ok
//	                  └────────▶ reconnect_needed ──owner authorises──▶ ok
//	any ──disconnect, uninstall──▶ disconnected ──owner authorises, if nobody else has the shop──▶ ok
type Standing string

// The standings.
const (
	OK              Standing = "ok"
	Refreshing      Standing = "refreshing"       // the next pair is being asked for; the present one is good until it ends
	ReconnectNeeded Standing = "reconnect_needed" // only the owner can mend it, by authorising again
	Disconnected    Standing = "disconnected"     // the tokens are destroyed, and the shop is released
)

// Codes that say why a connection stands as it does.
const (
	CodeRefused      hub.Code = "refresh_refused" // the platform does not take the refresh token any more
	CodeLost         hub.Code = "refresh_lost"    // the answer to a refresh was lost, and the platform gives it once
	CodeExpired      hub.Code = "access_expired"  // and there is nothing to refresh it with
	CodeGrantEnded   hub.Code = "grant_ended"     // the time for which the owner had authorised is over
	CodeUnsealed     hub.Code = "tokens_unreadable"
	CodeUnknown      hub.Code = "refresh_unknown"      // nobody knows what became of the last try; it is asked again
	CodeUnreachable  hub.Code = "platform_unreachable" // nothing was sent
	CodeUninstalled  hub.Code = "app_uninstalled"      // at the platform
	CodeDeauthorised hub.Code = "deauthorised"         // at the platform
	CodeByUser       hub.Code = "disconnected"         // here
	CodeBusy         hub.Code = "refresh_busy"         // another hub holds the lease
	CodeNoTokens     hub.Code = "not_authorised"       // the connection only receives webhooks
	CodeAppUnusable  hub.Code = "app_unusable"         // the app or its secrets are gone
	CodeBehind       hub.Code = "directory_behind"     // the tokens were won by another app than this hub knows of
)

// Grant is a pair on its way into the database.
type Grant struct {
	Sealed       []byte
	Life         int64 // of the connection, under whose key it is sealed
	AccessUntil  time.Time
	RefreshUntil time.Time
	GrantUntil   time.Time // zero: not told; a refresh then leaves what is known
	DueAt        time.Time // when to refresh; zero is never
	At           time.Time
}

// NewShop is a connection that is to be.
type NewShop struct {
	Shop
	Endpoint string // random token of its webhook address
}

// Stored is what the database holds of a connection's tokens.
type Stored struct {
	Connection   hub.ConnectionID
	Tenant       hub.TenantID
	Generation   int64 // of the pair; grows with every new one
	Sealed       []byte
	Previous     []byte // the pair before, sealed, until this one has worked
	AccessUntil  time.Time
	RefreshUntil time.Time
	GrantUntil   time.Time
	Standing     Standing
	Code         hub.Code // why, or what went wrong last
	Attempts     int      // failures since the last success
	DueAt        time.Time
	ConnectedAt  time.Time // when the owner authorised last
	RefreshedAt  time.Time // when the pair was stored
	Started      bool      // the first jobs are enqueued
	Report       []byte    // JSON of the last check; nil when there was none
	CheckedAt    time.Time
	Life         int64 // how often the connection has ended; the tokens rest under the key of this life
}

// Ended is a life of a connection that is over and whose key is to be killed.
type Ended struct {
	Connection hub.ConnectionID
	Tenant     hub.TenantID
	Life       int64
}

// Leased is a connection whose tokens only the caller changes, until the lease ends.
type Leased struct {
	Stored
	Epoch   int64
	Errands []Intent // of this generation that are not settled, oldest first
}

// Due is a connection that somebody must look at.
type Due struct {
	Connection hub.ConnectionID
	Generation int64
}

// lives reports whether the tokens are held to work: nobody has been told to authorise again.
func (s Stored) lives() bool { return s.Standing == OK || s.Standing == Refreshing }

func (s Stored) due(now time.Time) bool { return !s.DueAt.IsZero() && !s.DueAt.After(now) }

// Intent is one refresh call as it is stored.
type Intent struct {
	Connection hub.ConnectionID
	Epoch      int64         // of the lease under which it was intended; with the connection it names the errand
	Generation int64         // of the pair that it spends
	Key        []byte        // seals the answer; sealed itself under the connection's key
	Begun      bool          // somebody may have sent it
	Since      time.Duration // how long ago it was begun, by the database's clock; filled by Lease
	Answer     []byte        // sealed under Key; nil until it is there
}

// Errand is one refresh call on its way, in clear: it is never written to a disk.
type Errand struct {
	Connection hub.ConnectionID    `json:"connection"`
	Epoch      int64               `json:"epoch"`
	Key        []byte              `json:"key"` // 32 bytes, used once
	Method     string              `json:"method"`
	URL        string              `json:"url"`
	Header     map[string][]string `json:"header"`
	Body       []byte              `json:"body"`
	Timeout    time.Duration       `json:"timeout"`
	At         time.Time           `json:"at"` // by the hub's clock
	// Where the app may call: its environment, and the address that replaces the platform's in a sandbox.
	Environment string `json:"environment"`
	Base        string `json:"base,omitempty"`
}

// Outcome is what becomes of a connection at the end of a lease.
type Outcome struct {
	Next     *Grant // the next pair; nil when there is none
	Standing Standing
	Code     hub.Code
	Attempts int
	DueAt    time.Time // zero is never
	// Settled are the epochs of errands that need not be kept. With Next all go.
	Settled []int64
}

// Note is what was found out about a connection: what is nil stays.
type Note struct {
	Worked      bool // the pair was used with success: the one before is dropped
	Started     bool
	ConnectedAt time.Time // of the authorisation that the rest is about
	Report      []byte
	CheckedAt   time.Time
	GrantUntil  time.Time
	Mended      int // how many things were mended, for the audit record; 0 writes none
}
