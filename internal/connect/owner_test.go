package connect

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// arrives connects a shop for a tenant.
func (w *town) arrives(s *Service, tenant hub.TenantID, shop string) (Connected, error) {
	w.Helper()
	trip := w.depart(s, tenant, shop)
	a, err := trip.arrive(trip.back(shop))
	if len(a.Shops) != 1 {
		w.Fatalf("%+v, %v", a, err)
	}
	return a.Shops[0], err
}

// A shop that was disconnected is free: somebody else may connect it, and then it is not its former owner's to take back,
// until it is free again.
func TestReleasedShop(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_a", "42")
	if _, err := s.Disconnect(t.Context(), "con_a"); err != nil {
		t.Fatal(err)
	}
	b, err := w.arrives(s, "ten_b", "42")
	if err != nil || b.Again || b.Tenant != "ten_b" || b.ID == "con_a" {
		t.Fatalf("%+v, %v", b, err)
	}
	w.alive(b.ID, "42")
	w.script.gone = nil
	if c, err := w.arrives(s, "ten_a", "42"); hub.CodeOf(err) != "shop_taken" || c.ID != "" || len(w.script.gone) != 0 {
		t.Errorf("the former owner: %+v, %v, given back %v", c, err, w.script.gone)
	}
	w.alive(b.ID, "42")
	if st, err := s.Status(t.Context(), "con_a"); err != nil || st.Standing != Disconnected {
		t.Errorf("the connection that is over: %+v, %v", st, err)
	}
	if _, err := s.Disconnect(t.Context(), b.ID); err != nil {
		t.Fatal(err)
	}
	if c, err := w.arrives(s, "ten_a", "42"); err != nil || c.ID != "con_a" || !c.Again || len(w.base.shops) != 2 {
		t.Errorf("the former owner comes back: %+v, %v, %d connections", c, err, len(w.base.shops))
	}
	w.alive("con_a", "42")
}

// A directory that is behind does not give a shop to two: the database has the last word, and the directory is read again.
func TestReleasedShopTakenMeanwhile(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_a", "42")
	if _, err := s.Disconnect(t.Context(), "con_a"); err != nil {
		t.Fatal(err)
	}
	trip := w.depart(s, "ten_a", "42")
	q := trip.back("42")
	hidden := Shop{ID: "con_b", Tenant: "ten_b", App: "app_2", Platform: hub.Shopee, Environment: "live", Account: "42"}
	w.base.mu.Lock()
	w.base.hidden = []NewShop{{hidden, "f"}} // another hub was faster, and this one has not heard of it
	w.base.mu.Unlock()
	s.Refresh = func(context.Context) error {
		w.base.mu.Lock()
		defer w.base.mu.Unlock()
		w.base.shops, w.base.hidden = append(w.base.shops, w.base.hidden...), nil
		return nil
	}
	if a, err := trip.arrive(q); hub.CodeOf(err) != "shop_taken" || a.Shops[0].ID != "" || !slices.Equal(w.script.gone, []string{"42", "42"}) {
		t.Errorf("%+v, %v, given back %v", a, err, w.script.gone)
	}
	// While it cannot be known whose the shop is, nothing is given back that somebody may live by.
	w.base.hidden, w.base.shops, w.script.gone = []NewShop{{hidden, "f"}}, w.base.shops[:1], nil
	trip = w.depart(s, "ten_a", "42")
	s.Refresh = func(context.Context) error { return &hub.Error{Kind: hub.KindUnavailable} }
	if a, err := trip.arrive(trip.back("42")); hub.CodeOf(err) != "shop_taken" || a.Shops[0].ID != "" || len(w.script.gone) != 0 {
		t.Errorf("%+v, %v, given back %v", a, err, w.script.gone)
	}
}

// A connection that only received webhooks is authorised by its own tenant, in its own environment, and stays the same one.
func TestUpgrade(t *testing.T) {
	for name, c := range map[string]struct {
		tenant      hub.TenantID
		environment string
		upgraded    bool
	}{
		"its own":             {"ten_b", "live", true},
		"another tenant's":    {"ten_a", "live", false},
		"another environment": {"ten_b", "sandbox", false},
	} {
		w := newTown(t, single)
		s := w.service()
		w.apps = append(w.apps, App{driver.App{Secrets: []string{"hook"}, Environment: c.environment}, "app_hook", c.tenant, hub.Shopee, ""})
		w.base.shops = []NewShop{{Shop{ID: "con_hook", Tenant: c.tenant, App: "app_hook", Platform: hub.Shopee, Environment: c.environment, Account: "42"}, "e"}}
		got, err := w.arrives(s, "ten_b", "42")
		shop, _ := w.Shop("con_hook")
		if c.upgraded {
			if err != nil || got.ID != "con_hook" || !got.Again || shop.App != "app_1" || len(w.base.shops) != 1 {
				t.Errorf("%s: %+v, %v, now by %s", name, got, err, shop.App)
			}
			w.alive("con_hook", "42")
			continue
		}
		if hub.CodeOf(err) != "shop_taken" || got.ID != "" || shop.App != "app_hook" || len(w.base.shops) != 1 || !slices.Equal(w.script.gone, []string{"42"}) {
			t.Errorf("%s: %+v, %v, now by %s, given back %v", name, got, err, shop.App, w.script.gone)
		}
	}
}

