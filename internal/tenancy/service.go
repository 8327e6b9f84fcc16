package tenancy

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"hub"
	"hub/gdpr"
)

// Credentials seals secrets under a key of their own: *gdpr.Keys.
type Credentials interface {
	// SealCredential is gdpr.Keys.SealCredential.
	SealCredential(ctx context.Context, owner gdpr.CredentialOwner, p gdpr.Place, plaintext []byte) ([]byte, error)
}

// Service creates tenants, keys, apps and connections. After each change the hub's own directory is refreshed before the
// call returns; other hubs follow within their refresh interval.
type Service struct {
	Repo        Repo
	Credentials Credentials
	Directory   *Directory
	Clock       hub.Clock
	IDs         hub.IDSource
	Random      io.Reader // cryptographically strong
	Platforms   []hub.Platform
	// Shop brings the name of a shop into the one form that a platform has for it, or is KindInvalid.
	Shop func(hub.Platform, string) (string, error)
	// PublicURL is where platforms and browsers reach the hub, without a slash at the end; nil and "" are not known.
	PublicURL func() string
}

// maxName bounds names and shops, in bytes.
const maxName = 200

// NewTenant is what a new tenant shall be.
type NewTenant struct {
	Name               string
	OrderRetentionDays int // 0 for the default
}

// CreateTenant makes a tenant. A name that is taken is KindConflict.
func (s *Service) CreateTenant(ctx context.Context, n NewTenant) (Tenant, error) {
	if err := checkName("name", n.Name); err != nil {
		return Tenant{}, err
	}
	if n.OrderRetentionDays < 0 || n.OrderRetentionDays > MaxOrderRetentionDays {
		return Tenant{}, hub.Invalid("retention_invalid", "order_retention_days")
	}
	t := Tenant{
		ID: hub.TenantID(s.IDs.New(hub.TenantPrefix)), Name: n.Name, CreatedAt: s.Clock(), OrderRetentionDays: n.OrderRetentionDays,
	}
	if err := s.Repo.AddTenant(ctx, t); err != nil {
		return Tenant{}, err
	}
	return t, s.Directory.Refresh(ctx)
}

// NewKey is what a new API key shall be.
type NewKey struct {
	Tenant hub.TenantID // empty for an operator's
	Role   Role
	Client string // optional
	Scopes []string
}

// CreateKey makes an API key and returns its text, which is shown once and stored nowhere.
func (s *Service) CreateKey(ctx context.Context, n NewKey) (Key, string, error) {
	return s.KeepKey(ctx, n, func(string) error { return nil })
}

// KeepKey is CreateKey that hands the text to keep before the key is good, so that a crash never leaves a good key whose
// text nobody has.
func (s *Service) KeepKey(ctx context.Context, n NewKey, keep func(text string) error) (Key, string, error) {
	if err := s.checkKey(ctx, n); err != nil {
		return Key{}, "", err
	}
	k := Key{
		ID: hub.KeyID(s.IDs.New(hub.KeyPrefix)), Tenant: n.Tenant, Role: n.Role,
		Client: n.Client, Scopes: n.Scopes, CreatedAt: s.Clock(),
	}
	if k.Client == "" {
		k.Client = string(k.ID)
	}
	text, hash, err := mintKey(k.ID, s.Random)
	if err != nil {
		return Key{}, "", err
	}
	k.Hash = hash
	if err := keep(text); err != nil {
		return Key{}, "", err
	}
	if err := s.Repo.AddKey(ctx, k); err != nil {
		return Key{}, "", err
	}
	return k, text, s.Directory.Refresh(ctx)
}

func (s *Service) checkKey(ctx context.Context, n NewKey) error {
	known := []Role{RoleMerchant, RoleERP, RoleCompliance, RoleAuditor, RoleOperator}
	switch {
	case !slices.Contains(known, n.Role):
		return hub.Invalid("role_unknown", "role")
	case (n.Role == RoleOperator) != (n.Tenant == ""):
		return hub.Invalid("tenant_required", "tenant")
	case n.Client != "" && checkName("client", n.Client) != nil:
		return checkName("client", n.Client)
	}
	for _, scope := range n.Scopes {
		if scope != ScopePersonalRead {
			return hub.Invalid("scope_unknown", "scope")
		}
		if !n.Role.MayReadPersonal() {
			return hub.Invalid("scope_of_other_role", "scope")
		}
	}
	return s.needTenant(ctx, n.Tenant, "creating key")
}

