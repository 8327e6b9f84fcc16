package tenancy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"hub"
	"hub/gdpr"
)

// RefreshEvery is how often a hub looks whether the control database has changed: the bound within which every hub
// refuses a revoked key.
const RefreshEvery = time.Second

// Opener opens the secrets of apps: *gdpr.Keys.
type Opener interface {
	// OpenCredentials is gdpr.Keys.OpenCredentials.
	OpenCredentials(ctx context.Context, list []gdpr.Sealed) ([]gdpr.Opened, error)
}

// Copy keeps the last directory for a start without databases, sealed, in one place that is replaced as a whole.
type Copy interface {
	// Save is durable when it returns.
	Save(plaintext []byte) error
	// Load is KindNotFound when there is none.
	Load() ([]byte, error)
}

// Directory is who may come in, in memory. Reads never wait; they see one consistent state.
type Directory struct {
	repo    Repo
	opener  Opener
	copy    Copy
	trusted *[32]byte // SHA-256 of what Trust was given
	now     atomic.Pointer[view]

	mu      sync.Mutex // one refresh at a time
	loaded  int64      // version that was read whole from the control database, unread before
	unsaved []byte     // the copy that is still to be saved, nil when it is
}

// unread is no version.
const unread = -1

// view is one immutable state of the directory.
type view struct {
	Everything
	Secrets map[hub.AppID][]string

	locked    []hub.AppID
	tenants   map[hub.TenantID]Tenant
	apps      map[hub.AppID]App
	endpoints map[endpoint]Target
	accounts  map[account]Target
	left      map[account]bool // shops that an app had and has no more
	shops     map[hub.ConnectionID]Connection
	keys      map[hub.KeyID]Key
}

type endpoint struct {
	platform hub.Platform
	token    string
}

type account struct {
	platform hub.Platform
	app      hub.AppID
	name     string
}

// Target is what an endpoint leads to.
type Target struct {
	App        App
	Secrets    []string
	Connection *Connection // nil at an app's own endpoint
}

// NewDirectory returns an empty directory; Refresh or Restore fills it.
func NewDirectory(r Repo, o Opener, c Copy) *Directory {
	d := &Directory{repo: r, opener: o, copy: c, loaded: unread}
	d.now.Store((&view{}).index())
	return d
}

// Refresh brings the directory up to the control database if its version is another, and then saves the sealed copy. What
// did not succeed is tried again by the next call. While the vault is away, what needs no secret (a revoked key above all)
// is taken over all the same, and apps keep the secrets that are known.
func (d *Directory) Refresh(ctx context.Context) (err error) {
	defer hub.Wrap(&err, "refreshing directory", "")
	d.mu.Lock()
	defer d.mu.Unlock()
	version, err := d.repo.Version(ctx)
	if err != nil {
		return err
	}
	if version != d.loaded {
		err = d.load(ctx)
	}
	return errors.Join(err, d.save())
}

// load reads the control database; it needs mu.
func (d *Directory) load(ctx context.Context) error {
	all, err := d.repo.Load(ctx)
	if err != nil {
		return err
	}
	v := &view{Everything: all}
	opened := d.open(ctx, v)
	plain, err := json.Marshal(v)
	if err != nil {
		return hub.Errorf(hub.KindInternal, "printing directory", "not printable")
	}
	d.now.Store(v.index())
	d.unsaved, d.loaded = plain, all.Version
	if opened != nil {
		d.loaded = unread
	}
	return opened
}

// save replaces the sealed copy if there is news; it needs mu.
func (d *Directory) save() error {
	if d.unsaved == nil {
		return nil
	}
	if err := d.copy.Save(d.unsaved); err != nil {
		return err
	}
	d.unsaved = nil
	return nil
}

// Restore loads the sealed copy: what the directory was when this hub last saw the control database. The next Refresh
// reads the control database whatever its version, which may count differently after a restore from a backup.
func (d *Directory) Restore() (err error) {
	defer hub.Wrap(&err, "restoring directory", "")
	d.mu.Lock()
	defer d.mu.Unlock()
	plain, err := d.copy.Load()
	if err != nil {
		return err
	}
	v := &view{}
	if err := json.Unmarshal(plain, v); err != nil {
		return hub.Errorf(hub.KindPermanent, "reading directory copy", "not a directory")
	}
	d.now.Store(v.index())
	d.loaded = unread
	return nil
}

// Version is that of the state in memory, 0 while it is empty.
func (d *Directory) Version() int64 { return d.now.Load().Version }

// Locked lists the apps whose secrets do not open, because their key is gone or their bytes are damaged. Nobody can be
// verified against them, so deliveries to them are refused; the other apps are not held back.
func (d *Directory) Locked() []hub.AppID { return d.now.Load().locked }

