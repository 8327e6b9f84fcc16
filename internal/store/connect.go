package store

import (
	"context"
	"database/sql"
	"math"
	"time"

	"hub"
	"hub/internal/connect"
	"hub/internal/tenancy"
)

// Connect implements what internal/connect keeps, on the control database.
type Connect struct{ s *Store }

var (
	_ connect.Journeys = Connect{}
	_ connect.Grants   = Connect{}
	_ connect.Starts   = Connect{}
	_ connect.Graves   = Connect{}
	_ connect.Tokens   = Connect{}
	_ connect.Errands  = Connect{}
)

// Connect returns the ways to platforms, and tokens.
func (s *Store) Connect() Connect { return Connect{s} }

// change runs a transaction on the control database.
func (c Connect) change(ctx context.Context, f func(context.Context, *tx) error) error {
	if err := c.s.control.ready(ctx); err != nil {
		return err
	}
	return c.s.do(ctx, c.s.control, f)
}

// maxSteps is how many ways a tenant may have begun that it has not ended.
const maxSteps = 200

// Put implements connect.Journeys.
func (c Connect) Put(ctx context.Context, s connect.Step) error {
	const op = "beginning a way to a platform"
	err := within(op, field{"tenant", string(s.Tenant), maxID}, field{"platform", string(s.Platform), maxWord}, field{"app", string(s.App), maxID},
		field{"account", s.Account, maxName}, field{"kind", string(s.Kind), maxPlace}, field{"verifier", string(s.Verifier), maxVerifier}, field{"site", s.Site, maxSite})
	if err != nil {
		return err
	}
	return c.change(ctx, func(ctx context.Context, t *tx) error {
		if _, err := t.exec(ctx, op, "DELETE FROM connect_steps WHERE expires_at <= ?", micros(t.now)); err != nil {
			return err
		}
		var n int
		err := t.query(ctx, op, "SELECT COUNT(*) FROM connect_steps WHERE tenant_id = ?", []any{string(s.Tenant)},
			func(r *sql.Rows) error { return r.Scan(&n) })
		if err == nil && n >= maxSteps {
			err = t.poison(&hub.Error{Kind: hub.KindThrottled, Code: "too_many_steps", Op: op, RetryAfter: time.Minute})
		}
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, op, "INSERT INTO connect_steps ("+stepColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			s.Hash[:], string(s.Kind), string(s.Tenant), string(s.Platform), string(s.App), s.Account, s.Browser[:], blob(s.Verifier),
			clip(string(s.Actor.Key), maxID), clip(s.Actor.Role, maxWord), clip(s.Actor.Request, maxRequest), micros(s.ExpiresAt), s.Site)
		return err
	})
}

const (
	stepColumns = "hash, kind, tenant_id, platform, app_id, account, browser, verifier, actor_key, role, request_id, expires_at, site"
	maxVerifier = 512
	maxSite     = 16
	maxKey      = 512
	maxTokens   = 1<<16 - 1
	maxReport   = 1 << 20
)

// stepIn scans a row of stepColumns.
func stepIn(r *sql.Rows, s *connect.Step) error {
	var own, browser []byte
	var expires int64
	err := r.Scan(&own, &s.Kind, &s.Tenant, &s.Platform, &s.App, &s.Account, &browser, &s.Verifier, &s.Actor.Key, &s.Actor.Role, &s.Actor.Request,
		&expires, &s.Site)
	copy(s.Hash[:], own)
	copy(s.Browser[:], browser)
	s.ExpiresAt = moment(expires)
	return err
}

const stepQuery = "SELECT " + stepColumns + " FROM connect_steps WHERE hash = ? AND kind = ?"

// Look implements connect.Journeys.
func (c Connect) Look(ctx context.Context, kind connect.StepKind, hash [32]byte) (s connect.Step, err error) {
	const op = "looking at a step on the way to a platform"
	d := c.s.control
	if err := d.ready(ctx); err != nil {
		return s, err
	}
	found := false
	err = d.query(ctx, op, stepQuery, []any{hash[:], string(kind)}, func(r *sql.Rows) error { found = true; return stepIn(r, &s) })
	if err == nil && !found {
		err = &hub.Error{Kind: hub.KindNotFound, Op: op}
	}
	return s, err
}

