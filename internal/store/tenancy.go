package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"hub"
	"hub/internal/tenancy"
)

// Tenancy implements tenancy.Repo on the control database.
type Tenancy struct{ s *Store }

var _ tenancy.Repo = Tenancy{}

// Tenancy returns the directory.
func (s *Store) Tenancy() Tenancy { return Tenancy{s} }

// change runs a change of the directory. Raising the version first locks its row, so changes come one after the other and
// each sees all before it; what a check found free stays free until the commit. The audit record of it goes with it.
func (y Tenancy) change(ctx context.Context, op string, done deed, f func(context.Context, *tx) error) error {
	if err := y.s.control.ready(ctx); err != nil {
		return err
	}
	return y.s.do(ctx, y.s.control, func(ctx context.Context, t *tx) error {
		if err := t.raise(ctx, op); err != nil {
			return err
		}
		if err := f(ctx, t); err != nil {
			return err
		}
		return t.record(ctx, done)
	})
}

func (t *tx) raise(ctx context.Context, op string) error {
	_, err := t.exec(ctx, op, "UPDATE installation SET directory_version = directory_version + 1 WHERE one = 1")
	return err
}

// exists reports whether a query has an answer.
func (t *tx) exists(ctx context.Context, op, query string, args ...any) (found bool, err error) {
	err = t.query(ctx, op, query, args, func(*sql.Rows) error { found = true; return nil })
	return found, err
}

// free is a conflict when a query has an answer; what names the unique thing that is taken, not its value.
func (t *tx) free(ctx context.Context, op, what, query string, args ...any) error {
	taken, err := t.exists(ctx, op, query, args...)
	if err == nil && taken {
		code := CodeTaken
		switch what {
		case "name":
			code = CodeNameTaken
		case "account":
			code = CodeShopTaken
		}
		err = t.poison(&hub.Error{Kind: hub.KindConflict, Code: code, Op: op, Path: what})
	}
	return err
}

// needs is KindNotFound when a query has no answer.
func (t *tx) needs(ctx context.Context, op, subject, query string, args ...any) error {
	found, err := t.exists(ctx, op, query, args...)
	if err == nil && !found {
		err = t.poison(&hub.Error{Kind: hub.KindNotFound, Op: op, Subject: subject})
	}
	return err
}

// AddTenant implements tenancy.Repo.
func (y Tenancy) AddTenant(ctx context.Context, n tenancy.Tenant) error {
	const op = "adding a tenant"
	if err := within(op, field{"id", string(n.ID), maxID}, field{"name", n.Name, maxName}); err != nil {
		return err
	}
	done := deed{action: "tenant.create", tenant: n.ID, target: string(n.ID), count: 1}
	return y.change(ctx, op, done, func(ctx context.Context, t *tx) error {
		if err := t.free(ctx, op, "name", "SELECT 1 FROM tenants WHERE name = ?", n.Name); err != nil {
			return err
		}
		if err := t.free(ctx, op, "id", "SELECT 1 FROM tenants WHERE id = ?", string(n.ID)); err != nil {
			return err
		}
		_, err := t.exec(ctx, op, "INSERT INTO tenants (id, name, created_at, order_retention_days) VALUES (?, ?, ?, ?)",
			string(n.ID), n.Name, micros(n.CreatedAt), int64(n.OrderRetentionDays))
		return err
	})
}

