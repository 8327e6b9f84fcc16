package storetest

import (
	"context"
	"slices"
	"strings"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/audit"
	"hub/internal/erp"
	"hub/internal/intake"
	"hub/internal/store"
	"hub/internal/tenancy"
)

// mine makes the store one of a hub of its own, whose audit records are those of this test alone.
func (e *env) mine() {
	e.Config.Instance = e.name()
	e.s = e.open()
}

// audited takes all records of this hub, two at a time, as a drainer does.
func (e *env) audited() (all []audit.Entry) {
	e.Helper()
	for _, source := range e.s.Outbox().Sources() {
		for {
			page, err := e.s.Outbox().Read(e.Context(), source, 2)
			must(e, err)
			if len(page) == 0 {
				break
			}
			var ids []string
			for _, r := range page {
				ids = append(ids, r.ID)
			}
			again, err := e.s.Outbox().Read(e.Context(), source, 2)
			if must(e, err); !slices.Equal(again, page) {
				e.Errorf("read again: %+v, at first %+v", again, page)
			}
			all = append(all, page...)
			for range 2 {
				must(e, e.s.Outbox().Delete(e.Context(), source, ids))
			}
			if len(all) > 100 {
				e.Fatal("records stay, or are another hub's")
			}
		}
	}
	return all
}

// wantRecord is what a record is to say, beside its id, its time and this hub.
type wantRecord struct {
	action string
	tenant hub.TenantID
	target string
	count  int64
	actor  hub.Actor
}

// wantRecords requires these records and no others, in this order on each source, and takes them.
func (e *env) wantRecords(want []wantRecord) {
	e.Helper()
	got := e.audited()
	for i, r := range got {
		w := wantRecord{r.Action, r.Tenant, r.Target, r.Count, r.Actor}
		if i >= len(want) || w != want[i] || r.Hub != e.Config.Instance || !strings.HasPrefix(r.ID, audit.EntryPrefix) || r.At.Year() != 2026 {
			e.Errorf("record %d: %+v", i, r)
		}
	}
	if len(got) != len(want) {
		e.Errorf("%d records, want %d: %+v", len(got), len(want), want)
	}
}

func testAuditDirectory(e *env) {
	e.mine()
	y, who := e.s.Tenancy(), hub.Actor{Key: "key_boss", Role: "operator", Request: "req_7"}
	ctx := hub.WithActor(e.Context(), who)
	n, a, c := e.company()
	k := tenancy.Key{ID: hub.KeyID(e.ids.New(hub.KeyPrefix)), Tenant: n.ID, Role: tenancy.RoleERP, CreatedAt: created()}
	own := tenancy.App{ID: hub.AppID(e.ids.New(hub.AppPrefix)), Platform: hub.Shopee, Endpoint: e.name(), CreatedAt: created()}
	must(e, y.AddTenant(ctx, n), y.AddConnection(ctx, c, &a), y.AddKey(e.Context(), k), y.AddApp(ctx, own))
	for range 2 { // the second changes nothing
		must(e, y.RevokeKey(ctx, k.ID, created().Add(time.Hour)))
	}
	n2, a2, c2 := e.company()
	n2.Name, c2.Account = n.Name, c.Account
	for _, err := range []error{y.AddTenant(ctx, n2), y.AddConnection(ctx, c2, &a2), y.AddApp(ctx, a2), y.AddKey(ctx, k), y.RevokeKey(ctx, "key_none", created())} {
		if err == nil {
			e.Error("went through")
		}
	}
	e.wantRecords([]wantRecord{{"tenant.create", n.ID, string(n.ID), 1, who}, {"connection.create", n.ID, string(c.ID), 1, who},
		{"key.create", n.ID, string(k.ID), 1, hub.Actor{Role: "system"}}, {"app.create", "", string(own.ID), 1, who},
		{"key.revoke", n.ID, string(k.ID), 1, who}})
}

