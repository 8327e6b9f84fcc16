package adaptertest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/adapters"
	"hub/adapters/driver"
	sandbox "hub/adapters/sandbox/shopee"
	"hub/adapters/shopee"
)

const (
	shopeePartner = "2006566"
	shopeeKey     = "shpk-a-partner-key"
	shopeePushKey = "shpk-a-push-key"
	shopeeHook    = "https://hub.example.com/hooks/shopee/app"
)

// shopeeWire is a made-up Shopee without a network, and a storefront that asks it, on the platform's clock: it goes with
// that of the test, or of its synctest bubble, and can be moved.
type shopeeWire struct {
	platform *sandbox.Platform
	front    *adapters.Storefront
	driver   *shopee.Driver
	app      driver.App
	keeper   *keeper
	observed *tally
	shop     string

	mu   sync.Mutex
	push func(*http.Request) int // answers what the platform sends
}

// RoundTrip has the platform answer. Half an answer is one.
func (w *shopeeWire) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	w.platform.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	response := recorder.Result()
	if told := response.Header.Get("Content-Length"); told != fmt.Sprint(recorder.Body.Len()) {
		response.Body = http.NoBody
	}
	return response, nil
}

func openShopee(t testing.TB, o sandbox.Options, regions ...string) *shopeeWire {
	t.Helper()
	w := &shopeeWire{driver: shopee.New(), observed: &tally{seen: map[string]int{}}}
	o.Start, o.Clock = start, time.Now
	if !o.Loopback { // nobody listens
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, io.ErrClosedPipe }
	}
	w.platform = sandbox.Open(o)
	if _, err := w.platform.AddApp(sandbox.AppSpec{
		ClientID: shopeePartner, Key: shopeeKey, PushKey: shopeePushKey, Name: "Hub", Domains: []string{"hub.example.com"}, PushURL: shopeeHook,
		Codes: []int64{1, 2, 3, 12, 29, 30},
	}); err != nil {
		t.Fatal(err)
	}
	for _, region := range regions {
		shop, err := w.platform.AddShop(sandbox.ShopSpec{Name: "Shop " + region, Region: region, Company: true})
		if err != nil {
			t.Fatal(err)
		}
		w.shop = shop
	}
	w.app = driver.App{
		ClientID: shopeePartner, Secrets: []string{shopeeKey, shopeePushKey}, Environment: "sandbox", Base: "http://127.0.0.1:8788",
		Redirect: "https://hub.example.com/connect/shopee/callback",
	}
	w.keeper = &keeper{renew: func() (string, error) {
		return "", &hub.Error{Kind: hub.KindUnauthentic, Code: driver.CodeReconnect, Op: "renewing"}
	}}
	w.front = adapters.New(w.driver, w.app, adapters.Options{Clock: w.platform.Now, Tokens: w.keeper, Observer: w.observed, Send: w})
	return w
}

func (w *shopeeWire) caller() driver.Caller {
	return w.front.Caller(adapters.Shop{Tenant: "ten_1", Connection: "con_1", Account: w.shop}, adapters.Fresh)
}

// let lets the app into the shop without the page.
func (w *shopeeWire) let(t testing.TB) {
	t.Helper()
	tokens, err := w.platform.Install(shopeePartner, w.shop)
	if err != nil {
		t.Fatal(err)
	}
	w.keeper.mu.Lock()
	defer w.keeper.mu.Unlock()
	w.keeper.token = tokens.Access
}

