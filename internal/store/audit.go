package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"hub"
	"hub/internal/audit"
)

// deed is what an audit record says of a change, beside who did it and when.
type deed struct {
	action string
	tenant hub.TenantID // "" when it concerns none, or several
	target string       // an id, never anything personal; "" for a batch
	count  int64
	who    *hub.Actor // nil: who acts in the context
}

var auditColumns = []string{"hub", "id", "tenant_id", "at", "actor_key", "role", "request_id", "action", "target", "count"}

// record writes the audit records of what the transaction does: there is no change without one and no record without the
// change. Who acts is cut rather than refused: it is made by the hub, and a change must not fail for its record.
func (t *tx) record(ctx context.Context, deeds ...deed) error {
	const op = "writing an audit record"
	for _, d := range deeds {
		if err := within(op, field{"action", d.action, maxCode}, field{"target", d.target, maxTarget}, field{"tenant_id", string(d.tenant), maxID}); err != nil {
			return t.poison(err)
		}
	}
	in := insertion{op: op, table: "audit_outbox", columns: auditColumns}
	return t.insert(ctx, in, len(deeds), func(i int, r *row) {
		d, who := &deeds[i], hub.ActorOf(ctx)
		if d.who != nil {
			who = *d.who
		}
		r.add(t.s.cfg.Instance, t.s.cfg.IDs.New(audit.EntryPrefix), string(d.tenant), micros(t.now), clip(string(who.Key), maxID),
			clip(who.Role, maxWord), clip(who.Request, maxRequest), d.action, d.target, d.count)
	})
}

// Record implements intake.Repo.
func (Intake) Record(ctx context.Context, token hub.Tx, action string, tenant hub.TenantID, count int64) error {
	const op = "writing an audit record"
	t, err := open(token, op)
	if err != nil {
		return err
	}
	if tenant != "" {
		if err := t.owns(op, tenant); err != nil {
			return err
		}
	}
	return t.record(ctx, deed{action: action, tenant: tenant, count: count})
}

// Outbox implements audit.Outbox on all databases. A row belongs from its beginning to the hub that wrote it.
type Outbox struct{ s *Store }

var _ audit.Outbox = Outbox{}

// Outbox returns the audit records that wait to be moved into this hub's log.
func (s *Store) Outbox() Outbox { return Outbox{s} }

// Sources implements audit.Outbox: the control database, the vault, and the shards by their names.
func (o Outbox) Sources() []string {
	shards := map[hub.ShardID]bool{} // also those that own no tenant now: they may have, before the map changed
	for _, id := range o.s.ShardIDs() {
		shards[id] = true
	}
	o.s.mu.Lock()
	for id := range o.s.byID {
		shards[id] = true
	}
	o.s.mu.Unlock()
	list := []string{string(roleControl), string(roleVault)}
	for _, id := range slices.Sorted(maps.Keys(shards)) {
		list = append(list, string(id))
	}
	return list
}

func (o Outbox) database(ctx context.Context, source string) (*database, error) {
	d := o.s.control
	switch source {
	case string(roleControl):
	case string(roleVault):
		d = o.s.vault
	default:
		return o.s.find(ctx, hub.ShardID(source))
	}
	return d, d.ready(ctx)
}

// Read implements audit.Outbox. What it returns is durable: the log must not hold what a crash takes back.
func (o Outbox) Read(ctx context.Context, source string, limit int) ([]audit.Entry, error) {
	const op = "reading audit records"
	d, err := o.database(ctx, source)
	if err != nil {
		return nil, err
	}
	const query = "SELECT hub, id, tenant_id, at, actor_key, role, request_id, action, target, count FROM audit_outbox WHERE hub = ? ORDER BY id LIMIT ?"
	return listed(ctx, d, op, query, []any{o.s.cfg.Instance, limit}, func(r *sql.Rows) (e audit.Entry, err error) {
		var at int64
		err = r.Scan(&e.Hub, &e.ID, &e.Tenant, &at, &e.Actor.Key, &e.Actor.Role, &e.Actor.Request, &e.Action, &e.Target, &e.Count)
		e.At = moment(at)
		return e, err
	})
}

// Delete implements audit.Outbox.
func (o Outbox) Delete(ctx context.Context, source string, ids []string) error {
	const op = "deleting audit records"
	d, err := o.database(ctx, source)
	if err != nil || len(ids) == 0 {
		return err
	}
	sorted := slices.Sorted(slices.Values(ids))
	return o.s.do(ctx, d, func(ctx context.Context, t *tx) error {
		return t.execKeys(ctx, op, "DELETE FROM audit_outbox WHERE", []string{"hub", "id"}, len(sorted), func(i int, r *row) {
			r.add(o.s.cfg.Instance, sorted[i])
		})
	})
}