// What is one app to the platform is one, whatever it is called here: giving its grant back would end the connection that
// lives by it, so the pair goes there.
func TestOneAppTwice(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.apps[1].ClientID = w.apps[0].ClientID
	w.connected("con_a", "42")
	made, err := s.Begin(t.Context(), Wish{Tenant: "ten_b", Platform: hub.Shopee, App: "app_2"})
	if err != nil {
		t.Fatal(err)
	}
	trip := w.open(s, "ten_b", made.URL)
	if a, err := trip.arrive(trip.back("42")); hub.CodeOf(err) != "shop_taken" || len(w.script.gone) != 0 || a.Shops[0].ID != "" {
		t.Errorf("%+v, %v, given back %v", a, err, w.script.gone)
	}
	w.alive("con_a", "42")
	if there, _ := w.Shop("con_a"); there.App != "app_1" {
		t.Errorf("it goes on by %s", there.App)
	}
}

// A grant that feeds somebody's webhooks by the same app is not given back: they would end with it.
func TestGrantOfAHook(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.base.shops = []NewShop{{Shop{ID: "con_hook", Tenant: "ten_a", App: "app_1", Platform: hub.Shopee, Environment: "live", Account: "42"}, "e"}}
	if c, err := w.arrives(s, "ten_b", "42"); hub.CodeOf(err) != "shop_taken" || c.ID != "" || len(w.script.gone) != 0 {
		t.Errorf("%+v, %v, given back %v", c, err, w.script.gone)
	}
	if _, err := w.base.Get(t.Context(), "con_hook"); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("it has somebody else's tokens: %v", err)
	}
}

// News about the permission is a hint: the platform is asked, and only its own refusal ends a connection.
func TestHeard(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_1", "42")
	if err := s.Heard(t.Context(), "con_1"); err != nil {
		t.Fatal(err)
	}
	w.alive("con_1", "42") // whoever said so was wrong, or late
	if row, _ := w.stored("con_1"); row.Report == nil {
		t.Error("it was not looked at")
	}
	w.script.inspect = func() (driver.Shop, error) { return driver.Shop{}, &hub.Error{Kind: hub.KindUnavailable} }
	if err := s.Heard(t.Context(), "con_1"); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("while the platform is away: %v", err)
	}
	w.alive("con_1", "42")
	w.script.inspect = func() (driver.Shop, error) { return driver.Shop{}, reconnect(CodeRefused) }
	if err := s.Heard(t.Context(), "con_1"); err != nil {
		t.Fatal(err)
	}
	if st, err := s.Status(t.Context(), "con_1"); err != nil || st.Standing != Disconnected || st.Code != CodeDeauthorised {
		t.Errorf("%+v, %v", st, err)
	}
	if len(w.base.audit) == 0 || w.base.audit[len(w.base.audit)-1] != "end" || !slices.Equal(w.forgotten, []hub.ConnectionID{"con_1"}) {
		t.Errorf("audit %v, forgotten %v", w.base.audit, w.forgotten)
	}
	for range 2 { // late repetitions
		if err := s.Heard(t.Context(), "con_1"); err != nil {
			t.Error(err)
		}
	}
	if n := len(w.base.audit); w.base.audit[n-1] == "end" && w.base.audit[n-2] == "end" {
		t.Errorf("ended twice: %v", w.base.audit)
	}
	// The owner who comes back while the platform is being asked is not thrown out by what it said before.
	w.script.inspect = nil
	if _, err := w.arrives(s, "ten_a", "42"); err != nil {
		t.Fatal(err)
	}
	w.script.inspect = func() (driver.Shop, error) {
		w.clock.add(time.Second)
		w.script.inspect = nil
		if _, err := w.arrives(s, "ten_a", "42"); err != nil {
			t.Error(err)
		}
		return driver.Shop{}, reconnect(CodeRefused)
	}
	if err := s.Heard(t.Context(), "con_1"); err != nil {
		t.Fatal(err)
	}
	w.alive("con_1", "42")
	if err := s.Heard(t.Context(), "con_unknown"); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("a connection that this hub has not heard of: %v", err)
	}
	w.more = append(w.more, Shop{ID: "con_hook", Tenant: "ten_a", App: "app_1", Platform: hub.Shopee})
	if err := s.Heard(t.Context(), "con_hook"); err != nil {
		t.Errorf("one that only receives webhooks: %v", err)
	}
}

// A platform that refuses to answer a check is shown with what it said, and asked again.
func TestRefusedCheck(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_1", "42")
	for name, c := range map[string]struct {
		err  *hub.Error
		code hub.Code
	}{
		"gone":     {&hub.Error{Kind: hub.KindNotFound}, "shop_not_found"},
		"refused":  {&hub.Error{Kind: hub.KindForbidden, Code: "scope_missing"}, "scope_missing"},
		"not told": {&hub.Error{Kind: hub.KindPermanent}, "permanent"},
	} {
		w.work.list = nil
		w.script.inspect = func() (driver.Shop, error) { return driver.Shop{}, c.err }
		if err := s.DoCheck(t.Context(), "con_1"); err != nil || !slices.Equal(w.work.list, []string{"connect.check con_1"}) {
			t.Errorf("%s: %v, %v", name, err, w.work.list)
		}
		st, err := s.Status(t.Context(), "con_1")
		if err != nil || st.Report == nil || st.Report.OK() || len(st.Report.Checks) != 1 || st.Report.Checks[0].Code != c.code || st.Report.Checks[0].Hint == "" {
			text, _ := json.Marshal(st.Report)
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}

// The country of a page goes all the way to it.
func TestSite(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	made, err := s.Begin(t.Context(), Wish{Tenant: "ten_a", Platform: hub.Shopee, Site: "MLB"})
	if err != nil || w.script.site != "MLB" {
		t.Fatalf("%q, %v", w.script.site, err)
	}
	w.script.site = ""
	w.open(s, "ten_a", made.URL)
	if w.script.site != "MLB" {
		t.Errorf("the page is asked for site %q", w.script.site)
	}
}