// needTenant is KindNotFound for a tenant that does not exist; none is fine.
func (s *Service) needTenant(ctx context.Context, t hub.TenantID, op string) error {
	found, err := s.find(ctx, func() bool { return t == "" || s.Directory.HasTenant(t) })
	if err == nil && !found {
		return &hub.Error{Kind: hub.KindNotFound, Code: "tenant_not_found", Op: op}
	}
	return err
}

// find looks into the directory, and once more after a refresh: another hub may have made it a moment ago.
func (s *Service) find(ctx context.Context, has func() bool) (bool, error) {
	if has() {
		return true, nil
	}
	if err := s.Directory.Refresh(ctx); err != nil {
		return false, err
	}
	return has(), nil
}

// ScopePersonalRead grants personal fields; no role has it by default.
const ScopePersonalRead = "personal:read"

// RevokeKey ends an API key: this hub refuses it when the call returns, the others within their refresh interval.
func (s *Service) RevokeKey(ctx context.Context, id hub.KeyID) error {
	if !hub.ValidID(hub.KeyPrefix, string(id)) {
		return &hub.Error{Kind: hub.KindNotFound, Code: "key_not_found", Op: "revoking key"}
	}
	if err := s.Repo.RevokeKey(ctx, id, s.Clock()); err != nil {
		return err
	}
	return s.Directory.Refresh(ctx)
}

// NewApp is what a new app shall be.
type NewApp struct {
	Tenant      hub.TenantID // empty: the operator's own
	Platform    hub.Platform
	Name        string
	Environment string
	Secrets     []string // the current one first

	ClientID string
	Base     string   // a sandbox's address; empty for the platform's own
	Loopback bool     // Base may be on this machine: an operator asks
	Scopes   []string // none for what the driver needs
	Redirect string   // empty for the hub's own
	HookURL  string   // empty for the hub's own
}

// CreateApp stores a set of platform credentials with an endpoint of its own.
func (s *Service) CreateApp(ctx context.Context, n NewApp) (App, error) {
	if err := checkName("name", n.Name); err != nil {
		return App{}, err
	}
	app, err := s.app(ctx, n)
	if err != nil {
		return App{}, err
	}
	if err := s.Repo.AddApp(ctx, app); err != nil {
		return App{}, err
	}
	return app, s.Directory.Refresh(ctx)
}

func (s *Service) app(ctx context.Context, n NewApp) (App, error) {
	if err := s.checkPlatform(ctx, n.Tenant, n.Platform, n.Environment); err != nil {
		return App{}, err
	}
	if err := checkSecrets(n.Secrets); err != nil {
		return App{}, err
	}
	if err := n.check(); err != nil {
		return App{}, err
	}
	endpoint, err := randomText(s.Random, 26)
	if err != nil {
		return App{}, err
	}
	app := App{
		ID: hub.AppID(s.IDs.New(hub.AppPrefix)), Tenant: n.Tenant, Platform: n.Platform, Name: n.Name,
		Environment: n.Environment, Endpoint: endpoint, CreatedAt: s.Clock(),
		ClientID: n.ClientID, Base: strings.TrimSuffix(n.Base, "/"), Scopes: n.Scopes,
		Redirect: s.address(n.Redirect, RedirectPath(n.Platform)), HookURL: s.address(n.HookURL, HookPath(n.Platform, endpoint)),
	}
	plain, err := json.Marshal(n.Secrets)
	if err != nil {
		return App{}, hub.Errorf(hub.KindInternal, "printing secrets", "not printable")
	}
	app.SealedSecrets, err = s.Credentials.SealCredential(ctx, app.owner(), app.place(), plain)
	return app, err
}

// NewConnection is what a new connection shall be.
type NewConnection struct {
	Tenant      hub.TenantID
	Platform    hub.Platform
	Environment string
	Shop        string   // the account at the platform
	Secrets     []string // makes the connection its own app; empty to use App
	App         hub.AppID
}

