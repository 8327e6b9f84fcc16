package demo

import (
	"context"
	"fmt"
	"net/http"
)

// introduce makes the hub's app at a platform, on both sides. The client must be an operator's.
func introduce(ctx context.Context, c Client, m *market) error {
	redirect, hook, err := c.AddApp(ctx, App{Platform: m.name, ClientID: m.clientID, Secret: m.secret, Base: m.url, Scopes: m.scopes})
	if err != nil {
		return err
	}
	if err := m.enrol(m.profile, redirect, hook); err != nil {
		return fmt.Errorf("making the app at %s: %w", m.title, err)
	}
	return nil
}

// tenant is a merchant with shops, and an ERP that books their orders.
type tenant struct {
	name     string
	id       string
	merchant Client
	books    *Books
	markets  []*market
}

// join makes the tenant, with a key for the merchant and one for the ERP. The client must be an operator's.
func (t *tenant) join(ctx context.Context, c Client) error {
	var made struct {
		ID string `json:"tenant_id"`
	}
	if err := c.Do(ctx, http.MethodPost, "/v1/tenants", map[string]any{"name": t.name}, &made); err != nil {
		return err
	}
	t.id = made.ID
	var err error
	if t.merchant, err = c.NewKey(ctx, t.id, "merchant", "office"); err != nil {
		return err
	}
	erp, err := c.NewKey(ctx, t.id, "erp", "books")
	t.books = &Books{Client: erp}
	return err
}

// connect has the merchant ask for a link, and the owner of the shop walk it.
func (t *tenant) connect(ctx context.Context, m *market) error {
	if err := t.merchant.Authorise(ctx, m.name, m.asked, m.url, m.consent); err != nil {
		return fmt.Errorf("connecting %s: %w", m.shop, err)
	}
	return t.find(ctx, m)
}

// find reads how the connection stands that the owner has made.
func (t *tenant) find(ctx context.Context, m *market) error {
	var list struct {
		Data []struct {
			ID       string `json:"connection_id"`
			Platform string `json:"platform"`
			Shop     string `json:"shop"`
		}
	}
	if err := t.merchant.Do(ctx, http.MethodGet, "/v1/connections", nil, &list); err != nil {
		return err
	}
	for _, one := range list.Data {
		if one.Platform == string(m.name) && one.Shop == m.shop {
			m.connection = one.ID
		}
	}
	var standing struct {
		State string
		Check struct {
			OK     bool
			Checks []struct {
				OK   bool
				Code string
			}
		}
	}
	if err := t.merchant.Do(ctx, http.MethodGet, "/v1/connections/"+m.connection, nil, &standing); err != nil {
		return err
	}
	for _, check := range standing.Check.Checks {
		if !check.OK {
			m.todo = append(m.todo, check.Code)
		}
	}
	if standing.State != "ok" {
		return fmt.Errorf("connecting %s on %s: the connection is %s", m.shop, m.title, standing.State)
	}
	return nil
}
