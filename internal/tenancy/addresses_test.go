package tenancy

import (
	"strings"
	"testing"

	"hub"
)

// Calls of an app carry its secrets, and its browser addresses carry codes: neither goes where nobody meant it to.
func TestAppAddresses(t *testing.T) {
	o := newOffice(t)
	app := func(change func(*NewApp)) (App, error) {
		n := NewApp{Platform: hub.Shopee, Name: "x", Environment: "sandbox", Secrets: []string{secret}, ClientID: "2001887", Loopback: true}
		change(&n)
		return o.CreateApp(t.Context(), n)
	}
	for name, c := range map[string]struct {
		path   string
		change func(*NewApp)
	}{
		"base of live":        {"base", func(n *NewApp) { n.Environment, n.Base = "live", "https://sandbox.example" }},
		"loopback of others":  {"base", func(n *NewApp) { n.Loopback, n.Base = false, "http://127.0.0.1:1" }},
		"by name, https":      {"base", func(n *NewApp) { n.Base = "https://localhost:1" }},
		"by name, rooted":     {"base", func(n *NewApp) { n.Base = "https://Sandbox.LOCALHOST.:1" }},
		"loopback by name":    {"base", func(n *NewApp) { n.Base = "http://localhost:1" }},
		"plain":               {"base", func(n *NewApp) { n.Base = "http://sandbox.example" }},
		"private":             {"base", func(n *NewApp) { n.Base = "https://10.0.0.1" }},
		"metadata":            {"base", func(n *NewApp) { n.Base = "https://169.254.169.254" }},
		"mapped":              {"base", func(n *NewApp) { n.Base = "https://[::ffff:10.0.0.1]" }},
		"unspecified":         {"base", func(n *NewApp) { n.Base = "https://0.0.0.0" }},
		"user name":           {"base", func(n *NewApp) { n.Base = "https://a:b@sandbox.example" }},
		"path":                {"base", func(n *NewApp) { n.Base = "https://sandbox.example/x" }},
		"query":               {"base", func(n *NewApp) { n.Base = "https://sandbox.example?x" }},
		"no scheme":           {"base", func(n *NewApp) { n.Base = "sandbox.example" }},
		"file":                {"base", func(n *NewApp) { n.Base = "file:///etc/passwd" }},
		"plain redirect":      {"redirect", func(n *NewApp) { n.Redirect = "http://hub.example/connect" }},
		"script redirect":     {"redirect", func(n *NewApp) { n.Redirect = "javascript:alert(1)" }},
		"redirect line":       {"redirect", func(n *NewApp) { n.Redirect = "https://hub.example/\nx" }},
		"redirect fragment":   {"redirect", func(n *NewApp) { n.Redirect = "https://hub.example/#x" }},
		"long hook":           {"hook_url", func(n *NewApp) { n.HookURL = "https://hub.example/" + strings.Repeat("x", maxAddress) }},
		"client id of spaces": {"client_id", func(n *NewApp) { n.ClientID = "a b" }},
		"long client id":      {"client_id", func(n *NewApp) { n.ClientID = strings.Repeat("1", maxClientID+1) }},
		"scope with space":    {"scopes", func(n *NewApp) { n.Scopes = []string{"a b"} }},
		"many scopes":         {"scopes", func(n *NewApp) { n.Scopes = make([]string, maxScopes+1) }},
	} {
		if _, err := app(c.change); hub.KindOf(err) != hub.KindInvalid || hub.PathOf(err) != c.path {
			t.Errorf("%s: %v at %q", name, err, hub.PathOf(err))
		}
	}
	if n := len(o.db.all.Apps); n != 0 {
		t.Errorf("%d apps", n)
	}
	made, err := app(func(n *NewApp) { n.Base, n.Scopes = "http://127.0.0.1:8787/", []string{"read_orders"} })
	if err != nil || made.Base != "http://127.0.0.1:8787" || made.Redirect != "https://hub.example/connect/shopee/callback" ||
		made.HookURL != "https://hub.example/hooks/shopee/"+made.Endpoint || made.ClientID != "2001887" || len(made.Scopes) != 1 {
		t.Errorf("%+v, %v", made, err)
	}
	o.PublicURL = func() string { return "https://moved.example" }
	if at, ok := o.Directory.Endpoint(hub.Shopee, made.Endpoint); !ok || at.App.HookURL != made.HookURL {
		t.Errorf("the registered address moved: %+v", at.App)
	}
	given, err := app(func(n *NewApp) { n.Redirect, n.HookURL = "https://proxy.example/r?A=b", "https://proxy.example/Hook" })
	if err != nil || given.Redirect != "https://proxy.example/r?A=b" || given.HookURL != "https://proxy.example/Hook" {
		t.Errorf("%+v, %v", given, err)
	}
}
