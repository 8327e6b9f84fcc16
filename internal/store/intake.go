package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"hub"
	"hub/internal/intake"
	"hub/internal/jobs"
)

// Intake implements intake.Repo and intake.ParkedReader.
type Intake struct{ s *Store }

var (
	_ intake.Repo         = Intake{}
	_ intake.ParkedReader = Intake{}
)

// Intake returns what the drain keeps on all shards.
func (s *Store) Intake() Intake { return Intake{s} }

// claim is the primary key of a delivery.
type claim struct {
	connection hub.ConnectionID
	resource   hub.ExternalID
	key        [32]byte
}

// Claim implements intake.Repo. What is new is a plain INSERT: when another transaction claims the same delivery at the
// same moment, one of the two runs again and finds it. INSERT IGNORE would call cut keys and other trouble duplicates.
func (Intake) Claim(ctx context.Context, token hub.Tx, deliveries []intake.Delivery) ([]bool, error) {
	const op = "claiming deliveries"
	t, err := open(token, op)
	if err != nil {
		return nil, err
	}
	claims := make([]claim, len(deliveries))
	for i, d := range deliveries {
		if err := t.owns(op, d.Tenant); err != nil {
			return nil, err
		}
		if err := within(op, field{"connection_id", string(d.Connection), maxID}, field{"resource", string(d.Resource), maxExternal}); err != nil {
			return nil, t.poison(err)
		}
		claims[i] = claim{d.Connection, d.Resource, d.Key}
	}
	taken, err := t.claimed(ctx, op, claims)
	if err != nil {
		return nil, err
	}
	fresh := make([]bool, len(deliveries))
	var first []int // of each new delivery its first place
	for i, c := range claims {
		if !taken[c] {
			taken[c], fresh[i] = true, true
			first = append(first, i)
		}
	}
	slices.SortFunc(first, func(a, b int) int { return compareClaims(claims[a], claims[b]) })
	in := insertion{op: op, table: "deliveries", columns: []string{"connection_id", "resource", "delivery_key", "tenant_id", "claimed_at"}}
	err = t.insert(ctx, in, len(first), func(i int, r *row) {
		c := &claims[first[i]]
		r.add(string(c.connection), string(c.resource), c.key[:], string(deliveries[first[i]].Tenant), micros(t.now))
	})
	return fresh, err
}

// claimed returns which of the claims exist.
func (t *tx) claimed(ctx context.Context, op string, claims []claim) (map[claim]bool, error) {
	taken := make(map[claim]bool, len(claims))
	sel := selection{op: op, columns: "connection_id, resource, delivery_key", table: "deliveries" + t.d.dialect.by(primary),
		keys: []string{"connection_id", "resource", "delivery_key"}}
	err := t.find(ctx, sel, len(claims), func(i int, r *row) {
		r.add(string(claims[i].connection), string(claims[i].resource), claims[i].key[:])
	}, func(rows *sql.Rows) error {
		var c claim
		var key sql.RawBytes
		err := rows.Scan(&c.connection, &c.resource, &key)
		copy(c.key[:], key)
		taken[c] = true
		return err
	})
	return taken, err
}

func compareClaims(a, b claim) int {
	if c := strings.Compare(string(a.connection), string(b.connection)); c != 0 {
		return c
	}
	if c := strings.Compare(string(a.resource), string(b.resource)); c != 0 {
		return c
	}
	return slices.Compare(a.key[:], b.key[:])
}

// KeepRaw implements intake.Repo.
func (Intake) KeepRaw(ctx context.Context, token hub.Tx, raws []intake.Raw) error {
	const op = "keeping payloads"
	t, err := open(token, op)
	if err != nil {
		return err
	}
	for _, w := range raws {
		if err := t.owns(op, w.Order.Tenant); err != nil {
			return err
		}
		err := within(op, field{"raw_ref", string(w.Ref), maxID}, field{"connection_id", string(w.Order.Connection), maxID},
			field{"external_id", string(w.Order.External), maxExternal}, field{"expires", string(w.Expires), maxWeek})
		if err != nil {
			return t.poison(err)
		}
	}
	in := insertion{op: op, table: "raws", columns: []string{"raw_ref", "tenant_id", "connection_id", "external_id", "received_at", "sealed", "expires", "topic", "delivery_key"}}
	return t.insert(ctx, in, len(raws), func(i int, r *row) {
		w := &raws[i]
		r.add(string(w.Ref), string(w.Order.Tenant), string(w.Order.Connection), string(w.Order.External), micros(w.ReceivedAt), notNull(w.Sealed), string(w.Expires),
			clip(w.Topic, maxTopic), w.Delivery[:])
	})
}

// notNull keeps no bytes as no bytes, in a column that is never NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Erased implements intake.Repo.
func (Intake) Erased(ctx context.Context, token hub.Tx, tenant hub.TenantID, since time.Time) (erased bool, err error) {
	const op = "looking for erasures"
	t, err := open(token, op)
	if err != nil {
		return false, err
	}
	if err := t.owns(op, tenant); err != nil {
		return false, err
	}
	query := "SELECT 1 FROM erasures" + t.d.dialect.by("erasures_tenant") + " WHERE tenant_id = ? AND at >= ? AND reason NOT " + retiredReasons + " LIMIT 1"
	err = t.query(ctx, op, query, []any{string(tenant), micros(since)}, func(r *sql.Rows) error {
		erased = true
		return nil
	})
	return erased, err
}

// FetchPrefix begins the kinds of jobs that fetch what a hint is about; the rest is the kind of the hint.
const FetchPrefix = "fetch."

// Note implements intake.Repo.
func (i Intake) Note(ctx context.Context, token hub.Tx, notes []intake.Note) error {
	list := make([]jobs.Job, len(notes))
	for at, n := range notes {
		lane := jobs.Lane{Kind: FetchPrefix + n.Kind, Tenant: n.Tenant, Connection: n.Connection}
		list[at].Ref = jobs.Ref{Lane: lane, Key: n.ExternalID}
		if n.After > 0 {
			list[at].Class, list[at].DueAt = jobs.Backfill, token.Now().Add(n.After)
		}
	}
	return i.s.Jobs().Enqueue(ctx, token, list)
}
