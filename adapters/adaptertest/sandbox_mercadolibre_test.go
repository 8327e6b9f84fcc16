package adaptertest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters"
	"hub/adapters/driver"
	"hub/adapters/mercadolibre"
	sandbox "hub/adapters/sandbox/mercadolibre"
)

const (
	meliApp    = "5503910054141466"
	meliSecret = "the secret of a made-up app"
)

// meli is a made-up Mercado Libre without a network, and a storefront that asks it, in the time of a synctest bubble.
type meli struct {
	platform *sandbox.Platform
	front    *adapters.Storefront
	driver   *mercadolibre.Driver
	app      driver.App
	shop     adapters.Shop
	keeper   *keeper
	observed *tally
	clock    hub.Clock
	missing  string                // what the latest 206 lacks
	lose     string                // the answer to the next request whose path ends so
	before   func(r *http.Request) // is called with each request, when there is one
}

// RoundTrip has the platform answer. Half an answer is one, and a caller who goes away gets none.
func (m *meli) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.before != nil {
		m.before(r)
	}
	recorder := httptest.NewRecorder()
	m.platform.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if m.lose != "" && strings.HasSuffix(r.URL.Path, m.lose) {
		m.lose = ""
		return nil, io.ErrUnexpectedEOF
	}
	response := recorder.Result()
	if response.StatusCode == http.StatusPartialContent {
		m.missing = response.Header.Get("X-Content-Missing")
	}
	if told, err := strconv.Atoi(response.Header.Get("Content-Length")); err == nil && told > recorder.Body.Len() {
		response.Body = io.NopCloser(io.MultiReader(recorder.Body, broken{}))
	}
	return response, nil
}

// openMeli opens a platform with one seller who has sold something, and a storefront for it. It is called in a bubble.
func openMeli(t *testing.T, site string, baskets int) *meli {
	t.Helper()
	began := time.Now()
	clock := func() time.Time { return start.Add(time.Since(began)) }
	m := &meli{
		platform: sandbox.Open(sandbox.Options{Seed: uint64(site[1])<<8 | uint64(site[2]), Clock: time.Now, Start: start}),
		driver:   mercadolibre.New(), observed: &tally{seen: map[string]int{}}, clock: clock,
		app: driver.App{
			ClientID: meliApp, Secrets: []string{meliSecret}, Environment: "sandbox", Base: "http://127.0.0.1:8789",
			Redirect: "https://hub.example.com/connect/mercadolibre/callback",
		},
	}
	if _, err := m.platform.AddApp(sandbox.AppSpec{
		ClientID: meliApp, Secret: meliSecret, Name: "Hub", Redirects: []string{m.app.Redirect}, PKCE: true,
	}); err != nil {
		t.Fatal(err)
	}
	account, err := m.platform.AddSeller(sandbox.SellerSpec{Site: site})
	if err != nil {
		t.Fatal(err)
	}
	m.shop = adapters.Shop{Tenant: "ten_1", Connection: "con_1", Account: account}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); m.platform.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	if err := m.platform.Trade(account, baskets, 20*time.Second, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	pass(time.Duration(baskets)*40*time.Second + 20*time.Minute)
	m.keeper = &keeper{renew: func() (string, error) {
		made, err := m.platform.Install(meliApp, account)
		return made.Access, err
	}}
	if m.keeper.token, err = m.keeper.renew(); err != nil {
		t.Fatal(err)
	}
	m.front = adapters.New(m.driver, m.app, adapters.Options{Clock: clock, Tokens: m.keeper, Observer: m.observed, Send: m})
	return m
}

func (m *meli) caller() driver.Caller { return m.front.Caller(m.shop, adapters.Fresh) }

func (m *meli) window(by driver.By) driver.Window {
	return driver.Window{By: by, From: start.Add(-time.Hour), To: m.platform.Now().Add(time.Hour)}
}

