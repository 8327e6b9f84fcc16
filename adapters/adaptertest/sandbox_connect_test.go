package adaptertest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters"
	"hub/adapters/driver"
	sandbox "hub/adapters/sandbox/shopify"
)

var nonce = regexp.MustCompile(`name="nonce" value="([0-9a-f]+)"`)

// install opens the platform's page as a merchant does, agrees, and returns the query of the way back.
func (w *wire) install(t testing.TB, page string) url.Values {
	t.Helper()
	shown := httptest.NewRecorder()
	w.platform.ServeHTTP(shown, httptest.NewRequest(http.MethodGet, page, nil))
	found := nonce.FindStringSubmatch(shown.Body.String())
	if shown.Code != http.StatusOK || found == nil {
		t.Fatalf("%d %s", shown.Code, shown.Body)
	}
	form := url.Values{"nonce": {found[1]}, "decision": {"install"}}
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

// TestConnect goes the whole way: page, callback, tokens, inspection, subscriptions, a refresh whose answer is lost, and out.
func TestConnect(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := wired(t, sandbox.Options{}, 5)
		alone := w.front.Caller(adapters.Shop{}, adapters.Fresh)
		page, err := w.driver.Authorize(w.app, driver.Authorization{Account: sandboxShop, State: "nonce"}, w.clock())
		if err != nil {
			t.Fatal(err)
		}
		grant, err := w.driver.Callback(w.app, w.install(t, page), w.clock())
		if err != nil || grant.State != "nonce" || grant.Account != sandboxShop {
			t.Fatal(grant, err)
		}
		list, err := w.driver.Exchange(t.Context(), alone, w.app, grant, "", w.clock())
		if err != nil || len(list) != 1 || list[0].Refresh == "" || !list[0].AccessUntil.Equal(w.clock().Add(time.Hour)) {
			t.Fatalf("%+v, %v", list, err)
		}
		if _, err := w.driver.Exchange(t.Context(), alone, w.app, grant, "", w.clock()); hub.CodeOf(err) != driver.CodeReconnect || hub.KindOf(err) != hub.KindPermanent {
			t.Errorf("a code used twice: %v", err)
		}
		token := list[0]
		w.keeper.token = token.Access
		w.inspected(t)

		// The answer to a refresh is lost: the old refresh token still works, and so does what it gives.
		w.lose = "/access_token"
		if _, err := w.driver.Refresh(t.Context(), alone, w.app, token, w.clock()); hub.KindOf(err) != hub.KindUnknown {
			t.Errorf("a refresh whose answer was lost: %v", err)
		}
		last, err := w.driver.Refresh(t.Context(), alone, w.app, token, w.clock())
		if err != nil {
			t.Fatal(err)
		}
		if last.Access == token.Access || last.Refresh == token.Refresh {
			t.Error("a refresh gives nothing new")
		}
		w.keeper.token = last.Access
		w.next(t, sandbox.APIHalf)
		if _, err := w.driver.Inspect(t.Context(), w.caller(), w.app, sandboxShop); err != nil {
			t.Errorf("after half an answer the question is asked again: %v", err)
		}
		if _, err := w.driver.Refresh(t.Context(), alone, w.app, driver.Token{Account: sandboxShop, Refresh: "shprt_dead"}, w.clock()); hub.CodeOf(err) != driver.CodeReconnect {
			t.Errorf("a dead refresh token: %v", err)
		}
		wrong := w.app
		wrong.Secrets = []string{"not the secret"}
		if _, err := w.driver.Refresh(t.Context(), alone, wrong, last, w.clock()); hub.CodeOf(err) == driver.CodeReconnect || hub.KindOf(err) != hub.KindForbidden {
			t.Errorf("a wrong secret is no dead refresh token: %v", err)
		}
		for range 2 {
			if err := w.driver.Disconnect(t.Context(), w.caller(), w.app, last); err != nil {
				t.Errorf("disconnecting: %v", err)
			}
			w.keeper.renew = func() (string, error) {
				return "", &hub.Error{Kind: hub.KindUnauthentic, Code: driver.CodeReconnect, Op: "renewing"}
			}
		}
		if n := len(w.platform.State().Shops[0].Apps); n != 0 {
			t.Errorf("%d apps are still installed", n)
		}
	})
}