// agree opens the platform's page as a seller does, chooses an account, and returns the query of the way back.
func (w *shopeeWire) agree(t testing.TB, page, account string) url.Values {
	t.Helper()
	shown := httptest.NewRecorder()
	w.platform.ServeHTTP(shown, httptest.NewRequest(http.MethodGet, page, nil))
	found := nonce.FindStringSubmatch(shown.Body.String())
	if shown.Code != http.StatusOK || found == nil {
		t.Fatalf("%d %s", shown.Code, shown.Body)
	}
	form := url.Values{"nonce": {found[1]}, "account": {account}, "days": {"180"}, "decision": {"confirm"}}
	r := httptest.NewRequest(http.MethodPost, page, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	w.platform.ServeHTTP(answer, r)
	back, err := url.Parse(answer.Header().Get("Location"))
	if err != nil || answer.Code != http.StatusFound || !strings.HasPrefix(back.String(), w.app.Redirect) {
		t.Fatalf("%d %s", answer.Code, back)
	}
	return back.Query()
}

// TestShopeeConnect goes the whole way: page, callback, tokens, inspection, a refresh, one that is used up, subscriptions,
// and the end of the grant.
func TestShopeeConnect(t *testing.T) { synctest.Test(t, shopeeConnect) }

func shopeeConnect(t *testing.T) {
	w := openShopee(t, sandbox.Options{}, "SG", "VN")
	alone := w.front.Caller(adapters.Shop{}, adapters.Fresh)
	page, err := w.driver.Authorize(w.app, driver.Authorization{State: "nonce"}, w.platform.Now())
	if err != nil {
		t.Fatal(err)
	}
	grant, err := w.driver.Callback(w.app, w.agree(t, page, "shop:"+w.shop), w.platform.Now())
	if err != nil || grant.State != "nonce" || grant.Account != w.shop || grant.Main {
		t.Fatal(grant, err)
	}
	list, err := w.driver.Exchange(t.Context(), alone, w.app, grant, "", w.platform.Now())
	if err != nil || len(list) != 1 || !list[0].AccessUntil.Equal(start.Add(4*time.Hour)) {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := w.driver.Exchange(t.Context(), alone, w.app, grant, "", w.platform.Now()); hub.CodeOf(err) != driver.CodeReconnect {
		t.Errorf("a code used twice: %v", err)
	}
	w.keeper.token = list[0].Access
	s, err := w.driver.Inspect(t.Context(), w.caller(), w.app, w.shop)
	if err != nil || !s.Active || !s.RenewBy.Equal(start.AddDate(0, 0, 180)) || !s.Now.Equal(start) || s.Name != "Shop VN" {
		t.Errorf("%+v, %v", s, err)
	}
	next, err := w.driver.Refresh(t.Context(), alone, w.app, list[0], w.platform.Now())
	if err != nil || next.Refresh == list[0].Refresh {
		t.Fatalf("%+v, %v", next, err)
	}
	if _, err := w.driver.Refresh(t.Context(), alone, w.app, list[0], w.platform.Now()); hub.CodeOf(err) != driver.CodeReconnect {
		t.Errorf("a refresh token used twice: %v", err)
	}
	w.keeper.token = next.Access
	repairs, err := w.driver.Subscriptions(t.Context(), w.caller(), w.app, w.shop, shopeeHook)
	if err != nil || len(repairs) != 3 || !repairs[0].Mended { // codes 4, 15 and 47
		t.Errorf("%+v, %v", repairs, err)
	}
	if again, err := w.driver.Subscriptions(t.Context(), w.caller(), w.app, w.shop, shopeeHook); err != nil || len(again) != 0 {
		t.Errorf("a second look repairs %+v, %v", again, err)
	}
	if err := w.platform.Uninstall(shopeePartner, w.shop); err != nil {
		t.Fatal(err)
	}
	if _, err := w.driver.Inspect(t.Context(), w.caller(), w.app, w.shop); hub.CodeOf(err) != driver.CodeReconnect {
		t.Errorf("after the end: %v", err)
	}
	if _, err := w.driver.Refresh(t.Context(), alone, w.app, next, w.platform.Now()); hub.CodeOf(err) != driver.CodeReconnect || hub.KindOf(err) != hub.KindPermanent {
		t.Errorf("a refresh after the end: %v", err)
	}
}

// TestShopeeMainAccount: one exchange gives each shop and the merchant a pair, of which each goes on for itself.
func TestShopeeMainAccount(t *testing.T) { synctest.Test(t, shopeeMainAccount) }

func shopeeMainAccount(t *testing.T) {
	w := openShopee(t, sandbox.Options{}, "SG", "MY")
	alone := w.front.Caller(adapters.Shop{}, adapters.Fresh)
	shops := w.platform.State().Shops
	main, err := w.platform.AddMain("Group", shops[0].ID, shops[1].ID)
	if err != nil {
		t.Fatal(err)
	}
	page, err := w.driver.Authorize(w.app, driver.Authorization{State: "nonce"}, w.platform.Now())
	if err != nil {
		t.Fatal(err)
	}
	grant, err := w.driver.Callback(w.app, w.agree(t, page, "main:"+main), w.platform.Now())
	if err != nil || !grant.Main || grant.Account != main {
		t.Fatal(grant, err)
	}
	list, err := w.driver.Exchange(t.Context(), alone, w.app, grant, "", w.platform.Now())
	if err != nil || len(list) != 3 || !list[2].Merchant {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, token := range list {
		for i := range 2 {
			next, err := w.driver.Refresh(t.Context(), alone, w.app, token, w.platform.Now())
			if err != nil || next.Account != token.Account || next.Merchant != token.Merchant {
				t.Fatalf("refresh %d of %s: %+v, %v", i, token.Account, next, err)
			}
			token = next
		}
	}
}

// TestShopeeTokenFaults: an answer that is cut, doubled, late or not the platform's leaves the outcome unknown; a clock that
// is off is told as such.
func TestShopeeTokenFaults(t *testing.T) { synctest.Test(t, shopeeTokenFaults) }

func shopeeTokenFaults(t *testing.T) {
	w := openShopee(t, sandbox.Options{}, "SG")
	alone := w.front.Caller(adapters.Shop{}, adapters.Fresh)
	for _, f := range []sandbox.Fault{sandbox.TokenHalf, sandbox.TokenTwice, sandbox.Token520} {
		tokens, err := w.platform.Install(shopeePartner, w.shop)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.platform.FaultNext(f, 1); err != nil {
			t.Fatal(err)
		}
		token := driver.Token{Account: w.shop, Refresh: tokens.Refresh}
		if _, err := w.driver.Refresh(t.Context(), alone, w.app, token, w.platform.Now()); hub.KindOf(err) != hub.KindUnknown {
			t.Errorf("%s: %v", f, err)
		}
		if _, err := w.driver.Refresh(t.Context(), alone, w.app, token, w.platform.Now()); hub.CodeOf(err) != driver.CodeReconnect {
			t.Errorf("%s, and the token is used up: %v", f, err)
		}
	}
	w.let(t)
	w.platform.SetSkew(6 * time.Minute)
	if _, err := w.driver.Inspect(t.Context(), w.caller(), w.app, w.shop); hub.CodeOf(err) != shopee.CodeClock {
		t.Errorf("a clock that is off: %v", err)
	}
}

// read fetches orders and reads them.
func (w *shopeeWire) read(t testing.TB, ids ...string) map[string]driver.Draft {
	t.Helper()
	drafts := map[string]driver.Draft{}
	for some := range slices.Chunk(ids, w.driver.Limits().FetchAtOnce) {
		var want []hub.ExternalID
		for _, id := range some {
			want = append(want, hub.ExternalID(id))
		}
		got, err := w.driver.Fetch(t.Context(), w.caller(), want)
		if err != nil || len(got.Missing) != 0 {
			t.Fatal(got.Missing, err)
		}
		for _, document := range got.Documents {
			draft, err := w.driver.Order(document)
			if err != nil {
				t.Fatalf("%v\n%s", err, document)
			}
			drafts[string(draft.Order.ExternalID)] = draft
		}
	}
	return drafts
}

// TestShopeeLives lists and fetches whole lives in several regions, and finds each as the platform's own books have it.
func TestShopeeLives(t *testing.T) {
	for _, region := range []string{"SG", "VN", "BR", "ID", "TW", "CL"} {
		bubble(t, region, func(t *testing.T) { shopeeLives(t, region) })
	}
}

func shopeeLives(t *testing.T, region string) {
	w := openShopee(t, sandbox.Options{Unlimited: true, Seed: uint64(region[0])*256 + uint64(region[1])}, region)
	w.let(t)
	if err := w.platform.Trade(w.shop, 130, 20*time.Minute, time.Hour); err != nil {
		t.Fatal(err)
	}
	w.platform.Advance(t.Context(), 44*time.Hour)
	w.let(t)
	books := map[string]sandbox.OrderState{}
	for _, o := range w.platform.Orders(w.shop) {
		books[o.ID] = o
	}
	var ids []string
	cursor := ""
	for window := (driver.Window{From: start, To: w.platform.Now().Add(time.Second)}); ; {
		page, err := w.driver.Changed(t.Context(), w.caller(), window, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Orders {
			ids = append(ids, string(o.ExternalID))
			if o.Cancelled != books[string(o.ExternalID)].Cancelled {
				t.Errorf("%s: listed as cancelled %v", o.ExternalID, o.Cancelled)
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(ids) != len(books) {
		t.Fatalf("%d orders listed, %d exist", len(ids), len(books))
	}
	states, returned := map[string]int{}, 0
	for id, draft := range w.read(t, ids...) {
		want := books[id]
		states[want.Status]++
		if want.Refunded != "0" && want.Refunded != "0.00" {
			returned++
		}
		sameBooks(t, draft, want)
		delete(books, id)
	}
	if len(books) != 0 {
		t.Errorf("%d orders were not fetched", len(books))
	}
	t.Logf("%d orders, %d with money given back, %v", len(ids), returned, states)
}

// sameBooks holds an order against the platform's books.
func sameBooks(t *testing.T, draft driver.Draft, want sandbox.OrderState) {
	t.Helper()
	o := draft.Order
	if !o.SourceUpdatedAt.Equal(want.Updated) || string(o.Currency) != want.Currency || o.PlatformStatus != "" {
		t.Errorf("%s: version %s of %s, %s, %q", want.ID, o.SourceUpdatedAt, want.Updated, o.Currency, o.PlatformStatus)
	}
	status := hub.StatusOpen
	switch want.Status {
	case "CANCELLED":
		status = hub.StatusCancelled
	case "COMPLETED":
		status = hub.StatusCompleted
	}
	if o.Status != status {
		t.Errorf("%s: %s is %s", want.ID, want.Status, o.Status)
	}
	if !want.Told {
		return
	}
	if got := o.Totals.GrandTotal.Amount(); got != want.Total {
		t.Errorf("%s (%s): total %s, want %s", want.ID, want.Status, got, want.Total)
	}
	if !want.Settled {
		return
	}
	if got := o.Totals.CurrentTotal.Amount(); got != want.CurrentTotal {
		t.Errorf("%s (%s): %s is left, want %s", want.ID, want.Status, got, want.CurrentTotal)
	}
	if got := o.Totals.Refunded.Amount(); got != want.Refunded {
		t.Errorf("%s (%s): %s given back, want %s", want.ID, want.Status, got, want.Refunded)
	}
	if o.Totals.Basis != hub.BasisPlatform || o.Totals.Adjustment.Minor != 0 || draft.EnrichedAt.IsZero() {
		t.Errorf("%s (%s): basis %s, adjustment %s, enriched %s", want.ID, want.Status, o.Totals.Basis, o.Totals.Adjustment, draft.EnrichedAt)
	}
}

// TestShopeeUnderFaults: windows one after another, each overlapping the one before it, list every order that changed, while
// orders change, answers fail, are cut, are late or say that it was too much, and pages repeat.
func TestShopeeUnderFaults(t *testing.T) { synctest.Test(t, shopeeUnderFaults) }

func shopeeUnderFaults(t *testing.T) {
	w := openShopee(t, sandbox.Options{Seed: 5}, "MY")
	w.let(t)
	for f, rate := range map[sandbox.Fault]int{
		sandbox.APIError: 60, sandbox.APIHalf: 60, sandbox.APISlow: 40, sandbox.APIThrottle: 60, sandbox.APILag: 200, sandbox.PagesRepeat: 300,
	} {
		if err := w.platform.SetFault(f, rate); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.platform.Trade(w.shop, 1500, 200*time.Millisecond, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	seen, from, failures := map[string]bool{}, w.platform.Now().Add(-time.Minute), 0
	for range 60 {
		w.platform.Advance(t.Context(), 30*time.Second)
		to, cursor := w.platform.Now(), ""
		for {
			page, err := w.driver.Changed(t.Context(), w.caller(), driver.Window{From: from.Add(-15 * time.Second), To: to}, cursor)
			if err != nil {
				if failures++; hub.KindOf(err) != hub.KindUnavailable && hub.KindOf(err) != hub.KindThrottled {
					t.Fatal(err)
				}
				break // the same window is asked again, from its beginning
			}
			for _, o := range page.Orders {
				seen[string(o.ExternalID)] = true
			}
			if cursor = page.Next; cursor == "" {
				from = to
				break
			}
		}
	}
	for _, o := range w.platform.Orders(w.shop) {
		if !seen[o.ID] && o.Updated.Before(from.Add(-15*time.Second)) {
			t.Errorf("order %s of %s was never listed", o.ID, o.Updated)
		}
	}
	t.Logf("%d orders seen, %d windows failed, %v, %v", len(seen), failures, w.platform.Faults(), w.observed.seen)
}

// TestShopeeLargeOrder: an order of 3,000 lines comes whole.
func TestShopeeLargeOrder(t *testing.T) { synctest.Test(t, shopeeLargeOrder) }

func shopeeLargeOrder(t *testing.T) {
	w := openShopee(t, sandbox.Options{}, "SG")
	w.let(t)
	o, err := w.platform.Act(w.shop, sandbox.Create, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.platform.Grow(w.shop, o.ID, 3000); err != nil {
		t.Fatal(err)
	}
	paid, err := w.platform.Act(w.shop, sandbox.Pay, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.platform.Advance(t.Context(), time.Hour)
	draft := w.read(t, o.ID)[o.ID]
	if n := len(draft.Order.Lines); n <= 3000 || draft.Order.Totals.GrandTotal.Amount() != paid.Total || draft.Order.Totals.Adjustment.Minor != 0 {
		t.Errorf("%d lines, total %s of %s", n, draft.Order.Totals.GrandTotal, paid.Total)
	}
}

// serve answers what the platform sends.
func (w *shopeeWire) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rw.WriteHeader(w.push(r))
}

// TestShopeePushes: what the platform pushes is believed and becomes a hint, its forgeries are not; what was lost comes by
// the call for it, once it is confirmed never again.
func TestShopeePushes(t *testing.T) {
	w := openShopee(t, sandbox.Options{Unlimited: true, Loopback: true}, "BR")
	server := httptest.NewServer(http.HandlerFunc(w.serve))
	defer server.Close()
	hook := server.URL + "/hooks/shopee/app"
	if err := w.platform.SetPushURL(shopeePartner, hook); err != nil {
		t.Fatal(err)
	}
	w.let(t)
	for f, rate := range map[sandbox.Fault]int{sandbox.Forge: 200, sandbox.Duplicate: 100, sandbox.Reorder: 100} {
		if err := w.platform.SetFault(f, rate); err != nil {
			t.Fatal(err)
		}
	}
	believed, refused, hinted, away := 0, 0, map[string]bool{}, false
	hear := func(notice driver.Notice, account string, body []byte) {
		reading, err := w.driver.Read(driver.Delivery{Notice: notice, Account: account, Body: body})
		if err != nil || account != w.shop {
			t.Errorf("%v for %s: %s", err, account, body)
			return
		}
		for _, hint := range reading.Hints {
			hinted[string(hint.ExternalID)] = true
		}
	}
	w.push = func(r *http.Request) int {
		body := make([]byte, r.ContentLength)
		if _, err := r.Body.Read(body); err != nil && err.Error() != "EOF" {
			t.Error(err)
		}
		if away {
			return http.StatusBadGateway
		}
		notice, err := w.driver.Verify(driver.Signed{URL: hook, Header: r.Header, Body: body, Secrets: w.app.Secrets})
		switch {
		case err != nil:
			refused++
			return http.StatusUnauthorized
		case notice.Probe:
			return http.StatusOK
		}
		account, err := w.driver.Account(body)
		if err != nil {
			t.Error(err)
		}
		believed++
		hear(notice, account, body)
		return http.StatusOK
	}
	trade := func(n int) {
		if err := w.platform.Trade(w.shop, n, time.Minute, 5*time.Minute); err != nil {
			t.Fatal(err)
		}
		w.platform.Advance(t.Context(), 4*time.Hour)
	}
	trade(40)
	if n := len(w.platform.Orders(w.shop)); len(hinted) != n || refused != w.platform.Faults()[sandbox.Forge] || refused == 0 {
		t.Errorf("%d of %d orders are hinted at, %d believed, %d refused, %v", len(hinted), n, believed, refused, w.platform.Faults())
	}
	if failure, err := w.platform.Probe(t.Context(), shopeePartner); err != nil || failure != "" {
		t.Errorf("the console's trial: %s", failure)
	}
	away = true
	trade(8) // few enough for the platform not to switch pushes off
	away = false
	w.platform.Advance(t.Context(), 4*time.Hour)
	alone := w.front.Caller(adapters.Shop{}, adapters.Fresh)
	missed, pages, cursor := 0, 0, ""
	for {
		page, err := w.driver.Lost(t.Context(), alone, w.app, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Deliveries {
			missed++
			hear(d.Notice, d.Account, d.Body)
		}
		if err := w.driver.Confirm(t.Context(), alone, page.Receipt); err != nil {
			t.Fatal(err)
		}
		if pages++; page.Next == "" {
			break
		}
		cursor = page.Next
	}
	if n := len(w.platform.Orders(w.shop)); len(hinted) != n || missed == 0 || w.platform.State().Apps[0].Lost != 0 {
		t.Errorf("%d of %d orders are hinted at, %d came as lost, %d are left", len(hinted), n, missed, w.platform.State().Apps[0].Lost)
	}
	t.Logf("%d pushes believed, %d refused, %d lost ones on %d pages", believed, refused, missed, pages)
}
