package tenancy

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"hub"
	"hub/gdpr"
)

func TestEndpoints(t *testing.T) {
	o := newOffice(t)
	ten := o.tenant("a")
	app, err := o.CreateApp(t.Context(), NewApp{Platform: hub.Shopify, Name: "shared", Environment: "live", Secrets: []string{"current-secret", "older-secret"}})
	if err != nil {
		t.Fatal(err)
	}
	c := o.connect(NewConnection{Tenant: ten, Platform: hub.Shopify, Environment: "live", Shop: "s", App: app.ID})
	own := o.connect(shop(ten, "own"))
	d := o.Directory
	at, ok := d.Endpoint(hub.Shopify, app.Endpoint)
	if !ok || at.Connection != nil || at.App.ID != app.ID || len(at.Secrets) != 2 || at.Secrets[0] != "current-secret" {
		t.Errorf("the app's endpoint leads to %+v", at)
	}
	at, ok = d.Endpoint(hub.Shopify, c.Endpoint)
	if !ok || at.Connection == nil || at.Connection.ID != c.ID || at.App.ID != app.ID || len(at.Secrets) != 2 {
		t.Errorf("the connection's endpoint leads to %+v", at)
	}
	if at, ok = d.Endpoint(hub.Shopify, own.Endpoint); !ok || at.Secrets[0] != secret || at.App.Tenant != ten {
		t.Errorf("the own endpoint leads to %+v", at)
	}
	for _, unknown := range []endpoint{{hub.Shopify, ""}, {hub.Shopee, c.Endpoint}, {hub.Shopify, c.Endpoint + "x"}, {"", c.Endpoint}} {
		if at, ok := d.Endpoint(unknown.platform, unknown.token); ok || len(at.Secrets) != 0 {
			t.Errorf("%+v leads to %+v", unknown, at)
		}
	}
	if _, ok := d.Account(hub.Shopify, own.App, c.Account); ok {
		t.Error("a shop is found under an app that it is not connected by")
	}
	if at, ok := d.Account(hub.Shopify, "", c.Account); !ok || at.Connection.ID != c.ID {
		t.Error("a shop is not found under any app")
	}
}

// Refresh reads only when the version is another, in either direction, and keeps the copy up to date.
func TestRefresh(t *testing.T) {
	o := newOffice(t)
	d := o.another()
	ten := o.tenant("a")
	o.refreshed(d)
	loads, saves := o.db.loads, o.shelf.saves
	for range 3 {
		o.refreshed(d)
	}
	if o.db.loads != loads || o.shelf.saves != saves || !d.HasTenant(ten) || d.Version() != 1 {
		t.Errorf("read %d times without a change", o.db.loads-loads)
	}
	o.db.all = Everything{Version: 0} // an older backup came back
	o.refreshed(d)
	if d.HasTenant(ten) {
		t.Error("the directory did not follow the database back")
	}
	o.db.err = errAway
	if err := d.Refresh(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("Refresh: %v", err)
	}
}

// A hub that starts without databases knows what it knew, revocations too.
func TestRestore(t *testing.T) {
	o := newOffice(t)
	if err := o.another().Restore(); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("without a copy: %v", err)
	}
	ten := o.tenant("a")
	c := o.connect(shop(ten, "own"))
	k, text := o.key(NewKey{Tenant: ten, Role: RoleERP, Scopes: []string{ScopePersonalRead}})
	dead, revoked := o.key(NewKey{Role: RoleOperator})
	if err := o.RevokeKey(t.Context(), dead.ID); err != nil {
		t.Fatal(err)
	}
	o.db.err = errAway
	o.vault.away.Store(true)
	d := o.another()
	if err := d.Restore(); err != nil {
		t.Fatal(err)
	}
	at, ok := d.Endpoint(hub.Shopify, c.Endpoint)
	if !ok || at.Secrets[0] != secret || at.Connection.Tenant != ten || d.Version() != o.db.all.Version {
		t.Errorf("restored %+v at version %d", at, d.Version())
	}
	if who, err := d.Authenticate(text); err != nil || who.Key != k.ID || len(who.Scopes) != 1 {
		t.Errorf("%+v, %v", who, err)
	}
	if _, err := d.Authenticate(revoked); err == nil {
		t.Error("the revoked key is good again")
	}
	// The version of the database may be the copy's by accident: it is read all the same.
	o.db.err, o.db.all = nil, Everything{Version: d.Version()}
	o.vault.away.Store(false)
	o.refreshed(d)
	if d.HasTenant(ten) {
		t.Error("the copy passes for the database")
	}
	o.shelf.plain = []byte("nonsense")
	if err := o.another().Restore(); hub.KindOf(err) != hub.KindPermanent {
		t.Errorf("a damaged copy: %v", err)
	}
}

