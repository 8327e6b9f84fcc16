package app

import (
	"context"
	"testing"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/connect"
	"hub/internal/tenancy"
)

// The key of a connection's tokens is gone from the vault when the connection has ended, also when the hub was killed between
// the two, and the ledger says why. A connection that was back by then keeps its key.
func TestKeyOfAnEndedConnection(t *testing.T) {
	folder := t.TempDir()
	ctx := hub.WithActor(context.WithoutCancel(t.Context()), hub.Actor{Key: "key_1", Role: "operator"})
	must := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	h := openedOn(t, folder)
	tenant, err := h.tenancy.CreateTenant(ctx, tenancy.NewTenant{Name: "a"})
	must(err)
	app, err := h.tenancy.CreateApp(ctx, tenancy.NewApp{Platform: hub.Shopee, Name: "ours", Environment: "live", Secrets: []string{"CANARY-secret-1"}, ClientID: "1"})
	must(err)
	grant := func(id hub.ConnectionID, life int64) connect.Grant {
		t.Helper()
		place := gdpr.Place{Tenant: tenant.ID, Table: "connect_tokens", Row: string(id), Class: hub.P1}
		sealed, err := h.keys.SealCredential(ctx, gdpr.CredentialOwner{Connection: id, Life: life}, place, []byte("CANARY-token"))
		must(err)
		return connect.Grant{Sealed: sealed, Life: life, At: h.o.Clock()}
	}
	var shops []connect.NewShop
	for _, account := range []string{"41", "42", "43"} {
		shop := connect.NewShop{Shop: connect.Shop{ID: hub.ConnectionID(h.ids.New(hub.ConnectionPrefix)), Tenant: tenant.ID, App: app.ID,
			Platform: hub.Shopee, Environment: "live", Account: account}, Endpoint: "endpoint-of-" + account}
		must(h.store.Connect().Connect(ctx, shop, grant(shop.ID, 0)))
		shops = append(shops, shop)
	}
	lives := func(when string, shop connect.NewShop, life int64, want bool) {
		t.Helper()
		id, err := h.keys.Credential(ctx, tenant.ID, gdpr.CredentialOwner{Connection: shop.ID, Life: life})
		if must(err); (id != "") != want {
			t.Errorf("%s, shop %s has the key %q of life %d, want one: %v", when, shop.Account, id, life, want)
		}
	}
	for _, shop := range shops[:2] {
		_, err := h.store.Connect().End(ctx, shop.ID, tenant.ID, connect.CodeByUser, 0)
		must(err) // and the hub is killed
	}
	must(h.close())

	h = openedOn(t, folder)
	defer func() { must(h.close()) }()
	must(h.store.Connect().Reconnect(ctx, shops[1].Shop, grant(shops[1].ID, 1), 0))
	for _, shop := range shops {
		lives("before", shop, 0, true)
	}
	_, err = h.connect.Disconnect(ctx, shops[2].ID) // which goes by what the database says, as every hub does every few seconds
	must(err)
	for _, shop := range shops {
		lives("after", shop, 0, false)
	}
	lives("after", shops[1], 1, true)
	entries, err := h.store.Vault().Entries(ctx, 0, 100)
	must(err)
	for _, e := range entries {
		if e.What != forget.Killed || e.Reason != forget.ReasonEnded || e.Tenant != tenant.ID {
			t.Errorf("%+v", e)
		}
	}
	left, err := h.store.Connect().Ended(ctx, 10)
	if must(err); len(entries) != 3 || len(left) != 0 {
		t.Errorf("%d entries in the ledger, %d keys still to be killed", len(entries), len(left))
	}
	told, err := h.store.Subjects().ShardEntries(ctx, h.store.Of(tenant.ID), "", 10)
	if must(err); len(told) != 3 {
		t.Errorf("the shard knows of %d", len(told))
	}
}
