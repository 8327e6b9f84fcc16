package bench

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
	"hub/internal/app"
	"hub/internal/bench/baseline"
	"hub/internal/erp"
	"hub/internal/httpapi"
	"hub/internal/intake"
	"hub/internal/orders"
	"hub/internal/relay"
	"hub/internal/store"
	"hub/internal/tenancy"
	"hub/internal/wal"
)

// rig is the parts of a serving hub, put together as package app does but for the drain, which runs when it is told to,
// and for the number of shards, which is one. It has one tenant with one shop.
type rig struct {
	dir     string
	roots   *gdpr.FileRoots
	store   *store.Store
	keys    *gdpr.Keys
	tenants *tenancy.Service
	log     *wal.Log
	door    *intake.Door
	drainer *intake.Drainer
	bell    *erp.Bell
	relay   atomic.Pointer[relay.Relay] // nil while nothing is told

	connection tenancy.Connection
	key        string // of an ERP

	shard, vault baseline.Source // the databases, to be looked at from outside
}

// instance is the name of the hub that a rig is.
const instance = "bench"

// size is where a rig keeps its rows.
type size func(testing.TB, *rig) store.Config

// newRig opens a hub on a fresh folder and fresh databases.
func newRig(tb testing.TB, s size) *rig {
	tb.Helper()
	ctx := context.Background()
	r := &rig{dir: folder(tb), bell: erp.NewBell()}
	r.roots = gdpr.OpenFileRoots(filepath.Join(r.dir, "keys"), app.SystemClock, r.dir)
	root := got(r.roots.Create(ctx, 1))(tb)
	cfg := s(tb, r)
	cfg.Clock, cfg.IDs, cfg.OnFeed, cfg.Instance = app.SystemClock, app.NewIDs(), r.grown, instance
	must(tb, store.Migrate(ctx, cfg))
	r.store = got(store.Open(ctx, cfg))(tb)
	r.keys = gdpr.NewKeys(r.roots, r.store.Vault(), cfg.IDs, cfg.Clock, gdpr.Options{Monotonic: time.Now})
	intakeKey := got(gdpr.OpenIntakeKeys(ctx, filepath.Join(r.dir, "intake"), []gdpr.Root{root}))(tb)
	r.log = got(wal.Open(filepath.Join(r.dir, "wal"), wal.Options{Now: time.Now, SegmentBytes: segment}))(tb)
	r.connect(tb)

	platforms := map[hub.Platform]driver.Storefront{}
	for _, s := range app.Storefronts() {
		platforms[s.Platform()] = s
	}
	r.door = &intake.Door{
		Platforms: platforms, Directory: directory{r.tenants.Directory}, Key: intakeKey, Log: r.log,
		Full: func() bool { return false }, Clock: cfg.Clock, IDs: cfg.IDs, Timeout: doorTimeout,
	}
	shard := r.store.Map().Shards()[0]
	r.drainer = &intake.Drainer{
		Shard: shard, Log: r.log, Cursor: got(r.log.Cursor("shard-" + string(shard)))(tb), Key: intakeKey,
		Clock: cfg.Clock, Logger: logger(),
		Pipeline: &intake.Pipeline{
			Platforms: platforms, Keys: r.keys, Shards: r.store, IDs: cfg.IDs, Repo: r.store.Intake(),
			Orders: orders.New(r.store.Orders(), r.store.Feed(), r.store.Subjects(), cfg.IDs),
		},
	}
	return r
}

// grown is called after commits.
func (r *rig) grown(tenants []hub.TenantID) {
	r.bell.Ring(tenants)
	if teller := r.relay.Load(); teller != nil {
		teller.Wake(tenants)
	}
}

