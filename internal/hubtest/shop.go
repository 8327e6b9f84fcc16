package hubtest

import (
	"context"
	"net/http"

	"hub/internal/demo"
)

// Shop is a shop that only sends webhooks, connected by its secret, and the keys to it.
type Shop struct {
	Tenant, Connection, HookURL string
	PublicHookURL               string // the same door as the hub tells it to platforms
	ERP                         demo.Client
}

// Connect makes a tenant with one connected shop and an ERP's key.
func Connect(ctx context.Context, operator demo.Client, name, platform, shop, secret string) (Shop, error) {
	var made struct {
		Tenant     string `json:"tenant_id"`
		Connection string `json:"connection_id"`
		HookPath   string `json:"hook_path"`
		HookURL    string `json:"hook_url"`
	}
	if err := operator.Do(ctx, http.MethodPost, "/v1/tenants", map[string]any{"name": name}, &made); err != nil {
		return Shop{}, err
	}
	erp, err := operator.NewKey(ctx, made.Tenant, "erp", "books")
	if err != nil {
		return Shop{}, err
	}
	in := map[string]any{"tenant": made.Tenant, "platform": platform, "shop": shop, "secret": secret}
	if err := operator.Do(ctx, http.MethodPost, "/v1/connections", in, &made); err != nil {
		return Shop{}, err
	}
	return Shop{
		Tenant: made.Tenant, Connection: made.Connection, HookURL: operator.URL + made.HookPath, PublicHookURL: made.HookURL, ERP: erp,
	}, nil
}
