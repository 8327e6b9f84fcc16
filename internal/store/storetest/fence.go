package storetest

import (
	"context"
	"reflect"
	"slices"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/store"
)

// state reads where a subject stands.
func (e *env) state(tenant hub.TenantID, who gdpr.SubjectID) (state string) {
	e.Helper()
	for _, name := range e.Config.Shards {
		row := e.db(name).QueryRow("SELECT state FROM subjects WHERE tenant_id = ? AND subject_id = ?", string(tenant), string(who))
		_ = row.Scan(&state) // no row leaves it
	}
	return state
}

func testFence(e *env) {
	tenant := e.tenant()
	written, unwritten, both := e.subject(), e.subject(), e.subject()
	must(e, e.hold(tenant, gdpr.Holding{Tenant: tenant, Subject: written, Place: gdpr.InOrders, Row: "ord_1"}))
	f1, f2 := e.entry(0, forget.Fenced, tenant, written), e.entry(0, forget.Fenced, tenant, unwritten)
	f3, k3 := e.entry(0, forget.Fenced, tenant, both), e.entry(0, forget.Killed, tenant, both)
	shop := e.entry(0, forget.Killed, tenant, "con_1")
	if fresh := e.apply(tenant, nil, f1, f2, k3, f3, shop, f1); !reflect.DeepEqual(fresh, []forget.Entry{f1, f2, k3, f3, shop}) {
		e.Errorf("new at first: %+v", fresh)
	}
	want := func(when string, states ...string) {
		e.Helper()
		for i, who := range []gdpr.SubjectID{written, unwritten, both, "con_1"} {
			if got := e.state(tenant, who); got != states[i] {
				e.Errorf("%s: subject %d is %q, want %q", when, i, got, states[i])
			}
		}
	}
	want("fenced", "erasing", "erasing", "erased", "")
	for _, who := range []gdpr.SubjectID{written, unwritten, both} {
		err := e.hold(tenant, gdpr.Holding{Tenant: tenant, Subject: who, Place: gdpr.InOrders, Row: "ord_2"})
		if hub.CodeOf(err) != gdpr.CodeSubjectFenced || hub.KindOf(err) != hub.KindConflict {
			e.Errorf("holding %s: %v", who, err)
		}
	}
	k1, again := e.entry(0, forget.Killed, tenant, written), e.entry(0, forget.Fenced, tenant, both)
	if fresh := e.apply(tenant, nil, k1, again, f1); !reflect.DeepEqual(fresh, []forget.Entry{k1, again}) {
		e.Errorf("new then: %+v", fresh)
	}
	want("killed", "erased", "erasing", "erased", "")
	e.apply(tenant, nil, f1, f3, e.entry(0, forget.Fenced, tenant, written))
	want("fenced again", "erased", "erasing", "erased", "")
	foreign := e.entry(0, forget.Fenced, "ten_x", unwritten)
	for foreign.Tenant = e.tenant(); e.s.Of(foreign.Tenant) == e.s.Of(tenant); foreign.Tenant = e.tenant() {
	}
	err := e.s.Do(e.Context(), e.s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
		_, err := e.s.Subjects().Apply(ctx, tx, []forget.Entry{foreign}, nil)
		return err
	})
	if hub.CodeOf(err) != store.CodeWrongShard {
		e.Errorf("an entry of another shard's tenant: %v", err)
	}
}

// testEntries holds that a shard keeps its entries in the order of their ids, and takes the numbers that the vault gives.
func testEntries(e *env) {
	tenant := e.tenant()
	u, shard := e.s.Subjects(), e.s.Of(tenant)
	var mine []forget.Entry
	for i := range 7 {
		mine = append(mine, e.entry(0, []forget.What{forget.Fenced, forget.Killed}[i%2], tenant, e.subject()))
	}
	e.apply(tenant, nil, mine[4:]...)
	e.apply(tenant, nil, mine...)
	mine[2].Number, mine[5].Number = 71, 72
	if fresh := e.apply(tenant, nil, mine[2], mine[5]); len(fresh) != 0 {
		e.Errorf("a number made entries new: %+v", fresh)
	}
	unnumbered := mine[2]
	unnumbered.Number = 0
	e.apply(tenant, nil, unnumbered)
	var got []forget.Entry
	after := ""
	for {
		page, err := u.ShardEntries(e.Context(), shard, after, 3)
		must(e, err)
		if len(page) == 0 {
			break
		}
		after = page[len(page)-1].ID
		got = append(got, page...)
	}
	got = slices.DeleteFunc(got, func(x forget.Entry) bool { return x.Tenant != tenant })
	if !reflect.DeepEqual(got, mine) {
		e.Errorf("got\n%+v want\n%+v", got, mine)
	}
}

func testErasureHead(e *env) {
	tenant := e.tenant()
	shard := e.s.Of(tenant)
	at := func(n int64) *forget.Entry {
		head := e.entry(n, forget.Killed, e.tenant(), e.subject()) // of whichever tenant: heads are the vault's
		return &head
	}
	five, three, other, six := at(5), at(3), at(5), at(6)
	none := &forget.Entry{}
	away := func(head *forget.Entry) *forget.Entry { return &forget.Entry{ID: head.ID} }
	for i, c := range []struct{ head, want *forget.Entry }{{away(five), none}, {five, five}, {nil, five}, {three, five}, {other, five}, {six, six},
		{five, six}, {away(five), six}, {away(six), none}, {nil, none}, {three, three}, {five, five}} {
		if fresh := e.apply(tenant, c.head); len(fresh) != 0 {
			e.Errorf("%d: %d new entries", i, len(fresh))
		}
		got, err := e.s.Subjects().Head(e.Context(), shard)
		if err != nil || !reflect.DeepEqual(got, *c.want) {
			e.Errorf("%d: the head is %+v, %v; want %+v", i, got, err, *c.want)
		}
	}
}