// A copy that could not be saved is saved by the next refresh, without a change of the version.
func TestCopyIsSavedLater(t *testing.T) {
	o := newOffice(t)
	d := o.Directory
	ten := o.tenant("a")
	o.shelf.err = errAway
	if _, err := o.CreateTenant(t.Context(), NewTenant{Name: "b"}); !errors.Is(err, errAway) {
		t.Errorf("CreateTenant: %v", err)
	}
	if err := d.Refresh(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("Refresh: %v", err)
	}
	o.shelf.err = nil
	o.refreshed(d)
	restored := o.another()
	if err := restored.Restore(); err != nil || !restored.HasTenant(ten) || restored.Version() != 2 {
		t.Errorf("restored version %d, %v", restored.Version(), err)
	}
}

// One tenant's dead or damaged credential key locks that app only.
func TestLockedApp(t *testing.T) {
	o := newOffice(t)
	a, b := o.tenant("a"), o.tenant("b")
	one := o.connect(shop(a, "one"))
	for _, k := range o.vault.All() {
		if k.Kind == gdpr.KindCredential {
			o.vault.Destroy(k.ID)
		}
	}
	two := o.connect(shop(b, "two"))
	d := o.another()
	o.refreshed(d)
	if at, ok := d.Endpoint(hub.Shopify, one.Endpoint); !ok || len(at.Secrets) != 0 {
		t.Errorf("the locked app has %d secrets", len(at.Secrets))
	}
	if at, ok := d.Endpoint(hub.Shopify, two.Endpoint); !ok || len(at.Secrets) != 1 {
		t.Errorf("the other app has %d secrets", len(at.Secrets))
	}
	if locked := d.Locked(); len(locked) != 1 || locked[0] != one.App {
		t.Errorf("locked %v", locked)
	}
	wrong := NewDirectory(o.db, gdpr.NewKeys(fixedRoot{root: gdpr.NewRoot(1, [32]byte{5})}, o.vault, o.ids, o.Clock, gdpr.Options{}), &shelf{})
	if err := wrong.Refresh(t.Context()); hub.CodeOf(err) != gdpr.CodeRootMismatch {
		t.Errorf("with another root: %v", err)
	}
}

// While the vault is away a revocation still takes effect, known apps keep their secrets, and a new one gets them later.
func TestVaultAway(t *testing.T) {
	o := newOffice(t)
	ten := o.tenant("a")
	one := o.connect(shop(ten, "one"))
	k, text := o.key(NewKey{Tenant: ten, Role: RoleERP})
	d := o.another()
	d.opener = opener{d.opener, &o.vault.away}
	o.refreshed(d)
	two := o.connect(shop(ten, "two"))
	if err := o.RevokeKey(t.Context(), k.ID); err != nil {
		t.Fatal(err)
	}
	o.vault.away.Store(true)
	if err := d.Refresh(t.Context()); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("Refresh: %v", err)
	}
	if _, err := d.Authenticate(text); hub.KindOf(err) != hub.KindUnauthentic {
		t.Errorf("the revoked key: %v", err)
	}
	known, _ := d.Endpoint(hub.Shopify, one.Endpoint)
	fresh, found := d.Endpoint(hub.Shopify, two.Endpoint)
	if len(known.Secrets) != 1 || len(fresh.Secrets) != 0 || !found {
		t.Errorf("secrets %d and %d", len(known.Secrets), len(fresh.Secrets))
	}
	o.vault.away.Store(false)
	o.refreshed(d)
	if fresh, _ := d.Endpoint(hub.Shopify, two.Endpoint); len(fresh.Secrets) != 1 {
		t.Error("the new app has no secret after the vault came back")
	}
}