// open opens the secrets of a view. When the vault cannot serve, the secrets that are known from before stay, as long as
// their sealed form is the same.
func (d *Directory) open(ctx context.Context, v *view) error {
	sealed := make([]gdpr.Sealed, len(v.Apps))
	for i, a := range v.Apps {
		sealed[i] = gdpr.Sealed{Place: a.place(), Envelope: a.SealedSecrets}
	}
	opened, err := d.opener.OpenCredentials(ctx, sealed)
	if err != nil {
		v.Secrets = d.known(v.Apps)
		return err
	}
	v.Secrets = make(map[hub.AppID][]string, len(v.Apps))
	for i, a := range v.Apps {
		var list []string
		switch err := opened[i].Err; {
		case hub.CodeOf(err) == gdpr.CodeRootMismatch: // the whole hub has the wrong root
			v.Secrets = d.known(v.Apps)
			return err
		case err != nil || json.Unmarshal(opened[i].Plaintext, &list) != nil:
			v.locked = append(v.locked, a.ID)
		default:
			v.Secrets[a.ID] = list
		}
	}
	return nil
}

// known returns the secrets of those apps that are unchanged.
func (d *Directory) known(apps []App) map[hub.AppID][]string {
	before := d.now.Load()
	secrets := make(map[hub.AppID][]string, len(apps))
	for _, a := range apps {
		if list, ok := before.Secrets[a.ID]; ok && bytes.Equal(before.apps[a.ID].SealedSecrets, a.SealedSecrets) {
			secrets[a.ID] = list
		}
	}
	return secrets
}

// index builds the maps.
func (v *view) index() *view {
	v.tenants, v.apps, v.keys = map[hub.TenantID]Tenant{}, map[hub.AppID]App{}, map[hub.KeyID]Key{}
	v.endpoints, v.accounts, v.shops = map[endpoint]Target{}, map[account]Target{}, map[hub.ConnectionID]Connection{}
	v.left = map[account]bool{}
	for _, t := range v.Tenants {
		v.tenants[t.ID] = t
	}
	for _, a := range v.Apps {
		v.apps[a.ID] = a
		v.endpoints[endpoint{a.Platform, a.Endpoint}] = Target{App: a, Secrets: v.Secrets[a.ID]}
	}
	for i := range v.Connections {
		c := &v.Connections[i]
		v.shops[c.ID] = *c
		if c.Released { // it is over: nothing is taken at its address any more
			continue
		}
		t := Target{App: v.apps[c.App], Secrets: v.Secrets[c.App], Connection: c}
		v.endpoints[endpoint{c.Platform, c.Endpoint}] = t
		v.accounts[account{c.Platform, c.App, c.Account}] = t
		v.accounts[account{c.Platform, "", c.Account}] = t
	}
	for _, c := range v.Connections {
		if c.Released && !v.served(c) {
			v.left[account{c.Platform, c.App, c.Account}] = true
		}
	}
	for _, k := range v.Keys {
		v.keys[k.ID] = k
	}
	return v
}

// served reports whether the shop of a connection that is over has another by the same app, or by what is the same to the
// platform: what comes for the shop may be that one's.
func (v *view) served(c Connection) bool {
	now, ok := v.accounts[account{c.Platform, c.App, c.Account}]
	if !ok {
		now, ok = v.accounts[account{c.Platform, "", c.Account}]
		ok = ok && now.App.ClientID != "" && now.App.ClientID == v.apps[c.App].ClientID
	}
	return ok
}

// Endpoint finds what an endpoint token leads to. Tokens are random and unguessable; they are compared as map keys.
func (d *Directory) Endpoint(p hub.Platform, token string) (Target, bool) {
	t, ok := d.now.Load().endpoints[endpoint{p, token}]
	return t, ok
}

// Account finds the connection of a shop under one app, or under any when app is empty.
func (d *Directory) Account(p hub.Platform, app hub.AppID, name string) (Target, bool) {
	t, ok := d.now.Load().accounts[account{p, app, name}]
	return t, ok
}

// Left reports whether an app had a shop that has disconnected since and is not back.
func (d *Directory) Left(p hub.Platform, app hub.AppID, name string) bool {
	return d.now.Load().left[account{p, app, name}]
}

// HasTenant reports whether a tenant exists.
func (d *Directory) HasTenant(t hub.TenantID) bool {
	_, ok := d.Tenant(t)
	return ok
}

// Tenant returns one tenant.
func (d *Directory) Tenant(id hub.TenantID) (Tenant, bool) {
	t, ok := d.now.Load().tenants[id]
	return t, ok
}

// Connection returns one connection.
func (d *Directory) Connection(id hub.ConnectionID) (Connection, bool) {
	c, ok := d.now.Load().shops[id]
	return c, ok
}

// App returns one app with its secrets.
func (d *Directory) App(id hub.AppID) (Target, bool) {
	v := d.now.Load()
	a, ok := v.apps[id]
	return Target{App: a, Secrets: v.Secrets[id]}, ok
}

// HasApp reports whether an app of the platform and environment may be used by a tenant: its own, or the operator's.
func (d *Directory) HasApp(id hub.AppID, t hub.TenantID, p hub.Platform, environment string) bool {
	a, ok := d.now.Load().apps[id]
	return ok && a.Platform == p && a.Environment == environment && (a.Tenant == "" || a.Tenant == t)
}

// HasOperatorKey reports whether there is a good operator key.
func (d *Directory) HasOperatorKey() bool {
	if d.trusted != nil {
		return true
	}
	for _, k := range d.now.Load().keys {
		if k.Role == RoleOperator && k.RevokedAt.IsZero() {
			return true
		}
	}
	return false
}

// List returns the directory's state for the lists of the API. It is shared: do not change it.
func (d *Directory) List() Everything { return d.now.Load().Everything }
