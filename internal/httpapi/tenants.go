package httpapi

import (
	"context"
	"net/http"
	"time"

	"hub"
	"hub/internal/tenancy"
)

func operators() []tenancy.Role { return []tenancy.Role{tenancy.RoleOperator} }

// creating are the errors of operations that create something.
func creating() []int {
	return []int{http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType}
}

func (s *server) tenants() {
	register(s, operation{
		id: "create-tenant", method: http.MethodPost, path: "/v1/tenants", tag: "Tenants", roles: operators(),
		summary: "Create a tenant", description: "A tenant is one merchant organisation. Its name is unique.",
		status: http.StatusCreated, errors: creating(),
	}, s.createTenant)
	register(s, operation{
		id: "list-tenants", method: http.MethodGet, path: "/v1/tenants", tag: "Tenants", roles: operators(),
		summary: "List tenants",
	}, s.listTenants)
}

// tenant is one merchant organisation.
type tenant struct {
	TenantID  string    `json:"tenant_id" example:"ten_01j9z3k6m8q0r2t4v6x8z0b2d4"`
	Name      string    `json:"name" example:"Loja Azul"`
	Retention int       `json:"order_retention_days" doc:"How many days personal fields of orders are kept"`
	CreatedAt time.Time `json:"created_at"`
}

func showTenant(t tenancy.Tenant) tenant {
	return tenant{string(t.ID), t.Name, int(t.OrderRetention() / (24 * time.Hour)), t.CreatedAt.UTC()}
}

type newTenant struct {
	IdempotencyKey
	Body struct {
		Name      string `json:"name" minLength:"1" maxLength:"200" doc:"What people call it" example:"Loja Azul"`
		Retention int    `json:"order_retention_days,omitempty" minimum:"0" maximum:"3650" doc:"How many days personal fields of orders are kept after the week of the order; 730 if left out or 0. A platform's own rule can make it shorter." example:"730"`
	}
}

type tenantAnswer struct {
	Body tenant
}

func (s *server) createTenant(ctx context.Context, _ caller, in *newTenant) (*tenantAnswer, error) {
	t, err := s.Tenancy.CreateTenant(ctx, tenancy.NewTenant{Name: in.Body.Name, OrderRetentionDays: in.Body.Retention})
	if err != nil {
		return nil, err
	}
	return &tenantAnswer{showTenant(t)}, nil
}

func (s *server) listTenants(_ context.Context, c caller, in *Page) (*listAnswer[tenant], error) {
	key := func(t tenancy.Tenant) (string, hub.TenantID) { return string(t.ID), t.ID }
	return directoryList(c, &directoryQuery{Page: *in}, "tenants", s.Directory.List().Tenants, key, showTenant)
}