// changed lists a window to its end.
func (m *meli) changed(t testing.TB, w driver.Window) (seen map[string]driver.Seen, pages int) {
	t.Helper()
	seen = map[string]driver.Seen{}
	for cursor := ""; ; pages++ {
		page, err := m.driver.Changed(t.Context(), m.caller(), w, cursor)
		if err != nil || pages > 1000 {
			t.Fatal(pages, err)
		}
		for _, o := range page.Orders {
			seen[string(o.ExternalID)] = o
		}
		if cursor = page.Next; cursor == "" {
			return seen, pages + 1
		}
	}
}

func (m *meli) fetch(t testing.TB, ids ...string) (drafts map[string]driver.Draft) {
	t.Helper()
	drafts = map[string]driver.Draft{}
	for chunk := range slices.Chunk(ids, m.driver.Limits().FetchAtOnce) {
		var want []hub.ExternalID
		for _, id := range chunk {
			want = append(want, hub.ExternalID(id))
		}
		got, err := m.driver.Fetch(t.Context(), m.caller(), want)
		if err != nil || len(got.Missing) > 0 {
			t.Fatal(err, got.Missing)
		}
		for _, d := range got.Documents {
			draft, err := m.driver.Order(d)
			if err != nil {
				t.Fatalf("%v\n%s", err, d)
			}
			drafts[string(draft.Order.ExternalID)] = draft
		}
	}
	return drafts
}

// matches holds what the driver made of an order against what the platform expects.
func matches(t testing.TB, got driver.Draft, want sandbox.OrderState) {
	t.Helper()
	o := got.Order
	amount := func(m *hub.Money) string {
		if m == nil {
			return "unknown"
		}
		return m.Amount()
	}
	unsaid := want.Cancelled && want.Status == "paid" // the platform tells nobody how much went back
	if amount(o.Totals.GrandTotal) != want.Total || amount(o.Totals.CurrentTotal) != want.Current || string(o.Currency) != want.Currency {
		t.Errorf("%d: %s, %s left, want %+v", want.ID, amount(o.Totals.GrandTotal), amount(o.Totals.CurrentTotal), want)
	}
	if back := amount(o.Totals.Refunded); back != want.Refunded && !unsaid && len(o.Payments) > 0 {
		t.Errorf("%d: %s refunded, want %s", want.ID, back, want.Refunded)
	}
	if !o.SourceUpdatedAt.Equal(want.Updated) || (o.Status == hub.StatusCancelled) != want.Cancelled || o.PlatformStatus != "" && o.PlatformStatus != "cancel_detail.group=respondent" { // which is in no list
		t.Errorf("%d: %s %s %q, want %+v", want.ID, o.SourceUpdatedAt, o.Status, o.PlatformStatus, want)
	}
	pack := ""
	if want.Pack != 0 {
		pack = fmt.Sprint(want.Pack)
	}
	if o.PackID != pack || (o.Totals.Basis != hub.BasisPartial) != want.Complete {
		t.Errorf("%d: pack %s, basis %s, want %+v", want.ID, o.PackID, o.Totals.Basis, want)
	}
	if got.EnrichedAt.IsZero() {
		t.Errorf("%d was read whole and is not enriched", want.ID)
	}
	arrived := want.Shipment == "delivered" && o.Fulfillment != hub.Returned
	if arrived != (o.Fulfillment == hub.Delivered) {
		t.Errorf("%d: %s, the parcel is %s", want.ID, o.Fulfillment, want.Shipment)
	}
}