// Take implements connect.Journeys. Of two that take at once one deletes the row.
func (c Connect) Take(ctx context.Context, kind connect.StepKind, hash [32]byte) (s connect.Step, err error) {
	const op = "taking a step on the way to a platform"
	err = c.change(ctx, func(ctx context.Context, t *tx) error {
		s = connect.Step{}
		found := false
		err := t.query(ctx, op, stepQuery+t.d.dialect.forUpdate, []any{hash[:], string(kind)}, func(r *sql.Rows) error {
			found = true
			return stepIn(r, &s)
		})
		if err != nil {
			return err
		}
		n := int64(0)
		if found {
			n, err = t.exec(ctx, op, "DELETE FROM connect_steps WHERE hash = ?", hash[:])
		}
		if err == nil && n != 1 {
			err = t.poison(&hub.Error{Kind: hub.KindNotFound, Op: op})
		}
		return err
	})
	if err != nil {
		return connect.Step{}, err
	}
	return s, nil
}

// Connect implements connect.Grants: the connection, its tokens and the record of both are one.
func (c Connect) Connect(ctx context.Context, n connect.NewShop, g connect.Grant) error {
	const op = "connecting a shop"
	shop := tenancy.Connection{ID: n.ID, Tenant: n.Tenant, App: n.App, Platform: n.Platform, Environment: n.Environment, Account: n.Account,
		Endpoint: n.Endpoint, CreatedAt: g.At}
	if err := checkConnection(op, shop); err != nil {
		return err
	}
	if err := checkGrant(op, g); err != nil {
		return err
	}
	done := deed{action: "connection.connect", tenant: n.Tenant, target: string(n.ID), count: 1}
	return c.s.Tenancy().change(ctx, op, done, func(ctx context.Context, t *tx) error {
		if err := t.addConnection(ctx, op, shop); err != nil {
			return err
		}
		return t.give(ctx, op, n.ID, n.Tenant, g)
	})
}

func checkGrant(op string, g connect.Grant) error {
	return within(op, field{"tokens", string(g.Sealed), maxTokens})
}

// give writes a pair that an owner's permission brought.
func (t *tx) give(ctx context.Context, op string, id hub.ConnectionID, tenant hub.TenantID, g connect.Grant) error {
	row, found, err := t.tokens(ctx, op, id)
	if err != nil {
		return err
	}
	if !found {
		_, err := t.exec(ctx, op, "INSERT INTO connect_tokens (connection_id, tenant_id, generation, sealed, previous, access_until, refresh_until,"+
			" grant_until, standing, code, attempts, due_at, connected_at, refreshed_at, started, report, checked_at, epoch, holder, lease_until, life)"+
			" VALUES (?, ?, 1, ?, NULL, ?, ?, ?, ?, '', 0, ?, ?, ?, 0, NULL, 0, 0, '', 0, ?)", string(id), string(tenant), g.Sealed,
			micros(g.AccessUntil), micros(g.RefreshUntil), micros(g.GrantUntil), string(connect.OK), due(g.DueAt), micros(g.At), micros(g.At), g.Life)
		return err
	}
	if row.Tenant != tenant {
		return t.poison(&hub.Error{Kind: hub.KindNotFound, Op: op, Subject: string(id)})
	}
	if row.Life != g.Life { // it is sealed under a key that somebody is about to kill
		return t.poison(&hub.Error{Kind: hub.KindConflict, Code: CodeShopTaken, Op: op, Path: "account"})
	}
	_, err = t.exec(ctx, op, "UPDATE connect_tokens SET generation = generation + 1, sealed = ?, previous = NULL, access_until = ?, refresh_until = ?,"+
		" grant_until = ?, standing = ?, code = '', attempts = 0, due_at = ?, connected_at = ?, refreshed_at = ?, started = 0, epoch = epoch + 1,"+
		" holder = '', lease_until = 0 WHERE connection_id = ?", g.Sealed, micros(g.AccessUntil), micros(g.RefreshUntil), micros(g.GrantUntil),
		string(connect.OK), due(g.DueAt), micros(g.At), micros(g.At), string(id))
	if err == nil {
		_, err = t.exec(ctx, op, "DELETE FROM connect_errands WHERE connection_id = ?", string(id))
	}
	return err
}

// neverDue is when nobody needs to look.
const neverDue = math.MaxInt64

func due(at time.Time) int64 {
	if at.IsZero() {
		return neverDue
	}
	return micros(at)
}

func dueMoment(micros int64) time.Time {
	if micros == neverDue {
		return time.Time{}
	}
	return moment(micros)
}

