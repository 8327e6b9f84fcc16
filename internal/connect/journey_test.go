package connect

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// trip is one way to the platform, with what the browser holds.
type trip struct {
	*town
	s      *Service
	tenant hub.TenantID
	jar    map[string]string
	page   url.Values // what the platform's page was asked
}

// depart begins a way and goes to the platform.
func (w *town) depart(s *Service, tenant hub.TenantID, shop string) *trip {
	w.Helper()
	app := hub.AppID("")
	if tenant == "ten_b" {
		app = "app_1"
	}
	ctx := hub.WithActor(w.Context(), hub.Actor{Key: "key_of_" + hub.KeyID(tenant), Role: "merchant"})
	made, err := s.Begin(ctx, Wish{Tenant: tenant, Platform: hub.Shopee, App: app, Shop: shop})
	if err != nil {
		w.Fatal(err)
	}
	return w.open(s, tenant, made.URL)
}

func ticketOf(address string) string {
	_, ticket, _ := strings.Cut(address, "?ticket=")
	return ticket
}

func (w *town) open(s *Service, tenant hub.TenantID, address string) *trip {
	w.Helper()
	if !strings.HasPrefix(address, w.public+"/connect/shopee/begin?ticket=") {
		w.Fatalf("%q", address)
	}
	d, err := s.Depart(w.Context(), hub.Shopee, ticketOf(address))
	if err != nil {
		w.Fatal(err)
	}
	page, err := url.Parse(d.URL)
	if err != nil {
		w.Fatal(err)
	}
	return &trip{w, s, tenant, map[string]string{d.Cookie.Name: d.Cookie.Value}, page.Query()}
}

// back is the query with which the platform sends the browser back, for a shop whose owner said yes.
func (t *trip) back(shop string) url.Values {
	t.endpoint.mu.Lock()
	defer t.endpoint.mu.Unlock()
	t.endpoint.codes["code-"+shop+t.page.Get("state")] = ""
	return url.Values{"state": {t.page.Get("state")}, "code": {"code-" + shop + t.page.Get("state")}, "hmac": {"good"}, "shop": {shop}}
}

func (t *trip) arrive(q url.Values) (Arrival, error) {
	return t.s.Arrive(t.Context(), hub.Shopee, q, func(name string) string { return t.jar[name] })
}

// A shop is connected, checked, and has its first jobs; its owner may do so again, and then it has new tokens.
func TestConnect(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	trip := w.depart(s, "ten_a", "42")
	if trip.page.Get("client_id") != "c1" || trip.page.Get("shop") != "42" || trip.page.Get("redirect_uri") != w.apps[0].Redirect ||
		len(trip.page.Get("challenge")) != 43 || len(trip.page.Get("state")) != 43 {
		t.Errorf("the page is asked %v", trip.page)
	}
	a, err := trip.arrive(trip.back("42"))
	if err != nil || len(a.Shops) != 1 || a.Shops[0].Again || a.Shops[0].Report == nil || a.Tenant != "ten_a" || a.Cookie == "" {
		t.Fatalf("%+v, %v", a, err)
	}
	id := a.Shops[0].ID
	w.alive(id, "42")
	stored, _ := w.stored(id)
	if !stored.Started || stored.Report == nil || len(w.work.list) != 2 || w.base.audit[0] != "connect key_of_ten_a" {
		t.Errorf("%+v, work %v, audit %v", stored, w.work.list, w.base.audit)
	}
	again := w.depart(s, "ten_a", "")
	b, err := again.arrive(again.back("42"))
	if err != nil || !b.Shops[0].Again || b.Shops[0].ID != id || len(w.base.shops) != 1 {
		t.Fatalf("%+v, %v", b, err)
	}
	w.alive(id, "42")
	if token, err := s.Source.Token(t.Context(), id); err != nil || token != w.endpoint.accounts["42"].access {
		t.Errorf("%q, %v", token, err)
	}
	if stored, _ := w.stored(id); stored.Generation != 2 || len(w.work.list) != 4 {
		t.Errorf("%+v, %v", stored, w.work.list)
	}
}