// Readers see one state: whoever finds a connection finds its tenant, its secret and all that was made before it.
func TestConsistentSnapshot(t *testing.T) {
	o := newOffice(t)
	const shops, hubs = 60, 3
	directories := make([]*Directory, hubs)
	for i := range directories {
		directories[i] = o.another()
	}
	var done atomic.Bool
	var wg sync.WaitGroup
	reads := atomic.Int64{}
	for _, d := range directories {
		wg.Go(func() {
			for !done.Load() {
				if err := d.Refresh(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
		wg.Go(func() {
			for !done.Load() {
				all := d.List()
				for _, c := range all.Connections {
					at, ok := d.Endpoint(hub.Shopify, c.Endpoint)
					if !ok || len(at.Secrets) != 1 || at.App.ID != c.App || !d.HasTenant(c.Tenant) {
						t.Errorf("a connection of version %d leads to %+v", all.Version, at)
						return
					}
				}
				if n := len(all.Connections); int64(n) != max(0, all.Version-1) {
					t.Errorf("version %d with %d connections", all.Version, n)
					return
				}
				reads.Add(1)
			}
		})
	}
	ten := o.tenant("a")
	for i := range shops {
		o.connect(shop(ten, fmt.Sprint("s", i)))
	}
	done.Store(true)
	wg.Wait()
	t.Logf("%d shops, %d hubs, %d consistent reads, 0 violations", shops, hubs, reads.Load())
}

// A shop that was released is free, nothing is taken at its former address, and its app knows that it has left, until it is
// back: by that app, or by what is the same to the platform.
func TestReleasedConnection(t *testing.T) {
	o := newOffice(t)
	a, b := o.tenant("acme"), o.tenant("bolt")
	old := o.connect(shop(a, "Lantern-Works"))
	change := func(f func(*Everything)) {
		t.Helper()
		f(&o.db.all)
		o.db.all.Version++
		o.refreshed(o.Directory)
	}
	release := func(id hub.ConnectionID, released bool) {
		t.Helper()
		change(func(all *Everything) {
			for i := range all.Connections {
				if all.Connections[i].ID == id {
					all.Connections[i].Released = released
				}
			}
		})
	}
	left := func(when string, d *Directory, app hub.AppID, want bool) {
		t.Helper()
		if got := d.Left(old.Platform, app, old.Account); got != want {
			t.Errorf("%s, the shop has left %s: %v", when, app, got)
		}
	}
	left("before", o.Directory, old.App, false)
	release(old.ID, true)
	if at, ok := o.Directory.Endpoint(old.Platform, old.Endpoint); ok {
		t.Errorf("late webhooks go to %+v", at)
	}
	for _, app := range []hub.AppID{"", old.App} {
		if at, ok := o.Directory.Account(old.Platform, app, old.Account); ok {
			t.Errorf("the shop is still of %+v", at.Connection)
		}
	}
	if c, ok := o.Directory.Connection(old.ID); !ok || !c.Released {
		t.Errorf("%+v, %v", c, ok)
	}
	left("released", o.Directory, old.App, true)
	left("released", o.Directory, "app_other", false)
	release(old.ID, false)
	left("back", o.Directory, old.App, false)
	if at, ok := o.Directory.Endpoint(old.Platform, old.Endpoint); !ok || at.Connection == nil || at.Connection.ID != old.ID {
		t.Errorf("back, and its webhooks go to %+v, %v", at, ok)
	}
	release(old.ID, true)
	next := o.connect(shop(b, "Lantern-Works"))
	if at, ok := o.Directory.Endpoint(old.Platform, old.Endpoint); ok {
		t.Errorf("late webhooks of the former owner go to %+v", at)
	}
	if at, ok := o.Directory.Account(old.Platform, "", old.Account); !ok || at.Connection.ID != next.ID {
		t.Errorf("the shop is of %+v, %v", at.Connection, ok)
	}
	left("somebody else's by another app", o.Directory, old.App, true)
	left("somebody else's by another app", o.Directory, next.App, false)
	restored := o.another()
	if err := restored.Restore(); err != nil {
		t.Fatal(err)
	}
	if at, ok := restored.Endpoint(old.Platform, old.Endpoint); ok {
		t.Errorf("from the copy, late webhooks go to %+v", at)
	}
	left("from the copy", restored, old.App, true)
	change(func(all *Everything) {
		for i := range all.Apps {
			all.Apps[i].ClientID = "one"
		}
	})
	left("somebody else's by the same app under another name", o.Directory, old.App, false)
}
