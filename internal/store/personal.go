package store

import (
	"context"
	"database/sql"

	"hub"
	"hub/gdpr"
	"hub/internal/erp"
)

var (
	_ erp.PersonalReader = ERP{}
	_ erp.Disclosures    = ERP{}
)

// Personal implements erp.PersonalReader.
func (e ERP) Personal(ctx context.Context, tenant hub.TenantID, ids []hub.OrderID) (map[hub.OrderID]erp.Sealed, error) {
	d, err := e.s.of(ctx, tenant)
	if err != nil {
		return nil, err
	}
	read := make(map[hub.OrderID]erp.Sealed, len(ids))
	sel := selection{op: "reading sealed parts", columns: "id, tenant_id, sealed_at, personal, recipient, payer, shared", table: "orders", keys: []string{"id"}}
	err = d.find(ctx, sel, len(ids), func(i int, r *row) { r.add(string(ids[i])) }, func(r *sql.Rows) error {
		var id hub.OrderID
		var its hub.TenantID
		var sealed erp.Sealed
		parts := make([][]byte, len(hub.PersonalParts()))
		if err := r.Scan(&id, &its, &sealed.Revision, &parts[0], &parts[1], &parts[2], &parts[3]); err != nil || its != tenant {
			return err
		}
		for i, part := range hub.PersonalParts() {
			if len(parts[i]) > 0 {
				sealed.Parts = append(sealed.Parts, erp.SealedPart{Part: part, Envelope: parts[i]})
			}
		}
		if len(sealed.Parts) > 0 {
			read[id] = sealed
		}
		return nil
	})
	if err == nil && len(read) > 0 {
		err = d.flushedOrders(ctx, tenant)
	}
	if err != nil {
		return nil, err
	}
	return read, nil
}

// DisclosurePrefix begins the ids of disclosures.
const DisclosurePrefix = "dsc_"

var disclosureColumns = []string{"tenant_id", "disclosed_at", "id", "client", "key_id", "request_id", "order_id", "revision", "fields"}

// Disclose implements erp.Disclosures. Whoever fences one of the subjects waits until the rows are committed, or is seen.
func (e ERP) Disclose(ctx context.Context, tenant hub.TenantID, rows []erp.Disclosure) (fenced []gdpr.SubjectID, err error) {
	const op = "recording disclosures"
	if len(rows) == 0 {
		return nil, nil
	}
	owners := map[gdpr.SubjectID]hub.TenantID{}
	for _, r := range rows {
		if err := checkDisclosure(op, tenant, r); err != nil {
			return nil, err
		}
		for _, id := range r.Subjects {
			owners[id] = tenant
		}
	}
	done := deed{action: "personal.read", tenant: tenant, count: int64(len(rows))}
	if len(rows) == 1 {
		done.target = string(rows[0].Order)
	}
	err = e.s.Do(ctx, e.s.Of(tenant), func(ctx context.Context, token hub.Tx) error {
		t, err := open(token, op)
		if err != nil {
			return err
		}
		if fenced, err = t.share(ctx, op, owners); err != nil || len(fenced) > 0 {
			return err
		}
		in := insertion{op: op, table: "disclosures", columns: disclosureColumns}
		err = t.insert(ctx, in, len(rows), func(i int, r *row) {
			d := &rows[i]
			r.add(string(tenant), micros(d.At), t.s.cfg.IDs.New(DisclosurePrefix), d.Client, string(d.Key), d.Request, string(d.Order),
				d.Revision, int64(d.Fields)) // the bits as they are
		})
		if err != nil {
			return err
		}
		return t.record(ctx, done)
	})
	if err != nil {
		return nil, err
	}
	return fenced, nil
}

func checkDisclosure(op string, tenant hub.TenantID, d erp.Disclosure) error {
	if d.Tenant != tenant {
		return &hub.Error{Kind: hub.KindInvalid, Op: op, Path: "tenant", Err: words("a row is of another tenant")}
	}
	return within(op, field{"client", d.Client, maxClient}, field{"key_id", string(d.Key), maxID}, field{"request_id", d.Request, maxRequest},
		field{"order_id", string(d.Order), maxID})
}