// TestMercadoLibreLives: in every country, whole lives are listed, fetched and normalised to what the platform expects, with
// the freight of a pack counted once, and an export has as many. With HUB_DRILL=1 there are 400 baskets each.
func TestMercadoLibreLives(t *testing.T) {
	for _, site := range sandbox.Sites() {
		bubble(t, site, func(t *testing.T) {
			baskets := 25
			if os.Getenv("HUB_DRILL") == "1" {
				baskets = 400
			}
			m := openMeli(t, site, baskets)
			want := m.platform.Orders(m.shop.Account)
			seen, pages := m.changed(t, m.window(driver.ByChange))
			if early, _ := m.changed(t, driver.Window{From: start.Add(-9 * time.Hour), To: start.Add(-8 * time.Hour)}); len(early) > 0 {
				t.Errorf("%d orders of before there were any", len(early))
			}
			var ids []string
			cancelled := 0
			for _, o := range want {
				id := fmt.Sprint(o.ID)
				if ids = append(ids, id); !seen[id].ChangedAt.Equal(o.Updated) {
					t.Errorf("%s was listed as of %s, want %s", id, seen[id].ChangedAt, o.Updated)
				}
				if o.Cancelled {
					cancelled++
				}
			}
			drafts := m.fetch(t, ids...)
			for _, o := range want {
				draft, listed := drafts[fmt.Sprint(o.ID)], seen[fmt.Sprint(o.ID)].Total
				matches(t, draft, o)
				goods := *draft.Order.Totals.GrandTotal
				if freight := draft.Order.Totals.Shipping; freight != nil {
					var err error
					if goods, err = goods.Sub(*freight); err != nil {
						t.Fatal(err)
					}
				}
				if listed == nil || *listed != goods {
					t.Errorf("%d was listed with %v, without freight it is %v", o.ID, listed, goods)
				}
			}
			exported := 0
			for cursor, next := "", true; next; next = cursor != "" {
				part, err := m.driver.Export(t.Context(), m.caller(), m.window(driver.ByCreation), cursor)
				if err != nil {
					t.Fatal(err)
				}
				exported += len(part.Documents)
				cursor = part.Next
			}
			if exported != len(want) || cancelled == 0 {
				t.Errorf("%d of %d exported", exported, len(want))
			}
			t.Logf("%d orders, %d cancelled, %d pages, %v", len(want), cancelled, pages, m.observed.seen)
		})
	}
}

// TestMercadoLibreUnderFaults: windows that overlap list every order and its last version, while orders change and answers
// fail, lag, repeat and skip; a fetch among 206 never passes for a whole one.
func TestMercadoLibreUnderFaults(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		m := openMeli(t, "MLB", 5)
		rates := map[sandbox.Fault]int{
			sandbox.APIError: 40, sandbox.APICut: 40, sandbox.APIThrottle: 40, sandbox.APILag: 50, sandbox.PagesRepeat: 100, sandbox.PagesSkip: 100,
		}
		for f, rate := range rates {
			if err := m.platform.SetFault(f, rate); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.platform.Trade(m.shop.Account, 150, 10*time.Second, 20*time.Second); err != nil {
			t.Fatal(err)
		}
		seen := map[string]driver.Seen{}
		from, failures := start, 0
		for range 25 {
			pass(2 * time.Minute)
			to := m.clock()
			cursor, whole := "", true
			for {
				page, err := m.driver.Changed(t.Context(), m.caller(), driver.Window{From: from, To: to}, cursor)
				if err != nil {
					if failures++; hub.KindOf(err) != hub.KindUnavailable && hub.KindOf(err) != hub.KindThrottled {
						t.Fatal(err)
					}
					whole = false
					break
				}
				for _, o := range page.Orders {
					seen[string(o.ExternalID)] = o
				}
				if cursor = page.Next; cursor == "" {
					break
				}
			}
			if whole {
				from = to.Add(-20 * time.Minute)
			}
		}
		for f := range rates {
			if err := m.platform.SetFault(f, 0); err != nil {
				t.Fatal(err)
			}
		}
		last, _ := m.changed(t, driver.Window{From: from, To: m.clock()})
		for id, o := range last {
			seen[id] = o
		}
		missed := 0
		for _, o := range m.platform.Orders(m.shop.Account) {
			if !seen[fmt.Sprint(o.ID)].ChangedAt.Equal(o.Updated) {
				missed++
			}
		}
		if missed > 0 || len(seen) < 150 {
			t.Errorf("%d of %d orders were missed", missed, len(seen))
		}
		t.Logf("%d orders, %d windows failed, tries %v, faults %v", len(seen), failures, m.observed.seen, m.platform.Faults())
		m.halves(t)
	})
}