func (w *wire) inspected(t testing.TB) {
	t.Helper()
	s, err := w.driver.Inspect(t.Context(), w.caller(), w.app, sandboxShop)
	if err != nil || s.Currency != "USD" || !s.Active || s.Back != 60*24*time.Hour || len(s.Problems) != 0 || s.Now.Sub(w.clock()).Abs() > time.Second {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := w.driver.Inspect(t.Context(), w.caller(), w.app, "another.myshopify.com"); hub.CodeOf(err) != hub.CodeShopMismatch {
		t.Errorf("another shop's: %v", err)
	}
	more := w.app
	more.Scopes = []string{"read_orders", "read_all_orders"}
	if s, err = w.driver.Inspect(t.Context(), w.caller(), more, sandboxShop); err != nil || len(s.Problems) != 1 || s.Problems[0].Detail != "read_all_orders" {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestSubscriptionsAreRepaired: what is missing is made, what was removed is made again, what is on an old address of this
// hub goes, what is another hub's stays, and a second look finds nothing to do.
func TestSubscriptionsAreRepaired(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		const hook, old, foreign = "https://hub.example.com/hooks/shopify/new", "https://hub.example.com/hooks/shopify/old", "https://other.example.com/hooks/1"
		w := wired(t, sandbox.Options{}, 0)
		repair := func(address string) []driver.Repair {
			list, err := w.driver.Subscriptions(t.Context(), w.caller(), w.app, sandboxShop, address)
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		addresses := func() (list []string) {
			for _, s := range w.platform.Subscriptions("hub", sandboxShop) {
				list = append(list, s.URI+" "+s.Topic)
			}
			slices.Sort(list)
			return list
		}
		for _, address := range []string{old, foreign} {
			if n := len(repair(address)); n == 0 {
				t.Fatal("nothing was made")
			}
		}
		made := len(addresses()) / 2
		list := repair(hook)
		after := addresses()
		if len(list) != 2*made || len(after) != 2*made || slices.ContainsFunc(after, func(s string) bool { return strings.HasPrefix(s, old) }) {
			t.Errorf("%d repairs: %v", len(list), after)
		}
		if list := repair(hook); len(list) != 0 {
			t.Errorf("a second look repairs %+v", list)
		}
		w.remove(t, hook)
		list = repair(hook)
		if len(list) != 1 || list[0].Code != "subscription_missing" || !list[0].Mended || !slices.Equal(after, addresses()) {
			t.Errorf("%+v", list)
		}
		w.outdated(t, hook)
		if list = repair(hook); len(list) != 1 || list[0].Code != "subscription_wrong" || !list[0].Mended {
			t.Errorf("%+v", list)
		}
		if list = repair("http://10.0.0.1/hook"); len(list) != made || list[0].Mended || list[0].Hint == "" {
			t.Errorf("an address that the platform refuses: %+v", list)
		}
		t.Logf("%d topics", made)
	})
}

// remove deletes one subscription, as the platform does after eight failures.
func (w *wire) remove(t testing.TB, hook string) sandbox.Subscription {
	t.Helper()
	for _, s := range w.platform.Subscriptions("hub", sandboxShop) {
		if s.URI == hook {
			w.mutate(t, "2026-10", fmt.Sprintf(`mutation{webhookSubscriptionDelete(id:"gid://shopify/WebhookSubscription/%d"){userErrors{message}}}`, s.ID))
			return s
		}
	}
	t.Fatal("no subscription to remove")
	return sandbox.Subscription{}
}

// outdated replaces one subscription by one of an older version.
func (w *wire) outdated(t testing.TB, hook string) {
	t.Helper()
	topic := strings.ToUpper(strings.ReplaceAll(w.remove(t, hook).Topic, "/", "_"))
	w.mutate(t, "2026-04", `mutation{webhookSubscriptionCreate(topic:`+topic+`,webhookSubscription:{uri:"`+hook+`",format:JSON}){userErrors{message}}}`)
}

func (w *wire) mutate(t testing.TB, version, query string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.caller().Call(t.Context(), driver.Call{
		Name: "test", Class: driver.ClassAdmin, Method: http.MethodPost, Path: "/admin/api/" + version + "/graphql.json", Body: body,
	}); err != nil {
		t.Fatal(err)
	}
}
