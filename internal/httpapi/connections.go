package httpapi

import (
	"context"
	"net/http"
	"time"

	"hub"
	"hub/internal/tenancy"
)

func (s *server) connections() {
	register(s, operation{
		id: "create-connection", method: http.MethodPost, path: "/v1/connections", tag: "Connections", roles: operators(),
		summary:     "Connect a shop",
		description: "With secret or secrets the connection is its own app; with app_id it uses one that exists. A shop belongs to one connection over all tenants, until it is disconnected.",
		status:      http.StatusCreated, errors: creating(),
	}, s.createConnection)
	register(s, operation{
		id: "list-connections", method: http.MethodGet, path: "/v1/connections", tag: "Connections",
		roles:   []tenancy.Role{tenancy.RoleOperator, tenancy.RoleMerchant, tenancy.RoleAuditor},
		summary: "List connections", description: "The tenant's connections; to an operator who names no tenant, all.",
		errors: []int{http.StatusNotFound},
	}, s.listConnections)
}

// Connection is one shop of one tenant.
type Connection struct {
	ConnectionID string       `json:"connection_id" example:"con_01j9z3k6m8q0r2t4v6x8z0b2d4"`
	Tenant       string       `json:"tenant"`
	AppID        string       `json:"app_id"`
	Platform     hub.Platform `json:"platform"`
	Environment  string       `json:"environment" enum:"live,sandbox"`
	Shop         string       `json:"shop" doc:"The account at the platform" example:"loja-azul.myshopify.com"`
	HookPath     string       `json:"hook_path,omitempty" doc:"Where the platform sends; its last part is a secret, so auditors do not see it"`
	HookURL      string       `json:"hook_url,omitempty" doc:"The same with the hub's public address"`
	CreatedAt    time.Time    `json:"created_at"`
	Released     bool         `json:"released,omitempty" doc:"The connection is over, and its shop is free to be connected again, here or by another tenant"`
}

func (s *server) showConnection(c tenancy.Connection) Connection {
	path := tenancy.HookPath(c.Platform, c.Endpoint)
	return Connection{
		string(c.ID), string(c.Tenant), string(c.App), c.Platform, c.Environment, c.Account, path, s.PublicURL() + path, c.CreatedAt.UTC(), c.Released,
	}
}

type newConnection struct {
	IdempotencyKey
	Body struct {
		Secrets
		Tenant      string       `json:"tenant" minLength:"1" maxLength:"64" doc:"Whose shop"`
		Platform    hub.Platform `json:"platform"`
		Shop        string       `json:"shop" minLength:"1" maxLength:"200" doc:"The account at the platform" example:"loja-azul.myshopify.com"`
		AppID       string       `json:"app_id,omitempty" maxLength:"64" doc:"The app whose secrets sign, instead of secrets here"`
		Environment string       `json:"environment,omitempty" enum:"live,sandbox" default:"live"`
	}
}

type connectionAnswer struct {
	Body Connection
}

func (s *server) createConnection(ctx context.Context, _ caller, in *newConnection) (*connectionAnswer, error) {
	secrets, err := in.Body.all()
	if err != nil {
		return nil, err
	}
	if len(secrets) > 0 && in.Body.AppID != "" {
		return nil, invalid("app_or_secret", "body.app_id", texts["app_or_secret"])
	}
	c, err := s.Tenancy.CreateConnection(ctx, tenancy.NewConnection{
		Tenant: hub.TenantID(in.Body.Tenant), Platform: in.Body.Platform, Environment: in.Body.Environment,
		Shop: in.Body.Shop, Secrets: secrets, App: hub.AppID(in.Body.AppID),
	})
	if err != nil {
		return nil, err
	}
	return &connectionAnswer{s.showConnection(c)}, nil
}

func (s *server) listConnections(_ context.Context, c caller, in *directoryQuery) (*listAnswer[Connection], error) {
	show := s.showConnection
	if c.Role == tenancy.RoleAuditor {
		show = func(c tenancy.Connection) Connection {
			shown := s.showConnection(c)
			shown.HookPath, shown.HookURL = "", ""
			return shown
		}
	}
	key := func(c tenancy.Connection) (string, hub.TenantID) { return string(c.ID), c.Tenant }
	return directoryList(c, in, "connections", s.Directory.List().Connections, key, show)
}