// Everything about a way is used once, by the browser, tenant and platform that began it, in time.
func TestWaysAreUsedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*trip, url.Values)
		kind  hub.Kind
		code  hub.Code
	}{
		"no state":        {func(_ *trip, q url.Values) { q.Del("state") }, hub.KindNotFound, "state_unknown"},
		"two states":      {func(_ *trip, q url.Values) { q.Add("state", q.Get("state")) }, hub.KindNotFound, "state_unknown"},
		"wrong state":     {func(_ *trip, q url.Values) { q.Set("state", strings.Repeat("A", 43)) }, hub.KindNotFound, "state_unknown"},
		"a ticket":        {func(tr *trip, q url.Values) { q.Set("state", tr.ticket()) }, hub.KindNotFound, "state_unknown"},
		"long query":      {func(_ *trip, q url.Values) { q.Set("x", strings.Repeat("x", maxQuery)) }, hub.KindNotFound, "state_unknown"},
		"other browser":   {func(tr *trip, _ url.Values) { clear(tr.jar) }, hub.KindForbidden, "browser_other"},
		"stolen by other": {func(tr *trip, _ url.Values) { tr.jar = swap(tr) }, hub.KindForbidden, "browser_other"},
		"late":            {func(tr *trip, _ url.Values) { tr.clock.add(stepFor) }, hub.KindNotFound, "state_unknown"},
		"not signed":      {func(_ *trip, q url.Values) { q.Set("hmac", "bad") }, hub.KindUnauthentic, "hmac_wrong"},
		"said no":         {func(_ *trip, q url.Values) { q.Set("error", "access_denied") }, hub.KindForbidden, "denied"},
		"other shop":      {func(_ *trip, q url.Values) { q.Set("shop", "43") }, hub.KindConflict, "shop_other"},
		"no such code":    {func(_ *trip, q url.Values) { q.Set("code", "x") }, hub.KindPermanent, driver.CodeReconnect},
		"half an answer":  {func(tr *trip, _ url.Values) { tr.endpoint.fault = "half" }, hub.KindUnavailable, driver.CodeUnreadable},
		"520":             {func(tr *trip, _ url.Values) { tr.endpoint.fault = "520" }, hub.KindUnavailable, ""},
		"cut":             {func(tr *trip, _ url.Values) { tr.endpoint.fault = "cut" }, hub.KindUnknown, ""},
		"shop by tokens":  {func(tr *trip, q url.Values) { q.Del("shop"); tr.endpoint.fault = "other" }, hub.KindConflict, "shop_other"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t, single)
			trip := w.depart(w.service(), "ten_a", "42")
			q := trip.back("42")
			original := clone(q)
			c.spoil(trip, q)
			a, err := trip.arrive(q)
			if hub.KindOf(err) != c.kind || hub.CodeOf(err) != c.code || len(w.base.shops) != 0 || len(a.Shops) != 0 {
				t.Errorf("%v (%v %s), %d shops", err, hub.KindOf(err), hub.CodeOf(err), len(w.base.shops))
			}
			if name == "other shop" && w.endpoint.asked != 0 {
				t.Error("the code of another shop was used")
			}
			if err != nil && (strings.Contains(err.Error(), q.Get("code")) && q.Get("code") != "x" || strings.Contains(err.Error(), trip.page.Get("state"))) {
				t.Errorf("the error holds a secret: %v", err)
			}
			if c.code == "state_unknown" && name != "late" {
				return // the way itself was not found, and is as it was
			}
			if _, err := trip.arrive(original); hub.CodeOf(err) != "state_unknown" {
				t.Errorf("the way was used twice: %v", err)
			}
		})
	}
}

func clone(q url.Values) url.Values {
	c := url.Values{}
	for k, v := range q {
		c[k] = slices.Clone(v)
	}
	return c
}

