package storetest

import (
	"context"
	"testing"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget/forgettest"
	"hub/internal/intake"
	"hub/internal/orders"
)

// testShard runs the suite of package forget.
func testShard(e *env) {
	forgettest.RunShard(e.T, func(t *testing.T) forgettest.Fixture {
		for _, name := range e.Config.Shards {
			for _, table := range []string{"subjects", "subject_places", "erasures", "erasure_head", "idle_subjects", "orders", "raws", "parked"} {
				if _, err := e.Raw(t, name).Exec("DELETE FROM " + table); err != nil {
					t.Fatal(err)
				}
			}
		}
		f := forgettest.Fixture{Shards: e.s, Shard: e.s.Subjects(), Register: e.s.Subjects(), Put: e.putRow, Values: e.values}
		list := e.tenants(2)
		f.Tenants = [3]hub.TenantID{list[0], list[1], e.tenant()}
		for e.s.Of(f.Tenants[2]) == e.s.Of(list[0]) {
			f.Tenants[2] = e.tenant()
		}
		return f
	})
}

// putRow stores a row of any place; that of an order in the place of what was there.
func (e *env) putRow(ctx context.Context, tx hub.Tx, r forgettest.Row) error {
	switch r.Place {
	case gdpr.InRaws:
		w := intake.Raw{Ref: hub.RawRef(r.ID), Order: e.order(r.Tenant, r.ID).Key, Sealed: r.Values[""], Expires: r.Expires}
		return e.s.Intake().KeepRaw(ctx, tx, []intake.Raw{w})
	case gdpr.InParked:
		p := e.parked(r.Tenant, hub.CodeMissing)
		p.ID, p.Sealed, p.Expires = hub.ParkedID(r.ID), r.Values[""], r.Expires
		return e.s.Intake().Park(ctx, tx, []intake.Parked{p})
	}
	o := e.order(r.Tenant, r.ID)
	o.ID, o.Expires, o.Personal = hub.OrderID(r.ID), r.Expires, r.Values[hub.PartBuyer]
	o.Recipient, o.Payer, o.Shared = r.Values[hub.PartRecipient], r.Values[hub.PartPayer], r.Values[hub.PartShared]
	known, err := e.s.Orders().Lock(ctx, tx, []orders.Key{o.Key})
	if err != nil {
		return err
	}
	o.New = len(known) == 0
	return e.s.Orders().Save(ctx, tx, []orders.Stored{o})
}

// values reads a row beside the store.
func (e *env) values(_ context.Context, tenant hub.TenantID, place gdpr.Location, id string) (map[hub.PersonalPart][]byte, error) {
	query, names := "SELECT personal, recipient, payer, shared FROM orders WHERE tenant_id = ? AND id = ?", hub.PersonalParts()
	switch place {
	case gdpr.InRaws:
		query, names = "SELECT sealed FROM raws WHERE tenant_id = ? AND raw_ref = ?", []hub.PersonalPart{""}
	case gdpr.InParked:
		query, names = "SELECT sealed FROM parked WHERE tenant_id = ? AND id = ?", []hub.PersonalPart{""}
	}
	values := map[hub.PersonalPart][]byte{}
	for _, name := range e.Config.Shards {
		rows, err := e.db(name).Query(query, string(tenant), id)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			got := make([][]byte, len(names))
			into := make([]any, len(names))
			for i := range got {
				into[i] = &got[i]
			}
			if err := rows.Scan(into...); err != nil {
				return nil, err
			}
			for i, value := range got {
				if len(value) > 0 {
					values[names[i]] = value
				}
			}
		}
	}
	return values, nil
}