// CreateConnection connects a shop. A shop that any tenant has connected already is KindConflict.
func (s *Service) CreateConnection(ctx context.Context, n NewConnection) (Connection, error) {
	account, err := s.account(n.Platform, n.Shop)
	if err != nil {
		return Connection{}, err
	}
	if n.Tenant == "" {
		return Connection{}, hub.Invalid("tenant_required", "tenant")
	}
	if err := s.checkPlatform(ctx, n.Tenant, n.Platform, n.Environment); err != nil {
		return Connection{}, err
	}
	own, err := s.appOf(ctx, &n, account)
	if err != nil {
		return Connection{}, err
	}
	endpoint, err := randomText(s.Random, 26)
	if err != nil {
		return Connection{}, err
	}
	c := Connection{
		ID: hub.ConnectionID(s.IDs.New(hub.ConnectionPrefix)), Tenant: n.Tenant, App: n.App, Platform: n.Platform,
		Environment: n.Environment, Account: account, Endpoint: endpoint, CreatedAt: s.Clock(),
	}
	if err := s.Repo.AddConnection(ctx, c, own); err != nil {
		return Connection{}, err
	}
	return c, s.Directory.Refresh(ctx)
}

// appOf makes the app of a connection that brings its own secrets and puts it into n, or checks the one that n names.
func (s *Service) appOf(ctx context.Context, n *NewConnection, account string) (*App, error) {
	if n.App == "" {
		app, err := s.app(ctx, NewApp{Tenant: n.Tenant, Platform: n.Platform, Name: account, Environment: n.Environment, Secrets: n.Secrets})
		if err != nil {
			return nil, err
		}
		n.App = app.ID
		return &app, nil
	}
	if len(n.Secrets) > 0 {
		return nil, hub.Invalid("app_or_secret", "secret")
	}
	found, err := s.find(ctx, func() bool { return s.Directory.HasApp(n.App, n.Tenant, n.Platform, n.Environment) })
	if err == nil && !found {
		err = &hub.Error{Kind: hub.KindNotFound, Code: "app_not_found", Op: "adding connection"}
	}
	return nil, err
}

func (s *Service) checkPlatform(ctx context.Context, t hub.TenantID, p hub.Platform, environment string) error {
	switch {
	case !slices.Contains(s.Platforms, p):
		return hub.Invalid("platform_unknown", "platform")
	case environment != "live" && environment != "sandbox":
		return hub.Invalid("environment_unknown", "environment")
	}
	return s.needTenant(ctx, t, "adding connection")
}

// maxSecrets bounds what a delivery is verified against: the secret in use and those on their way out.
const maxSecrets = 10

// checkSecrets refuses what JSON could not keep byte for byte, too.
func checkSecrets(secrets []string) error {
	if len(secrets) == 0 {
		return hub.Invalid(hub.CodeMissing, "secret")
	}
	if len(secrets) > maxSecrets {
		return hub.Invalid("too_many_secrets", "secret")
	}
	for _, secret := range secrets {
		switch {
		case len(secret) < 8:
			return hub.Invalid("secret_too_short", "secret")
		case len(secret) > 1024:
			return hub.Invalid("secret_too_long", "secret")
		case !utf8.ValidString(secret):
			return hub.Invalid(hub.CodeInvalidUTF8, "secret")
		}
	}
	return nil
}

// account brings the name of a shop into the one form that is compared.
func (s *Service) account(p hub.Platform, shop string) (string, error) {
	if !slices.Contains(s.Platforms, p) {
		return "", hub.Invalid("platform_unknown", "platform")
	}
	account, err := s.Shop(p, shop)
	if err != nil {
		return "", err
	}
	return account, checkName("shop", account)
}

func checkName(field, name string) error {
	if strings.TrimSpace(name) == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, deceptive) {
		return hub.Invalid("name_invalid", field)
	}
	return nil
}

// deceptive reports whether a character ends lines or changes the direction of text: in a log or a console such a name
// passes for something else.
func deceptive(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

func (a App) owner() gdpr.CredentialOwner { return gdpr.CredentialOwner{App: a.ID} }

// place is where an app's secrets rest; the operator's own apps rest with the reserved tenant.
func (a App) place() gdpr.Place {
	tenant := a.Tenant
	if tenant == "" {
		tenant = hub.Operator
	}
	return gdpr.Place{Tenant: tenant, Table: "apps", Row: string(a.ID), Class: hub.P1}
}
