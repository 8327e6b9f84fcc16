package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"hub"
)

// App is the hub's app at a made-up platform.
type App struct {
	Platform         hub.Platform
	ClientID, Secret string
	Base             string   // the platform's address
	Scopes           []string // nil for what the hub needs
}

// AddApp makes the app in a hub, and returns the addresses to which browsers and deliveries go. The client must be an operator's.
func (c Client) AddApp(ctx context.Context, a App) (redirect, hookURL string, err error) {
	var made struct {
		Redirect string `json:"redirect"`
		HookURL  string `json:"hook_url"`
	}
	in := map[string]any{
		"platform": a.Platform, "name": "Demo", "environment": "sandbox", "client_id": a.ClientID, "secret": a.Secret, "base": a.Base,
	}
	if len(a.Scopes) > 0 {
		in["scopes"] = a.Scopes
	}
	err = c.Do(ctx, http.MethodPost, "/v1/apps", in, &made)
	return made.Redirect, made.HookURL, err
}

// mostPages is how many forms an owner fills in before giving up.
const mostPages = 4

// Authorise has a merchant ask for a link, and the owner of a shop walk it in a browser: to the page of the platform at base,
// where the owner consents, and back. shop is the one that is asked for, where the platform's page belongs to one. The client
// must be a merchant's.
func (c Client) Authorise(ctx context.Context, p hub.Platform, shop, base string, consent url.Values) error {
	var invitation struct{ URL string }
	in := map[string]string{"platform": string(p)}
	if shop != "" {
		in["shop"] = shop
	}
	if err := c.Do(ctx, http.MethodPost, "/v1/connections/connect", in, &invitation); err != nil {
		return err
	}
	owner, err := newBrowser()
	if err != nil {
		return err
	}
	defer owner.close()
	page, err := owner.open(ctx, invitation.URL)
	for range mostPages {
		if err != nil || !strings.HasPrefix(base, page.at.Scheme+"://"+page.at.Host) {
			break
		}
		page, err = owner.submit(ctx, page, consent)
	}
	if err != nil {
		return err
	}
	if page.status != http.StatusOK || !strings.Contains(page.text, "<title>Connected") {
		return fmt.Errorf("authorising at %s: the way ended at %s with %d", p, page.at.Path, page.status)
	}
	return nil
}
