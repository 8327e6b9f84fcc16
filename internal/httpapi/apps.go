package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"hub"
	"hub/internal/tenancy"
)

func (s *server) apps() {
	register(s, operation{
		id: "create-app", method: http.MethodPost, path: "/v1/apps", tag: "Apps", roles: operators(),
		summary: "Add an app", description: "An app is one set of platform credentials, the operator's own or a tenant's, with a webhook address that serves all of its shops.",
		status: http.StatusCreated, errors: creating(),
	}, s.createApp)
	register(s, operation{
		id: "list-apps", method: http.MethodGet, path: "/v1/apps", tag: "Apps", roles: operators(),
		summary: "List apps", description: "All apps, or those of one tenant, without their secrets.", errors: []int{http.StatusNotFound},
	}, s.listApps)
}

// app is one set of platform credentials without its secrets.
type app struct {
	AppID       string       `json:"app_id" example:"app_01j9z3k6m8q0r2t4v6x8z0b2d4"`
	Tenant      string       `json:"tenant,omitempty" doc:"Absent for the operator's own"`
	Platform    hub.Platform `json:"platform"`
	Name        string       `json:"name"`
	Environment string       `json:"environment" enum:"live,sandbox"`
	HookPath    string       `json:"hook_path" doc:"Where the platform sends; its last part is a secret"`
	HookURL     string       `json:"hook_url" doc:"As it is to be registered at the platform, byte for byte"`
	CreatedAt   time.Time    `json:"created_at"`
	ClientID    string       `json:"client_id,omitempty" doc:"The platform's id of the app; without one, shops cannot be connected through the platform's page"`
	Base        string       `json:"base,omitempty" doc:"Of a sandbox: the address in place of the platform's"`
	Scopes      []string     `json:"scopes" nullable:"false" doc:"What is asked for; empty is what the hub needs"`
	Redirect    string       `json:"redirect,omitempty" doc:"Where browsers come back, to be registered at the platform byte for byte"`
}

func (s *server) showApp(a tenancy.App) app {
	path := tenancy.HookPath(a.Platform, a.Endpoint)
	address := a.HookURL
	if address == "" {
		address = s.PublicURL() + path
	}
	return app{
		string(a.ID), string(a.Tenant), a.Platform, a.Name, a.Environment, path, address, a.CreatedAt.UTC(),
		a.ClientID, a.Base, append([]string{}, a.Scopes...), a.Redirect,
	}
}

// Secrets is what a platform signs with: one secret, or several while they change, the current one first.
type Secrets struct {
	Secret  string   `json:"secret,omitempty" minLength:"8" maxLength:"1024" writeOnly:"true" doc:"What the platform signs with"`
	Secrets []string `json:"secrets,omitempty" minItems:"1" maxItems:"10" nullable:"false" writeOnly:"true" doc:"Instead of secret, while it changes: the current one first"`
}

// all returns the secrets as one list; both members at once are refused.
func (s Secrets) all() ([]string, error) {
	switch {
	case s.Secret != "" && len(s.Secrets) > 0:
		return nil, invalid("secret_twice", "body.secret", texts["secret_twice"])
	case s.Secret != "":
		return []string{s.Secret}, nil
	}
	return s.Secrets, nil
}

type newApp struct {
	IdempotencyKey
	Body struct {
		Secrets
		Tenant      string       `json:"tenant,omitempty" maxLength:"64" doc:"Whose app; left out for the operator's own"`
		Platform    hub.Platform `json:"platform"`
		Name        string       `json:"name" minLength:"1" maxLength:"200"`
		Environment string       `json:"environment,omitempty" enum:"live,sandbox" default:"live"`
		ClientID    string       `json:"client_id,omitempty" maxLength:"128" doc:"The platform's id of the app: API key, partner id, application id"`
		Base        string       `json:"base,omitempty" maxLength:"512" doc:"Only of a sandbox: the address in place of the platform's; on this machine only when HUB_PUBLIC_URL is, too" example:"http://127.0.0.1:8787"`
		Scopes      []string     `json:"scopes,omitempty" maxItems:"64" nullable:"false" doc:"What to ask merchants for, instead of what the hub needs"`
		Redirect    string       `json:"redirect,omitempty" maxLength:"512" doc:"Where browsers come back, as registered at the platform byte for byte; the hub's own address if left out"`
		HookURL     string       `json:"hook_url,omitempty" maxLength:"512" doc:"The webhook address as registered at the platform byte for byte, if it is not the hub's own"`
	}
}

type appAnswer struct {
	Body app
}

func (s *server) createApp(ctx context.Context, c caller, in *newApp) (*appAnswer, error) {
	secrets, err := in.Body.all()
	if err != nil {
		return nil, err
	}
	a, err := s.Tenancy.CreateApp(ctx, tenancy.NewApp{
		Tenant: hub.TenantID(in.Body.Tenant), Platform: in.Body.Platform, Name: in.Body.Name,
		Environment: in.Body.Environment, Secrets: secrets, ClientID: in.Body.ClientID, Base: in.Body.Base,
		Loopback: c.Operator() && onThisMachine(s.PublicURL()), Scopes: in.Body.Scopes, Redirect: in.Body.Redirect, HookURL: in.Body.HookURL,
	})
	if err != nil {
		return nil, err
	}
	return &appAnswer{s.showApp(a)}, nil
}

// onThisMachine reports whether a hub is reached on this machine alone, as in a trial or a test: only then may an operator have its
// calls go to a sandbox beside it. The setting is HUB_PUBLIC_URL.
func onThisMachine(public string) bool {
	u, err := url.Parse(public)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback()
}

func (s *server) listApps(_ context.Context, c caller, in *directoryQuery) (*listAnswer[app], error) {
	key := func(a tenancy.App) (string, hub.TenantID) { return string(a.ID), a.Tenant }
	return directoryList(c, in, "apps", s.Directory.List().Apps, key, s.showApp)
}
