package store

import (
	"context"
	"database/sql"

	"hub"
	"hub/internal/intake"
)

// Park implements intake.Repo. Topic and path inform people; they are cut rather than refused, because what cannot be
// parked would stop the drain.
func (Intake) Park(ctx context.Context, token hub.Tx, parked []intake.Parked) error {
	const op = "parking deliveries"
	t, err := open(token, op)
	if err != nil {
		return err
	}
	for _, p := range parked {
		if err := t.owns(op, p.Tenant); err != nil {
			return err
		}
		err := within(op, field{"id", string(p.ID), maxID}, field{"connection_id", string(p.Connection), maxID},
			field{"platform", string(p.Platform), maxWord}, field{"code", string(p.Code), maxCode},
			field{"expires", string(p.Expires), maxWeek}, field{"app_id", string(p.App), maxID},
			field{"external_id", string(p.Gist.ExternalID), maxExternal})
		if err != nil {
			return t.poison(err)
		}
	}
	in := insertion{op: op, table: "parked", columns: []string{"id", "tenant_id", "connection_id", "platform", "topic", "code", "path",
		"received_at", "parked_at", "state", "attempts", "sealed", "expires", "app_id", "external_id", "source_at", "currency", "total"}}
	return t.insert(ctx, in, len(parked), func(i int, r *row) {
		p := &parked[i]
		r.add(string(p.ID), string(p.Tenant), string(p.Connection), string(p.Platform), clip(p.Topic, maxTopic), string(p.Code),
			clip(p.Path, maxPath), micros(p.ReceivedAt), micros(p.ParkedAt), string(p.State), int64(p.Attempts), blob(p.Sealed), string(p.Expires),
			string(p.App))
		r.add(gistColumns(p)...)
	})
}

// gistColumns are external_id, source_at, currency and total.
func gistColumns(p *intake.Parked) []any {
	g := &p.Gist
	currency, total := "", any(nil)
	if g.Total != nil {
		currency, total = string(g.Total.Currency), g.Total.Minor
	}
	return []any{string(g.ExternalID), micros(g.SourceUpdatedAt), currency, total}
}

// settled names what became of a parked delivery in the audit records.
var settled = map[intake.ParkedState]string{
	intake.ParkedOpen: "parked.retry", intake.ParkedReplayed: "parked.replay", intake.ParkedDropped: "parked.drop",
}

// Settle implements intake.Repo.
func (Intake) Settle(ctx context.Context, token hub.Tx, p intake.Parked) error {
	const op = "settling a parked delivery"
	t, err := open(token, op)
	if err != nil {
		return err
	}
	if err := within(op, field{"code", string(p.Code), maxCode}, field{"external_id", string(p.Gist.ExternalID), maxExternal}); err != nil {
		return t.poison(err)
	}
	const still = " WHERE id = ? AND tenant_id = ? AND state = ?"
	var n int64
	if p.State == intake.ParkedOpen {
		args := append([]any{string(p.Code), clip(p.Path, maxPath)}, gistColumns(&p)...)
		n, err = t.exec(ctx, op, "UPDATE parked SET attempts = attempts + 1, code = ?, path = ?, external_id = ?, source_at = ?, currency = ?, total = ?"+still,
			append(args, string(p.ID), string(p.Tenant), string(intake.ParkedOpen))...)
	} else if err = t.maybeIdleParked(ctx, op, p.ID); err == nil {
		n, err = t.exec(ctx, op, "UPDATE parked SET state = ?, sealed = NULL, expires = ''"+still,
			string(p.State), string(p.ID), string(p.Tenant), string(intake.ParkedOpen))
	}
	if err == nil && n == 0 {
		err = t.poison(&hub.Error{Kind: hub.KindConflict, Code: intake.CodeParkedSettled, Op: op, Subject: string(p.ID), Err: words("it is not open any more")})
	}
	if err != nil {
		return err
	}
	return t.record(ctx, deed{action: settled[p.State], tenant: p.Tenant, target: string(p.ID), count: 1})
}

const selectParked = "SELECT id, tenant_id, connection_id, platform, topic, code, path, received_at, parked_at, state, attempts, expires, " +
	"app_id, external_id, source_at, currency, total, closed_by, "

// Parked implements intake.ParkedReader.
func (i Intake) Parked(ctx context.Context, tenant hub.TenantID, f intake.ParkedFilter, after hub.ParkedID, limit int) ([]intake.Parked, error) {
	const op = "listing parked deliveries"
	d, err := i.s.of(ctx, tenant)
	if err != nil {
		return nil, err
	}
	path := "parked_tenant"
	if f.State != "" {
		path = "parked_open"
	}
	query := selectParked + "NULL FROM parked" + d.dialect.by(path) + " WHERE tenant_id = ? AND id > ?"
	args := []any{string(tenant), string(after)}
	for _, c := range []struct{ column, value string }{
		{"state", string(f.State)}, {"code", string(f.Code)}, {"platform", string(f.Platform)}, {"connection_id", string(f.Connection)},
	} {
		if c.value != "" {
			query, args = query+" AND "+c.column+" = ?", append(args, c.value)
		}
	}
	if !f.Before.IsZero() {
		query, args = query+" AND received_at < ?", append(args, micros(f.Before))
	}
	return listed(ctx, d, op, query+" ORDER BY id LIMIT ?", append(args, limit), scanParked) // few people look at few rows: each look may cost a flush
}

// ParkedByID implements intake.ParkedReader.
func (i Intake) ParkedByID(ctx context.Context, tenant hub.TenantID, id hub.ParkedID) (p intake.Parked, err error) {
	const op = "reading a parked delivery"
	d, err := i.s.of(ctx, tenant)
	if err != nil {
		return p, err
	}
	found := false
	query := selectParked + "sealed FROM parked WHERE id = ? AND tenant_id = ?"
	err = d.query(ctx, op, query, []any{string(id), string(tenant)}, func(r *sql.Rows) (err error) {
		found = true
		p, err = scanParked(r)
		return err
	})
	if err != nil {
		return p, err
	}
	if !found {
		return p, &hub.Error{Kind: hub.KindNotFound, Op: op, Subject: string(id)}
	}
	if err := d.flushed(ctx); err != nil {
		return intake.Parked{}, err
	}
	return p, nil
}

func scanParked(r *sql.Rows) (p intake.Parked, err error) {
	var received, parked, source int64
	var currency hub.Currency
	var total sql.NullInt64
	err = r.Scan(&p.ID, &p.Tenant, &p.Connection, &p.Platform, &p.Topic, &p.Code, &p.Path, &received, &parked, &p.State, &p.Attempts, &p.Expires,
		&p.App, &p.Gist.ExternalID, &source, &currency, &total, &p.ClosedBy, &p.Sealed)
	p.ReceivedAt, p.ParkedAt, p.Gist.SourceUpdatedAt = moment(received), moment(parked), moment(source)
	if total.Valid {
		p.Gist.Total = &hub.Money{Minor: total.Int64, Currency: currency}
	}
	return p, err
}
