package httpapi

import (
	"context"
	"net/http"
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
	HookURL     string       `json:"hook_url" doc:"The same with the hub's public address"`
	CreatedAt   time.Time    `json:"created_at"`
}

func (s *server) showApp(a tenancy.App) app {
	path := hookPath(a.Platform, a.Endpoint)
	return app{string(a.ID), string(a.Tenant), a.Platform, a.Name, a.Environment, path, s.PublicURL() + path, a.CreatedAt.UTC()}
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
	}
}

type appAnswer struct {
	Body app
}

func (s *server) createApp(ctx context.Context, _ caller, in *newApp) (*appAnswer, error) {
	secrets, err := in.Body.all()
	if err != nil {
		return nil, err
	}
	a, err := s.Tenancy.CreateApp(ctx, tenancy.NewApp{
		Tenant: hub.TenantID(in.Body.Tenant), Platform: in.Body.Platform, Name: in.Body.Name,
		Environment: in.Body.Environment, Secrets: secrets,
	})
	if err != nil {
		return nil, err
	}
	return &appAnswer{s.showApp(a)}, nil
}

func (s *server) listApps(_ context.Context, c caller, in *directoryQuery) (*listAnswer[app], error) {
	key := func(a tenancy.App) (string, hub.TenantID) { return string(a.ID), a.Tenant }
	return directoryList(c, in, "apps", s.Directory.List().Apps, key, s.showApp)
}