// halves fetches an order while the platform cannot load all of it.
func (m *meli) halves(t testing.TB) {
	t.Helper()
	o := m.platform.Orders(m.shop.Account)[0]
	for range 20 {
		if err := m.platform.FaultNext(sandbox.APIHalf, 1); err != nil {
			t.Fatal(err)
		}
		got, err := m.driver.Fetch(t.Context(), m.caller(), []hub.ExternalID{hub.ExternalID(fmt.Sprint(o.ID))})
		if err != nil || len(got.Documents) != 1 {
			t.Fatal(err)
		}
		draft, err := m.driver.Order(got.Documents[0])
		if err != nil {
			t.Fatalf("%v\n%s", err, got.Documents[0])
		}
		if lacks := m.missing != "feedback"; lacks != draft.EnrichedAt.IsZero() { // of which we keep nothing
			t.Errorf("without %s, enriched at %s", m.missing, draft.EnrichedAt)
		}
	}
}

// agree opens the platform's page as the seller does, allows the app, and returns the query of the way back.
func (m *meli) agree(t testing.TB, page, decision, as string) url.Values {
	t.Helper()
	shown := httptest.NewRecorder()
	m.platform.ServeHTTP(shown, httptest.NewRequest(http.MethodGet, page, nil))
	found := nonce.FindStringSubmatch(shown.Body.String())
	if shown.Code != http.StatusOK || found == nil {
		t.Fatalf("%d %s", shown.Code, shown.Body)
	}
	form := url.Values{"nonce": {found[1]}, "decision": {decision}, "as": {as}, "user": {m.shop.Account}}
	r := httptest.NewRequest(http.MethodPost, page, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	m.platform.ServeHTTP(answer, r)
	back, err := url.Parse(answer.Header().Get("Location"))
	if err != nil || answer.Code != http.StatusFound || !strings.HasPrefix(back.String(), m.app.Redirect) {
		t.Fatalf("%d %s", answer.Code, back)
	}
	return back.Query()
}

// TestMercadoLibreConnect goes the whole way: page, callback, tokens, inspection, refreshes that work once, and out.
func TestMercadoLibreConnect(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636, appendix B
		m := openMeli(t, "MLA", 3)
		alone := m.front.Caller(adapters.Shop{}, adapters.Fresh)
		page, err := m.driver.Authorize(m.app, driver.Authorization{State: "nonce", Challenge: challenge, Site: "MLA"}, m.clock())
		if err != nil {
			t.Fatal(err)
		}
		for as, code := range map[string]hub.Code{"operator": mercadolibre.CodeOperator, "owner": mercadolibre.CodeDenied} {
			decision := map[string]string{"operator": "allow", "owner": "deny"}[as]
			if _, err := m.driver.Callback(m.app, m.agree(t, page, decision, as), m.clock()); hub.CodeOf(err) != code {
				t.Errorf("%s %s: %v", as, decision, err)
			}
		}
		grant, err := m.driver.Callback(m.app, m.agree(t, page, "allow", "owner"), m.clock())
		if err != nil || grant.State != "nonce" {
			t.Fatal(grant, err)
		}
		list, err := m.driver.Exchange(t.Context(), alone, m.app, grant, verifier, m.clock())
		if err != nil || len(list) != 1 || list[0].Account != m.shop.Account || !list[0].AccessUntil.Equal(m.clock().Add(6*time.Hour)) {
			t.Fatalf("%+v, %v", list, err)
		}
		if _, err := m.driver.Exchange(t.Context(), alone, m.app, grant, verifier, m.clock()); hub.CodeOf(err) != driver.CodeReconnect {
			t.Errorf("a code used twice: %v", err)
		}
		m.keeper.token = list[0].Access
		shop, err := m.driver.Inspect(t.Context(), m.caller(), m.app, m.shop.Account)
		if err != nil || shop.Currency != "ARS" || !shop.Active || len(shop.Problems) != 0 || len(shop.Scopes) != 3 || shop.Now.Sub(m.clock()).Abs() > time.Second {
			t.Errorf("%+v, %v", shop, err)
		}
		m.refreshes(t, alone, list[0])
	})
}

