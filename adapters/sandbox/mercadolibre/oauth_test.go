package mercadolibre

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

const verifier = "a-verifier-of-at-least-forty-three-characters-0123"

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func wanted(pairs ...string) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {testApp}, "redirect_uri": {callback}, "state": {"s1"},
		"code_challenge": {challenge()}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	return "/authorization?" + q.Encode()
}

// decide goes through the page and returns the query of the way back.
func (r *rig) answers(target, decision, as string) url.Values {
	r.t.Helper()
	shown := r.visit(http.MethodGet, target, nil)
	nonce := regexp.MustCompile(`name="nonce" value="([0-9a-f]+)"`).FindSubmatch(shown.body)
	if shown.status != http.StatusOK || nonce == nil {
		r.t.Fatalf("%d %s", shown.status, shown.body)
	}
	form := url.Values{"nonce": {string(nonce[1])}, "decision": {decision}, "as": {as}, "user": {r.seller}}
	done := r.visit(http.MethodPost, target, form)
	to, err := url.Parse(done.header.Get("Location"))
	if done.status != http.StatusFound || err != nil || !strings.HasPrefix(to.String(), callback+"?") {
		r.t.Fatalf("%d %s", done.status, to)
	}
	if again := r.visit(http.MethodPost, target, form); again.status != http.StatusForbidden {
		r.t.Errorf("the page worked twice: %d", again.status)
	}
	return to.Query()
}

func (r *rig) post(pairs ...string) answer {
	q := url.Values{"client_id": {testApp}, "client_secret": {testSecret}, "grant_type": {"authorization_code"}, "redirect_uri": {callback}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return r.visit(http.MethodPost, "/oauth/token", q)
}

func (r *rig) exchange(code string) Tokens {
	r.t.Helper()
	a := r.post("code", code, "code_verifier", verifier)
	made := decoded[Tokens](r.t, a.body)
	if a.status != http.StatusOK || made.Access == "" {
		r.t.Fatalf("%d %s", a.status, a.body)
	}
	return made
}

// TestAuthorizationCode is the whole way of a seller: page, callback, tokens, and what a code must not do.
func TestAuthorizationCode(t *testing.T) {
	r := newRig(t, "MLB", nil)
	q := r.answers(wanted(), "allow", "owner")
	if len(q) != 2 || q.Get("state") != "s1" || q.Get("code") == "" {
		t.Errorf("callback %v", q)
	}
	r.refused("wrong secret", r.post("code", q.Get("code"), "client_secret", "x", "code_verifier", verifier), 400, "invalid_client")
	r.refused("other grant", r.post("grant_type", "password"), 400, "unsupported_grant_type")
	made := r.exchange(q.Get("code"))
	if made.ExpiresIn != 21600 || made.Type != "bearer" || made.Scope != "offline_access read write" || digitsOf(made.User) != r.seller ||
		!strings.HasPrefix(made.Access, "APP_USR-"+testApp) || !strings.HasPrefix(made.Refresh, "TG-") {
		t.Errorf("%+v", made)
	}
	r.refused("a code twice", r.post("code", q.Get("code"), "code_verifier", verifier), 400, "invalid_grant")
	for name, pairs := range map[string][]string{
		"other verifier": {"code_verifier", strings.Repeat("x", 43)}, "no verifier": {}, "other redirect": {"code_verifier", verifier, "redirect_uri", callback + "/"},
	} {
		code := r.answers(wanted(), "allow", "owner").Get("code")
		r.refused(name, r.post(append(pairs, "code", code)...), 400, "invalid_grant")
	}
	late := r.answers(wanted(), "allow", "owner").Get("code")
	r.pass(10 * time.Minute)
	r.refused("a late code", r.post("code", late, "code_verifier", verifier), 400, "invalid_grant")
	if a := r.visit(http.MethodPost, "/oauth/token", nil, "Content-Type", "application/json"); a.status != 400 {
		t.Errorf("JSON instead of a form: %d", a.status)
	}
	if q := r.answers(wanted(), "deny", "owner"); q.Get("error") != "access_denied" || q.Has("code") || q.Get("state") != "s1" {
		t.Errorf("denied: %v", q)
	}
	if q := r.answers(wanted(), "allow", "operator"); q.Get("error") != "invalid_operator_user_id" || q.Has("code") {
		t.Errorf("a collaborator: %v", q)
	}
}

// TestAuthorizeRefuses: nothing is sent to an address that is not the app's, and with PKCE on nothing goes without.
func TestAuthorizeRefuses(t *testing.T) {
	r := newRig(t, "MLB", nil)
	for name, target := range map[string]string{
		"unknown app": wanted("client_id", "7"), "other redirect": wanted("redirect_uri", callback+"?x=1"), "no redirect": wanted("redirect_uri", ""),
		"no type": wanted("response_type", ""), "no challenge": wanted("code_challenge", "", "code_challenge_method", ""),
		"no method": wanted("code_challenge_method", ""), "short challenge": wanted("code_challenge", "abc"),
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if a := r.visit(method, target, nil); a.status != http.StatusBadRequest || a.header.Get("Location") != "" {
				t.Errorf("%s: %d", name, a.status)
			}
		}
	}
	off := newRig(t, "MLB", func(_ *Options, s *AppSpec) { s.PKCE = false })
	code := off.answers(wanted("code_challenge", "", "code_challenge_method", ""), "allow", "owner").Get("code")
	if a := off.post("code", code); a.status != http.StatusOK {
		t.Errorf("PKCE off: %d %s", a.status, a.body)
	}
}

