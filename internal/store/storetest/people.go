package storetest

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/intake"
	"hub/internal/orders"
)

// subject returns a person that nobody else has.
func (e *env) subject() gdpr.SubjectID { return gdpr.SubjectID(e.ids.New(gdpr.SubjectPrefix)) }

var idBits = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// envelope makes what a value sealed under the subjects looks like from outside: a right header, and size random bytes.
func (e *env) envelope(size int, subjects ...gdpr.SubjectID) []byte {
	b := []byte{'H', 'E', 1, byte(len(subjects))}
	for _, s := range subjects {
		raw, err := idBits.DecodeString(string(s[len(gdpr.SubjectPrefix):]))
		must(e, err)
		b = append(b, raw...)
	}
	b = append(b, make([]byte, 16+32)...) // the lot and the commitment
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	sealed := make([]byte, 28+size)
	rand.Read(sealed)
	return append(b, sealed...)
}

// people makes an order of a buyer, a recipient and a payer; empty ones are not there. What is shared is of all of them.
func (e *env) people(tenant hub.TenantID, external string, buyer, recipient, payer gdpr.SubjectID) orders.Stored {
	o := e.order(tenant, external)
	o.Personal, o.Expires, o.Number = e.envelope(200, buyer), "2028-W47", "#"+external
	o.Recipient, o.Payer, o.Shared = nil, nil, nil
	all := []gdpr.SubjectID{buyer}
	for _, p := range []struct {
		who  gdpr.SubjectID
		part *[]byte
	}{{recipient, &o.Recipient}, {payer, &o.Payer}} {
		if p.who != "" {
			*p.part = e.envelope(100, p.who)
			all = append(all, p.who)
		}
	}
	if len(all) > 1 {
		o.Shared = e.envelope(5000, all...)
	}
	return o
}

// everybody lists who is named in an order.
func (e *env) everybody(o orders.Stored) (all []gdpr.SubjectID) {
	for _, part := range [][]byte{o.Personal, o.Recipient, o.Payer, o.Shared} {
		ids, _ := gdpr.SubjectsOf(part)
		all = append(all, ids...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (e *env) holdings(o orders.Stored) (list []gdpr.Holding) {
	for _, id := range e.everybody(o) {
		list = append(list, gdpr.Holding{Tenant: o.Tenant, Subject: id, Place: gdpr.InOrders, Row: string(o.ID)})
	}
	return list
}

// raw makes the payload of an order, sealed under everybody in it.
func (e *env) payload(o orders.Stored) (intake.Raw, []gdpr.Holding) {
	w := intake.Raw{Ref: hub.RawRef(e.ids.New(hub.RawPrefix)), Order: o.Key, Sealed: e.envelope(9000, e.everybody(o)...),
		Expires: "2027-W08", ReceivedAt: time.Date(2026, 11, 20, 9, 8, 7, 0, time.UTC)}
	var list []gdpr.Holding
	for _, id := range e.everybody(o) {
		list = append(list, gdpr.Holding{Tenant: o.Tenant, Subject: id, Place: gdpr.InRaws, Row: string(w.Ref)})
	}
	return w, list
}

// bring stores orders with a payload each, as the drain does, and returns the payloads' references.
func (e *env) bring(list ...orders.Stored) (refs []hub.RawRef) {
	e.Helper()
	e.do(list[0].Tenant, func(ctx context.Context, tx hub.Tx) error {
		refs = nil
		var raws []intake.Raw
		var held []gdpr.Holding
		for _, o := range list {
			w, its := e.payload(o)
			raws, refs, held = append(raws, w), append(refs, w.Ref), append(append(held, its...), e.holdings(o)...)
		}
		if err := e.s.Subjects().Hold(ctx, tx, held); err != nil {
			return err
		}
		if err := e.put(ctx, tx, list...); err != nil {
			return err
		}
		return e.s.Intake().KeepRaw(ctx, tx, raws)
	})
	return refs
}

// entry makes an entry of the ledger.
func (e *env) entry(number int64, what forget.What, tenant hub.TenantID, subject gdpr.SubjectID) forget.Entry {
	return forget.Entry{Number: number, ID: e.ids.New(forget.EntryPrefix), What: what, Tenant: tenant, Subject: subject, Reason: "erasure",
		At: time.Date(2026, 11, 21, 3, 4, 5, 6000, time.UTC)}
}

// apply brings entries to the shard of their tenant.
func (e *env) apply(tenant hub.TenantID, head *forget.Entry, entries ...forget.Entry) (fresh []forget.Entry) {
	e.Helper()
	e.do(tenant, func(ctx context.Context, tx hub.Tx) (err error) {
		fresh, err = e.s.Subjects().Apply(ctx, tx, entries, head)
		return err
	})
	return fresh
}

// count asks a database beside the store.
func (e *env) count(tenant hub.TenantID, query string, args ...any) (n int64) {
	e.Helper()
	sum := int64(0)
	for _, name := range e.Config.Shards { // a tenant has rows on one of them
		if err := e.db(name).QueryRow(query, append([]any{string(tenant)}, args...)...).Scan(&n); err != nil {
			e.Fatal(err)
		}
		sum += n
	}
	return sum
}

func (e *env) lines(tenant hub.TenantID, subject gdpr.SubjectID) int64 {
	e.Helper()
	return e.count(tenant, "SELECT COUNT(*) FROM subject_places WHERE tenant_id = ? AND subject_id = ?", string(subject))
}
