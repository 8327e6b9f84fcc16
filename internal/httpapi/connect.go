package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"hub"
	"hub/internal/connect"
	"hub/internal/tenancy"
)

// Journey leads the owner of a shop to the platform's page and back: *connect.Service.
type Journey interface {
	// Begin makes an address to open.
	Begin(context.Context, connect.Wish) (connect.Invitation, error)
	// Look says what a ticket is for and uses nothing up.
	Look(ctx context.Context, p hub.Platform, ticket string) (connect.Prospect, error)
	// Depart takes a ticket and says where to go.
	Depart(ctx context.Context, p hub.Platform, ticket string) (connect.Departure, error)
	// Arrive takes what the browser brought back, and connects.
	Arrive(ctx context.Context, p hub.Platform, query url.Values, cookie func(name string) string) (connect.Arrival, error)
}

// Shops shows and ends connections: *connect.Service.
type Shops interface {
	// Status says how a connection stands.
	Status(context.Context, hub.ConnectionID) (connect.Status, error)
	// Disconnect reports whether the platform was told.
	Disconnect(context.Context, hub.ConnectionID) (told bool, err error)
}

func shopkeepers() []tenancy.Role { return []tenancy.Role{tenancy.RoleOperator, tenancy.RoleMerchant} }

// connecting serves what merchants do with their shops.
func (s *server) connecting() {
	register(s, operation{
		id: "connect-shop", method: http.MethodPost, path: "/v1/connections/connect", tag: "Connections", roles: shopkeepers(),
		summary: "Connect a shop through its platform's page",
		description: "Answers with an address for the shop's owner to open in a browser, once and within ten minutes. It leads to the platform's page; " +
			"the shop is connected when the browser comes back. A connection of the tenant for that shop and environment stays the same one and gets new tokens: one " +
			"by the same app, one that was disconnected or is to be authorised again, and one that has only received webhooks. A shop that is connected in " +
			"another way, or by another tenant, is refused.",
		status: http.StatusCreated, errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType},
	}, s.connectShop)
	register(s, operation{
		id: "show-connection", method: http.MethodGet, path: "/v1/connections/{id}", tag: "Connections",
		roles:   []tenancy.Role{tenancy.RoleOperator, tenancy.RoleMerchant, tenancy.RoleAuditor},
		summary: "Show one connection", description: "How it stands: its tokens, what the last check found and what to do about it, and how calls to the platform go.",
		errors: []int{http.StatusNotFound},
	}, s.oneConnection)
	register(s, operation{
		id: "disconnect-shop", method: http.MethodPost, path: "/v1/connections/{id}/disconnect", tag: "Connections", roles: shopkeepers(),
		summary: "Disconnect a shop",
		description: "Destroys the shop's tokens with their key and tells the platform. Orders stay. The shop is then free to be connected again, here or by " +
			"another tenant. Late webhooks are not taken. A connection that only received webhooks ends in the same way, and nobody is told. Doing it again " +
			"changes nothing.",
		errors: []int{http.StatusNotFound},
	}, s.disconnectShop)
}

type newWay struct {
	IdempotencyKey
	Body struct {
		Tenant   string       `json:"tenant,omitempty" maxLength:"64" doc:"Whose shop; only operators need to say"`
		Platform hub.Platform `json:"platform"`
		Shop     string       `json:"shop,omitempty" maxLength:"200" doc:"Which shop, where the platform's page belongs to one (Shopify)" example:"loja-azul.myshopify.com"`
		AppID    string       `json:"app_id,omitempty" maxLength:"64" doc:"Through which app, where the tenant may use several"`
		Site     string       `json:"site,omitempty" maxLength:"16" doc:"The country whose page to show, where the platform has one for each (Mercado Libre)" example:"MLB"`
	}
}

// invitation is where to go.
type invitation struct {
	URL       string    `json:"url" doc:"To be opened in a browser, once"`
	ExpiresAt time.Time `json:"expires_at"`
}

type invitationAnswer struct {
	Body invitation
}

func (s *server) connectShop(ctx context.Context, c caller, in *newWay) (*invitationAnswer, error) {
	t, err := c.optionalTenant(in.Body.Tenant)
	if err == nil && t == "" {
		err = invalid("tenant_required", "body.tenant", texts["tenant_required"])
	}
	if err != nil {
		return nil, err
	}
	made, err := s.Journey.Begin(ctx, connect.Wish{Tenant: t, Platform: in.Body.Platform, App: hub.AppID(in.Body.AppID), Shop: in.Body.Shop, Site: in.Body.Site})
	if err != nil {
		return nil, err
	}
	return &invitationAnswer{invitation{made.URL, made.ExpiresAt.UTC()}}, nil
}

// ConnectionPath names one connection.
type ConnectionPath struct {
	ID string `path:"id" maxLength:"64" example:"con_01j9z3k6m8q0r2t4v6x8z0b2d4"`
}

// ownConnection finds a connection that the caller may see. Another tenant's is like one that does not exist.
func (s *server) ownConnection(c caller, id string) (tenancy.Connection, error) {
	found, ok := s.Directory.Connection(hub.ConnectionID(id))
	if !ok || !c.Operator() && found.Tenant != c.Tenant {
		return found, &hub.Error{Kind: hub.KindNotFound, Code: "connection_not_found"}
	}
	return found, nil
}

func (s *server) oneConnection(ctx context.Context, c caller, in *struct{ ConnectionPath }) (*standingAnswer, error) {
	found, err := s.ownConnection(c, in.ID)
	if err != nil {
		return nil, err
	}
	status, err := s.Shops.Status(ctx, found.ID)
	if err != nil {
		return nil, err
	}
	shown := s.showConnection(found)
	if c.Role == tenancy.RoleAuditor {
		shown.HookPath, shown.HookURL = "", ""
	}
	return &standingAnswer{showStanding(shown, status)}, nil
}

// ended is what became of a connection.
type ended struct {
	ConnectionID string `json:"connection_id"`
	State        string `json:"state" example:"disconnected"`
	Told         bool   `json:"platform_told" doc:"Whether the platform took the permission back; if not, the owner can remove the app there"`
}

type endedAnswer struct {
	Body ended
}

func (s *server) disconnectShop(ctx context.Context, c caller, in *struct {
	ConnectionPath
	IdempotencyKey
}) (*endedAnswer, error) {
	found, err := s.ownConnection(c, in.ID)
	if err != nil {
		return nil, err
	}
	told, err := s.Shops.Disconnect(ctx, found.ID)
	if err != nil {
		return nil, err
	}
	return &endedAnswer{ended{string(found.ID), string(connect.Disconnected), told}}, nil
}