// swap is the cookie jar of somebody who began a way of their own: the cookie of the victim's state holds their nonce.
func swap(tr *trip) map[string]string {
	other := tr.depart(tr.s, "ten_b", "42")
	for name := range tr.jar {
		for _, value := range other.jar {
			return map[string]string{name: value}
		}
	}
	return nil
}

func (t *trip) ticket() string {
	made, err := t.s.Begin(t.Context(), Wish{Tenant: "ten_a", Platform: hub.Shopee})
	if err != nil {
		t.Fatal(err)
	}
	return ticketOf(made.URL)
}

func TestTicketsAreUsedOnce(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	begin := func() string {
		made, err := s.Begin(t.Context(), Wish{Tenant: "ten_a", Platform: hub.Shopee})
		if err != nil {
			t.Fatal(err)
		}
		return ticketOf(made.URL)
	}
	unknown := func(p hub.Platform, ticket, what string) {
		t.Helper()
		if d, err := s.Depart(t.Context(), p, ticket); hub.CodeOf(err) != "ticket_unknown" || d.URL != "" {
			t.Errorf("%s: %+v, %v", what, d, err)
		}
	}
	seen := func(p hub.Platform, ticket string, want bool) {
		t.Helper()
		got, err := s.Look(t.Context(), p, ticket)
		if want && (err != nil || got.Tenant != "ten_a") || !want && (hub.CodeOf(err) != "ticket_unknown" || got != Prospect{}) {
			t.Errorf("looked at: %+v, %v", got, err)
		}
	}
	ticket := begin()
	seen(hub.Shopee, ticket, true)
	seen(hub.Shopee, ticket, true) // looking uses nothing up
	seen(hub.Shopify, ticket, false)
	seen(hub.Shopee, "x", false)
	w.open(s, "ten_a", w.public+"/connect/shopee/begin?ticket="+ticket)
	unknown(hub.Shopee, ticket, "twice")
	seen(hub.Shopee, ticket, false)
	unknown(hub.Shopify, begin(), "of a platform that is not spoken")
	s.Platforms[hub.MercadoLibre] = w.script
	unknown(hub.MercadoLibre, begin(), "of another platform")
	unknown(hub.Shopee, "", "empty")
	unknown(hub.Shopee, ticket+"=", "another spelling")
	trip := w.depart(s, "ten_a", "")
	unknown(hub.Shopee, trip.page.Get("state"), "a state")
	ticket = begin()
	w.clock.add(stepFor)
	seen(hub.Shopee, ticket, false)
	unknown(hub.Shopee, ticket, "late")

	// Of many browsers with one ticket, and with one state, one gets through.
	ticket = begin()
	var gone, came atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if _, err := s.Depart(t.Context(), hub.Shopee, ticket); err == nil {
				gone.Add(1)
			}
		})
	}
	trip = w.depart(s, "ten_a", "42")
	q := trip.back("42")
	for range 16 {
		group.Go(func() {
			if _, err := trip.arrive(q); err == nil {
				came.Add(1)
			}
		})
	}
	group.Wait()
	if gone.Load() != 1 || came.Load() != 1 || len(w.base.shops) != 1 {
		t.Errorf("%d went, %d came, %d shops", gone.Load(), came.Load(), len(w.base.shops))
	}
}

// Secrets of ways are stored as hashes and sealed, and the cookie is kept to the hub where browsers come by https.
func TestWaysAreStoredBlind(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	trip := w.depart(s, "ten_a", "42")
	for _, step := range w.base.steps {
		if step.Kind != State || step.Hash != hash(trip.page.Get("state")) || !strings.HasPrefix(string(step.Verifier), "#0|operatorconnect_steps") {
			t.Errorf("%+v", step)
		}
		for name, value := range trip.jar {
			if !strings.HasPrefix(name, "__Host-") || step.Browser != hash(value) {
				t.Errorf("cookie %s", name)
			}
		}
	}
	w.public = "http://127.0.0.1:8080"
	for name := range w.depart(s, "ten_a", "").jar {
		if strings.HasPrefix(name, "__Host-") {
			t.Errorf("cookie %s would be refused by a browser", name)
		}
	}
}

