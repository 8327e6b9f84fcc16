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
	"hub/internal/orders"
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
	for _, o := range []orders.Stored{one, all, none} {
		row, sealed, err := e.s.ERP().OrderPersonal(e.Context(), tenants[0], o.ID)
		plain, err2 := e.s.ERP().Order(e.Context(), tenants[0], o.ID)
		if err != nil || err2 != nil || !reflect.DeepEqual(row, plain) || !reflect.DeepEqual(sealed.Parts, want[o.ID].Parts) || sealed.Revision != o.SealedAt {
			e.Errorf("%s with its parts: %d, %v, %v", o.ID, len(sealed.Parts), err, err2)
		}
	}
	for _, id := range []hub.OrderID{theirs.ID, "ord_none"} {
		row, sealed, err := e.s.ERP().OrderPersonal(e.Context(), tenants[0], id)
		if e.wantKind(err, hub.KindNotFound, string(id)); row.Doc != nil || len(sealed.Parts) > 0 {
			e.Errorf("%s is served", id)
		}
	}
	for _, n := range []int{1, 2, 8, 9, 32, 33, 42, 100, 127, 128, 129, 161, 250, 257} { // in more statements than one, the last of which is not full
		list := slices.Repeat([]hub.OrderID{"ord_none"}, n)
		list[0], list[n-1] = one.ID, all.ID
		if got, err := e.s.ERP().Personal(e.Context(), tenants[0], list); err != nil || len(got) != min(n, 2) {
			e.Errorf("%d of %d orders, %v", len(got), n, err)
		}
	}
	if got, err = e.s.ERP().Personal(e.Context(), tenants[0], nil); err != nil || len(got) != 0 {
		e.Errorf("none: %v, %v", got, err)
	}
}

func (e *env) disclosure(tenant hub.TenantID, order hub.OrderID, who ...gdpr.SubjectID) erp.Disclosure {
	return erp.Disclosure{Tenant: tenant, Client: "sap", Key: "key_1", Request: "req_1", Order: order, Revision: 4, Fields: 1<<63 | 5, Subjects: who, At: created()}
}

// answers is one answer with these rows.
func answers(tenant hub.TenantID, rows ...erp.Disclosure) []erp.Answer {
	return []erp.Answer{{Tenant: tenant, Actor: hub.Actor{Key: "key_1", Role: "erp", Request: "req_1"}, Rows: rows}}
}

// wantFenced discloses on the shard of a tenant and requires that outcome.
func (e *env) wantFenced(what string, tenant hub.TenantID, list []erp.Answer, want ...[]gdpr.SubjectID) {
	e.Helper()
	got, err := e.s.ERP().Disclose(e.Context(), e.s.ERP().Of(tenant), list)
	if err != nil || !slices.EqualFunc(got, want, slices.Equal) {
		e.Errorf("%s: fenced %v, %v; want %v", what, got, err, want)
	}
}

func testDisclose(e *env) {
	tenants := e.tenants(2)
	tenant := tenants[0]
	e.mine()
	a, b, fenced, unknown := e.subject(), e.subject(), e.subject(), e.subject()
	e.apply(tenant, nil, e.entry(1, forget.Fenced, tenant, fenced))
	e.audited() // that was one
	rows := []erp.Disclosure{e.disclosure(tenant, "ord_1", a, b), e.disclosure(tenant, "ord_2", b, fenced), e.disclosure(tenant, "ord_3", unknown)}
	e.wantFenced("one who is fenced", tenant, answers(tenant, rows...), []gdpr.SubjectID{fenced})
	if n, records := len(e.recorded(tenant)), e.audited(); n != 0 || len(records) != 0 {
		e.Errorf("a refused disclosure left %d rows and %d records", n, len(records))
	}
	rows[1].Subjects = []gdpr.SubjectID{b}
	e.wantFenced("three rows", tenant, answers(tenant, rows...), nil)
	e.wantFenced("one row", tenant, answers(tenant, rows[:1]...), nil)
	e.wantFenced("nothing", tenant, nil)
	row := func(order string) onRecord {
		return onRecord{"sap", "key_1", "req_1", order, 4, 1<<63 | 5, created().UnixMicro()}
	}
	if got := e.recorded(tenant); !slices.Equal(got, []onRecord{row("ord_1"), row("ord_2"), row("ord_3"), row("ord_1")}) {
		e.Errorf("on record is %+v", got)
	}
	who := answers(tenant)[0].Actor
	e.wantRecords([]wantRecord{{"personal.read", tenant, "", 3, who}, {"personal.read", tenant, "ord_1", 1, who}})
	_, err := e.s.ERP().Disclose(e.Context(), e.s.Of(tenants[1]), answers(tenants[1], rows...))
	e.wantKind(err, hub.KindInvalid, "another tenant's rows")
	for what, spoil := range map[string]func(*erp.Answer){
		"two clients":         func(a *erp.Answer) { a.Rows[1].Client = "other" },
		"two requests":        func(a *erp.Answer) { a.Rows[2].Request = "req_2" },
		"two times":           func(a *erp.Answer) { a.Rows[1].At = created().Add(1) },
		"no order":            func(a *erp.Answer) { a.Rows[1].Order = "" },
		"a page without end":  func(a *erp.Answer) { a.Stream, a.First = hub.StreamOrders, 2 },
		"a page from nowhere": func(a *erp.Answer) { a.Stream, a.Last = hub.StreamOrders, 2 },
	} {
		a := answers(tenant, slices.Clone(rows)...)
		spoil(&a[0])
		_, err = e.s.ERP().Disclose(e.Context(), e.s.Of(tenant), a)
		e.wantKind(err, hub.KindInvalid, what)
	}
	rows[0].Request = fmt.Sprint(make([]byte, 99))
	_, err = e.s.ERP().Disclose(e.Context(), e.s.Of(tenant), answers(tenant, rows...))
	e.wantKind(err, hub.KindInvalid, "a long request")
}