// refreshes: a refresh works once; a 520 has not spent it; an answer that is cut, doubled or lost has, and that is the end.
func (m *meli) refreshes(t testing.TB, alone driver.Caller, token driver.Token) {
	t.Helper()
	refresh := func(f sandbox.Fault) error {
		if f != "" {
			if err := m.platform.FaultNext(f, 1); err != nil {
				t.Fatal(err)
			}
		}
		next, err := m.driver.Refresh(t.Context(), alone, m.app, token, m.clock())
		if err == nil {
			token, m.keeper.token = next, next.Access
		}
		return err
	}
	spent := token
	if err := refresh(""); err != nil {
		t.Fatal(err)
	}
	if _, err := m.driver.Refresh(t.Context(), alone, m.app, spent, m.clock()); hub.CodeOf(err) != driver.CodeReconnect {
		t.Errorf("a refresh token used twice: %v", err)
	}
	if err := refresh(sandbox.Token520); err == nil || hub.CodeOf(err) == driver.CodeReconnect {
		t.Errorf("520: %v", err)
	}
	if err := refresh(""); err != nil {
		t.Errorf("after a 520: %v", err)
	}
	pass(7 * time.Hour) // every access token has ended
	if err := refresh(""); err != nil {
		t.Errorf("after seven hours: %v", err)
	}
	for range 2 {
		if err := m.driver.Disconnect(t.Context(), m.caller(), m.app, token); err != nil {
			t.Errorf("disconnecting: %v", err)
		}
	}
	if n := len(m.platform.State().Sellers[0].Apps); n != 0 {
		t.Errorf("%d grants are left", n)
	}
	for _, f := range []sandbox.Fault{sandbox.TokenHalf, sandbox.TokenTwice, ""} {
		made, err := m.platform.Install(meliApp, m.shop.Account)
		if err != nil {
			t.Fatal(err)
		}
		token.Refresh = made.Refresh
		if f == "" {
			m.lose = "/oauth/token"
		}
		if err := refresh(f); hub.KindOf(err) != hub.KindUnknown {
			t.Errorf("%q: %v", f, err)
		}
		if err := refresh(""); hub.CodeOf(err) != driver.CodeReconnect {
			t.Errorf("after %q: %v", f, err)
		}
	}
}

// tradingMeli is a platform whose notifications went to an HTTP server that answers with a status, and what it got.
func tradingMeli(t *testing.T, status int, rates map[sandbox.Fault]int) (*meli, *receiver) {
	t.Helper()
	in := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { in.ServeHTTP(w, r); w.WriteHeader(status) }))
	t.Cleanup(server.Close)
	m := &meli{platform: sandbox.Open(sandbox.Options{Seed: 7, Start: start}), driver: mercadolibre.New(), observed: &tally{seen: map[string]int{}}}
	m.clock = m.platform.Now
	m.app = driver.App{ClientID: meliApp, Secrets: []string{meliSecret}, Environment: "sandbox", Base: "http://127.0.0.1:8789"}
	if _, err := m.platform.AddApp(sandbox.AppSpec{ClientID: meliApp, Secret: meliSecret, NotifyURL: server.URL, SwitchOffAfter: 1_000_000}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second one's orders are what forgeries are about
		account, err := m.platform.AddSeller(sandbox.SellerSpec{})
		if err != nil {
			t.Fatal(err)
		}
		if m.shop.Account == "" {
			m.shop = adapters.Shop{Tenant: "ten_1", Connection: "con_1", Account: account}
		}
		if _, err := m.platform.Act(account, sandbox.Create, 0); err != nil {
			t.Fatal(err)
		}
	}
	for f, rate := range rates {
		if err := m.platform.SetFault(f, rate); err != nil {
			t.Fatal(err)
		}
	}
	install := func() (string, error) {
		made, err := m.platform.Install(meliApp, m.shop.Account)
		return made.Access, err
	}
	if _, err := install(); err != nil {
		t.Fatal(err)
	}
	if err := m.platform.Trade(m.shop.Account, 40, time.Minute, time.Minute); err != nil {
		t.Fatal(err)
	}
	m.platform.Advance(t.Context(), 4*time.Hour)
	m.keeper = &keeper{renew: install}
	var err error
	if m.keeper.token, err = install(); err != nil {
		t.Fatal(err)
	}
	m.front = adapters.New(m.driver, m.app, adapters.Options{Clock: time.Now, Tokens: m.keeper, Observer: m.observed, Send: m})
	return m, in
}

