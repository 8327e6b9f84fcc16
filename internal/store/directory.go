package store

import (
	"context"
	"database/sql"
	"strings"

	"github.com/jmoiron/sqlx"

	"hub"
	"hub/internal/tenancy"
)

// The rows of the control database, by the names of their columns.
type (
	tenantRow struct {
		ID        hub.TenantID `db:"id"`
		Name      string       `db:"name"`
		Created   int64        `db:"created_at"`
		Retention int          `db:"order_retention_days"`
	}
	appRow struct {
		ID          hub.AppID    `db:"id"`
		Tenant      hub.TenantID `db:"tenant_id"`
		Platform    hub.Platform `db:"platform"`
		Name        string       `db:"name"`
		Environment string       `db:"environment"`
		Endpoint    string       `db:"endpoint"`
		Secrets     []byte       `db:"sealed_secrets"`
		Created     int64        `db:"created_at"`
		ClientID    string       `db:"client_id"`
		Base        string       `db:"base"`
		Scopes      string       `db:"scopes"`
		Redirect    string       `db:"redirect"`
		HookURL     string       `db:"hook_url"`
	}
	connectionRow struct {
		ID          hub.ConnectionID `db:"id"`
		Tenant      hub.TenantID     `db:"tenant_id"`
		App         hub.AppID        `db:"app_id"`
		Platform    hub.Platform     `db:"platform"`
		Environment string           `db:"environment"`
		Account     string           `db:"account"`
		Endpoint    string           `db:"endpoint"`
		Created     int64            `db:"created_at"`
		Released    string           `db:"released"`
	}
	apiKeyRow struct {
		ID      hub.KeyID    `db:"id"`
		Tenant  hub.TenantID `db:"tenant_id"`
		Role    tenancy.Role `db:"role"`
		Client  string       `db:"client"`
		Scopes  string       `db:"scopes"`
		Hash    []byte       `db:"hash"`
		Created int64        `db:"created_at"`
		Revoked int64        `db:"revoked_at"`
	}
)

// Load implements tenancy.Repo. The version is read first and locked, so that what follows is exactly that version.
func (y Tenancy) Load(ctx context.Context) (all tenancy.Everything, err error) {
	const op = "loading the directory"
	if err := y.s.control.ready(ctx); err != nil {
		return all, err
	}
	var tenants []tenantRow
	var apps []appRow
	var connections []connectionRow
	var keys []apiKeyRow
	err = y.s.do(ctx, y.s.control, func(ctx context.Context, t *tx) error {
		tenants, apps, connections, keys = nil, nil, nil, nil
		err := t.query(ctx, op, "SELECT directory_version FROM installation WHERE one = 1"+t.d.dialect.forShare, nil,
			func(r *sql.Rows) error { return r.Scan(&all.Version) })
		for _, list := range []struct {
			query string
			into  any
		}{
			{"SELECT id, name, created_at, order_retention_days FROM tenants ORDER BY id", &tenants},
			{"SELECT " + appList + " FROM apps ORDER BY id", &apps},
			{"SELECT id, tenant_id, app_id, platform, environment, account, endpoint, created_at, released FROM connections ORDER BY id", &connections},
			{"SELECT id, tenant_id, role, client, scopes, hash, created_at, revoked_at FROM api_keys ORDER BY id", &keys},
		} {
			if err == nil {
				err = t.structs(ctx, op, list.query, list.into)
			}
		}
		return err
	})
	all.Tenants, all.Apps = convert(tenants, tenantRow.tenant), convert(apps, appRow.app)
	all.Connections, all.Keys = convert(connections, connectionRow.connection), convert(keys, apiKeyRow.key)
	return all, err
}

// structs reads all rows into a slice of structs.
func (t *tx) structs(ctx context.Context, op, query string, into any) error {
	rows, err := t.session.query(ctx, query, nil)
	if err != nil {
		return t.poison(fail(op, err))
	}
	defer rows.Close()
	if err := sqlx.StructScan(rows, into); err != nil {
		return t.poison(fail(op, err))
	}
	return nil
}

func convert[R, V any](rows []R, one func(R) V) (list []V) {
	for _, r := range rows {
		list = append(list, one(r))
	}
	return list
}

func (r tenantRow) tenant() tenancy.Tenant {
	return tenancy.Tenant{ID: r.ID, Name: r.Name, CreatedAt: moment(r.Created), OrderRetentionDays: r.Retention}
}

func (r appRow) app() tenancy.App {
	return tenancy.App{ID: r.ID, Tenant: r.Tenant, Platform: r.Platform, Name: r.Name, Environment: r.Environment, Endpoint: r.Endpoint,
		SealedSecrets: r.Secrets, CreatedAt: moment(r.Created), ClientID: r.ClientID, Base: r.Base, Scopes: fieldsOf(r.Scopes),
		Redirect: r.Redirect, HookURL: r.HookURL}
}

// fieldsOf is strings.Fields that returns nil for none.
func fieldsOf(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Fields(text)
}

func (r connectionRow) connection() tenancy.Connection {
	return tenancy.Connection{ID: r.ID, Tenant: r.Tenant, App: r.App, Platform: r.Platform, Environment: r.Environment, Account: r.Account,
		Endpoint: r.Endpoint, CreatedAt: moment(r.Created), Released: r.Released != ""}
}

func (r apiKeyRow) key() tenancy.Key {
	k := tenancy.Key{ID: r.ID, Tenant: r.Tenant, Role: r.Role, Client: r.Client, Scopes: strings.Fields(r.Scopes),
		CreatedAt: moment(r.Created), RevokedAt: moment(r.Revoked)}
	copy(k.Hash[:], r.Hash)
	return k
}
