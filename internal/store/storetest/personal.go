package storetest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/erp"
)

func testPersonal(e *env) {
	tenants := e.tenants(2)
	a, b, c := e.subject(), e.subject(), e.subject()
	one, all := e.people(tenants[0], "one", a, "", ""), e.people(tenants[0], "all", a, b, c)
	none, theirs := e.people(tenants[0], "none", a, "", ""), e.people(tenants[1], "theirs", c, "", "")
	none.Personal, all.SealedAt, all.Revision = nil, 7, 9
	e.save(one, all, none, theirs)
	got, err := e.s.ERP().Personal(e.Context(), tenants[0], []hub.OrderID{theirs.ID, one.ID, "ord_none", all.ID, none.ID})
	want := map[hub.OrderID]erp.Sealed{
		one.ID: {Revision: one.SealedAt, Parts: []erp.SealedPart{{Part: hub.PartBuyer, Envelope: one.Personal}}},
		all.ID: {Revision: 7, Parts: []erp.SealedPart{{Part: hub.PartBuyer, Envelope: all.Personal}, {Part: hub.PartRecipient, Envelope: all.Recipient},
			{Part: hub.PartPayer, Envelope: all.Payer}, {Part: hub.PartShared, Envelope: all.Shared}}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		e.Errorf("%d orders, %v; want %d", len(got), err, len(want))
	}
	if got, err = e.s.ERP().Personal(e.Context(), tenants[0], nil); err != nil || len(got) != 0 {
		e.Errorf("none: %v, %v", got, err)
	}
}

func (e *env) disclosure(tenant hub.TenantID, order hub.OrderID, who ...gdpr.SubjectID) erp.Disclosure {
	return erp.Disclosure{Tenant: tenant, Client: "sap", Key: "key_1", Request: "req_1", Order: order, Revision: 4, Fields: 1<<63 | 5, Subjects: who, At: created()}
}

func testDisclose(e *env) {
	tenants := e.tenants(2)
	tenant := tenants[0]
	e.mine()
	a, b, fenced, unknown := e.subject(), e.subject(), e.subject(), e.subject()
	e.apply(tenant, nil, e.entry(1, forget.Fenced, tenant, fenced))
	e.audited() // that was one
	who := hub.Actor{Key: "key_1", Role: "erp", Request: "req_1"}
	ctx := hub.WithActor(e.Context(), who)
	rows := []erp.Disclosure{e.disclosure(tenant, "ord_1", a, b), e.disclosure(tenant, "ord_2", b, fenced), e.disclosure(tenant, "ord_3", unknown)}
	got, err := e.s.ERP().Disclose(ctx, tenant, rows)
	if err != nil || !slices.Equal(got, []gdpr.SubjectID{fenced}) {
		e.Errorf("fenced %v, %v", got, err)
	}
	const count = "SELECT COUNT(*) FROM disclosures WHERE tenant_id = ?"
	if n, records := e.count(tenant, count), e.audited(); n != 0 || len(records) != 0 {
		e.Errorf("a refused disclosure left %d rows and %d records", n, len(records))
	}
	rows[1].Subjects = []gdpr.SubjectID{b}
	if got, err = e.s.ERP().Disclose(ctx, tenant, rows); err != nil || len(got) != 0 {
		e.Errorf("fenced %v, %v", got, err)
	}
	if got, err = e.s.ERP().Disclose(ctx, tenant, rows[:1]); err != nil || len(got) != 0 {
		e.Errorf("fenced %v, %v", got, err)
	}
	if got, err = e.s.ERP().Disclose(ctx, tenant, nil); err != nil || len(got) != 0 {
		e.Errorf("nothing: %v, %v", got, err)
	}
	if n := e.count(tenant, count+" AND client = 'sap' AND key_id = 'key_1' AND request_id = 'req_1' AND revision = 4 AND fields = ? AND disclosed_at = ?",
		-1<<63|5, created().UnixMicro()); n != 4 {
		e.Errorf("%d rows of 4", n)
	}
	e.wantRecords([]wantRecord{{"personal.read", tenant, "", 3, who}, {"personal.read", tenant, "ord_1", 1, who}})
	_, err = e.s.ERP().Disclose(ctx, tenants[1], rows)
	e.wantKind(err, hub.KindInvalid, "another tenant's rows")
	rows[0].Request = fmt.Sprint(make([]byte, 99))
	_, err = e.s.ERP().Disclose(ctx, tenant, rows)
	e.wantKind(err, hub.KindInvalid, "a long request")
}

// testDiscloseRace serves a person's data while it is being fenced: nothing is disclosed after the fence.
func testDiscloseRace(e *env) {
	rounds := e.rounds(20, 200)
	other, tenant := e.second(), e.tenant()
	var before, after, refused int64
	for round := range rounds {
		who := e.subject()
		order := hub.OrderID(fmt.Sprint("ord_", round))
		count := func() int64 {
			return e.count(tenant, "SELECT COUNT(*) FROM disclosures WHERE tenant_id = ? AND order_id = ?", string(order))
		}
		if round%2 == 0 {
			must(e, e.hold(tenant, gdpr.Holding{Tenant: tenant, Subject: who, Place: gdpr.InOrders, Row: string(order)}))
		}
		var wg sync.WaitGroup
		begin := make(chan struct{})
		var served atomic.Int64
		for w := range 4 {
			s := e.s
			if w%2 == 1 {
				s = other
			}
			wg.Go(func() {
				for i := 0; ; i++ {
					fenced, err := s.ERP().Disclose(e.Context(), tenant, []erp.Disclosure{e.disclosure(tenant, order, who)})
					if len(fenced) > 0 {
						atomic.AddInt64(&refused, 1)
						return
					}
					if err != nil || i > 1000 {
						e.Errorf("client %d, %d: %v", w, i, err)
						return
					}
					if served.Add(1) == int64(1+round%4) {
						close(begin)
					}
				}
			})
		}
		<-begin
		var then int64
		entry := e.entry(int64(round+1), forget.Fenced, tenant, who)
		e.do(tenant, func(ctx context.Context, tx hub.Tx) error {
			_, err := e.s.Subjects().Apply(ctx, tx, []forget.Entry{entry}, nil)
			then = count()
			return err
		})
		wg.Wait()
		before, after = before+then, after+count()-then
	}
	if after != 0 || refused != 4*int64(rounds) {
		e.Errorf("%d disclosures after their fence, %d clients of %d were refused", after, refused, 4*rounds)
	}
	e.Logf("%d fences against 4 clients each, %d disclosures before, %d after", rounds, before, after)
}