// TestMercadoLibreNotifications: every notification is a hint or nothing, and the hint leads to the order that it was about,
// by the seller's own token; a stranger's leads nowhere.
func TestMercadoLibreNotifications(t *testing.T) {
	m, in := tradingMeli(t, http.StatusOK, map[sandbox.Fault]int{sandbox.Forge: 50, sandbox.Duplicate: 50})
	caller := m.front.Caller(m.shop, adapters.Backfill)
	about, count := map[string]string{}, map[string]int{}
	for _, s := range m.platform.Sent() {
		if s.OrderID != 0 {
			about[string(s.Body)] = fmt.Sprint(s.OrderID)
		}
	}
	asked := map[driver.Hint]bool{}
	for _, got := range in.all {
		notice, err := m.driver.Verify(driver.Signed{Header: got.header, Body: got.body, ClientID: meliApp})
		if err != nil || !notice.Unproven {
			t.Fatalf("%v of %s", err, got.body)
		}
		if notice.Account != m.shop.Account {
			count["for a stranger"]++
			continue
		}
		reading, err := m.driver.Read(driver.Delivery{Notice: notice, Account: m.shop.Account, Body: got.body})
		if err != nil || len(reading.Drafts) > 0 {
			t.Fatalf("%v of %s", err, got.body)
		}
		if reading.Ignored != "" {
			count["ignored "+notice.Topic]++
			continue
		}
		hint := reading.Hints[0]
		count[hint.Kind]++
		if asked[hint] {
			continue
		}
		asked[hint] = true
		ids, err := m.driver.Orders(t.Context(), caller, hint.Kind, hint.ExternalID)
		if hint.Kind == "order" { // which is what it says
			missing, failed := m.driver.Fetch(t.Context(), caller, ids)
			if foreign := about[string(got.body)] == ""; failed != nil || (len(missing.Missing) == 1) != foreign {
				t.Errorf("%v %v of %s", failed, missing.Missing, got.body)
			}
		}
		if want := about[string(got.body)]; err != nil || want != "" && !slices.Contains(ids, hub.ExternalID(want)) {
			t.Errorf("%v: %v, want %s", hint, ids, want)
		}
	}
	t.Logf("%d notifications: %v, %d questions, faults %v", len(in.all), count, len(asked), m.platform.Faults())
	for _, kind := range []string{"order", "shipment", "payment", "claim", "ignored orders_feedback", "for a stranger"} {
		if count[kind] == 0 {
			t.Errorf("no %s", kind)
		}
	}
}

// TestMercadoLibreLost: what failed eight times is told again by the missed feeds, all of it, as hints like any other.
func TestMercadoLibreLost(t *testing.T) {
	m, in := tradingMeli(t, http.StatusServiceUnavailable, nil)
	failed := 0
	want := map[string]int{}
	for _, s := range m.platform.Sent() {
		if s.State == sandbox.StateFailed {
			failed++
			want[s.Resource]++
		}
	}
	hints, pages := 0, 0
	for cursor, next := "", true; next; next = cursor != "" {
		page, err := m.driver.Lost(t.Context(), m.front.Caller(m.shop, adapters.Backfill), m.app, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Deliveries {
			if _, err := m.driver.Read(driver.Delivery{Notice: d.Notice, Account: m.shop.Account, Body: d.Body}); err != nil || d.Account != m.shop.Account {
				t.Errorf("%v of %s", err, d.Body)
			}
			hints++
		}
		cursor, pages = page.Next, pages+1
	}
	if hints != failed || failed < 100 {
		t.Errorf("%d told again, %d failed", hints, failed)
	}
	t.Logf("%d attempts, %d notifications lost and told again in %d pages, of %d resources", len(in.all), failed, pages, len(want))
}