// Reconnect implements connect.Grants. It raises the directory's version, so whose shop it is does not change before the commit.
func (c Connect) Reconnect(ctx context.Context, n connect.Shop, g connect.Grant, seen int64) error {
	const op = "connecting a shop again"
	if err := checkGrant(op, g); err != nil {
		return err
	}
	done := deed{action: "connection.reconnect", tenant: n.Tenant, target: string(n.ID), count: 1}
	return c.s.Tenancy().change(ctx, op, done, func(ctx context.Context, t *tx) error {
		if seen != 0 {
			if err := t.unchanged(ctx, op, n, seen); err != nil {
				return err
			}
		}
		if err := t.hold(ctx, op, n); err != nil {
			return err
		}
		return t.give(ctx, op, n.ID, n.Tenant, g)
	})
}

// unchanged refuses with shop_taken when a connection is not any more what somebody saw who brings it another's permission.
func (t *tx) unchanged(ctx context.Context, op string, n connect.Shop, seen int64) error {
	row, found, err := t.tokens(ctx, op, n.ID)
	same := found && row.Tenant == n.Tenant && row.Generation == seen && (row.Standing == connect.OK || row.Standing == connect.Refreshing)
	if err == nil && same {
		same, err = t.exists(ctx, op, "SELECT 1 FROM connections WHERE id = ? AND app_id = ?", string(n.ID), string(n.App))
	}
	if err == nil && !same {
		err = t.poison(&hub.Error{Kind: hub.KindConflict, Code: CodeShopTaken, Op: op, Path: "account"})
	}
	return err
}

// hold has a connection hold its shop, by an app. The version of the directory is raised already.
func (t *tx) hold(ctx context.Context, op string, n connect.Shop) error {
	var platform, environment, account string
	found := false
	err := t.query(ctx, op, "SELECT platform, environment, account FROM connections WHERE id = ? AND tenant_id = ?",
		[]any{string(n.ID), string(n.Tenant)}, func(r *sql.Rows) error { found = true; return r.Scan(&platform, &environment, &account) })
	if err == nil && !found {
		err = t.poison(&hub.Error{Kind: hub.KindNotFound, Op: op, Subject: string(n.ID)})
	}
	if err != nil {
		return err
	}
	err = t.needs(ctx, op, string(n.App), "SELECT 1 FROM apps WHERE id = ? AND platform = ? AND environment = ? AND (tenant_id = ? OR tenant_id = '')",
		string(n.App), platform, environment, string(n.Tenant))
	if err != nil {
		return err
	}
	err = t.free(ctx, op, "account", "SELECT 1 FROM connections WHERE platform = ? AND environment = ? AND account = ? AND released = '' AND id <> ?",
		platform, environment, account, string(n.ID))
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, op, "UPDATE connections SET app_id = ?, released = '' WHERE id = ?", string(n.App), string(n.ID))
	return err
}

// Note implements connect.Grants.
func (c Connect) Note(ctx context.Context, id hub.ConnectionID, generation int64, n connect.Note) error {
	const op = "noting what was found out about a connection"
	if err := within(op, field{"report", string(n.Report), maxReport}); err != nil {
		return err
	}
	return c.change(ctx, func(ctx context.Context, t *tx) error {
		row, found, err := t.tokens(ctx, op, id)
		same := row.Generation == generation
		if err != nil || !found || !same && !row.ConnectedAt.Equal(n.ConnectedAt) {
			return err
		}
		if n.Worked && same {
			row.Previous = nil
		}
		if n.Report != nil {
			row.Report, row.CheckedAt = n.Report, n.CheckedAt
		}
		if !n.GrantUntil.IsZero() {
			row.GrantUntil = n.GrantUntil
		}
		_, err = t.exec(ctx, op, "UPDATE connect_tokens SET previous = ?, report = ?, checked_at = ?, grant_until = ?, started = ? WHERE connection_id = ?",
			blob(row.Previous), blob(row.Report), micros(row.CheckedAt), micros(row.GrantUntil), flag(row.Started || n.Started && same), string(id))
		if err != nil || n.Mended == 0 {
			return err
		}
		return t.record(ctx, deed{action: "connection.mend", tenant: row.Tenant, target: string(id), count: int64(n.Mended)})
	})
}

// Unstarted implements connect.Starts.
func (c Connect) Unstarted(ctx context.Context, before time.Time, limit int) (list []hub.ConnectionID, err error) {
	d := c.s.control
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	query := "SELECT connection_id FROM connect_tokens" + d.dialect.by("connect_tokens_started") +
		" WHERE started = 0 AND connected_at < ? AND standing <> ? ORDER BY connected_at LIMIT ?"
	err = d.query(ctx, "looking for new connections", query, []any{micros(before), string(connect.Disconnected), limit}, func(r *sql.Rows) error {
		var id hub.ConnectionID
		err := r.Scan(&id)
		list = append(list, id)
		return err
	})
	return list, err
}
