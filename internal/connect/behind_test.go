package connect

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// behind is a directory that has not heard of the last changes.
type behind struct {
	*town
	app  hub.AppID                 // that connections are thought to go by
	held map[hub.ConnectionID]bool // thought not to be released
}

func (b behind) seen(s Shop) Shop {
	if b.app != "" {
		s.App = b.app
	}
	s.Released = s.Released && !b.held[s.ID]
	return s
}

func (b behind) Shop(id hub.ConnectionID) (Shop, bool) {
	s, ok := b.town.Shop(id)
	return b.seen(s), ok
}

func (b behind) Account(p hub.Platform, n string) (list []Shop) {
	for _, s := range b.town.Account(p, n) {
		list = append(list, b.seen(s))
	}
	return list
}

// strict is a platform that takes a refresh token from the app that has it alone, as all three do.
type strict struct {
	*endpoint
	owner string
}

func (s strict) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	q, err := url.ParseQuery(string(body))
	if err == nil && q.Get("refresh") != "" && r.Header.Get("Signed-By") != s.owner {
		return say(400, `{"Error":"invalid_grant"}`), nil
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return s.endpoint.RoundTrip(r)
}

// A pair is refreshed and used by the app that won it. A hub that has not heard of that app leaves it alone, for a moment.
func TestPairOfAnotherApp(t *testing.T) {
	w := newTown(t, single)
	w.connected("con_a", "42") // by app_1, whose client is c1
	r, s := w.hub("hub-2"), w.service()
	r.Directory, s.Directory = behind{town: w, app: "app_2"}, behind{town: w, app: "app_2"}
	send := Send{Transport: func(driver.App) Transport { return strict{w.endpoint, "c1"} }, Errands: w.base}
	r.Direct, r.Keeper = send, send
	if err := r.Renew(t.Context(), "con_a", 1); hub.KindOf(err) != hub.KindUnavailable || hub.CodeOf(err) != CodeBehind || Told(CodeBehind) == "" {
		t.Errorf("%v", err)
	}
	w.alive("con_a", "42")
	asked := 0
	w.script.inspect = func() (driver.Shop, error) { asked++; return driver.Shop{}, reconnect(CodeRefused) }
	if err := s.Heard(t.Context(), "con_a"); hub.CodeOf(err) != CodeBehind || asked != 0 {
		t.Errorf("checked by the wrong app: %v, asked %d times", err, asked)
	}
	w.script.inspect = nil
	if err := s.DoCheck(t.Context(), "con_a"); hub.CodeOf(err) != CodeBehind {
		t.Errorf("%v", err)
	}
	// It has heard of it now; what a refresh brings belongs to the app, too.
	r.Directory = w
	w.clock.add(time.Minute)
	if err := r.Renew(t.Context(), "con_a", 1); err != nil {
		t.Fatal(err)
	}
	w.alive("con_a", "42")
	if _, p := w.stored("con_a"); p.App != "app_1" {
		t.Errorf("the next pair is of app %q", p.App)
	}
	// Rows from before the app was noted go on as they are.
	g, err := sealer{w.vault}.grant(t.Context(), Shop{ID: "con_a", Tenant: "ten_a"}, 0, "", driver.Token{Account: "42", Access: w.endpoint.accounts["42"].access, Refresh: w.endpoint.accounts["42"].refresh}, single, w.clock.time(), w.jitter)
	if err == nil {
		err = w.base.Reconnect(t.Context(), Shop{ID: "con_a", Tenant: "ten_a", App: "app_1"}, g, 0)
	}
	if err == nil {
		err = r.Renew(t.Context(), "con_a", w.generation("con_a"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, p := w.stored("con_a"); p.App != "" {
		t.Errorf("a pair of which the app was not known is of app %q", p.App)
	}
	w.alive("con_a", "42")
}

// A shop is refused, and a grant given back, by what is stored now and not by a directory that is behind.
func TestBehindAboutARelease(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_a", "42")
	if _, err := s.Disconnect(t.Context(), "con_a"); err != nil {
		t.Fatal(err)
	}
	w.script.gone = nil
	b := behind{town: w, held: map[hub.ConnectionID]bool{"con_a": true}}
	s.Directory = b
	s.Refresh = func(context.Context) error { delete(b.held, "con_a"); return nil }
	if c, err := w.arrives(s, "ten_b", "42"); err != nil || c.Tenant != "ten_b" || len(w.script.gone) != 0 {
		t.Errorf("%+v, %v, given back %v", c, err, w.script.gone)
	}
}

func TestBehindAboutAnApp(t *testing.T) {
	for name, away := range map[string]bool{"read again": false, "not to be read": true} {
		w := newTown(t, single)
		s := w.service()
		w.connected("con_a", "42") // by app_1 now
		w.apps = append(w.apps, App{driver.App{ClientID: "c9", Secrets: []string{"s"}, Environment: "live", Redirect: w.apps[0].Redirect}, "app_9", "ten_a", hub.Shopee, ""})
		s.Directory = behind{town: w, app: "app_9"} // by which it went before
		s.Refresh = func(context.Context) error {
			if away {
				return &hub.Error{Kind: hub.KindUnavailable}
			}
			s.Directory = w
			return nil
		}
		if c, err := w.arrives(s, "ten_b", "42"); hub.CodeOf(err) != "shop_taken" || c.ID != "" || len(w.script.gone) != 0 {
			t.Errorf("%s: %+v, %v, given back %v", name, c, err, w.script.gone)
		}
		if !away {
			w.alive("con_a", "42")
		}
	}
}

// A connection that is to be authorised again still has its webhooks by the app: a grant that is given back would end them.
func TestGrantOfOneThatWaits(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_a", "42")
	row := w.base.rows["con_a"]
	row.Standing, row.Code, row.DueAt = ReconnectNeeded, CodeLost, time.Time{}
	if c, err := w.arrives(s, "ten_b", "42"); hub.CodeOf(err) != "shop_taken" || c.ID != "" || len(w.script.gone) != 0 || row.Standing != ReconnectNeeded {
		t.Errorf("%+v, %v, given back %v, now %s", c, err, w.script.gone, row.Standing)
	}
}

// between lets something happen before a connection gets tokens again.
type between struct {
	Grants
	before func()
}

func (b *between) Reconnect(ctx context.Context, s Shop, g Grant, seen int64) error {
	if f := b.before; f != nil {
		b.before = nil
		f()
	}
	return b.Grants.Reconnect(ctx, s, g, seen)
}

// Tokens that came by somebody else's permission do not bring back what was ended meanwhile: the shop is free then. Those that
// a refresh brought meanwhile are replaced, for they are dead at the platform.
func TestHeirEndedMeanwhile(t *testing.T) {
	w := newTown(t, single)
	s, other := w.service(), w.service()
	w.connected("con_a", "42")
	s.Grants = &between{w.base, func() {
		if _, err := other.Disconnect(t.Context(), "con_a"); err != nil {
			t.Error(err)
		}
	}}
	c, err := w.arrives(s, "ten_b", "42")
	if err != nil || c.Tenant != "ten_b" || c.ID == "con_a" {
		t.Errorf("%+v, %v", c, err)
	}
	if st, err := w.base.Get(t.Context(), "con_a"); err != nil || st.Standing != Disconnected || st.Sealed != nil {
		t.Errorf("its tenant ended it, and it is %s, %v", st.Standing, err)
	}

	w = newTown(t, single)
	s, other = w.service(), w.service()
	w.connected("con_a", "42")
	s.Grants = &between{w.base, func() { w.base.rows["con_a"].Generation++ }}
	if c, err := w.arrives(s, "ten_b", "42"); hub.CodeOf(err) != "shop_taken" || c.ID != "" {
		t.Errorf("%+v, %v", c, err)
	}
	w.alive("con_a", "42")
}

// Who is to be authorised again has not been refused by the platform for that alone, so its shop stays its own.
func TestHeardWithoutAnAnswer(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_a", "42")
	row, asked := w.base.rows["con_a"], 0
	w.script.inspect = func() (driver.Shop, error) { // adapters get the token first
		if _, err := s.Source.Token(t.Context(), "con_a"); err != nil {
			return driver.Shop{}, err
		}
		asked++
		return driver.Shop{Active: true}, nil
	}
	for _, code := range []hub.Code{CodeLost, CodeRefused} {
		row.Standing, row.Code, row.DueAt = ReconnectNeeded, code, time.Time{}
		if err := s.Heard(t.Context(), "con_a"); err != nil || row.Standing != ReconnectNeeded || w.base.released["con_a"] || asked != 0 {
			t.Errorf("%s: %v, %s, asked %d", code, err, row.Standing, asked)
		}
	}
	for code, ends := range map[hub.Code]bool{CodeLost: false, CodeUnsealed: false, CodeRefused: true, CodeExpired: true, CodeGrantEnded: true} {
		row.Standing, row.Code = OK, ""
		w.script.inspect = func() (driver.Shop, error) { // a refresh in between that ended so
			row.Standing, row.Code = ReconnectNeeded, code
			return driver.Shop{}, reconnect(code)
		}
		if err := s.Heard(t.Context(), "con_a"); err != nil || (row.Standing == Disconnected) != ends {
			t.Errorf("%s: %v, %s", code, err, row.Standing)
		}
	}
}

// The platform is asked about the tokens that are stored, not about older ones that this hub has in memory.
func TestHeardAsksByTheNewest(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_1", "1")
	if _, err := s.Source.Token(t.Context(), "con_1"); err != nil {
		t.Fatal(err)
	}
	w.stores("con_1", driver.Token{Account: "1", Access: "newest"}) // at another hub
	token := ""
	w.script.inspect = func() (_ driver.Shop, err error) {
		token, err = s.Source.Token(t.Context(), "con_1")
		return driver.Shop{Active: true}, err
	}
	if err := s.Heard(t.Context(), "con_1"); err != nil || token != "newest" {
		t.Errorf("asked by %q, %v", token, err)
	}
}

// One that is to be authorised again goes on by another app of its tenant, and one that works does not.
func TestOwnByAnotherApp(t *testing.T) {
	for standing, again := range map[Standing]bool{OK: false, ReconnectNeeded: true} {
		w := newTown(t, single)
		s := w.service()
		w.connected("con_a", "42")
		w.base.rows["con_a"].Standing = standing
		w.apps = append(w.apps, App{driver.App{ClientID: "c9", Secrets: []string{"s"}, Environment: "live", Redirect: w.apps[0].Redirect}, "app_9", "ten_a", hub.Shopee, ""})
		made, err := s.Begin(t.Context(), Wish{Tenant: "ten_a", Platform: hub.Shopee, App: "app_9"})
		if err != nil {
			t.Fatal(err)
		}
		trip := w.open(s, "ten_a", made.URL)
		a, err := trip.arrive(trip.back("42"))
		_, p := w.stored("con_a")
		there, _ := w.Shop("con_a")
		if again != (err == nil && a.Shops[0].Again && there.App == "app_9" && p.App == "app_9") || !again && (hub.CodeOf(err) != "shop_taken" || p.App != "app_1") {
			t.Errorf("%s: %+v, %v, goes by %s with a pair of %s", standing, a, err, there.App, p.App)
		}
	}
}

// The owner who comes back while the platform is asked is not thrown out by what it said of the tokens before, whatever the
// clocks of the hubs say.
func TestHeardByAnotherClock(t *testing.T) {
	w := newTown(t, single)
	s, ahead := w.service(), w.service()
	w.connected("con_a", "42")
	ahead.Clock = func() time.Time { return w.clock.time().Add(90 * time.Second) }
	asked := 0
	w.script.inspect = func() (driver.Shop, error) {
		if asked++; asked > 1 {
			return driver.Shop{Active: true}, nil
		}
		if _, err := w.arrives(s, "ten_a", "42"); err != nil {
			t.Error(err)
		}
		return driver.Shop{}, reconnect(CodeRefused)
	}
	if err := ahead.Heard(t.Context(), "con_a"); err != nil || asked < 3 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	w.alive("con_a", "42")
	w.script.inspect = func() (driver.Shop, error) { // tokens that change for ever are left to the next try
		w.base.rows["con_a"].Generation++
		return driver.Shop{}, reconnect(CodeRefused)
	}
	if err := ahead.Heard(t.Context(), "con_a"); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("%v", err)
	}
}

// A token that works after somebody had it refused is as good as before: it is not shown as over, and not looked at again.
func TestStillGood(t *testing.T) {
	w := newTown(t, single)
	w.connected("con_1", "1")
	for name, c := range map[string]struct{ life, due time.Duration }{"for ever": {}, "for a day and more": {26 * time.Hour, 26 * time.Hour}} {
		token := driver.Token{Account: "1", Access: w.endpoint.accounts["1"].access} // nothing renews it
		if c.life > 0 {
			token.AccessUntil = w.clock.time().Add(c.life)
		}
		w.stores("con_1", token)
		r, began := w.hub("hub-1"), w.clock.time()
		w.script.tried = 0
		for range 2 { // a proxy said 401
			if err := r.Renew(t.Context(), "con_1", w.generation("con_1")); hub.KindOf(err) != hub.KindUnavailable || hub.CodeOf(err) == CodeExpired {
				t.Errorf("%s: %v", name, err)
			}
		}
		for range 100 {
			w.clock.add(lateRetry)
			if err := r.Look(t.Context()); err != nil {
				t.Error(err)
			}
		}
		st, err := w.base.Get(t.Context(), "con_1")
		if err != nil || st.Standing != OK || st.Code != "" || st.Attempts != 0 || w.script.tried != 2 {
			t.Errorf("%s: %s %q, attempts %d, tried %d times, %v", name, st.Standing, st.Code, st.Attempts, w.script.tried, err)
		}
		if c.due == 0 && !st.DueAt.IsZero() || c.due > 0 && !st.DueAt.Equal(began.Add(c.due)) {
			t.Errorf("%s: due %v", name, st.DueAt)
		}
	}
}

// A platform's refusal that changes nothing about the tokens is shown, and the checks go on; they end with the tokens.
func TestChecksGoOn(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_1", "42")
	w.script.inspect = func() (driver.Shop, error) { return driver.Shop{}, reconnect("partner_shop_no_link") }
	if err := s.DoCheck(t.Context(), "con_1"); err != nil || !slices.Equal(w.work.list, []string{"connect.check con_1"}) {
		t.Errorf("%v, work %v", err, w.work.list)
	}
	st, err := s.Status(t.Context(), "con_1")
	if err != nil || st.Standing != OK || st.Report == nil || st.Report.OK() || st.Report.Checks[0].Code != driver.CodeReconnect {
		t.Errorf("%+v, %v", st, err)
	}
	w.work.list = nil
	w.base.rows["con_1"].Standing = ReconnectNeeded
	if err := s.DoCheck(t.Context(), "con_1"); err != nil || len(w.work.list) != 0 {
		t.Errorf("lost: %v, work %v", err, w.work.list)
	}
}

// unsaved is a control database that goes away before a verdict is stored.
type unsaved struct{ Tokens }

func (unsaved) Save(context.Context, hub.ConnectionID, int64, Outcome) error {
	return &hub.Error{Kind: hub.KindUnavailable}
}

// That only the owner can mend a connection is not told before it is stored: the next look may find otherwise.
func TestVerdictIsStoredFirst(t *testing.T) {
	w := newTown(t, single)
	w.connected("con_1", "1")
	w.base.rows["con_1"].Sealed = []byte("x")
	r := w.hub("hub-1")
	r.Tokens = unsaved{w.base}
	if err := r.Renew(t.Context(), "con_1", 1); hub.KindOf(err) != hub.KindUnavailable || isReconnect(err) {
		t.Errorf("%v", err)
	}
	r = w.hub("hub-1")
	if err := r.Renew(t.Context(), "con_1", 1); !isReconnect(err) {
		t.Errorf("%v", err)
	}
}