// testDiscloseTogether stores answers of several clients and tenants in one transaction: each that nobody is fenced in, with
// its own record, or none when one of them cannot be.
func testDiscloseTogether(e *env) {
	tenants := e.tenants(2)
	e.mine()
	a, b, theirs, fenced := e.subject(), e.subject(), e.subject(), e.subject()
	e.apply(tenants[0], nil, e.entry(1, forget.Fenced, tenants[0], fenced))
	e.audited()
	answer := func(tenant hub.TenantID, key hub.KeyID, rows ...erp.Disclosure) erp.Answer {
		return erp.Answer{Tenant: tenant, Actor: hub.Actor{Key: key, Role: "erp", Request: "req_" + string(key)}, Rows: rows}
	}
	group := []erp.Answer{
		answer(tenants[0], "1", e.disclosure(tenants[0], "ord_1", a), e.disclosure(tenants[0], "ord_2", b)),
		answer(tenants[0], "2", e.disclosure(tenants[0], "ord_1", a, fenced)),
		answer(tenants[1], "3", e.disclosure(tenants[1], "ord_3", theirs)),
		answer(tenants[0], "4", e.disclosure(tenants[0], "ord_1", a)),
	}
	e.wantFenced("four answers", tenants[0], group, nil, []gdpr.SubjectID{fenced}, nil, nil)
	count := func(tenant hub.TenantID) int { return len(e.recorded(tenant)) }
	if of0, of1 := count(tenants[0]), count(tenants[1]); of0 != 3 || of1 != 1 {
		e.Errorf("%d and %d rows, want 3 and 1", of0, of1)
	}
	e.wantRecords([]wantRecord{
		{"personal.read", tenants[0], "", 2, group[0].Actor}, {"personal.read", tenants[1], "ord_3", 1, group[2].Actor},
		{"personal.read", tenants[0], "ord_1", 1, group[3].Actor},
	})
	group[2].Rows[0].Subjects = []gdpr.SubjectID{a} // whom the others name too
	_, err := e.s.ERP().Disclose(e.Context(), e.s.Of(tenants[0]), group)
	e.wantKind(err, hub.KindInternal, "a subject of two tenants")
	group[2].Rows[0].Subjects = []gdpr.SubjectID{b}
	_, err = e.s.ERP().Disclose(e.Context(), e.s.Of(tenants[0]), group[2:3])
	e.wantKind(err, hub.KindInternal, "another tenant's subject")
	if of0, of1, records := count(tenants[0]), count(tenants[1]), e.audited(); of0 != 3 || of1 != 1 || len(records) != 0 {
		e.Errorf("refused groups left %d and %d rows and %d records", of0-3, of1-1, len(records))
	}
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
			return e.count(tenant, "SELECT COALESCE(SUM(count), 0) FROM disclosed WHERE tenant_id = ?")
		}
		began := count()
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
					fenced, err := s.ERP().Disclose(e.Context(), s.Of(tenant), answers(tenant, e.disclosure(tenant, order, who)))
					if err == nil && len(fenced[0]) > 0 {
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
		before, after = before+then-began, after+count()-then
	}
	if after != 0 || refused != 4*int64(rounds) {
		e.Errorf("%d disclosures after their fence, %d clients of %d were refused", after, refused, 4*rounds)
	}
	e.Logf("%d fences against 4 clients each, %d disclosures before, %d after", rounds, before, after)
}