func testAuditShards(e *env) {
	e.mine()
	tenants := e.tenants(2)
	tenant := tenants[0]
	a, b := e.subject(), e.subject()
	who, system := hub.Actor{Key: "key_1", Role: "erp", Request: "req_1"}, hub.Actor{Role: "system"}
	ctx := hub.WithActor(e.Context(), who)
	o := e.people(tenant, "1", a, b, "")
	e.bring(o, e.people(tenant, "2", a, "", ""))
	for range 2 { // the second changes nothing
		_, err := e.s.ERP().Acknowledge(ctx, erp.Ack{Tenant: tenant, Client: "sap", Order: o.ID, Reference: "R", At: created()})
		must(e, err)
	}
	_, err := e.s.ERP().Acknowledge(ctx, erp.Ack{Tenant: tenant, Client: "sap", Order: "ord_none", Reference: "R", At: created()})
	e.wantKind(err, hub.KindNotFound, "an order that is not there")
	e.wantRecords([]wantRecord{{"order.acknowledge", tenant, string(o.ID), 1, who}})
	var parked []intake.Parked
	for range 5 {
		parked = append(parked, e.parked(tenant, hub.CodeMissing))
	}
	parked[3].Expires = "2000-W01"
	do := func(f func(context.Context, hub.Tx) error) error { return e.s.Do(ctx, e.s.Of(tenant), f) }
	must(e, do(func(ctx context.Context, tx hub.Tx) error { return e.s.Intake().Park(ctx, tx, parked) }))
	for i, state := range []intake.ParkedState{intake.ParkedOpen, intake.ParkedReplayed, intake.ParkedDropped} {
		p := parked[i]
		p.State = state
		must(e, do(func(ctx context.Context, tx hub.Tx) error { return e.s.Intake().Settle(ctx, tx, p) }))
	}
	e.wantKind(do(func(ctx context.Context, tx hub.Tx) error { return e.s.Intake().Settle(ctx, tx, parked[2]) }), hub.KindConflict, "settled already")
	must(e, do(func(ctx context.Context, tx hub.Tx) error {
		return e.s.Intake().Record(ctx, tx, "intake.batch", "", 17)
	}),
		do(func(ctx context.Context, tx hub.Tx) error {
			return e.s.Intake().Record(ctx, tx, "intake.note", tenant, 2)
		}))
	_ = do(func(ctx context.Context, tx hub.Tx) error {
		must(e, e.s.Intake().Record(ctx, tx, "intake.batch", "", 18))
		return errRollBack
	})
	long := hub.WithActor(ctx, hub.Actor{Key: hub.KeyID(strings.Repeat("k", 99)), Role: strings.Repeat("r", 99), Request: strings.Repeat("q", 99)})
	must(e, e.s.Do(long, e.s.Of(tenant), func(ctx context.Context, tx hub.Tx) error { return e.s.Intake().Record(ctx, tx, "long", "", 1) }))
	cut := hub.Actor{Key: hub.KeyID(strings.Repeat("k", 40)), Role: strings.Repeat("r", 32), Request: strings.Repeat("q", 64)}
	e.wantRecords([]wantRecord{{"parked.retry", tenant, string(parked[0].ID), 1, who}, {"parked.replay", tenant, string(parked[1].ID), 1, who},
		{"parked.drop", tenant, string(parked[2].ID), 1, who}, {"intake.batch", "", "", 17, who}, {"intake.note", tenant, "", 2, who}, {"long", "", "", 1, cut}})
	f1, f2 := e.entry(1, forget.Fenced, tenant, a), e.entry(2, forget.Fenced, tenants[1], b)
	for range 2 { // the second time nothing is new, visited, empty or old enough
		e.apply(tenant, &f2, f1)
		e.apply(tenant, nil, f1, e.entry(0, forget.Killed, tenant, a))
		e.visit(tenant, gdpr.InOrders, 100, a)
		e.visit(tenant, gdpr.InRaws, 1, a)
		e.expire(tenant, gdpr.InParked, "2000-W02", 100)
		e.do(tenant, func(ctx context.Context, tx hub.Tx) error {
			return e.s.Subjects().Empty(ctx, tx, tenant, []hub.ParkedID{parked[0].ID, parked[4].ID})
		})
	}
	e.wantRecords([]wantRecord{{"erasure.apply", tenant, "", 1, system}, {"erasure.apply", tenant, "", 1, system}, {"erasure.visit", tenant, "", 2, system},
		{"erasure.visit", tenant, "", 1, system}, {"retention.expire", tenant, "", 1, system}, {"erasure.empty", tenant, "", 2, system},
		{"erasure.apply", tenant, "", 1, system}, {"erasure.visit", tenant, "", 1, system}})
}

// testAuditOfEachHub holds that each hub is given the records that it wrote, and no others.
func testAuditOfEachHub(e *env) {
	e.mine()
	first := e.s
	add := func(s *store.Store) hub.TenantID {
		n, _, _ := e.company()
		must(e, s.Tenancy().AddTenant(e.Context(), n))
		return n.ID
	}
	a := add(first)
	e.mine() // and the other goes on
	b, a2 := add(e.s), add(first)
	theirs, err := first.Outbox().Read(e.Context(), "control", 10)
	must(e, err)
	var ids []string
	for _, r := range theirs {
		ids = append(ids, r.ID)
	}
	if len(theirs) != 2 || theirs[0].Tenant != a || theirs[1].Tenant != a2 {
		e.Errorf("the first hub is given %+v", theirs)
	}
	must(e, e.s.Outbox().Delete(e.Context(), "control", ids)) // not this hub's to delete
	if again, err := first.Outbox().Read(e.Context(), "control", 10); err != nil || !slices.Equal(again, theirs) {
		e.Errorf("another hub deleted them: %+v, %v", again, err)
	}
	e.wantRecords([]wantRecord{{"tenant.create", b, string(b), 1, hub.Actor{Role: "system"}}})
	sources := e.s.Outbox().Sources()
	if want := []string{"control", "vault", "s0", "s1"}; !slices.Equal(sources, want) {
		e.Errorf("sources %v, want %v", sources, want)
	}
	_, err = e.s.Outbox().Read(e.Context(), "s99", 10)
	if err == nil {
		e.Error("a source that does not exist was read")
	}
}