// AddKey implements tenancy.Repo.
func (y Tenancy) AddKey(ctx context.Context, k tenancy.Key) error {
	const op = "adding an API key"
	scopes := strings.Join(k.Scopes, " ")
	err := within(op, field{"id", string(k.ID), maxID}, field{"role", string(k.Role), maxWord}, field{"client", k.Client, maxClient},
		field{"scopes", scopes, 1024})
	if err != nil {
		return err
	}
	if len(strings.Fields(scopes)) != len(k.Scopes) {
		return &hub.Error{Kind: hub.KindInvalid, Op: op, Path: "scopes", Err: words("a scope is empty or has a space in it")}
	}
	done := deed{action: "key.create", tenant: k.Tenant, target: string(k.ID), count: 1}
	return y.change(ctx, op, done, func(ctx context.Context, t *tx) error {
		if err := t.hasTenant(ctx, op, k.Tenant); err != nil {
			return err
		}
		if err := t.free(ctx, op, "id", "SELECT 1 FROM api_keys WHERE id = ?", string(k.ID)); err != nil {
			return err
		}
		_, err := t.exec(ctx, op, "INSERT INTO api_keys (id, tenant_id, role, client, scopes, hash, created_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			string(k.ID), string(k.Tenant), string(k.Role), k.Client, scopes, k.Hash[:], micros(k.CreatedAt), micros(k.RevokedAt))
		return err
	})
}

// hasTenant is KindNotFound for a tenant that does not exist; the operator's "" always does.
func (t *tx) hasTenant(ctx context.Context, op string, id hub.TenantID) error {
	if id == "" {
		return nil
	}
	return t.needs(ctx, op, string(id), "SELECT 1 FROM tenants WHERE id = ?", string(id))
}

// AddApp implements tenancy.Repo.
func (y Tenancy) AddApp(ctx context.Context, a tenancy.App) error {
	const op = "adding an app"
	if err := checkApp(op, a); err != nil {
		return err
	}
	done := deed{action: "app.create", tenant: a.Tenant, target: string(a.ID), count: 1}
	return y.change(ctx, op, done, func(ctx context.Context, t *tx) error { return t.addApp(ctx, op, a) })
}

const appList = "id, tenant_id, platform, name, environment, endpoint, sealed_secrets, created_at, client_id, base, scopes, redirect, hook_url"

func checkApp(op string, a tenancy.App) error {
	return within(op, field{"id", string(a.ID), maxID}, field{"platform", string(a.Platform), maxWord}, field{"name", a.Name, maxName},
		field{"environment", a.Environment, maxWord}, field{"endpoint", a.Endpoint, maxEndpoint}, field{"secrets", string(a.SealedSecrets), 1<<16 - 1},
		field{"client_id", a.ClientID, maxClient}, field{"base", a.Base, maxAddress}, field{"scopes", strings.Join(a.Scopes, " "), maxScopes},
		field{"redirect", a.Redirect, maxAddress}, field{"hook_url", a.HookURL, maxAddress})
}

func (t *tx) addApp(ctx context.Context, op string, a tenancy.App) error {
	if err := t.hasTenant(ctx, op, a.Tenant); err != nil {
		return err
	}
	if err := t.freeEndpoint(ctx, op, a.Endpoint); err != nil {
		return err
	}
	if err := t.free(ctx, op, "id", "SELECT 1 FROM apps WHERE id = ?", string(a.ID)); err != nil {
		return err
	}
	_, err := t.exec(ctx, op, "INSERT INTO apps ("+appList+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		string(a.ID), string(a.Tenant), string(a.Platform), a.Name, a.Environment, a.Endpoint, blob(a.SealedSecrets), micros(a.CreatedAt),
		a.ClientID, a.Base, strings.Join(a.Scopes, " "), a.Redirect, a.HookURL)
	return err
}

// freeEndpoint holds that a token names one app or one connection, never both.
func (t *tx) freeEndpoint(ctx context.Context, op, endpoint string) error {
	return t.free(ctx, op, "endpoint", "SELECT 1 FROM apps WHERE endpoint = ? UNION ALL SELECT 1 FROM connections WHERE endpoint = ?", endpoint, endpoint)
}

func checkConnection(op string, c tenancy.Connection) error {
	return within(op, field{"id", string(c.ID), maxID}, field{"platform", string(c.Platform), maxWord},
		field{"environment", c.Environment, maxWord}, field{"account", c.Account, maxName}, field{"endpoint", c.Endpoint, maxEndpoint})
}

// AddConnection implements tenancy.Repo. Another tenant's app is not found, like a missing one.
func (y Tenancy) AddConnection(ctx context.Context, c tenancy.Connection, app *tenancy.App) error {
	const op = "adding a connection"
	err := checkConnection(op, c)
	if err == nil && app != nil {
		err = checkApp(op, *app)
	}
	if err != nil {
		return err
	}
	done := deed{action: "connection.create", tenant: c.Tenant, target: string(c.ID), count: 1}
	return y.change(ctx, op, done, func(ctx context.Context, t *tx) error {
		if app != nil {
			if err := t.addApp(ctx, op, *app); err != nil {
				return err
			}
		}
		return t.addConnection(ctx, op, c)
	})
}

func (t *tx) addConnection(ctx context.Context, op string, c tenancy.Connection) error {
	if err := t.needs(ctx, op, string(c.Tenant), "SELECT 1 FROM tenants WHERE id = ?", string(c.Tenant)); err != nil {
		return err
	}
	err := t.needs(ctx, op, string(c.App), "SELECT 1 FROM apps WHERE id = ? AND platform = ? AND (tenant_id = ? OR tenant_id = '')",
		string(c.App), string(c.Platform), string(c.Tenant))
	if err != nil {
		return err
	}
	err = t.free(ctx, op, "account", "SELECT 1 FROM connections WHERE platform = ? AND environment = ? AND account = ? AND released = ''",
		string(c.Platform), c.Environment, c.Account)
	if err != nil {
		return err
	}
	if err := t.freeEndpoint(ctx, op, c.Endpoint); err != nil {
		return err
	}
	if err := t.free(ctx, op, "id", "SELECT 1 FROM connections WHERE id = ?", string(c.ID)); err != nil {
		return err
	}
	_, err = t.exec(ctx, op, "INSERT INTO connections (id, tenant_id, app_id, platform, environment, account, endpoint, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		string(c.ID), string(c.Tenant), string(c.App), string(c.Platform), c.Environment, c.Account, c.Endpoint, micros(c.CreatedAt))
	return err
}

// RevokeKey implements tenancy.Repo. A key that is revoked already keeps its time, and nobody is on record for it again.
func (y Tenancy) RevokeKey(ctx context.Context, id hub.KeyID, at time.Time) error {
	const op = "revoking an API key"
	if err := y.s.control.ready(ctx); err != nil {
		return err
	}
	return y.s.do(ctx, y.s.control, func(ctx context.Context, t *tx) error {
		if err := t.raise(ctx, op); err != nil {
			return err
		}
		var tenant hub.TenantID
		found := false
		err := t.query(ctx, op, "SELECT tenant_id FROM api_keys WHERE id = ?", []any{string(id)},
			func(r *sql.Rows) error { found = true; return r.Scan(&tenant) })
		if err == nil && !found {
			err = t.poison(&hub.Error{Kind: hub.KindNotFound, Op: op, Subject: string(id)})
		}
		if err != nil {
			return err
		}
		n, err := t.exec(ctx, op, "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at = 0", micros(at), string(id))
		if err != nil || n == 0 {
			return err
		}
		return t.record(ctx, deed{action: "key.revoke", tenant: tenant, target: string(id), count: 1})
	})
}

// Version implements tenancy.Repo.
func (y Tenancy) Version(ctx context.Context) (version int64, err error) {
	if err := y.s.control.ready(ctx); err != nil {
		return 0, err
	}
	err = y.s.control.query(ctx, "reading the directory's version", "SELECT directory_version FROM installation", nil,
		func(r *sql.Rows) error { return r.Scan(&version) })
	return version, err
}
