package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/internal/config"
	"hub/internal/connect"
	"hub/internal/fetch"
	"hub/internal/intake"
	"hub/internal/jobs"
	"hub/internal/tenancy"
)

// opened is a small hub that does not run.
func opened(t *testing.T) *Hub {
	t.Helper()
	h := openedOn(t, t.TempDir())
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// openedOn is a small hub on a folder.
func openedOn(t *testing.T, folder string) *Hub {
	t.Helper()
	cfg, _, err := config.Load(config.Input{Flags: map[string]string{
		"data": folder, "sqlite_shards": "2", "listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0",
	}})
	if err != nil {
		t.Fatal(err)
	}
	h, err := Open(t.Context(), cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// stored counts the jobs of a kind.
func stored(t *testing.T, h *Hub, kind string) (n int64) {
	t.Helper()
	list, err := h.store.Jobs().Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if c.Kind == kind {
			n += c.Jobs
		}
	}
	return n
}

// Each app whose platform keeps what it could not deliver has one job, however often and by how many hubs it is asked for, and the
// job has itself done again.
func TestLostJobs(t *testing.T) {
	h := opened(t)
	ctx := hub.WithActor(t.Context(), hub.Actor{Key: "key_1", Role: "operator"})
	tenant, err := h.tenancy.CreateTenant(ctx, tenancy.NewTenant{Name: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	var apps []tenancy.App
	for _, n := range []tenancy.NewApp{
		{Platform: hub.Shopee, Name: "ours", ClientID: "2001887"}, {Platform: hub.MercadoLibre, Name: "theirs", ClientID: "123", Tenant: tenant.ID},
		{Platform: hub.Shopify, Name: "keeps nothing", ClientID: "c"}, {Platform: hub.Shopee, Name: "only webhooks"},
	} {
		n.Environment, n.Secrets = "live", []string{"CANARY-secret-1"}
		a, err := h.tenancy.CreateApp(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		apps = append(apps, a)
	}
	for range 3 { // three hubs, or one that starts three times
		h.seedLost(ctx, map[hub.AppID]time.Time{})
	}
	if n := stored(t, h, string(fetch.Lost)); n != 2 {
		t.Errorf("%d jobs for two apps", n)
	}
	handle := h.kinds()[string(fetch.Lost)].Handle
	for i, owner := range []hub.TenantID{hub.Operator, tenant.ID} {
		job := jobs.Job{Ref: jobs.Ref{Lane: jobs.Lane{Kind: string(fetch.Lost), Tenant: owner}, Key: hub.ExternalID(apps[i].ID)}}
		if err := handle(ctx, job); err != nil {
			t.Errorf("an app without shops: %v", err)
		}
	}
	if err := handle(ctx, jobs.Job{Ref: jobs.Ref{Key: "app_gone"}}); err != nil {
		t.Errorf("an app that is gone: %v", err)
	}
	if n := stored(t, h, string(fetch.Lost)); n != 2 {
		t.Errorf("%d jobs for two apps, after they were done", n)
	}
}

// News of a connection that this hub has not heard of yet waits: it is never given up.
func TestHeardJob(t *testing.T) {
	h := opened(t)
	kind, known := h.kinds()[connect.JobHeard]
	if !known || kind.PerConnection != 1 {
		t.Fatalf("%+v", kind)
	}
	err := kind.Handle(context.WithoutCancel(t.Context()), jobs.Job{Ref: jobs.Ref{Lane: jobs.Lane{Tenant: "ten_a", Connection: "con_unknown"}}})
	if hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("%v", err)
	}
}

// What a scrape says of calls comes from all apps, and a shop that is over is forgotten.
func TestCallsOfAHub(t *testing.T) {
	h := opened(t)
	if list := h.calls.sums(); len(list) != 0 {
		t.Errorf("before any call: %+v", list)
	}
	a := connect.App{ID: "app_1", Platform: hub.Shopee}
	a.ClientID, a.Secrets, a.Environment, a.Base = "2001887", []string{"s"}, "sandbox", "http://127.0.0.1:1"
	shop := connect.Shop{ID: "con_1", Tenant: "ten_a", App: "app_1", Platform: hub.Shopee, Environment: "sandbox", Account: "42"}
	if _, err := h.connect.Platforms[hub.Shopee].Inspect(t.Context(), h.calls.Bearer(a, shop, "token"), a.App, "42"); hub.KindOf(err) != hub.KindUnavailable {
		t.Fatalf("nobody listens, and: %v", err)
	}
	if list := h.calls.sums(); len(list) != 1 || list[0].Platform != hub.Shopee || list[0].Least > 1 {
		t.Errorf("after a call: %+v", list)
	}
	h.calls.Forget(shop)
	if list := h.calls.sums(); len(list) != 0 {
		t.Errorf("after its end: %+v", list)
	}
}

// Nobody keeps what still comes for a shop that has left: its own address is gone, and what comes to its app for it is
// answered and dropped. An unknown shop's is kept for the operator. A connection that only receives webhooks ends alike.
func TestDeliveriesOfAReleasedShop(t *testing.T) {
	h := opened(t)
	ctx := hub.WithActor(t.Context(), hub.Actor{Key: "key_1", Role: "operator"})
	const secret, address = "CANARY-secret-1", "https://hub.example/hooks/shopee/ours"
	app, err := h.tenancy.CreateApp(ctx, tenancy.NewApp{Platform: hub.Shopee, Name: "ours", Environment: "live", Secrets: []string{secret}, ClientID: "1", HookURL: address})
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := h.tenancy.CreateTenant(ctx, tenancy.NewTenant{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	shop := connect.NewShop{Shop: connect.Shop{
		ID: hub.ConnectionID(h.ids.New(hub.ConnectionPrefix)), Tenant: tenant.ID, App: app.ID, Platform: hub.Shopee, Environment: "live", Account: "42",
	}, Endpoint: "endpoint-of-a"}
	if err := h.store.Connect().Connect(ctx, shop, connect.Grant{Sealed: []byte{1}, At: h.o.Clock()}); err != nil {
		t.Fatal(err)
	}
	hooked, err := h.tenancy.CreateConnection(ctx, tenancy.NewConnection{Tenant: tenant.ID, Platform: hub.Shopee, Environment: "live", Shop: "43", Secrets: []string{secret}})
	if err != nil {
		t.Fatal(err)
	}
	work, stop := context.WithCancel(ctx)
	var drains sync.WaitGroup
	for _, d := range h.drainers {
		drains.Go(func() { _ = d.Run(work) })
	}
	t.Cleanup(drains.Wait)
	t.Cleanup(stop)
	parked := func(when string, tenants, operators int) {
		t.Helper()
		for _, d := range h.drainers {
			if err := d.WaitFor(ctx, h.log.Synced()); err != nil {
				t.Fatal(err)
			}
		}
		for who, want := range map[hub.TenantID]int{tenant.ID: tenants, hub.Operator: operators} {
			list, err := h.store.Intake().Parked(ctx, who, intake.ParkedFilter{}, "", 10)
			if err != nil || len(list) != want {
				t.Errorf("%s: %s has %d deliveries, want %d; %v", when, who, len(list), want, err)
			}
		}
	}
	n := 0
	deliver := func(token, url, shop string) error {
		n++
		body := fmt.Sprintf(`{"shop_id":%s,"code":99,"timestamp":%d}`, shop, n) // a code that nobody knows is parked
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(url + "|" + body))
		header := http.Header{"Authorization": {hex.EncodeToString(mac.Sum(nil))}}
		return h.accept.Accept(ctx, intake.Request{Platform: hub.Shopee, Token: token, Header: header, Body: []byte(body)})
	}
	take := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	own := func() error {
		return deliver(hooked.Endpoint, tenancy.HookPath(hub.Shopee, hooked.Endpoint), "43")
	}
	take("a shop that is there", deliver(app.Endpoint, address, "42"))
	take("a shop by its own address", own())
	parked("connected", 2, 0)
	for _, c := range []hub.ConnectionID{shop.ID, hooked.ID} {
		for range 2 {
			if told, err := h.connect.Disconnect(ctx, c); err != nil || told {
				t.Fatal(told, err)
			}
		}
		if st, err := h.connect.Status(ctx, c); err != nil || st.Standing != connect.Disconnected {
			t.Errorf("%+v, %v", st, err)
		}
	}
	take("a shop that has left", deliver(app.Endpoint, address, "42"))
	take("a shop that nobody knows", deliver(app.Endpoint, address, "44"))
	if err := own(); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("the address of a connection that has ended: %v", err)
	}
	parked("disconnected", 2, 1)
	again, err := h.tenancy.CreateConnection(ctx, tenancy.NewConnection{Tenant: tenant.ID, Platform: hub.Shopee, Environment: "live", Shop: "43", Secrets: []string{secret}})
	if err != nil || again.ID == hooked.ID {
		t.Errorf("the shop is not free: %+v, %v", again, err)
	}
}

// A shop without its owner's permission costs nothing: its standing work ends. When the owner is back orders are polled at once,
// whatever the work had been put off for, and if the owner comes back while it runs, too.
func TestStandingWorkOfOwners(t *testing.T) {
	h := opened(t)
	ctx := hub.WithActor(t.Context(), hub.Actor{Key: "key_1", Role: "operator"})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	app, err := h.tenancy.CreateApp(ctx, tenancy.NewApp{Platform: hub.Shopify, Name: "ours", Environment: "live", Secrets: []string{"CANARY-secret-1"}, ClientID: "c"})
	must(err)
	tenant, err := h.tenancy.CreateTenant(ctx, tenancy.NewTenant{Name: "a"})
	must(err)
	shop := connect.NewShop{Shop: connect.Shop{
		ID: hub.ConnectionID(h.ids.New(hub.ConnectionPrefix)), Tenant: tenant.ID, App: app.ID, Platform: hub.Shopify, Environment: "live",
		Account: "loja.myshopify.com",
	}, Endpoint: "endpoint-of-a"}
	kept, kinds, shard := h.store.Connect(), h.kinds(), h.store.Of(tenant.ID)
	grant := func() connect.Grant { return connect.Grant{Sealed: []byte{1}, At: h.o.Clock()} }
	job := jobs.Job{Ref: jobs.Ref{Lane: jobs.Lane{Tenant: tenant.ID, Connection: shop.ID}}}
	do := func(kind string, key hub.ExternalID) error {
		j := job
		j.Kind, j.Key = kind, key
		return kinds[kind].Handle(ctx, j)
	}
	claim := func(kind fetch.Work) []jobs.Claimed {
		t.Helper()
		list, err := h.store.Jobs().Claim(ctx, shard, jobs.Ask{Kind: string(kind), Holder: "test", Limit: 9, Lease: time.Minute})
		must(err)
		return list
	}
	finish := func(o jobs.Outcome, list ...jobs.Claimed) {
		t.Helper()
		for _, c := range list {
			r := jobs.Result{Claim: c.Claim(), Outcome: o, DueAt: h.o.Clock().Add(time.Hour), Code: "reconnect_needed"}
			lost, err := h.store.Jobs().Finish(ctx, shard, []jobs.Result{r})
			if must(err); len(lost) != 0 {
				t.Fatal("a claim is lost")
			}
		}
	}
	work := []fetch.Work{fetch.Poll, fetch.Backfill}
	resumed := func(when string, then jobs.Outcome) {
		t.Helper()
		must(do(connect.JobBackfill, ""))
		for _, kind := range work {
			got := claim(kind)
			if len(got) != 1 {
				t.Errorf("%s: %d jobs of %s are due", when, len(got), kind)
			}
			must(do(connect.JobBackfill, "")) // the owner is back once more
			finish(then, got...)
			if got = claim(kind); len(got) != 1 {
				t.Errorf("%s, and while it ran: %d jobs of %s are due", when, len(got), kind)
			}
			finish(jobs.PutOff, got...)
		}
	}
	for _, kind := range append(work, fetch.Lost) {
		if !kinds[string(kind)].Endless {
			t.Errorf("%s can be given up, and nobody would begin it again", kind)
		}
	}
	must(kept.Connect(ctx, shop, grant()))
	must(h.tenancy.Directory.Refresh(ctx))
	resumed("connected", jobs.PutOff)
	leased, err := kept.Lease(ctx, shop.ID, "test", time.Minute)
	must(err)
	must(kept.Save(ctx, shop.ID, leased.Epoch, connect.Outcome{Standing: connect.ReconnectNeeded, Code: "grant_ended"}))
	ended := func(when string) {
		t.Helper()
		must(do(connect.JobBackfill, ""))
		for _, kind := range work {
			if err := do(string(kind), ""); err != nil {
				t.Errorf("%s: %s: %v", when, kind, err)
			}
			finish(jobs.Done, claim(kind)...)
			if n := stored(t, h, string(kind)); n != 0 {
				t.Errorf("%s: %d jobs of %s are left", when, n, kind)
			}
		}
	}
	ended("without permission")
	if err := do(string(fetch.Order), "1"); hub.RetryAfterOf(err) != unauthorised {
		t.Errorf("an order of a shop whose owner is to authorise again: %v", err)
	}
	must(kept.Reconnect(ctx, shop.Shop, grant(), 0))
	resumed("reconnected", jobs.Done)
	if list := (compared{h.calls}).All(); len(list) != 1 {
		t.Errorf("days of %d shops are looked at, want one", len(list))
	}
	_, err = h.connect.Disconnect(ctx, shop.ID)
	must(err)
	if list := (compared{h.calls}).All(); len(list) != 0 {
		t.Errorf("days of %d shops are looked at that nobody can ask", len(list))
	}
	ended("disconnected")
	if err := do(string(fetch.Order), "1"); err != nil {
		t.Errorf("an order of a shop that is disconnected: %v", err)
	}
}
