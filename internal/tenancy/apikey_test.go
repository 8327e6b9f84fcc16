package tenancy

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"hub"
)

func TestKeyForm(t *testing.T) {
	o := newOffice(t)
	ten := o.tenant("acme")
	form := regexp.MustCompile(`^hub_live_[0-9a-hjkmnp-tv-z]{26}_[0-9a-hjkmnp-tv-z]{40}[0-9a-f]{8}$`)
	seen := map[string]bool{}
	for range 50 {
		k, text := o.key(NewKey{Tenant: ten, Role: RoleERP})
		if !form.MatchString(text) || seen[text] {
			t.Fatalf("key %q", text)
		}
		seen[text] = true
		id, secret, ok := parseKey(text)
		if !ok || id != k.ID || !k.matches(secret) {
			t.Fatalf("%q is parsed to %q, %v", text, id, ok)
		}
		stored, err := json.Marshal(o.db.all)
		if err != nil || strings.Contains(string(stored), secret) || strings.Contains(string(o.shelf.plain), secret) {
			t.Fatalf("the secret is stored (%v)", err)
		}
	}
}

// Each change of one character is noticed without asking for the key, and every refusal looks the same.
func TestKeyRefused(t *testing.T) {
	o := newOffice(t)
	ten := o.tenant("acme")
	gone, revoked := o.key(NewKey{Tenant: ten, Role: RoleERP})
	if err := o.RevokeKey(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	_, good := o.key(NewKey{Tenant: ten, Role: RoleERP, Client: "sap", Scopes: []string{ScopePersonalRead}})
	who, err := o.Directory.Authenticate(good)
	if err != nil || who.Tenant != ten || who.Role != RoleERP || who.Client != "sap" || len(who.Scopes) != 1 || who.Operator() {
		t.Fatalf("%+v, %v", who, err)
	}
	bad := map[string]string{
		"revoked": revoked, "empty": "", "prefix only": keyPrefix, "no secret": good[:len(keyPrefix)+27], "longer": good + "0",
		"shorter": good[:len(good)-1], "upper case": strings.ToUpper(good), "space": " " + good, "other prefix": "hub_test_" + good[len(keyPrefix):],
		"the hash": fmt.Sprintf("%x", o.db.all.Keys[1].Hash), "with an id only": good[:len(keyPrefix)+26] + "_" + strings.Repeat("0", 40),
	}
	for i := range good {
		c := byte('0')
		if good[i] == c {
			c = '1'
		}
		changed := good[:i] + string(c) + good[i+1:]
		bad[fmt.Sprint("character ", i)] = changed
		if _, _, ok := parseKey(changed); ok {
			t.Errorf("the checksum misses a change at %d", i)
		}
	}
	body := good[:len(good)-48] + strings.Repeat("0", 40) // right form and checksum, wrong secret
	bad["guessed"] = body + checksum(body)
	other := strings.Replace(good[:len(good)-8], string(good[len(keyPrefix)+25]), "z", 1)
	bad["unknown id"] = other + checksum(other)
	want := ""
	for name, text := range bad {
		who, err := o.Directory.Authenticate(text)
		if hub.KindOf(err) != hub.KindUnauthentic || who.Key != "" || who.Role != "" {
			t.Fatalf("%s: %+v, %v", name, who, err)
		}
		if want == "" {
			want = err.Error()
		}
		if err.Error() != want || hub.CodeOf(err) != "key_refused" {
			t.Errorf("%s is refused as %q, others as %q", name, err, want)
		}
	}
	t.Logf("%d wrong keys refused alike", len(bad))
}

func TestTrust(t *testing.T) {
	o := newOffice(t)
	const bootstrap = "correct horse battery staple, 32+"
	if _, err := o.Directory.Authenticate(bootstrap); hub.KindOf(err) != hub.KindUnauthentic {
		t.Errorf("before Trust: %v", err)
	}
	if o.Directory.HasOperatorKey() {
		t.Error("an empty directory has an operator key")
	}
	o.Directory.Trust(bootstrap)
	who, err := o.Directory.Authenticate(bootstrap)
	if err != nil || who.Key != "key_bootstrap" || who.Client != "operator" || !who.Operator() || who.Tenant != "" || len(who.Scopes) != 0 {
		t.Errorf("%+v, %v", who, err)
	}
	if !o.Directory.HasOperatorKey() {
		t.Error("no operator key")
	}
	for _, bad := range []string{"", bootstrap[1:], bootstrap + " ", strings.ToUpper(bootstrap), bootstrap[:32], "\x00" + bootstrap} {
		if _, err := o.Directory.Authenticate(bad); hub.KindOf(err) != hub.KindUnauthentic || hub.CodeOf(err) != "key_refused" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	ten := o.tenant("acme")
	_, text := o.key(NewKey{Tenant: ten, Role: RoleERP}) // a refresh later, both are good
	for _, good := range []string{text, bootstrap} {
		if _, err := o.Directory.Authenticate(good); err != nil {
			t.Error(err)
		}
	}
	if err := o.RevokeKey(t.Context(), BootstrapKey); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("revoking it: %v", err)
	}
	short := newOffice(t)
	for _, weak := range []string{"", strings.Repeat("x", 31)} {
		short.Directory.Trust(weak)
		if _, err := short.Directory.Authenticate(weak); err == nil || short.Directory.HasOperatorKey() {
			t.Errorf("%d characters are trusted", len(weak))
		}
	}
	if strings.Contains(string(o.shelf.plain), "horse") {
		t.Error("the secret is in the copy")
	}
}

// Whatever text comes, it is refused without a panic, unless it has the form and the checksum of a key.
func FuzzParseKey(f *testing.F) {
	f.Add("hub_live_00000000000000000000000001_" + strings.Repeat("0", 48))
	f.Add("hub_live__")
	f.Fuzz(func(t *testing.T, text string) {
		id, secret, ok := parseKey(text)
		if !ok {
			if id != "" || secret != "" {
				t.Fatal("parts of what is refused")
			}
			return
		}
		rest := strings.TrimPrefix(string(id), hub.KeyPrefix)
		if text != keyPrefix+rest+"_"+secret+checksum(keyPrefix+rest+"_"+secret) || len(secret) != secretLength {
			t.Fatalf("%q is read as %q and %d characters", text, id, len(secret))
		}
	})
}

func TestRandomText(t *testing.T) {
	o := newOffice(t)
	count := map[rune]int{}
	for range 400 {
		text, err := randomText(o.Random, 40)
		if err != nil || strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(alphabet, r) || unicode.IsUpper(r) }) {
			t.Fatalf("%q, %v", text, err)
		}
		for _, r := range text {
			count[r]++
		}
	}
	for _, r := range alphabet { // 500 expected each, deviation 22
		if count[r] < 380 || count[r] > 620 {
			t.Errorf("%c came %d times of 16000", r, count[r])
		}
	}
	if _, err := randomText(strings.NewReader("short"), 40); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("too little randomness: %v", err)
	}
}