func TestBeginRefuses(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	for name, c := range map[string]struct {
		wish Wish
		code hub.Code
	}{
		"platform":    {Wish{Tenant: "ten_a", Platform: hub.Shopify}, "platform_unknown"},
		"shop":        {Wish{Tenant: "ten_a", Platform: hub.Shopee, Shop: "evil.example"}, "shop_invalid"},
		"foreign app": {Wish{Tenant: "ten_a", Platform: hub.Shopee, App: "app_2"}, "app_not_found"},
		"missing app": {Wish{Tenant: "ten_a", Platform: hub.Shopee, App: "app_9"}, "app_not_found"},
		"which app":   {Wish{Tenant: "ten_b", Platform: hub.Shopee}, "app_ambiguous"},
	} {
		if _, err := s.Begin(t.Context(), c.wish); hub.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.apps[0].ClientID = ""
	if _, err := s.Begin(t.Context(), Wish{Tenant: "ten_a", Platform: hub.Shopee}); hub.CodeOf(err) != "no_app" {
		t.Errorf("no client id: %v", err)
	}
	if len(w.base.steps) != 0 {
		t.Errorf("%d steps", len(w.base.steps))
	}
}

// A shop belongs to one connection. Under the same app its newest tokens go to the connection that has it, for the former are
// dead; under another they are given back. Who came second learns nothing but that it is taken.
func TestTakenShop(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_a", "42")
	trip := w.depart(s, "ten_b", "42")
	a, err := trip.arrive(trip.back("42"))
	if hub.CodeOf(err) != "shop_taken" || len(w.base.shops) != 1 || len(w.script.gone) != 0 || a.Shops[0].ID != "" || a.Shops[0].Tenant != "" {
		t.Errorf("%+v, %v, given back %v", a, err, w.script.gone)
	}
	w.alive("con_a", "42")
	if last := w.base.audit[len(w.base.audit)-1]; last != "reconnect " {
		t.Errorf("on record: %q", last)
	}
	for name, there := range map[string]Shop{
		"another app":         {ID: "con_x", Tenant: "ten_a", App: "app_9", Platform: hub.Shopee, Environment: "live", Account: "77"},
		"another environment": {ID: "con_y", Tenant: "ten_b", App: "app_8", Platform: hub.Shopee, Environment: "sandbox", Account: "78"},
	} {
		w.more = append(w.more, there)
		w.script.gone = nil
		trip = w.depart(s, "ten_b", there.Account)
		if _, err = trip.arrive(trip.back(there.Account)); hub.CodeOf(err) != "shop_taken" || len(w.base.shops) != 1 || !slices.Equal(w.script.gone, []string{there.Account}) {
			t.Errorf("%s: %v, given back %v", name, err, w.script.gone)
		}
	}
}

// A main account brings several shops; one that is taken does not keep the others out.
func TestMainAccount(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.more = []Shop{{ID: "con_x", Tenant: "ten_b", App: "app_2", Platform: hub.Shopee, Environment: "live", Account: "12"}}
	w.script.fanout = []string{"12", "13"}
	trip := w.depart(s, "ten_a", "")
	a, err := trip.arrive(trip.back("11"))
	if err != nil || len(a.Shops) != 3 || a.Shops[1].Code != "shop_taken" || len(w.base.shops) != 2 || !slices.Equal(w.script.gone, []string{"12"}) {
		t.Errorf("%+v, %v", a, err)
	}
	w.alive(a.Shops[0].ID, "11")
	w.alive(a.Shops[2].ID, "13")
}

// What a hub that died had not begun, another begins.
func TestUnstarted(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.work.err = &hub.Error{Kind: hub.KindUnavailable}
	trip := w.depart(s, "ten_a", "42")
	a, err := trip.arrive(trip.back("42"))
	if err != nil || len(w.work.list) != 0 {
		t.Fatal(err, w.work.list)
	}
	w.work.err = nil
	if list, err := s.Starts.Unstarted(t.Context(), w.clock.time().Add(time.Second), 10); err != nil || !slices.Equal(list, []hub.ConnectionID{a.Shops[0].ID}) {
		t.Errorf("%v, %v", list, err)
	}
	for range 2 {
		if err := s.start(t.Context(), a.Shops[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.work.list) != 2 {
		t.Errorf("%v", w.work.list)
	}
}

// The end: by somebody here, or at the platform, unless the tokens are others than those that were seen.
func TestEnd(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_1", "42")
	begun := w.clock.time()
	if changed, err := s.Grants.End(t.Context(), "con_1", "ten_a", CodeUninstalled, 2); err != nil || changed {
		t.Fatal(changed, err)
	}
	w.alive("con_1", "42")
	if err := s.Grants.Note(t.Context(), "con_1", 1, Note{GrantUntil: begun.Add(48 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if st, err := s.Status(t.Context(), "con_1"); err != nil || !st.GrantUntil.Equal(begun.Add(48*time.Hour)) || st.Standing != OK || len(st.Calls) != 1 {
		t.Errorf("%+v, %v", st, err)
	}
	before := w.changes
	told, err := s.Disconnect(t.Context(), "con_1")
	if w.changes == before {
		t.Error("the directory was not read again: the shop looks taken")
	}
	if err != nil || !told || !slices.Equal(w.script.gone, []string{"42"}) {
		t.Errorf("%v, %v", told, err)
	}
	row, _ := w.base.Get(t.Context(), "con_1")
	if row.Sealed != nil || row.Previous != nil || row.Standing != Disconnected {
		t.Errorf("%+v", row)
	}
	if token, err := s.Source.Token(t.Context(), "con_1"); hub.CodeOf(err) != driver.CodeReconnect || token != "" {
		t.Errorf("%q, %v", token, err)
	}
	w.clock.add(24 * time.Hour)
	w.look()
	if w.endpoint.asked != 0 {
		t.Error("refreshed after its end")
	}
	if _, err := s.Disconnect(t.Context(), "con_1"); err != nil || len(w.script.gone) != 1 {
		t.Errorf("twice: %v", err)
	}
	trip := w.depart(s, "ten_a", "42")
	if a, err := trip.arrive(trip.back("42")); err != nil || a.Shops[0].ID != "con_1" {
		t.Errorf("%+v, %v", a, err)
	}
	w.alive("con_1", "42")
	w.script.inspect = func() (driver.Shop, error) { return driver.Shop{}, reconnect(CodeRefused) }
	if err := s.Heard(t.Context(), "con_1"); err != nil {
		t.Fatal(err)
	}
	if st, err := s.Status(t.Context(), "con_1"); err != nil || st.Standing != Disconnected || st.Code != CodeDeauthorised || Told(st.Code) == "" {
		t.Errorf("%+v, %v", st, err)
	}
	if !slices.Contains(w.forgotten, "con_1") {
		t.Errorf("forgotten %v", w.forgotten)
	}
	w.more = append(w.more, Shop{ID: "con_hook", Tenant: "ten_a", App: "app_1", Platform: hub.Shopee})
	if st, err := s.Status(t.Context(), "con_hook"); err != nil || st.Standing != "" || st.Code != CodeNoTokens {
		t.Errorf("%+v, %v", st, err)
	}
	for range 2 {
		if told, err := s.Disconnect(t.Context(), "con_hook"); err != nil || told || len(w.script.gone) != 1 {
			t.Errorf("without tokens: %v, %v", told, err)
		}
		if st, err := s.Status(t.Context(), "con_hook"); err != nil || st.Standing != Disconnected || st.Code != CodeByUser {
			t.Errorf("without tokens, ended: %+v, %v", st, err)
		}
	}
}

// Each check says what to do.
func TestCheck(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_1", "42")
	w.apps[0].Scopes = []string{"read_orders", "read_products", "read_all_orders"}
	now := w.clock.time()
	for name, c := range map[string]struct {
		shop    driver.Shop
		repairs []driver.Repair
		public  string
		code    hub.Code
	}{
		"active":        {shop: driver.Shop{Active: false}, code: "shop_inactive"},
		"scopes":        {shop: driver.Shop{Active: true, Scopes: []string{"write_orders", "read_products"}}, code: "scope_missing"},
		"clock":         {shop: driver.Shop{Active: true, Now: now.Add(-5 * time.Minute)}, code: "clock_skew"},
		"history":       {shop: driver.Shop{Active: true, Back: 60 * 24 * time.Hour}, code: "history_short"},
		"grant":         {shop: driver.Shop{Active: true, RenewBy: now.Add(24 * time.Hour)}, code: "grant_ends"},
		"hook":          {shop: driver.Shop{Active: true}, public: "http://10.0.0.1", code: "hook_not_public"},
		"subscriptions": {shop: driver.Shop{Active: true}, repairs: []driver.Repair{{Code: "subscription_missing", Detail: "orders/create", Hint: "do"}}, code: "subscription_missing"},
		"odd":           {shop: driver.Shop{Active: true, Problems: []driver.Repair{{Code: "odd", Hint: "do"}}}, code: "odd"},
	} {
		w.public = "https://hub.example"
		if c.public != "" {
			w.public = c.public
		}
		w.script.inspect, w.script.repairs = func() (driver.Shop, error) { return c.shop, nil }, c.repairs
		r, err := s.Check(t.Context(), "con_1")
		if err != nil {
			t.Fatal(err)
		}
		wrong := 0
		for _, f := range r.Checks {
			if !f.OK {
				wrong++
				if f.Code != c.code || f.Hint == "" || f.Name != name {
					t.Errorf("%s: %+v", name, f)
				}
			}
		}
		if wrong != 1 || r.OK() {
			t.Errorf("%s: %d wrong: %+v", name, wrong, r.Checks)
		}
		if row, _ := w.base.Get(t.Context(), "con_1"); row.Report == nil || !row.CheckedAt.Equal(now) {
			t.Errorf("%s: not stored", name)
		}
		w.base.rows["con_1"].GrantUntil = time.Time{}
	}
	w.public, w.script.repairs = "https://hub.example", []driver.Repair{{Code: "subscription_missing", Detail: "orders/create", Mended: true}}
	w.script.inspect = nil
	for n := 1; n <= 25; n++ {
		if r, err := s.Check(t.Context(), "con_1"); err != nil || !r.OK() || len(r.Mended) != min(n, keepMended) {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	w.work.list = nil
	w.script.inspect = func() (driver.Shop, error) { return driver.Shop{}, &hub.Error{Kind: hub.KindUnavailable} }
	if err := s.DoCheck(t.Context(), "con_1"); hub.KindOf(err) != hub.KindUnavailable || len(w.work.list) != 0 {
		t.Errorf("away: %v", err)
	}
	w.script.inspect = nil
	if w.script.hook != "https://hub.example/hooks/shopee/e" {
		t.Errorf("subscriptions are held against %q", w.script.hook)
	}
	w.apps[0].HookURL = "https://hub.example/hooks/shopee/app"
	if err := s.DoCheck(t.Context(), "con_1"); err != nil || w.script.hook != w.apps[0].HookURL {
		t.Errorf("%v, subscriptions of an app that has an address for all shops are held against %q", err, w.script.hook)
	}
	w.work.list = nil
	if err := s.DoCheck(t.Context(), "con_1"); err != nil || !slices.Equal(w.work.list, []string{"connect.check con_1"}) {
		t.Errorf("%v, %v", err, w.work.list)
	}
}