// connect makes the tenant, its shop and its ERP's key.
func (r *rig) connect(tb testing.TB) {
	tb.Helper()
	ctx := context.Background()
	r.tenants = &tenancy.Service{
		Repo: r.store.Tenancy(), Credentials: r.keys, Directory: tenancy.NewDirectory(r.store.Tenancy(), r.keys, noCopy{}),
		Clock: app.SystemClock, IDs: app.NewIDs(), Random: rand.Reader, Platforms: []hub.Platform{hub.Shopify},
		Shop: app.ShopNames(app.Storefronts()),
	}
	must(tb, r.tenants.Directory.Refresh(ctx))
	tenant := got(r.tenants.CreateTenant(ctx, tenancy.NewTenant{Name: "Bench"}))(tb)
	r.connection = got(r.tenants.CreateConnection(ctx, tenancy.NewConnection{
		Tenant: tenant.ID, Platform: hub.Shopify, Environment: "live", Shop: shopDomain, Secrets: []string{shopSecret},
	}))(tb)
	_, key, err := r.tenants.CreateKey(ctx, tenancy.NewKey{
		Tenant: tenant.ID, Role: tenancy.RoleERP, Client: "bench", Scopes: []string{tenancy.ScopePersonalRead},
	})
	must(tb, err)
	r.key = key
}

// handler is the public port's, before a door that may differ from the rig's own.
func (r *rig) handler(door httpapi.Door) http.Handler {
	ids := app.NewIDs()
	return httpapi.API{
		Door: door, Feed: erp.NewFeed(r.store.ERP(), r.bell), Orders: erp.NewOrders(r.store.ERP(), r.store.ERP(), app.SystemClock),
		Personal: &erp.Personal{
			Reader: r.store.ERP(), Keys: r.keys, Disclosures: r.store.ERP(), Ready: func(hub.TenantID) error { return nil },
			Clock: app.SystemClock, Logger: logger(),
		},
		Tenancy: r.tenants, Directory: r.tenants.Directory, MaxBody: maxBody,
		Ready:     func(context.Context) []httpapi.Problem { return nil },
		PublicURL: func() string { return "http://localhost" }, Logger: logger(), Clock: app.SystemClock,
		RequestID: func() string { return ids.New(hub.RequestPrefix) },
	}.Handler()
}

// close ends everything and removes the files.
func (r *rig) close(tb testing.TB) {
	tb.Helper()
	must(tb, r.log.Close())
	must(tb, r.store.Close(context.Background()))
	must(tb, os.RemoveAll(r.dir))
}

// directory shows the tenants' directory to the door in its words, as package app does.
type directory struct{ *tenancy.Directory }

func (d directory) Endpoint(p hub.Platform, token string) (intake.Endpoint, bool) {
	t, ok := d.Directory.Endpoint(p, token)
	return endpoint(t), ok
}

func (d directory) Account(p hub.Platform, app hub.AppID, name string) (intake.Endpoint, bool) {
	t, ok := d.Directory.Account(p, app, name)
	return endpoint(t), ok
}

func endpoint(t tenancy.Target) intake.Endpoint {
	e := intake.Endpoint{Platform: t.App.Platform, App: t.App.ID, Tenant: t.App.Tenant, Secrets: t.Secrets}
	if c := t.Connection; c != nil {
		e.Tenant, e.Connection, e.Account = c.Tenant, c.ID, c.Account
	}
	return e
}

// noCopy keeps no copy of the directory: a rig starts once.
type noCopy struct{}

func (noCopy) Save([]byte) error     { return nil }
func (noCopy) Load() ([]byte, error) { return nil, &hub.Error{Kind: hub.KindNotFound, Op: "loading"} }

// logger formats what a serving hub writes and drops it.
func logger() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// folder is a fresh one among the temporary files. What measures removes it when it is done, as it may become large.
func folder(tb testing.TB) string {
	tb.Helper()
	dir := got(os.MkdirTemp("", "hub-bench-"))(tb)
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// serve serves h on a port of its own, as package app does.
func serve(tb testing.TB, h http.Handler) (addr string, stop func()) {
	tb.Helper()
	l := got(net.Listen("tcp", "127.0.0.1:0"))(tb)
	s := httpapi.Server(h)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	return l.Addr().String(), func() {
		s.Close()
		<-ended
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// got unpacks a call: got(f())(tb).
func got[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		must(tb, err)
		return v
	}
}
