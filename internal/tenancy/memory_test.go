package tenancy

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/gdprtest"
)

// control is the control database in memory, as the contract of Repo says.
type control struct {
	mu    sync.Mutex
	all   Everything
	err   error
	loads int
}

func (c *control) change(f func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	if err := f(); err != nil {
		return err
	}
	c.all.Version++
	return nil
}

var errTaken = &hub.Error{Kind: hub.KindConflict, Code: "taken", Op: "adding"}

func (c *control) AddTenant(_ context.Context, t Tenant) error {
	return c.change(func() error {
		if slices.ContainsFunc(c.all.Tenants, func(o Tenant) bool { return o.Name == t.Name }) {
			return errTaken
		}
		c.all.Tenants = append(c.all.Tenants, t)
		return nil
	})
}

func (c *control) AddKey(_ context.Context, k Key) error {
	return c.change(func() error {
		c.all.Keys = append(c.all.Keys, k)
		return nil
	})
}

func (c *control) AddConnection(_ context.Context, n Connection, app *App) error {
	return c.change(func() error {
		same := func(o Connection) bool {
			return o.Platform == n.Platform && o.Environment == n.Environment && o.Account == n.Account && !o.Released
		}
		if slices.ContainsFunc(c.all.Connections, same) {
			return errTaken
		}
		c.all.Connections = append(c.all.Connections, n)
		if app != nil {
			c.all.Apps = append(c.all.Apps, *app)
		}
		return nil
	})
}

func (c *control) AddApp(_ context.Context, a App) error {
	return c.change(func() error {
		c.all.Apps = append(c.all.Apps, a)
		return nil
	})
}

func (c *control) RevokeKey(_ context.Context, id hub.KeyID, at time.Time) error {
	return c.change(func() error {
		i := slices.IndexFunc(c.all.Keys, func(k Key) bool { return k.ID == id })
		if i < 0 {
			return &hub.Error{Kind: hub.KindNotFound, Op: "revoking"}
		}
		c.all.Keys = slices.Clone(c.all.Keys)
		if c.all.Keys[i].RevokedAt.IsZero() {
			c.all.Keys[i].RevokedAt = at
		}
		return nil
	})
}

func (c *control) Version(context.Context) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all.Version, c.err
}

func (c *control) Load(context.Context) (Everything, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loads++
	e := c.all
	e.Tenants, e.Apps, e.Connections, e.Keys = slices.Clone(e.Tenants), slices.Clone(e.Apps), slices.Clone(e.Connections), slices.Clone(e.Keys)
	return e, c.err
}

// shelf is a Copy in memory.
type shelf struct {
	mu    sync.Mutex
	plain []byte
	err   error
	saves int
}

func (s *shelf) Save(plain []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.plain = bytes.Clone(plain)
	s.saves++
	return nil
}

func (s *shelf) Load() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plain == nil {
		return nil, &hub.Error{Kind: hub.KindNotFound, Op: "loading"}
	}
	return s.plain, nil
}

// vault is a vault that can be away.
type vault struct {
	*gdprtest.Memory
	away atomic.Bool
}

func (v *vault) ByID(ctx context.Context, ids []string) (map[string]gdpr.WrappedKey, error) {
	if v.away.Load() {
		return nil, &hub.Error{Kind: hub.KindUnavailable, Op: "asking vault"}
	}
	return v.Memory.ByID(ctx, ids)
}

// fixedRoot is a store with one root.
type fixedRoot struct {
	gdpr.RootStore
	root gdpr.Root
}

func (r fixedRoot) Load(context.Context) ([]gdpr.Root, error) { return []gdpr.Root{r.root}, nil }

// opener opens nothing while the vault is away, not even what it has in its cache.
type opener struct {
	Opener
	away *atomic.Bool
}

func (o opener) OpenCredentials(ctx context.Context, list []gdpr.Sealed) ([]gdpr.Opened, error) {
	if o.away.Load() {
		return nil, &hub.Error{Kind: hub.KindUnavailable, Op: "asking vault"}
	}
	return o.Opener.OpenCredentials(ctx, list)
}

// office is a service with everything around it.
type office struct {
	*Service
	t     *testing.T
	db    *control
	shelf *shelf
	vault *vault
	count *atomic.Uint64
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// lottery is randomness that a test can repeat.
type lottery struct{ *rand.ChaCha8 }

func newOffice(t *testing.T) *office {
	o := &office{t: t, db: &control{}, shelf: &shelf{}, vault: &vault{Memory: gdprtest.NewMemory()}, count: &atomic.Uint64{}}
	o.Service = &Service{
		Repo: o.db, Clock: func() time.Time { return noon }, IDs: o.ids,
		Random: lottery{rand.NewChaCha8([32]byte{1})}, Platforms: []hub.Platform{hub.Shopify, hub.Shopee},
		Shop: shopForm, PublicURL: func() string { return "https://hub.example" },
	}
	o.Credentials = o.keys()
	o.Directory = o.another()
	return o
}

func (o *office) ids() (id [16]byte) {
	binary.BigEndian.PutUint64(id[8:], o.count.Add(1))
	return id
}

// keys has nothing in its cache.
func (o *office) keys() *gdpr.Keys {
	return gdpr.NewKeys(fixedRoot{root: gdpr.NewRoot(1, [32]byte{4})}, o.vault, o.ids, func() time.Time { return noon }, gdpr.Options{})
}

// another is the directory of another hub over the same databases, or of this one after a restart.
func (o *office) another() *Directory { return NewDirectory(o.db, o.keys(), o.shelf) }

func (o *office) tenant(name string) hub.TenantID {
	o.t.Helper()
	t, err := o.CreateTenant(o.t.Context(), NewTenant{Name: name})
	if err != nil {
		o.t.Fatal(err)
	}
	return t.ID
}

func (o *office) key(n NewKey) (Key, string) {
	o.t.Helper()
	k, text, err := o.CreateKey(o.t.Context(), n)
	if err != nil {
		o.t.Fatal(err)
	}
	return k, text
}

func (o *office) connect(n NewConnection) Connection {
	o.t.Helper()
	c, err := o.CreateConnection(o.t.Context(), n)
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

func (o *office) refreshed(d *Directory) {
	o.t.Helper()
	if err := d.Refresh(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
}

// shop is a connection that brings its own secret.
func shop(t hub.TenantID, name string) NewConnection {
	return NewConnection{Tenant: t, Platform: hub.Shopify, Environment: "live", Shop: name, Secrets: []string{secret}}
}

const secret = "CANARY-shpss-0123456789"

var errAway = errors.New("away")

// shopForm is what a driver makes of a shop's name.
func shopForm(p hub.Platform, name string) (string, error) {
	if p == hub.Shopify && !strings.HasSuffix(name, ".myshopify.com") {
		name += ".myshopify.com"
	}
	if strings.ContainsAny(name, " /") {
		return "", hub.Invalid("shop_invalid", "shop")
	}
	return strings.ToLower(name), nil
}