func (r *rig) refresh(token string) answer {
	return r.post("grant_type", "refresh_token", "refresh_token", token)
}

func (r *rig) alive(token string) bool {
	return r.visit(http.MethodGet, "/users/me", nil, "Authorization", "Bearer "+token).status == http.StatusOK
}

// TestTokenRules walks through the life of tokens on the virtual clock.
func TestTokenRules(t *testing.T) {
	const day = 24 * time.Hour
	fresh := func(t *testing.T) (*rig, Tokens) {
		r := newRig(t, "MLB", nil)
		return r, r.exchange(r.answers(wanted(), "allow", "owner").Get("code"))
	}
	lives := func(t *testing.T, r *rig, token string, want bool) {
		t.Helper()
		if a := r.refresh(token); (a.status == http.StatusOK) != want {
			t.Errorf("refreshing: %d %s", a.status, a.body)
		}
	}
	t.Run("an access token lives six hours", func(t *testing.T) {
		r, a := fresh(t)
		r.pass(6*time.Hour - time.Second)
		before := r.alive(a.Access)
		r.pass(time.Second)
		if !before || r.alive(a.Access) {
			t.Error("it does not")
		}
		r.refused("ended", r.visit(http.MethodGet, "/users/me", nil, "Authorization", "Bearer "+a.Access), 401, "invalid_token")
	})
	t.Run("a refresh token works once", func(t *testing.T) {
		r, a := fresh(t)
		b := decoded[Tokens](t, r.refresh(a.Refresh).body)
		r.refused("twice", r.refresh(a.Refresh), 400, "invalid_grant")
		if !r.alive(a.Access) || !r.alive(b.Access) || a.Refresh == b.Refresh {
			t.Error("the pairs are wrong")
		}
		lives(t, r, b.Refresh, true)
	})
	t.Run("six months", func(t *testing.T) {
		r, a := fresh(t)
		for range 5 { // calls keep the grant alive
			r.pass(30 * day)
			a2, err := r.Install(testApp, r.another("MLB"))
			if err != nil || !r.alive(a2.Access) {
				t.Fatal(err)
			}
			r.access[a.Access] = &accessToken{r.Platform.refresh[a.Refresh].grant, r.Now().Add(time.Hour)}
			if !r.alive(a.Access) {
				t.Fatal("not alive")
			}
		}
		r.pass(begin.AddDate(0, 6, 0).Add(-time.Second).Sub(r.Now()))
		if r.Platform.refresh[a.Refresh].expires.Before(r.Now()) {
			t.Fatal("too early")
		}
		r.pass(time.Second)
		lives(t, r, a.Refresh, false)
	})
	t.Run("four months without a call", func(t *testing.T) {
		r, a := fresh(t)
		r.pass(begin.AddDate(0, 4, 0).Sub(begin) - time.Second)
		r.Platform.refresh[a.Refresh].grant.used = begin.Add(time.Second)
		lives(t, r, a.Refresh, true)
		r, a = fresh(t)
		r.pass(begin.AddDate(0, 4, 0).Sub(begin))
		lives(t, r, a.Refresh, false)
	})
	t.Run("authorising again replaces the pair", func(t *testing.T) {
		r, a := fresh(t)
		b := r.exchange(r.answers(wanted(), "allow", "owner").Get("code"))
		lives(t, r, a.Refresh, false)
		if r.alive(a.Access) {
			t.Error("the old access token lives")
		}
		lives(t, r, b.Refresh, true)
	})
	t.Run("what ends it early", func(t *testing.T) {
		for name, end := range map[string]func(*rig) error{
			"revoked":  func(r *rig) error { return r.Uninstall(testApp, r.seller) },
			"password": func(r *rig) error { return r.ChangePassword(r.seller) },
			"secret":   func(r *rig) error { return r.RotateSecret(testApp, testSecret+"2") },
			"blocked":  func(r *rig) error { return r.SetStanding(r.seller, Blocked) },
		} {
			r, a := fresh(t)
			if err := end(r); err != nil {
				t.Fatal(err)
			}
			lives(t, r, a.Refresh, false)
			if alive := r.alive(a.Access); alive != (name == "secret") {
				t.Errorf("%s: the access token is alive: %v", name, alive)
			}
		}
	})
	t.Run("no offline access, no refresh token", func(t *testing.T) {
		r := newRig(t, "MLB", func(_ *Options, s *AppSpec) { s.Scopes = []string{"read"} })
		if made := r.exchange(r.answers(wanted(), "allow", "owner").Get("code")); made.Refresh != "" || made.Scope != "read" {
			t.Errorf("%+v", made)
		}
	})
}

// TestRevoke: the app takes its own grant back, and nobody else's.
func TestRevoke(t *testing.T) {
	r := newRig(t, "MLA", nil)
	other := r.another("MLA")
	path := "/users/" + r.seller + "/applications/" + testApp
	if got := r.read(path); at(t, got, "scopes", 0) != offline {
		t.Errorf("%v", got)
	}
	auth := []string{"Authorization", "Bearer " + r.token}
	r.refused("another's", r.visit(http.MethodDelete, "/users/"+other+"/applications/"+testApp, nil, auth...), 403, "access_denied")
	if a := r.visit(http.MethodDelete, path, nil, auth...); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	r.refused("after", r.visit(http.MethodDelete, path, nil, auth...), 401, "invalid_token")
	if n := len(r.State().Sellers[0].Apps); n != 0 {
		t.Errorf("%d grants are left", n)
	}
}
