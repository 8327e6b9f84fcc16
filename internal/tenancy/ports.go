package tenancy

import (
	"context"
	"time"

	"hub"
)

// Tenant is one merchant organisation.
type Tenant struct {
	ID        hub.TenantID
	Name      string // what people call it; unique
	CreatedAt time.Time
	// OrderRetentionDays is how long personal fields of its orders are kept, from the end of the week in which an order was
	// placed: 1 to MaxOrderRetentionDays, or 0 for DefaultOrderRetentionDays.
	OrderRetentionDays int
}

// Bounds of Tenant.OrderRetentionDays, in days.
const (
	DefaultOrderRetentionDays = 730
	MaxOrderRetentionDays     = 3650
)

// OrderRetention is how long personal fields of the tenant's orders are kept. A platform's own rule can make it shorter.
func (t Tenant) OrderRetention() time.Duration {
	days := t.OrderRetentionDays
	if days == 0 {
		days = DefaultOrderRetentionDays
	}
	return time.Duration(days) * 24 * time.Hour
}

// App is one set of platform credentials.
type App struct {
	ID            hub.AppID
	Tenant        hub.TenantID // empty: the operator's own
	Platform      hub.Platform
	Name          string
	Environment   string // live or sandbox
	Endpoint      string // random token of its webhook address
	SealedSecrets []byte // JSON list, sealed under the app's credential key
	CreatedAt     time.Time

	ClientID string   // the platform's id of the app; "" when nobody told it, then no shop can be connected through the platform's page
	Base     string   // the platform's address in place of the real one; only of a sandbox
	Scopes   []string // what is asked for; none is what the driver needs
	Redirect string   // where the platform sends the browser back, as registered there byte for byte; "" in rows of older versions
	HookURL  string   // the webhook address, as registered there byte for byte; "" in rows of older versions
}

// Connection is one shop of one tenant.
type Connection struct {
	ID          hub.ConnectionID
	Tenant      hub.TenantID
	App         hub.AppID
	Platform    hub.Platform
	Environment string
	Account     string // the shop at the platform, lower case; unique with platform and environment over all tenants, unless Released
	Endpoint    string // random token of its webhook address
	CreatedAt   time.Time
	Released    bool // it is over, and its shop is free for whoever connects it
}

// Role is what an API key may do.
type Role string

// The roles.
const (
	RoleMerchant   Role = "merchant"
	RoleERP        Role = "erp"
	RoleCompliance Role = "compliance_officer"
	RoleAuditor    Role = "auditor"
	RoleOperator   Role = "operator"
)

// MayReadPersonal reports whether a key of the role can have ScopePersonalRead. Whoever reads no orders cannot, and an
// auditor sees who read what, not what was read.
func (r Role) MayReadPersonal() bool { return r == RoleMerchant || r == RoleERP || r == RoleOperator }

// Key is one API key as stored: the secret itself is not.
type Key struct {
	ID        hub.KeyID
	Tenant    hub.TenantID // empty for an operator
	Role      Role
	Client    string // whose acknowledgements count as one; the key id when not named
	Scopes    []string
	Hash      [32]byte // SHA-256 of the secret, which is random and long
	CreatedAt time.Time
	RevokedAt time.Time // zero while it is good
}

// Everything is the whole directory as the control database holds it.
type Everything struct {
	Version     int64 // grows with every change
	Tenants     []Tenant
	Apps        []App
	Connections []Connection
	Keys        []Key
}

// Repo keeps the control database. Each method is one transaction, durable when it returns; each change raises the
// version. A name, account or endpoint that is taken is KindConflict.
type Repo interface {
	// AddTenant stores a tenant.
	AddTenant(context.Context, Tenant) error
	// AddKey stores an API key, of which it holds a hash.
	AddKey(context.Context, Key) error
	// AddConnection stores a connection, with its app when app is not nil.
	AddConnection(ctx context.Context, c Connection, app *App) error
	// AddApp stores an app with its sealed secrets.
	AddApp(context.Context, App) error
	// RevokeKey ends a key; the time of the first revocation stays. A key that does not exist is KindNotFound.
	RevokeKey(ctx context.Context, id hub.KeyID, at time.Time) error
	// Version is cheap; it is asked each second.
	Version(context.Context) (int64, error)
	// Load returns everything at one version.
	Load(context.Context) (Everything, error)
}
